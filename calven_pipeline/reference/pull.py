"""One pull of users, locations or desks: streamed to a file, judged, and swapped for the table of the last pull.

What may surprise: the old table stays whenever the new one is empty or has lost over half of its rows, because presence
that is checked against half a company is rejected by the thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from calven_pipeline.api import CalvenClient, PulledFile, fetch_to_file
from calven_pipeline.api.warehouse import Resource
from calven_pipeline.errors import ReferenceDataError, UnreadableAnswerError
from calven_pipeline.reference.fitness import fitness, has_shrunk
from calven_pipeline.warehouse.database import WorkingDatabase
from calven_pipeline.warehouse.home import check_home, settle_home
from calven_pipeline.warehouse.queries import query


@dataclass(frozen=True)
class Pull:
    """What a pull changed; `pulled_at` is aware UTC. Objects that came more than once count once in `row_count`."""

    resource: Resource
    row_count: int
    rows_before: int
    doubled: int
    size_bytes: int
    pulled_at: datetime


def pull_reference(
    client: CalvenClient, database: WorkingDatabase, resource: Resource, *, allow_shrink: bool = False
) -> Pull:
    """Replace the table of that name by what Calven says now.

    `allow_shrink` takes an answer that is empty or has lost over half of the rows. Raises what `fetch_to_file` raises,
    `SettingsError` where the folder belongs to another kind of Calven, `UnreadableAnswerError` where the answer is not JSON
    throughout, and `ReferenceDataError` where it is refused; the old
    table stays then.
    """
    check_home(database, client.settings.api_url)
    file = fetch_to_file(client, resource, database.state / "pulls" / f"{resource}.json")
    try:
        _read(database, file)
        with database.transaction():
            pull = _swap(database, file, allow_shrink=allow_shrink)
            settle_home(database, client.settings.api_url)
            return pull
    finally:
        file.path.unlink(missing_ok=True)


def last_pull(database: WorkingDatabase, resource: str) -> tuple[int, datetime] | None:
    """How many rows the last pull had and when it came (UTC); None where there was none."""
    rows = database.rows("reference/last_pull", {"resource": resource})
    return (rows[0][0], rows[0][1]) if rows else None


def _read(database: WorkingDatabase, file: PulledFile) -> None:
    parameters = {"path": str(file.path), "pulled_at": file.pulled_at}
    try:
        database.connection.execute(query(f"reference/load_{file.resource}"), parameters)
    except duckdb.Error:
        # DuckDB's message may quote the answer, and so people.
        raise UnreadableAnswerError(
            f"Calven's answer for {file.resource} is not one JSON array throughout ({file.size_bytes} bytes); "
            "the table of the last pull stays. Try again."
        ) from None


def _swap(database: WorkingDatabase, file: PulledFile, *, allow_shrink: bool) -> Pull:
    resource = file.resource
    ((ids, came, without_id),) = database.rows(f"reference/count_{resource}")
    table = fitness(database)[resource]
    before = max(table.row_count, table.last or 0)  # a table that was cut since agrees to no smaller one
    is_agreed = came == 0 and table.last == 0  # somebody said once that there are none
    _refuse_without_ids(resource, came, without_id)
    if not (allow_shrink or is_agreed):
        _refuse_shrunk(resource, ids, came, before)
    database.run(f"reference/clear_{resource}")
    row_count = database.run(f"reference/fill_{resource}")
    if resource == "users":
        database.run("validation/refresh_known_users")
        database.run("validation/add_known_users")
    database.run("reference/forget_pull", {"resource": resource})
    database.run(
        "reference/add_pull",
        {
            "resource": resource,
            "pulled_at": file.pulled_at,
            "row_count": row_count,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
        },
    )
    return Pull(resource, row_count, table.row_count, came - row_count, file.size_bytes, file.pulled_at)


def _refuse_without_ids(resource: Resource, came: int, without_id: int) -> None:
    if without_id:
        raise ReferenceDataError(
            f"Calven's answer for {resource} holds {without_id} of {came} objects without an id; the table of the last "
            "pull stays. Check that CALVEN_WAREHOUSE_PATH leads to the warehouse endpoints."
        )


def _refuse_shrunk(resource: Resource, ids: int, came: int, before: int) -> None:
    """`ids` counts once what came in `came` objects: a page that Calven repeats makes no company."""
    if came == 0:
        raise ReferenceDataError(
            f"Calven answered with no {resource} at all; the table of the last pull ({before} rows) stays. "
            f"If that is right, materialise {resource} once with the config allow_shrink: true."
        )
    if has_shrunk(ids, before):
        objects = f" in {came} objects" if came > ids else ""
        raise ReferenceDataError(
            f"Calven answered with {ids} {resource}{objects}, the last pull had {before}; the old table stays. "
            f"If that is right, materialise {resource} once with the config allow_shrink: true."
        )
