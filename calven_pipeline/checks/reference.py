"""Whether users, locations and desks can be judged by, and how old they are.

What may surprise: fitness is looked for each time, also where the old table serves because Calven did not answer.
"""

from __future__ import annotations

from datetime import UTC, datetime

from calven_pipeline.checks.rules import REFERENCE_FRESH, Finding, fit_to_judge_by
from calven_pipeline.reference.fitness import fitness, story_of
from calven_pipeline.status.wording import age, counted
from calven_pipeline.warehouse.database import WorkingDatabase


def look_at_table(database: WorkingDatabase, resource: str, rows_before: int = 0) -> Finding:
    """Whether the table fits; `rows_before` is what a pull just taken found, 0 where it may have lost any number."""
    table = fitness(database)[resource]
    faults = table.faults(rows_before)
    return Finding(
        fit_to_judge_by(resource),
        passed=not faults,
        story=story_of(faults) if faults else f"{counted(table.row_count, 'row')}, each id once.",
        numbers={
            "rows": table.row_count,
            "rows_of_last_pull": max(table.last or 0, rows_before),
            "doubled_ids": table.doubled,
        },
    )


def look_at_age(database: WorkingDatabase, max_age_hours: float, now: datetime) -> Finding:
    """Whether every table was pulled at most that long before `now` (aware)."""
    ages = {table: now - pulled_at.replace(tzinfo=UTC) for table, pulled_at in database.rows("checks/pulls")}
    hours = {table: age.total_seconds() / 3600 for table, age in ages.items()}
    old = [table for table, since in hours.items() if since > max_age_hours]
    oldest = max(ages.values())
    return Finding(
        REFERENCE_FRESH,
        passed=not old,
        story=f"{', '.join(old) or 'The oldest'} last pulled {age(oldest)} ago; the limit is {max_age_hours:g} hours.",
        numbers={
            "oldest_pull_age_hours": round(max(hours.values()), 2),
            "max_age_hours": max_age_hours,
            "tables_too_old": len(old),
        },
        about=tuple(old),
    )
