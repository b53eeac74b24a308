"""A second look at what Calven has, after delivery."""

from typing import TYPE_CHECKING

import dagster as dg

from calven_pipeline.defs.catalog import about, owners
from calven_pipeline.defs.checks import WHAT_TO_DO
from calven_pipeline.defs.failures import clear_failures
from calven_pipeline.defs.freshness import freshness
from calven_pipeline.defs.resources import Calven, Warehouse

if TYPE_CHECKING:
    from calven_pipeline.reconciliation.reconcile import Reconciliation

CONFIRMS = dg.AssetCheckSpec(
    "calven_confirms",
    asset="calven_presence",
    description="Calven reports each person on each day of the events that it accepted; a warning, it fails no run.",
    metadata={
        WHAT_TO_DO: "later runs look again; where people stay missing, compare `calven_presence` with `presence` for that "
        "day in calven.duckdb, and ask Calven"
    },
)


@dg.asset(
    group_name="presence",
    kinds={"duckdb", "table"},
    deps=["published_presence"],
    check_specs=[CONFIRMS],
    owners=owners(),
    freshness_policy=freshness("calven_presence"),
    metadata=about("calven_presence", "reconciliation/read_answer", "reconciliation/compare"),
)
def calven_presence(context: dg.AssetExecutionContext, calven: Calven, warehouse: Warehouse) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster 1.13.27 knows no other spelling in a step with a check
    """One row per row of Presence Details that Calven reports for the days touched.

    Pulled from `GET /v1/analytics/presence`, at most 30 days a call, for the days of newly accepted events; rows stay as
    they come, and those of a day that is pulled again are replaced; those of people who were forgotten, and of days that
    retention has removed, are not kept. A re-run with nothing new asks nothing. Where Calven
    cannot be asked, the old rows stay, the check warns, and the next run asks for the same days; so it does where no row
    that came could be recognised. Whom Calven never confirmed is told of for 30 days.
    """
    from datetime import UTC, datetime

    from calven_pipeline.reconciliation.reconcile import reconcile
    from calven_pipeline.settings import RetentionSettings

    now = datetime.now(UTC)
    with clear_failures(), warehouse.open() as database, calven.connect() as client:
        found = reconcile(database, client, before=RetentionSettings.load().first_day_kept(now), now=now)
    context.log.log("INFO" if found.agrees else "WARNING", found.story)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": found.row_count,
            "calls": found.calls,
            "rows_pulled": found.rows_pulled,
            "rows_not_recognised": found.rows_pulled - found.recognised,
            "people_days_expected": found.expected,
            "people_days_confirmed": found.confirmed,
            "people_days_looked_for_again": found.unconfirmed,
            "people_days_never_confirmed": found.given_up,
            "days": _days(found),
            "sql": "reconciliation/compare.sql",
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="calven_confirms",
                passed=found.agrees,
                severity=dg.AssetCheckSeverity.WARN,
                description=found.story,
            )
        ],
    )


def _days(found: "Reconciliation") -> dg.TableMetadataValue:
    """How many people each local day has; counts, no people."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"day": str(day.day), "expected": day.expected, "confirmed": day.confirmed})
            for day in found.days
        ],
        dg.TableSchema([dg.TableColumn("day"), dg.TableColumn("expected", "int"), dg.TableColumn("confirmed", "int")]),
    )
