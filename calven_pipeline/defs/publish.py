"""Delivery to Calven: one step, two tables.

What may surprise: where events stay pending, this step fails, so that Dagster's "re-execute from failure" delivers them. A
step that fails keeps the steps below it from running, so it writes the analysts' snapshot itself before it does.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from calven_pipeline.checks.rules import CLOCK_AGREES, REJECTION_RATE_USUAL
from calven_pipeline.defs.catalog import about, owners
from calven_pipeline.defs.checks import result, spec
from calven_pipeline.defs.failures import PROBLEM, Metadata, clear_failures, failure, tell_at_exit
from calven_pipeline.defs.freshness import freshness
from calven_pipeline.defs.presence import validated_presence
from calven_pipeline.defs.resources import Calven, Warehouse
from calven_pipeline.errors import TryAgainError, WorkingDatabaseError
from calven_pipeline.settings import CheckSettings, PublishMode

if TYPE_CHECKING:
    from calven_pipeline.api import CalvenClient
    from calven_pipeline.checks.rules import Finding
    from calven_pipeline.delivery.publish import Delivery
    from calven_pipeline.validation.books import Books
    from calven_pipeline.warehouse.database import WorkingDatabase

PUBLISHED = """One row per row read, with what became of it and Calven's answer: the table `presence`.

Posts what is due, at most 100 events a call and one source a call; records every answer as it comes. A re-run posts only
what Calven has not settled. Where not everything could be delivered, the rest stays pending, `calven.duckdb` is written
all the same, and the step fails; re-executed from failure, it delivers what waits.
"""
REJECTIONS = """One row per row that was ever rejected, with every reason; `status` says whether it is open or resolved.

What our checks and Calven's answers refused, with what was found, what would pass and the row as it stands in the export.
What healed or was dismissed stays, resolved: `rows_open` counts what is left to do.
"""
DELIVERED = dg.AssetCheckSpec(
    "everything_delivered",
    asset="published_presence",
    description="Calven has settled every valid event that was due.",
)
BOOKS = dg.AssetCheckSpec(
    "books_balance",
    asset="published_presence",
    blocking=True,
    description="Rows read = accepted + rejected + pending + duplicate + ignored, for each file and in total, and every "
    "accepted event has an answer on record; rows removed since count under the outcome that they had. Counted before anything is posted, and again after it; where it fails, "
    "nothing more is posted and `calven.duckdb` stays as it was.",
)

Yielded = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "published_presence",
            deps=[validated_presence],
            group_name="presence",
            kinds={"duckdb", "table"},
            owners=owners(),
            description=PUBLISHED,
            freshness_policy=freshness("published_presence"),
            metadata=about("published_presence", "delivery/build_bodies", "delivery/settle_events"),
        ),
        dg.AssetSpec(
            "rejections",
            deps=[validated_presence],
            group_name="presence",
            kinds={"duckdb", "table"},
            owners=owners(),
            description=REJECTIONS,
            freshness_policy=freshness("rejections"),
            metadata=about("rejections", "validation/explain_rejections", "delivery/add_rejections"),
        ),
    ],
    check_specs=[DELIVERED, BOOKS, spec(CLOCK_AGREES), spec(REJECTION_RATE_USUAL)],
)
def publish(context: dg.AssetExecutionContext, calven: Calven, warehouse: Warehouse) -> Yielded:
    """Deliver what is due, then say what is delivered and what is rejected; fail where events wait or books are wrong."""
    yield from deliver(context.log.info, calven, warehouse, context.run.run_id)


def deliver(log: Callable[[str], None], calven: Calven, warehouse: Warehouse, run_id: str) -> Yielded:
    """The step itself: both tables' counts and the checks, then the failure, if there is one."""
    from calven_pipeline.delivery.publish import publish_due
    from calven_pipeline.exports.profiles import load_profiles
    from calven_pipeline.validation.books import balance

    delivery: Delivery | None = None
    problem = ""
    findings: list[Finding] = []
    with clear_failures(), warehouse.open() as database, calven.connect() as client:
        limits = CheckSettings.load()
        profiles = load_profiles(warehouse.data_dir)
        books = balance(database)
        if books.balanced:
            delivery = publish_due(database, client, profiles, warehouse.data_dir, log=log)
            tell_at_exit(_posted(delivery, client))
            books = balance(database)
            findings = _look(database, delivery, limits)
        if delivery and delivery.problem and books.balanced:
            problem = delivery.story + _write_snapshot(database, warehouse, log, run_id)
    if delivery:
        yield from _told(delivery, books, findings)
    for finding in findings:
        if not finding.passed:
            log(finding.story)
        yield result(finding)
    yield dg.AssetCheckResult(
        asset_key="published_presence",
        check_name=BOOKS.name,
        passed=books.balanced,
        metadata=books.counts,
        description=books.story,
    )
    if not books.balanced:
        raise failure(books.story)
    if delivery and problem:
        raise failure(problem, allow_retries=isinstance(delivery.problem, TryAgainError))


