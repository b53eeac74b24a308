"""Sending what is due: many calls in flight, each answer noted as it comes, and reasons to stop.

What may surprise: a call that is refused as a whole (4xx) is halved until the events at fault stand alone, because a
field that is wrong in one event refuses all the others with it. Such an event is only rejected once another call was
loaded, or where it is the only one at fault: while Calven refuses everything, it is us, not the data. A run stops early
where going on would be noise: the key is refused, Calven is down, or every call is refused. Refused calls are halved one
after the other: many at once would look like a Calven that refuses everything before one of them has found a clean half.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from calven_pipeline.api import Answer, PresencePoster
from calven_pipeline.delivery import outbox
from calven_pipeline.delivery.journal import Journal, Note
from calven_pipeline.delivery.outbox import PlannedCall
from calven_pipeline.errors import CalvenPipelineError, RefusedCallError, TryAgainError
from calven_pipeline.settings import Settings
from calven_pipeline.warehouse.database import WorkingDatabase

CALLS_PLANNED = 1000  # at a time: 100,000 events, some 24 MB of bodies; 500 cost a tenth more processor time in DuckDB
FAILURES_TOLERATED = 3  # calls in a row that failed after all their retries: Calven is down
REFUSALS_TOLERATED = 20  # in a row: of parts, then calls are halved but once; of calls, then we stop: it is us
PROGRESS_EVERY_S = 5.0
EVENT_FAULTS = frozenset({400, 413, 422})  # statuses that one event's content can cause

Log = Callable[[str], None]


class Sender:
    """One run over the outbox, on one event loop: what is planned, what failed in a row, and what was told of it."""

    def __init__(
        self, database: WorkingDatabase, settings: Settings, journal: Journal, revision: int, due: int, log: Log
    ) -> None:
        """`due` is the number of events to send, for the progress that `log` is told."""
        self._database = database
        self._settings = settings
        self._journal = journal
        self._revision = revision
        self._log = log
        self._planned: deque[PlannedCall] = deque()
        self._held: list[Note] = []
        self._halving = asyncio.Lock()
        self._under_way: set[int] = set()
        self._tries: Counter[int] = Counter()  # the most that an event of a call in parts was sent, by call
        self._at_fault = 0  # events found
        self._has_loaded = False
        self._failures_in_a_row = 0
        self._calls_refused_in_a_row = 0
        self._parts_refused_in_a_row = 0
        self._most_refused = max(REFUSALS_TOLERATED, settings.concurrency)  # each worker may wait with a refused call
        self._stopped: CalvenPipelineError | None = None
        self._first_failure: CalvenPipelineError | None = None
        self._first_refusal: RefusedCallError | None = None
        self._progress = Progress(due)

    @property
    def under_way(self) -> frozenset[int]:
        """The calls that were handed to the poster and whose end is not on disk: Calven may have their events."""
        return frozenset(self._under_way)

    async def post_all(self, poster: PresencePoster) -> None:
        """Post until nothing is due or there is a reason to stop; raises that reason, or the first failure."""
        with self._database.one_thread():
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.concurrency):
                    group.create_task(self._work(poster))
        if not self._has_loaded and (self._at_fault > 1 or self._first_failure):
            self._stopped = self._stopped or self._first_failure or self._first_refusal
        if self._stopped:
            self._let_go_of_refusals()
            raise self._stopped
        self._write_held()
        if self._first_failure:
            raise self._first_failure

    async def _work(self, poster: PresencePoster) -> None:
        try:
            while (call := self._next_call()) is not None:
                self._under_way.add(call.call_id)
                if (refused := await self._post(poster, call)) is not None:
                    await self._take_apart(poster, call, refused)
        except CalvenPipelineError as error:  # the working database's: the other workers must not go on
            self._stopped = self._stopped or error

    def _next_call(self) -> PlannedCall | None:
        if self._stopped:
            return None
        if not self._planned:
            outbox.fold(self._database, self._journal, self._revision)
            batch_size = self._settings.batch_size
            self._planned.extend(
                outbox.plan(self._database, self._revision, batch_size=batch_size, calls=CALLS_PLANNED)
            )
            if self._planned:
                self._journal.open()  # where answers cannot be kept, nothing is sent
        return self._planned.popleft() if self._planned else None

    async def _post(self, poster: PresencePoster, call: PlannedCall, part: Part | None = None) -> Part | None:
        """Post a call, or that part of it, and note how it ended; what was refused, with its tries, else None."""
        sent_at = datetime.now(UTC)
        try:
            answer = await poster.post(part.body if part else call.body)
        except RefusedCallError as refusal:
            return self._refused(call, part, refusal, sent_at)
        except CalvenPipelineError as error:
            note = _note(call, part, _attempts(error), sent_at, datetime.now(UTC))
            self._write(replace(note, problem=_problem(error), **_facts(error)))
            self._failed(error)
        else:
            self._loaded(call, part, answer, sent_at)
            self._progress.tell(self._log, len(part.events) if part else call.events)
        return None

    def _loaded(self, call: PlannedCall, part: Part | None, answer: Answer, sent_at: datetime) -> None:
        self._failures_in_a_row = self._calls_refused_in_a_row = self._parts_refused_in_a_row = 0
        self._has_loaded = True
        self._write_held()
        note = _note(call, part, answer.attempts, sent_at, answer.answered_at)
        self._write(replace(note, status=answer.status, correlation_id=answer.correlation_id, answer=answer.text))

    def _failed(self, error: CalvenPipelineError) -> None:
        """Stop where trying again will not help, or where it failed too often in a row."""
        self._first_failure = self._first_failure or error
        self._failures_in_a_row += 1
        if not isinstance(error, TryAgainError) or self._failures_in_a_row >= FAILURES_TOLERATED:
            self._stopped = self._stopped or error

    def _refused(self, call: PlannedCall, part: Part | None, refusal: RefusedCallError, sent_at: datetime) -> Part:
        """Note the refusal; of one event alone it is held with Calven's words, until it is known whose fault it is."""
        this = part or Part(json.loads(call.body))
        note = replace(_note(call, this, _attempts(refusal), sent_at, datetime.now(UTC)), **_facts(refusal))
        self._first_refusal = self._first_refusal or refusal
        self._calls_refused_in_a_row += part is None
        self._parts_refused_in_a_row += part is not None
        if refusal.status not in EVENT_FAULTS or self._calls_refused_in_a_row > self._most_refused:
            self._write(replace(note, problem=_problem(refusal)))
            self._failed(refusal)
        elif this.is_one:
            self._at_fault += 1
            self._write(replace(note, refusal=refusal.detail or f"HTTP {refusal.status}"), hold=True)
        else:
            self._write(note)
        return replace(this, sent_before=this.sent_before + note.attempts, refusal=refusal)

    async def _take_apart(self, poster: PresencePoster, call: PlannedCall, whole: Part) -> None:
        """Halve a refused call until the events at fault stand alone, one call at a time; then note that it has ended.

        At most 2 log2(n) + 1 parts are sent for each of its n events that is at fault. Both halves are sent before either
        is halved, so that a clean one is soon found. After too many refusals in a row, what is left waits for the next run.
        """
        refused, to_send = [] if whole.is_one else [whole], list[Part]()
        sent, alone = 1, int(whole.is_one)
        async with self._halving:
            while not self._stopped and (to_send or (refused and self._may_halve(sent))):
                to_send = to_send or refused.pop().halves()
                again = await self._post(poster, call, to_send.pop(0))
                sent += 1
                if again is not None and again.is_one:
                    alone += 1
                elif again is not None:
                    refused.append(again)
        self._end(call, whole, is_complete=not refused and not to_send)
        status = whole.refusal.status if whole.refusal else None
        self._log(
            f"a call of {call.events} events was refused ({status}) and sent in {sent} parts; events at fault: {alone}"
        )

    def _may_halve(self, sent: int) -> bool:
        """Any call may be halved once: a clean half shows that it is the data after all."""
        return sent == 1 or self._parts_refused_in_a_row < REFUSALS_TOLERATED

    def _end(self, call: PlannedCall, whole: Part, *, is_complete: bool) -> None:
        """Note that a call in parts has ended: with the most tries of its events, and a problem where some of them wait."""
        now, refusal = datetime.now(UTC), whole.refusal
        note = Note(call.call_id, 0, now, now, sent_before=self._tries.pop(call.call_id))
        if not is_complete and refusal is not None:
            self._first_failure = self._first_failure or refusal
            note = replace(note, problem=_problem(refusal))
        self._write(note)

    def _write(self, note: Note, *, hold: bool = False) -> None:
        """Write the note, behind those that are held: a call must not end before its refusals are known."""
        if not note.is_last:
            self._tries[note.call_id] = max(self._tries[note.call_id], note.sent_before + note.attempts)
        if hold or self._held:
            self._held.append(note)
        else:
            self._keep(note)

    def _write_held(self) -> None:
        held, self._held = self._held, []
        for note in held:
            self._keep(note)

    def _keep(self, note: Note) -> None:
        self._journal.write(note)
        if note.is_last:
            self._under_way.discard(note.call_id)

    def _let_go_of_refusals(self) -> None:
        """Nothing was loaded since: whether those events are at fault is not known, so they stay pending."""
        problem = _problem(self._first_refusal) if self._first_refusal else None
        self._held = [replace(note, refusal=None, problem=problem) if note.refusal else note for note in self._held]
        self._write_held()


