"""The delivery step: the outbox recovered, sent, folded, and what came of it counted.

What may surprise: it raises only for the working database itself. What went wrong on the way to Calven is part of the
result, because everything that could be settled is committed by then and the steps behind this one should see it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from pathlib import Path

from calven_pipeline.api import CalvenClient, PresencePoster
from calven_pipeline.delivery import outbox
from calven_pipeline.delivery.journal import Journal
from calven_pipeline.delivery.sender import Log, Sender
from calven_pipeline.errors import CalvenPipelineError, UndeliveredEventsError
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.settings import PublishMode
from calven_pipeline.validation.raw import DamagedExportError, keep_raw
from calven_pipeline.warehouse.database import WorkingDatabase
from calven_pipeline.warehouse.home import check_home, settle_home

_LOGGER = logging.getLogger(__name__)


@dataclass
class Delivery:
    """What one run of the outbox did; `waiting` events are not settled, for the reason in `problem` if there is one.

    Of those that wait, `tried` were sent before; the others never. `failing_since` (UTC, naive) is when the first call
    failed after the last one that Calven took, in this run or an earlier one; None where the last one was taken.

    Of the tries that were answered, one in two took `call_latency_p50_ms` at most and nineteen in twenty
    `call_latency_p95_ms`; the lags are the seconds from an event to its acceptance, in the same way. All are 0 without any.
    """

    revision: int
    due: int
    accepted: int = 0
    rejected: int = 0
    waiting: int = 0
    tried: int = 0
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    call_latency_p50_ms: float = 0.0
    call_latency_p95_ms: float = 0.0
    lag_p50_s: float = 0.0
    lag_p95_s: float = 0.0
    server_clock_skew_s: float | None = None
    failing_since: datetime | None = None
    problem: CalvenPipelineError | None = None
    rejections: int = 0
    open_rejections: dict[str, int] = field(default_factory=dict)

    @property
    def events_per_second(self) -> float:
        """How many events were settled in a second of the whole step; 0 where none was."""
        return (self.accepted + self.rejected) / self.seconds if self.seconds else 0.0

    @property
    def story(self) -> str:
        """One line: how many events wait, why, and since when."""
        since = f" Every call has failed since {self.failing_since:%Y-%m-%d %H:%M} UTC." if self.failing_since else ""
        return f"{self.waiting} of {self.due} events are still pending: {self.problem}{since}"


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
    _keep_raw(database, profiles, data_dir)
    _count(database, delivery)
    if delivery.accepted or delivery.rejected:
        settle_home(database, client.settings.api_url)
    if delivery.waiting and delivery.problem is None and client.settings.publish is PublishMode.LIVE:
        delivery.problem = _waiting_without_reason(delivery)
    delivery.seconds = time.monotonic() - started
    return delivery


def _post_due(database: WorkingDatabase, client: CalvenClient, journal: Journal, delivery: Delivery, log: Log) -> None:
    sender = Sender(database, client.settings, journal, delivery.revision, delivery.due, log)
    try:
        check_home(database, client.settings.api_url)
        asyncio.run(_post_all(client, sender, delivery))
    except CalvenPipelineError as error:
        delivery.problem = error
    finally:
        outbox.fold(database, journal, delivery.revision)
        outbox.release(database, sender.under_way)


async def _post_all(client: CalvenClient, sender: Sender, delivery: Delivery) -> None:
    async with PresencePoster(client) as poster:
        try:
            await sender.post_all(poster)
        finally:
            delivery.calls, delivery.retries = poster.calls, poster.retries
            delivery.server_clock_skew_s = poster.server_clock_skew_s
            latencies_ms = sorted(poster.latencies_ms)
            delivery.call_latency_p50_ms = _at_most(latencies_ms, 0.5)
            delivery.call_latency_p95_ms = _at_most(latencies_ms, 0.95)


def _at_most(ordered: Sequence[float], share: float) -> float:
    """What that share of the values does not exceed; 0 where there are none."""
    return round(ordered[ceil(share * len(ordered)) - 1], 1) if ordered else 0.0


def _keep_raw(database: WorkingDatabase, profiles: Sequence[SourceProfile], data_dir: Path) -> None:
    """The texts of what Calven refused; those of a file that can no longer be read are rebuilt from what was staged."""
    damaged: set[str] = set()
    while True:
        try:
            with database.transaction():
                keep_raw(database, profiles, data_dir, damaged)
        except DamagedExportError as error:
            damaged.add(error.source_file)
        else:
            return


def _waiting_without_reason(delivery: Delivery) -> UndeliveredEventsError:
    return UndeliveredEventsError(
        f"Calven's answers to {delivery.waiting} events are missing or were lost on the way. Run again: they are sent again."
    )


def _count(database: WorkingDatabase, delivery: Delivery) -> None:
    ((delivery.accepted, delivery.rejected),) = database.rows("delivery/count_answers", {"revision": delivery.revision})
    ((delivery.lag_p50_s, delivery.lag_p95_s),) = database.rows("delivery/measure_lag", {"revision": delivery.revision})
    delivery.rejections = database.value("delivery/count_rejections")
    delivery.open_rejections = dict(database.rows("delivery/open_rejections"))
    delivery.waiting = outbox.waiting(database)
    ((_, delivery.tried),) = database.rows("delivery/count_states")
    delivery.failing_since = database.value("delivery/failing_since")
