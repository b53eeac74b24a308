"""Counts of what the sandbox saw: calls by path and status, events, and how many calls were open at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class Stats:
    """Counters since the start or the last reset."""

    def __init__(self) -> None:
        self._calls: dict[str, Counter[str]] = {}
        self._keys: Counter[str] = Counter()
        self._regions: Counter[str] = Counter()
        self._codes: Counter[int] = Counter()
        self._open: Counter[str] = Counter()
        self._most_open: Counter[str] = Counter()
        self.events_received = 0
        self.events_accepted = 0
        self.events_repeated = 0

    @contextmanager
    def open_call(self, area: str) -> Iterator[None]:
        """Count a call as open while it is being answered."""
        self._open[area] += 1
        self._most_open[area] = max(self._most_open[area], self._open[area])
        try:
            yield
        finally:
            self._open[area] -= 1

    def count_call(self, path: str, outcome: str, region: str) -> None:
        """Count an answered call; the outcome is a status or `dropped`."""
        self._calls.setdefault(path, Counter())[outcome] += 1
        self._regions[region] += 1

    def count_key(self, key_id: str) -> None:
        """Count a call by the key that it was made with."""
        self._keys[key_id] += 1

    def count_codes(self, codes: Iterable[int]) -> None:
        """Count events by their result codes."""
        self._codes.update(codes)

    def summary(self) -> dict[str, Any]:
        """The counts as the answer of `GET /sandbox/stats`."""
        return {
            "calls": {path: dict(outcomes) for path, outcomes in list(self._calls.items())},
            "callsByKey": dict(self._keys),
            "callsByRegion": dict(self._regions),
            "mostCallsOpen": dict(self._most_open),
            "eventsReceived": self.events_received,
            "eventsAccepted": self.events_accepted,
            "eventsRepeated": self.events_repeated,
            "resultCodes": {str(code): count for code, count in list(self._codes.items())},
        }
