"""Retention: rows of days longer ago than a setting says are removed, unless somebody still waits for them.

What may surprise: pending events and open rejections stay, however old they are, and so do rows that stand beside such an event,
or repeat one that may count no more.
What Calven was asked to confirm, and people whom nothing names any more, go as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.retention.compaction import Finish, finish
from calven_pipeline.retention.leftovers import Leftovers, finish_leftovers
from calven_pipeline.retention.removal import (
    Removal,
    ask_for_compaction,
    forget_unused_users,
    remove_rows,
    start_choosing,
)
from calven_pipeline.validation.books import Books, balance
from calven_pipeline.validation.collapse import Collapse
from calven_pipeline.warehouse.database import WorkingDatabase, open_working_database


@dataclass(frozen=True)
class Expiry:
    """What one application of the setting did: rows of days before `before` went, but those that somebody waits for.

    `reports` counts rows of Presence Details that went, `people` those of `known_users`; `leftovers` is what an earlier run had left.
    """

    before: date
    removal: Removal = field(default_factory=Removal)
    rows_kept_because_open: int = 0
    reports: int = 0
    people: int = 0
    finish: Finish = field(default_factory=Finish)
    leftovers: Leftovers = field(default_factory=Leftovers)

    @property
    def story(self) -> str:
        """One line: what went and what stays."""
        kept = f"; {self.rows_kept_because_open} as old are still open and stay" if self.rows_kept_because_open else ""
        told = [f"Retention, days before {self.before}: {self.removal.story}{kept}"]
        compaction = self.finish.compaction
        if compaction:
            sizes = f"{compaction.bytes_before / 1e6:.1f} MB, now {compaction.bytes_after / 1e6:.1f} MB"
            told.append(f"The working database was {sizes}")
        if self.leftovers.story:
            told.append(self.leftovers.story)
        return ". ".join(told)


def apply_retention(data_dir: Path, days: int, *, run_id: str | None = None, now: datetime | None = None) -> Expiry:
    """Remove what is older than that many days (in UTC, from `now`, which is aware), and rewrite the files.

    A re-run removes nothing again, and finishes what an interrupted one left. Raises `WorkingDatabaseError` where the books do
    not balance: nothing is removed from books that are wrong before, and what was removed leaves the files all the same.
    """
    before = (now or datetime.now(UTC)).astimezone(UTC).date() - timedelta(days=days)
    leftovers = finish_leftovers(data_dir, run_id)
    with open_working_database(data_dir) as database:
        check_books(balance(database), "Nothing was removed")
        expired = _choose(database, before)
        removal = remove_rows(database)
        reports, people = _forget_beside(database, before)
        books = balance(database)
    done = finish(data_dir, run_id).after(leftovers.finish)
    check_books(books, "Rows were removed")
    return Expiry(before, removal, expired - removal.row_count, reports, people, done, leftovers)


def check_books(books: Books, done: str) -> None:
    """Raise `WorkingDatabaseError` where the books do not balance; `done` says what has come of that."""
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
    if expired:
        database.run("retention/keep_repeats")
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
