"""Does trying again, in each way that Dagster has, deliver what waits, send nothing twice and never hammer Calven?"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import stamina
import yaml
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.remote_representation.code_location import CodeLocation
from dagster._core.remote_representation.external import RemoteJob
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon

from calven_pipeline.defs.automation import Seen, retry_pending_schedule, why_not
from calven_pipeline.delivery import publish as delivery
from calven_pipeline.project import project_folder
from calven_pipeline.settings import PublishMode
from calven_pipeline.validation import verdicts
from tests.dagster import deploying
from tests.dagster.deploying import DEFINITIONS, QUIET, Deployment, Run

pytestmark = [  # two of Dagster 1.13.27's own: where it shows a schedule to another process, and where its daemon starts
    pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars` is deprecated"),
    pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated"),
]

LOCATION = "calven_pipeline"
SAMPLES = 24  # valid events in the samples
PRESENCE_TABLES = {"published_presence", "rejections", "calven_presence", "analytics_database", "presence_report"}
PATIENCE = 5
Key = dg.AssetKey | dg.AssetCheckKey
STAGED, JUDGED, PUBLISHED, REJECTIONS = (
    dg.AssetKey(name) for name in ("staged_presence", "validated_presence", "published_presence", "rejections")
)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def sides(keys: Sequence[Key]) -> tuple[list[dg.AssetKey] | None, list[dg.AssetCheckKey] | None]:
    """Assets and checks, as Dagster asks for a part of a job; twice None for the whole."""
    if not keys:
        return None, None
    return [key for key in keys if isinstance(key, dg.AssetKey)], [
        key for key in keys if isinstance(key, dg.AssetCheckKey)
    ] or None


@dataclass
class Dagster:
    """An instance that keeps its runs, the project as the UI and the daemon see it, and the daemon of run retries."""

    instance: dg.DagsterInstance
    workspace: WorkspaceProcessContext
    daemon: EventLogConsumerDaemon

    @property
    def location(self) -> CodeLocation:
        return self.workspace.create_request_context().get_code_location(LOCATION)

    def job(self, name: str, only: Sequence[Key] = ()) -> RemoteJob:
        assets, checks = sides(only)
        return self.location.get_job(
            JobSubsetSelector(
                LOCATION, "__repository__", name, None, asset_selection=assets, asset_check_selection=checks
            )
        )

    def create(self, name: str, only: Sequence[Key] = (), tags: dict[str, str] | None = None) -> dg.DagsterRun:
        """A run of the job, or of those assets and checks alone, as the UI makes it; not started yet."""
        assets, checks = sides(only)
        job = self.job(name, only)
        plan = self.location.get_execution_plan(job, QUIET, step_keys_to_execute=None, known_state=None)
        return self.instance.create_run(
            job_name=name,
            run_id=None,
            run_config=QUIET,
            resolved_op_selection=job.resolved_op_selection,
            step_keys_to_execute=None,
            op_selection=job.op_selection,
            status=dg.DagsterRunStatus.NOT_STARTED,
            root_run_id=None,
            parent_run_id=None,
            tags={**job.run_tags, **(tags or {})},
            job_snapshot=job.job_snapshot,
            execution_plan_snapshot=plan.execution_plan_snapshot,
            parent_job_snapshot=job.parent_job_snapshot,
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=job.get_python_origin(),
            asset_selection=None if assets is None else frozenset(assets),
            asset_check_selection=None if checks is None else frozenset(checks),
            asset_graph=self.location.get_repository("__repository__").asset_graph,
        )

    def launch(self, name: str, only: Sequence[Key] = (), tags: dict[str, str] | None = None) -> dg.DagsterRun:
        """The run, ended: it is carried out in this process, with no waiting between retries."""
        return self.submit(self.create(name, only, tags))

    def submit(self, run: dg.DagsterRun) -> dg.DagsterRun:
        with stamina.set_testing(True, attempts=1):
            self.instance.submit_run(run.run_id, self.workspace.create_request_context())
        return self.instance.get_run_by_id(run.run_id)

    def reexecute(self, run: dg.DagsterRun, strategy: ReexecutionStrategy) -> dg.DagsterRun:
        """What the buttons "from failure" and "all steps" do."""
        again = self.instance.create_reexecuted_run(
            parent_run=run,
            request_context=self.workspace.create_request_context(),
            code_location=self.location,
            remote_job=self.job(run.job_name),
            strategy=strategy,
            use_parent_run_tags=True,
        )
        return self.submit(again)

    def retry_runs(self) -> None:
        """What the daemon does every few seconds with runs that ended."""
        with stamina.set_testing(True, attempts=1):
            for _ in self.daemon.run_iteration(self.workspace):
                pass

    def runs(self) -> list[str]:
        """Status of every run, the oldest first."""
        return [run.status.value for run in reversed(self.instance.get_runs())]

    def failures(self, run: dg.DagsterRun) -> dict[str, str]:
        """What each failed step said."""
        events = [entry.dagster_event for entry in self.instance.all_logs(run.run_id) if entry.dagster_event]
        return {e.step_key: e.step_failure_data.user_failure_data.description for e in events if e.is_step_failure}

    def made(self, run: dg.DagsterRun) -> set[str]:
        """The assets that the run made."""
        entries = self.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        return {entry.dagster_event.asset_key.to_user_string() for entry in entries}


@pytest.fixture
def dagster() -> Iterator[Dagster]:
    """With run retries as `dagster.yaml` has them."""
    ours = yaml.safe_load((project_folder() / "dagster.yaml").read_text())
    loaded = LoadableTargetOrigin(module_name=deploying.__name__, attribute="DEFINITIONS")  # once, not for each run
    target = InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(loaded, location_name=LOCATION))
    with (
        dg.instance_for_test(
            {"run_retries": ours["run_retries"]}, synchronous_run_coordinator=True, synchronous_run_launcher=True
        ) as instance,
        WorkspaceProcessContext(instance, target) as workspace,
    ):
        dagster = Dagster(instance, workspace, EventLogConsumerDaemon())
        dagster.retry_runs()  # the first look only notes where the log ends
        yield dagster


def calls(deployment: Deployment) -> dict[str, int]:
    """Calls that the sandbox answered since it was cleared, by path."""
    return {path: sum(answers.values()) for path, answers in deployment.sandbox.stats()["calls"].items()}


def without_ids(failures: dict[str, str]) -> dict[str, str]:
    """What failed steps said, without the ids that Calven's support asks for: each call has its own."""
    return {step: re.sub(r"correlationId [0-9a-f-]+", "", line) for step, line in failures.items()}


