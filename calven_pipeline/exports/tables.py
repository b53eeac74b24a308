"""One file as a DuckDB relation, whatever its format: numbered rows, their values, the malformed ones marked.

What may surprise: DuckDB takes `*`, `?` and `[` in a path for a pattern, and `key=value` folders for columns. So it
never sees an export's own path, only a link with a plain name in a scratch folder. Columns are addressed by position;
no name or value from outside becomes SQL text, but for the quoted names of a Parquet file's columns.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import duckdb
from duckdb import (
    CaseExpression,
    CoalesceOperator,
    ColumnExpression,
    ConstantExpression,
    Expression,
    FunctionExpression,
    SQLExpression,
)

from calven_pipeline.exports.csv_header import (
    LONGEST_RECORD_BYTES,
    CsvHeader,
    encoding_of,
    find_header,
    line_of_columns,
    read_header,
    refuse_unreadable_names,
    signs_of,
)
from calven_pipeline.exports.csv_text import Padding, is_plain, look_through, write_readable_copy, write_with_signs
from calven_pipeline.exports.dialect import AS_IT_TELLS, Dialect
from calven_pipeline.exports.encodings import (
    BOM,
    CHUNK_BYTES,
    HEAD_BYTES,
    UTF_8,
    UnreadableTextError,
    chunks,
    stated_encoding,
    write_decoded,
)
from calven_pipeline.exports.json_text import (
    LONGEST_LINE_BYTES,
    QUOTE,
    SEPARATOR,
    is_plain_lines,
    pointers,
    write_array,
    write_readable_lines,
)
from calven_pipeline.exports.profiles import Format
from calven_pipeline.exports.spreadsheets import as_written, write_sheet

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

NULL_TEXT = SQLExpression("cast(null as varchar)")
NUMBERED = "over () as row_number"
WHITE_SPACE = " \t\r\n\v\f\u00a0\ufeff"
NEEDS_TRIMMING = r"^[\s\x{0b}\x{a0}\x{feff}]|[\s\x{0b}\x{a0}\x{feff}]$|^$"
LONGEST_CSV_LINE_BYTES = 2_000_000  # DuckDB's own limit; a larger one makes its buffers, and reading, dearer
ROWS_AT_ONCE = 2048  # that DuckDB works on
LARGEST_ROWS_BYTES = 256 * 1000**2  # of so many rows
SHEET_ROWS = 100  # of a sheet, when its columns alone are asked for
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
    around a value. `lines`, where a row is simply a line, has `row_number` and `text`: reading it costs half; its
    values stand between `delimiter`s. Where
    `has_midnights`, a date comes with a 00:00:00 that may not be its own.
    """

    columns: tuple[str, ...]
    relation: duckdb.DuckDBPyRelation
    values: Mapping[str, Expression]
    raw: Expression
    padding: Padding = Padding.ANY
    lines: duckdb.DuckDBPyRelation | None = None
    delimiter: str = ","
    has_midnights: bool = False


@contextmanager
def open_table(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    kind: Format,
    wanted: Sequence[str],
    scratch: Path | None = None,
    *,
    trusting: bool = False,
    dialect: Dialect = AS_IT_TELLS,
) -> Iterator[OpenTable]:
    """Open one plain file, written as `dialect` says; its relations work until the context ends.

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
            yield _open_csv(connection, path, wanted, files, dialect, trusting=trusting)
        elif kind is Format.JSONL:
            yield _open_lines(connection, path, wanted, files, dialect)
        elif kind is Format.JSON:
            yield _open_json(connection, path, wanted, files, dialect)
        elif kind is Format.XLSX:
            sheet = files.copy()
            write_sheet(path, sheet, dialect)
            table = _open_csv(connection, sheet, wanted, files, as_written(dialect), trusting=False)
            yield replace(table, has_midnights=True)
        else:
            yield _open_parquet(connection, path, wanted, files)


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


def parquet_columns(connection: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The column names of a Parquet file, and the wanted ones that lead into its columns; reads its schema alone."""
    with tempfile.TemporaryDirectory() as links:
        link = _ScratchFiles(Path(links), Path(links)).link(path)
        relation = connection.read_parquet(link, hive_partitioning=False)
        return (*relation.columns, *_nested(relation, wanted))


