"""The snapshot for analysts: `calven.duckdb`, brought up to date beside the old one and swapped for it.

What may surprise: there are two files. `state/analytics.duckdb` is ours and takes in what changed since the last
snapshot; a copy of it becomes `calven.duckdb`, in one rename, without write permission. Whoever has the old file open
keeps reading it, and nobody's lock, crash or left-over write-ahead file can stop the next snapshot. Both are written in
DuckDB's storage version v1.0.0, which every 1.x client reads.

Our file can always be made anew from the working database: where it is missing, was made by other statements than ours,
or for another `CALVEN_SNAPSHOT_PEOPLE`, or where rows were removed for good, it is, and so nothing of what it held before is
left in its bytes.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.settings import SnapshotPeople, SnapshotSettings
from calven_pipeline.warehouse.database import WorkingDatabase, first_line, foreign_errors
from calven_pipeline.warehouse.dictionary import TABLES
from calven_pipeline.warehouse.parquet import parquet_folder, write_parquet
from calven_pipeline.warehouse.queries import names_in, query
from calven_pipeline.warehouse.readers import PRIVATE_MODE, admit, create_private, group_number
from calven_pipeline.warehouse.views import create_views

SNAPSHOT_FILE = "calven.duckdb"
PRIVATE_FILE = "analytics.duckdb"
STORAGE_VERSION = "v1.0.0"
A_COPY = 64 * 1024**2  # bytes that the system is asked to copy at once
PULLED_TABLES = ("users", "locations", "desks")
SMALL_TABLES = ("export_files", "requests")
GROWING_TABLES = ("rejections", "calls")
OWN_TABLES = ("synced", "made_by", "described", "pulled", "owed", "written")  # what the next snapshot must know
MACROS = (
    "pseudonym",
    "if_named",
    "as_key",
    "event_key",
    "name_of_place",
    "place_names",
)  # what hides people, in this order
A_BLOCK = 1_048_576  # row numbers that are taken in at once, so that memory does not follow their number
DAYS_AT_ONCE = 1_000_000  # rows of whole days that are counted at once


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


def write_snapshot(database: WorkingDatabase, data_dir: Path, run_id: str | None = None) -> Snapshot:
    """Bring `calven.duckdb` up to date and replace it in one step; then the Parquet files, where there shall be any.

    Interrupted at any point, the old file stays whole and the next call goes on from there. `run_id` is Dagster's, None
    outside a run. Raises `SettingsError` where a setting for analysts cannot work, and `WorkingDatabaseError` where the
    disk refuses.
    """
    settings = SnapshotSettings.load()
    group = group_number(settings.snapshot_group)
    folder = parquet_folder(settings.parquet, data_dir)
    private = database.state / PRIVATE_FILE
    holds_removed = database.value("retention/is_snapshot_due")
    if holds_removed:
        with _disk_errors(private):
            private.unlink(missing_ok=True)
    with _attached(database, private, settings.snapshot_people):
        rows_changed = _sync(database, settings.snapshot_people, run_id)
        outcomes = dict(database.rows("analytics/count_outcomes"))
    path = data_dir / SNAPSHOT_FILE
    with _disk_errors(path):
        _replace(private, path, group)
    if folder is not None:
        with _attached(database, private, settings.snapshot_people), _disk_errors(folder):
            write_parquet(database, folder, group)
    if holds_removed:
        database.run("retention/forget_snapshot_due")
    return Snapshot(path, path.stat().st_size, outcomes, rows_changed)


def shape() -> str:
    """A hash of the tables' names, columns and types: `schema_version` in the snapshot."""
    columns = [(table.name, column.name, column.type) for table in TABLES for column in table.columns]
    return hashlib.sha256(repr(columns).encode()).hexdigest()[:12]


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkingDatabaseError(
            f"Cannot write {path}: {error.strerror}. What was there before stays; check the space and the rights of the folder."
        ) from error


@contextmanager
def _attached(database: WorkingDatabase, private: Path, people: SnapshotPeople) -> Iterator[None]:
    """The private file as `analytics`, with its tables; detached, and so written out whole, at the end."""
    made_by = {"statements": _statements(), "people": people.value}
    with foreign_errors("attach the analysts' file"):
        is_new = not private.exists()
        _attach(database, private)
        if not is_new and _made_by(database) != made_by:
            database.connection.execute("detach analytics")
            private.unlink()
            is_new = True
            _attach(database, private)
    try:
        with foreign_errors("prepare the analysts' file"):
            if is_new:
                _make_tables(database, made_by)
            _describe(database)
        yield
        with foreign_errors("checkpoint the analysts' file"):
            database.connection.execute("checkpoint analytics")
    finally:
        with suppress(duckdb.Error):  # a full disk ends the database; its error is the one to tell
            database.connection.execute("detach analytics")


