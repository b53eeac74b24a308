"""Sending what is due: many calls in flight, each answer noted as it comes, and reasons to stop.

What may surprise: a call that is refused as a whole (4xx) is halved until the events at fault stand alone, because a
field that is wrong in one event refuses all the others with it. Such an event is only rejected once another call was
loaded, or where it is the only one at fault: while Calven refuses everything, it is us, not the data. A run stops early
where going on would be noise: the key is refused, Calven is down, or every call is refused.
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
REFUSALS_TOLERATED = 20  # refusals without one loaded call between, halves included: it is us, not the data
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
        self._at_fault: Counter[int] = Counter()  # events found, by call
        self._has_loaded = False
        self._failures_in_a_row = 0
        self._refusals_in_a_row = 0
        self._stopped: CalvenPipelineError | None = None
        self._first_failure: CalvenPipelineError | None = None
        self._first_refusal: RefusedCallError | None = None
        self._progress = Progress(due)

    async def post_all(self, poster: PresencePoster) -> None:
        """Post until nothing is due or there is a reason to stop; raises that reason, or the first failure."""
        with self._database.one_thread():
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.concurrency):
                    group.create_task(self._work(poster))
        if self._at_fault.total() > 1 and not self._has_loaded:
            self._stopped = self._stopped or self._first_refusal
        if self._stopped:
            self._let_go_of_refusals()
            raise self._stopped
        self._write_held()
        if self._first_failure:
            raise self._first_failure

    async def _work(self, poster: PresencePoster) -> None:
        try:
            while (call := self._next_call()) is not None:
                await self._post(poster, call)
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

    async def _post(self, poster: PresencePoster, call: PlannedCall, part: Part | None = None) -> int:
        """Post a call, or that part of it, and note how it ended; how many parts it was sent in, itself included."""
        sent_at = datetime.now(UTC)
        try:
            answer = await poster.post(call.body)
        except RefusedCallError as refusal:
            return await self._refused(poster, call, part, refusal, sent_at)
        except CalvenPipelineError as error:
            note = _note(call, part, _attempts(error), sent_at, datetime.now(UTC))
            self._write(replace(note, problem=type(error).__name__, **_facts(error)))
            self._failed(error)
        else:
            self._loaded(call, part, answer)
            self._progress.tell(self._log, call.events)
        return 1

    def _loaded(self, call: PlannedCall, part: Part | None, answer: Answer) -> None:
        self._failures_in_a_row = self._refusals_in_a_row = 0
        self._has_loaded = True
        self._write_held()
        note = _note(call, part, answer.attempts, answer.sent_at, answer.answered_at)
        self._write(replace(note, status=answer.status, correlation_id=answer.correlation_id, answer=answer.text))

    def _failed(self, error: CalvenPipelineError) -> None:
        """Stop where trying again will not help, or where it failed too often in a row."""
        self._first_failure = self._first_failure or error
        self._failures_in_a_row += 1
        if not isinstance(error, TryAgainError) or self._failures_in_a_row >= FAILURES_TOLERATED:
            self._stopped = self._stopped or error

    async def _refused(
        self, poster: PresencePoster, call: PlannedCall, part: Part | None, refusal: RefusedCallError, sent_at: datetime
    ) -> int:
        """Halve a refused call until the event at fault stands alone; that one is rejected, with Calven's words.

        How many parts the call was sent in: at most 2 log2(n) + 1 for each of its n events that is at fault.
        """
        fields = json.loads(call.body)
        events = fields["presenceEvents"]
        this = part or Part(_ids_of(events))
        note = replace(_note(call, this, _attempts(refusal), sent_at, datetime.now(UTC)), **_facts(refusal))
        parts = 1
        self._first_refusal = self._first_refusal or refusal
        self._refusals_in_a_row += 1
        if refusal.status not in EVENT_FAULTS or self._refusals_in_a_row > REFUSALS_TOLERATED:
            self._write(replace(note, problem=type(refusal).__name__))
            self._failed(refusal)
        elif len(events) == 1:
            self._at_fault[call.call_id] += 1
            self._held.append(replace(note, refusal=refusal.detail or f"HTTP {refusal.status}"))
        else:
            self._write(note)
            middle = len(events) // 2
            for half in (events[:middle], events[middle:]):
                if not self._stopped:
                    body = json.dumps(fields | {"presenceEvents": half}, separators=(",", ":"))
                    half_call = PlannedCall(call.call_id, body, len(half))
                    parts += await self._post(poster, half_call, Part(_ids_of(half), this.sent_before + note.attempts))
        if part is None:
            self._write(replace(note, attempts=0, event_ids=None, is_last=True))
            self._log(
                f"a call of {len(events)} events was refused ({refusal.status}); sent in {parts} parts, "
                f"{self._at_fault[call.call_id]} events are at fault"
            )
        return parts

    def _write(self, note: Note) -> None:
        """Write the note, behind those that are held: a call must not end before its refusals are known."""
        if self._held:
            self._held.append(note)
        else:
            self._journal.write(note)

    def _write_held(self) -> None:
        held, self._held = self._held, []
        for note in held:
            self._journal.write(note)

    def _let_go_of_refusals(self) -> None:
        """Nothing was loaded since: whether those events are at fault is not known, so they stay pending."""
        self._held = [replace(note, refusal=None) for note in self._held]
        self._write_held()


@dataclass(frozen=True)
class Part:
    """A part of a call that was refused: its events, and how often they were sent in this call before."""

    event_ids: list[str]
    sent_before: int = 0


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


def _attempts(error: CalvenPipelineError) -> int:
    return getattr(error, "attempts", None) or 1


def _ids_of(events: list[dict[str, str]]) -> list[str]:
    return [event["eventId"] for event in events]