def _plain(scratch: Path | None) -> Path | None:
    return None if scratch and PATTERN_CHARACTERS & set(str(scratch.resolve())) else scratch


@dataclass(frozen=True)
class _ScratchFiles:
    """Names that DuckDB cannot misread, and room for a readable copy."""

    copies: Path
    links: Path
    numbers: Iterator[int] = field(default_factory=count)

    def link(self, path: Path) -> str:
        link = self.links.resolve() / f"file{len(list(self.links.iterdir()))}"
        link.symlink_to(path.resolve())
        return str(link)

    def copy(self) -> Path:
        return self.copies / f"readable{next(self.numbers)}"

    def forget(self, path: Path) -> None:
        """Give the room of a copy back, where it is one."""
        if path.parent == self.copies:
            path.unlink()


def _mark() -> str:
    """What no export can contain: drawn anew for every file."""
    return f"malformed {uuid4()} "


def _is_marked(column: Expression, mark: str | None) -> Expression:
    return FunctionExpression("starts_with", column, ConstantExpression(mark))


def _empty(connection: duckdb.DuckDBPyConnection) -> OpenTable:
    relation = connection.sql("select 1::integer as row_number, null::varchar as malformed limit 0")
    return OpenTable((), relation, {}, NULL_TEXT)


def _open_csv(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    wanted: Sequence[str],
    files: _ScratchFiles,
    dialect: Dialect,
    *,
    trusting: bool,
) -> OpenTable:
    path, header = _as_plain_text(path, wanted, files, dialect)
    if header is None:
        return _empty(connection)
    mark = None
    with path.open("rb") as source:
        content = look_through(source, header)
        plain, padding = trusting and content.lines_are_rows, content.padding
        if not plain:
            plain, has_outer_breaks = is_plain(source, header)
            padding = Padding.ANY if has_outer_breaks else padding
        if not plain:
            mark, readable = _mark(), files.copy()
            with readable.open("wb") as target:
                write_readable_copy(source, target, header, mark)
    if not plain:
        files.forget(path)
    link = files.link(path if plain else readable)
    has_header = header.is_named or not plain
    rows = _read_csv(connection, link, header, has_header=has_header)
    table = _csv_table(rows, header, mark, padding)
    if trusting and content.lines_are_rows and not content.has_line_signs:
        return replace(table, lines=_read_lines(connection, link, has_header=has_header))
    return table


def _as_plain_text(
    path: Path, wanted: Sequence[str], files: _ScratchFiles, dialect: Dialect
) -> tuple[Path, CsvHeader | None]:
    """The file in UTF-8 with one character between values and nothing above the header: itself, or a copy."""
    encoding = encoding_of(_head(path), wanted, dialect)
    if encoding != UTF_8:
        path = _copied(path, files, lambda source, target: write_decoded(source, target, encoding))
    signs = signs_of(dialect, chunks(path))
    if signs.replaced:
        path = _copied(path, files, lambda source, target: write_with_signs(source, target, signs))
    header = find_header(_head(path), wanted, dialect, signs)
    refuse_unreadable_names(header)
    if header is None or header.is_at_the_top:
        return path, header
    begin = header.end - len(header.record)
    path = _copied(path, files, lambda source, target: _copy_from(source, target, begin))
    return path, replace(header, end=len(header.record), is_at_the_top=True)


def _copied(path: Path, files: _ScratchFiles, write: Callable[[BinaryIO, BinaryIO], None]) -> Path:
    copy = files.copy()
    with path.open("rb") as source, copy.open("wb") as target:
        write(source, target)
    files.forget(path)
    return copy


