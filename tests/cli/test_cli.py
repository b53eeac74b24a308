"""Do the commands do what they say, in words and exit codes that help?"""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import stamina

from calven_pipeline.cli import main
from calven_pipeline.demo import demo_folder
from calven_pipeline.project import samples_folder
from calven_pipeline.sandbox import SandboxServer

SECRETS = ("sandbox-all-secret", "sandbox-events-secret", "not-the-secret")
PATIENCE_S = 30
COMMANDS = ["demo", "sandbox", "preview", "profiles", "doctor", "status"]
# Dagster 1.13.27 asks pydantic for resources' fields in a way that pydantic 2.11 and newer warns of.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder, no setting, and Dagster's own console at 80 columns."""
    for name in os.environ:
        if name.startswith(("CALVEN_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said(capfd):
    """What was printed since the last call, colours and Dagster's own line taken away."""

    def read():
        out, err = capfd.readouterr()
        return out, "\n".join(line for line in err.splitlines() if "Runs, logs and cursors" not in line)

    return read


def settings_here():
    """The variables that the demo sets for a while."""
    return {name: value for name, value in os.environ.items() if name.startswith(("CALVEN_", "DAGSTER_HOME"))}


# Arguments


def test_help_names_every_command(said):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    out, _ = said()
    assert stopped.value.code == 0
    assert re.findall(r"^    (\w+) ", out, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_holds_an_example_that_can_be_copied(said, command):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"\n  uv run calven-pipeline {command}" in said()[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "COMMAND"),
        (["deliver"], "'deliver'"),
        (["demo", "--fast"], "--fast"),
        (["sandbox", "--port", "http"], "--port"),
    ],
)
def test_wrong_arguments_exit_with_64(said, arguments, told):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    out, err = said()
    assert stopped.value.code == 64
    assert out == ""
    assert told in err.splitlines()[-1]


# demo


def test_the_demo_twice_whatever_is_set(folder, monkeypatch, said):
    """It needs no key, meets no Calven but its own sandbox, reads well at 80 columns, and works again."""
    real = {
        "CALVEN_API_URL": "https://calven.invalid",
        "CALVEN_API_KEY": "a-real-key",
        "CALVEN_API_SECRET": "not-the-secret",
        "CALVEN_EVENTS_API_KEY": "a-real-key",
        "CALVEN_PUBLISH": "dry-run",
    }
    (folder / ".env").write_text(
        "".join(f"{name}={value}\n" for name, value in real.items())
        + "CALVEN_WAREHOUSE_API_KEY=a-real-key\nCALVEN_WAREHOUSE_PATH=/nowhere\nCALVEN_AUTH=basic\nCALVEN_REGION=mars1\n"
    )
    monkeypatch.setenv("CALVEN_API_KEY", "another-real-key")
    monkeypatch.setenv("CALVEN_DATA_DIR", str(folder / "data"))
    before = settings_here()

    assert main(["demo"]) == 0
    out, err = said()
    assert err == ""
    assert re.findall(r"^  (\w+|rows read) +(\d+) +(\d+)", out, re.MULTILINE) == [
        ("accepted", "0", "24"),
        ("rejected", "17", "17"),
        ("pending", "24", "0"),
        ("duplicate", "3", "3"),
        ("ignored", "1", "1"),
        ("rows read", "45", "45"),
    ]
    assert "The sandbox took 24 events in this demo." in out
    assert "would pass: Person-05@sandbox.example" in out
    assert f"CALVEN_DATA_DIR={folder / 'data'} uv run dg dev" in out
    assert "real-key" not in out
    tables, places = out.split("Where to look next")
    assert max(map(len, tables.split("What became", 1)[1].splitlines())) <= 80
    for identifier in re.findall(r"[0-9a-f]{8}-[0-9a-f-]+", tables):
        assert len(identifier) == 36, "folded in the middle"
    assert str(folder / "data" / "calven.duckdb") in places
    assert settings_here() == before

    assert main(["demo"]) == 0
    out, _ = said()
    assert "took 0 events in this demo: everything was delivered by an earlier one" in " ".join(out.split())
    assert re.search(r"accepted +24 +24 ", out)


def test_the_demo_leaves_a_folder_in_use_alone(folder):
    """Whose exports are real must not find samples among them."""
    data = folder / "data"
    assert demo_folder(data) == data, "nothing there yet"
    (data / "exports").mkdir(parents=True)
    assert demo_folder(data) == data, "as cloned"
    (data / "exports" / ".gitkeep").touch()
    assert demo_folder(data) == data, "as cloned, with git's own file"
    (data / "exports" / "badges.csv").touch()
    assert demo_folder(data) == data / "demo", "an export of somebody"
    (data / "exports" / "badges.csv").unlink()
    (data / "sources.yaml").touch()
    assert demo_folder(data) == data / "demo", "a profile of somebody"
    (data / "sources.yaml").unlink()
    (data / "state" / "dagster").mkdir(parents=True)
    assert demo_folder(data) == data, "Dagster's storage, which any `dg` command makes"
    (data / "state" / "pipeline.duckdb").touch()
    assert demo_folder(data) == data / "demo", "a run of somebody"
    (data / "state" / "demo").touch()
    assert demo_folder(data) == data, "an earlier demo"


def test_the_demo_beside_a_folder_in_use(folder, monkeypatch, said):
    """Samples, profiles and the run's own files go to `demo`; the run itself is left out here."""
    data = folder / "data"
    (data / "exports").mkdir(parents=True)
    (data / "exports" / "badges.csv").write_text("somebody's\n")
    monkeypatch.setenv("CALVEN_DATA_DIR", str(data))
    launched_in = []
    monkeypatch.setattr(
        "calven_pipeline.cli._launch_presence_pipeline",
        lambda: launched_in.append(os.environ["CALVEN_DATA_DIR"]) or "seen enough",
    )

    assert main(["demo"]) == 1

    assert launched_in == [str(data / "demo")]
    assert f"Exports  {data / 'demo' / 'exports'}" in said()[0]
    assert sorted(path.name for path in data.iterdir()) == ["demo", "exports"]
    assert [path.name for path in (data / "exports").iterdir()] == ["badges.csv"]
    assert (data / "exports" / "badges.csv").read_text() == "somebody's\n"


def test_a_demo_that_fails_is_one_line(folder, monkeypatch, said):
    monkeypatch.setenv("CALVEN_DATA_DIR", str(folder / "data"))
    monkeypatch.setattr("calven_pipeline.cli._launch_presence_pipeline", lambda: "something broke")

    assert main(["demo"]) == 1

    assert said()[1] == "calven-pipeline demo: something broke"


# sandbox


def test_the_sandbox_says_first_where_it_listens_and_stops_when_told():
    command = (
        sys.executable,
        "-m",
        "calven_pipeline.cli",
        "sandbox",
        "--port",
        "0",
        "--users",
        "5",
        "--fault",
        "503*1",
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout
        assert sandbox.stderr
        first = sandbox.stdout.readline()
        assert re.match(r"Calven sandbox on http://127\.0\.0\.1:\d+ with 5 users", first)
        sandbox.send_signal(signal.SIGINT)
        rest, err = sandbox.stdout.read(), sandbox.stderr.read()
        sandbox.wait(PATIENCE_S)
    assert sandbox.returncode == 0
    assert err == ""
    assert "export CALVEN_API_KEY=sandbox-all" in rest


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--fault", "no-such-fault"], "no-such-fault"),
        (["--fault", "503@1000%"], "503@1000%"),
        (["--world", "nowhere"], "nowhere"),
        (["--port", "70000"], "70000"),
    ],
)
def test_a_sandbox_that_cannot_start_says_why_in_its_first_line(said, arguments, told):
    """Of a fault that nobody knows, the known ones follow."""
    assert main(["sandbox", "--port", "0", *arguments]) == 78
    out, err = said()
    assert out == ""
    first, *more = err.strip().splitlines()
    assert first.startswith("calven-pipeline sandbox: ")
    assert told in first
    assert not more or "--fault" in arguments


