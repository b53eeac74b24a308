"""What a removal that was interrupted, or for which the disk had no room, left to do: finished before anything else is removed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from calven_pipeline.delivery import outbox
from calven_pipeline.delivery.journal import Journal
from calven_pipeline.retention.chosen import forget_chosen
from calven_pipeline.retention.compaction import Finish, finish, is_unfinished
from calven_pipeline.retention.removal import Removal
from calven_pipeline.warehouse.database import WorkingDatabase, open_working_database


@dataclass(frozen=True)
class Leftovers:
    """Rows that were removed and files that were made anew for an earlier run; `story` is empty where it had left nothing."""

    removal: Removal = field(default_factory=Removal)
    finish: Finish = field(default_factory=Finish)

    @property
    def story(self) -> str:
        """One sentence."""
        if self.finish == Finish():
            return ""
        return f"What an earlier removal had left undone was finished first: {self.removal.story}, the files made anew."


def finish_leftovers(data_dir: Path, run_id: str | None = None) -> Leftovers:
    """Finish what any earlier run left. Raises as `finish` does; call it with no working database open in this process."""
    with open_working_database(data_dir) as database:
        fold_leftovers(database)
        removal = forget_chosen(database)
        has_more = is_unfinished(database)
    return Leftovers(removal, finish(data_dir, run_id)) if has_more else Leftovers()


def fold_leftovers(database: WorkingDatabase) -> None:
    """Take in the answers that a killed run left on disk: they name people, and their events are settled."""
    with Journal(database.state) as journal:
        if journal.leftovers():
            outbox.recover(database, journal, database.value("validation/next_revision"))
