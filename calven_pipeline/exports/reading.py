"""One export as rows in our columns, with every row's own text beside it; malformed rows are rows too.

What may surprise: nothing is read until the caller uses `rows`, except that broken JSON and Parquet files are noticed
on opening. Row 1 is the first row after the header; blank lines are no rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
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
    StarExpression,
)

from calven_pipeline.errors import UnreadableExportError
from calven_pipeline.exports.archives import format_name
from calven_pipeline.exports.dialect import AS_IT_TELLS, Dialect
from calven_pipeline.exports.fields import field, their_field
from calven_pipeline.exports.folder import ExportFile
from calven_pipeline.exports.outcomes import IGNORED, UNLISTED, outcome_columns, outcome_expression
from calven_pipeline.exports.profile_values import nearest
from calven_pipeline.exports.profiles import (
    ENDINGS,
    OUR_COLUMNS,
    Format,
    SourceProfile,
    named_columns,
    profile_problem,
)
from calven_pipeline.exports.tables import (
    NULL_TEXT,
    OpenTable,
    UnreadableTextError,
    line_as_json,
    open_table,
    read_columns,
    where_columns_stand,
)
from calven_pipeline.exports.times import with_times
from calven_pipeline.exports.wording import looks_like_header, shown, shown_header


class OddRowsError(Exception):
    """The file holds rows that only a careful reading tells apart; nothing of it may be kept."""


@dataclass(frozen=True)
class ExportReader:
    """One open export.

    `columns`: as the file names them, trimmed; for JSON those that the profile names.
    `rows`: `row_number` INTEGER, `file_number` INTEGER (0: one file was opened; who opens several as one numbers them), `OUR_COLUMNS` as VARCHAR
    (trimmed, empty is NULL, made as the profile says), `kept` BOOLEAN (false where the profile says that the row is no
    presence), `unlisted` VARCHAR (the outcomes of a row as a JSON object where the profile lists them nowhere, else NULL;
    such a row is kept), `malformed` VARCHAR (the row's text where it could not be taken apart, else NULL; a malformed row
    is kept and has no values), and what `with_times` adds.
    """

    columns: tuple[str, ...]
    rows: duckdb.DuckDBPyRelation
    _table: OpenTable

    @property
    def reads_lines(self) -> bool:
        """Whether `raw` reads whole lines, among which none is odd."""
        return self._table.lines is not None

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
    dialect: Dialect | None = None,
) -> Iterator[ExportReader]:
    """Open an export as its profile says, but for its `dialect` if one is given; the relations work until the context ends.

    With `trusting`, a CSV file without quotes is read at once, and `OddRowsError` raised where that turns out too bold;
    then open it again without.  `scratch` is an existing folder for links and, for a file with odd rows, a copy as large as the file. Raises
    `SourceProfileError` for a column that is not there and `UnreadableExportError` for a file that cannot be read.
    """
    kind = format_of(profile, file)
    with ExitStack() as stack:
        try:
            table = stack.enter_context(
                open_table(
                    connection,
                    file.path,
                    kind,
                    _named_columns(profile),
                    scratch,
                    trusting=trusting,
                    dialect=dialect or profile.dialect,
                )
            )
        except (UnreadableTextError, OSError, duckdb.Error) as error:
            _refuse(file, kind, error)
        if table.columns:
            _check_names(profile, file, kind, table.columns)
        try:
            yield ExportReader(table.columns, _rows(profile, table), table)
        except duckdb.InvalidInputException as error:
            if trusting:
                raise OddRowsError from error
            # the file has changed since it was looked through
            _refuse(file, kind, error)
        except duckdb.OutOfMemoryException as error:
            _refuse(file, kind, error)


def check_columns(profile: SourceProfile, file: ExportFile) -> None:
    """Look at the header or schema alone, for each column that the profile names.

    Raises `SourceProfileError` that names the key and the file's own columns, or `UnreadableExportError`.
    """
    kind = format_of(profile, file)
    try:
        columns = read_columns(file.path, kind, _named_columns(profile), dialect=profile.dialect)
    except (UnreadableTextError, OSError, duckdb.Error) as error:
        _refuse(file, kind, error)
    if columns is not None:
        _check_names(profile, file, kind, columns)


def format_of(profile: SourceProfile, file: ExportFile) -> Format:
    """The profile's format, or the one that the file's ending tells; raises `UnreadableExportError` where none does."""
    kind = profile.format or ENDINGS.get(Path(format_name(file.source_file)).suffix.lower())
    if kind is None:
        raise UnreadableExportError(
            f"Cannot read {shown(file.source_file)} of source {file.source}: its ending tells no format; "
            f"give the source a `format` ({', '.join(Format)}) or a narrower `files`"
        )
    return kind


def read_as(profile: SourceProfile, file: ExportFile) -> str:
    """What decides which row of a file is which: its format, and what the profile states of how it is written.

    For telling whether a file would be read now as it was then; raises as `format_of`.
    """
    return f"{format_of(profile, file)} {_stated(profile.dialect)}"


@cache
def _stated(dialect: Dialect) -> str:
    return json.dumps({key: value for key, value in asdict(dialect).items() if value != getattr(AS_IT_TELLS, key)})


def _refuse(file: ExportFile, kind: Format, error: Exception) -> NoReturn:
    if isinstance(error, OSError):
        reason = f"{error.strerror or 'it cannot be opened'}; check the file and who may read it"
    elif isinstance(error, UnreadableTextError):
        reason = str(error)
    elif isinstance(error, duckdb.OutOfMemoryException):
        reason = "its rows are too large or nested too deep for the memory of a run; check that it is an export"
    else:
        reason = f"DuckDB calls it {type(error).__name__}; check that the file is whole and really {kind}"
    may_pass = isinstance(error, OSError) and error.errno is not None
    line = f"Cannot read {shown(file.source_file)} of source {file.source} as {kind}: {reason}"
    raise UnreadableExportError(line, source_file=file.source_file, may_pass=may_pass) from error


def _named_columns(profile: SourceProfile) -> list[str]:
    return [theirs for _, theirs in named_columns(profile)]


def _check_names(profile: SourceProfile, file: ExportFile, kind: Format, columns: Sequence[str]) -> None:
    for key, theirs in named_columns(profile):
        if theirs not in columns and not (profile.is_default and key != "columns.timestamp"):
            problem = f"names the column {theirs!r}, which {shown(file.source_file)} does not have"
            raise profile_problem(profile, key, problem + _what_it_has(profile, file, kind, columns, theirs))
        if columns.count(theirs) > 1:
            problem = f"names the column {theirs!r}, which {shown(file.source_file)} has twice; rename one"
            raise profile_problem(profile, key, problem)


def _what_it_has(profile: SourceProfile, file: ExportFile, kind: Format, columns: Sequence[str], theirs: str) -> str:
    """The rest of a message about a column that a file lacks."""
    if not profile.header:
        return f"; it has {len(columns)} columns"
    near = nearest(theirs, columns) if looks_like_header(columns) else ""
    further = ""
    with suppress(OSError, UnreadableTextError, duckdb.Error):
        further = where_columns_stand(file.path, kind, _named_columns(profile), profile.dialect)
    return f"{near}; {shown_header(columns)}{further}"


def _rows(profile: SourceProfile, table: OpenTable) -> duckdb.DuckDBPyRelation:
    ours = [field(profile, table, name).alias(name) for name in OUR_COLUMNS]
    number, malformed = ColumnExpression("row_number"), ColumnExpression("malformed")
    outcomes = [their_field(table, theirs).alias(name) for theirs, name in _outcome_names(profile).items()]
    rows = table.relation.select(
        number,
        ConstantExpression(0).alias("file_number"),
        *ours,
        _passes(profile, table).alias("kept"),
        *outcomes,
        malformed,
    )
    return with_times(_with_unlisted(rows, profile), profile)


def _passes(profile: SourceProfile, table: OpenTable) -> Expression:
    """Whether `keep` takes the row for presence; a malformed row is always kept."""
    yes, no = ConstantExpression(value=True), ConstantExpression(value=False)
    kept: Expression = yes
    for theirs, wanted in profile.keep.items():
        found = FunctionExpression("lower", their_field(table, theirs))
        listed = found.isin(*(FunctionExpression("lower", ConstantExpression(word)) for word in wanted))
        kept = kept & CoalesceOperator(listed, no)
    return CaseExpression(ColumnExpression("malformed").isnotnull(), yes).otherwise(kept) if profile.keep else yes


def _outcome_names(profile: SourceProfile) -> dict[str, str]:
    """What the columns that `granted` and `ignored` judge are called here, where a name of theirs could be one of ours."""
    return {theirs: f"outcome_{number}" for number, theirs in enumerate(outcome_columns(profile))}


def _with_unlisted(rows: duckdb.DuckDBPyRelation, profile: SourceProfile) -> duckdb.DuckDBPyRelation:
    """The rows judged by `granted` and `ignored`: `kept` as these say, and `unlisted`."""
    names = _outcome_names(profile)
    if not names:
        return rows.select("*", NULL_TEXT.alias("unlisted"))
    values = {theirs: ColumnExpression(name) for theirs, name in names.items()}
    is_judged = ColumnExpression("kept") & ColumnExpression("malformed").isnull()
    outcome = CaseExpression(is_judged, outcome_expression(profile, values))
    rows = rows.select("*", outcome.alias("outcome"))
    is_ignored = ColumnExpression("outcome") == ConstantExpression(IGNORED)
    is_unlisted = ColumnExpression("outcome") == ConstantExpression(UNLISTED)
    kept = ColumnExpression("kept") & ~CoalesceOperator(is_ignored, ConstantExpression(value=False))
    pairs = [part for theirs, value in values.items() for part in (ConstantExpression(theirs), value)]
    unlisted = CaseExpression(is_unlisted, FunctionExpression("json_object", *pairs).cast("VARCHAR"))
    rest = StarExpression(exclude=["kept", "outcome", *names.values()])
    return rows.select(rest, kept.alias("kept"), unlisted.alias("unlisted"))
