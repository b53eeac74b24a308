"""Badges and doors that stood for somebody or somewhere, and stand for nobody now.

What may surprise: a key that left a table is no news while nobody uses it; who leaves a company leaves its badge table. So
what counts are rows: one that is rejected, whose badge or door an earlier row had that was valid. Of each such badge or door
the number of one rejected row is kept, no badge; where that rejection is closed, another open one takes its place, and it
goes with the last of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from calven_pipeline.checks.rules import NO_BADGE_LOST, NO_DOOR_LOST, Finding
from calven_pipeline.status.wording import counted
from calven_pipeline.warehouse.database import WorkingDatabase

LOOK_BACK = timedelta(weeks=8)  # of reading; a badge that nobody used for longer is no sudden loss
DOORS_NAMED = 5
DOORS_TOLD_APART = 40  # a door more than that is no news


def look_at_mappings(database: WorkingDatabase, revision: int, now: datetime) -> tuple[Finding, Finding]:
    """Whether badges and doors still stand for somebody; right after the validation of that revision, on its connection.

    The cost follows what was rejected since the last look, and then the rows of the last weeks.
    """
    with database.transaction():
        badges, doors = _lost(database)
        if badges or doors:
            _forget_closed(database)
        _find(database, revision, now)
        badges, doors = _lost(database)
    sources = database.rows("checks/lost_badges")
    names = [f"{door} ({source})" for source, door in database.rows("checks/lost_doors", {"most": DOORS_TOLD_APART})]
    return (
        Finding(
            NO_BADGE_LOST,
            passed=not badges,
            story=f"{counted(badges, 'badge')} that stood for somebody before {_stand(badges)} for nobody now."
            if badges
            else "Every badge that stood for somebody still does.",
            numbers={"badges_lost": badges},
            about=tuple(name for source, number in sources for name in _by_size(source, number)),
        ),
        Finding(
            NO_DOOR_LOST,
            passed=not doors,
            story=f"{counted(doors, 'door')} that stood for a place before {_stand(doors)} for none now: {_some(names, doors)}."
            if doors
            else "Every door that stood for a place still does.",
            numbers={"doors_lost": doors},
            about=tuple(names),
        ),
    )


def _find(database: WorkingDatabase, revision: int, now: datetime) -> None:
    """Add to `lost_mappings` what newly rejected rows tell."""
    database.run("checks/find_unmapped", {"revision": database.value("checks/last_look")})
    kinds = dict(database.rows("checks/count_unmapped"))
    if not kinds:
        return
    database.run("checks/find_earlier", {"since": now - LOOK_BACK})
    for ours in kinds:
        database.run("checks/add_lost", {"ours": ours})
    database.run("checks/forget_look")
    database.run("checks/remember_look", {"revision": revision})


def _forget_closed(database: WorkingDatabase) -> None:
    """Let go of what no open rejection says any more; one that was dismissed may leave others of the same badge open."""
    database.run("checks/find_closed")
    if database.value("checks/count_closed"):
        database.run("checks/move_closed")
        database.run("checks/forget_closed")


def _lost(database: WorkingDatabase) -> tuple[int, int]:
    ((badges, doors),) = database.rows("checks/count_lost")
    return badges, doors


def _stand(number: int) -> str:
    return "stands" if number == 1 else "stand"


def _some(names: list[str], number: int) -> str:
    shown = names[:DOORS_NAMED]
    more = f" and {number - len(shown)} more" if number > len(shown) else ""
    return ", ".join(shown) + more


def _by_size(source: str, number: int) -> list[str]:
    """The source, and once more for each power of ten that the number reaches: ten times as many badges are news."""
    return [source, *(f"{source}: {10**power} and more" for power in range(1, len(str(number))))]
