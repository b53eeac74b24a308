"""Removes what is kept no longer: rows of days longer ago than `CALVEN_RETENTION_DAYS`.

What may surprise: the schedule is on from the start and skips until the setting is there, so that setting it is all that is
needed. It needs no key and posts nothing.
"""

from typing import TYPE_CHECKING

import dagster as dg

from calven_pipeline.defs.analytics import snapshot_metadata
from calven_pipeline.defs.failures import Metadata, clear_failures, tell_at_exit
from calven_pipeline.defs.jobs import CRASHES_ALONE
from calven_pipeline.defs.reporting import report_metadata
from calven_pipeline.defs.resources import Warehouse
from calven_pipeline.errors import SettingsError
from calven_pipeline.settings import RetentionSettings

if TYPE_CHECKING:
    from calven_pipeline.retention.expiry import Expiry

UNSET = "CALVEN_RETENTION_DAYS is not set: every row is kept."
OUTCOMES = ("accepted", "rejected", "duplicate", "ignored")


@dg.op(
    description="Removes rows of days longer ago than `CALVEN_RETENTION_DAYS`, with their answers and rejections, from every "
    "file; pending events and open rejections stay."
)
def remove_old_rows(context: dg.OpExecutionContext, warehouse: Warehouse) -> dg.Output[int]:
    """How many rows were removed; a re-run removes nothing again, and finishes what an interrupted one left."""
    from calven_pipeline.reporting.report import refresh_report
    from calven_pipeline.retention.expiry import apply_retention as expire
    from calven_pipeline.retention.leftovers import finish_leftovers

    with clear_failures():
        days = RetentionSettings.load().retention_days
        if days is None:
            leftovers = finish_leftovers(warehouse.data_dir, context.run.run_id)
            raise SettingsError(f"{UNSET} Set it to the number of days that rows are kept. {leftovers.story}".rstrip())
        expiry = expire(warehouse.data_dir, days, run_id=context.run.run_id)
        report = refresh_report(warehouse.data_dir)
    context.log.info(expiry.story)
    tell_at_exit(expiry.story)
    if expiry.finish.snapshot:
        metadata = snapshot_metadata(expiry.finish.snapshot)
        context.log_event(dg.AssetMaterialization("analytics_database", metadata=metadata))
    if report and report.rewritten:
        context.log_event(dg.AssetMaterialization("presence_report", metadata=report_metadata(report)))
    return dg.Output(expiry.removal.row_count, metadata=_metadata(expiry))


@dg.job(
    description="Remove rows of days longer ago than `CALVEN_RETENTION_DAYS`. Their events stay as hashes without people, so that "
    "an old export delivered again is not sent again.",
    tags=CRASHES_ALONE,
)
def apply_retention() -> None:
    """See the description."""
    remove_old_rows()


@dg.schedule(
    name="apply_retention",
    job=apply_retention,
    cron_schedule="30 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Removes rows of days longer ago than `CALVEN_RETENTION_DAYS`, once a day. On from the start; without the setting "
    "it launches nothing.",
)
def apply_retention_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run for a tick at most, named for its time."""
    if RetentionSettings.load().retention_days is None:
        return dg.SkipReason(UNSET)
    return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())


def _metadata(expiry: "Expiry") -> Metadata:
    """Counts, with the same names in every run."""
    compaction = expiry.finish.compaction
    return {
        "days_before": str(expiry.before),
        "rows_removed": expiry.removal.row_count,
        **{f"removed/{outcome}": expiry.removal.outcomes.get(outcome, 0) for outcome in OUTCOMES},
        "rows_kept_because_open": expiry.rows_kept_because_open,
        "reported_rows_removed": expiry.reports,
        "people_removed": expiry.people,
        "leftover_rows_removed": expiry.leftovers.removal.row_count,
        "bytes_before": compaction.bytes_before if compaction else 0,
        "bytes_after": compaction.bytes_after if compaction else 0,
        "rewritten_in_s": round(compaction.seconds, 2) if compaction else 0.0,
    }
