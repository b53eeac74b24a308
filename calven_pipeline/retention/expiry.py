"""Retention: rows of days longer ago than a setting says are removed, unless somebody still waits for them.

What may surprise: pending events and open rejections stay, however old they are, and so do rows that stand beside such an event.
What Calven was asked to confirm, and people whom nothing names any more, go as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from calven_pipeline.delivery import outbox
from calven_pipeline.delivery.journal import Journal
from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.retention.chosen import forget_chosen
from calven_pipeline.retention.compaction import Finish, finish
from calven_pipeline.retention.removal import (
    Removal,
    ask_for_compaction,
    forget_unused_users,
    remove_rows,
    start_choosing,
)
from calven_pipeline.validation.books import balance
from calven_pipeline.validation.collapse import Collapse
from calven_pipeline.warehouse.database import WorkingDatabase, open_working_database


@dataclass(frozen=True)
class Expiry:
    """What one application of the setting did: rows of days before `before` went, but those that somebody waits for.

    `reports` counts rows of Presence Details that went, `people` those of `known_users`.
    """

    before: date
    removal: Removal = field(default_factory=Removal)
    rows_kept_because_open: int = 0
    reports: int = 0
    people: int = 0
    finish: Finish = field(default_factory=Finish)

    @property
    def story(self) -> str:
        """One line: what went and what stays."""
        kept = f"; {self.rows_kept_because_open} as old are still open and stay" if self.rows_kept_because_open else ""
        line = f"Retention, days before {self.before}: {self.removal.story}{kept}"
        compaction = self.finish.compaction
        if compaction is None:
            return line
        sizes = f"{compaction.bytes_before / 1e6:.1f} MB, now {compaction.bytes_after / 1e6:.1f} MB"
        return f"{line}. The working database was {sizes}"


def apply_retention(data_dir: Path, days: int, *, run_id: str | None = None, now: datetime | None = None) -> Expiry:
    """Remove what is older than that many days (in UTC, from `now`, which is aware), and rewrite the files.

    A re-run removes nothing again, and finishes what an interrupted one left. Raises `WorkingDatabaseError` where the books do
    not balance: nothing is removed from books that are wrong before.
    """
    before = (now or datetime.now(UTC)).astimezone(UTC).date() - timedelta(days=days)
    with open_working_database(data_dir) as database:
        fold_leftovers(database)
        forget_chosen(database)
        check_books(database, "Nothing was removed")
        expired = _choose(database, before)
        removal = remove_rows(database)
        reports, people = _forget_beside(database, before)
        check_books(database, "Rows were removed")
    return Expiry(before, removal, expired - removal.row_count, reports, people, finish(data_dir, run_id))


def fold_leftovers(database: WorkingDatabase) -> None:
    """Take in the answers that a killed run left on disk: they name people, and their events are settled."""
    with Journal(database.state) as journal:
        if journal.leftovers():
            outbox.recover(database, journal, database.value("validation/next_revision"))


def check_books(database: WorkingDatabase, done: str) -> None:
    """Raise `WorkingDatabaseError` where the books do not balance; `done` says what has come of that."""
    books = balance(database)
    if not books.balanced:
        raise WorkingDatabaseError(f"{done}. {books.story} See the README, under the books.")


def _choose(database: WorkingDatabase, before: date) -> int:
    """Fill `rows_to_remove`; how many rows are of days before, those that stay included."""
    start_choosing(database)
    expired = 0
    for first, last, rows in database.rows("retention/ranges_of_expired", {"before": before}):
        expired += rows
        database.run("retention/choose_expired", {"before": before, "first_row_id": first, "last_row_id": last})
    if expired and Collapse.of(database).is_or_was_wanted:
        database.run("retention/keep_covered")
    return expired


def _forget_beside(database: WorkingDatabase, before: date) -> tuple[int, int]:
    """Remove what Calven reported of those days, and people whom nothing names; how many of each."""
    with database.transaction():
        reports = database.run("retention/drop_old_reports", {"before": before})
        unconfirmed = database.run("retention/drop_old_unconfirmed", {"before": before})
        people = forget_unused_users(database)
        if reports or unconfirmed:
            ask_for_compaction(database)
    return reports, people