def _copy_from(source: BinaryIO, target: BinaryIO, begin: int) -> None:
    source.seek(begin)
    shutil.copyfileobj(source, target, CHUNK_BYTES)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST_RECORD_BYTES)


def _read_lines(connection: duckdb.DuckDBPyConnection, link: str, *, has_header: bool) -> duckdb.DuckDBPyRelation:
    """The lines below the header, numbered; blank ones are no rows."""
    lines = connection.read_csv(link, header=has_header, **{**AS_LINES, "max_line_size": LONGEST_CSV_LINE_BYTES})
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


def _read_csv(
    connection: duckdb.DuckDBPyConnection, link: str, header: CsvHeader, *, has_header: bool
) -> duckdb.DuckDBPyRelation:
    relation = connection.read_csv(
        link,
        header=has_header,
        sep=header.delimiter,
        quotechar=header.quote,
        escapechar=header.quote,
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
    columns: list[Expression] = [ColumnExpression(f"c{position}") for position in range(len(header.columns))]
    malformed, first = NULL_TEXT, columns[0]
    if mark:
        is_marked = _is_marked(first, mark)
        text = FunctionExpression("substr", first, ConstantExpression(len(mark) + 1))
        malformed = CaseExpression(is_marked, text)
        first = CaseExpression(is_marked, NULL_TEXT).otherwise(first)
    numbered = _numbered(relation, _as_written(malformed, header), [first.alias("c0"), *columns[1:]])
    texts = [_as_written(column, header) for column in columns]
    values = dict(zip(header.columns, texts, strict=True))
    return OpenTable(
        header.columns, numbered, values, _as_json(header.columns, texts), padding, delimiter=header.delimiter
    )


def _as_written(value: Expression, header: CsvHeader) -> Expression:
    """The value with the file's own separator and quote where it holds stand-ins; only a quoted or malformed one can."""
    for stand_in, own in header.stand_ins:
        value = FunctionExpression("replace", value, ConstantExpression(stand_in), ConstantExpression(own))
    return value


def _numbered(
    relation: duckdb.DuckDBPyRelation, malformed: Expression, columns: Sequence[Expression]
) -> duckdb.DuckDBPyRelation:
    number = ColumnExpression("row_number").cast("INTEGER").alias("row_number")
    return relation.select(number, malformed.alias("malformed"), *columns)


def _as_json(names: Sequence[str], columns: Sequence[Expression]) -> Expression:
    pairs = [part for name, column in zip(names, columns, strict=True) for part in (ConstantExpression(name), column)]
    return FunctionExpression("json_object", *pairs).cast("VARCHAR")


def _open_lines(
    connection: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str], files: _ScratchFiles, dialect: Dialect
) -> OpenTable:
    path = _as_utf8(path, files, dialect)
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


def _as_utf8(path: Path, files: _ScratchFiles, dialect: Dialect) -> Path:
    with path.open("rb") as file:
        encoding = stated_encoding(file.read(HEAD_BYTES), dialect.encoding)
    if encoding in {None, UTF_8}:
        return path
    return _copied(path, files, lambda source, target: write_decoded(source, target, encoding or UTF_8))


def _is_object(text: Expression) -> Expression:
    """The type is asked of valid JSON alone: of anything else the question is an error."""
    is_object = FunctionExpression("json_type", text) == ConstantExpression("OBJECT")
    return CaseExpression(FunctionExpression("json_valid", text), is_object).otherwise(ConstantExpression(value=False))


