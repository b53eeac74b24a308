"""The status as one JSON object for scripts.

    version      1; a name below changes or goes only with another number (new ones may come)
    at           when it was looked, and data_dir: where
    well         true where problems is empty; the exit code is then 0, else 1
    problems     kind (settings, profiles, runs_unreadable, snapshot_unreadable, nothing_yet, daemon_silent, run_failed,
                 tick_failed, events_waiting, reference_old, nobody_looks, source_silent, check_warns, snapshot_behind), what,
                 what_to_do
    runs         the newest first: run_id, job, status, started_at, ended_at, problem (a line for each file)
    waiting      events, read_at and occurred_at of the oldest; null without a snapshot
    outcomes     rows by outcome: all, last_24_h (of files read since); null without a snapshot
    rejections   open ones: reason, rows, first_rejected_at, what_to_do
    sources      name, last_file, last_file_at, last_file_rows, last_event_at, usual_days, longest_usual_days, silent_days,
                 is_silent, in_profiles
    reference    table, row_count, pulled_at
    snapshot     written_at, size_bytes; null where there is none
    automations  name, kind, is_on, is_switched_on, next_tick_at (if a daemon is there), last_tick_at, last_tick, story
    daemon       seen_at

Every time is ISO 8601 in UTC, or null. Counts, names of files, jobs and sources; nothing of people.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from calven_pipeline.status.facts import Status

VERSION = 1


def document(status: Status) -> dict[str, Any]:
    """The object, ready for `json.dumps`."""
    held = status.holdings
    facts: dict[str, Any] = {
        "version": VERSION,
        "at": status.at,
        "data_dir": status.data_dir,
        "well": not status.problems,
        "problems": [asdict(problem) for problem in status.problems],
        "runs": [asdict(run) for run in status.operations.runs],
        "waiting": asdict(held.waiting) if held else None,
        "outcomes": {"all": held.outcomes, "last_24_h": held.outcomes_24_h} if held else None,
        "rejections": [asdict(rejection) for rejection in held.rejections] if held else [],
        "sources": [asdict(source) for source in status.sources],
        "reference": [asdict(pull) for pull in status.pulls],
        "snapshot": {"written_at": held.written_at, "size_bytes": held.size_bytes} if held else None,
        "automations": [asdict(automation) for automation in status.operations.automations],
        "daemon": {"seen_at": status.operations.daemon_seen_at},
    }
    return {name: _plain(value) for name, value in facts.items()}


def _plain(fact: Any) -> Any:  # noqa: ANN401 - whatever a fact may be
    """Times as text, everything else as it is."""
    if isinstance(fact, datetime):
        return fact.isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(fact, dict):
        return {name: _plain(value) for name, value in fact.items()}
    if isinstance(fact, list | tuple):
        return [_plain(value) for value in fact]
    return fact
