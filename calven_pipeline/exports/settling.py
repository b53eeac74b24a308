"""Waiting for files that are still being written, within bounds.

What may surprise: a time of change may lie in the future, or be of another machine's clock. So a file also counts as
settled when looks far enough apart, by our own clock, saw the same size and time of change.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from calven_pipeline.exports.folder import DropFolder, ExportFile

LONGEST_WAIT = 10  # times the settling time, for all files together


def settled(
    files: Sequence[ExportFile], folder: DropFolder, settle_s: float
) -> tuple[list[ExportFile], list[ExportFile]]:
    """The files that have stopped changing, as they are now, and those that go on changing; gone ones are in neither.

    Sleeps only while there is a file that changed less than `settle_s` seconds ago.
    """
    if not settle_s:
        return list(files), []
    started, clock = time.monotonic(), time.time()
    since = {id(file): started - _age(file, clock) for file in files}
    ready = [file for file in files if started - since[id(file)] >= settle_s]
    waiting = [(file, since[id(file)]) for file in files if started - since[id(file)] < settle_s]
    while waiting and (now := time.monotonic()) < started + LONGEST_WAIT * settle_s:
        time.sleep(max(0.0, min(since + settle_s - now for _, since in waiting)))
        states, now = folder.states([file for file, _ in waiting]), time.monotonic()
        still: list[tuple[ExportFile, float]] = []
        for file, since_s in waiting:
            state = states.get(file.source_file)
            if state is None:
                continue
            if state != (file.size_bytes, file.modified_ns):
                still.append((replace(file, size_bytes=state[0], modified_ns=state[1]), now))
            elif now - since_s >= settle_s:
                ready.append(file)
            else:
                still.append((file, since_s))
        waiting = still
    return ready, [file for file, _ in waiting]


def _age(file: ExportFile, clock: float) -> float:
    """Seconds since the last change, by our clock; none for a time that lies in the future."""
    return max(0.0, clock - file.modified_ns / 1e9)