def _open_json(
    connection: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str], files: _ScratchFiles, dialect: Dialect
) -> OpenTable:
    path = _as_utf8(path, files, dialect)
    if path.stat().st_size == 0:  # it was a byte order mark
        return _empty(connection)
    if dialect.records is not None:
        records = dialect.records
        path = _copied(path, files, lambda source, target: write_array(source, target, records))
    else:
        _refuse_cut_array(path)
    if _head(path).startswith(BOM):  # DuckDB would take the array behind it for one value
        path = _copied(path, files, lambda source, target: _copy_from(source, target, len(BOM)))
    objects = connection.table_function("read_json_objects", [files.link(path)])
    objects = objects.select(ColumnExpression("json").cast("VARCHAR").alias("text"))
    try:
        objects.aggregate("count(text)").fetchall()  # broken JSON stops here, not in the middle of staging
    except duckdb.Error as error:
        if "maximum_object_size" not in str(error):
            raise
        raise UnreadableTextError(
            "one of its values is larger than 16 MB; where the rows stand in an array inside it, name that as `records`"
        ) from error
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
    """A name with dots is a key of that name, whatever its value, or else a way into nested values (`items.0.id`).

    Whether that key is there is asked of names with dots alone: it costs as much as reading the values.
    """
    names = tuple(dict.fromkeys(wanted))
    ways = [(name, pointer) for name in names for pointer in pointers(name)]
    dotted = [name for name in names if "." in name]
    text = ColumnExpression("text")

    def asked(question: str, of: Sequence[str]) -> Expression:
        answers = FunctionExpression(question, text, ConstantExpression(list(of)))
        return CaseExpression(ColumnExpression("malformed").isnull(), answers).alias(question)

    questions = [asked("json_extract_string", [pointer for _, pointer in ways])]
    if dotted:
        questions.append(asked("json_exists", [next(pointers(name)) for name in dotted]))
    parsed = _numbered(relation, malformed, [text]).select("*", *questions)
    values: dict[str, Expression] = {}
    for position, (name, _) in reversed(list(enumerate(ways, start=1))):
        value = _answer("json_extract_string", position)
        if name in values:
            value = CaseExpression(_answer("json_exists", dotted.index(name) + 1), value).otherwise(values[name])
        values[name] = value
    return OpenTable(names, parsed, values, text)


def _answer(question: str, position: int) -> Expression:
    return FunctionExpression("list_extract", ColumnExpression(question), ConstantExpression(position))


def _open_parquet(
    connection: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str], files: _ScratchFiles
) -> OpenTable:
    relation = connection.read_parquet(files.link(path), hive_partitioning=False)
    names, nested = tuple(relation.columns), _nested(relation, wanted)
    texts = [_as_text(_column(name), kind) for name, kind in zip(relation.columns, relation.types, strict=True)]
    texts += [_as_text(value, kind) for value, kind in nested.values()]
    relation = relation.select(*(text.alias(f"c{i}") for i, text in enumerate(texts)))
    columns = [ColumnExpression(f"c{i}") for i in range(len(texts))]
    _refuse_large_rows(relation, columns)
    numbered = _numbered(relation.row_number(NUMBERED, "*"), NULL_TEXT, columns)
    all_names = (*names, *nested)
    return OpenTable(
        all_names, numbered, dict(zip(all_names, columns, strict=True)), _as_json(names, columns[: len(names)])
    )


def _refuse_large_rows(relation: duckdb.DuckDBPyRelation, columns: Sequence[Expression]) -> None:
    """Read every page, so that a broken one is noticed here; rows that explode are refused while they are still packed.

    DuckDB bounds its memory, but not that of the rows it has in hand: 3 GB of them, packed to 60 kB, took 4.6 GB.
    """
    sizes = [CoalesceOperator(FunctionExpression("strlen", column), ConstantExpression(0)) for column in columns]
    rows = relation.select(sum(sizes[1:], sizes[0]).alias("bytes")).row_number(NUMBERED, "*")
    at_once = rows.aggregate(f"sum(bytes) as bytes, (row_number - 1) // {ROWS_AT_ONCE} as part")
    ((largest,),) = at_once.aggregate("max(bytes)").fetchall()
    if (largest or 0) > LARGEST_ROWS_BYTES:
        raise UnreadableTextError(
            f"{ROWS_AT_ONCE:,} of its rows hold more than {LARGEST_ROWS_BYTES:,} bytes; check that it is an export"
        )


