"""Whether a source fell silent: the same rule as in `status`, over the working database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from calven_pipeline.checks.rules import NO_SOURCE_SILENT, Finding
from calven_pipeline.status.facts import Source
from calven_pipeline.status.problems import story_of_silence, with_silence
from calven_pipeline.status.wording import LEAST_DAYS, LEAST_GAPS
from calven_pipeline.warehouse.database import WorkingDatabase


def look_at_silence(database: WorkingDatabase, in_profiles: Iterable[str], now: datetime) -> Finding:
    """Whether each source of these names brings files as it usually does; `now` (aware) is when somebody last looked."""
    names = set(in_profiles)
    sources = [
        with_silence(
            Source(name, file, staged_at.replace(tzinfo=UTC), rows, None, usual, longest),
            now,
            now,
            in_profiles=name in names,
        )
        for name, file, staged_at, rows, usual, longest in database.rows(
            "status/usual_gaps", {"least_gaps": LEAST_GAPS, "least_days": LEAST_DAYS}
        )
    ]
    watched = [source for source in sources if source.in_profiles and source.longest_usual_days is not None]
    silent = [source for source in watched if source.is_silent]
    return Finding(
        NO_SOURCE_SILENT,
        passed=not silent,
        story=f"{'; '.join(story_of_silence(source) for source in silent)}."
        if silent
        else "Every source brings files as usual.",
        numbers={
            "sources_silent": len(silent),
            "sources_watched": len(watched),
            "longest_silence_days": max((source.silent_days or 0 for source in watched), default=0),
        },
        about=tuple(source.name for source in silent),
    )
