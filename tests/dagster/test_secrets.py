"""Does anything that Dagster keeps or prints hold a secret, a token or a person?"""

import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unittest.mock import Mock

import dagster as dg
import duckdb
import httpx
import pytest
import stamina

from calven_pipeline.exports import staging
from calven_pipeline.project import project_folder, samples_folder
from calven_pipeline.sandbox import SandboxServer, World, auth
from tests.dagster.deploying import DEFINITIONS, Deployment

KEY = "sandbox-all"
TOKEN = "token-that-stands-nowhere-else"
WRONG = "secret-that-stands-nowhere-else"
PEOPLE = ("walburga", "kunigunde", "gottlieb", "unbekannt")


def address(name: str) -> str:
    return f"{name}.zanzibar@people.example"


@dataclass
class Kept:
    """Everything that runs wrote or printed, as text; SQLite's and Dagster's own packing undone."""

    folder: Path
    printed: str = ""

    def texts(self) -> Iterator[tuple[str, str]]:
        yield "printed", self.printed
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(self.folder)), path.read_bytes().decode("latin-1")
                if path.suffix == ".db":
                    yield from self._cells(path)

    def _cells(self, path: Path) -> Iterator[tuple[str, str]]:
        """Every cell of every table; Dagster packs snapshots of jobs with zlib."""
        connection = sqlite3.connect(path)
        try:
            tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
            for table in tables:
                for row in connection.execute(f'select * from "{table}"'):
                    for cell in row:
                        yield f"{path.name}:{table}", unpacked(cell)
        finally:
            connection.close()

    def holding(self, *words: str) -> list[tuple[str, str]]:
        """Where which of the words stands."""
        return [(place, word) for place, text in self.in_small_letters for word in words if word.lower() in text]

    @cached_property
    def in_small_letters(self) -> list[tuple[str, str]]:
        return [(place, text.lower()) for place, text in self.texts()]


def unpacked(cell: object) -> str:
    if not isinstance(cell, bytes):
        return str(cell)
    try:
        return zlib.decompress(cell).decode()
    except zlib.error:
        return cell.decode("latin-1")


def people() -> World:
    """A company whose people can be told from everything else."""
    world = World.load(samples_folder() / "world")
    users = [
        {
            "userId": f"id-{name}",
            "userName": address(name),
            "email": address(name),
            "firstName": name,
            "lastName": "Zanzibar",
        }
        for name in PEOPLE[:3]
    ]
    return World.of(users, world.rows("locations"), world.rows("desks"))


def lay_out_people(folder: Path, desk: str) -> None:
    """Exports with those people: accepted, refused for case, unknown, and a line that is no row."""
    shutil.rmtree(folder / "exports")
    (folder / "exports").mkdir()
    rows = [
        {"id": f"event-{name}-zanzibar", "seenAt": "2026-11-02T09:00:00Z", "email": email, "desk": desk}
        for name, email in [
            *((name, address(name)) for name in PEOPLE),
            ("case", address("Walburga")),
            ("nowhere", address("gottlieb")),
        ]
    ]
    rows[-1]["desk"] = "no-such-desk-zanzibar"
    lines = [*map(json.dumps, rows), f'{{"email": "{address("walburga")}", "broken']
    (folder / "exports" / "desks").mkdir()
    (folder / "exports" / "desks" / "today.jsonl").write_text("\n".join(lines) + "\n")


def run_kept(instance: dg.DagsterInstance, job: str = "ingest_presence") -> bool:
    """Run with Dagster's own console log."""
    with stamina.set_testing(True, attempts=1):
        return DEFINITIONS.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False).success


def test_nothing_that_dagster_keeps_names_a_secret_or_a_person(deployment, monkeypatch, capfd):
    """Runs that succeed and that fail in many ways, and then a search of every file and of what was printed."""
    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        run_in_many_ways(instance, deployment, monkeypatch)

    printed = capfd.readouterr()
    kept = Kept(deployment.data_dir / "state" / "dagster", printed.out + printed.err)
    assert deployment.rows(f"select outcome from presence where user_email = '{address('walburga')}'") == [
        ("accepted",)
    ]
    assert deployment.rows("select count(*) from rejections where reason = 'calven_bad_format'") == [(1,)]
    assert {place for place, _ in kept.holding("validated_presence")} >= {"runs.db:snapshots", "printed"}
    assert kept.holding(TOKEN, f"{KEY}-secret", WRONG, "sandbox-warehouse-secret") == []
    assert kept.holding("zanzibar", "@people", *PEOPLE) == []


def run_in_many_ways(instance: dg.DagsterInstance, deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run, six failures of different kinds, and a run with a rejected event."""
    monkeypatch.setattr(auth.secrets, "token_urlsafe", lambda _: TOKEN)
    assert TOKEN in sign_in(deployment.sandbox)
    deployment.sandbox.set_world(people())
    lay_out_people(deployment.data_dir, people().rows("desks")[0]["deskId"])
    people_table = deployment.data_dir / "people.csv"

    deployment.set(PUBLISH="dry-run")
    assert run_kept(instance, "presence_pipeline")
    deployment.set(PUBLISH="live", API_SECRET=WRONG)
    assert not run_kept(instance, "presence_pipeline"), "a wrong secret"
    deployment.use_key("sandbox-warehouse", role="EVENTS")
    assert not run_kept(instance, "retry_pending"), "a wrong role"
    deployment.use_key(None, role="EVENTS")
    deployment.use_key(KEY)
    deployment.sandbox.set_faults(["truncate"])
    assert not run_kept(instance, "retry_pending"), "answers that are cut off"
    people_table.write_text(f"source_user_id,user_email\nx,{address('walburga')}\nx,{address('gottlieb')}\n")
    assert not run_kept(instance), "a people table that contradicts itself"
    shutil.copyfile(samples_folder() / "people.csv", people_table)
    with monkeypatch.context() as stumbling:
        quote = duckdb.InvalidInputException(f"Original Line: {address('walburga')}")
        stumbling.setattr(staging, "drop_folder", Mock(side_effect=quote))
        assert not run_kept(instance), "an error that quotes a row"
    deployment.sandbox.set_faults(["poison=event-kunigunde"])
    assert run_kept(instance), "a call that Calven refuses for one of its events"


def test_state_is_for_its_owner_alone(deployment):
    """The working database holds people: nobody else on the machine may list the folder."""
    assert deployment.run("refresh_reference").success
    assert os.stat(deployment.data_dir / "state").st_mode & 0o077 == 0  # noqa: PTH116 - a mode, not a path


def sign_in(sandbox: SandboxServer) -> str:
    """The sandbox's answer to a key that signs in."""
    key = {"grant_type": "client_credentials", "client_id": KEY, "client_secret": f"{KEY}-secret"}
    return httpx.post(f"{sandbox.url}/v1/auth/token", json=key).text
