"""Whether this machine's clock and Calven's agree.

What may surprise: a run that posts nothing hears nothing of Calven's clock, and then tells what was heard last: a clock is not
mended by silence.
"""

from __future__ import annotations

from calven_pipeline.checks.rules import CLOCK_AGREES, Finding
from calven_pipeline.warehouse.database import WorkingDatabase

MOST_APART_S = 60.0


def look_at_clock(database: WorkingDatabase, skew_s: float | None) -> Finding:
    """Whether the clocks agree; `skew_s` is Calven's clock minus ours as this run heard, None where it heard nothing."""
    if skew_s is not None:
        with database.transaction():
            database.run("checks/forget_clock")
            database.run("checks/remember_clock", {"skew_s": skew_s})
    else:
        skew_s = database.value("checks/server_clock")
    known = skew_s or 0.0
    if skew_s is None:
        story = "No answer of Calven's has told its time yet."
    elif abs(known) > MOST_APART_S:
        story = f"This machine's clock is {abs(known):.0f} s {'behind' if known > 0 else 'ahead of'} Calven's."
    else:
        story = "This machine's clock and Calven's agree."
    return Finding(
        CLOCK_AGREES,
        passed=abs(known) <= MOST_APART_S,
        story=story,
        numbers={"server_clock_skew_s": round(known, 1)},
    )
