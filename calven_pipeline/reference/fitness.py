"""Whether users, locations and desks are fit to judge by: one rule for the pull, for the check and for the validation.

What may surprise: a pull refuses an answer that is empty or has shrunk, so a table that does not fit was spoiled in another
way: by hand, by a restored file, by a mistake of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from calven_pipeline.warehouse.database import WorkingDatabase

LEAST_SHARE_KEPT = 0.5  # of the rows of the last pull


@dataclass(frozen=True)
class Fitness:
    """What a table holds: `doubled` rows bear the id of another; the last pull that was taken had `last` rows.

    `last` is None where nothing was ever pulled.
    """

    resource: str
    row_count: int
    doubled: int
    last: int | None

    def faults(self, rows_before: int = 0) -> list[str]:
        """Why nothing may be judged by it, none where it fits; `rows_before` is what a pull just taken found.

        An empty table fits where the last pull was taken empty: that takes somebody who allowed it.
        """
        last = max(self.last or 0, rows_before)
        faults = {
            f"{self.resource} is empty": self.row_count == 0 and self.last != 0,
            f"{self.resource} holds {_rows(self.doubled)} whose id another row bears": self.doubled > 0,
            f"{self.resource} holds {_rows(self.row_count)}, the last pull had {last:,}": self.row_count > 0
            and has_shrunk(self.row_count, last),
        }
        return [clause for clause, is_so in faults.items() if is_so]


def has_shrunk(rows: int, before: int) -> bool:
    """Whether over half of the rows are gone."""
    return rows < before * LEAST_SHARE_KEPT


def fitness(database: WorkingDatabase) -> dict[str, Fitness]:
    """What each of the three tables holds, by name."""
    return {row[0]: Fitness(*row) for row in database.rows("reference/count_tables")}


def story_of(faults: list[str]) -> str:
    """What does not fit and what to do, in one line without people."""
    return f"{'; '.join(faults)}. Nothing is judged by it: pull it again with the job refresh_reference."


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"
