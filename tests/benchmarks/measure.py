"""Runs a function in a process of its own and tells what it cost: processor seconds, wall seconds, peak memory."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Cost:
    """`cpu_s` is user and system time of the work alone, imports left out; `peak_mb` is of the whole process."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    result: Any

    def __str__(self) -> str:
        return f"{self.cpu_s:6.1f} s processor {self.wall_s:6.1f} s wall {self.peak_mb:6.0f} MB peak"


def measured(work: Callable[..., Any], *arguments: Any) -> Cost:
    """Call `work(*arguments)` in a fresh process; its first use of a library counts, its import may not."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        cost = ours.recv()
    except EOFError:
        raise AssertionError(f"{work.__name__} died without a result") from None
    finally:
        process.join()
        ours.close()
    return cost


def _run(pipe: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = work(*arguments)
    after, wall_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - started
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    pipe.send(Cost(cpu_s, wall_s, _peak_mb(), result))
    pipe.close()


def _peak_mb() -> float:
    """This process's own peak: `ru_maxrss` starts at the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
