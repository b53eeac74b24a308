"""The books: whether every row read is in exactly one outcome."""

from __future__ import annotations

from dataclasses import dataclass

from calven_pipeline.warehouse.database import WorkingDatabase


@dataclass(frozen=True)
class Books:
    """Row counts over all time, and how many of the files with new rows do not add up."""

    read: int
    staged: int
    judged: int
    valid: int
    waiting: int
    answered: int
    files_wrong: int

    @property
    def balanced(self) -> bool:
        """Whether everything adds up."""
        same_rows = self.read == self.staged == self.judged
        return same_rows and self.valid == self.waiting + self.answered and self.files_wrong == 0

    @property
    def counts(self) -> dict[str, int]:
        """The numbers, by name."""
        return dict(vars(self))

    @property
    def story(self) -> str:
        """One line that says what does not add up, or that everything does."""
        if self.balanced:
            return f"{self.read} rows read, each with one verdict"
        return (
            f"The books do not balance: {self.read} rows read, {self.staged} staged, {self.judged} judged; {self.valid} "
            f"valid events, {self.waiting} waiting and {self.answered} answered; {self.files_wrong} files do not add up."
        )


def balance(database: WorkingDatabase) -> Books:
    """Count the working database."""
    ((read, staged, judged, valid, waiting, answered),) = database.rows("validation/count_books")
    return Books(read, staged, judged, valid, waiting, answered, database.value("validation/count_wrong_files"))
