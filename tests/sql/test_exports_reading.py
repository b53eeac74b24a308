"""Opening exports: every row is numbered, read or malformed with its text, in each format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calven_pipeline.errors import SourceProfileError, UnreadableExportError
from calven_pipeline.exports import ExportFile, SourceProfile, check_columns, open_export

NAMES = {"timestamp": "time", "user_email": "who", "location_id": "where"}
STRAY_QUOTE_ROWS = 60_000


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def profile(**changes: Any) -> SourceProfile:
    return SourceProfile(**{"name": "doors", "files": "*", "columns": NAMES, **changes})


def export(folder: Path, content: bytes | str, name: str = "a.csv") -> ExportFile:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return ExportFile("doors", name, path, path.stat().st_size, path.stat().st_mtime_ns)


def read(
    connection: duckdb.DuckDBPyConnection, source: SourceProfile, file: ExportFile, *columns: str
) -> list[tuple[Any, ...]]:
    """The rows' columns and, last, their own text; the two numberings must agree."""
    with open_export(connection, source, file, file.path.parent) as reader:
        rows = reader.rows.select("row_number", "malformed", *columns).fetchall()
        raw = reader.raw().fetchall()
    assert [row[0] for row in rows] == [number for number, _ in raw] == list(range(1, len(rows) + 1))
    assert all(text == row[1] for row, (_, text) in zip(rows, raw, strict=True) if row[1] is not None)
    return [(*row[2:], text) for row, (_, text) in zip(rows, raw, strict=True)]


def whos(connection: duckdb.DuckDBPyConnection, file: ExportFile, **changes: Any) -> list[str | None]:
    """Who was there, row by row; a malformed row's text in angle brackets."""
    rows = read(connection, profile(**changes), file, "user_email", "malformed")
    return [f"<{malformed}>" if malformed is not None else who for who, malformed, _ in rows]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("time,who,where\n1,a,x\n2,b,x\n", ["a", "b"], id="plain"),
        pytest.param("time,who,where\r\n1,a,x\r\n2,b,x", ["a", "b"], id="CRLF, no line end at the end"),
        pytest.param("time,who,where\r1,a,x\r2,b,x\r", ["a", "b"], id="CR"),
        pytest.param("time,who,where\n1,a,x\r\n2,b,x\n\r\n3,c,x", ["a", "b", "c"], id="mixed line ends"),
        pytest.param("\ufefftime;who;where\n1;a;x\n", ["a"], id="byte order mark, semicolon"),
        pytest.param("time\twho\twhere\n1\ta\tx\n", ["a"], id="tab"),
        pytest.param("time|who|where\n1|a|x\n", ["a"], id="bar"),
        pytest.param('time, who, where\n1, a, x\n2, "b", x\n3," c" , x\n', ["a", "b", "c"], id="spaces"),
        pytest.param("time,who,where\n1,\t\u00a0a \u00a0,x\n2, \t ,x\n", ["a", None], id="other white space"),
        pytest.param('"time","who","where"\n1,"a\n\n""b"",",x\n', ['a\n\n"b",'], id="quoted line breaks"),
        pytest.param('"time","who","where"\r\n1,"a\nb",x\r\n2,c,x\r\n', ["a\nb", "c"], id="other line end in quotes"),
        pytest.param('time,who,"where\n"\n1,a,x\n', ["a"], id="line break in the header"),
        pytest.param("\n \ntime,who,where\n1,a,x\n", ["a"], id="blank lines above the header"),
        pytest.param("time,who,where\n\n1,a,x\n\n  \n2,b,x\n\n", ["a", "b"], id="blank lines"),
        pytest.param("time,who,where\n", [], id="header only"),
        pytest.param("time,who,where", [], id="header only, no line end"),
        pytest.param("", [], id="empty"),
        pytest.param("\ufeff\n\n", [], id="nothing but blank lines"),
        pytest.param("time,who,where\n,,\n", [None], id="a row without values is a row"),
        pytest.param("time,who,where\n1,a\n2,b,x,y\n3,c,x\n", ["<1,a>", "<2,b,x,y>", "c"], id="wrong widths"),
        pytest.param('time,who,where\n1,"a,x\n2,b,x\n3,c,x\n', ['<1,"a,x>', "b", "c"], id="a quote that never closes"),
        pytest.param('time,who,where\n1,"a"b,x\n2,5" d,x\n', ['<1,"a"b,x>', '5" d'], id="quotes in odd places"),
        pytest.param('time,who,where\n1,"a,x\n2,"b",x\n', ['<1,"a,x>', "b"], id="closed by another row's quote"),
        pytest.param(b"time,who,where\n\xff,a,x\n2,b\xc3,x\n3,\xc3\xa9,x\n", ["<\ufffd,a,x>", "<2,b\ufffd,x>", "é"]),
        pytest.param("time,who,where\n1,a\0b,x\n", ["a\0b"], id="a zero byte"),
        pytest.param("time,who,where\n#1,a,x\n1,null,x\n1,\\,x\n", ["a", "null", "\\"], id="nothing else is special"),
        pytest.param(
            "time,who,where,,where2,where2\n1,a,x,,,\n2,b\n", ["a", "<2,b>"], id="doubled names not asked for"
        ),
    ],
)
def test_csv(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: bytes | str, expected: list[str | None]
) -> None:
    file = export(tmp_path, content)
    check_columns(profile(), file)
    assert whos(connection, file) == expected
    assert list(tmp_path.iterdir()) == [file.path]