def test_a_port_that_is_taken_is_one_line(said):
    with SandboxServer(users=5) as other:
        port = other.url.rsplit(":", 1)[1]
        assert main(["sandbox", "--port", port]) == 78
    assert f"Port {port} on 127.0.0.1 is taken" in said()[1]


# doctor


class Clock:
    """Calven's clock: ours and so many seconds."""

    ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@pytest.fixture(scope="module")
def clock():
    return Clock()


@pytest.fixture(scope="module")
def sandbox(clock):
    with SandboxServer(world=samples_folder() / "world", clock=clock) as running:
        yield running


@pytest.fixture
def doctor(folder, sandbox, clock, monkeypatch, said):
    """Run the doctor on the samples with those settings: exit code and its lines by name."""
    shutil.copytree(samples_folder(), folder / "data", ignore=shutil.ignore_patterns("world", "systems"))
    clock.ahead_s = 0.0
    sandbox.clear()
    monkeypatch.setenv("COLUMNS", "120")

    def run(**settings):
        given = {"API_URL": sandbox.url, "API_KEY": "sandbox-all", "API_SECRET": "sandbox-all-secret", **settings}
        for name, value in given.items():
            if value is not None:
                monkeypatch.setenv(f"CALVEN_{name}", value)
        with stamina.set_testing(True, attempts=1):
            exit_code = main(["doctor"])
        out, err = said()
        assert not [secret for secret in SECRETS if secret in out + err]
        lines = {line[6:20].strip(): (line[:4].strip(), line[21:]) for line in out.splitlines()}
        assert list(lines) in ([*DOCTOR_LINES], ["settings"]), "one line each, never two"
        return exit_code, lines

    return run


