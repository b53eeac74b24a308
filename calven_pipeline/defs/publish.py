"""Delivery to Calven: one step, two tables."""

from collections.abc import Iterator

import dagster as dg

from calven_pipeline.defs.failures import PROBLEM, Metadata, clear_failures, problem_check, tell_at_exit
from calven_pipeline.defs.presence import validated_presence
from calven_pipeline.defs.resources import Calven, Warehouse

PUBLISHED = """One row per valid event, with Calven's answer.

Posts what is due, at most 100 events a call and one source a call; records every answer as it comes. A re-run posts only
what Calven has not settled. Where not everything could be delivered, the rest stays pending and the run fails at its end.
"""
REJECTIONS = """One row per rejected row, with every reason, until it heals.

What our checks and Calven's answers refused, with what was found, what would pass and the row as it stands in the export.
"""


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "published_presence",
            deps=[validated_presence],
            group_name="presence",
            kinds={"duckdb"},
            description=PUBLISHED,
        ),
        dg.AssetSpec(
            "rejections", deps=[validated_presence], group_name="presence", kinds={"duckdb"}, description=REJECTIONS
        ),
    ]
)
def publish(
    context: dg.AssetExecutionContext, calven: Calven, warehouse: Warehouse
) -> Iterator[dg.MaterializeResult[None]]:
    """Deliver what is due, then say what is delivered and what is rejected."""
    from calven_pipeline.delivery.publish import publish_due
    from calven_pipeline.exports.profiles import load_profiles

    with clear_failures(), warehouse.open() as database, calven.connect() as client:
        profiles = load_profiles(warehouse.data_dir)
        delivery = publish_due(database, client, profiles, warehouse.data_dir, log=context.log.info)
    published: Metadata = {
        "events_due": delivery.due,
        "events_accepted": delivery.accepted,
        "events_rejected_by_calven": delivery.rejected,
        "events_pending": delivery.waiting,
        "calls": delivery.calls,
        "retries": delivery.retries,
        "seconds": round(delivery.seconds, 1),
        "sql": "delivery/build_bodies.sql",
    }
    tell_at_exit(
        f"Posted {delivery.accepted + delivery.rejected} events: {delivery.accepted} accepted, {delivery.rejected} "
        f"rejected by Calven; {delivery.waiting} wait"
    )
    if delivery.problem is not None:
        published[PROBLEM] = delivery.story
    yield dg.MaterializeResult(asset_key="published_presence", metadata=published)
    yield dg.MaterializeResult(
        asset_key="rejections",
        metadata={
            "dagster/row_count": sum(delivery.open_rejections.values()),
            **{f"open/{reason}": rows for reason, rows in delivery.open_rejections.items()},
        },
    )


everything_delivered = problem_check(
    "published_presence", "everything_delivered", "Calven has settled every valid event that was due."
)
