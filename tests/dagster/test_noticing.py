"""Does the sensor, as Dagster's daemon runs it, carry what lies in the drop folder to Calven, each thing once?"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import stamina
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus
from dagster._core.test_utils import freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.sensor import execute_sensor_iteration

from calven_pipeline.defs import noticing
from calven_pipeline.defs.automation import refresh_reference_schedule
from calven_pipeline.defs.operations import _automations, _looked_at
from calven_pipeline.errors import WorkingDatabaseBusyError
from calven_pipeline.exports import staging
from calven_pipeline.exports.noticing import Ended, learn, notice
from calven_pipeline.exports.watching import MEMORY_FILE, look_at_exports, new_memory, read_memory, write_memory
from calven_pipeline.settings import ExportSettings
from calven_pipeline.status.facts import Automation
from tests.dagster import deploying
from tests.dagster.deploying import DEFINITIONS, Deployment

pytestmark = [  # three of Dagster 1.13.27's own
    pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars` is deprecated"),
    pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated"),
]

LOCATION = "calven_pipeline"
SAMPLES = 24  # valid events in the samples
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Daemon:
    """An instance that keeps its runs and ticks, and the sensor daemon; runs are carried out at once, in this process."""

    home: Path
    patch: pytest.MonkeyPatch
    now: float = NOON.timestamp()

    def start(self) -> None:
        """Dagster, started anew on what it keeps."""
        self.patch.setattr(noticing, "_now", lambda: self.now)
        loaded = LoadableTargetOrigin(module_name=deploying.__name__, attribute="DEFINITIONS")
        target = InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(loaded, location_name=LOCATION))
        launched = {"module": "dagster._core.launcher.sync_in_memory_run_launcher", "class": "SyncInMemoryRunLauncher"}
        (self.home / "dagster.yaml").write_text(
            json.dumps(
                {
                    "run_launcher": launched,
                    "run_coordinator": {
                        "module": "dagster._core.run_coordinator.default_run_coordinator",
                        "class": "DefaultRunCoordinator",
                    },
                    "telemetry": {"enabled": False},
                    "python_logs": {"python_log_level": "CRITICAL"},
                }
            )
        )
        self.instance = dg.DagsterInstance.from_config(str(self.home))
        self.workspace = WorkspaceProcessContext(self.instance, target)
        self.sensor = (
            self.workspace.create_request_context()
            .get_code_location(LOCATION)
            .get_repository("__repository__")
            .get_sensor("new_exports")
        )

    def stop(self) -> None:
        self.workspace.__exit__(None, None, None)
        self.instance.dispose()

    def tick(self, after_s: float = 10) -> InstigatorTick:
        """What the daemon does when that time has passed."""
        self.now += after_s
        with freeze_time(self.now), stamina.set_testing(True, attempts=1):
            list(execute_sensor_iteration(self.workspace, logging.getLogger("daemon"), None, None))
        return self.ticks()[0]

    def ticks(self) -> list[InstigatorTick]:
        """The newest first."""
        return list(self.instance.get_ticks(self.sensor.get_remote_origin_id(), self.sensor.selector_id))

    def run(self) -> dg.DagsterRun:
        """The run that the next tick but one asks for."""
        before = len(self.instance.get_runs())
        self.tick()
        tick = self.tick()
        assert tick.status is TickStatus.SUCCESS, (tick.skip_reason, tick.error)
        runs = self.instance.get_runs()
        assert len(runs) == before + 1
        return runs[0]

    def statuses(self) -> list[str]:
        """Of every run, the oldest first."""
        return [run.status.value for run in reversed(self.instance.get_runs())]

    def failures(self, run: dg.DagsterRun) -> dict[str, str]:
        """What each failed step said."""
        events = [entry.dagster_event for entry in self.instance.all_logs(run.run_id) if entry.dagster_event]
        return {e.step_key: e.step_failure_data.user_failure_data.description for e in events if e.is_step_failure}

    def staged(self, run: dg.DagsterRun) -> dict[str, object]:
        """What the run told of its staging."""
        for entry in self.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            made = entry.asset_materialization
            if made and made.asset_key == dg.AssetKey("staged_presence"):
                return {name: value.value for name, value in made.metadata.items()}
        return {}


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """With the sensor switched on."""
    home = tmp_path / "dagster"
    home.mkdir()
    daemon = Daemon(home, monkeypatch)
    daemon.start()
    daemon.instance.start_sensor(daemon.sensor)
    yield daemon
    daemon.stop()


@pytest.fixture
def watched(rehearsed: Deployment, daemon: Daemon) -> Deployment:
    """The samples, read and judged, their events still to be sent; the sensor remembers that it has taken them."""
    look = look_at_exports(rehearsed.data_dir)
    seen = notice(look, new_memory(), daemon.now).memory
    asked = notice(look, seen, daemon.now + 10).memory
    write_memory(rehearsed.data_dir, learn(asked, Ended(staged=True, judged=True), daemon.now + 10))
    assert daemon.tick().skip_reason == "No new files."
    return rehearsed


def files(run: dg.DagsterRun | dg.RunRequest) -> list[str]:
    return run.run_config["ops"]["staged_presence"]["config"]["files"]


BROKEN = "Time,Badge".encode("utf-16")[:-1]
ODD = """
  - name: odd
    files: "odd/*.csv"
    format: parquet
    columns: {timestamp: timestamp, user_email: userEmail, location_id: locationId, location_type: locationType}
