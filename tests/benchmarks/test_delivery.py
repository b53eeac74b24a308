"""The whole delivery, against a bare httpx.AsyncClient that posts the same bodies.

    uv run pytest -m benchmark -s tests/benchmarks/test_delivery.py

CALVEN_BENCHMARK_EVENTS sets another number of events than 1,000,000.
"""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from calven_pipeline.api import CalvenClient
from calven_pipeline.delivery import outbox
from calven_pipeline.delivery.publish import publish_due
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.warehouse.database import open_working_database
from tests.benchmarks.company import make_export
from tests.benchmarks.measure import measured
from tests.benchmarks.serving import CONCURRENCY, prepare, settings_for

pytestmark = pytest.mark.benchmark

EVENTS = int(os.environ.get("CALVEN_BENCHMARK_EVENTS", "1_000_000"))


def prepared_bodies(data_dir: Path, target: Path) -> int:
    """Write the bodies of all calls to a file, a line each, and leave the outbox as it was."""
    calls = 0
    with open_working_database(data_dir) as database, target.open("w") as file:
        while planned := outbox.plan(database, 0, batch_size=100, calls=1000):
            file.writelines(call.body + "\n" for call in planned)
            calls += len(planned)
        outbox.release(database)
    return calls


def bare_httpx(url: str, bodies: Path) -> int:
    """Post every line of the file, as many at a time, with nothing but httpx."""

    async def post_all() -> int:
        lines = iter(bodies.read_bytes().splitlines())
        async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=CONCURRENCY)) as client:
            key = {"client_id": "sandbox-all", "client_secret": "sandbox-all-secret"}
            token = (await client.post(f"{url}/v1/auth/token", json=key)).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

            async def work() -> int:
                done = 0
                for line in lines:
                    answer = await client.post(f"{url}/v1/presence", content=line, headers=headers)
                    done += answer.status_code == 200
                return done

            return sum(await asyncio.gather(*(work() for _ in range(CONCURRENCY))))

    return asyncio.run(post_all())


def whole_delivery(url: str, data_dir: Path) -> tuple[int, int]:
    """Choosing, bodies, posting, reading answers, recording: the step as the asset calls it."""
    with open_working_database(data_dir) as database, CalvenClient(settings_for(url, data_dir)) as client:
        delivery = publish_due(database, client, load_profiles(data_dir), data_dir)
    return delivery.accepted, delivery.waiting


def test_the_whole_delivery_costs_less_than_bare_posting(tmp_path: Path, sandbox: str) -> None:
    """At most 0.8 times the processor time that httpx.AsyncClient needs for the posting alone, under 600 MB."""
    data_dir = tmp_path / "data"
    make_export(data_dir / "exports" / "presence.csv", EVENTS)
    measured(prepare, sandbox, data_dir)
    calls = measured(prepared_bodies, data_dir, tmp_path / "bodies").result

    bare = measured(bare_httpx, sandbox, tmp_path / "bodies")
    ours = measured(whole_delivery, sandbox, data_dir)

    print(f"\n{calls:,} calls, {CONCURRENCY} in flight")
    print(f"  httpx {bare}\n  ours  {ours}\n  ours / httpx {ours.cpu_s / bare.cpu_s:.2f} (at most 0.8)")
    assert bare.result == calls
    assert ours.result[1] == 0
    assert ours.result[0] > 0.98 * EVENTS
    assert ours.cpu_s <= 0.8 * bare.cpu_s
    assert ours.peak_mb < 600
