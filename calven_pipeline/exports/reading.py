"""One export as rows in our columns, with every row's own text beside it; malformed rows are rows too.

What may surprise: nothing is read until the caller uses `rows`, except that broken JSON and Parquet files are noticed
on opening. Row 1 is the first row after the header; blank lines are no rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import duckdb
from duckdb import (
    CaseExpression,
    CoalesceOperator,
    ColumnExpression,
    ConstantExpression,
    Expression,
    FunctionExpression,
)

from calven_pipeline.errors import UnreadableExportError
from calven_pipeline.exports.discovery import ExportFile
from calven_pipeline.exports.profiles import OUR_COLUMNS, Format, SourceProfile, nearest, profile_problem
from calven_pipeline.exports.tables import (
    NULL_TEXT,
    OpenTable,
    UnreadableTextError,
    line_as_json,
    open_table,
    read_columns,
    trimmed,
)
from calven_pipeline.exports.wording import looks_like_header, shown, shown_header

ENDINGS = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".txt": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSON,
    ".parquet": Format.PARQUET,
}


class OddRowsError(Exception):
    """The file holds rows that only a careful reading tells apart; nothing of it may be kept."""


@dataclass(frozen=True)
class ExportReader:
    """One open export.

    `columns`: as the file names them, trimmed; for JSON those that the profile names.
    `rows`: `row_number` INTEGER, our eight columns as VARCHAR (trimmed, empty is NULL, defaults filled in), `kept`
    BOOLEAN (false where `keep` says that the row is no presence), `malformed` VARCHAR (the row's text where it could
    not be taken apart, else NULL; a malformed row is kept and has no values).
    """

    columns: tuple[str, ...]
    rows: duckdb.DuckDBPyRelation
    _table: OpenTable

    def raw(self, row_numbers: duckdb.DuckDBPyRelation | None = None) -> duckdb.DuckDBPyRelation:
        """`row_number` and `raw`, each row's own text; of the rows in `row_numbers` (a column `row_number`) alone, if given.

        A line of JSON is itself; a row of CSV or Parquet is a JSON object of its columns; a malformed row is its text.
        """
        table = self._table
        if table.lines is not None:
            rows, text = table.lines, line_as_json(ColumnExpression("text"), table.columns, table.delimiter)
        else:
            rows, text = table.relation, CoalesceOperator(ColumnExpression("malformed"), table.raw)
        chosen = rows if row_numbers is None else rows.join(row_numbers, "row_number", how="semi")
        return chosen.select(ColumnExpression("row_number"), text.alias("raw"))


@contextmanager
def open_export(
    connection: duckdb.DuckDBPyConnection,
    profile: SourceProfile,
    file: ExportFile,
    scratch: Path,
    *,
    trusting: bool = False,
) -> Iterator[ExportReader]:
    """Open an export as its profile says; the relations work until the context ends.

    With `trusting`, a CSV file without quotes is read at once, and `OddRowsError` raised where that turns out too bold;
    then open it again without.  `scratch` is an existing folder for links and, for a file with odd rows, a copy as large as the file. Raises
    `SourceProfileError` for a column that is not there and `UnreadableExportError` for a file that cannot be read.
    """
    kind = format_of(profile, file)
    with ExitStack() as stack:
        try:
            table = stack.enter_context(
                open_table(connection, file.path, kind, _named_columns(profile), scratch, trusting=trusting)
            )
        except (UnreadableTextError, OSError, duckdb.Error) as error:
            _refuse(file, kind, error)
        if table.columns:
            _check_names(profile, file, table.columns)
        try:
            yield ExportReader(table.columns, _rows(profile, table), table)
        except duckdb.InvalidInputException as error:
            if trusting:
                raise OddRowsError from error
            # the file has changed since it was looked through
            _refuse(file, kind, error)


def check_columns(profile: SourceProfile, file: ExportFile) -> None:
    """Look at the header or schema alone, for each column that the profile names.

    Raises `SourceProfileError` that names the key and the file's own columns, or `UnreadableExportError`.
    """
    kind = format_of(profile, file)
    try:
        columns = read_columns(file.path, kind, _named_columns(profile))
    except (UnreadableTextError, OSError, duckdb.Error) as error:
        _refuse(file, kind, error)
    if columns is not None:
        _check_names(profile, file, columns)


def format_of(profile: SourceProfile, file: ExportFile) -> Format:
    """The profile's format, or the one that the file's ending tells; raises `UnreadableExportError` where none does."""
    kind = profile.format or ENDINGS.get(Path(file.source_file).suffix.lower())
    if kind is None:
        raise UnreadableExportError(
            f"Cannot read {shown(file.source_file)} of source {file.source}: its ending tells no format; "
            f"give the source a `format` ({', '.join(Format)}) or a narrower `files`"
        )
    return kind


def _refuse(file: ExportFile, kind: Format, error: Exception) -> NoReturn:
    if isinstance(error, OSError):
        reason = f"{error.strerror or 'it cannot be opened'}; check the file and who may read it"
    elif isinstance(error, UnreadableTextError):
        reason = str(error)
    else:
        reason = f"DuckDB calls it {type(error).__name__}; check that the file is whole and really {kind}"
    raise UnreadableExportError(
        f"Cannot read {shown(file.source_file)} of source {file.source} as {kind}: {reason}"
    ) from error


def _named_columns(profile: SourceProfile) -> list[str]:
    return [*(theirs for names in profile.columns.values() for theirs in names), *profile.keep]


def _check_names(profile: SourceProfile, file: ExportFile, columns: Sequence[str]) -> None:
    named = [(f"columns.{ours}", theirs) for ours, names in profile.columns.items() for theirs in names]
    named += [(f"keep.{theirs}", theirs) for theirs in profile.keep]
    for key, theirs in named:
        if theirs not in columns and not (profile.is_default and key != "columns.timestamp"):
            problem = (
                f"names the column {theirs!r}, which {shown(file.source_file)} does not have"
                f"{_nearest_column(theirs, columns)}; {shown_header(columns)}"
            )
            raise profile_problem(profile, key, problem)
        if columns.count(theirs) > 1:
            problem = f"names the column {theirs!r}, which {shown(file.source_file)} has twice; rename one"
            raise profile_problem(profile, key, problem)


def _nearest_column(theirs: str, columns: Sequence[str]) -> str:
    return nearest(theirs, columns) if looks_like_header(columns) else ""


def _rows(profile: SourceProfile, table: OpenTable) -> duckdb.DuckDBPyRelation:
    ours = [_with_default(profile, table, name).alias(name) for name in OUR_COLUMNS]
    malformed = ColumnExpression("malformed")
    return table.relation.select(ColumnExpression("row_number"), *ours, _kept(profile, table).alias("kept"), malformed)


def _with_default(profile: SourceProfile, table: OpenTable, ours: str) -> Expression:
    value = _value(table, profile.columns.get(ours, ()))
    if ours not in profile.defaults:
        return value
    default = CaseExpression(ColumnExpression("malformed").isnull(), ConstantExpression(profile.defaults[ours]))
    return CoalesceOperator(value, default)


def _value(table: OpenTable, names: Sequence[str]) -> Expression:
    """Join the parts of one of our columns with "/".

    A missing part is an empty one; only where all are missing is the whole missing.
    """
    parts = [trimmed(table.values[name], table.padding) for name in names if name in table.values]
    if not parts:
        return NULL_TEXT
    if len(parts) == 1:
        return parts[0]
    pieces = [piece for part in parts for piece in (ConstantExpression("/"), part)][1:]
    joined = FunctionExpression("concat", *pieces)  # concat takes NULL for an empty text
    return CaseExpression(CoalesceOperator(*parts).isnotnull(), joined).otherwise(NULL_TEXT)


def _kept(profile: SourceProfile, table: OpenTable) -> Expression:
    yes, no = ConstantExpression(value=True), ConstantExpression(value=False)
    kept: Expression = yes
    for theirs, wanted in profile.keep.items():
        found = (
            FunctionExpression("lower", trimmed(table.values[theirs], table.padding))
            if theirs in table.values
            else NULL_TEXT
        )
        listed = found.isin(*(FunctionExpression("lower", ConstantExpression(word)) for word in wanted))
        kept = kept & CoalesceOperator(listed, no)
    return CaseExpression(ColumnExpression("malformed").isnotnull(), yes).otherwise(kept) if profile.keep else yes