def test_one_column(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    source = profile(columns={"timestamp": "time"}, defaults={"user_email": "a", "location_id": "x"})
    rows = read(connection, source, export(tmp_path, 'time\n1\n\n2\n3,4\n"5\n'), "timestamp", "user_email")
    assert [row[:2] for row in rows] == [("1", "a"), ("2", "a"), (None, None), (None, None)]


def test_a_stray_quote_in_a_large_file_costs_one_row(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """DuckDB alone lost 209,827 of 1,000,000 rows to one such quote, and reported one."""
    lines = [f'{n},{"p" * 80}{n},"x, y"\n' for n in range(STRAY_QUOTE_ROWS)]
    lines[1000] = '1000,"oops,x\n'
    file = export(tmp_path, "time,who,where\n" + "".join(lines))
    found = whos(connection, file)
    assert len(found) == STRAY_QUOTE_ROWS
    assert [n for n, who in enumerate(found) if not who or not who.endswith(f"p{n}")] == [1000]


def test_a_bad_value_in_a_column_nobody_asked_for(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """The rows and their texts are numbered alike, whichever columns are read."""
    file = export(tmp_path, b"time,who,where,note\n1,a,x,\xff\n2,b,x,\xc3\xa9\n")
    assert whos(connection, file) == ["<1,a,x,\ufffd>", "b"]


def test_a_row_longer_than_any_is_malformed_or_an_error(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = export(tmp_path, "time,who,where\n1," + "a" * 600_000 + ",x\n2,b,x\n")
    first, second = whos(connection, file)
    assert first and first.startswith("<1,aaa") and len(first) == 100_002  # noqa: PT018
    assert second == "b"
    endless = export(tmp_path, "time,who,where\n1," + "a" * 2_000_000 + ",x\n2,b,x\n", "b.csv")
    with pytest.raises(UnreadableExportError, match=r"b\.csv of source doors as csv: a line is longer"):
        whos(connection, endless)


def test_raw_keeps_what_the_file_says(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    ((who, raw),) = read(connection, profile(), export(tmp_path, "time,who,where,\n1, a ,,007\n"), "user_email")
    assert who == "a"
    assert json.loads(raw) == {"time": "1", "who": " a ", "where": None, "": "007"}


def test_composite_defaults_and_keep(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    source = profile(
        columns={**NAMES, "place": ["floor", "zone"]},
        defaults={"location_type": "zone", "location_id": "HQ"},
        keep={"type": ["In ", "ENTRÉE"], "ok": ["true"]},
    )
    content = "time,who,where,floor,zone,type,ok\n1,a,x,1, 2,IN,True\n2,b,,1,,entrée,true\n3,c,,,,out,true\n4,d,,,,,true\n5,e\n"
    rows = read(connection, source, export(tmp_path, content), "place", "location_id", "location_type", "kept")
    assert [row[:4] for row in rows] == [
        ("1/2", "x", "zone", True),
        ("1/", "HQ", "zone", True),
        (None, "HQ", "zone", False),
        (None, "HQ", "zone", False),
        (None, None, None, True),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param('{"time":1,"who":"a","x":[]}\n{"who":" b "}\n', ["a", "b"], id="plain"),
        pytest.param('\ufeff{"who":"a"}\r\n\r\n  \n{"who":7}', ["a", "7"], id="mark, CRLF, blank lines"),
        pytest.param('{"who":"a"}\n[1]\nno\n{"who":\n7\n', ["a", "<[1]>", "<no>", '<{"who":>', "<7>"], id="malformed"),
        pytest.param(b'{"who":"\xff"}\n{"who":"\xc3\xa9"}\n', ['<{"who":"\ufffd"}>', "é"], id="not UTF-8"),
        pytest.param(
            '{"who":"a"}\x01\n\x02{"who":"b"}\n{"who":"c"}\n', ['<{"who":"a"}\ufffd>', '<\ufffd{"who":"b"}>', "c"]
        ),
        pytest.param('"{""who"":1}"\n{"who":"a\\"b"}\n', ['<"{""who"":1}">', 'a"b'], id="quotes"),
        pytest.param('{"who":null}\n{"who":""}\n{"who":true}\n{"who":{"id":1}}\n', [None, None, "true", '{"id":1}']),
        pytest.param("", [], id="empty"),
    ],
)
def test_json_lines(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: bytes | str, expected: list[str | None]
) -> None:
    file = export(tmp_path, content, "a.jsonl")
    check_columns(profile(), file)
    assert whos(connection, file) == expected


def test_json_names_that_look_like_paths(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    names = ["a/b", "a~b", "$.c", 'd"e', "Who", "who"]
    line = json.dumps({name: str(number) for number, name in enumerate(names)})
    source = profile(columns={**NAMES, "place": names})
    assert read(connection, source, export(tmp_path, line, "a.jsonl"), "place") == [("0/1/2/3/4/5", line)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('[{"who":"a"},\n {"who":"b"}]', ["a", "b"]),
        ('{"who":"a"}{"who":\n"b"}', ["a", "b"]),
        ('\ufeff[{"who":"a"}]', ["a"]),
        ('[1,{"who":"a"},null]', ["<1>", "a", "<null>"]),
        ("[]", []),
        ("", []),
    ],
)
def test_json(connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: str, expected: list[str | None]) -> None:
    assert whos(connection, export(tmp_path, content, "a.json")) == expected


def test_parquet(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    connection.sql("select timestamptz '2026-01-02 03:04:05+02' as time, 'a ' as who, 7 as \"where\"").write_parquet(
        str(tmp_path / "made.parquet")
    )
    file = export(tmp_path, (tmp_path / "made.parquet").read_bytes(), "a.parquet")
    check_columns(profile(), file)
    ((time, who, where, raw),) = read(connection, profile(), file, "timestamp", "user_email", "location_id")
    assert (time, who, where) == ("2026-01-02 01:04:05+00", "a", "7")
    assert json.loads(raw) == {"time": "2026-01-02 01:04:05+00", "who": "a ", "where": "7"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "time,who,where\n".encode("utf-32")),
        ("a.csv", "time,who,where\n".encode("utf-16-le")),
        ("a.csv", "time,who,where,à\n".encode("latin-1")),
        ("a.jsonl", '{"who":"a"}\n'.encode("utf-32")),
        ("a.json", b'[{"who":"ada@example.com"},'),
        ("a.json", b'[{"who":"\xff"}]'),
        ("a.json", b'[{"who":"ada@example.com"}'),
        ("a.parquet", b"PAR1 ada@example.com PAR1"),
        ("a.xlsx", b"PK"),
    ],
)
def test_unreadable_files(connection: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, content: bytes) -> None:
    """One line names file and source, and holds nothing of what is in the file."""
    file = export(tmp_path, content, name)
    with pytest.raises(UnreadableExportError) as caught:
        whos(connection, file)
    assert f"{name} of source doors" in str(caught.value)
    assert "ada" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_file_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(UnreadableExportError, match="directory"):
        check_columns(profile(), ExportFile("doors", "a.csv", tmp_path / "a.csv", 0, 0))
    with pytest.raises(UnreadableExportError, match="No such file"):
        check_columns(profile(), ExportFile("doors", "b.csv", tmp_path / "b.csv", 0, 0))


@pytest.mark.parametrize(
    ("content", "changes", "words"),
    [
        ("Time,who,where\n", {}, ["`columns.timestamp`", "'time'", "'Time'", "Time, who, where"]),
        ("time,who,where\n", {"keep": {"type": "x"}}, ["`keep.type`", "a.csv"]),
        ("time,who,where,who\n", {}, ["`columns.user_email`", "twice"]),
    ],
)
def test_missing_columns(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: str, changes: dict[str, Any], words: list[str]
) -> None:
    file = export(tmp_path, content)
    with pytest.raises(SourceProfileError) as caught:
        check_columns(profile(**changes), file)
    assert all(word in str(caught.value) for word in ["sources.yaml", "'doors'", *words]), caught.value
    with pytest.raises(SourceProfileError):
        whos(connection, file, **changes)


def test_paths_that_duckdb_would_misread(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    folder = tmp_path / "a*[b]?" / "year=2026"
    folder.mkdir(parents=True)
    file = export(folder, "time,who,where\n1,a,x\n2,b\n", "o'dd [1]*\n.csv")
    assert whos(connection, file) == ["a", "<2,b>"]


def test_staging_by_statement(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """The rows go into a table by one statement, inside a transaction."""
    connection.execute("create table staged (row_number integer, user_email varchar, malformed varchar)")
    file = export(tmp_path, "time,who,where\n1,a,x\n2\n3,c,x\n")
    with open_export(connection, profile(), file, tmp_path) as reader:
        connection.execute("begin")
        connection.register("export_rows", reader.rows)
        connection.execute("insert into staged select row_number, user_email, malformed from export_rows")
        connection.unregister("export_rows")
        connection.execute("commit")
    assert connection.execute("from staged").fetchall() == [(1, "a", None), (2, None, "2"), (3, "c", None)]
