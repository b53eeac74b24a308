"""`reports/presence.html`: written where its numbers may have changed, and left as it is where they have not.

What may surprise: the page itself keeps, in its head, a hash of what it was made from. So nothing else has to remember it, and
a page that somebody deleted is written again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from calven_pipeline.errors import RequestError, WorkingDatabaseError
from calven_pipeline.settings import ReportSettings, RetentionSettings, SnapshotSettings
from calven_pipeline.warehouse.database import MEMORY_LIMIT, foreign_errors, state_folder
from calven_pipeline.warehouse.queries import names_in, query
from calven_pipeline.warehouse.readers import admit, create_private, group_number
from calven_pipeline.warehouse.snapshot import SNAPSHOT_FILE

REPORT_FILE = Path("reports") / "presence.html"
HEAD = 4096  # characters of the page that hold its stamp
STAMP = re.compile(r'<meta name="calven-report" content="([^"]*)">')
MOST_DAYS = 3660
WEEK = 7  # days


@dataclass(frozen=True)
class Period:
    """Which local days, both included: so many up to `last_date`, or from `first_date` on.

    None: as many as `CALVEN_REPORT_DAYS`, and those before them from Monday on where that is a week or more; up to the last
    day on which anybody was seen.
    """

    days: int | None = None
    first_date: date | None = None
    last_date: date | None = None

    def dates(self, default_days: int, newest: date, kept_from: date | None = None) -> tuple[date, date]:
        """The first and the last day, of those from `kept_from` on; raises `RequestError` where there is none, or too many."""
        last = self.last_date or newest
        if self.days is not None and self.first_date is not None:
            raise RequestError("The report takes days or first_date, not both.")
        if self.days is not None and self.days < 1:
            raise RequestError("The report needs at least one day.")
        if self.first_date is None and (self.days or default_days) > MOST_DAYS:
            raise RequestError(f"The report takes at most {MOST_DAYS} days.")
        first = self.first_date or last - timedelta(days=(self.days or default_days) - 1)
        if first > last:
            raise RequestError(f"The report has no day: {first} is after {last}.")
        if (last - first).days >= MOST_DAYS:
            raise RequestError(f"The report takes at most {MOST_DAYS} days.")
        if self.days is None and self.first_date is None and default_days >= WEEK:
            first -= timedelta(days=first.weekday())
        if kept_from and last < kept_from:
            raise RequestError(f"The report has no day: those before {kept_from} were removed by retention.")
        return max(first, kept_from or first), last


@dataclass(frozen=True)
class Report:
    """Where the page is, whether it was `rewritten`, and its numbers of numbers: `hidden_cells` are counts of an office and day."""

    path: Path
    rewritten: bool
    days: int
    offices: int
    hidden_offices: int
    hidden_cells: int
    first_date: str
    last_date: str

    @property
    def story(self) -> str:
        """One line: which file and which days."""
        return f"{self.path}: {self.first_date} to {self.last_date}, {'written' if self.rewritten else 'as it was'}"


def write_report(data_dir: Path, period: Period | None = None) -> Report:
    """Write the page from `calven.duckdb`, or leave it where nothing changed since it was written for the same days.

    Replaced in one step. Raises `RequestError` for a period that cannot be, `SettingsError` for settings that cannot work, and
    `WorkingDatabaseError` where there is no snapshot or the disk refuses.
    """
    settings = ReportSettings.load()
    group = group_number(SnapshotSettings.load().snapshot_group)
    path, smallest = data_dir / REPORT_FILE, settings.report_smallest_group
    with _snapshot(data_dir) as snapshot, foreign_errors("read the analysts' database for the report"):
        ((as_of, newest),) = snapshot.execute(query("reporting/made_at")).fetchall()
        kept_from = _kept_from(as_of)
        first, last = (period or Period()).dates(settings.report_days, newest, kept_from)
        removed_before = kept_from if first == kept_from else None
        made_from = _made_from(snapshot, (first, last, removed_before, smallest))
        stamp = _stamp(path)
        if stamp and stamp.pop("made_from") == made_from:
            admit(path, group)
            return Report(path=path, rewritten=False, **stamp)
        from calven_pipeline.reporting.numbers import read_numbers

        numbers = read_numbers(snapshot, first, last, smallest)
    from calven_pipeline.reporting.page import render

    told: dict[str, Any] = {
        "days": (last - first).days + 1,
        "offices": len(numbers.offices),
        "hidden_offices": numbers.hidden_offices,
        "hidden_cells": sum(office.hidden_days for office in numbers.offices),
        "first_date": first.isoformat(),
        "last_date": last.isoformat(),
    }
    _replace(path, render(numbers, json.dumps({"made_from": made_from, **told}), removed_before), group)
    return Report(path=path, rewritten=True, **told)


def refresh_report(data_dir: Path) -> Report | None:
    """The page after something was removed, for the days of the settings; None where there is no snapshot to make it from."""
    return write_report(data_dir) if (data_dir / SNAPSHOT_FILE).exists() else None


def delete_report(data_dir: Path) -> None:
    """Remove the page, where there is one: what it was made from is gone."""
    (data_dir / REPORT_FILE).unlink(missing_ok=True)


def _snapshot(data_dir: Path) -> duckdb.DuckDBPyConnection:
    path = data_dir / SNAPSHOT_FILE
    if not path.exists():
        raise WorkingDatabaseError(f"There is no {path} to make the report from. Launch presence_pipeline.")
    with foreign_errors("open the analysts' database for the report"):
        # What does not fit lies in our own folder, not beside the file: it holds people.
        spill: dict[str, Any] = {"memory_limit": MEMORY_LIMIT, "temp_directory": str(state_folder(data_dir) / "spill")}
        return duckdb.connect(str(path), read_only=True, config=spill)


def _kept_from(as_of: datetime) -> date | None:
    """The first day that retention leaves, as it counts on the day of the snapshot; None where nothing is removed.

    Of a day before it only rows are left that somebody waits for, which would pass for all of its people.
    """
    days = RetentionSettings.load().retention_days
    return None if days is None else as_of.date() - timedelta(days=days)


def _made_from(snapshot: duckdb.DuckDBPyConnection, asked: tuple[date | int | None, ...]) -> str:
    """A hash of everything that a number or a word of the page follows from."""
    page = [file.read_text(encoding="utf-8") for file in _files()]
    statements = [query(name) for folder in ("reporting", "views") for name in names_in(folder)]
    found = snapshot.execute(query("reporting/fingerprint")).fetchall()
    return hashlib.sha256(repr((asked, duckdb.__version__, found, statements, page)).encode()).hexdigest()


def _files() -> list[Path]:
    room = Path(str(files("calven_pipeline.reporting")))
    return sorted([*room.glob("*.py"), *(room / "templates").iterdir()])


def _stamp(path: Path) -> dict[str, Any] | None:
    """What the page says that it was made from, and its counts; None where there is no page of ours."""
    try:
        with path.open(encoding="utf-8") as page:
            found = STAMP.search(page.read(HEAD))
        stamp: dict[str, Any] | None = json.loads(unescape(found[1])) if found else None
    except (OSError, ValueError):
        return None
    return stamp


def _replace(path: Path, page: str, group: int | None) -> None:
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        admit(path.parent, group)
        create_private(new)
        with new.open("w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        admit(new, group)
        new.replace(path)
    except OSError as error:
        raise WorkingDatabaseError(
            f"Cannot write {path}: {error.strerror}. What was there before stays; check the space and the rights of the folder."
        ) from error
