"""Every format and way of writing as a table: whatever the dialect, each row comes with its number, whole or malformed."""

from __future__ import annotations

import datetime
import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calven_pipeline.exports import archives
from calven_pipeline.exports.csv_header import header_of
from calven_pipeline.exports.csv_text import CsvGrammar, plain_body
from calven_pipeline.exports.dialect import Dialect
from calven_pipeline.exports.encodings import UnreadableTextError
from calven_pipeline.exports.json_text import plain_json_lines
from calven_pipeline.exports.profiles import Format
from calven_pipeline.exports.tables import open_table, read_columns, trimmed, where_columns_stand
from tests.sql.conftest import Pipeline
from tests.sql.workbook import workbook

UNREADABLE = "\udc81"  # a byte or code unit that no encoding of the tests has
ESCAPES = {"utf-8": "surrogateescape", "cp1252": "surrogateescape"}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'Europe/Athens'")
        yield connection


def rows_of(
    connection: duckdb.DuckDBPyConnection, path: Path, kind: Format, names: tuple[str, ...], dialect: Dialect
) -> list[tuple[Any, ...]]:
    """The values of each row in order, a malformed one as its text alone; read boldly, if that can be, and carefully."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        careful, _ = _read(connection, path, kind, names, dialect, Path(scratch), trusting=False)
        try:
            bold, lines = _read(connection, path, kind, names, dialect, Path(scratch), trusting=True)
        except duckdb.InvalidInputException:
            return careful
        assert bold == careful
        assert lines in {None, len(bold)}
        assert list(Path(scratch).iterdir()) == []
    return careful


def _read(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    kind: Format,
    names: tuple[str, ...],
    dialect: Dialect,
    scratch: Path,
    *,
    trusting: bool,
) -> tuple[list[tuple[Any, ...]], int | None]:
    with open_table(connection, path, kind, names, scratch, trusting=trusting, dialect=dialect) as table:
        values = [trimmed(table.values[name], table.padding) for name in names if name in table.values]
        rows = table.relation.select("row_number", "malformed", *values).fetchall()
        lines = None if table.lines is None else len(table.lines.fetchall())
        assert all(isinstance(raw, str) for (raw,) in table.relation.select(table.raw).fetchall())
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    return [row[2:] if row[1] is None else (row[1],) for row in rows], lines


# Any dialect, against a program that knows what it wrote

names_of_tests = ("a", "b", "c")
plain_values = st.text(st.sampled_from("ab1é.;"), max_size=4)


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, Dialect, list[tuple[str | None, ...]]]:
    """The bytes of a file, how it is written, and its rows as they must be read."""
    delimiter = draw(st.sampled_from([",", "\t", "^^", "|~|", "¦", "\x01", " "]))
    quote = draw(st.sampled_from(['"', "'", "", "\u00a8"]))
    encoding = draw(st.sampled_from([None, "utf-8", "utf-8-sig", "utf-16", "utf-16-be", "windows-1252"]))
    header, skipped = draw(st.booleans()), draw(st.integers(0, 2))
    common_end = draw(st.sampled_from(["\n", "\r\n", None]))
    inner = st.sampled_from(["a", "é", " ", delimiter, "\n", "\r\n", quote * 2])

    def line_end() -> str:
        return common_end or draw(st.sampled_from(["\n", "\r\n"]))

    def value() -> tuple[str, str]:
        if quote and draw(st.booleans()):
            text = "".join(draw(st.lists(inner, max_size=3)))
            return quote + text + quote, text.replace(quote * 2, quote)
        text = draw(plain_values)
        return text, text

    lines: list[str] = []
    rows: list[tuple[str | None, ...]] = []
    for kind in draw(st.lists(st.sampled_from(["good", "good", "blank", "short", "long", "unreadable"]), max_size=8)):
        written, read = zip(*(value() for _ in names_of_tests), strict=True)
        if kind == "blank":
            lines.append(draw(st.sampled_from(["", "  "] if delimiter != " " else [""])))
        elif kind == "good":
            lines.append(delimiter.join(written) + delimiter * draw(st.sampled_from([0, 0, 1, 2])))
            rows.append(tuple(text.strip() or None for text in read))
        else:
            fields = {"short": ["1", "x"], "long": ["1", "2", "3", "4"], "unreadable": [UNREADABLE, "2", "3"]}[kind]
            lines.append(delimiter.join(fields))
            rows.append((lines[-1].replace(UNREADABLE, "\N{REPLACEMENT CHARACTER}"),))
    above = draw(st.lists(st.sampled_from(["Report", "", "x,y" + quote]), min_size=skipped, max_size=skipped))
    if header:
        above.append(delimiter.join(names_of_tests))
    else:  # the width is what most of the first rows have
        usual = [delimiter.join(["1", "2", "3"])] * (len(lines) + 1)
        lines, rows = usual + lines, [("1", "2", "3")] * len(usual) + rows
    text = "".join(line + line_end() for line in [*above, *lines])
    if draw(st.booleans()) and lines and lines[-1].strip():
        text = text.rstrip("\r\n")
    codec = encoding or "utf-8"
    content = text.encode(codec, ESCAPES.get(codec.replace("windows-", "cp").removesuffix("-sig"), "surrogatepass"))
    return content, Dialect(encoding, delimiter, quote, header, skipped), rows


@given(file=files())
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_row_in_any_dialect(
    connection: duckdb.DuckDBPyConnection, file: tuple[bytes, Dialect, list[tuple[str | None, ...]]]
) -> None:
    """Good rows come with their values, malformed ones with their text; none is lost, moved or read twice."""
    content, dialect, expected = file
    names = names_of_tests if dialect.header else ("1", "2", "3")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(content)
        assert rows_of(connection, path, Format.CSV, names, dialect) == expected


# CSV as people and their systems write it


def table(
    connection: duckdb.DuckDBPyConnection, folder: Path, content: bytes, names: tuple[str, ...], **dialect: Any
) -> list[tuple[Any, ...]]:
    path = folder / "export"
    path.write_bytes(content)
    kind = dialect.pop("kind", Format.CSV)
    columns = read_columns(path, kind, names, Dialect(**dialect))
    assert columns is None or set(names) <= set(columns)
    return rows_of(connection, path, kind, names, Dialect(**dialect))


@pytest.mark.parametrize(
    ("content", "names", "dialect", "expected"),
    [
        pytest.param("Numéro;Entrée\n7;é\n", "Numéro Entrée", {}, [("7", "é")], id="French, judged"),
        pytest.param("Время;Дверь\n7;вход\n", "Время Дверь", {"cp": "cp1251"}, [("7", "вход")], id="Russian, judged"),
        pytest.param("id;Дом\n7;я\n", "id Дом", {"cp": "cp1251"}, [("7", "я")], id="told by a wanted column"),
        pytest.param("a;b\n7;é\n8;x\n", "a b", {}, [("7;\ufffd",), ("8", "x")], id="an ASCII header tells nothing"),
        pytest.param("a;b\n7;é\n", "a b", {"encoding": "windows-1252"}, [("7", "é")], id="stated"),
        pytest.param(
            b"a;b\n7;\x9d\n8;\xe9\n", "a b", {"encoding": "cp1252"}, [("7;\ufffd",), ("8", "é")], id="no such byte"
        ),
        pytest.param("a,b\n1,\u0416\n".encode("utf-16"), "a b", {}, [("1", "Ж")], id="UTF-16 with its mark"),
        pytest.param("a;b\n1,5;2\n", "a b", {}, [("1,5", "2")], id="decimal commas"),
        pytest.param("a,b,\n1,2\n3,4\n", "a b", {}, [("1", "2"), ("3", "4")], id="the header alone ends in a comma"),
        pytest.param("a,b\n1,2,\n3,4\n5,6, ,\n7,8,9\n", "a b", {}, [("1", "2"), ("3", "4"), ("5", "6"), ("7,8,9",)]),
        pytest.param("x\n1,2\n3,4\n", "1 2", {"header": False}, [("x",), ("1", "2"), ("3", "4")], id="first row short"),
        pytest.param("1|2,5|3\n", "1 3", {"header": False}, [("1", "3")], id="separator found by position"),
        pytest.param("\ufeff1,2\n".encode(), "1 2", {"header": False}, [("1", "2")], id="mark without header"),
        pytest.param('"a\r\n"^^b\n1^^"x^^y"\n', "a b", {"delimiter": "^^"}, [("1", "x^^y")], id="break in the header"),
        pytest.param("a,b\n1,\"x\n2,'y\n", "a b", {"quote": ""}, [("1", '"x'), ("2", "'y")], id="nothing is quoted"),
        pytest.param("a,b\n1,x\x01y\n2,z\n", "a b", {}, [("1", "x\x01y"), ("2", "z")], id="a sign of the line reader"),
        pytest.param('a,b\n1,"x\n"\n', "a b", {}, [("1", "x")], id="a line break ends a value"),
    ],
)
def test_csv_in_the_wild(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    content: bytes | str,
    names: str,
    dialect: dict[str, Any],
    expected: list[tuple[Any, ...]],
) -> None:
    codec = dialect.pop("cp", "cp1252")
    written = content if isinstance(content, bytes) else content.encode(codec)
    assert table(connection, tmp_path, written, tuple(names.split()), **dialect) == expected


@pytest.mark.parametrize(
    ("content", "dialect", "words"),
    [
        pytest.param("a,à\n".encode("cp1252"), {}, "name its `encoding`", id="a header that could be either"),
        pytest.param("a,b\n".encode("utf-16-le"), {}, "`encoding: utf-16`", id="UTF-16 without its mark"),
        pytest.param("a,b\n".encode("utf-32"), {}, "UTF-32", id="UTF-32"),
        pytest.param("\ufeffa,b\n".encode(), {"encoding": "utf-16"}, "mark of utf-8", id="another mark"),
        pytest.param(b"a,b\n", {"encoding": "utf-99"}, "no encoding", id="no encoding"),
        pytest.param(b"a^^b\n" + b"x" * 2_000_000, {"delimiter": "^^"}, "a line is longer", id="an endless line"),
        pytest.param(bytes(range(1, 128)), {"delimiter": "^^"}, "every control character", id="no text"),
    ],
)
def test_csv_that_cannot_be_read(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: bytes, dialect: dict[str, Any], words: str
) -> None:
    with pytest.raises(UnreadableTextError, match=words) as caught:
        table(connection, tmp_path, content, (), **dialect)
    assert "\n" not in str(caught.value)


def test_where_the_columns_stand(tmp_path: Path) -> None:
    """For the message that a column is missing; blank lines count, as they do for `skip_lines`."""
    path = tmp_path / "a.csv"
    path.write_text("Report of doors\n\nwhen,x\nwhen,who\n1,2\n")
    names = ("when", "who")
    assert where_columns_stand(path, Format.CSV, names) == "; line 4 has more of the columns: `skip_lines: 3`"
    assert where_columns_stand(path, Format.CSV, names, Dialect(skip_lines=3)) == ""
    assert where_columns_stand(path, Format.CSV, ("door",)) == ""


# Small files to be put together


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,2\n\n3,4", (b"1,2\n3,4\n", 2)),
        (b'a,b\r\n1,"x, ""y"""\r\n3,4,\r\n', (b'1,"x, ""y"""\n3,4,\n', 2)),
        (b"a,b\n", (b"", 0)),
        (b'a,b\n1,"x\ny"\n', None),
        (b"a,b\n1\n", None),
        (b"a,b\n1,2,3\n", None),
        (b"a,b\n1,\xff\n", None),
        (b"a,b\n1,2\r3,4\n", None),
        (b'a,b\n1,"2\n3,4\n', None),
        (b'a,b\n1,"x\ry"\n', None),
        (b"a\n1\n", None),
    ],
)
def test_plain_bodies(content: bytes, expected: tuple[bytes, int] | None) -> None:
    header = header_of(content)
    assert header is not None
    assert plain_body(content, header, CsvGrammar(header)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'\xef\xbb\xbf{"a":1}\r\n{"a":2}', (b'{"a":1}\n{"a":2}\n', 2)),
        (b'{"a":1}\n\n{"a":2}\n', None),
        (b'{"a":"\x01"}\n', None),
        (b'{"a":"\xff"}\n', None),
        (b'{"a":1}\r{"a":2}\n', None),
        (b"", (b"", 0)),
    ],
)
def test_plain_json_lines(content: bytes, expected: tuple[bytes, int] | None) -> None:
    assert plain_json_lines(content) == expected


