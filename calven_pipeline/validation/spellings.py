"""Badges and doors of rows that were read before their profile normalised them, as it would write them today.

What may surprise: a row keeps the spelling of its reading, and its event id with it, while the keys of the people and places
tables are written anew with each change of `normalize`. So the two are brought together here, once for each value.
"""

from __future__ import annotations

from collections.abc import Sequence

from duckdb import ColumnExpression

from calven_pipeline.exports.fields import normalized
from calven_pipeline.warehouse.database import WorkingDatabase


def spell_anew(database: WorkingDatabase, last_row: dict[str, int]) -> None:
    """Let `badges` and `doors` know the rows to judge by what today's steps make of them; only sources with steps cost anything."""
    database.run("validation/forget_spellings")
    for source, ours, steps in database.rows("validation/sources_with_steps"):
        if can_be_repeated(steps):
            column = {"source": source, "ours": ours}
            database.run("validation/find_written", {**last_row, **column})
            written, staged = database.connection.table("temp.written"), ColumnExpression("staged")
            with database.relation(
                "written_again", written.select(staged, normalized(staged, steps).alias("spelling"))
            ):
                database.run("validation/add_spellings", column)
    database.run("validation/add_doors_by_spelling")
    database.run("validation/lookup_badges")


def can_be_repeated(steps: Sequence[str]) -> bool:
    """Whether a value that has gone through the steps stays what it is.

    Not where `facility` comes after `leading_zeros`: it lays bare zeros that the next time would drop, and another badge may
    bear that number.
    """
    return "leading_zeros" not in steps or "facility" not in steps[steps.index("leading_zeros") :]
