"""Ask Calven for the days touched, keep its rows as they come, and compare people and days.

What may surprise: nothing that goes wrong on the way to Calven is raised. Delivery is the promise and this is a second
look, so it stands in `problem`, the rows of earlier pulls stay, and the same days are asked for next time. Nor is the mark
moved on while no row that comes can be recognised. What comes of people who were forgotten, or of days that retention has removed,
is compared and not kept: the days of others bring it back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import duckdb

from calven_pipeline.api import AnswerFile, CalvenClient, fetch_presence_to_file
from calven_pipeline.api.warehouse import MOST_DAYS
from calven_pipeline.errors import CalvenPipelineError, RefusedCallError, UnreadableAnswerError, WorkingDatabaseError
from calven_pipeline.reconciliation.shape import Shape, shape_of
from calven_pipeline.settings import PublishMode
from calven_pipeline.warehouse.database import WorkingDatabase, foreign_errors
from calven_pipeline.warehouse.home import check_home
from calven_pipeline.warehouse.queries import query

MOST_LOOKS = 4  # for one person on one day; Calven does not publish how soon it shows what it took
LOOK_AGAIN_AFTER = timedelta(hours=1)
TOLD_FOR = timedelta(days=30)  # after the last look, whom Calven never confirmed
DAY_FAULTS = (400, 422)  # what may be said of the days asked for; other refusals are of the call
REFUSALS_TOLERATED = 2  # while nothing was answered; more, and it is not the days

Range = tuple[date, date]  # both ends included

DAYS_TOLD = 5
NAMES_TOLD = 20
_HARMLESS_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")  # a field name, not somebody's address


@dataclass(frozen=True)
class Day:
    """People of one local day: how many we believe accepted, and how many of them Calven reports."""

    day: date
    expected: int
    confirmed: int

    @property
    def missing(self) -> int:
        """How many Calven does not report."""
        return self.expected - self.confirmed


@dataclass
class Reconciliation:
    """What Calven was asked and what the comparison found; counts of rows and of people-days, never people.

    `ranges` are the ranges of days to ask for, of which some were `answered` and some `refused`; `recognised` of the rows
    pulled name a person and a day; `unconfirmed` people-days will be looked for again, `given_up` ones no more.
    `row_count` is that of `calven_presence`.
    """

    ranges: int = 0
    calls: int = 0
    rows_pulled: int = 0
    recognised: int = 0
    field_names: list[str] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)
    unconfirmed: int = 0
    given_up: int = 0
    row_count: int = 0
    is_dry_run: bool = False
    answered: list[Range] = field(default_factory=list)
    refused: list[Range] = field(default_factory=list)
    refusal: RefusedCallError | None = None
    problem: CalvenPipelineError | None = None

    @property
    def expected(self) -> int:
        """People-days that we believe accepted."""
        return sum(day.expected for day in self.days)

    @property
    def confirmed(self) -> int:
        """Those that Calven reports."""
        return sum(day.confirmed for day in self.days)

    @property
    def is_comparable(self) -> bool:
        """Whether any row that came could be recognised; no row at all is an answer."""
        return self.recognised > 0 or self.rows_pulled == 0

    @property
    def agrees(self) -> bool:
        """Nothing speaks against what we believe."""
        everybody = self.confirmed == self.expected and not self.unconfirmed and not self.given_up
        return everybody and self.is_comparable and self.problem is None

    @property
    def story(self) -> str:
        """One line, without people."""
        if not self.given_up:
            return self._told()
        days = f"{self.given_up} people-days were given up in the last {TOLD_FOR.days} days"
        return f"{self._told()} {days}: Calven never confirmed them, and no call is spent on them any more."

    def _told(self) -> str:
        if self.problem is not None:
            return f"Calven could not be asked, and the same days are asked for next time: {self.problem}"
        if not self.is_comparable:
            names = ", ".join([name for name in self.field_names if _HARMLESS_NAME.fullmatch(name)][:NAMES_TOLD])
            return (
                f"Cannot compare: none of the {self.rows_pulled} rows names a person and a day in a way that we recognise. "
                f"Fields that came: {names or 'none with a plain name'}."
            )
        if self.days:
            return self._found()
        if self.unconfirmed:
            return f"{self.unconfirmed} people-days are not confirmed yet, and are looked for again later."
        return "A dry run asks nothing." if self.is_dry_run else "Nothing was accepted since Calven was last asked."

    def _found(self) -> str:
        unrecognised = self.rows_pulled - self.recognised
        left_out = f" {unrecognised} of {self.rows_pulled} rows were not recognised." if unrecognised else ""
        if self.refusal:
            left_out += f" {len(self.refused)} of {self.ranges} ranges of days were refused: {self.refusal}"
        wrong = [day for day in self.days if day.missing]
        if not wrong:
            return f"Calven reports all of {self.expected} people-days.{left_out}"
        told = ", ".join(f"{day.missing} on {day.day}" for day in wrong[:DAYS_TOLD])
        more = f" and on {len(wrong) - DAYS_TOLD} more days" if len(wrong) > DAYS_TOLD else ""
        missing = self.expected - self.confirmed
        return f"Calven does not report {missing} of {self.expected} people-days: {told}{more}.{left_out}"


def reconcile(
    database: WorkingDatabase, client: CalvenClient, *, before: date | None = None, now: datetime | None = None
) -> Reconciliation:
    """Ask for what was touched since the last comparison, replace what came for those days before, and compare.

    A dry run, and a run that touched nothing, ask nothing. No row of a day before `before` is kept. `now` is aware.
    Raises for the working database and for the disk, and nothing else.
    """
    found = Reconciliation(is_dry_run=client.settings.publish is PublishMode.DRY_RUN)
    if not found.is_dry_run:
        now = now or datetime.now(UTC)
        newest_answer = database.value("reconciliation/newest_answer")
        ranges = _choose(database, now)
        found.ranges = len(ranges)
        if ranges and _ask(database, client, ranges, found):
            _compare(database, ranges, found)
            _keep(database, found, newest_answer, before, now)
    told = {"most_looks": MOST_LOOKS, "told_since": (now or datetime.now(UTC)) - TOLD_FOR}
    ((found.unconfirmed, found.given_up),) = database.rows("reconciliation/count_unconfirmed", told)
    found.row_count = database.value("reconciliation/count_rows")
    return found


def _choose(database: WorkingDatabase, now: datetime) -> list[Range]:
    """The ranges of days to ask for, both ends included."""
    database.run(
        "reconciliation/choose_expected",
        {
            "since": database.value("reconciliation/last_answer_seen"),
            "look_again_before": now - LOOK_AGAIN_AFTER,
            "most_looks": MOST_LOOKS,
        },
    )
    database.run("reconciliation/choose_ranges", {"most_days": MOST_DAYS})
    return database.rows("reconciliation/ranges")


def _ask(database: WorkingDatabase, client: CalvenClient, ranges: Sequence[Range], found: Reconciliation) -> bool:
    """Fill the table `reported`, range by range; false where Calven could not be asked, with the problem noted."""
    database.run("reconciliation/create_reported")
    try:
        check_home(database, client.settings.api_url)
        _ask_newest_first(database, client, ranges, found)
    except WorkingDatabaseError:
        raise
    except CalvenPipelineError as error:
        found.problem = error
    return found.problem is None


def _ask_newest_first(
    database: WorkingDatabase, client: CalvenClient, ranges: Sequence[Range], found: Reconciliation
) -> None:
    """Ask for every range; one that Calven refuses keeps no other from being compared, unless all are refused.

    Where nothing could be compared the last time, the first rows that come tell whether to go on: otherwise every run would
    pull all those days again. What was not answered is left out of `asked`.
    """
    is_trial = not database.value("reconciliation/was_comparable")
    for first_day, last_day in reversed(ranges):
        try:
            _ask_for(database, client, first_day, last_day, found)
            found.answered.append((first_day, last_day))
        except RefusedCallError as error:
            found.refused.append((first_day, last_day))
            found.refusal = error
            if error.status not in DAY_FAULTS or (not found.answered and len(found.refused) > REFUSALS_TOLERATED):
                raise
        if is_trial and not _count_recognised(database, found) and found.rows_pulled:
            break
    if found.refusal and not found.answered:
        raise found.refusal
    for first_day, last_day in set(ranges) - set(found.answered):
        database.run("reconciliation/leave_out", {"first_day": first_day, "last_day": last_day})


def _count_recognised(database: WorkingDatabase, found: Reconciliation) -> int:
    ((_, found.recognised),) = database.rows("reconciliation/count_reported")
    return found.recognised


def _ask_for(
    database: WorkingDatabase, client: CalvenClient, first_day: date, last_day: date, found: Reconciliation
) -> None:
    path = database.state / "pulls" / "presence.json"
    found.calls += 1
    file = fetch_presence_to_file(client, first_day, last_day, path)
    try:
        _read(database, file, f"{first_day} to {last_day}")
    finally:
        file.path.unlink(missing_ok=True)
    shape = _shape(database, found)
    days = {"first_day": first_day, "last_day": last_day, "pulled_at": file.pulled_at}
    found.rows_pulled += database.run("reconciliation/add_reported", {**days, **vars(shape)})


def _read(database: WorkingDatabase, file: AnswerFile, days: str) -> None:
    with foreign_errors("reconciliation/read_answer"):
        try:
            database.connection.execute(query("reconciliation/read_answer"), {"path": str(file.path)})
        except duckdb.InvalidInputException:
            # DuckDB's message may quote the answer, and so people.
            raise UnreadableAnswerError(
                f"Calven's answer for presence of {days} is not one JSON array throughout ({file.size_bytes} bytes). "
                "Try again."
            ) from None


def _shape(database: WorkingDatabase, found: Reconciliation) -> Shape:
    names = [name for (name,) in database.rows("reconciliation/field_names")]
    found.field_names += [name for name in names if name not in found.field_names]
    return shape_of(
        names, lambda path: [name for (name,) in database.rows("reconciliation/names_within", {"path": path})]
    )


def _compare(database: WorkingDatabase, ranges: Sequence[Range], found: Reconciliation) -> None:
    """Look for everybody expected, range by range: a first look may be at years."""
    _count_recognised(database, found)
    database.run("reconciliation/create_missing")
    for first_day, last_day in ranges if found.is_comparable else ():
        database.run("reconciliation/compare", {"first_day": first_day, "last_day": last_day})
        found.days += [Day(*row) for row in database.rows("reconciliation/count_days")]
        database.run("reconciliation/add_missing")


def _keep(
    database: WorkingDatabase, found: Reconciliation, newest_answer: int, before: date | None, now: datetime
) -> None:
    """Keep the rows and the mark together, so that the next run goes on from here.

    Where nothing could be compared the mark stays, and so does whom we look for.
    """
    seen = newest_answer if found.is_comparable else database.value("reconciliation/last_answer_seen")
    mark = {
        "revision": database.value("validation/next_revision"),
        "answers_revision": seen,
        "calls": found.calls,
        "row_count": found.rows_pulled,
        "expected": found.expected,
        "confirmed": found.confirmed,
        "now": now,
    }
    with database.transaction():
        if found.is_comparable:
            database.run("reconciliation/drop_confirmed")
            database.run("reconciliation/drop_unconfirmed")
            database.run("reconciliation/keep_unconfirmed", {"now": now})
            database.run("reconciliation/forget_given_up", {"most_looks": MOST_LOOKS, "told_since": now - TOLD_FOR})
        _leave_out(database, before)  # after the comparison: whom Calven reports is confirmed all the same
        database.run("reconciliation/drop_reported")
        database.run("reconciliation/keep_reported")
        database.run("reconciliation/add_reconciliation", mark)


def _leave_out(database: WorkingDatabase, before: date | None) -> None:
    """Take out of `reported` what was removed here on purpose, before any of it is written to the file."""
    if before is not None:
        database.run("reconciliation/leave_out_old", {"before": before})
    if database.value("reconciliation/forgets_anybody"):
        database.run("reconciliation/leave_out_forgotten")