# JSON


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param('{"device":{"email":"x"},"items":[{"id":7}]}', [("x", "7")], id="along the dots"),
        pytest.param('{"device.email":"x","device":{"email":"y"}}', [("x", None)], id="a key of that very name"),
        pytest.param('{"device.email":null,"device":{"email":"y"}}', [(None, None)], id="null under that very name"),
        pytest.param('{"device":{"email":"x"},"device":{"email":"y"}}', [("x", None)], id="the first of two keys"),
        pytest.param('{"device":"x","items":{"0":{"id":"k"}}}', [(None, "k")], id="other kinds of values"),
        pytest.param('{"items":' + "[" * 5000 + "]" * 5000 + "}", [(None, None)], id="deep"),
    ],
)
@pytest.mark.parametrize("encoding", [None, "utf-16", "utf-16-le"])
def test_nested_json(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    content: str,
    expected: list[tuple[Any, ...]],
    encoding: str | None,
) -> None:
    written = (content + "\n").encode(encoding or "utf-8")
    names = ("device.email", "items.0.id")
    for kind in (Format.JSONL, Format.JSON):
        assert table(connection, tmp_path, written, names, kind=kind, encoding=encoding) == expected


DOCUMENT = (
    '{"meta":{"pages":[1,{"x":"]}"}],"n":1.5},"data":{"n":null,"events":[{"a":"x]"},\n{"a":"y\\\\"}]},"events":7} '
)


