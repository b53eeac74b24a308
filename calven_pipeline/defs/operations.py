"""What Dagster knows of the state: runs, what failed and was not made good since, pulls, schedules and sensors.

What may surprise: a failed run counts as made good once every step that failed in it has succeeded in a later run of any
job: what `presence_pipeline` could not send, `retry_pending` may have sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType  # none of these has a public name
from dagster._core.execution.stats import StepEventStatus
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)
from dagster._utils.schedules import schedule_execution_time_iterator

from calven_pipeline.defs.checks import WHAT_TO_DO
from calven_pipeline.defs.failures import without_calvens_words
from calven_pipeline.defs.noticing import BLIND
from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.status.facts import Automation, Operations, Pull, Run, Warned

if TYPE_CHECKING:  # every file in this folder is imported where definitions load, and these bring SQLAlchemy: 0.3 s
    from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick
    from dagster._core.storage.event_log.base import EventLogStorage

RUNS_SHOWN = 5
STATUSES = {
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "canceled",
    dg.DagsterRunStatus.QUEUED: "queued",
    dg.DagsterRunStatus.NOT_STARTED: "queued",
}
TICKS = {"SUCCESS": "launched", "SKIPPED": "skipped", "FAILURE": "failed"}  # by Dagster's names of a tick's status
EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
LOOKS_FOR_EXPORTS = "new_exports"
REFERENCE = ("users", "locations", "desks")
UNTOLD = "why stands in its log, in the Dagster UI"

Repository = dg.RepositoryDefinition


def operations(project: Path, repository: Repository, now: datetime) -> Operations:
    """Everything that the status shows of Dagster's storage, which is only read; `project` is the folder of `dagster.yaml`.

    Raises `WorkingDatabaseError` where the storage cannot be read.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with dg.DagsterInstance.from_config(str(project)) as instance:
            return _operations(instance, repository, now)
    except (SQLAlchemyError, dg.DagsterError) as error:
        raise WorkingDatabaseError(
            f"Runs and schedules cannot be read from state/dagster ({type(error).__name__}). Try again; where it stays, "
            "move that folder away: it holds the history of runs, not presence."
        ) from None


def _operations(instance: dg.DagsterInstance, repository: Repository, now: datetime) -> Operations:
    return Operations(
        runs=tuple(_run(instance, record) for record in instance.get_run_records(limit=RUNS_SHOWN)),
        failed=tuple(_run(instance, record) for record in _not_made_good(instance, repository)),
        warnings=tuple(_warnings(instance, repository)),
        pulls=tuple(_pulls(instance)),
        automations=tuple(_automations(instance, repository, now)),
        daemon_seen_at=_daemon_seen_at(instance),
        looked_at=_looked_at(instance),
        snapshot_due_at=_snapshot_due_at(instance, repository),
    )


def _run(instance: dg.DagsterInstance, record: dg.RunRecord) -> Run:
    run = record.dagster_run
    return Run(
        run_id=run.run_id,
        job="assets" if run.job_name.startswith("__") else run.job_name,
        status=STATUSES.get(run.status, "running"),
        started_at=_time(record.start_time) or record.create_timestamp.replace(tzinfo=UTC),
        ended_at=_time(record.end_time),
        problem=_problem(instance, run.run_id) if run.status is dg.DagsterRunStatus.FAILURE else None,
    )


def _problem(instance: dg.DagsterInstance, run_id: str) -> str:
    """The line of the last failure that told one, without Calven's words, which may name people.

    Never the text of an error that is not ours.
    """
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    events = [entry.dagster_event for entry in entries if entry.dagster_event]
    told = [event.step_failure_data.user_failure_data for event in events]
    lines = [failure.description for failure in told if failure and failure.description]
    return without_calvens_words(lines[-1]) if lines else UNTOLD


def _not_made_good(instance: dg.DagsterInstance, repository: Repository) -> Iterator[dg.RunRecord]:
    """Of each job the last run, where it failed and what failed in it has not succeeded since; the newest first."""
    last = [record for job in repository.job_names if (record := _last(instance, job, ENDED))]
    failed = [record for record in last if record.dagster_run.status is dg.DagsterRunStatus.FAILURE]
    succeeded = [
        record
        for job in repository.job_names
        if failed and (record := _last(instance, job, [dg.DagsterRunStatus.SUCCESS]))
    ]
    done = {record.storage_id: _steps(instance, record, StepEventStatus.SUCCESS) for record in succeeded}
    for record in sorted(failed, key=lambda record: -record.storage_id):
        open_steps = _steps(instance, record, StepEventStatus.FAILURE)
        since = set().union(*(steps for storage_id, steps in done.items() if storage_id > record.storage_id))
        if not open_steps or open_steps - since:
            yield record


def _warnings(instance: dg.DagsterInstance, repository: Repository) -> Iterator[Warned]:
    """The checks whose last evaluation did not pass and failed no run; what failed one is told with it."""
    graph = repository.asset_graph
    storage = instance.event_log_storage
    for key, record in storage.get_latest_asset_check_execution_by_key(list(graph.asset_check_keys)).items():
        last = record if record.status in EVALUATED else _last_evaluation(storage, key)
        evaluation = last.evaluation if last else None
        if last and evaluation and not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.WARN:
            yield Warned(
                asset=key.asset_key.to_user_string(),
                check=key.name,
                problem=without_calvens_words(evaluation.description or "It did not pass."),
                what_to_do=str(graph.get_check_spec(key).metadata.get(WHAT_TO_DO, "")),
                at=datetime.fromtimestamp(last.create_timestamp, UTC),
            )


def _last_evaluation(storage: EventLogStorage, key: dg.AssetCheckKey) -> AssetCheckExecutionRecord | None:
    """That of a check which a run has planned and not come to."""
    return next(iter(storage.get_asset_check_execution_history(key, limit=1, status=EVALUATED)), None)