def _column(name: str) -> Expression:
    """A column by a name from outside, quoted: DuckDB 1.5 takes one with dots or quotes for a way, 2.0 takes none so."""
    return SQLExpression('"' + name.replace('"', '""') + '"')


def _as_text(value: Expression, kind: DuckDBPyType) -> Expression:
    """Times with a zone are written in UTC, whatever the connection's zone; all others as DuckDB does (ISO)."""
    if str(kind) != "TIMESTAMP WITH TIME ZONE":
        return value.cast("VARCHAR")
    in_utc = FunctionExpression("timezone", ConstantExpression("UTC"), value).cast("VARCHAR")
    return CaseExpression(value.isnotnull(), FunctionExpression("concat", in_utc, ConstantExpression("+00")))


def _nested(relation: duckdb.DuckDBPyRelation, wanted: Sequence[str]) -> dict[str, tuple[Expression, DuckDBPyType]]:
    """The wanted names that are no column but lead into one: value and type."""
    types = dict(zip(relation.columns, relation.types, strict=True))
    found = {}
    for name in dict.fromkeys(wanted):
        first, *parts = name.split(".")
        if name in types or first not in types or not parts:
            continue
        value: Expression | None = _column(first)
        kind = types[first]
        for part in parts:
            value, kind = _step(value, kind, part) if value is not None else (None, kind)
        if value is not None:
            found[name] = (value, kind)
    return found


def _step(value: Expression, kind: DuckDBPyType, part: str) -> tuple[Expression | None, DuckDBPyType]:
    inner: dict[str, Any] = dict(kind.children) if kind.id in {"struct", "list"} else {}
    if kind.id == "struct" and part in inner:
        return FunctionExpression("struct_extract", value, ConstantExpression(part)), inner[part]
    if kind.id == "list" and part.isdecimal():
        return FunctionExpression("list_extract", value, ConstantExpression(int(part) + 1)), inner["child"]
    return None, kind


def read_columns(
    path: Path, kind: Format, wanted: Sequence[str], dialect: Dialect = AS_IT_TELLS
) -> tuple[str, ...] | None:
    """The names that a file's header or schema gives, None for JSON, which has none.

    Raises `UnreadableTextError`, `duckdb.Error` or `OSError`.
    """
    with path.open("rb") as file:
        is_empty = not file.read(1)
    if is_empty:
        return None
    if kind is Format.CSV:
        header = read_header(path, wanted, dialect)
        return header.columns if header else None
    if kind is Format.XLSX:
        with _as_csv(path, dialect) as (sheet, written):
            return read_columns(sheet, Format.CSV, wanted, written)
    if kind is Format.PARQUET:
        with duckdb.connect() as connection:
            return parquet_columns(connection, path, wanted)
    return None


def where_columns_stand(path: Path, kind: Format, wanted: Sequence[str], dialect: Dialect = AS_IT_TELLS) -> str:
    """A hint for a message that a column is missing: `; line 4 has them: `skip_lines: 3``, or nothing."""
    if kind is Format.XLSX:
        with _as_csv(path, replace(dialect, skip_lines=0), has_blank_rows=True) as (sheet, written):
            return where_columns_stand(sheet, Format.CSV, wanted, replace(written, skip_lines=dialect.skip_lines))
    line = line_of_columns(_head(path), wanted, dialect) if kind is Format.CSV else None
    return "" if line is None else f"; line {line} has more of the columns: `skip_lines: {line - 1}`"


@contextmanager
def _as_csv(path: Path, dialect: Dialect, *, has_blank_rows: bool = False) -> Iterator[tuple[Path, Dialect]]:
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder) / "sheet"
        write_sheet(path, sheet, dialect, rows=SHEET_ROWS, has_blank_rows=has_blank_rows)
        yield sheet, as_written(dialect)


__all__ = ["NULL_TEXT", "OpenTable", "UnreadableTextError", "line_as_json", "open_table", "read_columns", "trimmed"]