"""


def test_a_bad_file_fails_once_and_is_taken_when_it_or_its_profile_changes(watched, daemon):
    """The good one of the batch goes through at once. Where Calven is away, events wait, and no file is asked for again."""
    exports, profiles = watched.data_dir / "exports", watched.data_dir / "sources.yaml"
    profiles.write_text(profiles.read_text() + ODD)
    (exports / "odd").mkdir()
    (exports / "odd" / "odd.csv").write_text("timestamp,userEmail,locationId,locationType\n")
    (exports / "badges" / "broken.csv").write_bytes(BROKEN)
    (exports / "badges" / "other.csv").write_text("Zeit,Karte\n")  # a header that fits no profile stops a run by hand
    watched.add_badges("good.csv")

    run = daemon.run()
    assert files(run) == ["badges/broken.csv", "badges/good.csv", "badges/other.csv", "odd/odd.csv"]
    assert set(daemon.failures(run)) == {"staged_presence_every_file_read"}
    (line,) = daemon.failures(run).values()
    assert all(name in line for name in ("badges/broken.csv", "badges/other.csv", "odd/odd.csv"))
    assert watched.outcomes()["accepted"] == SAMPLES + 1
    told = [daemon.tick(after_s).skip_reason for after_s in (10, 10, 100_000)]
    assert told == ["3 cannot be read: mend them, or their profiles"] * 3

    watched.add_badges("broken.csv", ["04/11/2026 09:30,B-1002,Main door,in,Access granted"])
    watched.sandbox.set_faults(["503:on=presence"])
    mended = daemon.run()
    assert files(mended) == ["badges/broken.csv"]
    assert set(daemon.failures(mended)) == {"publish"}
    assert "2 cannot be read" in daemon.tick(100_000).skip_reason
    watched.sandbox.set_faults([])

    profiles.write_text(profiles.read_text().replace("format: parquet", "format: csv"))
    assert daemon.tick().status is TickStatus.SUCCESS
    last = daemon.instance.get_runs()[0]
    assert files(last) == ["odd/odd.csv"], "nothing of the other's profile was mended"
    assert last.is_success
    (exports / "badges" / "other.csv").unlink()
    assert daemon.tick(100_000).status is TickStatus.SKIPPED
    assert not list(daemon.home.rglob("new_exports/**/*.*")), "a log for each run that is asked for would stay for good"
    assert [event["timesReceived"] for event in watched.sandbox.accepted()] == [1] * (SAMPLES + 2)


def test_files_of_a_run_that_died_are_read_by_another(watched, daemon, monkeypatch):
    """Somebody held the working database. Profiles that cannot be loaded fail one run with their line, and delay the rest."""
    watched.add_badges()

    def busy(*_: object, **__: object) -> None:
        raise WorkingDatabaseBusyError("Another run holds it.")

    with monkeypatch.context() as patch:
        patch.setattr(staging, "stage_exports", busy)
        assert daemon.failures(daemon.run()) == {"staged_presence": "Another run holds it."}
    assert "1 are tried again later" in daemon.tick().skip_reason

    profiles = watched.data_dir / "sources.yaml"
    good = profiles.read_text()
    profiles.write_text(good.replace("columns:", "colums:"))
    (line,) = daemon.failures(daemon.run()).values()
    assert "did you mean 'columns'?" in line
    assert [daemon.tick().skip_reason, daemon.tick(1_000).skip_reason] == [line] * 2

    profiles.write_text(good)
    assert daemon.tick().status is TickStatus.SUCCESS
    assert daemon.statuses() == ["FAILURE", "FAILURE", "SUCCESS"]
    assert [event["timesReceived"] for event in watched.sandbox.accepted()] == [1] * (SAMPLES + 1)


def test_dagster_and_the_memory_may_go_and_come_back(watched, daemon):
    """Started anew, Dagster goes on where it was; a memory that is lost or damaged costs one run that finds nothing new."""
    daemon.stop()
    daemon.start()
    assert daemon.tick().skip_reason == "No new files."
    assert all(len(tick.cursor) < 100 for tick in daemon.ticks()), "each tick's record holds the whole cursor"
    path = watched.data_dir / "state" / MEMORY_FILE
    known = path.read_bytes()
    for damaged in (b"", b"{", known[:-9], b"[2" + known[2:], b'[1, {"id": "m", "files": [[]]}]'):
        path.write_bytes(damaged)
        assert read_memory(watched.data_dir).files == {}
    path.unlink()
    run = daemon.run()
    assert run.is_success
    assert daemon.staged(run)["files_read"] == 0
    assert daemon.tick().skip_reason == "No new files."
    assert [event["timesReceived"] for event in watched.sandbox.accepted()] == [1] * SAMPLES

    path.write_bytes(known)
    (watched.data_dir / "state" / "pipeline.duckdb").unlink()
    assert read_memory(watched.data_dir).files == {}, "what was read is gone too"


def look(daemon: Daemon, instance: dg.DagsterInstance | None = None, cursor: str | None = None) -> dg.SensorResult:
    """What the sensor answers, without the daemon: as the UI's "preview tick"."""
    result = noticing.new_exports(dg.build_sensor_context(instance or daemon.instance, cursor=cursor))
    assert isinstance(result, dg.SensorResult)
    return result