def _attach(database: WorkingDatabase, private: Path) -> None:
    # Without a write-ahead file: what was not written out is done again, so an end at any point leaves the last state.
    # ATTACH takes no parameter for its path in every version; a path may hold a quote.
    path = str(private).replace("'", "''")
    statement = f"attach '{path}' as analytics (storage_version '{STORAGE_VERSION}', recovery_mode no_wal_writes)"
    with _disk_errors(private):
        if not private.exists():
            private.with_name(f"{private.name}.wal").unlink(missing_ok=True)  # an earlier version's, of a lost file
        else:
            private.chmod(PRIVATE_MODE)
    try:
        database.connection.execute(statement)
    except duckdb.Error as error:
        if not isinstance(error, duckdb.IOException | duckdb.SerializationException | duckdb.InternalException):
            raise
        raise WorkingDatabaseError(
            f"Cannot open {private}: {first_line(error)}. It can be made anew: delete it and run again."
        ) from error


def _statements() -> str:
    """A hash of the tables and of the statements that fill them: other ones may have told other things of old rows."""
    texts = [shape(), *(query(name) for name in names_in("analytics"))]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _made_by(database: WorkingDatabase) -> dict[str, str] | None:
    """By which statements the file was made, and for whom; None for one of an earlier version, or of a run that was killed."""
    try:
        rows = database.connection.execute(query("analytics/made_by")).fetchall()
    except duckdb.CatalogException:
        return None
    return {"statements": rows[0][0], "people": rows[0][1]}


def _make_tables(database: WorkingDatabase, made_by: dict[str, str]) -> None:
    with database.transaction():
        database.run("analytics/create_schema")
        for own in OWN_TABLES:
            database.run(f"analytics/create_{own}")
        for table in TABLES:
            database.connection.execute(table.create("analytics")[0])
        database.run("analytics/add_made_by", made_by)


def _describe(database: WorkingDatabase) -> None:
    """Put up comments and views where they are others than last time; tables stay as they are."""
    statements = [statement for table in TABLES for statement in table.describe("analytics", "table")]
    statements += [*create_views("analytics"), query("analytics/for_spreadsheets")]
    sha256 = hashlib.sha256("\0".join(statements).encode()).hexdigest()
    if database.value("analytics/described") == sha256:
        return
    with _names_of_analysts(database), database.transaction():
        for (view,) in database.rows("analytics/views"):
            database.connection.execute(f'drop view analytics.main."{view}"')
        for statement in statements:
            database.connection.execute(statement)
        database.run("analytics/forget_described")
        database.run("analytics/add_described", {"sha256": sha256})


@contextmanager
def _names_of_analysts(database: WorkingDatabase) -> Iterator[None]:
    """Names without a database mean the analysts' tables: a view keeps them so, and finds them under any file's name."""
    ((working,),) = database.connection.execute("select current_database()").fetchall()
    database.connection.execute("use analytics.main")
    try:
        yield
    finally:
        database.connection.execute(f'use "{working}".main')


def _sync(database: WorkingDatabase, people: SnapshotPeople, run_id: str | None) -> int:
    """Take in everything since the last sync, in one transaction; the number of presence rows that changed."""
    _make_macros(database, people)
    as_of = datetime.now(UTC).replace(tzinfo=None)
    ((synced, last_row_id),) = database.rows("analytics/synced")
    newest = {
        "revision": database.value("analytics/current_revision"),
        "last_row_id": database.value("analytics/last_row_id"),
    }
    database.run("analytics/changed_rows", {"synced": synced, "last_row_id": last_row_id})
    if _is_another_answer(database, "users"):
        database.run("analytics/add_changed_users", {"last_row_id": last_row_id})
    with database.transaction():
        for table in PULLED_TABLES:
            _sync_pulled(database, table)
        for table in SMALL_TABLES:
            database.run(f"analytics/clear_{table}")
            database.run(f"analytics/replace_{table}")
        changed = _sync_presence(database, last_row_id)
        for table in GROWING_TABLES:
            if database.run(f"analytics/drop_changed_{table}", {"synced": synced}) + database.run(
                f"analytics/add_changed_{table}", {"synced": synced}
            ):
                _owe(database, table)
        if database.value("analytics/changed_reconciliations", {"synced": synced}):
            _sync_calven_presence(database)
        if newest["revision"] > synced:
            database.run("analytics/add_synced", newest)
        database.run("analytics/clear_snapshot")
        database.run(
            "analytics/add_snapshot",
            {
                "as_of": as_of,
                "run_id": run_id,
                "schema_version": shape(),
                "pipeline_version": version("calven-pipeline"),
                "people": people.value,
            },
        )
    return changed