@pytest.mark.parametrize(
    ("content", "records", "expected"),
    [
        pytest.param(DOCUMENT, "data.events", [("x]",), ("y\\",)], id="inside"),
        pytest.param('\ufeff{"data.events":[{"a":"z"}],"data":{"events":[]}}', "data.events", [("z",)], id="by name"),
        pytest.param('{"n":' + '{"n":' * 20 + "1" + "}" * 20 + ',"e":[{"a":"x"}]}', "e", [("x",)], id="past depths"),
        pytest.param('{"e":[]}', "e", [], id="empty"),
        pytest.param(
            '{"e":[{"a":"x"}],"n":1}\n{"e":[ ]}{"e":[\n{"a":"y"},{"a":"z"} ]}\n \n',
            "e",
            [("x",), ("y",), ("z",)],
            id="many documents",
        ),
        pytest.param('{"e":[{"a":1}]}\n{"e":[{"a":2}]}\nx', "e", "behind its document 2 stands no other", id="a tail"),
        pytest.param('{"e":[{"a":1}]}\n{"n":1}', "e", "document 2: it has no 'e', .* it has n", id="one without"),
        pytest.param('{"e":[{"a":1}]}{"e":null}', "e", "'e', of document 2, .* is no array", id="one with none"),
        pytest.param('{"e":[{"a":1}],"e":[{"a":2}]}', "e", "its 'e', .* stands there twice", id="twice"),
        pytest.param(
            '{"d":{"e":[]},"d":{"e":[]}}', "d.e", "its 'd', on the way to 'd.e', stands there twice", id="way"
        ),
        pytest.param('{"e":[{"a":1}]', "e", "no valid JSON", id="cut behind"),
        pytest.param('{"e":[{"a":1}],}', "e", "no valid JSON", id="a comma too many"),
        pytest.param('{"e":[{"a":1}}}', "e", "is no array", id="another bracket"),
        pytest.param('{"ann@example.com":1,"n":2}', "e", "there it has 2 keys$", id="people's keys stay unsaid"),
        pytest.param("", "e", [], id="nothing"),
        pytest.param("\ufeff".encode("utf-16-le"), "e", [], id="nothing but a mark"),
        pytest.param(DOCUMENT, "data.rows", "it has no 'data.rows', .* it has n, events", id="no such key"),
        pytest.param(DOCUMENT, "meta", "'meta', .* is no array", id="no array"),
        pytest.param('[{"a":1}]', "e", "no object with keys", id="no object"),
        pytest.param('{"e":[{"a":1},{"a"', "e", "no end", id="cut"),
        pytest.param('{"x":"', "e", "no valid JSON", id="cut before"),
    ],
)
def test_records_inside_a_document(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    content: str | bytes,
    records: str,
    expected: list[tuple[Any, ...]] | str,
) -> None:
    def read() -> list[tuple[Any, ...]]:
        written = content if isinstance(content, bytes) else content.encode()
        return table(connection, tmp_path, written, ("a",), kind=Format.JSON, records=records)

    if isinstance(expected, list):
        assert read() == expected
    else:
        with pytest.raises(UnreadableTextError, match=expected):
            read()


