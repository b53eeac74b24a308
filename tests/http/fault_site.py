"""A data folder for one fault, with all kinds of rows, and what must hold in it at any time.

Everything is proven from outside: by what the sandbox received (every body is kept), by what analysts see, and by what
the runs wrote on the terminal.
"""

import contextlib
import io
import json
import logging
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calven_pipeline.api import CalvenClient
from calven_pipeline.delivery.publish import Delivery, publish_due
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.exports.staging import stage_exports
from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.validation.books import balance
from calven_pipeline.validation.verdicts import validate
from calven_pipeline.warehouse.snapshot import write_snapshot
from tests.http.delivering import Pipeline
from tests.http.publishing import HASTY

ROOT = Path(__file__).parents[2]
ALWAYS_SECRET = ("sandbox-all-secret", "sandbox-warehouse-secret", "not-the-secret")
ADDRESSES = "@sandbox.example"
SMALL_DISK = "64m"

SOURCES = """
sources:
  - name: badges
    files: "badges/*.csv"
    columns: {timestamp: time, event_id: id, source_user_id: badge, user_email: person, location_id: desk}
    keep: {access: [granted]}
    defaults: {location_type: place}
  - name: desks
    files: "desks/*.jsonl"
    columns: {timestamp: at, source_user_id: badge, user_id: user, location_id: desk}
    defaults: {location_type: place}
"""


@dataclass
class Clock:
    """Calven's clock; `ahead_s` is how wrong ours is, seen from there."""

    ahead_s: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@dataclass
