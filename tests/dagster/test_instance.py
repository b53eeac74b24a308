"""Are runs kept in the data folder, whoever launches them, and does `dg launch` say how they ended?"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import httpx
import pytest
import stamina
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import ScheduleInstigatorData
from dagster._core.storage.event_log.sqlite import sqlite_event_log as events

from calven_pipeline.cli import _launch_presence_pipeline
from calven_pipeline.project import project_folder
from tests.dagster.deploying import Deployment

DG = str(Path(sys.executable).parent / "dg")
LAUNCH = (DG, "launch", "--job", "presence_pipeline")
START_WITHIN_S = 60
RUNS = "{runsOrError{... on Runs{results{jobName status}}}}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project in a folder without anybody's `.env`: `dg` lets that win over the environment."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("pyproject.toml", "dagster.yaml", "calven_pipeline"):
        (folder / name).symlink_to(project_folder() / name)
    return folder


def statuses() -> list[str]:
    """Of every run in the instance's history, the oldest first."""
    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        return [run.status.value for run in reversed(instance.get_runs())]


def launch(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(LAUNCH, cwd=project, capture_output=True, text=True, check=False, timeout=120)


def test_runs_are_kept_in_the_data_folder_whoever_launches_them(deployment: Deployment, project: Path):
    """By `dg launch` without DAGSTER_HOME, and by the demo: one history; a failed run is a failed command."""
    assert _launch_presence_pipeline() is None

    good = launch(project)
    assert good.returncode == 0, good.stderr[-2000:]
    assert " - DEBUG - " not in good.stderr, "a hundred lines of Dagster's own, which stand in the run's log"
    assert " - INFO - presence_pipeline - " in good.stderr, "what our steps tell"
    assert deployment.outcomes()["accepted"] == 24

    deployment.set(API_SECRET="not-the-secret")
    deployment.add_badges()
    bad = launch(project)
    assert bad.returncode != 0
    *_, posted, snapshot, pulls, publish = bad.stderr.strip().splitlines()
    assert (
        posted
        == f"Posted 0 events to {deployment.sandbox.url.removeprefix('http://')}: 0 accepted, 0 rejected by Calven; 1 wait"
    ), "after Dagster's trace"
    assert snapshot.startswith(f"{deployment.data_dir / 'calven.duckdb'}: 46 rows in all (")
    assert pulls.startswith("Failed: Calven refused the key in CALVEN_API_KEY"), "three checks, one line"
    assert publish.startswith("Failed: 1 of 1 events are still pending: Calven refused the key in CALVEN_API_KEY")
    assert "not-the-secret" not in bad.stdout + bad.stderr

    assert statuses() == ["SUCCESS", "SUCCESS", "FAILURE"]
    assert (deployment.data_dir / "state" / "dagster" / "history" / "runs.db").is_file()
    assert sorted(path.name for path in project.iterdir()) == ["calven_pipeline", "dagster.yaml", "pyproject.toml"]


def test_settings_that_cannot_work_do_not_keep_dagster_from_starting(deployment: Deployment):
    """Once they did, with a traceback; the run says what is wrong, where it can be read later."""
    deployment.set(API_URL="http://calven.example", CONCURRENCY="many")
    problem = _launch_presence_pipeline()
    assert problem is not None
    assert "CALVEN_CONCURRENCY" in problem
    assert "CALVEN_API_URL" in problem
    assert statuses() == ["FAILURE"]


def test_ticks_go_after_a_while_and_one_run_writes_at_a_time(deployment, tmp_path):
    """As Dagster reads `dagster.yaml`; the looks for exports alone would leave 7 MB a day."""
    address = f"sqlite:///{tmp_path / 'events.db'}"
    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        kept = {
            kind: {status.value: days for status, days in instance.get_tick_retention_settings(kind).items()}
            for kind in (InstigatorType.SENSOR, InstigatorType.SCHEDULE)
        }
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 1
        assert instance.run_monitoring_enabled
        assert instance.freshness_enabled
        assert events.create_engine(address) is events.create_engine(address), "statements are compiled once"
    assert kept == {
        InstigatorType.SENSOR: {"STARTED": -1, "SKIPPED": 1, "SUCCESS": 90, "FAILURE": 2},
        InstigatorType.SCHEDULE: {"STARTED": -1, "SKIPPED": 7, "SUCCESS": 90, "FAILURE": 90},
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def dagster_ui(project: Path, log: Path) -> Iterator[str]:
    """`dg dev` until the end of the block; the address of its GraphQL."""
    port = free_port()
    with log.open("w") as output:
        process = subprocess.Popen(
            (DG, "dev", "--port", str(port)), cwd=project, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def runs_listed(graphql: str) -> list[tuple[str, str]]:
    """Job and status of every run that the UI lists, once it answers."""
    until = time.monotonic() + START_WITHIN_S
    while True:
        try:
            answer = httpx.post(graphql, json={"query": RUNS}, timeout=10, trust_env=False).json()
            return [(run["jobName"], run["status"]) for run in answer["data"]["runsOrError"]["results"]]
        except (httpx.TransportError, ValueError):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


@pytest.mark.campaign
def test_the_ui_lists_runs_of_before_and_still_does_when_started_again(deployment, project, tmp_path):
    """Without `instance_class` in `dagster.yaml`, runs vanish with the process that made them."""
    assert _launch_presence_pipeline() is None
    for start in ("first", "second"):
        with dagster_ui(project, tmp_path / f"{start}.log") as graphql:
            assert runs_listed(graphql) == [("presence_pipeline", "SUCCESS")], start
    left = [path.name for path in project.iterdir() if path.name.startswith(".tmp_dagster_home")]
    for name in left:
        assert not [path for path in (project / name).rglob("*") if path.is_file()], name
        shutil.rmtree(project / name)


START = """mutation($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) { __typename ... on PythonError { message } }
}"""
SCHEDULE = {
    "repositoryLocationName": "calven_pipeline",
    "repositoryName": "__repository__",
    "scheduleName": "retry_pending",
}
TICK_S = 900
RUN_WITHIN_S = 120


def switch_on(graphql: str) -> None:
    """The schedule, as the UI's switch does it."""
    body = {"query": START, "variables": {"selector": SCHEDULE}}
    answer = httpx.post(graphql, json=body, timeout=60, trust_env=False).json()
    assert answer["data"]["startSchedule"]["__typename"] == "ScheduleStateResult", answer


def pretend_it_was_on_since(instance: dg.DagsterInstance, before_s: float) -> None:
    """So that the scheduler finds a tick that is due, instead of a quarter of an hour from now."""
    (state,) = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    told = state.instigator_data
    instance.update_instigator_state(
        state.with_data(ScheduleInstigatorData(told.cron_schedule, told.start_timestamp - before_s))
    )


@pytest.mark.campaign
def test_the_schedule_delivers_what_waits_once_calven_is_back(deployment, project, tmp_path):
    """Switched on as in the UI, it is Dagster's own scheduler that launches the run, at its next look: once a minute."""
    deployment.sandbox.set_faults(["503:on=presence"])
    with stamina.set_testing(True, attempts=1):
        assert "still pending" in (_launch_presence_pipeline() or "")
    deployment.sandbox.set_faults([])
    with (
        dagster_ui(project, tmp_path / "dev.log") as graphql,
        dg.DagsterInstance.from_config(str(project_folder())) as instance,
    ):
        runs_listed(graphql)
        switch_on(graphql)
        pretend_it_was_on_since(instance, TICK_S)
        wait_for(lambda: len(runs := instance.get_runs()) == 2 and all(run.is_finished for run in runs))

    assert statuses() == ["FAILURE", "SUCCESS"]
    assert deployment.outcomes()["accepted"] == 24
    assert {event["timesReceived"] for event in deployment.sandbox.accepted()} == {1}


LAUNCH_RUN = """mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename ... on PythonError { message } }
}"""


@pytest.mark.campaign
def test_a_run_whose_process_is_killed_is_started_again(deployment, project, tmp_path):
    """Calven has stored the events, its answer is on the way: Dagster notices, and a second run settles everything."""
    deployment.set(PUBLISH="dry-run")
    assert _launch_presence_pipeline() is None
    deployment.set(PUBLISH="live")
    deployment.sandbox.set_faults(["delay=60s:stored"])
    with (
        dagster_ui(project, tmp_path / "dev.log") as graphql,
        dg.DagsterInstance.from_config(str(project_folder())) as instance,
    ):
        runs_listed(graphql)
        selector = {**SCHEDULE, "jobName": "retry_pending"}
        del selector["scheduleName"]
        body = {"query": LAUNCH_RUN, "variables": {"params": {"selector": selector, "runConfigData": {}}}}
        assert "LaunchRunSuccess" in httpx.post(graphql, json=body, timeout=60, trust_env=False).text
        wait_for(lambda: len(deployment.sandbox.accepted()) == 24)
        deployment.sandbox.set_faults([])
        os.kill(worker(instance), signal.SIGKILL)
        wait_for(lambda: len(runs := instance.get_runs()) == 3 and all(run.is_finished for run in runs))

    assert statuses() == ["SUCCESS", "FAILURE", "SUCCESS"]
    assert deployment.outcomes()["accepted"] == 24
    assert max(event["timesReceived"] for event in deployment.sandbox.accepted()) == 2


def worker(instance: dg.DagsterInstance) -> int:
    """The process of the newest run."""
    told = "\n".join(entry.message for entry in instance.all_logs(instance.get_runs(limit=1)[0].run_id))
    return int(re.search(r"Started process for run \(pid: (\d+)\)", told)[1])


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + RUN_WITHIN_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.5)