def test_while_its_run_waits_or_is_under_way_the_sensor_only_waits(deployment, daemon):
    """Also a run that nobody made: somebody has previewed the tick, or the daemon was killed. It is asked for as it was."""
    assert "4 may still be changing" in str(look(daemon).skip_reason)
    daemon.now += 10
    (asked,) = look(daemon).run_requests
    assert [*look(daemon).run_requests] == [asked]

    run = daemon.instance.create_run_for_job(
        DEFINITIONS.resolve_job_def("ingest_presence"), run_config=asked.run_config, tags=asked.tags
    )
    daemon.instance.report_run_failed(run)
    again = daemon.instance.create_run_for_job(DEFINITIONS.resolve_job_def("ingest_presence"), tags=asked.tags)
    for under_way in (dg.DagsterEventType.RUN_STARTING, dg.DagsterEventType.RUN_CANCELING):
        daemon.now += 100
        assert "4 are with the run that was asked for" in str(look(daemon).skip_reason)
        daemon.instance.report_dagster_event(dg.DagsterEvent(under_way.value, "ingest_presence"), again.run_id)
    daemon.instance.report_run_canceled(again)
    assert "4 are tried again later" in str(look(daemon).skip_reason)


def test_a_link_out_of_the_folder_and_closed_files_stop_no_others(watched, daemon, tmp_path, monkeypatch):
    """The link is told with each look. A file that may not be opened is tried again: mending that changes nothing of it."""
    exports = watched.data_dir / "exports"
    (exports / "desks" / "link.jsonl").symlink_to(tmp_path / "elsewhere")
    line = "Cannot read desks/link.jsonl of source desk-sensors: it is a link out of the exports folder; put the file itself there"
    assert daemon.tick().skip_reason == f"{line}; No new files."
    (exports / "desks" / "new.jsonl").write_text("")
    watched.add_badges()
    opened = Path.open

    def refuse(path: Path, *args: object, **named: object) -> object:
        if path.name == "late.csv":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        run = daemon.run()
    assert files(run) == ["badges/late.csv", "desks/new.jsonl"]
    assert daemon.failures(run) == {
        "staged_presence_every_file_read": "Cannot read badges/late.csv of source badges: Permission denied"
    }
    assert daemon.staged(run)["files_read"] == 1
    assert "1 are tried again later" in daemon.tick().skip_reason
    assert daemon.tick(60).status is TickStatus.SUCCESS
    assert daemon.statuses() == ["FAILURE", "SUCCESS"]
    assert [event["timesReceived"] for event in watched.sandbox.accepted()] == [1] * (SAMPLES + 1)


