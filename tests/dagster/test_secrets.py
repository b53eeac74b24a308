"""Does anything that Dagster keeps or prints hold a secret, a token or a person?"""

import gzip
import json
import os
import shutil
import sqlite3
import stat
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

from calven_pipeline.cli import main
from calven_pipeline.defs.alerts import alerts
from calven_pipeline.defs.noticing import new_exports
from calven_pipeline.exports import staging
from calven_pipeline.project import project_folder, samples_folder
from calven_pipeline.sandbox import SandboxServer, World, auth
from tests.dagster.deploying import DEFINITIONS, Deployment
from tests.dagster.receiving import receiving

KEY = "sandbox-all"
TOKEN = "token-that-stands-nowhere-else"
WRONG = "secret-that-stands-nowhere-else"
LEFT = ".calven.duckdb.new"
NOTE = "gottlieb zanzibar asked for it"
PEOPLE = ("walburga", "kunigunde", "gottlieb", "unbekannt")


def address(name: str) -> str:
    return f"{name}.zanzibar@people.example"


@dataclass
class Kept:
    """Everything that runs wrote, printed or sent where people have no place; SQLite's and Dagster's own packing undone."""

    folder: Path
    printed: str = ""
    sent: str = ""

    def texts(self) -> Iterator[tuple[str, str]]:
        yield "printed", self.printed
        yield "sent", self.sent
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not is_for_people(path.relative_to(self.folder)):
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


def is_for_people(path: Path) -> bool:
    """Whether people's data belong into the file of a data folder."""
    return path.parts[0] in {"exports", "people.csv", "parquet", "persons"} or ".duckdb" in path.suffixes


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
            "remark": f"Zanzibar's {name}",
        }
        for name in PEOPLE[:3]
    ]
    return World.of(users, world.rows("locations"), world.rows("desks"))


def lay_out_people(folder: Path, desk: str) -> None:
    """Exports with those people: accepted, refused for case, unknown, a line that is no row; and badges with their names."""
    shutil.rmtree(folder / "exports")
    (folder / "exports").mkdir()
    with (folder / "people.csv").open("a") as table:
        table.write(f"badge-walburga,{address('walburga')}\nbadge-nobody,{address('unbekannt')}\n")
    badges = [
        "Time,Badge,Reader,Direction,Result",
        "04/11/2026 08:00,badge-walburga,Main door,in,Access granted",
        "04/11/2026 08:00,badge-nobody,Main door,in,Access granted",
        "04/11/2026 08:00,badge-zanzibar,Main door,in,Access granted",
        "when gottlieb came,badge-walburga,Main door,in,Access granted",
        "04/11/2026 08:00,=badge-kunigunde,Main door,in,Denied to zanzibar",
        "gottlieb zanzibar",
    ]
    (folder / "exports" / "badges").mkdir()
    (folder / "exports" / "badges" / "today.csv").write_text("\n".join(badges) + "\n")
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


def run_kept(
    instance: dg.DagsterInstance, job: str = "ingest_presence", config: dict[str, object] | None = None
) -> bool:
    """Run with Dagster's own console log."""
    with stamina.set_testing(True, attempts=1):
        job_def = DEFINITIONS.resolve_job_def(job)
        return job_def.execute_in_process(instance=instance, raise_on_error=False, run_config=config).success