def _look(database: "WorkingDatabase", delivery: "Delivery", limits: CheckSettings) -> "list[Finding]":
    """What a person should look at."""
    from calven_pipeline.checks.clock import look_at_clock
    from calven_pipeline.checks.rates import look_at_rates

    return [
        look_at_clock(database, delivery.server_clock_skew_s),
        look_at_rates(database, limits.rejection_rate_limit, datetime.now(UTC)),
    ]


def _write_snapshot(database: "WorkingDatabase", warehouse: Warehouse, log: Callable[[str], None], run_id: str) -> str:
    """Bring `calven.duckdb` up to date; what kept us from it, as words to add to why events wait."""
    from calven_pipeline.warehouse.snapshot import write_snapshot

    try:
        story = write_snapshot(database, warehouse.data_dir, run_id).story
        tell_at_exit(story)
        log(f"Events wait, so this step fails and the steps below are left out; calven.duckdb is written here: {story}")
    except WorkingDatabaseError as error:
        return f" {error}"
    return ""


def _posted(delivery: "Delivery", client: "CalvenClient") -> str:
    """What became of the events, and where they went."""
    if client.settings.publish is PublishMode.DRY_RUN:
        waiting = "1 event waits" if delivery.waiting == 1 else f"{delivery.waiting} events wait"
        return f"DRY RUN: nothing was posted; {waiting}."
    answered = delivery.accepted + delivery.rejected
    return (
        f"Posted {answered} event{'' if answered == 1 else 's'} to {client.host}: {delivery.accepted} accepted, "
        f"{delivery.rejected} rejected by Calven; {delivery.waiting} wait"
    )


def _told(delivery: "Delivery", books: "Books", findings: "Iterable[Finding]") -> Yielded:
    """Both tables' counts, and whether everything was delivered; the clock's as its check knows it."""
    from calven_pipeline.validation.reasons import REASONS

    published: Metadata = {
        "dagster/row_count": books.judged,
        **{f"outcome/{outcome}": rows for outcome, rows in books.outcomes.items()},
        "events_due": delivery.due,
        "events_accepted": delivery.accepted,
        "events_rejected_by_calven": delivery.rejected,
        "events_pending": delivery.waiting,
        "calls": delivery.calls,
        "retries": delivery.retries,
        "call_latency_p50_ms": delivery.call_latency_p50_ms,
        "call_latency_p95_ms": delivery.call_latency_p95_ms,
        "lag_p50_s": delivery.lag_p50_s,
        "lag_p95_s": delivery.lag_p95_s,
        **{
            name: number
            for finding in findings
            if finding.rule is CLOCK_AGREES
            for name, number in finding.numbers.items()
        },
        "seconds": round(delivery.seconds, 1),
        "events_per_second": round(delivery.events_per_second, 1),
        "sql": "delivery/build_bodies.sql",
    }
    if delivery.problem:
        published[PROBLEM] = delivery.story
    yield dg.MaterializeResult(asset_key="published_presence", metadata=published)
    yield dg.MaterializeResult(
        asset_key="rejections",
        metadata={
            "dagster/row_count": delivery.rejections,
            "rows_open": sum(delivery.open_rejections.values()),
            "what_to_do": dg.MetadataValue.md(_advice(delivery.open_rejections)),
            **{f"open/{reason}": delivery.open_rejections.get(reason, 0) for reason in REASONS},
        },
    )
    yield dg.AssetCheckResult(
        asset_key="published_presence",
        check_name=DELIVERED.name,
        passed=delivery.problem is None,
        description=delivery.story if delivery.problem else None,
    )


def _advice(open_rejections: dict[str, int]) -> str:
    """A Markdown table: the open reasons, most rows first, and what to do about each; counts, no people."""
    from calven_pipeline.validation.advice import WHAT_TO_DO

    if not open_rejections:
        return "No row is rejected."
    lines = [f"| `{reason}` | {rows} | {WHAT_TO_DO[reason]} |" for reason, rows in open_rejections.items()]
    return "\n".join(["| reason | rows | what to do |", "|---|---:|---|", *lines])
