"""The working database: `state/pipeline.duckdb`, opened here and nowhere else, by one process at a time.

What may surprise: the session's time zone is UTC, so a text without an offset reads as UTC, and every stored timestamp
is UTC without saying so in its type (the name ends in `_at`). Memory is bounded; larger work spills to `state/spill`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from calven_pipeline.errors import WorkingDatabaseBusyError, WorkingDatabaseError
from calven_pipeline.warehouse.queries import names_in, query
from calven_pipeline.warehouse.readers import private_folder

WORKING_FILE = "pipeline.duckdb"
MEMORY_LIMIT = "700MB"  # 5,000,000 rows then peak at 1.0 GB for the whole process, no slower than with 900MB
WAIT_S = 60.0  # for another run that holds the file; its longest transaction without a pause is one export file
WAIT_STEP_S = 0.2
SCHEMA = ("tables", "migrations")  # of sql/, every statement, in this order, where they are others than last time
FOLDERS_AT_OPENING = (*SCHEMA, "macros")  # macros live as long as the connection

Parameters = Mapping[str, Any]


class WorkingDatabase:
    """An open connection to the working database, with statements by name."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, state: Path) -> None:
        """`state` is the pipeline's own folder."""
        self.connection = connection
        self.state = state

    def run(self, name: str, parameters: Parameters | None = None) -> int:
        """Execute the statement of that name; the number of rows it changed (0 for anything but a change)."""
        with foreign_errors(name):
            result = self.connection.execute(query(name), parameters or {})
            row = result.fetchone() if result.description else None
        return row[0] if row and isinstance(row[0], int) else 0

    def rows(self, name: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """All rows of the query of that name."""
        with foreign_errors(name):
            return self.connection.execute(query(name), parameters or {}).fetchall()

    def value(self, name: str, parameters: Parameters | None = None) -> Any:  # noqa: ANN401 - whatever the query selects
        """The first column of the first row of the query of that name; None where there is no row."""
        rows = self.rows(name, parameters)
        return rows[0][0] if rows else None

    @contextmanager
    def relation(self, name: str, relation: duckdb.DuckDBPyRelation) -> Iterator[None]:
        """Let statements read the relation under that name for a while."""
        self.connection.register(name, relation)
        try:
            yield
        except BaseException:
            with (
                _ignoring_duckdb()
            ):  # a failed transaction takes no further statement; the name is given anew next time
                self.connection.unregister(name)
            raise
        self.connection.unregister(name)

    @contextmanager
    def joins_as_written(self) -> Iterator[None]:
        """Keep DuckDB from swapping the sides of joins: the right side is the one that is held in memory.

        It guesses that a join with an empty table leaves nothing, and then holds five million rows (2.0.0: out of memory
        instead of 4 s).
        """
        self.connection.execute("set disabled_optimizers = 'build_side_probe_side'")
        try:
            yield
        finally:
            with _ignoring_duckdb():  # a failed transaction takes no statement; its error is the one to tell
                self.connection.execute("reset disabled_optimizers")

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """Let DuckDB work in one thread: for pieces of some 100,000 rows a second one costs a fifth more and gains little."""
        self.connection.execute("set threads = 1")
        try:
            yield
        finally:
            with _ignoring_duckdb():
                self.connection.execute("reset threads")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; a transaction within one is refused by DuckDB."""
        self.connection.execute("begin")
        try:
            yield
        except BaseException:
            # A failed statement may have ended the transaction already; then there is nothing left to undo.
            with _ignoring_duckdb():
                self.connection.execute("rollback")
            raise
        with foreign_errors("commit"):
            self.connection.execute("commit")


@contextmanager
def open_working_database(data_dir: Path, *, wait_s: float = WAIT_S) -> Iterator[WorkingDatabase]:
    """The working database under `data_dir/state`, made when it is not there; closed (and checkpointed) at the end.

    Waits up to `wait_s` seconds for another process that holds it, then raises `WorkingDatabaseBusyError`. Raises
    `WorkingDatabaseError` where the file cannot be opened or written.
    """
    state = state_folder(data_dir)
    connection = _connect(state / WORKING_FILE, wait_s)
    try:
        with foreign_errors("open the working database"):
            _prepare(connection, state)
        yield WorkingDatabase(connection, state)
    finally:
        connection.close()


def state_folder(data_dir: Path) -> Path:
    """`data_dir/state`, made when it is not there, for its owner alone."""
    state = data_dir / "state"
    try:
        return private_folder(state)
    except OSError as error:
        raise WorkingDatabaseError(
            f"Cannot make the folder {state}: {error.strerror}. Check CALVEN_DATA_DIR."
        ) from error


def _connect(path: Path, wait_s: float) -> duckdb.DuckDBPyConnection:
    until = time.monotonic() + wait_s
    while True:
        try:
            return duckdb.connect(str(path), config={"memory_limit": MEMORY_LIMIT})
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise WorkingDatabaseError(f"Cannot open {path}: {first_line(error)}") from error
            if time.monotonic() >= until:
                raise WorkingDatabaseBusyError(
                    f"Another run holds {path} ({holder(error)}), for over {wait_s:.0f} s. Try again when it has ended."
                ) from error
            time.sleep(WAIT_STEP_S)
        except duckdb.Error as error:
            raise WorkingDatabaseError(f"Cannot open {path}: {first_line(error)}") from error


def _prepare(connection: duckdb.DuckDBPyConnection, state: Path) -> None:
    connection.execute("set timezone = 'UTC'")
    connection.execute("set temp_directory = $spill", {"spill": str(state / "spill")})
    connection.execute("set enable_progress_bar = false")
    _bring_up_to_date(connection)
    for name in names_in("macros"):
        connection.execute(query(name))


def _bring_up_to_date(connection: duckdb.DuckDBPyConnection) -> None:
    """Make and migrate the tables; the statements cost 30 ms, and a run opens the file nine times."""
    statements = [query(name) for folder in SCHEMA for name in names_in(folder)]
    sha256 = hashlib.sha256("\0".join(statements).encode()).hexdigest()
    try:
        if connection.execute(query("schema/schema_version")).fetchall() == [(sha256,)]:
            return
    except duckdb.CatalogException:
        pass  # a new file, or one of an earlier version
    for statement in statements:
        connection.execute(statement)
    connection.execute("begin")
    connection.execute(query("schema/forget_schema_version"))
    connection.execute(query("schema/remember_schema_version"), {"sha256": sha256})
    connection.execute("commit")


@contextmanager
def foreign_errors(doing: str) -> Iterator[None]:
    """DuckDB's errors become ours, without the values of rows that DuckDB likes to quote."""
    try:
        yield
    except duckdb.IOException as error:
        raise WorkingDatabaseError(
            f"The working database could not be read or written ({doing}): {first_line(error)}. "
            "Check the space and the rights of the state folder."
        ) from error
    except duckdb.InvalidInputException as error:  # about a value, which it quotes
        raise WorkingDatabaseError(f"The working database refused {doing}: {type(error).__name__}.") from None
    except duckdb.ProgrammingError as error:  # about our own SQL; it names no values
        raise WorkingDatabaseError(f"The working database refused {doing}: {first_line(error)}") from error
    except duckdb.Error as error:
        raise WorkingDatabaseError(f"The working database refused {doing}: {type(error).__name__}.") from None


@contextmanager
def _ignoring_duckdb() -> Iterator[None]:
    try:
        yield
    except duckdb.Error:
        return


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def holder(error: duckdb.IOException) -> str:
    """Who holds the lock, as DuckDB tells it: `python (PID 4711)`."""
    text = first_line(error)
    _, found, rest = text.partition("held in ")
    return rest.split(" by user")[0].split(". ")[0] if found else f"this process is PID {os.getpid()}"
