"""The customer's own tables: who a badge belongs to (`people`), and what Calven calls a door (`places`).

What may surprise: a line without a target is kept, with NULL: that key is known and unmapped. Keys compare without
case and are normalised as the profile normalises the exports' values, so two lines that become one key must agree. A
place with `*` or `?` is a pattern; what it stands for is found when rows are judged. The encoding is found out from the
whole file, since Excel saves in that of the machine unless told.
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import duckdb
from duckdb import ColumnExpression, ConstantExpression, Expression, FunctionExpression

from calven_pipeline.exports.dialect import Dialect
from calven_pipeline.exports.fields import normalized
from calven_pipeline.exports.mapping_text import table_dialect, why_malformed
from calven_pipeline.exports.profiles import PEOPLE_KEY, PLACES_KEY, Format, SourceProfile, profile_problem
from calven_pipeline.exports.tables import NULL_TEXT, UnreadableTextError, open_table, trimmed

PEOPLE_COLUMNS = (PEOPLE_KEY, "user_id", "user_email")
PLACES_COLUMNS = (PLACES_KEY, "location_id", "location_type")


def read_people(
    connection: duckdb.DuckDBPyConnection, profile: SourceProfile, data_dir: Path
) -> duckdb.DuckDBPyRelation:
    """One row per `source_user_id` (without case): `user_id`, `user_email`, trimmed text. Empty without a table.

    A temporary table of the connection holds it. Raises `SourceProfileError`.
    """
    return _read(connection, profile, "people", data_dir, PEOPLE_COLUMNS)


def read_places(
    connection: duckdb.DuckDBPyConnection, profile: SourceProfile, data_dir: Path
) -> duckdb.DuckDBPyRelation:
    """One row per `source_place` (without case), as trimmed text, with its first row in the file.

    `location_id`, `location_type` in small letters, `position` (only of a table that is there). Empty without a table.
    A temporary table of the connection holds it. Raises `SourceProfileError`.
    """
    return _read(connection, profile, "places", data_dir, PLACES_COLUMNS)


def _read(
    connection: duckdb.DuckDBPyConnection, profile: SourceProfile, key: str, data_dir: Path, columns: tuple[str, ...]
) -> duckdb.DuckDBPyRelation:
    file: Path | None = getattr(profile, key)
    if file is None:
        nothing = connection.sql("select 1 limit 0")
        return nothing.select(*(NULL_TEXT.alias(column) for column in columns))
    try:
        dialect = table_dialect(data_dir / file, profile.encoding)
        lines = _copied(connection, data_dir / file, columns, profile, dialect)
    except (OSError, UnreadableTextError, duckdb.InvalidInputException) as error:
        reason = str(error) if isinstance(error, UnreadableTextError) else getattr(error, "strerror", "it is no CSV")
        raise profile_problem(profile, key, f"{file} cannot be read: {reason}") from error
    _refuse_malformed(profile, key, lines, data_dir / file, dialect)
    good = lines.filter(ColumnExpression(columns[0]).isnotnull())
    _refuse_two_targets(profile, key, good, columns)
    return good.aggregate(ONE_PER_KEY[key], KEY[key])


ONE_PER_KEY = {
    "people": "min(source_user_id) as source_user_id, min(user_id) as user_id, min(user_email) as user_email",
    "places": "min(source_place) as source_place, min(location_id) as location_id, min(location_type) as location_type, "
    "min(row_number) as position",
}
TARGETS_PER_KEY = {
    "people": "min(source_user_id) as key, max(row_number) as row, count(distinct (lower(user_id), user_email)) as targets",
    "places": "min(source_place) as key, max(row_number) as row, "
    "count(distinct (lower(location_id), location_type)) as targets",
}
KEY = {"people": "lower(source_user_id)", "places": "lower(source_place)"}


def _copied(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    columns: tuple[str, ...],
    profile: SourceProfile,
    dialect: Dialect,
) -> duckdb.DuckDBPyRelation:
    """The lines in a temporary table: the relation outlives the file's links, and reads the file once."""
    name = f"mapping_{uuid4().hex}"
    with open_table(connection, path, Format.CSV, columns, dialect=dialect) as table:
        picked = [_picked(table.values.get(column), column, profile).alias(column) for column in columns]
        lines = table.relation.select(ColumnExpression("row_number"), ColumnExpression("malformed"), *picked)
        connection.register(f"{name}_lines", lines)
        try:
            connection.execute(f"create temporary table {name} as from {name}_lines")
        finally:
            connection.unregister(f"{name}_lines")
    return connection.table(f"temp.{name}")


def _picked(value: Expression | None, column: str, profile: SourceProfile) -> Expression:
    """The trimmed text; a key is normalised as the exports' values are, so that the two meet."""
    if value is None:
        return NULL_TEXT
    if column == "location_type":
        return FunctionExpression("lower", trimmed(value))
    if column == PEOPLE_KEY:
        return normalized(trimmed(value), profile.normalize.get("source_user_id", ()))
    if column == PLACES_KEY:
        return normalized(trimmed(value), profile.normalize.get("place", ()), is_pattern=True)
    return trimmed(value)


def _refuse_malformed(
    profile: SourceProfile, key: str, lines: duckdb.DuckDBPyRelation, path: Path, dialect: Dialect
) -> None:
    malformed = lines.filter(ColumnExpression("malformed").isnotnull()).order("row_number").limit(1)
    for number, text in malformed.select("row_number", "malformed").fetchall():
        why = why_malformed(path, lines.columns[2:], dialect, text) or f"row {number} cannot be read"
        raise profile_problem(profile, key, f"{getattr(profile, key)}: {why}; mend or remove it")


def _refuse_two_targets(
    profile: SourceProfile, key: str, lines: duckdb.DuckDBPyRelation, columns: tuple[str, ...]
) -> None:
    theirs, *targets = columns
    found = lines.aggregate(TARGETS_PER_KEY[key], KEY[key]).filter(ColumnExpression("targets") > ConstantExpression(1))
    for value, number in found.order("row").limit(1).select("key", "row").fetchall():
        which = f"row {number}" if "@" in value else f"{value!r} (row {number})"
        problem = f"{getattr(profile, key)} gives the {theirs} of {which} two targets; keep one {' and '.join(targets)}"
        raise profile_problem(profile, key, problem)
