"""What is remembered from one look to the next, as text: how far the log was read, and the incidents.

Dagster stores it with every look, so defaults are left out: a told incident takes some 200 characters.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields

from calven_pipeline.alerts.incidents import Incident

VERSION = 1


@dataclass(frozen=True)
class Memory:
    """`read_to` is the number of the last event of a run's end that was looked at."""

    read_to: int
    incidents: tuple[Incident, ...] = ()

    def text(self) -> str:
        """As short as JSON can be."""
        kept = [
            {
                f.name: getattr(one, f.name)
                for f in fields(one)
                if getattr(one, f.name) != f.default or f.default is MISSING
            }
            for one in self.incidents
        ]
        return json.dumps(
            {"version": VERSION, "read_to": self.read_to, "incidents": kept}, ensure_ascii=False, separators=(",", ":")
        )


def remembered(text: str | None) -> Memory | None:
    """What that text says; None where there is none, or one that we did not write: then everything begins anew."""
    try:
        told = json.loads(text or "")
        if told["version"] != VERSION:
            return None
        return Memory(int(told["read_to"]), tuple(Incident(**one) for one in told["incidents"]))
    except (ValueError, KeyError, TypeError):
        return None