def _steps(instance: dg.DagsterInstance, record: dg.RunRecord, status: StepEventStatus) -> set[str]:
    stats = instance.get_run_step_stats(record.dagster_run.run_id)
    return {step.step_key for step in stats if step.status is status}


def _last(instance: dg.DagsterInstance, job: str, statuses: Sequence[dg.DagsterRunStatus]) -> dg.RunRecord | None:
    filters = dg.RunsFilter(job_name=job, statuses=statuses)
    return next(iter(instance.get_run_records(filters, limit=1)), None)


def _snapshot_due_at(instance: dg.DagsterInstance, repository: Repository) -> datetime | None:
    """When the last ended run of a job that writes the snapshot began."""
    snapshot = dg.AssetKey("analytics_database")
    writers = [
        job.name
        for job in repository.get_all_jobs()
        if not job.name.startswith("__") and snapshot in job.asset_layer.executable_asset_keys
    ]
    begun = [_time(record.start_time) for job in writers if (record := _last(instance, job, ENDED))]
    return max((time for time in begun if time), default=None)


def _pulls(instance: dg.DagsterInstance) -> Iterator[Pull]:
    """As the last materialisations tell: `refresh_reference` writes no snapshot, so this may be newer."""
    for table in REFERENCE:
        event = instance.get_latest_materialization_event(dg.AssetKey(table))
        told = event.asset_materialization.metadata if event and event.asset_materialization else {}
        if "pulled_at" in told and "dagster/row_count" in told:
            pulled_at = datetime.fromisoformat(str(told["pulled_at"].value))
            row_count = int(str(told["dagster/row_count"].value))
            yield Pull(table, row_count, pulled_at.replace(tzinfo=pulled_at.tzinfo or UTC).astimezone(UTC))


def _automations(instance: dg.DagsterInstance, repository: Repository, now: datetime) -> Iterator[Automation]:
    states = {(state.instigator_type, state.name): state for state in instance.all_instigator_state()}
    for schedule in repository.schedule_defs:
        ticks = schedule_execution_time_iterator(
            now.timestamp(), schedule.cron_schedule, schedule.execution_timezone or "UTC"
        )
        state = states.get((InstigatorType.SCHEDULE, schedule.name))
        is_on = schedule.default_status is dg.DefaultScheduleStatus.RUNNING
        yield _automation(
            instance, state, Automation(schedule.name, "schedule", is_on, next_tick_at=next(ticks).astimezone(UTC))
        )
    for sensor in repository.sensor_defs:
        state = states.get((InstigatorType.SENSOR, sensor.name))
        is_on = sensor.default_status is dg.DefaultSensorStatus.RUNNING
        tick = _last_tick(instance, state)
        since_s = now.timestamp() - tick.timestamp if tick else 0.0
        due = now + timedelta(seconds=max((sensor.minimum_interval_seconds or 0) - since_s, 0.0))
        yield _automation(instance, state, Automation(sensor.name, "sensor", is_on, next_tick_at=due))


def _automation(instance: dg.DagsterInstance, state: InstigatorState | None, shipped: Automation) -> Automation:
    """As it was shipped, with its switch where somebody used it, and its last tick."""
    is_on = state.is_running if state else shipped.is_on
    tick = _last_tick(instance, state)
    return replace(
        shipped,
        is_on=is_on,
        is_switched_on=state is not None and state.status.value == "RUNNING",
        next_tick_at=shipped.next_tick_at if is_on else None,
        last_tick_at=_time(tick.timestamp) if tick else None,
        last_tick=_how_it_went(tick) if tick else None,
        story=_story(tick) if tick else None,
    )


def _last_tick(instance: dg.DagsterInstance, state: InstigatorState | None) -> InstigatorTick | None:
    if state is None:
        return None
    return next(iter(instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)), None)


def _how_it_went(tick: InstigatorTick) -> str:
    return TICKS["FAILURE"] if _is_blind(tick) else TICKS.get(tick.status.value, "under way")


def _is_blind(tick: InstigatorTick) -> bool:
    """Whether a look for exports saw not all; it fails only once in an hour, to keep the history small."""
    return tick.status.value == "SKIPPED" and f'"{BLIND}"' in (tick.cursor or "")


def _story(tick: InstigatorTick) -> str | None:
    """Why it skipped or failed: our own words as they are, of any other error the kind alone."""
    if tick.error is None:
        return tick.skip_reason
    error = tick.error
    while error.cause:
        error = error.cause
    _, _, words = error.message.strip().partition(f"{error.cls_name}: ")
    ours = error.cls_name == dg.DagsterError.__name__ and words
    return words.splitlines()[0] if ours else f"Unforeseen {error.cls_name}; {UNTOLD}"


def _looked_at(instance: dg.DagsterInstance) -> datetime | None:
    """When somebody last looked for new exports: a run that read them, or a sensor that saw all and found nothing."""
    from dagster._core.scheduler.instigation import TickStatus

    event = instance.get_latest_materialization_event(dg.AssetKey("staged_presence"))
    looks = [event.timestamp] if event else []
    sensors = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    for state in (state for state in sensors if state.name == LOOKS_FOR_EXPORTS):
        statuses = [TickStatus.SKIPPED, TickStatus.SUCCESS]
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1, statuses=statuses)
        looks += [tick.timestamp for tick in ticks if not _is_blind(tick)]
    return _time(max(looks, default=None))


def _daemon_seen_at(instance: dg.DagsterInstance) -> datetime | None:
    beats = instance.get_daemon_heartbeats().values()
    return _time(max((beat.timestamp for beat in beats), default=None))


def _time(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
