"""What an operator asks for by hand: jobs that send or look at chosen rows again, and that close rejections for good.

What may surprise: these are jobs of their own, not assets, so that nothing asks again by itself. Both only count until
`dry_run` is false, and each launch chooses once: re-executed or retried, it delivers what still waits.
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from calven_pipeline.defs.analytics import snapshot_metadata
from calven_pipeline.defs.failures import Metadata, clear_failures, tell_at_exit
from calven_pipeline.defs.jobs import CRASHES_ALONE
from calven_pipeline.defs.publish import deliver
from calven_pipeline.defs.resources import Calven, Warehouse
from calven_pipeline.errors import RequestError

if TYPE_CHECKING:
    from calven_pipeline.delivery.requests import Choice, Request

OpEvent = dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output[None]

LINE = dg.TableSchema(
    [dg.TableColumn(name) for name in ("source", "source_file", "outcome", "reason", "plan")]
    + [dg.TableColumn("row_count", "int")]
)
LINES_SHOWN = 100  # of the table in the UI
OUT = {
    "summary": dg.Out(dg.Nothing, description="What was chosen: rows by file, outcome, reason and plan."),
    "chosen": dg.Out(dg.Nothing, is_required=False, description="Not there in a dry run."),
}


class ChosenRows(dg.Config):
    """Which rows: those that fit everything given."""

    source: str | None = Field(None, description="Only rows of this source.")
    file: str | None = Field(None, description="Only rows of this file below exports/, as in `source_file`.")
    first_date: str | None = Field(None, description="Only rows seen on or after this local day, YYYY-MM-DD.")
    last_date: str | None = Field(None, description="Only rows seen on or before this local day, YYYY-MM-DD.")
    reasons: list[str] = Field([], description="Only rows rejected for one of these; empty for any.")
    dry_run: bool = Field(True, description="Count only. Nothing is changed before this is false.")


class ReplayedRows(ChosenRows):
    """Which rows to send or look at again."""

    outcomes: list[str] = Field(
        ["rejected"], description="accepted (sent again), rejected (looked at again, and sent if they pass), pending."
    )


class DismissedRows(ChosenRows):
    """Which open rejections to close for good."""

    note: str = Field(
        "",
        description="Why, for whoever reads `rejections` later; without a note it is refused. "
        "Dagster keeps it: name nobody, or give `{env: NAME}`.",
    )


@dg.op(out=OUT)
def choose_rows(
    context: dg.OpExecutionContext, config: ReplayedRows, warehouse: Warehouse
) -> Iterator[dg.AssetObservation | dg.Output[None]]:
    """Put chosen accepted events back into the outbox, and chosen rejections before the next validation."""
    from calven_pipeline.delivery.requests import replay

    with clear_failures(), warehouse.open() as database:
        choice = _choice(config, tuple(config.outcomes))
        request = replay(database, choice, run_id=_launch(context), dry_run=config.dry_run)
        if request.changed:  # at once: the schedule sees what waits, also where this run ends before its delivery
            yield dg.AssetObservation("published_presence", metadata={"rows_changed": request.changed})
    yield from _told(context, request)


@dg.op(ins={"chosen": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def deliver_chosen(context: dg.OpExecutionContext, calven: Calven, warehouse: Warehouse) -> Iterator[OpEvent]:
    """Judge what is to be looked at again, deliver what is due, and write `calven.duckdb`.

    Counts and checks are yielded as they come: what an op has only logged is lost where it fails (Dagster 1.13.27).
    """
    from calven_pipeline.exports.profiles import load_profiles
    from calven_pipeline.validation.verdicts import validate

    with clear_failures(), warehouse.open() as database:
        validate(database, load_profiles(warehouse.data_dir), warehouse.data_dir)
    for result in deliver(context.log.info, calven, warehouse, context.run.run_id):
        yield _event(result)
    _write_snapshot(context, warehouse)
    yield dg.Output(None)


@dg.op(out=OUT)
def dismiss_rows(
    context: dg.OpExecutionContext, config: DismissedRows, warehouse: Warehouse
) -> Iterator[dg.Output[None]]:
    """Close chosen open rejections for good, with a note."""
    from calven_pipeline.delivery.requests import dismiss

    with clear_failures(), warehouse.open() as database:
        choice = _choice(config, ("rejected",))
        request = dismiss(database, choice, config.note, run_id=_launch(context), dry_run=config.dry_run)
    yield from _told(context, request)


@dg.op(ins={"chosen": dg.In(dg.Nothing)})
def write_dismissed(context: dg.OpExecutionContext, warehouse: Warehouse) -> None:
    """Write `calven.duckdb`, so that analysts see the dismissal."""
    _write_snapshot(context, warehouse)


@dg.job(
    description="Send chosen events again under the same event ids, or look at chosen rejections again. Counts only, until "
    "`dry_run` is false.",
    tags=CRASHES_ALONE,
)
def replay() -> None:
    """See the description."""
    deliver_chosen(choose_rows().chosen)


@dg.job(
    description="Close chosen open rejections for good, with a note: they are not looked at again, nor sent. Counts only, "
    "until `dry_run` is false.",
    tags=CRASHES_ALONE,
)
def dismiss() -> None:
    """See the description."""
    write_dismissed(dismiss_rows().chosen)


def _choice(config: ChosenRows, outcomes: tuple[str, ...]) -> "Choice":
    from calven_pipeline.delivery.requests import Choice

    return Choice(
        source=config.source,
        source_file=config.file,
        first_date=_day("first_date", config.first_date),
        last_date=_day("last_date", config.last_date),
        reasons=tuple(config.reasons),
        outcomes=outcomes,
    )


def _day(name: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise RequestError(f"{name}: {text!r} is no date like 2026-11-02.") from None


def _launch(context: dg.OpExecutionContext) -> str:
    """The run that a person launched: a re-execution is the same launch."""
    return context.run.root_run_id or context.run.run_id


def _told(context: dg.OpExecutionContext, request: "Request") -> Iterator[dg.Output[None]]:
    """Say what was chosen, by file and reason; go on unless it was a dry run."""
    context.log.info(request.story)
    tell_at_exit(request.story)
    metadata: Metadata = {
        "rows_chosen": request.chosen,
        "rows_changed": request.changed,
        **{f"rows/{plan}": rows for plan, rows in request.plans.items()},
        "lines": dg.MetadataValue.table([dg.TableRecord(asdict(line)) for line in request.lines[:LINES_SHOWN]], LINE),
    }
    yield dg.Output(None, "summary", metadata=metadata)
    if not request.is_dry_run:
        yield dg.Output(None, "chosen")


def _event(result: dg.MaterializeResult[None] | dg.AssetCheckResult) -> OpEvent:
    """What the publishing step tells, as an op may tell it."""
    asset = result.asset_key or dg.AssetKey("published_presence")
    if isinstance(result, dg.MaterializeResult):
        return dg.AssetMaterialization(asset, metadata=result.metadata)
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=str(result.check_name),
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
    )


def _write_snapshot(context: dg.OpExecutionContext, warehouse: Warehouse) -> None:
    from calven_pipeline.warehouse.snapshot import write_snapshot

    with clear_failures(), warehouse.open() as database:
        snapshot = write_snapshot(database, warehouse.data_dir, context.run.run_id)
    tell_at_exit(snapshot.story)
    context.log_event(dg.AssetMaterialization("analytics_database", metadata=snapshot_metadata(snapshot)))