def received(deployment: Deployment) -> list[int]:
    """How often each event came that was accepted."""
    return [event["timesReceived"] for event in deployment.sandbox.accepted()]


def wrong_role(deployment: Deployment) -> None:
    deployment.use_key("sandbox-warehouse", role="EVENTS")


def wrong_secret(deployment: Deployment) -> None:
    deployment.set(API_SECRET="not-the-secret")


def all_refused(deployment: Deployment) -> None:
    deployment.sandbox.set_faults(["400"])


def down(deployment: Deployment) -> None:
    deployment.sandbox.set_faults(["503"])


PERMANENT = [wrong_role, wrong_secret, all_refused]


# A retry policy on the steps of a job


@pytest.fixture(scope="module")
def stubborn() -> dg.JobDefinition:
    """The job `retry_pending` as somebody might write it: each step is tried again five times."""
    job = dg.define_asset_job(
        "stubborn",
        selection=dg.AssetSelection.assets("published_presence", "rejections").downstream(),
        op_retry_policy=dg.RetryPolicy(max_retries=PATIENCE),
    )
    return dg.Definitions.merge(DEFINITIONS, dg.Definitions(jobs=[job])).resolve_job_def("stubborn")


def run_in_process(job: dg.JobDefinition) -> Run:
    with dg.DagsterInstance.ephemeral() as instance, stamina.set_testing(True, attempts=1):
        return Run.of(job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET))


