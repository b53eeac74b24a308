"""What the status is made of, as plain facts: times are aware and UTC, None is what is not known.

What may surprise: `--json` prints exactly these, under these names, so a name that changes here breaks a script somewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

OUTCOMES = ("accepted", "rejected", "pending", "duplicate", "ignored")


@dataclass(frozen=True)
class Run:
    """One run: `status` is succeeded, failed, canceled, running or queued; `problem` is why it failed, a line for each file."""

    run_id: str
    job: str
    status: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Pull:
    """The last pull of users, locations or desks that was taken."""

    table: str
    row_count: int
    pulled_at: datetime


@dataclass(frozen=True)
class Automation:
    """A schedule or sensor; `last_tick` is launched, skipped, failed or under way, `story` why it skipped or failed.

    `is_switched_on`: somebody did that, so it is missed where nothing runs it. Some are on as shipped.
    """

    name: str
    kind: str
    is_on: bool
    is_switched_on: bool = False
    next_tick_at: datetime | None = None
    last_tick_at: datetime | None = None
    last_tick: str | None = None
    story: str | None = None


@dataclass(frozen=True)
class Warned:
    """A check whose last evaluation warned, at that time: `problem` is what it found."""

    asset: str
    check: str
    problem: str
    what_to_do: str
    at: datetime


@dataclass(frozen=True)
class Operations:
    """What Dagster knows.

    `failed` are the last failed runs whose steps have not succeeded since, `warnings` the checks that warned last; `looked_at`
    is when somebody last looked for new exports; `snapshot_due_at` is when the last run that ends with a snapshot began.
    """

    runs: tuple[Run, ...] = ()
    failed: tuple[Run, ...] = ()
    warnings: tuple[Warned, ...] = ()
    pulls: tuple[Pull, ...] = ()
    automations: tuple[Automation, ...] = ()
    daemon_seen_at: datetime | None = None
    looked_at: datetime | None = None
    snapshot_due_at: datetime | None = None


@dataclass(frozen=True)
class Waiting:
    """Events that Calven has not acknowledged: how many, when the oldest was read, and when it happened."""

    events: int = 0
    read_at: datetime | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True)
class Rejection:
    """Open rejections of one reason, and what to do."""

    reason: str
    rows: int
    first_rejected_at: datetime
    what_to_do: str


@dataclass(frozen=True)
class Source:
    """One source: its last file, and how many days usually lie between days with new files.

    `usual_days` is the median and `longest_usual_days` what nine in ten gaps keep to; both None where there are too few
    files to tell, or files of too few days.
    """

    name: str
    last_file: str | None = None
    last_file_at: datetime | None = None
    last_file_rows: int | None = None
    last_event_at: datetime | None = None
    usual_days: int | None = None
    longest_usual_days: int | None = None
    silent_days: int | None = None
    is_silent: bool = False
    in_profiles: bool = True


@dataclass(frozen=True)
class Holdings:
    """What the snapshot says; `outcomes` and `outcomes_24_h` are rows by outcome, in all and of files read since."""

    written_at: datetime
    size_bytes: int
    outcomes: dict[str, int] = field(default_factory=dict)
    outcomes_24_h: dict[str, int] = field(default_factory=dict)
    waiting: Waiting = field(default_factory=Waiting)
    rejections: tuple[Rejection, ...] = ()
    sources: tuple[Source, ...] = ()
    pulls: tuple[Pull, ...] = ()


@dataclass(frozen=True)
class Problem:
    """Something that is wrong now: a stable word for scripts, what it is, and what to do."""

    kind: str
    what: str
    what_to_do: str


@dataclass(frozen=True)
class Status:
    """Everything, at one moment."""

    at: datetime
    data_dir: str
    problems: tuple[Problem, ...]
    operations: Operations
    holdings: Holdings | None
    sources: tuple[Source, ...]
    pulls: tuple[Pull, ...]
