"""What the sandbox accepted, kept in columns: a million events take about 200 MB and no call costs more for them."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from calven_pipeline.sandbox.presence import Event

SECONDS_PER_DAY = 86_400
_TEXT_COLUMNS = ("sourceId", "userId", "locationId", "locationType", "sourceUserId")


class _Numbers(dict[str | None, int]):
    """Texts that repeat, numbered from 0 in the order of their first appearance."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str | None] = []

    def __missing__(self, text: str | None) -> int:
        number = self[text] = len(self.texts)
        self.texts.append(text)
        return number


class Ledger:
    """Accepted and rejected events. The first content of an event id stands; later ones only count.

    A row is a stretch of the flat arrays: the numbers of its texts, and its two times in Unix seconds.
    """

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._event_ids: list[str] = []
        self._number_of = _Numbers()
        self._numbers = array("I")
        self._times = array("d")
        self._times_received = array("I")
        self._rows_of_day: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))
        self._rejected: dict[str, tuple[int, int]] = {}

    def __len__(self) -> int:
        """How many event ids were accepted."""
        return len(self._event_ids)

    def accept(self, event: Event, user_id: str, location_id: str, source_id: str, received_at: float) -> bool:
        """Remember an event under the ids as provisioned; false when its event id was accepted before."""
        row = self._rows.get(event.event_id)
        if row is not None:
            self._times_received[row] += 1
            return False
        row = self._rows[event.event_id] = len(self._event_ids)
        known = self._number_of
        self._numbers.extend(
            (
                known[source_id],
                known[user_id],
                known[location_id],
                known[event.location_type],
                known[event.source_user_id],
            )
        )
        self._times.extend((event.occurred_at, received_at))
        self._times_received.append(1)
        self._rows_of_day[int(event.occurred_at // SECONDS_PER_DAY)].append(row)
        self._event_ids.append(event.event_id)  # last: readers in other threads count rows by this list
        return True

    def reject(self, event_id: str, code: int) -> None:
        """Remember that an event was reported with a code other than 0."""
        _, times = self._rejected.get(event_id, (0, 0))
        self._rejected[event_id] = (code, times + 1)

    def times_received(self, event_id: str) -> int:
        """How often an accepted event arrived; 0 when it was never accepted."""
        row = self._rows.get(event_id)
        return 0 if row is None else self._times_received[row]

    def accepted(self, offset: int = 0, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Accepted events in the order of arrival, those that were there when the listing began."""
        end = len(self) if limit is None else min(len(self), offset + limit)
        return (self._describe(row) for row in range(offset, end))

    def rejected(self) -> Iterator[dict[str, Any]]:
        """Rejected events, each with its latest code. One that was accepted later is in both lists."""
        for event_id, (code, times) in list(self._rejected.items()):
            yield {"eventId": event_id, "resultCode": code, "timesReceived": times}

    def on_days(self, first: date, last: date) -> Iterator[dict[str, Any]]:
        """Accepted events of the UTC days from `first` to `last`."""
        epoch = date(1970, 1, 1)
        for day in range((first - epoch).days, (last - epoch).days + 1):
            for row in self._rows_of_day.get(day, ()):
                yield self._describe(row)

    def _describe(self, row: int) -> dict[str, Any]:
        start = row * len(_TEXT_COLUMNS)
        numbers = self._numbers[start : start + len(_TEXT_COLUMNS)]
        occurred_at, received_at = self._times[2 * row : 2 * row + 2]
        return {
            "eventId": self._event_ids[row],
            "timestamp": iso_time(occurred_at),
            **{name: self._number_of.texts[number] for name, number in zip(_TEXT_COLUMNS, numbers, strict=True)},
            "receivedAt": iso_time(received_at),
            "timesReceived": self._times_received[row],
        }


def iso_time(unix_seconds: float) -> str:
    """A time in UTC as the API prints it; fractions only where there are any."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat().replace("+00:00", "Z")
