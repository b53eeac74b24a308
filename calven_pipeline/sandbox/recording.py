"""Calls as they arrived, whatever became of them: the proof of what was sent, and of what was not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Arrival:
    """One call before any fault; `at` is on the monotonic clock, in seconds."""

    area: str
    at: float
    authorization: str = field(repr=False)
    correlation_id: str
    body: bytes = field(repr=False)


class Arrivals:
    """Every call since the start or the last reset, in order; none where nobody asked for them."""

    def __init__(self, *, keeps: bool) -> None:
        self._keeps = keeps
        self._all: list[Arrival] = []

    def add(self, area: str, headers: Mapping[str, str], body: bytes) -> None:
        """Keep a call."""
        if self._keeps:
            authorization, correlation_id = headers.get("authorization", ""), headers.get("correlationid", "")
            self._all.append(Arrival(area, time.monotonic(), authorization, correlation_id, body))

    def of(self, area: str) -> list[Arrival]:
        """Those of `presence`, `auth`, `warehouse` or `other events`."""
        return [arrival for arrival in list(self._all) if arrival.area == area]

    def clear(self) -> None:
        """Forget them."""
        self._all = []
