"""What a delivery tells of itself: how long calls took, how late events came; and a disk that fails meanwhile."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from calven_pipeline.sandbox import SandboxServer
from tests.http.delivering import Pipeline, Stock


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Tries follow each other at once, three at most."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def pipeline(tmp_path: Path, stock: Stock, sandbox: SandboxServer) -> Pipeline:
    """250 valid events wait for a sandbox in good health."""
    return stock.pipeline(tmp_path / "data", 250, sandbox)


def test_figures_of_this_delivery_alone(pipeline: Pipeline) -> None:
    """Lags are those of the events accepted in this run, and the slow call of three shows at the 95th percentile alone."""
    pipeline.sandbox.set_faults(["delay=300ms*1"])
    first = pipeline.publish(concurrency=1)
    assert first.call_latency_p50_ms < 300 <= first.call_latency_p95_ms < 5000
    assert first.events_per_second == 250 / first.seconds
    lags = """
        select quantile_disc(lag, 0.5), quantile_disc(lag, 0.95)
        from (select epoch_ms(delivered_at) / 1000 - epoch_ms(occurred_at) / 1000 as lag from presence {})
    """
    assert (first.lag_p50_s, first.lag_p95_s) == pytest.approx(pipeline.ask(lags.format(""))[0], abs=0.06)
    pipeline.export("more.csv", 10, first=300)
    pipeline.judge()

    second = pipeline.publish()

    assert second.call_latency_p95_ms < 300
    later = pipeline.ask(lags.format("where source_file = 'more.csv'"))[0]
    assert (second.lag_p50_s, second.lag_p95_s) == pytest.approx(later, abs=0.06)

    nothing = pipeline.publish()

    assert (nothing.call_latency_p50_ms, nothing.call_latency_p95_ms) == (0, 0)
    assert (nothing.lag_p50_s, nothing.lag_p95_s, nothing.events_per_second) == (0, 0, 0)


def test_tries_without_an_answer_took_no_time(pipeline: Pipeline) -> None:
    """A call that nobody answered says nothing of how fast Calven is."""
    pipeline.sandbox.set_faults(["drop-before-store"])
    delivery = pipeline.publish(concurrency=1)
    assert delivery.calls > 0
    assert delivery.call_latency_p95_ms == 0


def test_an_export_that_is_damaged_by_now_stops_no_delivery(pipeline: Pipeline) -> None:
    """Same size, same time, other bytes: what Calven refused is told from what was staged, and the run goes on."""
    path = pipeline.data_dir / "exports" / "events.csv"
    status = path.stat()
    path.write_bytes(bytes(byte ^ 0x5A for byte in path.read_bytes()))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    pipeline.sandbox.set_faults(["poison=event-77"])

    delivery = pipeline.publish()

    assert (delivery.accepted, delivery.rejected) == (249, 1)
    ((raw,),) = pipeline.ask("select raw from rejections")
    assert json.loads(raw)["event_id"] == "event-77"
