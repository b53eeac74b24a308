"""Do the jobs `export_person` and `forget_person` reach everything of one person, and tell nobody who it was?"""

import json
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.runs.schema import RunsTable

from calven_pipeline.api import CalvenClient
from calven_pipeline.defs import history
from calven_pipeline.project import project_folder, samples_folder
from calven_pipeline.reconciliation.reconcile import reconcile
from calven_pipeline.retention.erasure import forget_person as forget
from calven_pipeline.retention.persons import Asked
from calven_pipeline.sandbox import SandboxServer, World
from calven_pipeline.warehouse.snapshot import write_snapshot
from tests.dagster.deploying import DEFINITIONS, QUIET, Deployment, Run, new_deployment
from tests.http.delivering import Pipeline

ADDRESS, BADGE, USER_ID = "walburga.zanzibar@people.example", "B-77-walburga", "id-zanzibar"
WORDS = ("walburga", "zanzibar")
OTHER = "person-01@sandbox.example"
KILLED = """
import os, signal, sys
from pathlib import Path
from calven_pipeline.retention import chosen, erasure
from calven_pipeline.retention.persons import Asked
chosen.remove_rows = lambda _: os.kill(os.getpid(), signal.SIGKILL)
erasure.forget_person(Path(sys.argv[1]), Asked(badge=sys.argv[2]), launch="launch", run_id="launch")
"""


def world() -> World:
    """The sample company with one more, whom one of its desks names too."""
    sample = World.load(samples_folder() / "world")
    person = {"userId": USER_ID, "userName": ADDRESS, "email": ADDRESS, "firstName": "Walburga", "lastName": "Zanzibar"}
    first, *desks = sample.rows("desks")
    return World.of(
        [*sample.rows("users"), person], sample.rows("locations"), [{**first, "assignedTo": ADDRESS}, *desks]
    )


def lay_out(deployment: Deployment) -> None:
    """Badge rows, one at an unknown door; desk rows by address, in another case, and a broken line; rows of others."""
    desk = world().rows("desks")[0]["deskId"]
    people = deployment.data_dir / "people.csv"
    people.write_text(f"{people.read_text()}{BADGE},{ADDRESS}\n")
    deployment.add_badges(
        "hers.csv",
        [
            f"04/11/2026 08:00,{BADGE},Main door,in,Access granted",
            f"04/11/2026 08:10,{BADGE},Nowhere door,in,Access granted",
            f"04/11/2026 08:20,{BADGE},Main door,in,Access denied",
            "04/11/2026 09:00,B-1001,Main door,in,Access granted",
        ],
    )
    lines = [
        {"id": "sensor-a", "seenAt": "2026-11-04T09:00:00Z", "email": ADDRESS, "desk": desk},
        {"id": "sensor-b", "seenAt": "2026-11-04T09:10:00Z", "email": ADDRESS.title(), "desk": desk},
        {"id": "sensor-c", "seenAt": "2026-11-04T09:20:00Z", "email": "x@y.example", "desk": desk, "host": ADDRESS},
        {"id": "sensor-d", "seenAt": "2026-11-04T09:30:00Z", "email": OTHER, "desk": "none", "host": ADDRESS},
    ]
    text = "\n".join([*map(json.dumps, lines), f'{{"email": "{ADDRESS}", "broken'])
    (deployment.data_dir / "exports" / "desks" / "hers.jsonl").write_text(text + "\n")