def attempts(run: Run) -> int:
    """How often the publishing step was tried."""
    return 1 + sum(event.event_type_value == "STEP_RESTARTED" for event in run.events if event.step_key == "publish")


@pytest.mark.parametrize("fault", PERMANENT)
def test_a_retry_policy_repeats_no_permanent_failure(rehearsed, stubborn, fault):
    """A 405 was once repeated 5,363 times elsewhere: here a policy makes as many calls as none."""
    fault(rehearsed)
    once = rehearsed.run("retry_pending")
    expected = calls(rehearsed)
    rehearsed.sandbox.clear()
    fault(rehearsed)

    run = run_in_process(stubborn)

    assert expected
    assert calls(rehearsed) == expected
    assert attempts(run) == 1
    assert without_ids(run.failures) == without_ids(once.failures)
    assert rehearsed.outcomes()["pending"] == SAMPLES


def test_a_retry_policy_repeats_an_outage_as_often_as_it_says(rehearsed, stubborn):
    """Each try stops after the same few calls."""
    down(rehearsed)
    rehearsed.run("retry_pending")
    once = calls(rehearsed)["/v1/presence"]
    rehearsed.sandbox.clear()
    down(rehearsed)

    run = run_in_process(stubborn)

    assert not run.success
    assert attempts(run) == 1 + PATIENCE
    assert 0 < calls(rehearsed)["/v1/presence"] <= once * (1 + PATIENCE)
    assert f"{SAMPLES} of {SAMPLES} events are still pending" in run.failures["publish"]


def test_a_retry_policy_delivers_once_calven_is_back(rehearsed, stubborn):
    """The second try sends what the first one left, and the steps below it run."""
    rehearsed.sandbox.set_faults(["503*3"])

    run = run_in_process(stubborn)

    assert run.success
    assert attempts(run) == 2
    assert received(rehearsed) == [1] * SAMPLES
    assert run.metadata["published_presence"]["events_pending"] == 0
    assert "analytics_database" in run.metadata


def test_a_retry_policy_does_not_repeat_the_unforeseen(rehearsed, stubborn, monkeypatch):
    """A mistake of ours is the same mistake the next time."""

    def stumble(*_, **__):
        raise RuntimeError

    monkeypatch.setattr(delivery, "publish_due", stumble)

    run = run_in_process(stubborn)

    assert attempts(run) == 1
    assert run.failures["publish"].startswith("Unforeseen RuntimeError")


# Run retries, by Dagster's daemon


def test_a_run_that_failed_in_a_step_is_not_launched_again(rehearsed, dagster):
    """Not a job's, not one of "materialise", and not where somebody asks for ten retries."""
    wrong_role(rehearsed)
    for job, only in (("retry_pending", ()), ("__ASSET_JOB", (PUBLISHED, REJECTIONS))):
        dagster.launch(job, only, {"dagster/max_retries": "10"})
    before = calls(rehearsed)

    for _ in range(3):
        dagster.retry_runs()

    assert dagster.runs() == ["FAILURE"] * 2
    assert calls(rehearsed) == before


def test_whoever_insists_gets_one_more_run(rehearsed, dagster):
    """The daemon of these tests is awake; and one is all that `dagster.yaml` allows."""
    wrong_role(rehearsed)
    dagster.launch("retry_pending", tags={"dagster/retry_on_asset_or_op_failure": "true"})

    for _ in range(4):
        dagster.retry_runs()

    assert dagster.runs() == ["FAILURE"] * 2


def test_a_worker_that_crashed_is_started_again_once(rehearsed, dagster):
    """It goes on where it stopped: each event is sent once."""
    crashed = dagster.create("retry_pending")
    dagster.instance.report_run_failed(crashed)

    for _ in range(4):
        dagster.retry_runs()

    assert dagster.runs() == ["FAILURE", "SUCCESS"]
    assert received(rehearsed) == [1] * SAMPLES


