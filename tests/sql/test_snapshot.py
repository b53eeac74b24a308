"""The snapshot for analysts: whole, atomic, readable by old clients, and nobody can stand in its way."""

import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.warehouse.dictionary import TABLES
from tests.http.delivering import Pipeline, Stock

STORAGE_VERSION_OF_DUCKDB_1_0 = 64  # bytes 12 to 20 of a database file


@pytest.fixture
def pipeline(tmp_path: Path, stock: Stock, sandbox: SandboxServer) -> Pipeline:
    """Ten events, judged and not sent yet."""
    return stock.pipeline(tmp_path / "data", 10, sandbox)


def snapshot_of(pipeline: Pipeline) -> Path:
    """Where analysts look."""
    return pipeline.data_dir / "calven.duckdb"


def test_every_table_and_column_is_documented(pipeline: Pipeline) -> None:
    """Tables, columns, types and comments are those of the dictionary; nothing else is in sight."""
    found = pipeline.ask(
        "select t.table_name, t.comment, c.column_name, c.data_type, c.comment "
        "from duckdb_tables() t join duckdb_columns() c using (schema_name, table_name) "
        "where schema_name = 'main' order by t.table_name, c.column_index"
    )
    told = [
        (table.name, table.comment, column.name, column.type, column.comment)
        for table in sorted(TABLES, key=lambda table: table.name)
        for column in table.columns
    ]
    assert found == told


def test_old_clients_can_read_it(pipeline: Pipeline) -> None:
    """The file says that DuckDB 1.0 wrote it; 1.1.3, 1.3.2 and 1.5.6 were tried on such a file."""
    pipeline.outcomes()
    header = snapshot_of(pipeline).read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == STORAGE_VERSION_OF_DUCKDB_1_0


def test_it_cannot_be_written_by_accident(pipeline: Pipeline) -> None:
    """No write permission for anyone."""
    pipeline.outcomes()
    assert not snapshot_of(pipeline).stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


READER = """
import duckdb, sys
with duckdb.connect(sys.argv[1], read_only=True) as reader:
    for line in sys.stdin:
        print(reader.sql("select distinct outcome from presence").fetchall()[0][0], flush=True)
"""


def test_a_reader_keeps_the_old_snapshot_while_a_new_one_comes(pipeline: Pipeline) -> None:
    """Another process that holds the file open sees what it saw, and stops nobody; a new reader sees the new state."""
    assert pipeline.outcomes() == {"pending": 10}
    command = [sys.executable, "-c", READER, str(snapshot_of(pipeline))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        answers = []
        for step in (lambda: None, pipeline.publish):
            step()
            reader.stdin.write("look\n")
            reader.stdin.flush()
            answers.append(reader.stdout.readline().strip())
            assert pipeline.outcomes()
        reader.stdin.close()
    assert answers == ["pending", "pending"]
    assert pipeline.outcomes() == {"accepted": 10}


def test_a_write_ahead_file_left_beside_it_does_no_harm(pipeline: Pipeline) -> None:
    """Somebody opened the snapshot for writing and crashed: the next snapshot opens all the same."""
    pipeline.outcomes()
    path = snapshot_of(pipeline)
    path.chmod(0o600)
    crashed = duckdb.connect(str(path))
    crashed.execute("set checkpoint_threshold = '1GB'")
    crashed.execute("create table mine as select 1")
    left = path.with_name("calven.duckdb.wal").read_bytes()
    crashed.close()
    assert left
    path.with_name("calven.duckdb.wal").write_bytes(left)
    pipeline.publish()
    assert pipeline.outcomes() == {"accepted": 10}
    assert not path.with_name("calven.duckdb.wal").exists()


def test_an_interrupted_copy_leaves_the_old_one_whole(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up in the middle: the old snapshot stays, and the next run finishes the work."""
    pipeline.outcomes()
    before = snapshot_of(pipeline).read_bytes()
    pipeline.publish()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("shutil.copyfile", full)
        with pytest.raises(WorkingDatabaseError, match="No space left on device"):
            pipeline.outcomes()
    assert snapshot_of(pipeline).read_bytes() == before
    assert pipeline.outcomes() == {"accepted": 10}


def test_a_lost_private_file_is_made_anew(pipeline: Pipeline) -> None:
    """`state/analytics.duckdb` holds nothing that the working database does not."""
    pipeline.publish()
    before = pipeline.ask("from presence order by source_file, row_number")
    (pipeline.data_dir / "state" / "analytics.duckdb").unlink()
    assert pipeline.ask("from presence order by source_file, row_number") == before


def test_daily_presence_counts_what_was_accepted(pipeline: Pipeline) -> None:
    """One row per person, location and local day; it equals a count over `presence`, also after a second run."""
    pipeline.publish()
    pipeline.outcomes()
    pipeline.export("more.csv", 30, first=5)
    pipeline.judge()
    pipeline.publish()
    daily = pipeline.ask(
        "select local_date, user_id, location_id, location_type, first_seen_at, last_seen_at, events from daily_presence order by all"
    )
    counted = pipeline.ask(
        "select local_date, user_id, location_id, location_type, min(occurred_at), max(occurred_at), count(*) "
        "from presence where outcome = 'accepted' group by all order by all"
    )
    assert daily == counted
    assert sum(row[-1] for row in daily) == 35


def test_growing_step_by_step_ends_where_one_step_does(pipeline: Pipeline) -> None:
    """A snapshot after every change holds the same rows as one that is made at the end."""
    pipeline.outcomes()
    pipeline.sandbox.set_faults(["code=1@40%"])
    pipeline.publish(batch_size=3)
    pipeline.outcomes()
    pipeline.export("more.csv", 20, first=4)
    pipeline.judge()
    pipeline.outcomes()
    pipeline.publish()
    queries = [f"from {table.name} order by all" for table in TABLES]
    step_by_step = [pipeline.ask(query) for query in queries]
    (pipeline.data_dir / "state" / "analytics.duckdb").unlink()
    assert [pipeline.ask(query) for query in queries] == step_by_step
