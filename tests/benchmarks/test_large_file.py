"""A CSV export of two gigabytes: memory does not follow the file's size.

    uv run pytest -m benchmark -s tests/benchmarks/test_large_file.py

CALVEN_BENCHMARK_GB sets another size.
"""

import os
from pathlib import Path

import pytest

from tests.benchmarks.company import make_export
from tests.benchmarks.measure import measured
from tests.benchmarks.test_small_files import staging

pytestmark = pytest.mark.benchmark

BYTES = int(float(os.environ.get("CALVEN_BENCHMARK_GB", "2")) * 1000**3)
SAMPLE_ROWS = 100_000


def rows_for(size_bytes: int, folder: Path) -> int:
    """How many rows make an export of that size."""
    sample = folder / "sample.csv"
    make_export(sample, SAMPLE_ROWS)
    return size_bytes * SAMPLE_ROWS // sample.stat().st_size + SAMPLE_ROWS


def test_a_large_file_is_staged_in_little_memory(tmp_path: Path) -> None:
    """At most 1.5 GB for the whole process."""
    export = tmp_path / "data" / "exports" / "large.csv"
    rows = rows_for(BYTES, tmp_path)
    make_export(export, rows)
    size_bytes = export.stat().st_size
    cost = measured(staging, tmp_path / "data")
    export.unlink()
    print(f"\n{rows:,} rows, {size_bytes / 1000**3:.2f} GB\n  {cost}")
    assert size_bytes >= BYTES
    assert cost.result == (1, rows)
    assert cost.peak_mb < 1500
