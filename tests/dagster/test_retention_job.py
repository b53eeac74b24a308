"""Does the job `apply_retention` leave nothing of old rows in any file, and lose and repeat nothing?"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from calven_pipeline.defs import retention
from calven_pipeline.project import project_folder
from calven_pipeline.sandbox import SandboxServer, World
from calven_pipeline.validation.books import balance
from tests.dagster.deploying import DEFINITIONS, QUIET, Deployment
from tests.http.delivering import Pipeline

TICK = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
OLD, NEW = date(2025, 3, 3), datetime.now(UTC).date()
# A badge, an id, an address, a desk's name and the words of a broken line: each stands in no file but those of old rows.
PLANTED = ("badge-zanzibar", "id-walburga", "walburga.w@people.example", "gottlieb@people.example", "evt-kunigunde")
ROW = "{day}T{time}Z,evt-kunigunde-{number},{badge},{user},,{desk},place"
KILLED = """
import os, signal, sys
from pathlib import Path
from calven_pipeline.retention import compaction
from calven_pipeline.retention.expiry import apply_retention
name = sys.argv[2]
setattr(compaction, name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
apply_retention(Path(sys.argv[1]), 30)
"""


@pytest.fixture(scope="module")
def delivered_folder(server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Old rows of somebody who has left Calven since: accepted, a duplicate, and refused for good; one that stays waits."""
    world = server.world
    leaver = {"userId": "id-walburga", "email": "walburga.w@people.example", "firstName": "Walburga", "lastName": "W"}
    server.clear()
    server.set_world(World.of([*world.rows("users"), leaver], world.rows("locations"), world.rows("desks")))
    pipeline = Pipeline(tmp_path_factory.mktemp("old") / "data", server)
    pipeline.pull()
    drop(pipeline, "old.csv", old_rows(server))
    pipeline.judge()
    assert pipeline.publish().accepted == 2
    server.set_world(world)
    pipeline.pull()
    with pipeline.database() as database:
        database.connection.execute(
            "update rejections set status = 'resolved', resolution = 'dismissed', note = 'left' where raw is not null"
        )
        database.connection.execute(
            "insert into calven_presence values ('2025-03-03', 'id-walburga', 'walburga.w@people.example', '{}', "
            "'2025-03-03', '2025-03-03', now())"
        )
        database.connection.execute("insert into reconciliations select nextval('revision'), 0, 1, 1, 1, 1, now()")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALVEN_PARQUET", "parquet")
        assert pipeline.outcomes() == {"accepted": 2, "duplicate": 1, "rejected": 1}
    return pipeline.data_dir


@pytest.fixture
def pipeline(delivered_folder: Path, deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A copy of that folder with rows kept for 30 days; the sandbox counts anew."""
    deployment.copy_of(delivered_folder)
    monkeypatch.setenv("CALVEN_RETENTION_DAYS", "30")
    monkeypatch.setenv("CALVEN_PARQUET", "parquet")
    return Pipeline(deployment.data_dir, deployment.sandbox)


def desk(server: SandboxServer) -> str:
    return server.world.rows("desks")[0]["deskId"]


def old_rows(server: SandboxServer) -> list[str]:
    first = ROW.format(
        day=OLD, time="08:00:00", number=1, badge="badge-zanzibar", user="id-walburga", desk=desk(server)
    )
    derived = f"{OLD}T09:00:00Z,,badge-zanzibar,,walburga.w@people.example,{desk(server)},place"
    refused = f"{OLD}T09:00:00Z,,badge-zanzibar,,gottlieb@people.example,{desk(server)},place"
    return [first, first, derived, refused]


def drop(pipeline: Pipeline, name: str, rows: list[str]) -> None:
    path = pipeline.data_dir / "exports" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    header = "timestamp,eventId,sourceUserId,userId,userEmail,locationId,locationType"
    path.write_text("\n".join([header, *rows]) + "\n")


def holding(data_dir: Path) -> Iterator[tuple[str, str]]:
    """Which file, the exports apart, holds which of the planted words."""
    for path in sorted(data_dir.rglob("*")):
        if path.is_file() and data_dir / "exports" not in path.parents:
            content = path.read_bytes().lower()
            yield from ((str(path.relative_to(data_dir)), word) for word in PLANTED if word.encode() in content)


def run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    job = DEFINITIONS.resolve_job_def("apply_retention")
    return job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET)


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (output,) = [event for event in result.all_events if event.is_successful_output]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def test_nothing_of_old_rows_is_left_and_nothing_comes_twice(pipeline: Pipeline) -> None:
    """Every byte below the data folder is searched, Dagster's storage too; then the old export comes again, with a new row."""
    before = set(holding(pipeline.data_dir))
    assert {word for file, word in before if file == "state/pipeline.duckdb"} == set(PLANTED)
    assert {word for file, word in before if file == "calven.duckdb"} == set(PLANTED)
    assert "badge-zanzibar" in {word for file, word in before if file.startswith("parquet/")}
    left_by_a_kill = pipeline.data_dir / "state" / "scratch" / "1" / "rows.csv"
    left_by_a_kill.parent.mkdir(parents=True)
    left_by_a_kill.write_text("badge-zanzibar")

    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        result = run(instance)
        assert result.success
        assert instance.fetch_materializations(dg.AssetKey("analytics_database"), limit=1).records
        assert instance.fetch_materializations(dg.AssetKey("presence_report"), limit=1).records
    told = metadata(result)
    assert (told["rows_removed"], told["removed/accepted"], told["people_removed"]) == (4, 2, 1)
    assert (told["removed/duplicate"], told["removed/rejected"], told["reported_rows_removed"]) == (1, 1, 1)
    assert told["rows_kept_because_open"] == 0
    assert list(holding(pipeline.data_dir)) == []
    assert (
        pipeline.ask("from presence") == pipeline.ask("from rejections") == pipeline.ask("from calven_presence") == []
    )

    stays = pipeline.sandbox.world.rows("users")[0]["userId"]
    new = f"{NEW}T00:00:01Z,evt-new,b-1,{stays},,{desk(pipeline.sandbox)},place"
    drop(pipeline, "old-again.csv", [*old_rows(pipeline.sandbox), new])
    pipeline.judge()
    assert pipeline.publish().accepted == 1
    assert [event["eventId"] for event in pipeline.sandbox.accepted()] == ["evt-new"]
    assert pipeline.outcomes() == {"accepted": 1, "duplicate": 4}
    with pipeline.database() as database:
        books = balance(database)
    assert (books.balanced, books.read, books.removed) == (True, 9, 4)


@pytest.mark.parametrize("killed_in", ["_clear_away", "_flush_folder", "write_snapshot"])
def test_a_killed_run_is_finished_by_the_next(pipeline: Pipeline, killed_in: str) -> None:
    """The rows are gone in the database, their bytes are not: the next run has none to remove and rewrites the files."""
    command = [sys.executable, "-c", KILLED, str(pipeline.data_dir), killed_in]
    assert subprocess.run(command, check=False).returncode == -9
    assert list(holding(pipeline.data_dir))
    with dg.DagsterInstance.ephemeral() as instance:
        told = metadata(run(instance))
    assert told["rows_removed"] == 0
    assert list(holding(pipeline.data_dir)) == []
    assert (pipeline.data_dir / "reports" / "presence.html").exists()
    assert not list((pipeline.data_dir / "state").glob("*.new*"))


def test_without_room_nothing_is_lost(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run fails and says how much is needed; the next one has the room."""
    usage = shutil.disk_usage(pipeline.data_dir)
    with monkeypatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        failed = run(instance)
    (failure,) = [event for event in failed.all_events if event.is_step_failure]
    assert "needs" in failure.step_failure_data.user_failure_data.description
    assert list(holding(pipeline.data_dir))
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(instance).success
    assert list(holding(pipeline.data_dir)) == []


def test_the_schedule_waits_for_the_setting(deployment: Deployment) -> None:
    """It is on from the start; without the setting a tick says that every row is kept, and the job removes nothing."""
    assert retention.apply_retention_schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    context = dg.build_schedule_context(scheduled_execution_time=TICK)
    assert retention.apply_retention_schedule(context).skip_message.startswith("CALVEN_RETENTION_DAYS is not set")
    deployment.set(RETENTION_DAYS="400")
    assert retention.apply_retention_schedule(context).run_key == TICK.isoformat()
    deployment.set(RETENTION_DAYS=None)
    with dg.DagsterInstance.ephemeral() as instance:
        assert not run(instance).success