def _make_macros(database: WorkingDatabase, people: SnapshotPeople) -> None:
    """What hides people, where it shall: the same person has the same pseudonym in every snapshot of this working database."""
    database.connection.execute(f"set variable names_people = {people is SnapshotPeople.NAMED}")
    if people is SnapshotPeople.KEYS:
        database.run("retention/make_salt", {"salt": secrets.token_hex(32)})
        database.run("analytics/use_salt")
    for macro in MACROS:
        database.run(f"analytics/make_{macro}")


def _owe(database: WorkingDatabase, table: str) -> None:
    """Note that the table's Parquet file is no longer right."""
    database.run("analytics/owe_table", {"table_name": table})


def _is_another_answer(database: WorkingDatabase, table: str) -> bool:
    """Whether what was pulled last is not what analysts see."""
    pull, before = (database.rows(f"analytics/{pulled}", {"resource": table}) for pulled in ("pull", "pulled"))
    return [sha256 for sha256, _ in pull] != [sha256 for sha256, _ in before]


def _sync_pulled(database: WorkingDatabase, table: str) -> None:
    """Replace the table where another answer was pulled; where the same came again, tell when."""
    pull = database.rows("analytics/pull", {"resource": table})
    before = database.rows("analytics/pulled", {"resource": table})
    if pull == before:
        return
    if not _is_another_answer(database, table):
        database.run(f"analytics/touch_{table}", {"pulled_at": pull[0][1]})
    else:
        database.run(f"analytics/clear_{table}")
        database.run(f"analytics/replace_{table}")
    database.run("analytics/forget_pulled", {"resource": table})
    for sha256, pulled_at in pull:
        database.run("analytics/add_pulled", {"resource": table, "sha256": sha256, "pulled_at": pulled_at})
    _owe(database, table)


def _sync_presence(database: WorkingDatabase, last_row_id: int) -> int:
    """Rows with another outcome anew, new ones after them, and their days counted; the number of these rows."""
    database.run("analytics/touched_days", {"last_row_id": last_row_id})
    if not database.value("analytics/count_touched"):
        return 0
    database.run("analytics/drop_changed")
    blocks = database.rows("analytics/changed_ranges", {"last_row_id": last_row_id, "a_block": A_BLOCK})
    changed = 0
    with database.joins_as_written():
        for first, last in blocks:
            block = {"first_row_id": first, "last_row_id": last, "synced_row_id": last_row_id}
            changed += database.run("analytics/add_changed", block)
    database.run("analytics/drop_days")
    for first_day, last_day in database.rows("analytics/day_ranges", {"rows_at_once": DAYS_AT_ONCE}):
        database.run("analytics/add_days", {"first_day": first_day, "last_day": last_day})
    for table in ("presence", "daily_presence"):
        database.run("analytics/owe_days", {"table_name": table})
    return changed


def _sync_calven_presence(database: WorkingDatabase) -> None:
    """The rows of the days that Calven was asked for again; the others stand as they came."""
    database.run("analytics/asked_again")
    if database.value("analytics/count_asked_again"):
        database.run("analytics/drop_calven_presence")
        database.run("analytics/add_calven_presence")
        _owe(database, "calven_presence")


def _replace(private: Path, path: Path, group: int | None) -> None:
    """Copy the private file and put the copy in the place of the old snapshot."""
    copy = path.with_name(f".{path.name}.new")
    stale = path.with_name(f"{path.name}.wal")
    try:
        _copy(private, copy)
        admit(copy, group)
        stale.unlink(missing_ok=True)  # of somebody who opened the old file for writing; it does not fit the new one
        copy.replace(path)
    except BaseException:
        copy.unlink(missing_ok=True)  # half a copy keeps a full disk full
        raise
    stale.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """Copy a file for its owner's eyes alone, and see it on the disk."""
    create_private(target)
    with source.open("rb") as ours, target.open("wb") as copy:
        try:
            # On XFS, Btrfs and ZFS the copy shares the blocks of the file and costs nothing.
            while os.copy_file_range(ours.fileno(), copy.fileno(), A_COPY):
                pass
        except (AttributeError, OSError):  # not on macOS and Windows, nor between all file systems
            shutil.copyfileobj(ours, copy, A_COPY)
        os.fsync(copy.fileno())
