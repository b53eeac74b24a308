"""Whether this machine's clock and Calven's agree.

What may surprise: a run that posts nothing hears nothing of Calven's clock, and then tells what was heard last, and when: a
clock is not mended by silence. Calven tells whole seconds, so whole seconds are compared.
"""

from __future__ import annotations

from calven_pipeline.checks.rules import CLOCK_AGREES, Finding
from calven_pipeline.warehouse.database import WorkingDatabase

MOST_APART_S = 60


def look_at_clock(database: WorkingDatabase, skew_s: float | None) -> Finding:
    """Whether the clocks agree; `skew_s` is Calven's clock minus ours as this run heard, None where it heard nothing."""
    known, heard = skew_s, ""
    if skew_s is not None:
        with database.transaction():
            database.run("checks/forget_clock")
            database.run("checks/remember_clock", {"skew_s": skew_s})
    elif remembered := database.rows("checks/server_clock"):
        ((known, measured_at),) = remembered
        heard = f", as of {measured_at:%Y-%m-%d %H:%M} UTC"
    apart_s = round(abs(known or 0.0))
    if known is None:
        story = "No answer of Calven's has told its time yet."
    elif apart_s > MOST_APART_S:
        story = f"This machine's clock is {apart_s} s {'behind' if known > 0 else 'ahead of'} Calven's{heard}."
    else:
        story = f"This machine's clock and Calven's agree{heard}."
    return Finding(
        CLOCK_AGREES,
        passed=apart_s <= MOST_APART_S,
        story=story,
        numbers={"server_clock_skew_s": round(known or 0.0, 1)},
    )
