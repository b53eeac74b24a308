"""The working database: one process at a time, all or nothing, and errors without anybody's data."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from calven_pipeline.errors import WorkingDatabaseBusyError, WorkingDatabaseError
from calven_pipeline.warehouse import database
from calven_pipeline.warehouse.database import WorkingDatabase, foreign_errors, open_working_database

HOLDER = """
import sys
from pathlib import Path
from calven_pipeline.warehouse.database import open_working_database
with open_working_database(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def tables_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the product, not copied as for other tests."""
    monkeypatch.setattr(database, "_connect", database._connect.__wrapped__)


def test_a_second_process_is_told_who_holds_the_file(tmp_path: Path) -> None:
    """It waits as long as it is told to, then names the other process."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        with (
            pytest.raises(WorkingDatabaseBusyError, match=f"PID {other.pid}"),
            open_working_database(tmp_path, wait_s=0),
        ):
            pass
        other.communicate("done\n")
    with open_working_database(tmp_path, wait_s=0):
        pass


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """The message says which file, and nothing is written over it."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pipeline.duckdb").write_text("no database" * 1000)
    with pytest.raises(WorkingDatabaseError, match=r"pipeline\.duckdb"), open_working_database(tmp_path):
        pass


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    """The message names the setting."""
    (tmp_path / "data").write_text("")
    with pytest.raises(WorkingDatabaseError, match="CALVEN_DATA_DIR"), open_working_database(tmp_path / "data"):
        pass


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    """An error in the middle undoes what was done before it."""

    def settle_and_stop(database: WorkingDatabase) -> None:
        with database.transaction():
            database.run("reference/settle_home", {"is_sandbox": True})
            raise RuntimeError("stop")

    with open_working_database(tmp_path) as database:
        with pytest.raises(RuntimeError, match="stop"):
            settle_and_stop(database)
        assert database.rows("reference/home") == []


def test_times_are_utc_whatever_the_machine_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session's zone is set, not taken from the machine."""
    monkeypatch.setenv("TZ", "America/New_York")
    with open_working_database(tmp_path) as database:
        shown = database.connection.execute("select '2026-01-01 00:00:00'::timestamptz::varchar").fetchall()
    assert shown == [("2026-01-01 00:00:00+00",)]


def test_errors_do_not_quote_values() -> None:
    """DuckDB's conversion errors hold the value; ours name the statement alone."""
    with pytest.raises(WorkingDatabaseError) as caught, foreign_errors("a/statement"):
        duckdb.sql("select 'somebody@example.org'::integer").fetchall()
    assert "somebody" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_tables_are_made_once_and_again_where_the_statements_are_others(tmp_path: Path) -> None:
    """An opening that changes nothing runs none of them; what an earlier version lacked is there after the next."""
    with open_working_database(tmp_path) as database:
        database.connection.execute("drop table people")
    with open_working_database(tmp_path) as database:
        assert "people" not in {name for (name,) in database.connection.execute("show tables").fetchall()}
        database.connection.execute("update schema_version set sha256 = 'of an earlier version'")
    with open_working_database(tmp_path) as database:
        assert database.rows("validation/known_mappings") == []
        assert "people" in {name for (name,) in database.connection.execute("show tables").fetchall()}
        assert len(database.connection.execute("from schema_version").fetchall()) == 1