class Site(Pipeline):
    """A data folder with exports of every kind of row, its sandbox, and all that its runs said."""

    clock: Clock = field(default_factory=Clock)
    rows: Counter[str] = field(default_factory=Counter)
    said: str = ""
    runs: int = 0
    leaving: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def add_exports(self, name: str, events: int, *, first: int = 0) -> None:
        """Good rows, a tenth as many of each other kind (denied, wrong, repeated), and some without ids of their own."""
        users = [user for user in self.sandbox.world.rows("users") if user["email"]]
        desks = [desk["deskId"] for desk in self.sandbox.world.rows("desks")]

        def row(kind: str, n: int, access: str = "granted", person: str | None = None) -> str:
            time_of_day = f"{8 + n // 3600 % 12:02d}:{n // 60 % 60:02d}:{n % 60:02d}"
            person = person or users[n % len(users)]["email"]
            mark = "-hundredth" if kind == "good" and n % 100 == 50 else ""
            return f"2026-10-{1 + n % 28:02d}T{time_of_day}Z,{kind}-{n},{kind}{mark}-{n},{person},{desks[n % len(desks)]},{access}"

        numbers = range(first, first + events)
        good = [row("good", n) for n in numbers]
        denied = [row("denied", n, access="denied") for n in numbers[::10]]
        wrong = [row("wrong", n, person="nobody@sandbox.example") for n in numbers[::10]]
        repeated = good[::10]
        badges = self.data_dir / "exports" / "badges" / f"{name}.csv"
        badges.parent.mkdir(parents=True, exist_ok=True)
        badges.write_text("\n".join(["time,id,badge,person,desk,access", *denied, *good, *wrong, *repeated]) + "\n")
        nameless = [
            {"at": f"2026-10-{1 + n % 28:02d}T20:{n // 60 % 60:02d}:{n % 60:02d}Z", "badge": f"desk-{n}",
             "user": users[n % len(users)]["userId"], "desk": desks[n % len(desks)]}
            for n in numbers[::10]
        ]  # fmt: skip
        by_desk = self.data_dir / "exports" / "desks" / f"{name}.jsonl"
        by_desk.parent.mkdir(parents=True, exist_ok=True)
        by_desk.write_text("".join(json.dumps(line) + "\n" for line in nameless))
        self.rows += Counter(
            good=len(good) + len(nameless), ignored=len(denied), rejected=len(wrong), duplicate=len(repeated)
        )

    def begin(self, sources: str = SOURCES) -> None:
        """The folder with its profiles and reference data."""
        self.data_dir.mkdir(parents=True)
        (self.data_dir / "sources.yaml").write_text(sources)
        self.pull()

    def copy(self, data_dir: Path) -> "Site":
        """The same in another folder, with a sandbox that has forgotten everything."""
        shutil.copytree(self.data_dir, data_dir)
        self.sandbox.clear()
        self.clock.ahead_s = 0.0
        return Site(data_dir, self.sandbox, self.clock, Counter(self.rows))

    def judge(self, now: datetime | None = None) -> None:
        """Stage and validate what is new; `now` is what our clock says."""
        with self.database() as database:
            profiles = load_profiles(self.data_dir)
            stage_exports(database, profiles, self.data_dir)
            validate(database, profiles, self.data_dir, now=now)

    def move(self, **options: float) -> None:
        """Go on with another sandbox of the same company, which has these ways."""
        other = SandboxServer(world=self.sandbox.world, clock=self.clock, record_calls=True, **options)
        self.sandbox = self.leaving.enter_context(other)

    def on_small_disk(self, free_kb: int) -> Path:
        """Put the state folder on a file system with so little space left; removing the file returned makes room."""
        state, aside = self.data_dir / "state", self.data_dir / "aside"
        state.rename(aside)
        state.mkdir(0o700)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", state], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip("only root can make a small disk")
        self.leaving.callback(subprocess.run, ["umount", state], check=True)
        shutil.copytree(aside, state, dirs_exist_ok=True)
        fill = state / "fill"
        with fill.open("wb") as file:
            file.write(bytes(shutil.disk_usage(state).free - free_kb * 1024))
        return fill

    def publish(self, **settings: object) -> Delivery:
        """One run in this process, its log kept at DEBUG."""
        self.runs += 1
        with (
            self._listening(),
            self.database() as database,
            CalvenClient(self.settings(**settings), retries=HASTY) as client,
        ):
            delivery = publish_due(database, client, load_profiles(self.data_dir), self.data_dir)
            self.said += delivery.story
        return delivery

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        heard = io.StringIO()
        handler, root = logging.StreamHandler(heard), logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
            self.said += heard.getvalue()

    def start(self, **order: object) -> "Child":
        """One run in a process of its own; see `tests.http.publishing` for what it can be ordered to do."""
        self.runs += 1
        return Child(self, order)

    def calls(self) -> int:
        """Presence calls that arrived."""
        return len(self.sandbox.arrivals())

    def repeats(self) -> int:
        """How often events were taken (loaded or rejected) once more than needed."""
        taken = [*self.sandbox.accepted(), *self.sandbox.rejected()]
        return sum(event["timesReceived"] - 1 for event in taken)

    def check(self, refused: int = 0) -> Counter[str]:
        """What must hold at any time, after any fault; the rows by outcome."""
        with self.database() as database:
            books = balance(database)
            assert books.balanced, books.story
            write_snapshot(database, self.data_dir)
        with duckdb.connect(str(self.data_dir / "calven.duckdb"), read_only=True) as snapshot:
            rows = snapshot.sql("select event_id, outcome, reasons from presence").fetchall()
        outcomes = Counter(outcome for _, outcome, _ in rows)
        self._check_outcomes(outcomes, Counter(reasons[0] for _, outcome, reasons in rows if outcome == "rejected"))
        self._check_answers(rows, refused)
        self._check_bodies()
        self.check_silence()
        return outcomes

    def _check_outcomes(self, outcomes: Counter[str], reasons: Counter[str]) -> None:
        """Nothing is lost: every row has one outcome, and ours does not depend on what Calven does."""
        assert outcomes["ignored"] == self.rows["ignored"]
        assert outcomes["duplicate"] == self.rows["duplicate"]
        assert reasons["unknown_user"] == self.rows["rejected"]
        refused_by_calven = sum(count for reason, count in reasons.items() if reason.startswith("calven_"))
        assert outcomes["accepted"] + outcomes["pending"] + refused_by_calven == self.rows["good"]
        assert outcomes.total() == self.rows.total()

    def _check_answers(self, rows: list[tuple[str, str, list[str] | None]], refused: int) -> None:
        """What we call accepted or rejected, Calven has loaded or rejected."""
        loaded = {event["eventId"] for event in self.sandbox.accepted()}
        rejected = {event["eventId"] for event in self.sandbox.rejected()}
        for event_id, outcome, reasons in rows:
            if outcome == "accepted":
                assert event_id in loaded
            elif outcome == "rejected" and reasons == ["calven_bad_format"]:
                assert refused
                assert event_id not in loaded | rejected
            elif outcome == "rejected" and reasons and reasons[0].startswith("calven_"):
                assert event_id in rejected

    def _check_bodies(self) -> None:
        """No denied and no wrong row was ever sent, and an event id always stood for the same event."""
        contents: dict[str, dict[str, str]] = {}
        for arrival in self.sandbox.arrivals():
            events = json.loads(arrival.body)["presenceEvents"]
            assert 1 <= len(events) <= 100
            for event in events:
                assert not re.match("denied|wrong", event["eventId"] + event["sourceUserId"])
                assert contents.setdefault(event["eventId"], event) == event
        assert len(contents) <= self.rows["good"]

    def check_silence(self) -> None:
        """No secret, token, hash or address was said; neither secret nor token is in the state folder."""
        tokens = {arrival.authorization.partition(" ")[2] for arrival in self.sandbox.arrivals()}
        hashes = {json.loads(arrival.body).get("hash", "") for arrival in self.sandbox.arrivals("auth")}
        for secret in filter(None, {*ALWAYS_SECRET, ADDRESSES, *tokens, *hashes}):
            assert secret not in self.said
        kept = b"".join(path.read_bytes() for path in (self.data_dir / "state").rglob("*") if path.is_file())
        for secret in filter(None, {*ALWAYS_SECRET, *tokens}):
            assert secret.encode() not in kept

    def check_finished(self, outcomes: Counter[str], refused: int) -> None:
        """Nothing waits, Calven and we agree on every event, and another run has nothing to say."""
        assert outcomes["pending"] == 0
        assert outcomes["accepted"] == len(self.sandbox.accepted())
        assert outcomes["rejected"] == self.rows["rejected"] + len(self.sandbox.rejected()) + refused
        before = self.calls()
        again = self.publish()
        self.runs -= 1
        assert (again.due, again.problem, self.calls()) == (0, None, before)