DOCTOR_LINES = ("settings", "folders", "profiles", "Calven", "clock", "warehouse key", "events key")


def failing(lines):
    return [name for name, (mark, _) in lines.items() if mark == "FAIL"]


def test_the_doctor_finds_all_well(doctor, sandbox):
    exit_code, lines = doctor()
    assert exit_code == 0
    assert {name: mark for name, (mark, _) in lines.items()} == dict.fromkeys(DOCTOR_LINES, "ok")
    assert lines["profiles"][1] == "badges (2 files), desk-sensors (1 file), api-shaped (1 file)"
    assert lines["settings"][1] == f"{sandbox.url}, region usce1, hmac, publish live"
    assert sandbox.stats()["eventsReceived"] == 0


def test_the_doctor_knows_every_way_of_signing_in(doctor):
    assert doctor(AUTH="client_secret")[0] == 0
    assert doctor(AUTH="basic", API_KEY="sandbox-all-basic", API_SECRET="sandbox-all-basic-secret")[0] == 0


def test_a_wrong_key(doctor):
    exit_code, lines = doctor(API_SECRET="not-the-secret")
    assert exit_code == 77
    assert failing(lines) == ["warehouse key", "events key"]
    assert "Check CALVEN_API_KEY and CALVEN_API_SECRET" in lines["events key"][1]


def test_a_key_of_the_wrong_role(doctor):
    exit_code, lines = doctor(API_KEY="sandbox-events", API_SECRET="sandbox-events-secret")
    assert exit_code == 77
    assert failing(lines) == ["warehouse key"]
    assert "Ask Calven for a key with the role 'Data Warehouse'" in lines["warehouse key"][1]


def test_a_missing_key(doctor):
    exit_code, lines = doctor(API_KEY=None, API_SECRET=None)
    assert exit_code == 78
    assert failing(lines) == ["warehouse key", "events key"]
    assert lines["events key"][1].startswith("CALVEN_EVENTS_API_KEY (or CALVEN_API_KEY) is not set")
    assert "uv run calven-pipeline sandbox" in lines["events key"][1]


def test_half_a_key(doctor):
    exit_code, lines = doctor(EVENTS_API_KEY="sandbox-events")
    assert (exit_code, failing(lines)) == (78, ["events key"])
    assert lines["events key"][1].startswith("CALVEN_EVENTS_API_SECRET is not set")


@pytest.mark.parametrize(("ahead_s", "told"), [(600, "600 s behind Calven's"), (-600, "600 s ahead of Calven's")])
def test_a_clock_that_is_off_comes_before_the_keys_it_spoils(doctor, clock, ahead_s, told):
    """Keys that sign with the time are refused then; whoever reads from the top meets the cause first."""
    clock.ahead_s = ahead_s
    exit_code, lines = doctor()
    assert exit_code == 1
    assert failing(lines) == ["clock", "warehouse key", "events key"]
    assert re.sub(r"\b(599|601)\b", "600", lines["clock"][1]).startswith(
        f"this machine's clock is {told}: set it (NTP)"
    )


def test_calven_down_is_said_once(doctor):
    exit_code, lines = doctor(API_URL="http://127.0.0.1:9")
    assert exit_code == 75
    assert {name: mark for name, (mark, _) in lines.items()} == {
        **dict.fromkeys(("settings", "folders", "profiles"), "ok"),
        "Calven": "FAIL",
        **dict.fromkeys(("clock", "warehouse key", "events key"), "skip"),
    }
    assert "check CALVEN_API_URL and the network" in lines["Calven"][1]


