"""The fault campaign: faults as data, and one function that lets a fault strike and asserts what must hold after it.

A fault is a name, what strikes, and its bounds: how many presence calls the struck runs may make, and how often events
may reach Calven once more than needed. Faults that strike after Calven has stored a call are bounded by the tries of a
call, killed runs by what was in flight.
"""

import json
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from unittest import mock

import httpx
import pytest
from pydantic import ValidationError

from calven_pipeline.api import presence, retries
from calven_pipeline.delivery.publish import Delivery
from calven_pipeline.delivery.sender import FAILURES_TOLERATED, REFUSALS_TOLERATED
from calven_pipeline.errors import (
    AuthenticationError,
    CalvenPipelineError,
    CalvenUnavailableError,
    PermissionDeniedError,
    RefusedCallError,
    UnreadableAnswerError,
)
from tests.http.fault_site import Child, Site
from tests.http.publishing import HASTY

TRIES = HASTY.attempts


@dataclass(frozen=True)
class Fault:
    """One fault: what strikes (it says what came of it), and its bounds.

    `calls` bounds the presence calls of the struck runs, `repeats` how often events are taken once more than needed, the
    clean run included; `refused` is how many events Calven refuses whole calls for.
    """

    name: str
    strike: Callable[[Site], str]
    calls: int
    repeats: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    fault: str
    runs: int
    calls: int
    repeats: int
    bound: int
    outcome: str


def endure(site: Site, fault: Fault) -> Line:
    """Let the fault strike, check what must hold, calm everything, and see that one clean run finishes the work."""
    outcome = fault.strike(site)
    calls = site.calls()
    assert calls <= fault.calls, "too many calls"
    outcomes = site.check(fault.refused)
    site.sandbox.set_faults([])
    site.clock.ahead_s = 0.0
    if outcomes["pending"]:
        clean = site.publish()
        assert clean.problem is None, clean.problem
        outcomes = site.check(fault.refused)
    site.check_finished(outcomes, fault.refused)
    repeats = site.repeats()
    assert repeats <= fault.repeats, "more repeats than were in flight"
    return Line(fault.name, site.runs, calls, repeats, fault.repeats, outcome)


