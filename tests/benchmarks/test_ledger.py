"""A run with 10,000 new events, Dagster's start included: after 20,000,000 delivered ones, against an empty ledger.

    uv run pytest -n 0 -m benchmark -s tests/benchmarks/test_ledger.py

CALVEN_BENCHMARK_LEDGER sets another number of delivered events than 20,000,000. The past is staged and judged by the
pipeline itself; that Calven accepted it is written down by SQL, because posting it would take an hour.
"""

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from tests.benchmarks.company import make_export
from tests.benchmarks.measure import measured
from tests.benchmarks.serving import prepare

pytestmark = pytest.mark.benchmark

LEDGER = int(os.environ.get("CALVEN_BENCHMARK_LEDGER", "20_000_000"))
A_FILE, NEW, ROUNDS = 1_000_000, 10_000, 3
SPREAD = {  # 400 days of 50,000 events: people are seen four times where they are
    "start": "2025-10-01",
    "seconds_apart": 400 * 86_400 / LEDGER,
    "swipes": 4,
}


def deliver_the_past(url: str, data_dir: Path) -> None:
    """Stage and judge what lies in `exports/`, and write down that Calven took every valid event of it."""
    from calven_pipeline.validation.books import balance
    from calven_pipeline.warehouse.database import open_working_database
    from calven_pipeline.warehouse.snapshot import write_snapshot

    prepare(url, data_dir)
    with open_working_database(data_dir) as database:
        revision = database.value("validation/next_revision")
        with database.transaction():
            for statement in (
                f"insert into calls select row_id // 100, {revision}, 'default', count(*), now(), now(), now(), 1, 200, 'c', null "
                "from outbox group by row_id // 100",
                f"insert into answers select row_id, row_id // 100, true, null, 0, null, 1, now(), {revision}, null from outbox",
                "delete from outbox",
                f"insert into reconciliations values ({revision}, {revision}, 0, 0, 0, 0, now())",
            ):
                database.connection.execute(statement)
        books = balance(database)
        assert books.balanced, books.story
        write_snapshot(database, data_dir)


@dataclass(frozen=True)
class Launch:
    """What one `dg launch` took."""

    wall_s: float
    cpu_s: float


def launch(url: str, data_dir: Path) -> Launch:
    """Run the main job once, as an operator would."""
    settings = {
        "CALVEN_API_URL": url,
        "CALVEN_DATA_DIR": str(data_dir),
        "CALVEN_API_KEY": "sandbox-all",
        "CALVEN_API_SECRET": "sandbox-all-secret",
    }
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [str(Path(sys.executable).with_name("dg")), "launch", "--job", "presence_pipeline"]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2000:]
    return Launch(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def test_what_has_been_does_not_slow_what_is_new(tmp_path: Path, sandbox: str) -> None:
    """At most 1.5 times, wall and processor time, the middle one of three rounds each."""
    empty, full = tmp_path / "empty", tmp_path / "full"
    for number in range(LEDGER // A_FILE):
        make_export(full / "exports" / f"past-{number:02d}.csv", A_FILE, first=number * A_FILE, **SPREAD)
    print(f"\nthe past: {measured(deliver_the_past, sandbox, full)}")
    (empty / "exports").mkdir(parents=True)
    for data_dir in (empty, full):
        launch(sandbox, data_dir)  # so that both have their tables, and what was written before is on the disk
    rounds = []
    for number in range(ROUNDS):
        for data_dir in (empty, full):
            make_export(data_dir / "exports" / f"new-{number}.csv", NEW, first=LEDGER + number * NEW, **SPREAD)
        rounds.append((launch(sandbox, empty), launch(sandbox, full)))
        print(f"  empty {rounds[-1][0]}\n  {LEDGER:,} {rounds[-1][1]}")
    wall = median(after.wall_s for _, after in rounds) / median(before.wall_s for before, _ in rounds)
    cpu = median(after.cpu_s for _, after in rounds) / median(before.cpu_s for before, _ in rounds)
    print(f"  wall {wall:.2f}, processor {cpu:.2f} (at most 1.5)")
    assert wall <= 1.5
    assert cpu <= 1.5