def test_a_bad_profile(doctor, folder):
    (folder / "data" / "sources.yaml").write_text("sources: [{name: x, files: '*.csv', colums: {}}]")
    exit_code, lines = doctor()
    assert (exit_code, failing(lines)) == (78, ["profiles"])
    assert "did you mean 'columns'?" in lines["profiles"][1]


def test_a_column_that_no_export_has(doctor, folder):
    """Found before a run stumbles over it."""
    profiles = folder / "data" / "sources.yaml"
    profiles.write_text(profiles.read_text().replace("timestamp: Time", "timestamp: Moment"))
    exit_code, lines = doctor()
    assert (exit_code, failing(lines)) == (78, ["profiles"])
    assert "'Moment'" in lines["profiles"][1]


def test_tables_are_read_as_a_run_reads_them(doctor, folder):
    """Whole: once a table with a bad row was well, and every run failed."""
    places = folder / "data" / "places.csv"
    good = places.read_text()
    places.write_bytes((good + "Küche,LOC-1,location\n").encode("cp1252"))
    assert doctor()[0] == 0
    places.write_text(good + "Kitchen\n")
    exit_code, lines = doctor()
    assert (exit_code, failing(lines)) == (78, ["profiles"])
    line = len(good.splitlines()) + 1
    assert f"places.csv: line {line} cannot be read: it has 1 value, the header 3" in lines["profiles"][1]


def test_no_exports_yet(doctor, folder):
    shutil.rmtree(folder / "data" / "exports")
    exit_code, lines = doctor()
    assert exit_code == 0
    assert "there is no data/exports yet: put exports there" in lines["folders"][1]


def test_files_of_no_source_and_archives_that_are_looked_into(doctor, folder):
    """A file that no pattern matches is the commonest mistake; a column that is missing is found within an archive too."""
    exports = folder / "data" / "exports"
    (exports / "old").mkdir()
    (exports / "old" / "x.csv").write_text("a\n")
    exit_code, lines = doctor()
    assert exit_code == 0
    assert lines["profiles"][1].endswith("and 1 that no source reads: old/x.csv; check `files`")
    assert lines["folders"][1].endswith("exports are read from data/exports (5 files)")
    (exports / "old" / "x.csv").rename(exports / "badges" / "x.csv")
    (exports / "badges" / "x.csv").write_bytes(gzip.compress(b"Moment,Badge\n"))
    exit_code, lines = doctor()
    assert (exit_code, failing(lines)) == (78, ["profiles"])
    assert "which badges/x.csv does not have" in lines["profiles"][1]


def test_a_drop_folder_elsewhere(doctor, folder):
    shutil.move(folder / "data" / "exports", folder / "dropped")
    exit_code, lines = doctor(EXPORTS=str(folder / "dropped"))
    assert exit_code == 0
    assert f"exports are read from {folder / 'dropped'} (4 files)" in lines["folders"][1]
    assert lines["profiles"][1].startswith("badges (2 files)")
    exit_code, lines = doctor(EXPORTS=str(folder / "nowhere"))
    assert (exit_code, failing(lines)) == (78, ["folders"])
    assert "check CALVEN_EXPORTS" in lines["folders"][1]


def test_a_data_folder_that_is_a_file(doctor, folder):
    (folder / "taken").touch()
    exit_code, lines = doctor(DATA_DIR=str(folder / "taken"))
    assert exit_code == 74
    assert "check CALVEN_DATA_DIR and its rights" in lines["folders"][1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_without_rights(doctor, folder):
    locked = folder / "locked"
    locked.mkdir(mode=0o500)
    exit_code, lines = doctor(DATA_DIR=str(locked / "data"))
    assert (exit_code, failing(lines)) == (74, ["folders"])


def test_settings_that_cannot_work_are_the_only_line(doctor):
    """Nothing else can be checked with them."""
    exit_code, lines = doctor(API_URL="http://calven.example", CONCURRENCY="many")
    assert exit_code == 78
    assert list(lines) == ["settings"]
    assert "CALVEN_API_URL: plain http" in lines["settings"][1]
    assert "CALVEN_CONCURRENCY" in lines["settings"][1]


def test_the_samples_are_as_they_were():
    """Tests copy from them and never write to them."""
    assert sorted(path.name for path in samples_folder().iterdir()) == [
        "exports",
        "people.csv",
        "places.csv",
        "sources.yaml",
        "systems",
        "world",
    ]
    assert len(json.loads((Path(samples_folder()) / "world" / "users.json").read_text())) == 12