@pytest.fixture
def lax_umask() -> Iterator[None]:
    """Whatever is made without a thought is for everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("lax_umask")
def test_nothing_that_is_kept_or_told_names_a_secret_or_a_person(deployment, monkeypatch, capfd):
    """Runs that succeed and that fail in many ways, and then a search of every file, of what was printed and of what was sent.

    And whatever holds people is for its owner alone.
    """
    state = deployment.data_dir / "state"
    with receiving() as receiver, dg.DagsterInstance.from_config(str(project_folder())) as instance:
        assert mode(state) == mode(state / "dagster") == 0o700, "Dagster is the first to need them"
        state.chmod(0o777)  # as after a restore: the next run closes it
        (deployment.data_dir / LEFT).write_text("left by a crash")
        deployment.set(ALERT_WEBHOOK=receiver.url, PARQUET="parquet")
        cursor = alerts(dg.build_sensor_context(instance=instance)).cursor
        run_in_many_ways(instance, deployment, monkeypatch)
        alerts(dg.build_sensor_context(instance=instance, cursor=cursor))
        new_exports(dg.build_sensor_context(instance=instance))
        main(["status"])
        main(["status", "--json"])

    printed = capfd.readouterr()
    kept = Kept(deployment.data_dir, printed.out + printed.err, json.dumps(receiver.calls))
    assert deployment.rows(f"select outcome from presence where user_email = '{address('walburga')}'") == [
        ("accepted",),
        ("accepted",),
    ]
    reasons = dict(deployment.rows("select reason, count(*) from rejections group by reason"))
    assert reasons == {
        "calven_bad_format": 1,
        "calven_user_not_found": 1,
        "email_case_mismatch": 1,
        "invalid_timestamp": 1,
        "malformed_row": 2,
        "unknown_location": 1,
        "unknown_user": 2,
        "unmapped_person": 1,
    }
    assert deployment.rows(f"select count(*) from rejections where note = '{NOTE}'") == [(1,)], "kept for analysts"
    assert {place for place, _ in kept.holding("validated_presence")} >= {"runs.db:snapshots", "printed", "sent"}
    assert {place for place, _ in kept.holding("today.csv")} >= {"state/noticed.json"}
    assert kept.holding(TOKEN, f"{KEY}-secret", WRONG, "sandbox-warehouse-secret") == []
    assert kept.holding("zanzibar", "@people", *PEOPLE) == []
    check_that_it_is_for_its_owner_alone(deployment.data_dir)


def run_in_many_ways(instance: dg.DagsterInstance, deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run, failures of every step in different ways, a run with rejected events, and a dismissal."""
    monkeypatch.setattr(auth.secrets, "token_urlsafe", lambda _: TOKEN)
    assert TOKEN in sign_in(deployment.sandbox)
    deployment.sandbox.set_world(people())
    lay_out_people(deployment.data_dir, people().rows("desks")[0]["deskId"])
    people_table = deployment.data_dir / "people.csv"
    good_table = people_table.read_text()

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
    deployment.set(API_URL="http://127.0.0.1:9")
    assert not run_kept(instance, "retry_pending"), "Calven cannot be reached"
    deployment.set(API_URL=deployment.sandbox.url)
    people_table.write_text(f"source_user_id,user_email\nx,{address('walburga')}\nx,{address('gottlieb')}\n")
    damaged = deployment.data_dir / "exports" / "damaged.csv"
    damaged.write_bytes(gzip.compress(address("gottlieb").encode())[:-9])
    assert not run_kept(instance), "a people table that contradicts itself, and a damaged file"
    people_table.write_text(good_table)
    damaged.write_text(f"2026-11-02T09:00:00Z,{address('gottlieb')},gottlieb\n" * 2)
    assert not run_kept(instance), "a person where the header should be"
    damaged.unlink()
    with monkeypatch.context() as stumbling:
        quote = duckdb.InvalidInputException(f"Original Line: {address('walburga')}")
        stumbling.setattr(staging, "drop_folder", Mock(side_effect=quote))
        assert not run_kept(instance), "an error that quotes a row"
    without_gottlieb = [user for user in people().rows("users") if user["userId"] != "id-gottlieb"]
    deployment.sandbox.set_world(World.of(without_gottlieb, people().rows("locations"), people().rows("desks")))
    deployment.sandbox.set_faults(["poison=event-kunigunde"])
    assert run_kept(instance), "a call that Calven refuses for one of its events, and a person it does not know"
    monkeypatch.setenv("NOTE", NOTE)
    note = {"reasons": ["unmapped_person"], "note": {"env": "NOTE"}, "dry_run": False}
    assert run_kept(instance, "dismiss", {"ops": {"dismiss_rows": {"config": note}}})
    deployment.working_rows("delete from staged_presence where row_id = 1")
    assert not run_kept(instance), "books that do not balance"


def check_that_it_is_for_its_owner_alone(data_dir: Path) -> None:
    """What lies in `state` cannot be reached; what analysts are given has no rights for others."""
    assert mode(data_dir / "state") == 0o700
    made = [data_dir / name for name in ("calven.duckdb", "parquet", "reports")]
    made += [path for folder in made for path in folder.rglob("*")]
    assert len(made) > len(("calven.duckdb", "parquet", "reports"))
    assert [path for path in made if mode(path) & 0o077] == []
    assert not (data_dir / LEFT).exists()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sign_in(sandbox: SandboxServer) -> str:
    """The sandbox's answer to a key that signs in."""
    key = {"grant_type": "client_credentials", "client_id": KEY, "client_secret": f"{KEY}-secret"}
    return httpx.post(f"{sandbox.url}/v1/auth/token", json=key).text
