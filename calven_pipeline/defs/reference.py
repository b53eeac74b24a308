"""Users, locations and desks, as Calven knows them."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from calven_pipeline.checks.rules import fit_to_judge_by
from calven_pipeline.defs.catalog import about, owners
from calven_pipeline.defs.checks import result, spec, stop_where_blocked
from calven_pipeline.defs.failures import PROBLEM, Metadata, clear_failures, problem_check
from calven_pipeline.defs.freshness import freshness
from calven_pipeline.defs.resources import Calven, Warehouse
from calven_pipeline.errors import CalvenPipelineError

if TYPE_CHECKING:
    from calven_pipeline.api.warehouse import Resource


class PullConfig(dg.Config):
    """How a pull is judged."""

    allow_shrink: bool = Field(
        default=False, description="Take an answer that is empty or has lost over half of the rows of the last pull."
    )


Pulled = Iterator[dg.MaterializeResult[None]]


def _pull(resource: "Resource", config: PullConfig, calven: Calven, warehouse: Warehouse) -> Pulled:
    """The table's counts and whether it fits; then the failure, where it does not."""
    from calven_pipeline.checks.reference import look_at_table
    from calven_pipeline.reference.pull import last_pull, pull_reference

    with clear_failures(), warehouse.open() as database:
        try:
            with calven.connect() as client:
                pull = pull_reference(client, database, resource, allow_shrink=config.allow_shrink)
        except CalvenPipelineError as error:
            before = last_pull(database, resource)
            if before is None:
                raise
            # The old table still serves; the run goes on with it and fails at its end.
            row_count, pulled_at = before
            metadata = {**_told(row_count, pulled_at, row_count, 0), PROBLEM: str(error)}
            fit = look_at_table(database, resource)
        else:
            metadata = _told(pull.row_count, pull.pulled_at, pull.rows_before, pull.size_bytes)
            fit = look_at_table(database, resource, 0 if config.allow_shrink else pull.rows_before)
    yield dg.MaterializeResult(metadata=metadata, check_results=[result(fit)])
    stop_where_blocked([fit])


def _told(row_count: int, pulled_at: datetime, rows_before: int, size_bytes: int) -> Metadata:
    return {
        "dagster/row_count": row_count,
        "pulled_at": str(pulled_at),
        "rows_before": rows_before,
        "size_bytes": size_bytes,
    }


@dg.asset(
    group_name="reference",
    kinds={"duckdb", "table"},
    owners=owners(),
    freshness_policy=freshness("users"),
    metadata=about("users", "reference/load_users", "reference/fill_users"),
    check_specs=[spec(fit_to_judge_by("users"))],
)
def users(config: PullConfig, calven: Calven, warehouse: Warehouse) -> Pulled:
    """One row per user known to Calven.

    Pulled whole from `GET /v1/analytics/users` and swapped in one transaction. An answer that is empty or has lost over
    half of its rows is refused and the old table stays; so it does when Calven cannot be reached, and the run then fails
    at its end. Fields that nobody published stay in `extra`.
    """
    yield from _pull("users", config, calven, warehouse)


@dg.asset(
    group_name="reference",
    kinds={"duckdb", "table"},
    owners=owners(),
    freshness_policy=freshness("locations"),
    metadata=about("locations", "reference/load_locations", "reference/fill_locations"),
    check_specs=[spec(fit_to_judge_by("locations"))],
)
def locations(config: PullConfig, calven: Calven, warehouse: Warehouse) -> Pulled:
    """One row per location (office) known to Calven.

    Pulled whole from `GET /v1/analytics/locations` and swapped in one transaction, under the same rules as `users`.
    """
    yield from _pull("locations", config, calven, warehouse)


@dg.asset(
    group_name="reference",
    kinds={"duckdb", "table"},
    owners=owners(),
    freshness_policy=freshness("desks"),
    metadata=about("desks", "reference/load_desks", "reference/fill_desks"),
    check_specs=[spec(fit_to_judge_by("desks"))],
)
def desks(config: PullConfig, calven: Calven, warehouse: Warehouse) -> Pulled:
    """One row per desk known to Calven; desks name the zones and levels they stand in.

    Pulled whole from `GET /v1/analytics/desks` and swapped in one transaction, under the same rules as `users`.
    """
    yield from _pull("desks", config, calven, warehouse)


users_pulled = problem_check("users", "pulled", "Calven answered, and the answer could replace the table.")
locations_pulled = problem_check("locations", "pulled", "Calven answered, and the answer could replace the table.")
desks_pulled = problem_check("desks", "pulled", "Calven answered, and the answer could replace the table.")
