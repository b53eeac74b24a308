"""Is somebody told, once, what failed in real runs and that it is over, however the runs were launched?"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import stamina
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus
from dagster._core.test_utils import freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.sensor import execute_sensor_iteration

from calven_pipeline.alerts.memory import Memory, remembered
from calven_pipeline.defs.alerts import alerts
from calven_pipeline.project import project_folder
from tests.dagster import deploying
from tests.dagster.deploying import DEFINITIONS, QUIET, Deployment
from tests.dagster.receiving import Receiver, receiving

pytestmark = [  # three of Dagster 1.13.27's own
    pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars` is deprecated"),
    pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated"),
]


KILLED = "Run worker process unexpectedly exited."
NOT_AGAIN = {"dagster/max_retries": "0"}


def small_job(name: str, error: Exception | None = None) -> dg.JobDefinition:
    """Of one step, which raises that."""

    @dg.op(name="work")
    def work():
        if error:
            raise error

    @dg.job(name=name)
    def job():
        work()

    return job


@dataclass
class Watch:
    """A deployment, Dagster's history as `dagster.yaml` sets it up, and the sensor's cursor."""

    deployment: Deployment
    receiver: Receiver
    instance: dg.DagsterInstance
    cursor: str | None = None
    reasons: list[str] = field(default_factory=list)

    def run(self, job: str | dg.JobDefinition) -> bool:
        """Run the job as `dg launch` does: in one process, and no daemon asked for it."""
        job = DEFINITIONS.resolve_job_def(job) if isinstance(job, str) else job
        with stamina.set_testing(True, attempts=1):
            run = job.execute_in_process(instance=self.instance, raise_on_error=False, run_config=QUIET)
        return run.success

    def crash(self, job: dg.JobDefinition, tags: dict[str, str] | None = None) -> str:
        """A run that Dagster's monitoring calls failed, because its worker is gone; its id."""
        run = self.instance.create_run_for_job(job, tags=tags)
        self.instance.report_run_failed(run, KILLED)
        return run.run_id

    def look(self) -> list[str]:
        """What the webhook is told in the next look."""
        answer = alerts(dg.build_sensor_context(instance=self.instance, cursor=self.cursor))
        self.cursor = answer.cursor
        self.reasons.append(answer.skip_reason.skip_message)
        return self.receiver.news()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """One for all tests: it takes a second to make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALVEN_DATA_DIR", str(tmp_path_factory.mktemp("history")))
        with dg.DagsterInstance.from_config(str(project_folder())) as instance:
            yield instance


@pytest.fixture
def watch(deployment: Deployment, receiver: Receiver, history: dg.DagsterInstance) -> Watch:
    """Nothing failed yet, as far as it knows."""
    deployment.set(ALERT_WEBHOOK=receiver.url)
    watch = Watch(deployment, receiver, history)
    watch.look()
    watch.cursor = Memory(remembered(watch.cursor).read_to).text()
    return watch


def test_a_refused_key_is_told_once_over_three_runs_and_then_that_it_is_mended(watch):
    watch.deployment.set(API_SECRET="not-the-secret")
    assert [watch.run("refresh_reference") for _ in range(2)] == [False, False]
    (text,) = watch.look()
    assert text.startswith(
        "FAILED: refresh_reference\n- steps desks, locations, users: Calven refused the key in CALVEN_API_KEY"
    )
    assert len(text.splitlines()) == 2
    assert "was answered 401. Check CALVEN_API_KEY" in text, "Calven's own words may name people"
    assert not watch.run("refresh_reference")
    assert watch.look() == []
    assert "not-the-secret" not in text + watch.cursor

    watch.deployment.set(API_SECRET="sandbox-all-secret")
    assert watch.run("refresh_reference")
    assert watch.look() == [
        "RECOVERED: refresh_reference\n- steps desks, locations, users: recovered after 3 runs, less than a minute"
    ]
    assert watch.look() == []
    assert remembered(watch.cursor).incidents == ()


def test_a_file_that_cannot_be_read_and_a_person_whom_calven_does_not_report(rehearsed, watch):
    """A failed check is told in place of its step; a warning in a run that succeeds is told as a warning."""
    unreadable = rehearsed.add_badges("broken.csv")
    unreadable.write_bytes("Time,Badge".encode("utf-16")[:-1])
    rehearsed.sandbox.set_faults(["no-rows:on=warehouse"])
    assert not watch.run("ingest_presence")
    (text,) = watch.look()
    failed, read, warned, confirms = text.splitlines()
    assert (failed, warned) == ("FAILED: ingest_presence", "WARNING: ingest_presence")
    assert read.startswith("- check staged_presence:every_file_read: ")
    assert "broken.csv" in read
    assert confirms.startswith("- check calven_presence:calven_confirms: Calven does not report ")

    unreadable.unlink()
    assert watch.run("ingest_presence")
    assert watch.look() == [
        "RECOVERED: ingest_presence\n- check staged_presence:every_file_read: recovered after 1 run, less than a minute"
    ]


def test_a_crashed_run_is_told_unless_dagster_starts_it_again_with_success(watch):
    """`run_retries` in `dagster.yaml` allows one more try; a run that has had it says so."""
    job = small_job("crashing")
    watch.crash(job)
    assert watch.look() == [], "it is started again"
    assert watch.run(job)
    assert watch.look() == [], "and the second try went well"

    watch.crash(job)
    watch.crash(job, NOT_AGAIN)
    assert watch.look() == [f"FAILED: crashing\n- job crashing: {KILLED} (2 runs so far)"]
    assert watch.run(job)
    assert watch.look() == ["RECOVERED: crashing\n- job crashing: recovered after 2 runs, less than a minute"]


def test_an_unforeseen_error_is_told_by_its_kind_alone(watch):
    """Its text may quote rows."""
    assert not watch.run(small_job("odd", RuntimeError("secret.person@example.org")))
    assert watch.look() == [
        "FAILED: odd\n- step work: RuntimeError; its text may quote rows and is in the log of the run alone."
    ]


def test_a_webhook_that_is_down_loses_nothing_and_is_not_shown(watch, caplog):
    """The look says that it waits; what happens meanwhile is told with it."""
    watch.receiver.status = 503
    brief, lasting = small_job("brief"), small_job("lasting")
    watch.crash(brief, NOT_AGAIN)
    watch.crash(lasting, NOT_AGAIN)
    assert len(watch.look()) == 1, "the second message is not tried"
    assert watch.reasons[-1] == (
        "Alerts that wait for the next look: 2. Why: the webhook answered 503 (Service Unavailable)."
    )
    assert watch.run(brief)
    watch.look()
    assert "very-secret" not in "".join(watch.reasons) + caplog.text + watch.cursor

    watch.receiver.status = 200
    waited, recovered = sorted(watch.look())
    assert waited == f"FAILED: lasting\n- job lasting: {KILLED}"
    assert recovered.endswith(f"; nobody was told yet that it failed: {KILLED}")
    assert watch.look() == []


@pytest.mark.parametrize("lost", [None, "nonsense"])
def test_the_first_look_tells_what_still_fails_of_the_last_day(watch, lost):
    over = small_job("over")
    watch.crash(over, NOT_AGAIN)
    watch.crash(small_job("still"), NOT_AGAIN)
    assert watch.run(over)
    watch.cursor = lost
    texts = watch.look()
    assert [text for text in texts if text.startswith("FAILED: still")]
    assert not [text for text in texts if "over" in text]


def test_the_newest_run_may_be_deleted(watch):
    """SQLite gives its number to the next event."""
    run_id = watch.crash(small_job("deleted"), NOT_AGAIN)
    assert len(watch.look()) == 1
    watch.instance.delete_run(run_id)
    assert watch.look() == []
    watch.crash(small_job("next"), NOT_AGAIN)
    assert len(watch.look()) == 1


def test_without_a_webhook_nothing_is_looked_at(watch):
    watch.deployment.set(ALERT_WEBHOOK=None)
    before = watch.cursor
    watch.crash(small_job("unheard"), NOT_AGAIN)
    assert watch.look() == []
    assert watch.reasons[-1] == "CALVEN_ALERT_WEBHOOK is not set: nobody is told."
    assert watch.cursor == before


def test_dagsters_daemon_looks_without_being_asked_and_keeps_the_cursor(watch):
    """The sensor is on from the start, and other settings that cannot work do not keep it from telling so."""
    watch.deployment.set(CONCURRENCY="many", UI_URL="http://dagster.example:3000/")
    loaded = LoadableTargetOrigin(module_name=deploying.__name__, attribute="DEFINITIONS")
    target = InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(loaded, location_name="calven_pipeline"))
    now = datetime.now(UTC).timestamp()

    def tick(after_s: float) -> InstigatorTick:
        with freeze_time(now + after_s):
            list(execute_sensor_iteration(workspace, logging.getLogger("daemon"), None, None))
        (state,) = [one for one in watch.instance.all_instigator_state() if one.name == "alerts"]
        assert state.instigator_type is InstigatorType.SENSOR
        return watch.instance.get_ticks(state.instigator_origin_id, state.selector_id)[0]

    with WorkspaceProcessContext(watch.instance, target) as workspace:
        tick(0)
        watch.receiver.news()
        assert not watch.run("refresh_reference")
        told = tick(60)
        assert tick(120).status is TickStatus.SKIPPED
        ((_, body),) = watch.receiver.calls
        watch.receiver.status = 503
        watch.crash(small_job("untold"), NOT_AGAIN)
        assert "the webhook answered 503" in tick(180).skip_reason
    logs = Path(watch.instance.storage_directory()).parent
    assert not list(logs.rglob("alerts/**/*.*")), "a log for each look would stay for good"
    assert "CALVEN_CONCURRENCY" in body["text"]
    assert body["text"].splitlines()[-1].startswith("http://dagster.example:3000/runs/")
    assert told.skip_reason == "Alerts sent: 1."
    assert "step users" in told.cursor
