"""A run that is killed costs at most what was in flight, and the next one finishes the work."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from calven_pipeline.sandbox import SandboxServer
from tests.http.delivering import USERS, Pipeline, Stock

CONCURRENCY, BATCH = 4, 10

PUBLISH = """
import sys
from pathlib import Path
from calven_pipeline.api import CalvenClient
from calven_pipeline.delivery.publish import publish_due
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.settings import Settings
from calven_pipeline.warehouse.database import open_working_database
data_dir = Path(sys.argv[2])
settings = Settings(api_url=sys.argv[1], data_dir=data_dir, api_key="sandbox-all", api_secret="sandbox-all-secret",
                    concurrency=int(sys.argv[3]), batch_size=int(sys.argv[4]))
with open_working_database(data_dir) as database, CalvenClient(settings) as client:
    publish_due(database, client, load_profiles(data_dir), data_dir)
"""


@pytest.fixture
def pipeline(tmp_path: Path, stock: Stock) -> Iterator[Pipeline]:
    """2,000 events wait for a sandbox that no other test meets: calls of a killed process may still be under way in it."""
    with SandboxServer(users=USERS) as sandbox:
        yield stock.pipeline(tmp_path / "data", 2000, sandbox)


def kill_after(pipeline: Pipeline, accepted: int) -> None:
    """Publish in a process of its own and kill it as soon as the sandbox has taken that many events."""
    arguments = [pipeline.sandbox.url, str(pipeline.data_dir), str(CONCURRENCY), str(BATCH)]
    with subprocess.Popen([sys.executable, "-c", PUBLISH, *arguments]) as process:
        until = time.monotonic() + 30
        while pipeline.sandbox.stats()["eventsAccepted"] < accepted and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"


@pytest.mark.parametrize("accepted", [1, 700])
def test_a_killed_run_repeats_at_most_what_was_in_flight(pipeline: Pipeline, accepted: int) -> None:
    """Answers that had come are on disk, whether DuckDB had taken them in or not."""
    pipeline.sandbox.set_faults(["delay=20ms"])
    kill_after(pipeline, accepted)
    pipeline.sandbox.set_faults([])
    taken = pipeline.sandbox.stats()["eventsAccepted"]
    assert taken < 2000
    delivery = pipeline.publish()
    assert delivery.waiting == 0
    assert pipeline.most_repeats() <= CONCURRENCY * BATCH
    assert pipeline.outcomes() == {"accepted": 2000}
    assert pipeline.sandbox.stats()["eventsAccepted"] == 2000


def test_a_journal_is_folded_once(pipeline: Pipeline) -> None:
    """Killed between the commit and the removal of the journal: the same answers come again and change nothing."""
    pipeline.sandbox.set_faults(["delay=20ms"])
    kill_after(pipeline, 300)
    pipeline.sandbox.set_faults([])
    journal = next((pipeline.data_dir / "state" / "answers").glob("*.jsonl"))
    content = journal.read_bytes()
    pipeline.publish()
    tables = ("presence order by row_number", "calls order by call_id")
    before = [pipeline.ask(f"from {table}") for table in tables]
    journal.write_bytes(content)
    pipeline.publish()
    assert [pipeline.ask(f"from {table}") for table in tables] == before


def test_a_note_that_was_cut_off_proves_nothing(pipeline: Pipeline) -> None:
    """A machine that lost its power may leave half a line: its events are sent again."""
    pipeline.sandbox.set_faults(["delay=20ms"])
    kill_after(pipeline, 300)
    pipeline.sandbox.set_faults([])
    journal = next((pipeline.data_dir / "state" / "answers").glob("*.jsonl"))
    journal.write_bytes(journal.read_bytes()[:-40])
    pipeline.publish()
    assert pipeline.outcomes() == {"accepted": 2000}
    assert pipeline.most_repeats() <= (CONCURRENCY + 1) * BATCH
