"""The outbox in the working database: plan calls, build their bodies, and fold answers in.

Every function is one transaction. Rows never pass through Python: a call is one row with its whole body as text.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from calven_pipeline.delivery.journal import Journal
from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.warehouse.database import WorkingDatabase


@dataclass(frozen=True)
class PlannedCall:
    """A call that is written down but not sent yet; `body` is its JSON text."""

    call_id: int
    body: str
    events: int


def waiting(database: WorkingDatabase) -> int:
    """How many events Calven has not settled."""
    return int(database.value("delivery/count_due"))


def recover(database: WorkingDatabase, journal: Journal, revision: int) -> None:
    """Take in what a killed run left: its journals first, then the events that were on their way are due again."""
    fold(database, journal, revision)
    with database.transaction():
        database.run("delivery/recover_in_flight", {"calls": None})
        database.run("delivery/drop_unsent_calls")


def plan(database: WorkingDatabase, revision: int, *, batch_size: int, calls: int) -> list[PlannedCall]:
    """The next calls in the order of the rows, at most about `calls` of them; empty where nothing is due."""
    with database.transaction():
        database.run(
            "delivery/plan_calls", {"revision": revision, "batch_size": batch_size, "events": batch_size * calls}
        )
        ((first, last, events),) = database.rows("delivery/planned_range")
        if not events:
            return []
        database.run("delivery/add_calls", {"revision": revision})
        database.run("delivery/take_events")
        bodies = database.rows("delivery/build_bodies", {"first_row_id": first, "last_row_id": last})
        if sum(row[2] for row in bodies) != events:
            # An event that is planned but not sent would count as accepted with its call.
            raise WorkingDatabaseError(
                "The working database holds due events without a verdict, a user or a place; nothing of them was sent."
            )
    return [PlannedCall(*row) for row in bodies]


def fold(database: WorkingDatabase, journal: Journal, revision: int) -> None:
    """Take in every note: settle events, record calls, return the rest to the outbox, and remove the journal files.

    Folding the same file twice changes nothing, so a crash between the commit and the removal does no harm: settled
    events have left the outbox, returned ones are in flight no more, and a call counts the tries after those it knows.
    """
    journal.close()
    for path in journal.leftovers():
        _fold_file(database, path, revision)
        journal.remove(path)


def release(database: WorkingDatabase, sent: Collection[int] = ()) -> None:
    """Return what was planned and never sent, and the calls `sent` whose end nobody noted: those count one try."""
    with database.transaction():
        database.run("delivery/recover_in_flight", {"calls": list(sent)})
        database.run("delivery/release_unsent")
        database.run("delivery/drop_unsent_calls")


def _fold_file(database: WorkingDatabase, path: Path, revision: int) -> None:
    this = {"revision": revision}
    with database.transaction():
        database.run("delivery/read_journal", {"path": str(path)})
        database.run("delivery/read_results")
        database.run("delivery/settle_events", this)
        database.run("delivery/close_calls", this)
        database.run("delivery/drop_settled", this)
        database.run("delivery/return_events", this)
        database.run("delivery/refused_events", this)
        database.run("delivery/reopen_rejections", this)
        database.run("delivery/add_rejections", this)