@pytest.fixture(scope="module")
def held_folder(server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with everything of one person: delivered, rejected, reported by Calven, and an event that waits."""
    with pytest.MonkeyPatch.context() as patch:
        server.clear()
        server.set_world(world())
        patch.setenv("CALVEN_SETTLE_SECONDS", "0")
        deployment = new_deployment(tmp_path_factory.mktemp("held") / "data", server, patch)
        deployment.set(PARQUET="parquet")
        lay_out(deployment)
        pipeline = Pipeline(deployment.data_dir, server)
        pipeline.pull()
        pipeline.judge()
        assert pipeline.publish().problem is None
        deployment.add_badges("waits.csv", [f"05/11/2026 08:00,{BADGE},Main door,in,Access granted"])
        pipeline.judge()
        with pipeline.database() as database, CalvenClient(pipeline.settings()) as client:
            assert reconcile(database, client).agrees
            write_snapshot(database, deployment.data_dir)
        (deployment.data_dir / "state" / "pulls" / "users.json").write_text(json.dumps([ADDRESS]))
    return deployment.data_dir


@pytest.fixture
def held(held_folder: Path, deployment: Deployment) -> Deployment:
    """A copy of that folder; the sandbox counts anew."""
    deployment.sandbox.set_world(world())
    deployment.set(PARQUET="parquet")
    return deployment.copy_of(held_folder)


def ask(deployment: Deployment, job: str, **person: str) -> Run:
    """Launch with each value in a variable of its own, as the README says."""
    for name, value in person.items():
        deployment.patch.setenv(f"WHO_{name}", value)
    config = {name: {"env": f"WHO_{name}"} for name in person}
    return deployment.run(job, {"ops": {job: {"config": config}}})


def told(run: Run) -> dict[str, Any]:
    (metadata,) = run.outputs.values()
    return metadata


def holding(data_dir: Path) -> Iterator[tuple[str, str]]:
    """Which file holds which word; exports and people.csv are the operator's."""
    for path in sorted(data_dir.rglob("*")):
        if path.is_file() and data_dir / "exports" not in path.parents and path.name != "people.csv":
            content = path.read_bytes().lower()
            yield from ((str(path.relative_to(data_dir)), word) for word in WORDS if word.encode() in content)


def test_everything_held_is_written_to_one_file(held):
    """By the badge alone: it leads to the user, the addresses, and the rows that carry any of them."""
    run = ask(held, "export_person", badge=BADGE.lower())
    assert run.success
    (path,) = (held.data_dir / "persons").iterdir()
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    file = json.loads(path.read_text())
    assert file["person"]["addresses"] == [ADDRESS]
    assert file["person"]["badges"] == [{"source": "badges", "badge": BADGE.lower()}]
    tables = file["tables"]
    counts = {name: len(entries) for name, entries in tables.items()}
    assert counts == {
        **dict.fromkeys(("users", "known_users", "people", "desks"), 1),
        "export_files": 3,
        "staged_presence": 8,
        "validated_presence": 8,
        "outbox": 1,
        "calls": 1,
        "answers": 2,
        "rejections": 4,
        "daily_presence": 2,
        "calven_presence": counts["calven_presence"],
        "unconfirmed_presence": 0,
        "requests": 0,
    }
    assert counts["calven_presence"] > 0
    assert tables["calls"] == [{"calls": 2}]
    assert {row["outcome"] for row in tables["validated_presence"]} == {"accepted", "rejected", "pending", "ignored"}
    assert tables["daily_presence"][0]["first_seen_at"].endswith("Z")
    assert told(run)["entries/staged_presence"] == 8
    assert not [word for word in WORDS if word in repr(run).lower()]


def test_a_forgotten_person_is_nowhere(held):
    """Every byte below the data folder is searched; the event that waited is never sent, and the books balance."""
    assert ask(held, "export_person", email=ADDRESS).success
    before = {file for file, _ in holding(held.data_dir)}
    assert {"calven.duckdb", "state/pipeline.duckdb", "state/pulls/users.json"} <= before
    assert any(file.startswith("parquet/") for file in before)
    run = ask(held, "forget_person", user_id=USER_ID.upper())
    assert run.success, run.failures
    numbers = told(run)
    assert (numbers["rows_removed"], numbers["removed/accepted"], numbers["removed/ignored"]) == (8, 2, 6)
    assert (numbers["person_files_deleted"], numbers["rows_naming_others"], numbers["exports_with_them"]) == (1, 0, 3)
    assert list(holding(held.data_dir)) == []
    assert held.rows("select kind, row_count, note from requests") == [("forget", 8, None)]
    assert held.rows("select raw from rejections where raw like '%(removed)%'") != []
    again = ask(held, "forget_person", user_id=USER_ID)
    assert list(again.failures.values()) == [
        "Nobody was found by that user id: no user, no row of an export, and nothing that Calven reported. Nothing was done."
    ]

    pipeline = Pipeline(held.data_dir, held.sandbox)
    held.sandbox.set_world(world())
    held.add_badges("hers.csv", [f"04/11/2026 08:00,{BADGE},Main door,in,Access granted"])
    held.add_badges("waits.csv", [f"05/11/2026 08:00,{BADGE},Main door,in,Access granted"])
    held.add_badges("new.csv", [f"06/11/2026 08:00,{BADGE},Main door,in,Access granted"])
    pipeline.pull()
    pipeline.judge()
    assert pipeline.publish().accepted == 1
    assert [event["timestamp"][:10] for event in held.sandbox.accepted()] == ["2026-11-06"]


def test_a_killed_run_is_finished_by_its_launch(held):
    """Killed before a row is removed: what waited is not sent, and the rest goes although nobody knows whose it was."""
    killed = subprocess.run([sys.executable, "-c", KILLED, str(held.data_dir), BADGE], check=False)
    assert killed.returncode == -signal.SIGKILL
    pipeline = Pipeline(held.data_dir, held.sandbox)
    assert pipeline.publish().accepted == 0
    erasure = forget(held.data_dir, Asked(badge=BADGE), launch="launch", run_id="again")
    assert (erasure.found, erasure.removal.outcomes) == (None, {"accepted": 2, "ignored": 6})
    assert list(holding(held.data_dir)) == []
    assert pipeline.ask("select kind, row_count from requests") == [("forget", 8)]


def leave_in_free_pages(path: Path) -> None:
    """What a SQLite leaves that is not built to overwrite what it deletes."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma secure_delete = off")
        database.execute("create table passing as select ? as words", [BADGE * 1000])
        database.execute("drop table passing")


def test_runs_about_one_person_go_after_a_day(held):
    """However long others are kept, and not a byte of them stays."""
    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        job = DEFINITIONS.resolve_job_def("export_person")
        config = {"ops": {"export_person": {"config": {"badge": BADGE}}}}
        failed = instance.create_run_for_job(job, run_config=config)
        instance.report_run_failed(failed)
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC))
        assert isinstance(history.trim_history_schedule(context), dg.SkipReason)
        then = datetime.now(UTC) - timedelta(days=1, minutes=1)
        with instance.run_storage.connect() as connection:
            connection.execute(RunsTable.update().values(update_timestamp=then.replace(tzinfo=None)))
        storage = held.data_dir / "state" / "dagster"
        leave_in_free_pages(storage / "history" / "runs.db")
        assert list(holding(storage)) != []
        assert isinstance(history.trim_history_schedule(context), dg.RunRequest)
        trimming = DEFINITIONS.resolve_job_def("trim_history")
        trimmed = trimming.execute_in_process(instance=instance, run_config=QUIET)
        assert trimmed.output_for_node("trim_runs") == 1
        assert list(holding(storage)) == []


@pytest.mark.parametrize(
    ("person", "message"),
    [
        ({}, "exactly one of user_id, email and badge"),
        ({"email": ADDRESS, "badge": BADGE}, "exactly one of user_id, email and badge"),
        ({"email": ADDRESS, "source": "badges"}, "A source goes with a badge number only"),
        ({"badge": BADGE, "source": "zanzibar"}, "No row was read from a source of that name"),
        ({"email": "walburga@nowhere.example"}, "Nobody was found by that address"),
    ],
)
def test_what_cannot_work_fails_in_one_line(held, person, message):
    """Without a word of who was asked for."""
    run = ask(held, "forget_person", **person)
    (line,) = run.failures.values()
    assert message in line
    assert not [word for word in WORDS if word in repr(run).lower()]


def test_a_variable_that_is_not_set_is_told_in_one_line(held):
    """Nor one that is empty: nobody is meant by that."""
    held.patch.setenv("WHO_email", "")
    for name in ("WHO_email", "WHO_ELSE"):
        run = held.run("export_person", {"ops": {"export_person": {"config": {"email": {"env": name}}}}})
        assert list(run.failures.values()) == [
            f"The environment variable {name} is not set. Set it where the run starts, and launch again."
        ]
