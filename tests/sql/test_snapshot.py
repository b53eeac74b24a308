"""The snapshot for analysts: whole, atomic, readable by old clients, and nobody can stand in its way."""

import stat
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.warehouse.dictionary import TABLES
from calven_pipeline.warehouse.snapshot import shape, write_snapshot
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
        disk.setattr("os.copy_file_range", full)
        disk.setattr("shutil.copyfileobj", full)
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
    step_by_step = everything(pipeline)
    (pipeline.data_dir / "state" / "analytics.duckdb").unlink()
    assert everything(pipeline) == step_by_step


def everything(pipeline: Pipeline) -> dict[str, list[tuple]]:
    """All rows of every table of a fresh snapshot, but for what it says of itself."""
    pipeline.outcomes()
    with duckdb.connect(str(snapshot_of(pipeline)), read_only=True) as snapshot:
        return {
            table.name: snapshot.sql(f"from {table.name} order by all").fetchall()
            for table in TABLES
            if table.name != "snapshot"
        }


def test_it_says_what_it_is_a_snapshot_of(pipeline: Pipeline) -> None:
    """One row: of when, by which run, in which shape; also where nothing is new."""
    for run_id in ("run-1", None):
        before = datetime.now(UTC).replace(tzinfo=None)
        with pipeline.database() as database:
            write_snapshot(database, pipeline.data_dir, run_id)
        with duckdb.connect(str(snapshot_of(pipeline)), read_only=True) as snapshot:
            ((as_of, *told),) = snapshot.sql("from snapshot").fetchall()
        assert before <= as_of <= datetime.now(UTC).replace(tzinfo=None)
        assert told == [run_id, shape(), version("calven-pipeline"), "named"]


def test_a_table_is_written_anew_only_where_another_answer_was_pulled(pipeline: Pipeline) -> None:
    """The same answer tells only when it came; another one replaces the rows."""
    pipeline.outcomes()
    users = "select count(*), count(distinct pulled_at), max(pulled_at), min(user_name) from users"
    ((count, _, pulled_at, name),) = pipeline.ask(users)
    with pipeline.database() as database:  # to see which rows are written: a row that is written anew loses this
        database.connection.execute(f"attach '{pipeline.data_dir}/state/analytics.duckdb' as analytics")
        database.connection.execute("update analytics.users set user_name = 'marked'")
        database.connection.execute("detach analytics")
    pipeline.pull()
    ((again, times, later, mark),) = pipeline.ask(users)
    assert (again, times, mark) == (count, 1, "marked")
    assert later > pulled_at
    with pipeline.database() as database:
        database.connection.execute("update reference_pulls set sha256 = 'another'")
    assert pipeline.ask(users) == [(count, 1, later, name)]


def test_days_that_calven_was_asked_for_again_are_replaced(pipeline: Pipeline) -> None:
    """Spans of days that were not asked for again stand as they came; one without rows now is gone."""
    row = "insert into calven_presence values ('2026-10-{day}', 'u{rows}', null, '{{}}', '2026-10-{day}', '2026-10-{day}', now())"
    asked = "insert into reconciliations values ({revision}, 1, 0, 0, 0, 0, now())"
    steps = (
        [row.format(day=day, rows=1) for day in ("01", "02", "03")],
        ["delete from calven_presence where first_day <= '2026-10-02'", row.format(day="01", rows=2)],
    )
    for statements in steps:
        with pipeline.database() as database:
            revision = database.value("validation/next_revision")
            for statement in (*statements, asked.format(revision=revision)):
                database.connection.execute(statement)
        found = pipeline.ask("select day(reported_on), user_id from calven_presence order by all")
        with pipeline.database() as database:
            assert (
                found
                == database.connection.sql(
                    "select day(reported_on), user_id from calven_presence order by all"
                ).fetchall()
            )
    assert found == [(1, "u2"), (3, "u1")]


def test_an_earlier_versions_file_and_its_leftovers_are_made_anew(pipeline: Pipeline) -> None:
    """A file of other tables, and a write-ahead file beside none: nobody has to delete anything."""
    before = everything(pipeline)
    private = pipeline.data_dir / "state" / "analytics.duckdb"
    private.unlink()
    with duckdb.connect() as other:
        other.execute(f"attach '{private}' as analytics (storage_version 'v1.0.0')")
        other.execute("create table analytics.users as select 'somebody' as user_id")
    assert everything(pipeline) == before
    private.rename(private.with_name("analytics.duckdb.wal"))
    assert everything(pipeline) == before


KILLED = """
import os, resource, signal, sys
from pathlib import Path
from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.warehouse import database, snapshot
from calven_pipeline.warehouse.snapshot import PRIVATE_FILE, write_snapshot

data_dir = Path(sys.argv[1])

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def at_statement(name):
    run = database.WorkingDatabase.run
    database.WorkingDatabase.run = lambda self, this, *rest: die() if this == name else run(self, this, *rest)

def half_way(ours, copy, _):
    os.sendfile(copy, ours, 0, 4096)
    die()

def after_the_swap():
    replace = Path.replace
    Path.replace = lambda self, target: (replace(self, target), die())

def full_disk():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))

def nothing():
    (data_dir / "state" / PRIVATE_FILE).unlink()

POINTS = {
    "disk full": full_disk,
    "before the commit": lambda: at_statement("analytics/add_snapshot"),
    "making all anew": lambda: (nothing(), at_statement("analytics/add_snapshot")),
    "making the tables": lambda: (nothing(), at_statement("analytics/add_made_by")),
    "before the copy": lambda: setattr(snapshot, "_replace", die),
    "in the copy": lambda: setattr(os, "copy_file_range", half_way),
    "before it is on the disk": lambda: setattr(os, "fsync", die),
    "before the swap": lambda: setattr(Path, "replace", die),
    "after the swap": after_the_swap,
}
for point, arm in POINTS.items():
    child = os.fork()
    if child == 0:
        arm()
        try:
            with database.open_working_database(data_dir) as opened:
                write_snapshot(opened, data_dir)
        except WorkingDatabaseError:
            os._exit(74)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(os.waitstatus_to_exitcode(status), (data_dir / "calven.duckdb").stat().st_ino, point, sep="\t")
"""


def test_killed_at_any_point_the_old_one_stays_whole(pipeline: Pipeline) -> None:
    """Killed by the system in every phase, or on a full disk: the old file, byte for byte, until the new one is whole."""
    pipeline.outcomes()
    pipeline.publish()
    path = snapshot_of(pipeline)
    before, number = path.read_bytes(), path.stat().st_ino
    kept = path.with_name("kept")
    kept.hardlink_to(path)  # so that nobody else is given its number
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(pipeline.data_dir)], capture_output=True, text=True, check=True
    )
    ended = [line.split("\t") for line in done.stdout.splitlines()]
    assert [code for code, _, _ in ended] == ["74"] + ["-9"] * 8, ended
    assert [now == str(number) for _, now, _ in ended] == [True] * 8 + [False], ended
    assert kept.read_bytes() == before
    with duckdb.connect(str(path), read_only=True) as new:
        assert new.sql("select distinct outcome from presence").fetchall() == [("accepted",)]
    assert pipeline.outcomes() == {"accepted": 10}
    assert not list(pipeline.data_dir.glob(".calven.duckdb*"))
