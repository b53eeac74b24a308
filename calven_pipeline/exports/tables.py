"""One file as a DuckDB relation, whatever its format: numbered rows, their values, the malformed ones marked.

What may surprise: DuckDB takes `*`, `?` and `[` in a path for a pattern, and `key=value` folders for columns. So it
never sees an export's own path, only a link with a plain name in a scratch folder. Columns are addressed by position;
no name or value from outside becomes SQL text.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
from duckdb import CaseExpression, ColumnExpression, ConstantExpression, Expression, FunctionExpression, SQLExpression

from calven_pipeline.exports.csv_text import (
    BOM,
    CsvHeader,
    Padding,
    UnreadableTextError,
    is_plain,
    look_through,
    read_header,
    write_readable_copy,
)
from calven_pipeline.exports.json_text import (
    LONGEST_LINE_BYTES,
    QUOTE,
    SEPARATOR,
    is_plain_lines,
    write_readable_lines,
)
from calven_pipeline.exports.profiles import Format

NULL_TEXT = SQLExpression("cast(null as varchar)")
NUMBERED = "over () as row_number"
WHITE_SPACE = " \t\r\n\v\f\u00a0\ufeff"
NEEDS_TRIMMING = r"^[\s\x{0b}\x{a0}\x{feff}]|[\s\x{0b}\x{a0}\x{feff}]$|^$"
LONGEST_CSV_LINE_BYTES = 2_000_000  # DuckDB's own limit; a larger one makes its buffers, and reading, dearer
JSON_ENDS_BYTES = 4_096  # how much of a JSON file is looked at for its first and last character
PATTERN_CHARACTERS = frozenset("*?[")
AS_LINES: dict[str, Any] = {
    "sep": SEPARATOR,
    "quotechar": QUOTE,
    "escapechar": QUOTE,
    "columns": {"text": "VARCHAR"},
    "all_varchar": True,
    "auto_detect": False,
    "strict_mode": False,
    "parallel": False,
    "max_line_size": LONGEST_LINE_BYTES,
    "compression": "none",
    "hive_partitioning": False,
}


@dataclass(frozen=True)
class OpenTable:
    """`relation` has `row_number` (from 1), `malformed` (the row's text, else NULL) and what `values` refer to.

    `columns` are the file's own names, for JSON those that were asked for. `values` leads from such a name to its
    text as read, `raw` is the text of a whole row that is not malformed. `padding` may stand
    around a value. `lines`, where a row is simply a line, has `row_number` and `text`: reading it costs half.
    """

    columns: tuple[str, ...]
    relation: duckdb.DuckDBPyRelation
    values: Mapping[str, Expression]
    raw: Expression
    padding: Padding = Padding.ANY
    lines: duckdb.DuckDBPyRelation | None = None
    delimiter: str = ","


@contextmanager
def open_table(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    kind: Format,
    wanted: Sequence[str],
    scratch: Path | None = None,
    *,
    trusting: bool = False,
) -> Iterator[OpenTable]:
    """Open one file; its relations work until the context ends.

    With `trusting`, a CSV file whose rows are simply lines is not looked through row by row: DuckDB raises
    `InvalidInputException` while it is read where a row is odd.

    Raises `UnreadableTextError`, `duckdb.Error` or `OSError`; a broken JSON or Parquet file is noticed here already.
    """
    path.open("rb").close()  # says "permission denied" or "is a directory" better than anything later
    with tempfile.TemporaryDirectory(dir=scratch) as copies, tempfile.TemporaryDirectory(dir=_plain(scratch)) as links:
        files = _ScratchFiles(Path(copies), Path(links))
        if path.stat().st_size == 0:
            yield _empty(connection)
        elif kind is Format.CSV:
            yield _open_csv(connection, path, wanted, files, trusting=trusting)
        elif kind is Format.JSONL:
            yield _open_lines(connection, path, wanted, files)
        elif kind is Format.JSON:
            yield _open_json(connection, path, wanted, files)
        else:
            yield _open_parquet(connection, path, files)


def trimmed(value: Expression, padding: Padding = Padding.ANY) -> Expression:
    """Take outer white space off; empty is NULL.

    Trimming by a list of characters costs 2.4 s for five million values, asking first whether it is needed 0.6 s, and
    trimming spaces alone 0.3 s. DuckDB reads an empty CSV value as NULL.
    """
    if padding is Padding.NONE:
        return value
    if padding is Padding.SPACES:
        return FunctionExpression("nullif", FunctionExpression("trim", value), ConstantExpression(""))
    without = FunctionExpression("trim", value, ConstantExpression(WHITE_SPACE))
    needed = FunctionExpression("regexp_matches", value, ConstantExpression(NEEDS_TRIMMING))
    return CaseExpression(needed, FunctionExpression("nullif", without, ConstantExpression(""))).otherwise(value)


def parquet_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[str, ...]:
    """The column names of a Parquet file; reads its schema alone."""
    with tempfile.TemporaryDirectory() as links:
        link = _ScratchFiles(Path(links), Path(links)).link(path)
        return tuple(connection.read_parquet(link, hive_partitioning=False).columns)


def _plain(scratch: Path | None) -> Path | None:
    return None if scratch and PATTERN_CHARACTERS & set(str(scratch.resolve())) else scratch


@dataclass(frozen=True)
class _ScratchFiles:
    """Names that DuckDB cannot misread, and room for a readable copy."""

    copies: Path
    links: Path

    def link(self, path: Path) -> str:
        link = self.links.resolve() / f"file{len(list(self.links.iterdir()))}"
        link.symlink_to(path.resolve())
        return str(link)

    def copy(self) -> Path:
        return self.copies / "readable"


def _mark() -> str:
    """What no export can contain: drawn anew for every file."""
    return f"malformed {uuid4()} "


def _is_marked(column: Expression, mark: str | None) -> Expression:
    return FunctionExpression("starts_with", column, ConstantExpression(mark))


def _empty(connection: duckdb.DuckDBPyConnection) -> OpenTable:
    relation = connection.sql("select 1::integer as row_number, null::varchar as malformed limit 0")
    return OpenTable((), relation, {}, NULL_TEXT)


def _open_csv(
    connection: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str], files: _ScratchFiles, *, trusting: bool
) -> OpenTable:
    header = read_header(path, wanted)
    if header is None:
        return _empty(connection)
    mark = None
    with path.open("rb") as source:
        content = look_through(source, header)
        plain = (trusting and content.lines_are_rows) or is_plain(source, header)
        if not plain:
            mark, readable = _mark(), files.copy()
            with readable.open("wb") as target:
                write_readable_copy(source, target, header, mark)
    link = files.link(path if plain else readable)
    table = _csv_table(_read_csv(connection, link, header), header, mark, content.padding)
    return replace(table, lines=_read_lines(connection, link)) if trusting and content.lines_are_rows else table


def _read_lines(connection: duckdb.DuckDBPyConnection, link: str) -> duckdb.DuckDBPyRelation:
    """The lines below the header, numbered; blank ones are no rows."""
    lines = connection.read_csv(link, header=True, **{**AS_LINES, "max_line_size": LONGEST_CSV_LINE_BYTES})
    return lines.filter(ColumnExpression("text").isnotnull()).row_number(NUMBERED, "*")


def line_as_json(text: Expression, names: Sequence[str], delimiter: str) -> Expression:
    """A line without quotes as a JSON object of its columns, just as a row of columns gives it."""
    parts = FunctionExpression("string_split", text, ConstantExpression(delimiter))
    values = [
        FunctionExpression(
            "nullif",
            FunctionExpression("list_extract", parts, ConstantExpression(position)),
            ConstantExpression(""),
        )
        for position in range(1, len(names) + 1)
    ]
    return _as_json(names, values)


def _read_csv(connection: duckdb.DuckDBPyConnection, link: str, header: CsvHeader) -> duckdb.DuckDBPyRelation:
    relation = connection.read_csv(
        link,
        header=True,
        sep=header.delimiter,
        quotechar='"',
        escapechar='"',
        columns={f"c{position}": "VARCHAR" for position in range(len(header.columns))},
        all_varchar=True,
        auto_detect=False,
        strict_mode=True,
        parallel=False,  # numbering reads in order anyway: 0.34 s a million rows, 0.42 s in parallel
        compression="none",
        hive_partitioning=False,
    )
    if len(header.columns) == 1:  # DuckDB takes a blank line for a row then
        relation = relation.filter(ColumnExpression("c0").isnotnull())
    return relation.row_number(NUMBERED, "*")


def _csv_table(relation: duckdb.DuckDBPyRelation, header: CsvHeader, mark: str | None, padding: Padding) -> OpenTable:
    columns = [ColumnExpression(f"c{position}") for position in range(len(header.columns))]
    malformed, first = NULL_TEXT, columns[0]
    if mark:
        is_marked = _is_marked(first, mark)
        text = FunctionExpression("substr", first, ConstantExpression(len(mark) + 1))
        malformed = CaseExpression(is_marked, text)
        first = CaseExpression(is_marked, NULL_TEXT).otherwise(first)
    numbered = _numbered(relation, malformed, [first.alias("c0"), *columns[1:]])
    values = dict(zip(header.columns, columns, strict=True))
    return OpenTable(
        header.columns, numbered, values, _as_json(header.columns, columns), padding, delimiter=header.delimiter
    )


def _numbered(
    relation: duckdb.DuckDBPyRelation, malformed: Expression, columns: Sequence[Expression]
) -> duckdb.DuckDBPyRelation:
    number = ColumnExpression("row_number").cast("INTEGER").alias("row_number")
    return relation.select(number, malformed.alias("malformed"), *columns)


def _as_json(names: Sequence[str], columns: Sequence[Expression]) -> Expression:
    pairs = [part for name, column in zip(names, columns, strict=True) for part in (ConstantExpression(name), column)]
    return FunctionExpression("json_object", *pairs).cast("VARCHAR")


def _open_lines(
    connection: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str], files: _ScratchFiles
) -> OpenTable:
    mark, readable = None, path
    if not is_plain_lines(path):
        mark, readable = _mark(), files.copy()
        write_readable_lines(path, readable, mark)
    lines = connection.read_csv(files.link(readable), header=False, **AS_LINES)
    text = ColumnExpression("text")
    is_blank = FunctionExpression("regexp_full_match", text, ConstantExpression(r"\s*"))
    lines = lines.filter(text.isnotnull()).filter(~is_blank)
    malformed = CaseExpression(~_is_object(text), text)
    if mark:
        untold = FunctionExpression("substr", text, ConstantExpression(len(mark) + 1))
        malformed = CaseExpression(_is_marked(text, mark), untold).when(~_is_object(text), text)
    return _json_table(lines.row_number(NUMBERED, "*"), malformed, wanted)


def _is_object(text: Expression) -> Expression:
    """The type is asked of valid JSON alone: of anything else the question is an error."""
    is_object = FunctionExpression("json_type", text) == ConstantExpression("OBJECT")
    return CaseExpression(FunctionExpression("json_valid", text), is_object).otherwise(ConstantExpression(value=False))


def _open_json(
    connection: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str], files: _ScratchFiles
) -> OpenTable:
    _refuse_cut_array(path)
    readable = path
    with path.open("rb") as source:
        if source.read(len(BOM)) == BOM:  # DuckDB would take the array behind it for one value
            readable = files.copy()
            with readable.open("wb") as target:
                shutil.copyfileobj(source, target)
    objects = connection.table_function("read_json_objects", [files.link(readable)])
    objects = objects.select(ColumnExpression("json").cast("VARCHAR").alias("text"))
    objects.aggregate("count(text)").fetchall()  # broken JSON stops here, not in the middle of staging
    text = ColumnExpression("text")
    return _json_table(objects.row_number(NUMBERED, "*"), CaseExpression(~_is_object(text), text), wanted)


def _refuse_cut_array(path: Path) -> None:
    """DuckDB takes an array that ends after a comma for a whole one (2.0.0, 1.5.6)."""
    with path.open("rb") as file:
        head = file.read(JSON_ENDS_BYTES).removeprefix(BOM).lstrip()
        file.seek(max(0, path.stat().st_size - JSON_ENDS_BYTES))
        tail = file.read().rstrip()
    if head.startswith(b"[") and not tail.endswith(b"]"):
        raise UnreadableTextError("its array has no end; check that the file is whole")


def _json_table(relation: duckdb.DuckDBPyRelation, malformed: Expression, wanted: Sequence[str]) -> OpenTable:
    names = tuple(dict.fromkeys(wanted))
    pointers = ["/" + name.replace("~", "~0").replace("/", "~1") for name in names]
    text = ColumnExpression("text")
    numbered = _numbered(relation, malformed, [text])
    fields = FunctionExpression("json_extract_string", text, ConstantExpression(pointers))
    fields = CaseExpression(ColumnExpression("malformed").isnull(), fields)
    parsed = numbered.select("*", fields.alias("fields"))
    values = {
        name: FunctionExpression("list_extract", ColumnExpression("fields"), ConstantExpression(position))
        for position, name in enumerate(names, start=1)
    }
    return OpenTable(names, parsed, values, text)


def _open_parquet(connection: duckdb.DuckDBPyConnection, path: Path, files: _ScratchFiles) -> OpenTable:
    relation = connection.read_parquet(files.link(path), hive_partitioning=False)
    names = tuple(relation.columns)
    texts = [ColumnExpression(name).cast("VARCHAR").alias(f"c{i}") for i, name in enumerate(names)]
    relation = relation.select(*texts)
    columns = [ColumnExpression(f"c{i}") for i in range(len(names))]
    relation.aggregate([FunctionExpression("count", column) for column in columns]).fetchall()  # every page is whole
    numbered = _numbered(relation.row_number(NUMBERED, "*"), NULL_TEXT, columns)
    return OpenTable(names, numbered, dict(zip(names, columns, strict=True)), _as_json(names, columns))


def read_columns(path: Path, kind: Format, wanted: Sequence[str]) -> tuple[str, ...] | None:
    """The names that a file's header or schema gives, None for JSON, which has none.

    Raises `UnreadableTextError`, `duckdb.Error` or `OSError`.
    """
    with path.open("rb") as file:
        is_empty = not file.read(1)
    if is_empty:
        return None
    if kind is Format.CSV:
        header = read_header(path, wanted)
        return header.columns if header else None
    if kind is Format.PARQUET:
        with duckdb.connect() as connection:
            return parquet_columns(connection, path)
    return None


__all__ = ["NULL_TEXT", "OpenTable", "UnreadableTextError", "line_as_json", "open_table", "read_columns", "trimmed"]