# Re-execution, by somebody in the UI


def test_from_failure_delivers_what_waits(rehearsed, dagster):
    """Half of the events are accepted when Calven goes down; the rest follows, and then the snapshot."""
    rehearsed.set(CONCURRENCY="1", BATCH_SIZE="5")
    rehearsed.sandbox.set_faults(["503:from=3"])
    failed = dagster.launch("presence_pipeline")
    accepted = len(rehearsed.sandbox.accepted())
    assert 0 < accepted < SAMPLES
    assert set(dagster.failures(failed)) == {"publish"}
    assert rehearsed.outcomes()["accepted"] == accepted, "the step that failed wrote the snapshot"
    assert "analytics_database" not in dagster.made(failed)
    rehearsed.sandbox.set_faults([])

    again = dagster.reexecute(failed, ReexecutionStrategy.FROM_FAILURE)

    assert again.is_success
    assert dagster.made(again) == PRESENCE_TABLES
    assert received(rehearsed) == [1] * SAMPLES
    assert rehearsed.sandbox.stats()["eventsReceived"] == SAMPLES
    assert rehearsed.outcomes()["accepted"] == SAMPLES


@pytest.mark.parametrize("fault", [wrong_role, all_refused])
def test_from_failure_does_not_hammer(rehearsed, dagster, fault):
    """Each click makes as many calls as the first run did, and fails in the same words."""
    fault(rehearsed)
    failed = dagster.launch("retry_pending")
    once = calls(rehearsed)
    rehearsed.sandbox.clear()
    fault(rehearsed)

    again = dagster.reexecute(failed, ReexecutionStrategy.FROM_FAILURE)

    assert calls(rehearsed) == once
    assert sum(once.values()) <= 30
    assert without_ids(dagster.failures(again)) == without_ids(dagster.failures(failed))
    assert set(dagster.failures(again)) == {"publish"}


def test_all_steps_after_success_send_nothing(rehearsed, dagster):
    done = dagster.launch("ingest_presence")
    assert done.is_success
    rehearsed.sandbox.clear()

    again = dagster.reexecute(done, ReexecutionStrategy.ALL_STEPS)

    assert again.is_success
    assert "published_presence" in dagster.made(again)
    assert calls(rehearsed) == {}


def test_a_check_alone_says_that_it_did_nothing(rehearsed, dagster):
    """The pulls failed, and the old tables serve: from failure, only the checks run again, and they cannot pull."""
    rehearsed.sandbox.set_faults(["503:on=warehouse"])
    failed = dagster.launch("refresh_reference")
    assert set(dagster.failures(failed)) == {"users_pulled", "locations_pulled", "desks_pulled"}
    rehearsed.sandbox.clear()

    again = dagster.reexecute(failed, ReexecutionStrategy.FROM_FAILURE)

    lines = dagster.failures(again)
    assert set(lines) == set(dagster.failures(failed))
    for step, line in lines.items():
        assert line.startswith("Nothing was done again;")
        assert "Re-execute all steps or launch the job again" in line
        assert line.endswith(dagster.failures(failed)[step])
    assert calls(rehearsed) == {}

    whole = dagster.reexecute(failed, ReexecutionStrategy.ALL_STEPS)
    assert whole.is_success


def test_a_check_of_what_was_never_made_does_not_pass(deployment, dagster):
    """Somebody runs the check alone on a fresh clone."""
    run = dagster.launch("__ASSET_JOB", [dg.AssetCheckKey(dg.AssetKey("users"), "pulled")])
    assert dagster.failures(run) == {"users_pulled": "Nothing to check: users was never made. Launch the job."}


