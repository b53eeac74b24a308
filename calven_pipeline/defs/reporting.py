"""The report: a page for whoever runs the buildings."""

from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from calven_pipeline.defs.analytics import analytics_database
from calven_pipeline.defs.catalog import about, owners
from calven_pipeline.defs.failures import Metadata, clear_failures
from calven_pipeline.defs.freshness import freshness
from calven_pipeline.defs.resources import Warehouse
from calven_pipeline.errors import RequestError

if TYPE_CHECKING:
    from calven_pipeline.reporting.report import Period, Report


class ReportConfig(dg.Config):
    """Which local days: so many up to the last one with people, or those between two dates."""

    days: int | None = Field(None, description="How many local days; without it, CALVEN_REPORT_DAYS.")
    first_date: str | None = Field(None, description="The first local day, YYYY-MM-DD; not with `days`.")
    last_date: str | None = Field(
        None, description="The last local day, YYYY-MM-DD; without it, the last on which anybody was seen."
    )


@dg.asset(
    group_name="analytics",
    kinds={"html", "file"},
    deps=[analytics_database],
    owners=owners(),
    metadata=about("presence_report", "reporting/make_office_days", "reporting/areas", "reporting/outcomes"),
    freshness_policy=freshness("presence_report"),
)
def presence_report(config: ReportConfig, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """One page, `reports/presence.html`, with people by day and place, outcomes, reasons and sources: counts alone.

    Made from `calven.duckdb`; groups of fewer people than `CALVEN_REPORT_SMALLEST_GROUP` are hidden. A re-run with nothing
    new leaves the page as it is. Refuses days that cannot be.
    """
    from calven_pipeline.reporting.report import write_report

    with clear_failures():
        return dg.MaterializeResult(metadata=report_metadata(write_report(warehouse.data_dir, _period(config))))


def report_metadata(report: "Report") -> Metadata:
    """Where the page is, and of how much it tells."""
    path = report.path.absolute()
    return {
        "report": dg.MetadataValue.url(path.as_uri()),
        "path": dg.MetadataValue.path(str(path)),
        "first_date": report.first_date,
        "last_date": report.last_date,
        "rewritten": int(report.rewritten),
        "days": report.days,
        "offices": report.offices,
        "hidden_offices": report.hidden_offices,
        "hidden_cells": report.hidden_cells,
    }


def _period(config: ReportConfig) -> "Period":
    from calven_pipeline.reporting.report import Period

    return Period(config.days, _day("first_date", config.first_date), _day("last_date", config.last_date))


def _day(name: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise RequestError(f"{name} of the report must be a day as YYYY-MM-DD.") from None
