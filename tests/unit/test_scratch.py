"""Does the folder that a preview works in go with it, whatever ends it?"""

import os
import signal
import subprocess
import sys
import time

import pytest

from calven_pipeline.previewing.scratch import YOUNGEST_S, scratch_folder

WORKING = """
import time
from calven_pipeline.previewing.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "rows.csv").write_text("of somebody")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def working(tmp_path, monkeypatch):
    """Starts processes, each at work in a folder below `tmp_path`."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", WORKING],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        started.append(process)
        return process, tmp_path / process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def age(folder):
    long_ago = time.time() - YOUNGEST_S - 1
    os.utime(folder, (long_ago, long_ago))


def test_a_process_that_is_told_to_end_clears_up(working, tmp_path):
    process, folder = working()
    assert (folder / "rows.csv").exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_another_uses_stays(working, tmp_path):
    (killed, left), (_, used) = working(), working()
    killed.kill()
    killed.wait()
    before = signal.getsignal(signal.SIGTERM)
    with scratch_folder():
        assert left.exists(), "too young to tell"
    for folder in (left, used):
        age(folder)
    with scratch_folder() as ours:
        assert sorted(tmp_path.iterdir()) == sorted([used, ours])
    assert signal.getsignal(signal.SIGTERM) is before