@dataclass(frozen=True)
class Part:
    """A part of a call that was refused, or the whole of it: its events, and how often they were sent in this call."""

    fields: dict[str, Any]  # of the call's body
    sent_before: int = 0
    refusal: RefusedCallError | None = None

    @property
    def events(self) -> list[dict[str, str]]:
        """As the body has them."""
        return self.fields["presenceEvents"]  # type: ignore[no-any-return]

    @property
    def is_one(self) -> bool:
        """Whether it is one event alone."""
        return len(self.events) == 1

    @property
    def event_ids(self) -> list[str]:
        """What its notes name."""
        return [event["eventId"] for event in self.events]

    @property
    def body(self) -> str:
        """The JSON text of a call with these events alone."""
        return json.dumps(self.fields, separators=(",", ":"))

    def halves(self) -> list[Part]:
        """Its events in two parts."""
        middle = len(self.events) // 2
        return [
            Part(self.fields | {"presenceEvents": events}, self.sent_before)
            for events in (self.events[:middle], self.events[middle:])
        ]


class Progress:
    """How far a run is, told every few seconds."""

    def __init__(self, due: int) -> None:
        self._due = due
        self._done = 0
        self._started = self._last_told = time.monotonic()

    def tell(self, log: Log, events: int) -> None:
        """Count these events as answered, and tell it where it was last told a while ago."""
        self._done += events
        now = time.monotonic()
        if now - self._last_told >= PROGRESS_EVERY_S:
            self._last_told = now
            rate = self._done / (now - self._started)
            left = (self._due - self._done) / rate
            log(f"posted {self._done} of {self._due} events, {rate:.0f} a second, {left:.0f} s left")


def _note(call: PlannedCall, part: Part | None, attempts: int, sent_at: datetime, answered_at: datetime) -> Note:
    """A note on a call, or on that part of it, to be completed with how it ended."""
    if part is None:
        return Note(call.call_id, attempts, sent_at, answered_at)
    return Note(
        call.call_id, attempts, sent_at, answered_at, part.event_ids, sent_before=part.sent_before, is_last=False
    )


def _facts(error: CalvenPipelineError) -> dict[str, Any]:
    """Status and correlation id of the answer that became this error, as far as there was one."""
    return {"status": getattr(error, "status", None), "correlation_id": getattr(error, "correlation_id", None)}


def _problem(error: CalvenPipelineError) -> str:
    """What kind of problem it is, in words that quote nothing."""
    return (type(error).__doc__ or type(error).__name__).partition("\n")[0].rstrip(".")


def _attempts(error: CalvenPipelineError) -> int:
    return getattr(error, "attempts", None) or 1
