"""One event per person, place and local day, where a profile says `collapse: daily`; the other rows are ignored.

What may surprise: which row that is is decided once. An event of an earlier validation that was accepted or waits stays the day's
event when an earlier time comes in later; when Calven refuses it, the rows beside it are judged again, so that nobody is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

from calven_pipeline.warehouse.database import WorkingDatabase


@dataclass(frozen=True)
class Collapse:
    """Whether a source collapses, and up to which revision refusals were looked through; None where nothing ever did."""

    is_wanted: bool
    answers_seen: int | None

    @classmethod
    def of(cls, database: WorkingDatabase) -> Collapse:
        """As the profiles say it and the last validation left it."""
        ((is_wanted, answers_seen),) = database.rows("validation/collapsing")
        return cls(is_wanted, answers_seen)

    @property
    def is_or_was_wanted(self) -> bool:
        """Whether a source collapses, or ever did."""
        return self.is_wanted or self.answers_seen is not None

    def find_uncovered(self, database: WorkingDatabase) -> None:
        """Have rows judged again whose day may have lost its event; also where the profile collapses no more."""
        if self.answers_seen is not None:
            database.run("validation/find_uncovered", {"answers_revision": self.answers_seen})

    def collapse(self, database: WorkingDatabase, revision: int) -> int:
        """Ignore the rows just judged that stand beside the one event; how many they are."""
        if not self.is_or_was_wanted:
            return 0
        newest = database.value("validation/newest_answer")
        if newest != self.answers_seen:
            database.run("validation/forget_collapse")
            database.run("validation/remember_collapse", {"answers_revision": newest})
        database.run("validation/find_collapsed", {"revision": revision})
        if database.value("validation/has_removed_rows"):
            database.run("validation/find_collapsed_of_removed", {"revision": revision})
        return database.run("validation/collapse_rows", {"revision": revision})
