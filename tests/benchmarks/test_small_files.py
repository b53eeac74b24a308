"""Ten thousand files of a hundred rows, against one file with the same million rows.

uv run pytest -m benchmark -s tests/benchmarks/test_small_files.py
"""

import shutil
from pathlib import Path

import pytest

from tests.benchmarks.company import make_export
from tests.benchmarks.measure import measured

pytestmark = pytest.mark.benchmark

FILES, ROWS_EACH, ROUNDS = 10_000, 100, 2


def staging(data_dir: Path) -> tuple[int, int]:
    """The step as the asset calls it."""
    from calven_pipeline.exports.profiles import load_profiles
    from calven_pipeline.exports.staging import stage_exports
    from calven_pipeline.warehouse.database import open_working_database

    with open_working_database(data_dir) as database:
        staging = stage_exports(database, load_profiles(data_dir), data_dir)
        assert staging.problems == []
        return staging.files_read, staging.rows


def cut(export: Path, folder: Path) -> None:
    """The export's rows in many files, in their order, each with the header."""
    header, *lines = export.read_bytes().splitlines(keepends=True)
    for number in range(FILES):
        path = folder / f"{number // 1000:02d}" / f"{number:05d}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(header + b"".join(lines[number * ROWS_EACH : (number + 1) * ROWS_EACH]))


def test_many_small_files_cost_little_more_than_a_large_one(tmp_path: Path) -> None:
    """At most three times, wall and processor time, the better one of two rounds each."""
    one, many = tmp_path / "one", tmp_path / "many"
    make_export(one / "exports" / "all.csv", FILES * ROWS_EACH)
    cut(one / "exports" / "all.csv", many / "exports")
    rounds = []
    for _ in range(ROUNDS):
        for data_dir in (one, many):
            shutil.rmtree(data_dir / "state", ignore_errors=True)
        rounds.append((measured(staging, one), measured(staging, many)))
    again = measured(staging, many)
    print(f"\n{FILES:,} files of {ROWS_EACH} rows")
    for large, small in rounds:
        print(f"  one file {large}\n  many     {small}")
        assert large.result == (1, FILES * ROWS_EACH)
        assert small.result == (FILES, FILES * ROWS_EACH)
    print(f"  again    {again}")
    wall = min(small.wall_s for _, small in rounds) / min(large.wall_s for large, _ in rounds)
    cpu = min(small.cpu_s for _, small in rounds) / min(large.cpu_s for large, _ in rounds)
    print(f"  wall {wall:.2f}, processor {cpu:.2f} (at most 3)")
    assert again.result == (0, 0)
    assert wall <= 3
    assert cpu <= 3
