"""Does everything that Dagster keeps go to a real PostgreSQL server, and does what reads it work there?"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.runs.schema import RunsTable
from dagster._serdes import serialize_value

from calven_pipeline.defs import instance as storage
from calven_pipeline.defs.alerts import alerts
from calven_pipeline.errors import SettingsError
from calven_pipeline.project import project_folder
from tests.dagster.deploying import DEFINITIONS, QUIET, Deployment
from tests.dagster.receiving import receiving

PASSWORD = "not-to-be-shown"
START_WITHIN_S = 30


def program(name: str) -> str | None:
    """Debian keeps it away from the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or next((found for folder in folders if (found := shutil.which(name, path=folder))), None)


def unprivileged() -> dict[str, object]:
    """PostgreSQL refuses to be started by root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    """An empty server on a free port of loopback."""
    pytest.importorskip("dagster_postgres", reason="`uv sync --extra postgres`")
    initdb, postgres = program("initdb"), program("postgres")
    if not (initdb and postgres):
        pytest.skip("there is no PostgreSQL server here")
    folder = Path(tempfile.mkdtemp(prefix="calven-postgres-"))
    as_somebody = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, **unprivileged()}
    try:
        (folder / "password").write_text(PASSWORD)
        for path in (folder, folder / "password"):
            os.chown(path, as_somebody.get("user", -1), as_somebody.get("group", -1))
        options = ("--username=dagster", "--pwfile=password", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8")
        subprocess.run((initdb, "--pgdata=db", *options), check=True, **as_somebody)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off")
        options = [part for setting in settings for part in ("-c", setting)]
        server = subprocess.Popen((postgres, "-D", "db", *options), **as_somebody)
        try:
            url = f"postgresql://dagster:{PASSWORD}@127.0.0.1:{port}/postgres"
            wait_for(url)
            yield url
        finally:
            server.terminate()
            server.wait(START_WITHIN_S)
    finally:
        shutil.rmtree(folder)


def wait_for(url: str) -> None:
    import psycopg2

    until = time.monotonic() + START_WITHIN_S
    while True:
        try:
            psycopg2.connect(url).close()
        except psycopg2.OperationalError:
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            return


def run(instance: dg.DagsterInstance, job: str) -> dg.ExecuteInProcessResult:
    return DEFINITIONS.resolve_job_def(job).execute_in_process(
        instance=instance, raise_on_error=False, run_config=QUIET
    )


@pytest.mark.postgres
def test_runs_alerts_and_trimming_on_a_real_server(deployment: Deployment, postgres_url: str):
    """The main job, then one with a key of the wrong role, then the right one again; told; and at last all are old."""
    deployment.set(DAGSTER_POSTGRES_URL=postgres_url)
    with receiving() as receiver, dg.DagsterInstance.from_config(str(project_folder())) as instance:
        deployment.set(ALERT_WEBHOOK=receiver.url)
        before = alerts(dg.build_sensor_context(instance=instance)).cursor
        good = run(instance, "presence_pipeline")
        deployment.use_key("sandbox-events")
        bad = run(instance, "refresh_reference")
        failed = alerts(dg.build_sensor_context(instance=instance, cursor=before)).cursor
        deployment.use_key("sandbox-all")
        mended = run(instance, "refresh_reference")
        alerts(dg.build_sensor_context(instance=instance, cursor=failed))

        assert [good.success, bad.success, mended.success] == [True, False, True]
        assert deployment.outcomes()["accepted"] == 24
        assert [text.splitlines()[0] for text in receiver.news()] == [
            "FAILED: refresh_reference",
            "RECOVERED: refresh_reference",
        ]
        then = datetime.now(UTC) - timedelta(days=91)
        with instance.run_storage.connect() as connection:
            connection.execute(RunsTable.update().values(create_timestamp=then.replace(tzinfo=None)))
        assert run(instance, "trim_history").output_for_node("trim_runs") == 1
        assert PASSWORD not in serialize_value(instance.get_ref()), "child processes get it on their command line"

    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        kept = [run.run_id for run in instance.get_runs()]
        assert {good.run_id, mended.run_id} < set(kept)
        assert bad.run_id not in kept, "it is the latest of nothing"
        latest = instance.get_latest_materialization_event(dg.AssetKey("published_presence"))
        assert latest.run_id == good.run_id
    left = {path.name for path in (deployment.data_dir / "state" / "dagster").iterdir()}
    assert left <= {"storage"}, "no history in files"


@pytest.mark.campaign
@pytest.mark.postgres
def test_a_run_in_a_process_of_its_own_is_kept_there_too(deployment: Deployment, postgres_url: str, tmp_path: Path):
    """By `dg launch`, with the address in `.env` alone."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("pyproject.toml", "dagster.yaml", "calven_pipeline"):
        (folder / name).symlink_to(project_folder() / name)
    (folder / ".env").write_text(f"CALVEN_DAGSTER_POSTGRES_URL={postgres_url}\n")
    dg_command = str(Path(sys.executable).parent / "dg")
    launched = subprocess.run(
        (dg_command, "launch", "--job", "refresh_reference"), cwd=folder, capture_output=True, text=True, check=False
    )
    assert launched.returncode == 0, launched.stderr[-2000:]
    assert PASSWORD not in launched.stdout + launched.stderr
    deployment.set(DAGSTER_POSTGRES_URL=postgres_url)
    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        (newest,) = instance.get_runs(limit=1)
    assert (newest.job_name, newest.status.value) == ("refresh_reference", "SUCCESS")
    assert f"{newest.run_id}" in launched.stderr


@pytest.mark.parametrize("url", ["mysql://dagster:not-to-be-shown@db.example/dagster", "db.example:5432"])
def test_an_address_that_cannot_work_is_one_line(deployment: Deployment, monkeypatch, url):
    """Of `dg` too, which shows a traceback of everything else: there is no run yet that could fail instead."""
    deployment.set(DAGSTER_POSTGRES_URL=url)
    with pytest.raises(SettingsError, match="CALVEN_DAGSTER_POSTGRES_URL: must be an address such as") as caught:
        dg.DagsterInstance.from_config(str(project_folder()))
    assert PASSWORD not in str(caught.value)
    monkeypatch.setattr(sys, "argv", ["/somewhere/dg", "launch"])
    with pytest.raises(SystemExit, match=r"^Failed: Settings cannot work: CALVEN_DAGSTER_POSTGRES_URL: "):
        dg.DagsterInstance.from_config(str(project_folder()))


def test_a_missing_driver_is_one_line_that_says_what_to_do(deployment: Deployment, monkeypatch):
    deployment.set(DAGSTER_POSTGRES_URL=f"postgresql://dagster:{PASSWORD}@db.example/dagster")
    monkeypatch.setattr(storage, "POSTGRES", "dagster_postgres_that_nobody_installed")
    with pytest.raises(SettingsError, match=r"not installed: `uv sync --extra postgres`\.$"):
        dg.DagsterInstance.from_config(str(project_folder()))


def test_none_overrules_an_env_file(deployment: Deployment, tmp_path: Path):
    """As the demo does: its runs are nobody's history."""
    (tmp_path / ".env").write_text("CALVEN_DAGSTER_POSTGRES_URL=postgresql://dagster@db.example/dagster\n")
    deployment.set(DAGSTER_POSTGRES_URL="none")
    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        assert instance.get_runs() == []
    assert (deployment.data_dir / "state" / "dagster" / "history" / "runs.db").is_file()
