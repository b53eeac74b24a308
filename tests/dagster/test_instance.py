"""Are runs kept in the data folder, whoever launches them, and does `dg launch` say how they ended?"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import httpx
import pytest

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
    assert deployment.outcomes()["accepted"] == 24

    deployment.set(API_SECRET="not-the-secret")
    bad = launch(project)
    assert bad.returncode != 0
    last_line = bad.stderr.strip().splitlines()[-1]
    assert last_line.startswith("Failed: Calven refused the key in CALVEN_API_KEY"), "told last, after Dagster's trace"
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
