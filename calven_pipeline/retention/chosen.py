"""Rows that were chosen to be forgotten, and whose removal may have been interrupted.

What may surprise: nobody knows any more whose they are. So whichever run comes to remove anything next finishes that.
"""

from __future__ import annotations

from calven_pipeline.retention.removal import Removal, forget_unused_users, remove_rows, start_choosing
from calven_pipeline.warehouse.database import WorkingDatabase


def forget_chosen(database: WorkingDatabase) -> Removal:
    """Remove the rows in `rows_to_forget`, and whomever no row means any more; nothing where there are none."""
    if not database.value("persons/rows_left"):
        return Removal()
    start_choosing(database)
    database.run("persons/fill_rows_to_remove")
    removal = remove_rows(database)
    with database.transaction():
        forget_unused_users(database)
        database.run("persons/forget_chosen")
    return removal
