"""The analysts' views: the questions people ask first, answered in `calven.duckdb`.

What may surprise: a view is stored as DuckDB writes it down again, and read by clients as old as DuckDB 1.1. So its SQL keeps to
what they know, and it names tables without their database, whose name is another when an analyst opens the file.
"""

from __future__ import annotations

from calven_pipeline.warehouse.dictionary import VIEWS, Table
from calven_pipeline.warehouse.queries import query


def create_views(database: str) -> list[str]:
    """The statements that make every view with its comments in an attached database, in order.

    A view of that name is replaced. The tables of the dictionary must be there.
    """
    return [statement for view in VIEWS for statement in _create_view(database, view)]


def _create_view(database: str, view: Table) -> list[str]:
    text = query(f"views/{view.name}")
    return [f"create or replace view {database}.{view.name} as {text}", *view.describe(database, "view")]
