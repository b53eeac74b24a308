"""Whether users, locations and desks can be judged by, and how old they are.

What may surprise: a pull refuses an answer that is empty or has shrunk, so a table that does not fit was spoiled in another
way: by hand, by a restored file, by a mistake of ours. That is looked for each time, also where the old table serves.
"""

from __future__ import annotations

from datetime import UTC, datetime

from calven_pipeline.checks.rules import REFERENCE_FRESH, Finding, fit_to_judge_by
from calven_pipeline.status.wording import age, counted
from calven_pipeline.warehouse.database import WorkingDatabase

LEAST_SHARE_KEPT = 0.5  # of the rows of the last pull


def look_at_table(database: WorkingDatabase, resource: str, rows_before: int = 0) -> Finding:
    """Whether the table fits; `rows_before` is what a pull just taken found, 0 where it may have lost any number.

    An empty table fits where the last pull that was taken was empty: that takes somebody who allowed it.
    """
    ((rows, doubled, pulled),) = database.rows(f"checks/count_{resource}")
    last = max(pulled or 0, rows_before)
    faults = {
        f"{resource} is empty": rows == 0 and pulled != 0,
        f"{resource} holds {counted(doubled, 'row')} whose id another row bears": doubled > 0,
        f"{resource} holds {counted(rows, 'row')}, the last pull had {last:,}": 0 < rows < last * LEAST_SHARE_KEPT,
    }
    wrong = [clause for clause, is_wrong in faults.items() if is_wrong]
    story = f"{'; '.join(wrong)}. Nothing is judged by it: pull it again with the job refresh_reference."
    return Finding(
        fit_to_judge_by(resource),
        passed=not wrong,
        story=story if wrong else f"{counted(rows, 'row')}, each id once.",
        numbers={"rows": rows, "rows_of_last_pull": last, "doubled_ids": doubled},
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
    )
