"""Rows whose outcome the profile did not list when they were read: what it says of them now.

What may surprise: outcomes are few and rows are many, so each set of outcomes is judged once, and again only where the profile
lists others. A row whose outcome has been listed as presence stays presence, like a row that is read later.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
from duckdb import CaseExpression, ColumnExpression, ConstantExpression, Expression, FunctionExpression

from calven_pipeline.exports.outcomes import UNLISTED, outcome_columns, outcome_expression
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.warehouse.database import WorkingDatabase


def judge_outcomes(database: WorkingDatabase, profiles: Sequence[SourceProfile], last_row: dict[str, int]) -> bool:
    """Bring the table `unlisted_outcomes` up to date; whether outcomes that were judged before were judged again."""
    database.run("validation/find_unlisted_outcomes", last_row)
    by_name = {profile.name: profile for profile in profiles}
    changed = False
    for name, were_known in database.rows("validation/sources_to_judge"):
        if name in by_name:
            _judge_outcomes(database, by_name[name])
            changed = changed or were_known
    return changed


def mark_unlisted_rows(database: WorkingDatabase, last_row: dict[str, int]) -> None:
    """Add to `marked_rows` what becomes of the rows to judge whose outcome was not listed."""
    database.run("validation/find_unlisted_rows", last_row)
    if database.value("validation/has_unlisted_rows"):
        database.run("validation/mark_unlisted_rows", last_row)
        if database.value("validation/has_removed_rows"):
            database.run("validation/mark_unlisted_of_removed")


def _judge_outcomes(database: WorkingDatabase, profile: SourceProfile) -> None:
    source = {"source": profile.name}
    database.run("validation/forget_outcomes", source)
    with database.relation("judged_outcomes", _judged(database, profile)):
        database.run("validation/remember_outcomes", source)


def _judged(database: WorkingDatabase, profile: SourceProfile) -> duckdb.DuckDBPyRelation:
    """One row per set of outcomes of a source: `unlisted` and what the profile says of it, `listing`.

    A row that was read before the profile named a column stays unlisted: nobody knows what stood in it.
    """
    columns = outcome_columns(profile)
    listing = outcome_expression(profile, {theirs: _of_kept("json_extract_string", theirs) for theirs in columns})
    for theirs in columns:
        listing = CaseExpression(_of_kept("json_exists", theirs), listing).otherwise(ConstantExpression(UNLISTED))
    found = database.connection.table("temp.outcomes_to_judge")
    mine = found.filter(ColumnExpression("source") == ConstantExpression(profile.name))
    return mine.select(ColumnExpression("unlisted"), listing.alias("listing"))


def _of_kept(function: str, theirs: str) -> Expression:
    """What the function says of one of their columns in the JSON that staging kept."""
    pointer = "/" + theirs.replace("~", "~0").replace("/", "~1")
    return FunctionExpression(function, ColumnExpression("unlisted"), ConstantExpression(pointer))