def test_a_document_too_large_for_one_row(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Seventeen megabytes of rows inside a document: the message says how to reach them, and so it works."""
    content = b'{"events":[' + b",".join([b'{"a":"%s"}' % (b"x" * 10_000)] * 1_700) + b"]}"
    with pytest.raises(UnreadableTextError, match="`records`"):
        table(connection, tmp_path, content, ("a",), kind=Format.JSON)
    dialect = Dialect(records="events")
    rows, _ = _read(connection, tmp_path / "export", Format.JSON, (), dialect, tmp_path, trusting=False)
    assert len(rows) == 1_700


# Parquet


def test_nested_parquet(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Times as ISO text, those with a zone in UTC; structs and lists along the dots; a column of that very name wins."""
    connection.sql(
        "select timestamptz '2026-01-02 03:04:05.5+02' as z, timestamp '2026-01-02 03:04:05' as t, "
        "{'email': 'x', 'n': {'id': 7}} as device, 'own' as \"device.email\", [{'id': 5}] as items, "
        'null::timestamptz as none, \'odd\' as "o"".""\'d"'
    ).write_parquet(str(tmp_path / "made"))
    names = ("z", "t", "device.n.id", "device.email", "items.0.id", "none", 'o"."\'d')
    (row,) = table(connection, tmp_path, (tmp_path / "made").read_bytes(), names, kind=Format.PARQUET)
    assert row == ("2026-01-02 01:04:05.5+00", "2026-01-02 03:04:05", "7", "own", "5", None, "odd")
    columns = read_columns(tmp_path / "made", Format.PARQUET, ("device.none", "items.x", "device.n"))
    assert columns == ("z", "t", "device", "device.email", "items", "none", 'o"."\'d', "device.n")


# Workbooks

DAY = datetime.date(2026, 11, 2)
EIGHT = datetime.time(8, 1)
SHEET = [
    ["Report of doors"],
    [],
    ["when", "day", "at", "card", "number", "ok"],
    [datetime.datetime.combine(DAY, EIGHT), DAY, EIGHT, "0042", 7, True],
    [None, "  "],
    [],
    [
        datetime.datetime.combine(DAY, datetime.time(8, 1, 0, 250_000)),
        datetime.date(9999, 12, 31),
        datetime.time(12),
        'a\n"b"\r,',
        123456789012,
        False,
    ],
    [
        datetime.datetime.combine(DAY, datetime.time()),
        datetime.timedelta(hours=30, minutes=1, seconds=2),
        None,
        "left\rright",
        0.5,
        None,
    ],
]


def test_a_sheet(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Cells as text: whole numbers without a fraction, times to the second unless they are finer; empty rows are none.

    A date is written with its midnight, whatever stands below it; a carriage return in a cell does not end the row.
    """
    content = workbook(Events=SHEET, Other=[["a"], ["x"]])
    names = ("when", "day", "at", "card", "number", "ok")
    assert table(connection, tmp_path, content, names, kind=Format.XLSX, skip_lines=2) == [
        ("2026-11-02 08:01:00", "2026-11-02 00:00:00", "08:01:00", "0042", "7", "true"),
        (None, None, None, None, None, None),
        ("2026-11-02 08:01:00.250", "9999-12-31 00:00:00", "12:00:00", 'a\n"b"\r,', "123456789012", "false"),
        ("2026-11-02 00:00:00", "30:01:02", None, "left\rright", "0.5", None),
    ]
    assert table(connection, tmp_path, content, ("a",), kind=Format.XLSX, sheet="Other") == [("x",)]
    assert table(connection, tmp_path, content, ("1",), kind=Format.XLSX, sheet="Other", header=False) == [
        ("a",),
        ("x",),
    ]
    hint = where_columns_stand(tmp_path / "export", Format.XLSX, names, Dialect())
    assert hint == "; line 3 has more of the columns: `skip_lines: 2`"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "password.*save it as .xlsx", id="old or locked"
        ),
        pytest.param(workbook(Events=SHEET)[:-30], "no Excel workbook", id="cut"),
        pytest.param(b"when,who\n", "no Excel workbook", id="CSV by another name"),
        pytest.param(workbook(Doors=[["a"]]), "no sheet 'Events'; it has Doors", id="no such sheet"),
    ],
)
def test_workbooks_that_cannot_be_read(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(UnreadableTextError, match=words):
        table(connection, tmp_path, content, (), kind=Format.XLSX, sheet="Events")


def test_times_of_a_sheet(pipeline: Pipeline) -> None:
    """A cell is written alike whatever stands around it; a date in a column of its own has only the time beside it."""
    columns = (
        "defaults: {user_id: U, location_id: L, location_type: zone}, timezone: UTC, format: xlsx, columns: {timestamp:"
    )
    pipeline.profile(
        "sources:\n"
        f"  - {{name: joined, files: joined*, {columns} [at, day]}}, timestamp_format: '%H:%M:%S %Y-%m-%d'}}\n"
        f"  - {{name: moments, files: moments*, {columns} day}}, timestamp_format: '%Y-%m-%d %H:%M:%S'}}\n"
        f"  - {{name: days, files: days*, {columns} day}}, timestamp_format: '%Y-%m-%d'}}\n"
        f"  - {{name: iso, files: iso*, {columns} [day, at]}}}}\n"
    )
    midnight, eight = datetime.time(), datetime.datetime.combine(DAY, EIGHT)
    for name in ("joined", "iso"):
        pipeline.export(f"{name}.xlsx", workbook(S=[["day", "at"], [DAY, EIGHT], [DAY, midnight], [DAY, None]]))
    pipeline.export("moments.xlsx", workbook(S=[["day"], [DAY]]))
    pipeline.export("moments2.xlsx", workbook(S=[["day"], [DAY], [eight]]))
    pipeline.export("days.xlsx", workbook(S=[["day"], [DAY], [eight]]))
    assert pipeline.stage().problems == []
    rows = pipeline.ask(
        "select source, list(strftime(occurred_at, '%d %H:%M') order by row_id) "
        "from staged_presence join export_files using (file_id) group by source order by source"
    )
    assert rows == [
        ("days", ["02 00:00", None]),
        ("iso", ["02 08:01", "02 00:00", "02 00:00"]),
        ("joined", ["02 08:01", "02 00:00", None]),
        ("moments", ["02 00:00", "02 00:00", "02 08:01"]),
    ]


def with_rows(rows: str) -> bytes:
    """A workbook whose sheet has these rows below its own, as their XML."""
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(Events=[["a", "b"], ["x", "y"]]))) as source,
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for part in source.namelist():
            target.writestr(part, source.read(part).replace(b"</sheetData>", f"{rows}</sheetData>".encode()))
    return content.getvalue()


FILLED = '<c r="XFD1048576"><v>1</v></c>'


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param(f'<row r="1048576">{FILLED}</row>', "larger than 20,000,000 cells", id="one far cell"),
        pytest.param(f"<x:row xmlns:x='u'><x:c{FILLED[2:-4]}</x:c></x:row>", "larger than", id="written otherwise"),
        pytest.param('<row r="9"/>' + "<row>" * 5 + "<c><v>1</v></c>", "no Excel workbook", id="no XML"),
        pytest.param('<row r="1048576"/><row><c><v>1</v></c></row>', "beyond its last row", id="below the last"),
        pytest.param('<row r="2000"/><row>' + "<c/>" * 10_000 + "<c><v>1</v></c></row>", "larger than", id="counted"),
        pytest.param('<row r="3"><c r="1A"/></row>', "no Excel workbook", id="no reference"),
        pytest.param(f"<!--{FILLED}--><row r='3'><c r='A3' t='str'><v>z</v></c></row>", None, id="a comment"),
        pytest.param(f'<row r="1048576">{FILLED[:-13]} s="0"/></row>', None, id="a far cell without a value"),
    ],
)
def test_sheets_with_cells_far_away(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, rows: str, words: str | None
) -> None:
    """A few bytes that would take all memory are refused; cells without a value take none."""
    if words is None:
        assert table(connection, tmp_path, with_rows(rows), ("a", "b"), kind=Format.XLSX)[0] == ("x", "y")
        return
    with pytest.raises(UnreadableTextError, match=words):
        table(connection, tmp_path, with_rows(rows), (), kind=Format.XLSX)


def test_a_workbook_that_explodes(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parts are counted as they come out of the archive, before anything else reads them."""
    monkeypatch.setattr(archives, "FREE_BYTES", 1_000_000)
    content = io.BytesIO(workbook(Events=SHEET))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media.xml", bytes(2_000_000))
    with pytest.raises(UnreadableTextError, match="it unpacks to more than 200 times its size; export it as CSV"):
        table(connection, tmp_path, content.getvalue(), (), kind=Format.XLSX)
