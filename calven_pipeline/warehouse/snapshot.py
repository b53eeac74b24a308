"""The snapshot for analysts: `calven.duckdb`, brought up to date beside the old one and swapped for it.

What may surprise: there are two files. `state/analytics.duckdb` is ours and takes in what changed since the last
snapshot; a copy of it becomes `calven.duckdb`, in one rename, without write permission. Whoever has the old file open
keeps reading it, and nobody's lock, crash or left-over write-ahead file can stop the next snapshot. Both are written in
DuckDB's storage version v1.0.0, which every 1.x client reads.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.warehouse.database import WorkingDatabase, first_line, foreign_errors
from calven_pipeline.warehouse.dictionary import TABLES

SNAPSHOT_FILE = "calven.duckdb"
PRIVATE_FILE = "analytics.duckdb"
STORAGE_VERSION = "v1.0.0"
SNAPSHOT_MODE = 0o440
WHOLE_TABLES = ("users", "locations", "desks", "export_files", "requests")
GROWING_TABLES = ("rejections", "calls")


@dataclass(frozen=True)
class Snapshot:
    """What was written: rows by outcome over all time, the size of the file, and how many rows this run changed."""

    path: Path
    size_bytes: int
    outcomes: dict[str, int]
    rows_changed: int

    @property
    def story(self) -> str:
        """One line: which file, and its rows by outcome."""
        outcomes = ", ".join(f"{rows} {outcome}" for outcome, rows in self.outcomes.items())
        return f"{self.path}: {sum(self.outcomes.values())} rows in all ({outcomes or 'no exports yet'})"


def write_snapshot(database: WorkingDatabase, data_dir: Path) -> Snapshot:
    """Bring `calven.duckdb` up to date and replace it in one step.

    Interrupted at any point, the old file stays whole and the next call goes on from there. Raises
    `WorkingDatabaseError` where the disk refuses.
    """
    private = database.state / PRIVATE_FILE
    with _attached(database, private):
        rows_changed = _sync(database)
        outcomes = dict(database.rows("analytics/count_outcomes"))
    path = data_dir / SNAPSHOT_FILE
    try:
        _replace(private, path)
    except OSError as error:
        raise WorkingDatabaseError(
            f"Cannot write {path}: {error.strerror}. The old snapshot stays; check the space and the rights of the folder."
        ) from error
    return Snapshot(path, path.stat().st_size, outcomes, rows_changed)


@contextmanager
def _attached(database: WorkingDatabase, private: Path) -> Iterator[None]:
    """The private file as `analytics`, with its tables; detached, and so written out whole, at the end."""
    with foreign_errors("attach the analysts' file"):
        _attach(database, private)
        if _is_outdated(database):
            database.connection.execute("detach analytics")
            private.unlink()
            _attach(database, private)
    try:
        with foreign_errors("prepare the analysts' file"), database.transaction():
            _prepare(database)
        yield
        with foreign_errors("checkpoint the analysts' file"):
            database.connection.execute("checkpoint analytics")
    finally:
        database.connection.execute("detach analytics")


def _attach(database: WorkingDatabase, private: Path) -> None:
    # ATTACH takes no parameter for its path in every version; a path may hold a quote.
    path = str(private).replace("'", "''")
    statement = f"attach '{path}' as analytics (storage_version '{STORAGE_VERSION}')"
    try:
        database.connection.execute(statement)
    except duckdb.Error as error:
        if not isinstance(error, duckdb.IOException | duckdb.SerializationException | duckdb.InternalException):
            raise
        raise WorkingDatabaseError(
            f"Cannot open {private}: {first_line(error)}. It can be made anew: delete it and run again."
        ) from error


def _is_outdated(database: WorkingDatabase) -> bool:
    """Whether an earlier version of ours made the file, with other columns; everything in it can be written again."""
    ours = {table.name: [column.name for column in table.columns] for table in TABLES}
    return any(columns != ours.get(name) for name, columns in database.rows("analytics/table_columns"))


def _prepare(database: WorkingDatabase) -> None:
    database.run("analytics/create_schema")
    database.run("analytics/create_synced")
    present = {name for name, _ in database.rows("analytics/table_columns")}
    for table in TABLES:
        if table.name not in present:
            for statement in table.create("analytics"):
                database.connection.execute(statement)


def _sync(database: WorkingDatabase) -> int:
    """Take in everything since the last sync, in one transaction; the number of presence rows that changed."""
    ((synced, last_row_id),) = database.rows("analytics/synced")
    newest = {
        "revision": database.value("analytics/current_revision"),
        "last_row_id": database.value("analytics/last_row_id"),
    }
    database.run("analytics/changed_rows", {"synced": synced})
    changed = int(database.value("analytics/count_changed"))
    with database.transaction():
        for table in WHOLE_TABLES:
            database.run(f"analytics/clear_{table}")
            database.run(f"analytics/replace_{table}")
        if changed:
            _sync_presence(database, last_row_id)
        for table in GROWING_TABLES:
            database.run(f"analytics/drop_changed_{table}", {"synced": synced})
            database.run(f"analytics/add_changed_{table}", {"synced": synced})
        if database.value("analytics/changed_reconciliations", {"synced": synced}):
            database.run("analytics/clear_calven_presence")
            database.run("analytics/replace_calven_presence")
        if newest["revision"] > synced:
            database.run("analytics/add_synced", newest)
    return changed


def _sync_presence(database: WorkingDatabase, last_row_id: int) -> None:
    database.run("analytics/touched_days")
    if database.value("analytics/count_replaced", {"last_row_id": last_row_id}):
        database.run("analytics/drop_changed", {"last_row_id": last_row_id})
    for first, last in database.rows("analytics/changed_ranges"):
        database.run("analytics/add_changed", {"first_row_id": first, "last_row_id": last})
    database.run("analytics/drop_days")
    database.run("analytics/add_days")


def _replace(private: Path, path: Path) -> None:
    """Copy the private file and put the copy in the place of the old snapshot."""
    copy = path.with_name(f".{path.name}.new")
    copy.unlink(missing_ok=True)
    shutil.copyfile(private, copy)
    copy.chmod(SNAPSHOT_MODE)
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    stale = path.with_name(f"{path.name}.wal")
    stale.unlink(missing_ok=True)  # of somebody who opened the old file for writing; it does not fit the new one
    copy.replace(path)
    stale.unlink(missing_ok=True)
