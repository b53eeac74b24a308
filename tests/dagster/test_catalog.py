"""What does the UI show of each asset: its columns, what they are made of, its source code, its owners, its numbers?"""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from calven_pipeline.defs import catalog
from calven_pipeline.validation.advice import WHAT_TO_DO
from calven_pipeline.validation.reasons import REASONS
from calven_pipeline.warehouse.database import open_working_database
from calven_pipeline.warehouse.dictionary import TABLES
from calven_pipeline.warehouse.working_tables import WORKING_TABLES
from tests.dagster.deploying import DEFINITIONS, Deployment, Run

TABLE_OF = {"published_presence": "presence"}
NO_TABLE = {"analytics_database", "presence_report"}  # one file with all of them, and one page


@pytest.fixture(scope="module")
def graph():
    return DEFINITIONS.resolve_asset_graph()


@pytest.fixture(scope="module")
def columns(graph) -> dict[str, dict[str, dg.TableColumn]]:
    """The columns of each asset, as the UI shows them."""
    schemas = {key: graph.get(key).metadata.get("dagster/column_schema") for key in graph.get_all_asset_keys()}
    return {
        key.to_user_string(): {column.name: column for column in schema.columns if schema}
        for key, schema in schemas.items()
        if schema
    }


def ancestors(graph, key: dg.AssetKey) -> set[dg.AssetKey]:
    parents = graph.get(key).parent_keys
    return set(parents).union(*(ancestors(graph, parent) for parent in parents))


# Columns


def test_every_asset_that_is_a_table_shows_its_columns(graph, columns):
    """Each with its type and in the words of the database's comments."""
    assert set(columns) == {key.to_user_string() for key in graph.get_all_asset_keys()} - NO_TABLE
    documented = {table.name: table for table in (*TABLES, *WORKING_TABLES)}
    for asset, shown in columns.items():
        assert all(column.type and column.description.endswith(".") for column in shown.values()), asset
        if asset != "exports":
            ours = documented[TABLE_OF.get(asset, asset)].columns
            assert [(c.name, c.type, c.description.partition(" From `")[0]) for c in shown.values()] == [
                (c.name, c.type, c.comment) for c in ours
            ]


def test_working_tables_are_described_as_they_are(tmp_path):
    """They are made by `sql/tables/` and migrations: names, types and order are compared with DuckDB's catalogue."""
    with open_working_database(tmp_path) as database:
        for table in WORKING_TABLES:
            found = database.connection.execute(
                "select column_name, data_type from duckdb_columns() where table_name = $table order by column_index",
                {"table": table.name},
            ).fetchall()
            assert found == [(column.name, column.type) for column in table.columns]


def test_lineage_names_columns_that_exist_upstream(graph, columns):
    """From `exports` and Calven's tables to `presence` and `rejections`, step by step."""
    traced = set()
    for key in graph.get_all_asset_keys():
        lineage = graph.get(key).metadata.get("dagster/column_lineage")
        if lineage is None:
            continue
        traced.add(key.to_user_string())
        upstream = ancestors(graph, key)
        for column, sources in lineage.deps_by_column.items():
            told = columns[key.to_user_string()][column].description.partition(" From ")[2]
            named = {f"{source.asset_key.to_user_string()}.{source.column_name}" for source in sources}
            assert set(re.findall(r"`(.+?)`", told)) == named
            for source in sources:
                assert source.asset_key in upstream
                assert source.column_name in columns[source.asset_key.to_user_string()]
    assert traced == {"staged_presence", "validated_presence", "published_presence", "rejections"}


def test_all_that_analysts_read_of_a_row_comes_from_its_export(graph):
    """Followed to its beginning, every column of ours ends in the export, in Calven's tables, or in nothing at all."""
    lineage = {
        key.to_user_string(): metadata.deps_by_column
        for key in graph.get_all_asset_keys()
        if (metadata := graph.get(key).metadata.get("dagster/column_lineage"))
    }

    def beginnings(asset: str, column: str) -> set[str]:
        sources = lineage.get(asset, {}).get(column, ())
        if asset not in lineage:
            return {f"{asset}.{column}"}
        return set().union(*(beginnings(s.asset_key.to_user_string(), s.column_name) for s in sources))

    assert beginnings("published_presence", "occurred_at") == {"exports.timestamp"}
    assert {"exports.source_user_id", "exports.user_email", "users.email"} <= beginnings(
        "published_presence", "user_email"
    )
    assert "desks.desk_id" in beginnings("published_presence", "location_id")
    assert beginnings("rejections", "raw") == {"exports.row"}


# Source code and owners


