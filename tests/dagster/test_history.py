"""Does Dagster's history stay bounded, and does what others still need of it stay?"""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.runs.schema import RunsTable

from calven_pipeline.defs import history
from calven_pipeline.project import project_folder
from tests.dagster.deploying import DEFINITIONS, QUIET, Deployment

ASSETS = [dg.AssetKey(name) for name in ("users", "locations", "desks")]
TICK = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)


@pytest.fixture
def instance(deployment: Deployment) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        yield instance


def run(instance: dg.DagsterInstance, job: str) -> dg.ExecuteInProcessResult:
    return DEFINITIONS.resolve_job_def(job).execute_in_process(
        instance=instance, raise_on_error=False, run_config=QUIET
    )


def trim(instance: dg.DagsterInstance) -> int:
    return run(instance, "trim_history").output_for_node("trim_runs")


def age(instance: dg.DagsterInstance, days: float) -> None:
    """Let every run so far have been created that long ago."""
    then = (datetime.now(UTC) - timedelta(days=days)).replace(tzinfo=None)
    with instance.run_storage.connect() as connection:
        connection.execute(RunsTable.update().values(create_timestamp=then))


def traces(folder: Path, run_id: str) -> set[str]:
    """Files and tables in Dagster's folder that know the run."""
    found = {path.suffix or path.name for path in folder.rglob("*") if run_id in path.name}
    for path in folder.rglob("*.db"):
        database = sqlite3.connect(path)
        for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
            if any(run_id in str(row) for row in database.execute(f'select * from "{table}"')):
                found.add(table)
        database.close()
    return found


def tell(instance: dg.DagsterInstance, event: dg.AssetObservation | dg.AssetCheckEvaluation) -> str:
    """The id of a run that says that and makes nothing."""

    @dg.op
    def look(context: dg.OpExecutionContext):
        context.log_event(event)

    @dg.job
    def looking():
        look()

    return looking.execute_in_process(instance=instance, run_config=QUIET).run_id


def test_old_runs_go_without_a_trace_and_the_latest_of_everything_stays(deployment, instance):
    """The UI's own way of deleting leaves files and evaluations behind (Dagster 1.13.27), which would grow for ever."""
    deployment.set(HISTORY_DAYS="30")
    job = DEFINITIONS.resolve_job_def("refresh_reference")
    old, made = run(instance, "refresh_reference").run_id, run(instance, "refresh_reference").run_id
    observed = tell(instance, dg.AssetObservation("published_presence"))
    evaluated = tell(
        instance, dg.AssetCheckEvaluation(asset_key=dg.AssetKey("users"), check_name="pulled", passed=True)
    )
    waiting = instance.create_run_for_job(job).run_id
    age(instance, 31)
    recent = instance.create_run_for_job(job)
    instance.report_run_failed(recent)
    folder = deployment.data_dir / "state" / "dagster"
    known = {".db", old, "event_logs", "asset_check_executions", "run_tags", "runs"}
    assert traces(folder, old) >= known
    before = instance.get_latest_materialization_events(ASSETS)

    assert trim(instance) == 1

    assert traces(folder, old) == set()
    assert {run.run_id for run in instance.get_runs()} >= {made, observed, evaluated, waiting, recent.run_id}
    assert traces(folder, made) >= known - {old}
    assert instance.get_latest_materialization_events(ASSETS) == before
    assert {event.run_id for event in before.values()} == {made}
    assert trim(instance) == 0


def test_a_run_is_asked_for_where_something_is_old(deployment, instance, monkeypatch):
    """So many at once that no other run waits long: the rest goes the next day."""
    monkeypatch.setattr(history, "RUNS_AT_ONCE", 2)
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=TICK)
    for _ in range(3):
        instance.report_run_failed(instance.create_run_for_job(DEFINITIONS.resolve_job_def("retry_pending")))
    age(instance, 89)
    skipped = history.trim_history_schedule(context)
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "No run to delete is older than 90 days."
    age(instance, 91)
    request = history.trim_history_schedule(context)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-11-23T03:30:00+00:00"
    assert [trim(instance), trim(instance)] == [2, 1]
    assert isinstance(history.trim_history_schedule(context), dg.SkipReason)
    assert history.trim_history_schedule.default_status == dg.DefaultScheduleStatus.RUNNING
