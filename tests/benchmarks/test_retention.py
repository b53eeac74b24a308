"""What it takes to remove most of 5,000,000 rows: time, memory, and the size of the files before and after.

    uv run pytest -n 0 -m benchmark -s tests/benchmarks/test_retention.py

CALVEN_BENCHMARK_RETENTION sets another number of delivered events than 5,000,000, of which those of the last 90 of 400 days stay.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.benchmarks.company import make_export
from tests.benchmarks.measure import measured
from tests.benchmarks.test_ledger import deliver_the_past

pytestmark = pytest.mark.benchmark

ROWS = int(os.environ.get("CALVEN_BENCHMARK_RETENTION", "5_000_000"))
A_FILE, DAYS_KEPT = 1_000_000, 90
NOW = datetime(2026, 11, 5, tzinfo=UTC)  # the day after the last of the 400
SPREAD = {"start": "2025-10-01", "seconds_apart": 400 * 86_400 / ROWS, "swipes": 4}


def expire(data_dir: Path) -> dict[str, int]:
    """Apply retention; rows by outcome."""
    from calven_pipeline.retention.expiry import apply_retention

    expiry = apply_retention(data_dir, DAYS_KEPT, now=NOW)
    print(f"\n{expiry.story}")
    return expiry.removal.outcomes


def read_again(data_dir: Path) -> dict[str, int]:
    """Stage and judge what lies in `exports/`; verdicts."""
    from calven_pipeline.exports.profiles import load_profiles
    from calven_pipeline.exports.staging import stage_exports
    from calven_pipeline.validation.verdicts import validate
    from calven_pipeline.warehouse.database import open_working_database

    profiles = load_profiles(data_dir)
    with open_working_database(data_dir) as database:
        stage_exports(database, profiles, data_dir)
        return validate(database, profiles, data_dir).verdicts


def sizes(data_dir: Path) -> str:
    files = (*(data_dir / "state").glob("*.duckdb"), data_dir / "calven.duckdb")
    return ", ".join(f"{path.name} {path.stat().st_size / 1e6:.0f} MB" for path in files)


def test_most_of_a_long_past_is_removed(tmp_path: Path, sandbox: str) -> None:
    """Memory does not follow the rows; an old export that comes again is recognised whole."""
    data_dir = tmp_path / "data"
    for number in range(ROWS // A_FILE):
        make_export(data_dir / "exports" / f"past-{number:02d}.csv", A_FILE, first=number * A_FILE, **SPREAD)
    print(f"\nthe past:  {measured(deliver_the_past, sandbox, data_dir)}\n{sizes(data_dir)}")
    removal = measured(expire, data_dir)
    print(f"retention: {removal}; {removal.result}\n{sizes(data_dir)}")
    print(f"once more: {measured(expire, data_dir)}")
    first = data_dir / "exports" / "past-00.csv"
    first.write_bytes(first.read_bytes().rstrip(b"\n"))  # other bytes, the same rows
    again = measured(read_again, data_dir)
    print(f"1,000,000 removed events again: {again}; {again.result}")
    assert removal.result["accepted"] > 0.7 * ROWS
    assert removal.peak_mb < 1300
    assert "valid" not in again.result
