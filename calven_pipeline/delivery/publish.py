"""Delivery: send what is due, many calls in flight, and account for every answer.

What may surprise: a call that is refused as a whole (4xx) is halved until the events at fault stand alone, because a
field that is wrong in one event refuses all the others with it. A run stops early where going on would be noise: the key
is refused, Calven is down, or every call is refused.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from calven_pipeline.api import CalvenClient, PresencePoster
from calven_pipeline.delivery import outbox
from calven_pipeline.delivery.journal import Journal, Note
from calven_pipeline.errors import CalvenPipelineError, RefusedCallError, TryAgainError
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.settings import PublishMode
from calven_pipeline.validation.raw import keep_raw
from calven_pipeline.warehouse.database import WorkingDatabase
from calven_pipeline.warehouse.home import claim_home

CALLS_PLANNED = 500  # at a time: 50,000 events, some 12 MB of bodies
FAILURES_TOLERATED = 3  # calls in a row that failed after all their retries: Calven is down
REFUSALS_TOLERATED = 20  # refusals without one loaded call between, halves included: it is us, not the data
PROGRESS_EVERY_S = 5.0
EVENT_FAULTS = frozenset({400, 413, 422})  # statuses that one event's content can cause

Log = Callable[[str], None]
_LOGGER = logging.getLogger(__name__)


@dataclass
class Delivery:
    """What one run of the outbox did; `waiting` events are not settled, for the reason in `problem` if there is one."""

    revision: int
    due: int
    accepted: int = 0
    rejected: int = 0
    waiting: int = 0
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    server_clock_skew_s: float | None = None
    problem: CalvenPipelineError | None = None
    open_rejections: dict[str, int] = field(default_factory=dict)

    @property
    def story(self) -> str:
        """One line: how many events wait, and why."""
        return f"{self.waiting} of {self.due} events are still pending: {self.problem}"


def publish_due(
    database: WorkingDatabase,
    client: CalvenClient,
    profiles: Sequence[SourceProfile],
    data_dir: Path,
    *,
    log: Log = _LOGGER.info,
) -> Delivery:
    """Send every due event, record every answer, and keep the original text of what Calven refused.

    What went wrong on the way stands in `problem`: everything that could be settled is committed by then. Raises only
    for the working database itself.
    """
    revision = database.value("validation/next_revision")
    started = time.monotonic()
    with Journal(database.state) as journal:
        outbox.recover(database, journal, revision)
        delivery = Delivery(revision, due=outbox.waiting(database))
        if delivery.due and client.settings.publish is PublishMode.LIVE:
            _post_due(database, client, journal, delivery, log)
    with database.transaction():
        keep_raw(database, profiles, data_dir)
    _count(database, delivery)
    delivery.seconds = time.monotonic() - started
    return delivery


def _post_due(database: WorkingDatabase, client: CalvenClient, journal: Journal, delivery: Delivery, log: Log) -> None:
    run = _Run(database, client, journal, delivery, log)
    try:
        claim_home(database, client.settings.api_url)
        asyncio.run(run.post_all())
    except CalvenPipelineError as error:
        delivery.problem = error
    finally:
        outbox.fold(database, journal, delivery.revision)
        outbox.release(database)


def _count(database: WorkingDatabase, delivery: Delivery) -> None:
    ((delivery.accepted, delivery.rejected),) = database.rows("delivery/count_answers", {"revision": delivery.revision})
    delivery.open_rejections = dict(database.rows("delivery/open_rejections"))
    delivery.waiting = outbox.waiting(database)


class _Run:
    """The state of one run on its event loop: what is planned, what failed in a row, and when progress was last told."""

    def __init__(
        self, database: WorkingDatabase, client: CalvenClient, journal: Journal, delivery: Delivery, log: Log
    ) -> None:
        self.database = database
        self.client = client
        self.journal = journal
        self.delivery = delivery
        self.log = log
        self.planned: deque[outbox.PlannedCall] = deque()
        self.failures_in_a_row = 0
        self.refusals_in_a_row = 0
        self.stopped: CalvenPipelineError | None = None
        self.first_failure: CalvenPipelineError | None = None
        self.started = self.last_told = time.monotonic()

    async def post_all(self) -> None:
        """Post until nothing is due or there is a reason to stop; raises that reason."""
        async with PresencePoster(self.client) as poster:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self.client.settings.concurrency):
                        group.create_task(self._work(poster))
            finally:
                self.delivery.calls, self.delivery.retries = poster.calls, poster.retries
                self.delivery.server_clock_skew_s = poster.server_clock_skew_s
        if self.stopped or self.first_failure:
            raise self.stopped or self.first_failure  # type: ignore[misc]  # one of them is an error

    async def _work(self, poster: PresencePoster) -> None:
        try:
            while (call := self._next_call()) is not None:
                await self._post(poster, call.call_id, call.body, None)
        except CalvenPipelineError as error:  # the working database's: the other workers must not go on
            self.stopped = self.stopped or error

    def _next_call(self) -> outbox.PlannedCall | None:
        if self.stopped:
            return None
        if not self.planned:
            self._refill()
        return self.planned.popleft() if self.planned else None

    def _refill(self) -> None:
        """Fold what came and plan what is next. Events whose call failed wait for the next run, not for this one."""
        revision, batch_size = self.delivery.revision, self.client.settings.batch_size
        outbox.fold(self.database, self.journal, revision)
        self.planned.extend(outbox.plan(self.database, revision, batch_size=batch_size, calls=CALLS_PLANNED))
        self._tell_progress()

    async def _post(self, poster: PresencePoster, call_id: int, body: str, part: list[str] | None) -> None:
        """Post a call, or the part of it with those event ids, and note how it ended."""
        sent_at = datetime.now(UTC)
        is_last = part is None
        try:
            answer = await poster.post(body)
        except RefusedCallError as refusal:
            await self._refused(poster, call_id, body, part, refusal)
        except CalvenPipelineError as error:
            attempts = getattr(error, "attempts", None) or 1
            problem = type(error).__name__
            self.journal.write(Note(call_id, attempts, sent_at, datetime.now(UTC), problem=problem, is_last=is_last))
            self._failed(error)
        else:
            self.failures_in_a_row = self.refusals_in_a_row = 0
            self.journal.write(
                Note(
                    call_id,
                    answer.attempts,
                    answer.sent_at,
                    answer.answered_at,
                    part,
                    answer.status,
                    answer.correlation_id,
                    answer.text,
                    is_last=is_last,
                )
            )

    def _failed(self, error: CalvenPipelineError) -> None:
        """Stop where trying again will not help, or where it failed too often in a row."""
        self.first_failure = self.first_failure or error
        self.failures_in_a_row += 1
        if not isinstance(error, TryAgainError) or self.failures_in_a_row >= FAILURES_TOLERATED:
            self.stopped = self.stopped or error

    async def _refused(
        self, poster: PresencePoster, call_id: int, body: str, part: list[str] | None, refusal: RefusedCallError
    ) -> None:
        """Halve a refused call until the event at fault stands alone; that one is rejected, with Calven's words."""
        now = datetime.now(UTC)
        call = json.loads(body)
        events = call["presenceEvents"]
        event_ids = [event["eventId"] for event in events]
        note = Note(
            call_id, 1, now, now, event_ids, refusal.status, getattr(refusal, "correlation_id", None), is_last=False
        )
        self.refusals_in_a_row += 1
        if refusal.status not in EVENT_FAULTS or self.refusals_in_a_row > REFUSALS_TOLERATED:
            self.journal.write(replace(note, problem=type(refusal).__name__))
            self._failed(refusal)
        elif len(events) == 1:
            self.journal.write(replace(note, refusal=refusal.detail or f"HTTP {refusal.status}"))
        else:
            middle = len(events) // 2
            for half in (events[:middle], events[middle:]):
                if not self.stopped:
                    text = json.dumps(call | {"presenceEvents": half}, separators=(",", ":"))
                    await self._post(poster, call_id, text, [event["eventId"] for event in half])
        if part is None:
            self.journal.write(replace(note, attempts=0, event_ids=None, is_last=True))

    def _tell_progress(self) -> None:
        now = time.monotonic()
        if now - self.last_told < PROGRESS_EVERY_S:
            return
        self.last_told = now
        left = outbox.waiting(self.database)
        done = self.delivery.due - left
        rate = done / (now - self.started)
        time_left = f"{left / rate:.0f} s left" if rate else "time left unknown"
        self.log(f"posted {done} of {self.delivery.due} events, {rate:.0f} a second, {time_left}")
