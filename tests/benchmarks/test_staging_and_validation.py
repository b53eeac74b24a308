"""Staging and validation together, against a bare copy of the same file into a table, and against plain pandas.

    uv run pytest -m benchmark -s tests/benchmarks/test_staging_and_validation.py

CALVEN_BENCHMARK_ROWS sets another number of rows than 5,000,000.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.benchmarks.company import make_export, make_reference
from tests.benchmarks.measure import measured

pytestmark = pytest.mark.benchmark

ROWS = int(os.environ.get("CALVEN_BENCHMARK_ROWS", "5_000_000"))
NOW = datetime(2026, 12, 31, tzinfo=UTC)


def bare_copy(export: Path, database: Path) -> int:
    """What DuckDB needs to put the file into a table as text."""
    import duckdb

    with duckdb.connect(str(database), config={"memory_limit": "900MB"}) as connection:
        connection.execute(f"create table rows as select * from read_csv('{export}', all_varchar = true)")
        return connection.execute("select count(*) from rows").fetchone()[0]


def plain_pandas(export: Path, world: Path, database: Path) -> dict[str, int]:
    """The same verdicts the way that most people would write them first; rows and verdicts end in DuckDB, as ours do."""
    import duckdb
    import pandas as pd

    users = pd.read_json(world / "users.json", dtype=str)
    desks = pd.read_json(world / "desks.json", dtype=str)
    rows = pd.read_csv(export, dtype=str)
    rows["occurred_at"] = pd.to_datetime(rows["timestamp"], utc=True, errors="coerce", format="ISO8601")
    by_id = users.assign(key=users["userId"].str.lower())[["key"]].assign(known_id=True)
    by_email = users[["email"]].assign(known_email=True)
    by_loose = users.assign(loose=users["email"].str.lower())[["loose"]].drop_duplicates().assign(known_loose=True)
    places = pd.concat(
        [
            pd.DataFrame({"key": desks[column].str.lower().drop_duplicates(), "type": kind})
            for column, kind in (("deskId", "place"), ("zoneId", "zone"), ("levelId", "level"))
        ]
    )
    rows["key"] = rows["userId"].str.lower()
    rows = rows.merge(by_id, on="key", how="left").drop(columns="key")
    rows = rows.merge(by_email, left_on="userEmail", right_on="email", how="left")
    rows["loose"] = rows["userEmail"].str.lower()
    rows = rows.merge(by_loose, on="loose", how="left")
    rows["key"] = rows["locationId"].str.lower()
    rows = rows.merge(places.rename(columns={"type": "known_type"}), on="key", how="left")
    user = (rows["userId"].notna() & rows["known_id"].notna()) | (
        rows["userEmail"].notna() & rows["known_email"].notna()
    )
    valid = (
        rows["occurred_at"].notna() & (rows["occurred_at"] <= NOW) & user & (rows["known_type"] == rows["locationType"])
    )
    repeated = rows.duplicated("eventId", keep="first")
    rows["verdict"] = valid.map({True: "valid", False: "rejected"}).mask(repeated, "duplicate")
    with duckdb.connect(str(database)) as connection:
        connection.execute("create table presence as from rows")
    return {
        "duplicate": int(repeated.sum()),
        "rejected": int((~valid & ~repeated).sum()),
        "valid": int((valid & ~repeated).sum()),
    }


def staging_and_validation(data_dir: Path) -> dict[str, int]:
    """Our two steps, as the assets call them."""
    from calven_pipeline.exports.profiles import load_profiles
    from calven_pipeline.exports.staging import stage_exports
    from calven_pipeline.validation.verdicts import validate
    from calven_pipeline.warehouse.database import open_working_database

    profiles = load_profiles(data_dir)
    with open_working_database(data_dir) as database:
        stage_exports(database, profiles, data_dir)
        return validate(database, profiles, data_dir, now=NOW).verdicts


def pull_world(data_dir: Path, world: Path) -> None:
    """Reference data in place, the way a pull leaves it."""
    from calven_pipeline.api import CalvenClient
    from calven_pipeline.reference.pull import pull_reference
    from calven_pipeline.sandbox import SandboxServer
    from calven_pipeline.settings import Settings
    from calven_pipeline.warehouse.database import open_working_database

    with SandboxServer(world=world) as sandbox:
        settings = Settings(api_url=sandbox.url, api_key="sandbox-all", api_secret="sandbox-all-secret")
        with CalvenClient(settings) as client, open_working_database(data_dir) as database:
            for resource in ("users", "locations", "desks"):
                pull_reference(client, database, resource)


def test_staging_and_validation_cost_little_more_than_a_copy(tmp_path: Path) -> None:
    """At most 1.6 times a bare text copy, less than half of pandas, under 1.5 GB; and the same verdicts as pandas."""
    export = tmp_path / "data" / "exports" / "presence.csv"
    make_reference(tmp_path / "world")
    make_export(export, ROWS)
    pull_world(tmp_path / "data", tmp_path / "world")

    copy_before = measured(bare_copy, export, tmp_path / "copy_1.duckdb")
    ours = measured(staging_and_validation, tmp_path / "data")
    copy_after = measured(bare_copy, export, tmp_path / "copy_2.duckdb")
    pandas = measured(plain_pandas, export, tmp_path / "world", tmp_path / "pandas.duckdb")

    copy_cpu_s = (copy_before.cpu_s + copy_after.cpu_s) / 2
    print(f"\n{ROWS:,} rows, {export.stat().st_size / 1e6:.0f} MB")
    for name, cost in (("copy", copy_before), ("ours", ours), ("copy", copy_after), ("pandas", pandas)):
        print(f"  {name:8}{cost}")
    print(
        f"  ours / copy {ours.cpu_s / copy_cpu_s:.2f} (at most 1.6), ours / pandas {ours.cpu_s / pandas.cpu_s:.2f} (under 0.5)"
    )

    assert ours.result == pandas.result
    assert ours.cpu_s <= 1.6 * copy_cpu_s
    assert ours.cpu_s < 0.5 * pandas.cpu_s
    assert ours.peak_mb < 1500
