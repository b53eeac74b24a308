"""Users, locations and desks, as Calven knows them."""

from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from calven_pipeline.defs.failures import PROBLEM, Metadata, clear_failures, problem_check
from calven_pipeline.defs.resources import Calven, Warehouse
from calven_pipeline.errors import CalvenPipelineError

if TYPE_CHECKING:
    from calven_pipeline.api.warehouse import Resource


class PullConfig(dg.Config):
    """How a pull is judged."""

    allow_shrink: bool = Field(
        default=False, description="Take an answer that is empty or has lost over half of the rows of the last pull."
    )


def _pull(resource: "Resource", config: PullConfig, calven: Calven, warehouse: Warehouse) -> dg.MaterializeResult[None]:
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
            return dg.MaterializeResult(metadata={**_told(before), PROBLEM: str(error)})
    return dg.MaterializeResult(
        metadata={
            **_told((pull.row_count, pull.pulled_at)),
            "rows_before": pull.rows_before,
            "size_bytes": pull.size_bytes,
        }
    )


def _told(pull: tuple[int, datetime]) -> Metadata:
    row_count, pulled_at = pull
    return {"dagster/row_count": row_count, "pulled_at": str(pulled_at)}


@dg.asset(group_name="reference", kinds={"duckdb"})
def users(config: PullConfig, calven: Calven, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """One row per user known to Calven.

    Pulled whole from `GET /v1/analytics/users` and swapped in one transaction. An answer that is empty or has lost over
    half of its rows is refused and the old table stays; so it does when Calven cannot be reached, and the run then fails
    at its end. Fields that nobody published stay in `extra`.
    """
    return _pull("users", config, calven, warehouse)


@dg.asset(group_name="reference", kinds={"duckdb"})
def locations(config: PullConfig, calven: Calven, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """One row per location (office) known to Calven.

    Pulled whole from `GET /v1/analytics/locations` and swapped in one transaction, under the same rules as `users`.
    """
    return _pull("locations", config, calven, warehouse)


@dg.asset(group_name="reference", kinds={"duckdb"})
def desks(config: PullConfig, calven: Calven, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """One row per desk known to Calven; desks name the zones and levels they stand in.

    Pulled whole from `GET /v1/analytics/desks` and swapped in one transaction, under the same rules as `users`.
    """
    return _pull("desks", config, calven, warehouse)


users_pulled = problem_check("users", "pulled", "Calven answered, and the answer could replace the table.")
locations_pulled = problem_check("locations", "pulled", "Calven answered, and the answer could replace the table.")
desks_pulled = problem_check("desks", "pulled", "Calven answered, and the answer could replace the table.")