# The schedule


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (Seen(PublishMode.LIVE, pending=0, touched_since=False, under_way=False), "Nothing waits."),
        (Seen(PublishMode.LIVE, pending=3, touched_since=False, under_way=False), None),
        (Seen(PublishMode.LIVE, pending=0, touched_since=True, under_way=False), None),
        (Seen(PublishMode.LIVE, pending=3, touched_since=True, under_way=True), "A run is queued or under way."),
        (
            Seen(PublishMode.DRY_RUN, pending=3, touched_since=True, under_way=False),
            "CALVEN_PUBLISH is dry-run: nothing is posted.",
        ),
    ],
)
def test_when_the_schedule_sends_again(seen, reason):
    assert why_not(seen) == reason


def tick(dagster: Dagster, at: datetime = NOON) -> str | None:
    """The key of the run that the schedule asks for then, or None where it skips."""
    context = dg.build_schedule_context(instance=dagster.instance, scheduled_execution_time=at)
    requests = retry_pending_schedule.evaluate_tick(context).run_requests
    return requests[0].run_key if requests else None


def test_the_schedule_sends_what_waits_until_nothing_does(rehearsed, dagster):
    """Off by default. Nothing known, Calven down, a run queued, dry-run, Calven back, nothing left."""
    assert retry_pending_schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert tick(dagster) is None, "nothing was judged yet"
    down(rehearsed)
    dagster.launch("retry_pending")
    assert tick(dagster) == NOON.isoformat()
    assert tick(dagster, NOON + timedelta(minutes=15)) == "2026-11-23T12:15:00+00:00"

    queued = dagster.create("retry_pending")
    assert tick(dagster) is None, "a run waits already"
    assert dagster.submit(queued).is_failure, "still down"
    rehearsed.set(PUBLISH="dry-run")
    assert tick(dagster) is None
    rehearsed.set(PUBLISH="live")
    rehearsed.sandbox.set_faults([])
    assert tick(dagster) == NOON.isoformat()

    assert dagster.launch("retry_pending").is_success
    assert received(rehearsed) == [1] * SAMPLES
    assert tick(dagster) is None
    assert rehearsed.outcomes()["accepted"] == SAMPLES


def test_the_schedule_sees_what_was_judged_and_never_published(rehearsed, dagster):
    """A run that was killed between the two steps left no count of what waits."""
    assert dagster.launch("retry_pending").is_success
    rehearsed.add_badges()
    assert dagster.launch("__ASSET_JOB", [STAGED, JUDGED]).is_success
    assert tick(dagster) == NOON.isoformat()

    assert dagster.launch("retry_pending").is_success

    assert rehearsed.outcomes()["accepted"] == SAMPLES + 1
    assert tick(dagster) is None


def test_the_schedule_sees_what_a_replay_chose_and_never_sent(rehearsed, dagster, monkeypatch):
    """A replay that is killed, or fails, before its delivery left events in the outbox, and no count of them."""
    assert dagster.launch("retry_pending").is_success
    assert tick(dagster) is None
    job = DEFINITIONS.resolve_job_def("replay")
    chosen = {"source": "badges", "outcomes": ["accepted"]}

    def replay(op_selection=("choose_rows",), **config):
        ops = {"choose_rows": {"config": {**chosen, **config}}}
        return job.execute_in_process(
            instance=dagster.instance,
            run_config={**QUIET, "ops": ops},
            op_selection=list(op_selection),
            raise_on_error=False,
        )

    assert replay(dry_run=True).success
    assert tick(dagster) is None, "a dry run chooses nothing"
    assert replay(dry_run=False).success  # and killed here
    assert tick(dagster) == NOON.isoformat()

    assert dagster.launch("retry_pending").is_success
    assert max(received(rehearsed)) == 2
    assert tick(dagster) is None

    monkeypatch.setattr(verdicts, "validate", lambda *_: 1 / 0)
    assert not replay(["choose_rows", "deliver_chosen"], dry_run=False).success
    assert tick(dagster) == NOON.isoformat()