class Child:
    """A publishing run in a process of its own; a context manager that never leaves it running."""

    def __init__(self, site: Site, order: Mapping[str, object]) -> None:
        given = dict(order)
        keys = {"api_url": site.sandbox.url, "api_key": "sandbox-all", "api_secret": "sandbox-all-secret"}
        settings = {**keys, **given.pop("settings", {})}
        text = json.dumps({"settings": settings, "data_dir": str(site.data_dir), **given})
        self._site = site
        self._log = site.data_dir.parent / f"{site.data_dir.name}-run-{site.runs}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.http.publishing", text],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    @property
    def log(self) -> str:
        """What it wrote to stderr."""
        return self._log.read_text()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()

    def ready(self) -> None:
        """Return when it begins its work."""
        assert self.process.stdout
        assert self.process.stdout.readline().startswith("ready"), self.log

    def go(self) -> None:
        """Let one that is held begin."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill_when(self, reached: Callable[[], bool], number: int = signal.SIGKILL) -> None:
        """Send it the signal as soon as that is so."""
        until = time.monotonic() + 30
        while not reached() and time.monotonic() < until and self.process.poll() is None:
            time.sleep(0.002)
        self.process.send_signal(number)

    def end(self) -> tuple[int, dict[str, Any]]:
        """Wait for its end: the exit code (negative for a signal), and what it said came of it."""
        if self.process.stdout and not self.process.stdout.closed:
            out, _ = self.process.communicate(timeout=60)
            self._site.said += out + self.log
            self._last = out.splitlines()[-1] if out else ""
        result = json.loads(self._last) if self._last.startswith("{") else {}
        return self.process.returncode, result
