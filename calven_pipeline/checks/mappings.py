"""Badges and doors that stood for somebody or somewhere, and stand for nobody now.

What may surprise: a key that left a table is no news while nobody uses it; who leaves a company leaves its badge table. So
what counts are rows: one that is rejected, whose badge or door an earlier row had that was valid. Of each such badge or door
the number of one rejected row is kept, no badge; it goes as soon as that rejection is closed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from calven_pipeline.checks.rules import NO_BADGE_LOST, NO_DOOR_LOST, Finding
from calven_pipeline.status.wording import counted
from calven_pipeline.warehouse.database import WorkingDatabase

LOOK_BACK = timedelta(weeks=8)  # of reading; a badge that nobody used for longer is no sudden loss
DOORS_NAMED = 5
KINDS = {"source_user_id": "badges", "place": "doors"}


def look_at_mappings(database: WorkingDatabase, revision: int, now: datetime) -> tuple[Finding, Finding]:
    """Whether badges and doors still stand for somebody; right after the validation of that revision, on its connection.

    The cost follows what was rejected since the last look, and then the rows of the last weeks.
    """
    with database.transaction():
        badges, doors = _lost(database)
        if badges or doors:
            database.run("checks/forget_found")
        _find(database, revision, now)
        badges, doors = _lost(database)
    names = [f"{door} ({source})" for source, door in database.rows("checks/lost_doors", {"most": DOORS_NAMED})]
    return (
        Finding(
            NO_BADGE_LOST,
            passed=not badges,
            story=f"{counted(badges, 'badge')} that stood for somebody before {_stand(badges)} for nobody now."
            if badges
            else "Every badge that stood for somebody still does.",
            numbers={"badges_lost": badges},
        ),
        Finding(
            NO_DOOR_LOST,
            passed=not doors,
            story=f"{counted(doors, 'door')} that stood for a place before {_stand(doors)} for none now: {_some(names, doors)}."
            if doors
            else "Every door that stood for a place still does.",
            numbers={"doors_lost": doors},
        ),
    )


def _find(database: WorkingDatabase, revision: int, now: datetime) -> None:
    """Add to `lost_mappings` what newly rejected rows tell."""
    database.run("checks/find_unmapped", {"revision": database.value("checks/last_look")})
    kinds = dict(database.rows("checks/count_unmapped"))
    if not kinds:
        return
    database.run("checks/find_earlier", {"since": now - LOOK_BACK})
    for kind in (KINDS[ours] for ours in kinds):
        database.run(f"checks/add_lost_{kind}")
    database.run("checks/forget_look")
    database.run("checks/remember_look", {"revision": revision})


def _lost(database: WorkingDatabase) -> tuple[int, int]:
    ((badges, doors),) = database.rows("checks/count_lost")
    return badges, doors


def _stand(number: int) -> str:
    return "stands" if number == 1 else "stand"


def _some(names: list[str], number: int) -> str:
    more = f" and {number - len(names)} more" if number > len(names) else ""
    return ", ".join(names) + more
