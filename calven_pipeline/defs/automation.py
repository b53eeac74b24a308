"""What starts by the clock, once somebody switches it on; `noticing` is what starts when files come.

What may surprise: all of it is off in a fresh clone. What posts presence starts by itself only where somebody has
decided so, and what pulls reference data would fail every hour where there is no key yet. Dagster remembers the switch.
"""

from dataclasses import dataclass

import dagster as dg

from calven_pipeline.defs import jobs
from calven_pipeline.settings import PublishMode, Settings

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
PULLING = (jobs.refresh_reference, jobs.presence_pipeline)


@dataclass(frozen=True)
class Seen:
    """What a tick sees: the events that the last delivery left, and whether rows were judged or chosen since or a run is under way."""

    publish: PublishMode
    pending: int
    touched_since: bool
    under_way: bool


def why_not(seen: Seen) -> str | None:
    """Why there is nothing to send again now, or None where there is."""
    if seen.publish is PublishMode.DRY_RUN:
        return "CALVEN_PUBLISH is dry-run: nothing is posted."
    if not seen.pending and not seen.touched_since:
        return "Nothing waits."
    if seen.under_way:
        return "A run is queued or under way."
    return None


@dg.schedule(
    name="retry_pending",
    job=jobs.retry_pending,
    cron_schedule="*/15 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Sends what waits, every fifteen minutes, where anything does and no run is under way. Off until somebody "
    "switches it on: presence is not posted by itself from a fresh clone.",
)
def retry_pending_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run for a tick at most, named for its time."""
    reason = why_not(_look(context.instance))
    if reason:
        return dg.SkipReason(reason)
    return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())


@dg.schedule(
    name="refresh_reference",
    job=jobs.refresh_reference,
    cron_schedule="5 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Pulls users, locations and desks, every hour at five past, unless a run that does is queued or under way. "
    "Off until somebody switches it on: without a key it would fail every hour. It posts nothing.",
)
def refresh_reference_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run for a tick at most, named for its time; none behind another that is still waiting."""
    for job in PULLING:
        if context.instance.get_runs_count(dg.RunsFilter(job_name=job.name, statuses=UNFINISHED)):
            return dg.SkipReason(f"A run of {job.name} is queued or under way; it pulls them.")
    return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())


def _look(instance: dg.DagsterInstance) -> Seen:
    published = _latest(instance, "published_presence")
    judged = _latest(instance, "validated_presence")
    chosen = next(iter(instance.fetch_observations(dg.AssetKey("published_presence"), limit=1).records), None)
    materialization = published.asset_materialization if published else None
    pending = materialization.metadata.get("events_pending") if materialization else None
    return Seen(
        publish=Settings.load().publish,
        pending=int(str(pending.value)) if pending else 0,
        touched_since=any(
            record is not None and (published is None or record.storage_id > published.storage_id)
            for record in (judged, chosen)
        ),
        under_way=instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED)) > 0,
    )


def _latest(instance: dg.DagsterInstance, asset: str) -> dg.EventLogRecord | None:
    return next(iter(instance.fetch_materializations(dg.AssetKey(asset), limit=1).records), None)
