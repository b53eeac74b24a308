"""The analysts' database."""

from typing import TYPE_CHECKING

import dagster as dg

from calven_pipeline.defs.catalog import about, owners
from calven_pipeline.defs.failures import Metadata, clear_failures, tell_at_exit
from calven_pipeline.defs.freshness import freshness
from calven_pipeline.defs.reconciliation import calven_presence
from calven_pipeline.defs.reference import desks, locations, users
from calven_pipeline.defs.resources import Warehouse

if TYPE_CHECKING:
    from calven_pipeline.warehouse.snapshot import Snapshot

OUTCOMES = ("accepted", "rejected", "pending", "duplicate", "ignored")


@dg.asset(
    group_name="analytics",
    kinds={"duckdb", "file"},
    deps=["published_presence", "rejections", calven_presence, users, locations, desks],
    owners=owners(),
    freshness_policy=freshness("analytics_database"),
    metadata=about("analytics_database", "analytics/add_changed", "analytics/add_days"),
)
def analytics_database(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """One file, `calven.duckdb`, with every table that analysts read.

    Brought up to date by what is new, then replaced in one step while others hold the old one open. A re-run with nothing
    new writes the same tables.
    """
    from calven_pipeline.retention.chosen import forget_chosen
    from calven_pipeline.warehouse.snapshot import write_snapshot

    with clear_failures(), warehouse.open() as database:
        forget_chosen(database)  # of somebody whose removal was interrupted
        snapshot = write_snapshot(database, warehouse.data_dir, context.run.run_id)
    tell_at_exit(snapshot.story)
    return dg.MaterializeResult(metadata=snapshot_metadata(snapshot))


def snapshot_metadata(snapshot: "Snapshot") -> Metadata:
    """What a snapshot holds, in counts."""
    return {
        "path": dg.MetadataValue.path(str(snapshot.path)),
        "size_bytes": snapshot.size_bytes,
        "rows_changed": snapshot.rows_changed,
        "dagster/row_count": sum(snapshot.outcomes.values()),
        **{f"outcome/{outcome}": snapshot.outcomes.get(outcome, 0) for outcome in OUTCOMES},
    }
