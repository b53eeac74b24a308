"""The books: every row read is in exactly one outcome, and everything Calven accepted has an answer on record.

What may surprise: only files with rows that were judged or answered since the last count that balanced are counted again,
so the cost follows what is new. The totals are compared each time, over everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from calven_pipeline.warehouse.database import WorkingDatabase


@dataclass(frozen=True)
class Books:
    """Row counts over all time.

    `staged` and `judged` rows are there, `removed` ones were; each outcome counts both. `waiting` is what the outbox holds of
    `pending`; `unproven` counts accepted events without a readable answer on record, `lost_answers` answers that were there at the
    last count; `wrong_file` is one of the `files_wrong`.
    """

    read: int
    staged: int
    judged: int
    removed: int
    accepted: int
    rejected: int
    pending: int
    duplicate: int
    ignored: int
    unproven: int
    lost_answers: int
    waiting: int
    files_counted: int
    files_wrong: int
    wrong_file: str | None = None

    @property
    def balanced(self) -> bool:
        """Whether rows read = accepted + rejected + pending + duplicate + ignored, per file and in total, with proof.

        Rows removed count as read, and under the outcome that they had.
        """
        return not self.faults

    @property
    def outcomes(self) -> dict[str, int]:
        """Rows by outcome."""
        return {
            "accepted": self.accepted,
            "rejected": self.rejected,
            "pending": self.pending,
            "duplicate": self.duplicate,
            "ignored": self.ignored,
        }

    @property
    def counts(self) -> dict[str, int]:
        """The numbers, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, int)}

    @property
    def faults(self) -> list[str]:
        """What does not add up, each as a clause; empty where everything does."""
        without_removed = f", {self.removed} of them removed since" if self.removed else ""
        in_outcomes = sum(self.outcomes.values())
        found = {
            f"{self.read} rows were read{without_removed}, but {self.staged} staged and {self.judged} judged": not (
                self.read - self.removed == self.staged == self.judged
            ),
            f"{self.read} rows were read, but {in_outcomes} are in an outcome": self.read != in_outcomes,
            f"{self.pending} rows are pending, but {self.waiting} wait in the outbox": self.pending != self.waiting,
            f"{self.unproven} accepted events have no answer on record": self.unproven != 0,
            f"{self.lost_answers} answers are gone": self.lost_answers != 0,
            f"{self.files_wrong} files do not add up, {self.wrong_file} among them": self.files_wrong != 0,
        }
        return [clause for clause, is_wrong in found.items() if is_wrong]

    @property
    def story(self) -> str:
        """One line that says what does not add up, or that everything does."""
        if self.faults:
            return f"The books do not balance: {'; '.join(self.faults)}."
        told = ", ".join(f"{rows} {outcome}" for outcome, rows in self.outcomes.items())
        removed = f"; {self.removed} of them were removed since" if self.removed else ""
        return f"{self.read} rows read, each in one outcome: {told}{removed}"


def balance(database: WorkingDatabase) -> Books:
    """Count the working database; where the books balance, that is written down, and the next count starts there."""
    ((revision, last_row_id, answers),) = database.rows("books/last_audit")
    with database.transaction():
        database.run("books/touched_files", {"revision": revision, "last_row_id": last_row_id})
        database.run("books/create_counts")
        for first, last_first, last in database.rows("books/touched_ranges"):
            database.run(
                "books/count_files", {"first_row_id": first, "last_first_row_id": last_first, "last_row_id": last}
            )
        database.run("books/forget_counts")
        counted = database.run("books/keep_counts")
        totals = database.rows("books/count_totals", {"revision": revision, "answers": answers})[0]
        waiting = database.value("books/count_waiting")
        wrong = database.rows("books/count_wrong_files")[0]
        numbers: tuple[Any, ...] = (*totals, waiting, counted, *wrong)
        books = Books(*numbers)
        if books.balanced and counted:
            database.run("books/add_audit")
    return books
