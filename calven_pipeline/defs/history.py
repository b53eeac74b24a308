"""Keeps Dagster's own history bounded: runs, their events and what their steps printed.

What may surprise: the schedule is on from the start, unlike those that post or pull. It needs no key, touches nothing but
Dagster's history, and without it that would grow for as long as the project runs. Where nothing is old, it launches nothing. Runs that
may say in their configuration whom they were about go after a day, and out of the free pages of Dagster's SQLite files too.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from calven_pipeline.defs.failures import clear_failures
from calven_pipeline.defs.jobs import CRASHES_ALONE
from calven_pipeline.settings import HistorySettings

RUNS_AT_ONCE = 1000  # half a minute, so that no other run waits long; the rest goes the next day
ABOUT_PERSONS = ("export_person", "forget_person")  # jobs whose configuration may say who somebody is
KEPT_ABOUT_PERSONS = timedelta(days=1)  # after their end, whatever CALVEN_HISTORY_DAYS says
PLANNED = "PLANNED"  # the status of a check in a run that has not come to it
FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dg.op(
    description="Deletes runs older than `CALVEN_HISTORY_DAYS`, but none that holds the latest of an asset or a check, and runs "
    "about one person a day after they ended."
)
def trim_runs(context: dg.OpExecutionContext) -> dg.Output[int]:
    """How many runs were deleted, a thousand at most, the oldest first."""
    with clear_failures():
        about_persons = _runs_about_persons(context.instance)
        old = list(dict.fromkeys([*about_persons, *_old_runs(context.instance)]))
        for run_id in old[:RUNS_AT_ONCE]:
            _forget(context.instance, run_id)
        if about_persons:
            _wipe_free_pages(context.instance)
    deleted = min(len(old), RUNS_AT_ONCE)
    return dg.Output(deleted, metadata={"runs_deleted": deleted, "runs_left_for_next_time": len(old) - deleted})


@dg.job(
    description="Delete runs of long ago from Dagster's history, with their events and what they printed. Presence is not "
    "touched.",
    tags=CRASHES_ALONE,
)
def trim_history() -> None:
    """See the description."""
    trim_runs()


@dg.schedule(
    name="trim_history",
    job=trim_history,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Deletes runs older than `CALVEN_HISTORY_DAYS` from Dagster's history, and runs about one person after a day, once "
    "a day where there are any. On from the start: it posts nothing and needs no key.",
)
def trim_history_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run for a tick at most, named for its time."""
    if not (_runs_about_persons(context.instance) or _old_runs(context.instance)):
        return dg.SkipReason(f"No run to delete is older than {HistorySettings.load().history_days} days.")
    return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())


def _old_runs(instance: dg.DagsterInstance) -> Sequence[str]:
    """The ids of the runs to delete, the oldest first: finished, and created longer ago than the setting says.

    The run of the latest materialization, observation or evaluation of anything stays: checks and sensors read those.
    """
    before = datetime.now(UTC) - timedelta(days=HistorySettings.load().history_days)
    old = instance.get_run_ids(dg.RunsFilter(statuses=FINISHED, created_before=before))[::-1]
    kept = _makers(instance) | _evaluators(instance) if old else set()
    return [run_id for run_id in old if run_id not in kept]


def _runs_about_persons(instance: dg.DagsterInstance) -> list[str]:
    """The ids of the runs about one person that ended over a day ago."""
    before = datetime.now(UTC) - KEPT_ABOUT_PERSONS
    return [
        run_id
        for job in ABOUT_PERSONS
        for run_id in instance.get_run_ids(dg.RunsFilter(job_name=job, statuses=FINISHED, updated_before=before))
    ]


def _wipe_free_pages(instance: dg.DagsterInstance) -> None:
    """Rewrite Dagster's SQLite files: what is deleted lies on in their free pages, unless SQLite was built to overwrite it.

    One that another process uses at this moment stays as it is, until the next such run is deleted.
    """
    from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
    from dagster._core.storage.runs import SqliteRunStorage

    runs, events = instance.run_storage, instance.event_log_storage
    if not isinstance(runs, SqliteRunStorage) or not isinstance(events, SqliteEventLogStorage):
        return
    with runs.connect() as connection:
        files = [connection.engine.url.database, events.path_for_shard("index")]
    for file in files:
        with closing(sqlite3.connect(str(file), timeout=10)) as database, suppress(sqlite3.OperationalError):
            database.execute("vacuum")
            database.execute("pragma wal_checkpoint(truncate)")


def _makers(instance: dg.DagsterInstance) -> set[str]:
    return {
        record.run_id
        for asset in instance.all_asset_keys()
        for fetch in (instance.fetch_materializations, instance.fetch_observations)
        for record in fetch(asset, limit=1).records
    }


def _evaluators(instance: dg.DagsterInstance) -> set[str]:
    """Of every check that ever ran: Dagster answers only for checks that one can name."""
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
    from sqlalchemy import func, select

    events, found = instance.event_log_storage, AssetCheckExecutionsTable.c
    if not isinstance(events, SqlEventLogStorage):
        return set()
    evaluated = found.execution_status != PLANNED
    latest = select(func.max(found.id)).where(evaluated).group_by(found.asset_key, found.check_name)
    with events.index_connection() as connection:
        return set(connection.execute(select(found.run_id).where(found.id.in_(latest))).scalars())


def _forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run as the UI does, and what that leaves behind (Dagster 1.13.27).

    That is: what steps printed, the run's evaluations of checks, and on SQLite its file of events.
    """
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
    from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

    events = instance.event_log_storage
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    if isinstance(events, SqlEventLogStorage):
        with events.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id == run_id))
    instance.delete_run(run_id)
    if isinstance(events, SqliteEventLogStorage):
        for ending in ("", "-wal", "-shm"):
            Path(f"{events.path_for_shard(run_id)}{ending}").unlink(missing_ok=True)
