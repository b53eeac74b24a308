"""The working database rewritten without what was removed, and the analysts' database with it.

What may surprise: DuckDB leaves what is deleted in freed blocks of its file, so the file is copied into a new one, which takes its
place. Both are held locked until that is done, so nobody can write to the old one in between. What is due stands in the file
itself: that it must be rewritten goes with the copy, that the analysts' files must be made anew goes when they all are. Killed at
any point, the next call begins again or has nothing left to do.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from calven_pipeline.errors import WorkingDatabaseBusyError, WorkingDatabaseError
from calven_pipeline.reporting.report import delete_report
from calven_pipeline.warehouse.database import (
    MEMORY_LIMIT,
    WAIT_S,
    WAIT_STEP_S,
    WORKING_FILE,
    WorkingDatabase,
    first_line,
    foreign_errors,
    holder,
    open_working_database,
    state_folder,
)
from calven_pipeline.warehouse.queries import query
from calven_pipeline.warehouse.snapshot import PRIVATE_FILE, SNAPSHOT_FILE, Snapshot, write_snapshot

NEW_FILE = f"{WORKING_FILE}.new"
WAL = ".wal"
SCRATCH_FOLDERS = ("scratch", "spill", "pulls")  # under `state`; what a killed run left there may hold anybody's rows


@dataclass(frozen=True)
class Compaction:
    """How large the working file was and is, and how long it took to rewrite."""

    bytes_before: int
    bytes_after: int
    seconds: float


@dataclass(frozen=True)
class Finish:
    """What `finish` did; None for what was not due."""

    compaction: Compaction | None = None
    snapshot: Snapshot | None = None

    def after(self, earlier: Finish) -> Finish:
        """What either did; where both did something, what this one did."""
        return Finish(self.compaction or earlier.compaction, self.snapshot or earlier.snapshot)


def is_unfinished(database: WorkingDatabase) -> bool:
    """Whether something was removed whose bytes still lie in one of the files."""
    return any(database.value(f"retention/is_{work}_due") for work in ("compaction", "snapshot"))


def finish(data_dir: Path, run_id: str | None = None) -> Finish:
    """Rewrite the working file where something was removed since it was last rewritten, and write the snapshot anew.

    Call it with no working database open in this process. Interrupted at any point, the next call finishes. Raises
    `WorkingDatabaseError` where there is no room (it says how much is needed) or the disk refuses.
    """
    state = state_folder(data_dir)
    with open_working_database(data_dir) as database:
        is_due = bool(database.value("retention/is_compaction_due"))
    compaction = _compact(state) if is_due else None
    with open_working_database(data_dir) as database:
        if (state / PRIVATE_FILE).exists() and not database.value("retention/is_snapshot_due"):
            return Finish(compaction)
        return Finish(compaction, write_snapshot(database, data_dir, run_id))


def _compact(state: Path) -> Compaction:
    """Put a copy in the place of the working file, with the analysts' file and what killed runs left gone."""
    started, path, new = time.monotonic(), state / WORKING_FILE, state / NEW_FILE
    with _held(path, state) as connection:
        before = path.stat().st_size
        _remove(new)
        _check_room(state, before)
        _copy_whole(connection, new)
        try:
            _clear_away(state)
            shutil.copymode(path, new)
            new.replace(path)
            _flush_folder(state)
        except OSError as error:
            raise WorkingDatabaseError(
                f"Cannot put the rewritten {path} in its place: {error.strerror}. Check the rights of the state folder and "
                "run again: what was removed still lies in the old file."
            ) from error
        after = path.stat().st_size
    return Compaction(before, after, time.monotonic() - started)


@contextmanager
def _held(path: Path, state: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the working file attached as `working`, and so locked; what else it has attached goes after that."""
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT}) as connection:
        connection.execute("set temp_directory = $spill", {"spill": str(state / "spill")})
        connection.execute("set enable_progress_bar = false")
        connection.execute("set timezone = 'UTC'")
        _attach_when_free(connection, path)
        try:
            yield connection
        finally:
            connection.execute("detach working")


def _attach_when_free(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    until = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute(f"attach {_quoted(path)} as working")
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise WorkingDatabaseError(f"Cannot open {path}: {first_line(error)}") from error
            if time.monotonic() >= until:
                raise WorkingDatabaseBusyError(
                    f"Another run holds {path} ({holder(error)}), for over {WAIT_S:.0f} s. Try again when it has ended."
                ) from error
            time.sleep(WAIT_STEP_S)
        else:
            return


def _check_room(state: Path, size: int) -> None:
    """Raise where there is no room for a working file of that size, or then, in place of our old one, for two analysts' files."""
    needed = max(size, 2 * _size(state.parent / SNAPSHOT_FILE) - _size(state / PRIVATE_FILE))
    free = shutil.disk_usage(state).free
    if free < needed:
        raise WorkingDatabaseError(
            f"Rewriting the files needs {needed / 1e6:.0f} MB in {state}, and {free / 1e6:.0f} MB are free. What was removed "
            "still lies in the old ones: make room and run again."
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _copy_whole(connection: duckdb.DuckDBPyConnection, new: Path) -> None:
    """The copy, or nothing of it: half a file keeps a full disk full."""
    try:
        with foreign_errors("rewrite the working database"):
            _copy(connection, new)
    except BaseException:
        with suppress(duckdb.Error):  # a full disk ends the database; its error is the one to tell
            connection.execute("detach compacted")
        _remove(new)
        raise


def _copy(connection: duckdb.DuckDBPyConnection, new: Path) -> None:
    """Tables, sequences and rows into a file of its own, written out whole; it stays attached, and so locked."""
    connection.execute(f"attach {_quoted(new)} as compacted")
    connection.execute("copy from database working to compacted")
    connection.execute(query("retention/finish_compaction"))
    connection.execute("checkpoint compacted")


def _clear_away(state: Path) -> None:
    """The analysts' file and the report, which are written anew, and what killed runs left."""
    _remove(state / PRIVATE_FILE)
    delete_report(state.parent)
    for name in SCRATCH_FOLDERS:
        for path in (state / name).glob("*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    for file in (path, path.with_name(path.name + WAL)):
        file.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Have the new name of the file on disk; DuckDB has seen to the file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _quoted(path: Path) -> str:
    # ATTACH takes no parameter for its path in every version; a path may hold a quote.
    return "'" + str(path).replace("'", "''") + "'"
