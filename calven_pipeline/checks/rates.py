"""Whether more rows are rejected than allowed, or than usual.

A source's newest rows are those of the 24 hours of reading up to its newest file, so a bad file warns until its rows heal or
others come, however often nothing new is found meanwhile. Rows that say nothing of presence (duplicate, ignored) do not count:
a file that grows is read again, and would hide its new rows among the old ones. A dismissed row is still a rejected one.

Small numbers must not shout. Below 100 rows nothing is said: a share of 0.2 of 100 rows is known to 0.04 (one standard error),
of 3 rows to 0.23. Rows are no independent draws, one lost mapping rejects a whole door, so what is usual is taken from whole
days: the share that nine in ten of the days of the last sixty keep to, of days with at least 20 rows, where there are five. It
is unusual where it lies above that by 0.05, and by three standard errors of so many rows (which leaves 1 false alarm in 700
looks even on an unusual day).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

from calven_pipeline.checks.rules import REJECTION_RATE_USUAL, Finding
from calven_pipeline.warehouse.database import WorkingDatabase

LEAST_ROWS = 100
LEAST_ROWS_A_DAY = 20
LEAST_DAYS = 5
LOOK_BACK = timedelta(days=60)
LEAST_EXCESS = 0.05
STANDARD_ERRORS = 3


@dataclass(frozen=True)
class Rate:
    """How many of a source's newest rows are rejected; `usual` is a share, None where too few days came before."""

    source: str
    rows: int
    rejected: int
    usual: float | None = None

    @property
    def share(self) -> float:
        """Of these rows."""
        return self.rejected / self.rows

    @property
    def is_unusual(self) -> bool:
        """Whether it lies above what is usual by more than chance and by enough to matter."""
        if self.usual is None:
            return False
        at_least_one = max(self.usual, 1 / self.rows)
        error = sqrt(at_least_one * (1 - self.usual) / self.rows)
        return self.share > self.usual + max(LEAST_EXCESS, STANDARD_ERRORS * error)

    def is_over(self, limit: float) -> bool:
        """Whether more are rejected than allowed."""
        return self.share > limit

    def story(self, limit: float) -> str:
        """One clause: the share, and what it is held against."""
        held = [f"the limit is {limit:.0%}"] if self.is_over(limit) else []
        held += [f"usual is up to {self.usual:.1%}"] if self.usual is not None and self.is_unusual else []
        return f"{self.source}: {self.share:.1%} of its {self.rows:,} newest rows are rejected ({', '.join(held)})"


def look_at_rates(database: WorkingDatabase, limit: float, now: datetime) -> Finding:
    """Whether each source's newest rows keep to `limit` (a share) and to what is usual; after the books were counted."""
    rates = [
        Rate(*row)
        for row in database.rows(
            "checks/rejection_rates",
            {
                "since": now - LOOK_BACK,
                "least_rows": LEAST_ROWS,
                "least_rows_a_day": LEAST_ROWS_A_DAY,
                "least_days": LEAST_DAYS,
            },
        )
    ]
    high = [rate for rate in rates if rate.is_over(limit) or rate.is_unusual]
    return Finding(
        REJECTION_RATE_USUAL,
        passed=not high,
        story=f"{'; '.join(rate.story(limit) for rate in high)}."
        if high
        else "No source has more of its rows rejected than allowed or usual.",
        numbers={
            "highest_rate": round(max((rate.share for rate in rates), default=0.0), 4),
            "rate_limit": limit,
            "sources_judged": len(rates),
            "sources_over_limit": sum(rate.is_over(limit) for rate in rates),
            "sources_unusual": sum(rate.is_unusual for rate in rates),
        },
        about=tuple(rate.source for rate in high),
    )