def table(lines: list[Line]) -> str:
    """The lines under each other, for a terminal."""
    titles = ("fault", "runs needed", "calls", "repeats", "bound", "outcome of the struck run")
    rows = [
        titles,
        *((line.fault, *map(str, (line.runs, line.calls, line.repeats, line.bound)), line.outcome) for line in lines),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(titles))]
    aligned = [
        "  ".join(
            cell.ljust(width) if n in (0, 5) else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in aligned)


# What strikes. C calls in flight, B events a call: small, so that a run has many calls.
EVENTS, NAMELESS, C, B = 250, 25, 4, 10
GOOD = EVENTS + NAMELESS
ALL_CALLS = 28  # of B events; one source id a call
IN_FLIGHT = C * B
SMALL = {"concurrency": C, "batch_size": B}
SLOW, POSTING_S = {"concurrency": 2, "batch_size": 5}, 0.3  # a run of 44 events posts for so long with 60 ms a call
BEFORE_STOPPING = FAILURES_TOLERATED + C - 1  # calls that fail before a run gives up, those already in flight included
TRIES_BEFORE_STOPPING = BEFORE_STOPPING * TRIES


def answered(
    *specs: str, problem: type[CalvenPipelineError] | None = None, says: str = "", **settings: object
) -> Callable[[Site], str]:
    """One run while the sandbox has these faults; each must have struck, and the run says that problem."""

    def strike(site: Site) -> str:
        site.sandbox.set_faults(specs)
        outcome = came_of(site.publish(**{**SMALL, **settings}), problem, says)
        assert all(site.sandbox.stats()["faults"].values()), "a fault that does not strike proves nothing"
        return outcome

    return strike


def came_of(delivery: Delivery, problem: type[CalvenPipelineError] | None, says: str = "") -> str:
    """What the run said, as it was expected to."""
    assert type(delivery.problem) is (problem or type(None)), delivery.problem
    assert bool(delivery.waiting) == bool(problem)
    assert says in str(delivery.problem)
    return f"{problem.__name__}, {delivery.waiting} wait" if problem else "everything settled"


def refused_connection(site: Site) -> str:
    """Nobody listens."""
    site.sandbox.__exit__(None, None, None)
    try:
        return came_of(site.publish(**SMALL), CalvenUnavailableError)
    finally:
        site.sandbox.__enter__()


def impatient(*specs: str, read_s: float = 5.0, call_s: float = 60.0) -> Callable[[Site], str]:
    """One run with shorter timeouts: between two pieces of an answer, and for a call as a whole."""

    def strike(site: Site) -> str:
        with (
            mock.patch.object(presence, "TIMEOUT", httpx.Timeout(5.0, read=read_s)),
            mock.patch.object(presence, "CALL_TIMEOUT_S", call_s),
        ):
            return answered(*specs, problem=CalvenUnavailableError)(site)

    return strike


def waited(spec: str, least_s: float, most_s: float, cap_s: float = 60.0) -> Callable[[Site], str]:
    """One run whose first call is told to come back later, and does."""

    def strike(site: Site) -> str:
        with mock.patch.object(retries, "RETRY_AFTER_CAP_S", cap_s):
            said = answered(spec, concurrency=1)(site)
        first, second = site.sandbox.arrivals()[:2]
        assert first.body == second.body
        assert least_s <= second.at - first.at <= most_s
        return f"{said}, after {second.at - first.at:.1f} s"

    return strike


def batches(site: Site) -> str:
    """Exports of 1, 99, 100 and 101 events: as many calls as hundreds, and the nameless ones apart."""
    site.publish()
    for number, events in enumerate((1, 99, 100, 101), start=1):
        site.add_exports(f"batch-{events}", events, first=1000 * number)
        site.judge()
        before = site.calls()
        assert site.publish(batch_size=100).problem is None
        assert site.calls() - before == -(-events // 100) + 1
    with pytest.raises(ValidationError, match="less than or equal to 100"):
        site.settings(batch_size=101)
    return "everything settled; a batch size of 101 refused"


def wrong_clock(ahead_s: float, says: str) -> Callable[[Site], str]:
    """One run while Calven's clock and ours are that far apart: refused, with the reason."""

    def strike(site: Site) -> str:
        site.clock.ahead_s = ahead_s
        return came_of(site.publish(**SMALL), AuthenticationError, says)

    return strike


def tolerated_clock(ahead_s: float, **settings: object) -> Callable[[Site], str]:
    """The same with a Calven that does not mind: tokens seem to live too long, or to be dead on arrival."""

    def strike(site: Site) -> str:
        site.move(clock_tolerance_s=3600.0, token_lifetime_s=409.0)
        site.clock.ahead_s = ahead_s
        return came_of(site.publish(**SMALL, **settings), None)

    return strike


def early_events(site: Site) -> str:
    """Our clock is ten minutes late, and readers' five minutes early: such rows wait, and heal once it is right."""
    now = datetime.now(UTC)
    site.publish(**SMALL)
    users, desks = site.sandbox.world.rows("users"), site.sandbox.world.rows("desks")
    early = site.data_dir / "exports" / "desks" / "early.jsonl"
    moment = (now + timedelta(minutes=5)).isoformat()
    early.write_text(
        json.dumps({"at": moment, "badge": "early", "user": users[0]["userId"], "desk": desks[0]["deskId"]})
    )
    site.judge(now=now - timedelta(minutes=10))
    assert site.publish(**SMALL).due == 0
    assert site.ask("select outcome, reasons from presence where source_user_id = 'early'") == [
        ("rejected", ["future_timestamp"])
    ]
    site.judge(now=now)
    site.rows["good"] += 1
    return came_of(site.publish(**SMALL), None)


def killed(moment: str, *specs: str, again: str = "", **settings: int) -> Callable[[Site], str]:
    """A run that dies at that moment; then perhaps another, at another moment."""

    def strike(site: Site) -> str:
        site.sandbox.set_faults(specs)
        for when in filter(None, (moment, again)):
            with site.start(die=when, settings={**SMALL, **settings}) as child:
                assert child.end()[0] == -signal.SIGKILL, "it ended before its time"
        return "killed, twice" if again else "killed"

    return strike


def killed_while_halving(moment: str) -> Callable[[Site], str]:
    """Some parts of refused calls are settled, others not; the next run meets the same refusals."""

    def strike(site: Site) -> str:
        said = killed(moment, "poison=hundredth", batch_size=100)(site)
        site.check(refused=2)
        came_of(site.publish(**{**SMALL, "batch_size": 100}), None)
        return said

    return strike


def killed_with_all_stored(site: Site) -> str:
    """Every call in flight is stored, and none answered."""
    site.sandbox.set_faults(["delay=20s:stored"])
    with site.start(settings=SMALL) as child:
        child.kill_when(lambda: len(site.sandbox.accepted()) >= IN_FLIGHT)
        assert child.end()[0] == -signal.SIGKILL
    assert len(site.sandbox.accepted()) == IN_FLIGHT
    return "killed"


def interrupted(number: int) -> Callable[[Site], str]:
    """A run that is told to stop in the middle of its work."""

    def strike(site: Site) -> str:
        site.sandbox.set_faults(["delay=20ms"])
        with site.start(settings=SMALL) as child:
            child.kill_when(lambda: len(site.sandbox.accepted()) >= GOOD // 3, number)
            code, _ = child.end()
        assert code == -number
        return f"ended by {signal.Signals(number).name}"

    return strike


def killed_at_random(kills: int, seed: int) -> Callable[[Site], str]:
    """Runs that stage, judge, post and write the snapshot, each with new exports, killed anywhere.

    Every second one is killed while it posts, which is a small part of its life.
    """

    def strike(site: Site) -> str:
        draw = random.Random(seed)
        order = {"judge": True, "snapshot": True, "settings": SLOW}
        site.sandbox.set_faults(["delay=60ms"])
        lives, whole_s, dead = 0, 0.0, 0
        while dead < kills:
            assert lives < 2 * kills, "too few runs were killed"
            site.add_exports(f"round-{lives}", 40, first=1000 * (1 + lives))
            before = site.calls()
            with site.start(**order) as child:
                child.ready()
                began = time.monotonic()
                if lives % 2:
                    until(lambda before=before, child=child: site.calls() > before or child.process.poll() is not None)
                if lives:
                    time.sleep(draw.uniform(0, POSTING_S if lives % 2 else whole_s))
                    child.process.kill()
                dead += child.end()[0] == -signal.SIGKILL
            whole_s = whole_s or time.monotonic() - began
            site.judge()
            site.check()
            lives += 1
        return f"{dead} of {lives} runs killed"

    return strike


def storm(*specs: str) -> Callable[[Site], str]:
    """Many faults together, drawn at random, until everything is settled all the same."""

    def strike(site: Site) -> str:
        site.sandbox.set_faults(specs)
        delivery = site.publish(**SLOW)
        while delivery.waiting:
            assert site.runs < 20, "it does not converge"
            site.check(refused=1)
            delivery = site.publish(**SLOW)
        struck = site.sandbox.stats()["faults"]
        assert sum(map(bool, struck.values())) > len(struck) / 2, struck
        return f"everything settled in {site.runs} runs"

    return strike


def full_disk(free_kb: int) -> Callable[[Site], str]:
    """A run whose state folder is a file system of its own with so little space left."""

    def strike(site: Site) -> str:
        fill = site.on_small_disk(free_kb)
        with site.start(settings=SMALL) as child:
            said = failed_clearly(child)
        fill.unlink()
        return said

    return strike


def stunted_files(largest_bytes: int) -> Callable[[Site], str]:
    """A run none of whose files may grow beyond that."""

    def strike(site: Site) -> str:
        with site.start(settings=SMALL, largest_file_bytes=largest_bytes) as child:
            return failed_clearly(child)

    return strike


def read_only(*paths: str) -> Callable[[Site], str]:
    """A run that may not write these, and holds no privilege that would help."""

    def strike(site: Site) -> str:
        closed = [site.data_dir / path for path in paths]
        for path in closed:
            path.mkdir(exist_ok=True)
            path.chmod(0o500)
        try:
            with site.start(settings=SMALL, powerless=True) as child:
                return failed_clearly(child)
        finally:
            for path in closed:
                path.chmod(0o700)

    return strike


def left_over_and_read_only(site: Site) -> str:
    """A killed run leaves answers, and the next may not remove them once it has taken them in."""
    killed("after the first note")(site)
    return read_only("state/answers")(site)


def failed_clearly(child: Child) -> str:
    """The run failed with an error of ours, or got through."""
    code, result = child.end()
    if code == 0:
        return "got through"
    assert result, f"exit code {code} and no word of ours:\n{child.log[-3000:]}"
    return f"{result['error']} (exit {code})"


def two_at_once(site: Site) -> str:
    """Two runs started together: one waits for the other, and both end well."""
    site.sandbox.set_faults(["delay=20ms"])
    order = {"settings": SMALL, "held": True}
    with site.start(**order) as one, site.start(**order) as other:
        for run in (one, other):
            run.ready()
        for run in (one, other):
            run.go()
        (code, first), (other_code, second) = one.end(), other.end()
    assert (code, other_code) == (0, 0)
    assert sorted((first["accepted"], second["accepted"])) == [0, GOOD]
    return "both ended well, one after the other"


def one_too_many(site: Site) -> str:
    """A run that may not wait for the one at work says who that is, and does nothing."""
    site.sandbox.set_faults(["delay=100ms"])
    with site.start(settings=SMALL) as one, site.start(settings=SMALL, wait_s=0.0, held=True) as other:
        other.ready()
        until(lambda: site.calls() > 0)
        other.go()
        code, result = other.end()
        assert (code, result["error"]) == (75, "WorkingDatabaseBusyError")
        assert f"PID {one.process.pid}" in result["story"]
        assert one.end()[0] == 0
    return "one settled everything, the other named it"


def until(reached: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Return as soon as that is so."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)


def all_tries(spec: str, problem: type[CalvenPipelineError] = CalvenUnavailableError) -> Fault:
    """A lasting fault that loads nothing: the run gives up soon."""
    return Fault(spec, answered(spec, problem=problem), calls=TRIES_BEFORE_STOPPING)


def all_tries_stored(spec: str, problem: type[CalvenPipelineError] = CalvenUnavailableError) -> Fault:
    """A lasting fault after the events were loaded: each try is one more time, and the clean run another."""
    return Fault(
        spec, answered(spec, problem=problem), calls=TRIES_BEFORE_STOPPING, repeats=BEFORE_STOPPING * B * TRIES
    )


def passing(spec: str, *, calls: int = 1, repeats: int = 0) -> Fault:
    """A fault that passes within the tries: so many calls more, and nobody need know."""
    return Fault(spec, answered(spec), calls=ALL_CALLS + calls, repeats=repeats)


def dead(moment: str, repeats: int, *, again: str = "", calls: int = ALL_CALLS) -> Fault:
    """A run killed at an exact moment."""
    name = f"SIGKILL {moment}" + (f", then {again}" if again else "")
    return Fault(name, killed(moment, again=again), calls=calls, repeats=repeats)


UNREADABLE = UnreadableAnswerError
NO_EVENTS_KEY = {"events_api_key": "sandbox-warehouse", "events_api_secret": "sandbox-warehouse-secret"}
WRONG_SECRET = {"events_api_key": "sandbox-all", "events_api_secret": "not-the-secret"}
HALVING = 2 * 7  # calls for one event at fault among 100: log2 of 100, both halves

ANSWERS = [
    all_tries("500"),
    all_tries("502"),
    all_tries("503"),
    all_tries("429"),
    all_tries("429:retry-after=0"),
    all_tries("drop-before-store"),
    all_tries("html", UNREADABLE),
    all_tries("empty", UNREADABLE),
    Fault("redirect", answered("redirect", problem=UNREADABLE), calls=BEFORE_STOPPING),
    Fault(
        "redirect=307:stored", answered("redirect=307:stored", problem=UNREADABLE), BEFORE_STOPPING, BEFORE_STOPPING * B
    ),
    all_tries_stored("500:stored"),
    all_tries_stored("html:stored", UNREADABLE),
    all_tries_stored("drop-after-store"),
    all_tries_stored("reset-mid-body"),
    all_tries_stored("truncate", UNREADABLE),
    all_tries_stored("wrong-shape", UNREADABLE),
    all_tries_stored("no-results", UNREADABLE),
    all_tries_stored("other-source", UNREADABLE),
    passing("500*2", calls=2),
    passing("429*2:retry-after=0", calls=2),
    passing("drop-after-store*2", calls=2, repeats=2 * B),
    passing("reset-mid-body*2", calls=2, repeats=2 * B),
    passing("truncate*2", calls=2, repeats=2 * B),
    passing("html*2", calls=2),
    passing("slow-drip=5ms*8", calls=0),
    passing("shuffle", calls=0),
    passing("double-results", calls=0),
    passing("unknown-ids", calls=0),
    passing("codes-as-text", calls=0),
    passing("no-message", calls=0),
    passing("only-problems", calls=0),
    Fault("429 for a second", waited("429*1:retry-after=1", 1.0, 4.0), calls=ALL_CALLS + 1),
    Fault("429 until a date", waited("429*1:retry-after-date=2", 0.9, 5.0), calls=ALL_CALLS + 1),
    Fault("429 for a day, capped", waited("429*1:retry-after=86400", 0.3, 3.0, cap_s=0.3), calls=ALL_CALLS + 1),
]
SILENCE = [
    Fault("refused connection", refused_connection, calls=0),
    Fault(
        "read timeout after the store",
        impatient("delay=1s:stored", read_s=0.1),
        calls=TRIES_BEFORE_STOPPING,
        repeats=BEFORE_STOPPING * B * TRIES,
    ),
    Fault(
        "slow drip beyond the limit of a call",
        impatient("slow-drip=50ms", call_s=0.2),
        calls=TRIES_BEFORE_STOPPING,
        repeats=BEFORE_STOPPING * B * TRIES,
    ),
]
KEYS = [
    Fault("401 at the start: a wrong secret", answered(problem=AuthenticationError, **WRONG_SECRET), calls=0),
    Fault("401 at the start: every sign-in", answered("401:on=auth", problem=AuthenticationError), calls=0),
    Fault("401 mid-run, once", answered("forget-tokens*1:from=9"), calls=ALL_CALLS + C),
    Fault("401 mid-run, for good", answered("401:from=9", problem=AuthenticationError), calls=8 + 2 * C),
    Fault(
        "401 mid-run, the key is gone",
        answered("forget-tokens*1:from=9", "401:on=auth:from=2", problem=AuthenticationError),
        calls=8 + 2 * C,
    ),
    Fault("403: the key's role is another", answered(problem=PermissionDeniedError, **NO_EVENTS_KEY), calls=C),
    Fault("503 for every sign-in", answered("503:on=auth", problem=CalvenUnavailableError), calls=0),
]
EVENTS_AT_FAULT = [
    Fault("one poison event in a hundred", answered("poison=hundredth", batch_size=100), 4 + 2 * HALVING, refused=2),
    Fault(
        "every call refused (400)",
        answered("400", problem=RefusedCallError, batch_size=100),
        calls=REFUSALS_TOLERATED + 3 * C,
    ),
    Fault("every event rejected", answered("code=3"), calls=ALL_CALLS),
    Fault("one event in ten rejected", answered("code=1@10%", "only-problems"), calls=ALL_CALLS),
    Fault("batches of 1, 99, 100, 101", batches, calls=100),
]
CLOCKS = [
    Fault("our clock ten minutes late", wrong_clock(600, "s behind Calven's"), calls=0),
    Fault("our clock ten minutes early", wrong_clock(-600, "s ahead of Calven's"), calls=0),
    Fault("late, and Calven does not mind", tolerated_clock(600), calls=ALL_CALLS),
    Fault("early, and Calven does not mind", tolerated_clock(-600), calls=ALL_CALLS),
    Fault("late, with a client secret", tolerated_clock(600, auth="client_secret"), calls=ALL_CALLS),
    Fault("late, and readers are early", early_events, calls=ALL_CALLS + 1),
]
DEATHS = [
    dead("before the POST", 0, calls=0),
    Fault("SIGKILL after the POST, before any answer", killed_with_all_stored, calls=C, repeats=IN_FLIGHT),
    dead("with answers that are not noted", IN_FLIGHT, calls=2 * C),
    dead("after the first note", IN_FLIGHT - B, calls=2 * C),
    dead("in the middle of the fold", IN_FLIGHT - B),
    dead("before the commit", IN_FLIGHT - B),
    dead("after the commit", IN_FLIGHT - B),
    dead("between batches", IN_FLIGHT - B),
    dead("when all is done", 0),
    dead("before the commit", IN_FLIGHT - B, again="in the middle of the fold"),
    dead("before the commit", IN_FLIGHT - B, again="while it recovers"),
    *[
        Fault(
            f"SIGKILL {moment}, refused calls in halves",
            killed_while_halving(moment),
            calls=2 * (4 + 2 * HALVING),
            repeats=2 * 50 + 50 + NAMELESS,
            refused=2,
        )
        for moment in ("after the fifth note", "before the commit", "after the commit")
    ],
    Fault("Ctrl+C", interrupted(signal.SIGINT), calls=ALL_CALLS, repeats=IN_FLIGHT),
    Fault("SIGTERM", interrupted(signal.SIGTERM), calls=ALL_CALLS, repeats=IN_FLIGHT),
]
DISKS = [
    *[Fault(f"disk full but for {kb} kB", full_disk(kb), ALL_CALLS, IN_FLIGHT) for kb in (0, 8, 16, 32, 64, 1000)],
    *[Fault(f"no file beyond {n} bytes", stunted_files(n), ALL_CALLS, IN_FLIGHT) for n in (0, 2000, 20_000, 200_000)],
    Fault("read-only state folder", read_only("state"), calls=0),
    Fault("read-only answers folder", read_only("state/answers"), calls=C, repeats=IN_FLIGHT),
    Fault("the same, with answers left by a killed run", left_over_and_read_only, calls=2 * C, repeats=IN_FLIGHT - B),
]
RIVALS = [
    Fault("two runs at once", two_at_once, calls=ALL_CALLS),
    Fault("two runs, one may not wait", one_too_many, calls=ALL_CALLS),
]
STORM = (
    "503@10%", "html@5%", "forget-tokens@5%", "429@5%:retry-after=0", "drop-before-store@5%", "poison=hundredth", "code=3@5%",
    "drop-after-store@10%*6", "truncate@5%*4", "reset-mid-body@5%*4", "500@5%*4:stored", "double-results@20%", "shuffle",
)  # fmt: skip
STORED_IN_STORM = 6 + 4 + 4 + 4
RANDOM_KILLS = 50
RANDOM = [
    Fault(
        "a storm of faults",
        storm(*STORM),
        calls=20 * ALL_CALLS,
        repeats=STORED_IN_STORM * SLOW["batch_size"],
        refused=2,
    ),
    Fault(
        "SIGKILL at random, fifty times",
        killed_at_random(RANDOM_KILLS, seed=20261122),
        calls=2 * ALL_CALLS + 2 * RANDOM_KILLS * 15,
        repeats=RANDOM_KILLS * SLOW["concurrency"] * SLOW["batch_size"],
    ),
]
ALL = [*ANSWERS, *SILENCE, *KEYS, *EVENTS_AT_FAULT, *CLOCKS, *DEATHS, *DISKS, *RIVALS, *RANDOM]
