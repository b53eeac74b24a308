"""Incidents: what failed and is told once, however many runs fail for the same reason, until it passes.

An incident is a subject (a check, a step, or a job whose run broke off) with the reason why it failed, whichever job ran
it: a refused key that fails a check in two jobs is one incident. Times are Unix seconds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

LINE_LENGTH = 300
SUBJECT_LENGTH = 120
MOST_KEPT = (
    60  # Dagster stores them with every look; on one bad day every check, step and job may fail once (a test counts)
)
MOST_TOLD_APART = 40  # things that one warning is about
FORGOTTEN_AFTER_S = 30 * 86400  # a check that was renamed never passes
LIKE_AN_ADDRESS = re.compile(r"[^\s<>\"'(),;:]*@[^\s<>\"'(),;:]+")
NOT_A_WORD = re.compile(r"[\W\d_]+")


@dataclass(frozen=True)
class Finding:
    """Something that failed in a run; `line` says why, without people; `about` names what a warning is about."""

    subject: str
    line: str
    is_warning: bool = False
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ended:
    """A run that succeeded or failed. `is_retried`: Dagster starts a crashed worker's run again by itself."""

    run_id: str
    job: str
    at: float
    failed: tuple[Finding, ...] = ()
    passed: frozenset[str] = frozenset()
    is_retried: bool = False


@dataclass(frozen=True)
class Incident:
    """What failed, since when and in how many runs.

    `line` and `run_id`, the first one, are kept until they are told. `is_held`: every run of it is tried again by Dagster, so there is nothing to tell yet.
    `closed_*` say which run it was over in, where that is not told yet. `about` are hashes of what a warning was about when
    it was seen last.
    """

    subject: str
    reason: str
    is_warning: bool
    job: str
    run_id: str
    opened_at: float
    seen_at: float
    runs: int = 1
    line: str = ""
    is_told: bool = False
    is_held: bool = False
    closed_job: str = ""
    closed_run_id: str = ""
    closed_at: float = 0.0
    about: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it has not passed since."""
        return not self.closed_at


def clean(line: str) -> str:
    """One line of at most 300 characters, without anything that looks like an address of a person."""
    text = LIKE_AN_ADDRESS.sub("(address left out)", " ".join(line.split()))
    return text if len(text) <= LINE_LENGTH else f"{text[: LINE_LENGTH - 3].rstrip()}..."


def reason_of(finding: Finding) -> str:
    """What stays the same while a failure repeats: its words, without numbers, dates and signs; a warning is one reason."""
    return _hash("warning" if finding.is_warning else NOT_A_WORD.sub(" ", finding.line).strip().casefold(), 6)


def _hash(words: str, size: int) -> str:
    return hashlib.blake2s(words.encode(), digest_size=size).hexdigest()


def take_in(incidents: Sequence[Incident], ended: Iterable[Ended]) -> tuple[Incident, ...]:
    """The incidents after these runs, which come in the order of their ends."""
    kept = tuple(incidents)
    for run in ended:
        kept = _bounded(_opened(_closed(kept, run), run), run.at)
    return kept


def told(incidents: Sequence[Incident], about: Sequence[Incident]) -> tuple[Incident, ...]:
    """The incidents after these were told: what is over goes, what is open stays without its line."""
    return tuple(
        replace(incident, is_told=True, line="", run_id="") if incident in about else incident
        for incident in incidents
        if incident.is_open or incident not in about
    )


def untold(incidents: Sequence[Incident]) -> list[tuple[Incident, ...]]:
    """What is to be told, a group for each message: what one run opened and closed. The oldest comes first."""
    groups: dict[str, list[Incident]] = {}
    for incident in sorted(incidents, key=lambda one: one.closed_at or one.opened_at):
        if not incident.is_open or not (incident.is_told or incident.is_held):
            groups.setdefault(incident.closed_run_id or incident.run_id, []).append(incident)
    return [tuple(group) for group in groups.values()]


def _closed(incidents: Sequence[Incident], run: Ended) -> tuple[Incident, ...]:
    """Those that passed in this run are over; a held one, which nobody was or is to be told of, is gone."""
    passed = run.passed - {finding.subject[:SUBJECT_LENGTH] for finding in run.failed}
    after = []
    for incident in incidents:
        if not incident.is_open or incident.subject not in passed:
            after.append(incident)
        elif not incident.is_held:
            after.append(replace(incident, closed_job=run.job, closed_run_id=run.run_id, closed_at=run.at))
    return tuple(after)


def _opened(incidents: Sequence[Incident], run: Ended) -> tuple[Incident, ...]:
    """Each finding adds a run to its open incident, or opens one."""
    after = {(one.subject, one.reason): one for one in incidents if one.is_open}
    for new in {(one.subject, one.reason): one for one in (_incident(finding, run) for finding in run.failed)}.values():
        old = after.get(key := (new.subject, new.reason))
        after[key] = _seen_again(old, new, run) if old else new
    return (*(one for one in incidents if not one.is_open), *after.values())


def _seen_again(old: Incident, new: Incident, run: Ended) -> Incident:
    """The incident with one run more, to be told again where it is about something that it was not about before."""
    seen = replace(old, runs=old.runs + 1, seen_at=run.at, about=new.about, is_held=old.is_held and run.is_retried)
    if set(new.about.split()) <= set(old.about.split()):
        return seen
    return replace(seen, job=new.job, run_id=new.run_id, line=new.line, is_told=False)


def _incident(finding: Finding, run: Ended) -> Incident:
    return Incident(
        subject=finding.subject[:SUBJECT_LENGTH],
        reason=reason_of(finding),
        is_warning=finding.is_warning,
        job=run.job,
        run_id=run.run_id,
        opened_at=run.at,
        seen_at=run.at,
        line=clean(finding.line),
        is_held=run.is_retried,
        about=" ".join(_hash(name, 3) for name in finding.about[:MOST_TOLD_APART]) if finding.is_warning else "",
    )


def _bounded(incidents: Sequence[Incident], now: float) -> tuple[Incident, ...]:
    """Without those that were told and have not been seen for a month, and then the longest not seen; told ones go first."""
    recent = [one for one in incidents if not one.is_told or not one.is_open or now - one.seen_at < FORGOTTEN_AFTER_S]
    last_to_go = sorted(recent, key=lambda one: (one.is_open and not one.is_told, one.seen_at), reverse=True)
    return tuple(one for one in recent if one in last_to_go[:MOST_KEPT])