def test_source_code_is_named_by_file_and_line(graph):
    """The line is where the asset is defined, and its SQL files are there."""
    for key in graph.get_all_asset_keys():
        asset, *statements = graph.get(key).metadata["dagster/code_references"].code_references
        lines = Path(asset.file_path).read_text().splitlines()[asset.line_number - 4 : asset.line_number + 4]
        assert f'about("{key.to_user_string()}"' in "\n".join(lines)
        assert all(Path(statement.file_path).is_file() for statement in statements)
        assert statements or key.to_user_string() == "exports"


@pytest.fixture
def owners():
    """The function itself, which is asked once in a process."""
    return catalog.owners.__wrapped__


def test_owners_come_from_a_setting(owners, monkeypatch):
    """Addresses and teams, as Dagster takes them; nobody by default."""
    assert owners() is None
    monkeypatch.setenv("CALVEN_ASSET_OWNERS", " desk@example.com , team:workplace ,")
    assert owners() == ["desk@example.com", "team:workplace"]
    dg.AssetSpec("anything", owners=owners())


@pytest.mark.parametrize(
    "value", ["workplace", "desk@example", "a@example.com; b@example.com", "team:", "a@example.somewhere"]
)
def test_owners_that_cannot_work_are_told_and_left_out(owners, monkeypatch, caplog, value):
    """They only label the UI: one line says what is wrong and shows nobody, the others are named once, and definitions load."""
    monkeypatch.setenv("CALVEN_ASSET_OWNERS", value)
    assert owners() is None
    monkeypatch.setenv("CALVEN_ASSET_OWNERS", f"team:workplace, {value}, team:workplace")
    assert owners() == ["team:workplace"]
    alone, among = [record.getMessage() for record in caplog.records]
    assert alone.startswith("CALVEN_ASSET_OWNERS: must be e-mail addresses and teams")
    assert alone.endswith("two to seven letters, Dagster takes no other. Left out: number 1 of 1.")
    assert among.endswith("Left out: number 2 of 2.")
    assert "a@example" not in among


# Numbers


def numbers(metadata: dict) -> set[str]:
    return {name for name, value in metadata.items() if isinstance(value, int | float)}


def test_numbers_of_a_run_and_of_one_with_nothing_to_do(rehearsed: Deployment):
    """Plots get the same numbers of every run, since one with holes is read as zeros; and they are right."""
    line = "04/11/2026 08:00,B-1001,Main door,in,Access granted"
    rehearsed.add_badges(lines=[line, line.replace("04/11/2026", "x")])
    rehearsed.working_rows(
        "update rejections set status = 'resolved', resolution = 'dismissed' where row_id = (select min(row_id) from rejections)"
    )
    busy = rehearsed.run()
    outcomes = rehearsed.outcomes()
    rehearsed.sandbox.set_faults(["503:on=all"])
    idle = rehearsed.run()

    assert set(busy.metadata) == set(idle.metadata)
    for asset, metadata in busy.metadata.items():
        assert numbers(metadata) == numbers(idle.metadata[asset]), asset
        assert "dagster/row_count" in metadata or asset == "presence_report"
    _check_numbers(busy, outcomes)
    _check_advice(busy.metadata["rejections"])


def _check_numbers(run: Run, outcomes: dict[str, int]) -> None:
    judged, published = run.metadata["validated_presence"], run.metadata["published_presence"]
    assert (judged["rows_judged"], judged["rejection_rate"]) == (2, 0.5)
    assert {name: rows for name, rows in judged.items() if name.startswith("reason/") and rows} == {
        "reason/invalid_timestamp": 1
    }
    shown = {name.removeprefix("outcome/"): rows for name, rows in published.items() if name.startswith("outcome/")}
    assert {outcome: rows for outcome, rows in shown.items() if rows} == outcomes
    assert published["dagster/row_count"] == judged["dagster/row_count"] == sum(shown.values())
    assert 0 < published["call_latency_p50_ms"] <= published["call_latency_p95_ms"]
    assert published["events_per_second"] > 0
    assert 0 < published["lag_p50_s"] <= published["lag_p95_s"]


def _check_advice(rejections: dict[str, Any]) -> None:
    """A number for each reason; a line for each that is open, with its rows and what to do; nobody's values."""
    assert {name[5:] for name in rejections if name.startswith("open/")} == set(REASONS)
    told = rejections["what_to_do"]
    found = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+) \|$", told, re.MULTILINE)
    rows = {reason: int(rows) for reason, rows, _ in found}
    assert rows == {name[5:]: rows for name, rows in rejections.items() if name.startswith("open/") and rows}
    assert sum(rows.values()) == rejections["rows_open"] == rejections["dagster/row_count"] - 1, "one was dismissed"
    assert {reason: advice for reason, _, advice in found} == {reason: WHAT_TO_DO[reason] for reason in rows}
    assert "@" not in told
    assert "B-1" not in told
