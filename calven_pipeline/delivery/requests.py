"""What somebody asks for: to send or look at chosen rows again (replay), or to close rejections for good (dismiss).

What may surprise: a replay sends nothing itself. It puts accepted events back into the outbox and rejections before the next
validation, in one transaction; the steps behind it do the rest. Each launch is carried out once, however often Dagster runs it
again: otherwise a re-execution would send what the first run has just delivered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal

from calven_pipeline.errors import RequestError
from calven_pipeline.validation.reasons import REASONS
from calven_pipeline.warehouse.database import WorkingDatabase

OUTCOMES = ("accepted", "pending", "rejected")  # duplicates and ignored rows are no events, and never sent

PLANS = {
    "send": "to send again",
    "look": "to look at again",
    "waits": "waiting to be sent already",
    "stays": "that another look cannot help",
}

Kind = Literal["replay", "dismiss"]


@dataclass(frozen=True)
class Choice:
    """Which rows: all that fit everything given. Days are local, both included; a row fits a reason if it has it at all."""

    source: str | None = None
    source_file: str | None = None
    first_date: date | None = None
    last_date: date | None = None
    reasons: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ("rejected",)

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it but the outcome."""
        return not (self.source or self.source_file or self.first_date or self.last_date or self.reasons)


@dataclass(frozen=True)
class Line:
    """How many chosen rows of a file have this outcome and first reason, and what a replay does with them.

    `plan`: send (an accepted event once more), look (at a rejection again), waits (will be sent anyhow), stays (no second
    look can help: mend the export, or it was dismissed).
    """

    source: str
    source_file: str
    outcome: str
    reason: str | None
    plan: str
    row_count: int


@dataclass(frozen=True)
class Request:
    """What was chosen and, unless it was a dry run, how many rows were changed by it.

    `was_done` says that an earlier run of the same launch had carried it out: then nothing was chosen now.
    """

    kind: Kind
    lines: tuple[Line, ...]
    changed: int = 0
    is_dry_run: bool = False
    was_done: bool = False

    @property
    def plans(self) -> dict[str, int]:
        """Chosen rows by plan."""
        counts: Counter[str] = Counter()
        for line in self.lines:
            counts[line.plan] += line.row_count
        return dict(counts)

    @property
    def story(self) -> str:
        """One line: how many rows were chosen, for what, and how many were changed."""
        if self.was_done:
            return f"{self.kind}: this launch was carried out before ({self.changed} rows); nothing is chosen again"
        fit = f"rows that fit: {self.chosen}"
        if self.kind == "replay":
            plans = [f"{rows} {PLANS[plan]}" for plan, rows in sorted(self.plans.items())]
            fit += f" ({', '.join(plans) or 'none'})"
        if self.is_dry_run:
            return f"{self.kind}, dry run: {fit}. Nothing was changed; to do it, set dry_run: false"
        return f"{self.kind}: {fit}; changed: {self.changed}"

    @property
    def chosen(self) -> int:
        """All rows that fit."""
        return sum(line.row_count for line in self.lines)


def replay(database: WorkingDatabase, choice: Choice, *, run_id: str, dry_run: bool) -> Request:
    """Put chosen accepted events back into the outbox, and chosen rejections before the next validation.

    Raises `RequestError` where the choice cannot work.
    """
    _check(database, choice)
    if choice.is_everything and set(choice.outcomes) - {"rejected"}:
        raise RequestError(
            "A replay of accepted events needs a source, a file, dates or reasons: everything ever sent is too much to be meant."
        )
    with database.transaction():
        done = _done(database, "replay", run_id)
        if done:
            return done
        lines = _choose(database, choice)
        if dry_run:
            return Request("replay", lines, is_dry_run=True)
        changed = database.run("requests/send_again") + database.run("requests/look_again")
        this = {"revision": database.value("validation/next_revision")}
        database.run("requests/resolve_sent", this)
        database.run("requests/touch_sent", this)
        _record(database, "replay", choice, run_id, changed)
    return Request("replay", lines, changed)


def dismiss(database: WorkingDatabase, choice: Choice, note: str, *, run_id: str, dry_run: bool) -> Request:
    """Close chosen open rejections for good, with a note; they are not looked at again, nor sent.

    Raises `RequestError` where the choice cannot work or the note is empty.
    """
    _check(database, choice)
    if not note.strip():
        raise RequestError("A dismissal needs a note that says why: it is for good, and stands in `rejections`.")
    if choice.outcomes != ("rejected",):
        raise RequestError("Only rejections can be dismissed.")
    with database.transaction():
        done = _done(database, "dismiss", run_id)
        if done:
            return done
        lines = _choose(database, choice)
        if dry_run:
            return Request("dismiss", lines, is_dry_run=True)
        revision = database.value("validation/next_revision")
        changed = database.run("requests/dismiss_rejections", {"note": note.strip(), "revision": revision})
        _record(database, "dismiss", choice, run_id, changed, note.strip())
    return Request("dismiss", lines, changed)


def _check(database: WorkingDatabase, choice: Choice) -> None:
    known = [source for (source,) in database.rows("requests/known_sources")]
    if choice.source is not None and choice.source not in known:
        raise RequestError(f"No row was read from a source {choice.source!r}. There are: {', '.join(known) or 'none'}.")
    if choice.source_file is not None and not database.value(
        "requests/known_file", {"source_file": choice.source_file}
    ):
        raise RequestError(
            f"No file {choice.source_file!r} was read. Give its path below exports/, as `source_file` in `presence` has it."
        )
    unknown = [reason for reason in choice.reasons if reason not in REASONS]
    if unknown:
        raise RequestError(f"No such reason: {', '.join(unknown)}. There are: {', '.join(REASONS)}.")
    wrong = [outcome for outcome in choice.outcomes if outcome not in OUTCOMES]
    if wrong or not choice.outcomes:
        raise RequestError(
            f"Not an outcome that can be chosen: {', '.join(wrong) or '(none)'}. There are: {', '.join(OUTCOMES)}; "
            "duplicates and ignored rows are never sent."
        )
    if choice.reasons and "rejected" not in choice.outcomes:
        raise RequestError("Only rejected rows have reasons: add `rejected` to the outcomes, or leave out the reasons.")
    if choice.first_date and choice.last_date and choice.last_date < choice.first_date:
        raise RequestError(f"The last date, {choice.last_date}, is before the first, {choice.first_date}.")


def _done(database: WorkingDatabase, kind: Kind, run_id: str) -> Request | None:
    changed = database.value("requests/request_of_run", {"kind": kind, "run_id": run_id})
    return None if changed is None else Request(kind, (), changed, was_done=True)


def _choose(database: WorkingDatabase, choice: Choice) -> tuple[Line, ...]:
    database.run("requests/choose_rows", _parameters(choice))
    return tuple(Line(*row) for row in database.rows("requests/summarise"))


def _record(
    database: WorkingDatabase, kind: Kind, choice: Choice, run_id: str, changed: int, note: str | None = None
) -> None:
    told = {"kind": kind, "run_id": run_id, "row_count": changed, "note": note}
    database.run("requests/add_request", {**_parameters(choice), **told})


def _parameters(choice: Choice) -> dict[str, object]:
    return {**asdict(choice), "reasons": list(choice.reasons), "outcomes": list(choice.outcomes)}