def test_a_drop_folder_that_is_gone_is_told_and_nothing_is_forgotten(watched, daemon, tmp_path):
    """It fails a tick once in an hour, since each that fails takes some kilobytes; the status counts the others as failed."""
    exports, away = watched.data_dir / "exports", tmp_path / "away"
    exports.rename(away)
    line = f"There is no {exports} any more: mount or make it, or set CALVEN_EXPORTS."
    assert daemon.tick().error.message == f"dagster_shared.error.DagsterError: {line}\n"
    assert daemon.tick().skip_reason == f"{line}; No new files."
    sensor = _last_of(daemon)
    assert (sensor.last_tick, sensor.story) == ("failed", f"{line}; No new files.")
    assert _looked_at(daemon.instance) is None
    away.rename(exports)
    assert daemon.tick().skip_reason == "No new files."
    assert daemon.tick(100).skip_reason == "No new files."
    assert _last_of(daemon).last_tick == "skipped"
    assert _looked_at(daemon.instance).timestamp() == daemon.now

    watched.set(EXPORTS=str(away))
    line = f"The drop folder {away} is not there: mount or make it, or check CALVEN_EXPORTS."
    assert daemon.tick().error.message == f"dagster_shared.error.DagsterError: {line}\n"
    assert watched.run("ingest_presence").failures == {"staged_presence": line}
    watched.set(EXPORTS=None)
    assert daemon.tick().skip_reason == "No new files."


def _last_of(daemon: Daemon) -> Automation:
    """The sensor as the status shows it."""
    found = _automations(daemon.instance, DEFINITIONS.get_repository_def(), datetime.fromtimestamp(daemon.now, UTC))
    return next(automation for automation in found if automation.name == "new_exports")


def test_a_remote_folder_is_looked_at_less_often(monkeypatch):
    """A look costs a connection; without a cursor there is one now. A folder of this machine is looked at each time."""
    monkeypatch.setattr(noticing, "_now", NOON.timestamp)
    remote, local = (ExportSettings(exports=exports) for exports in ("sftp://badges@files.example/out", None))

    def waits(settings: ExportSettings, ago_s: float) -> bool:
        cursor = json.dumps({"version": 1, "looked_at": NOON.timestamp() - ago_s})
        return noticing._too_early(settings, cursor) is not None

    assert [waits(remote, ago_s) for ago_s in (0, 29, 30, -60)] == [True, True, False, False]
    assert not waits(local, 0)
    assert [noticing._too_early(remote, lost) for lost in (None, "{}", "no JSON", "7")] == [None] * 4


def test_reference_data_is_pulled_hourly_unless_a_run_that_does_is_waiting():
    with dg.instance_for_test() as instance:

        def asked() -> str | None:
            context = dg.build_schedule_context(instance, scheduled_execution_time=NOON)
            return getattr(refresh_reference_schedule(context), "run_key", None)

        assert asked() == NOON.isoformat()
        for name in ("refresh_reference", "presence_pipeline"):
            job = DEFINITIONS.resolve_job_def(name)
            run = instance.create_run_for_job(job)
            assert asked() is None
            instance.report_run_canceled(run)
            assert asked() == NOON.isoformat()
