"""A preview: the real staging and validation of a file's head, in a folder that goes afterwards.

What may surprise: people and places are those of the analysts' snapshot, which may be read while a run writes. Where there
is none yet, whoever a row or a table names counts as known, so that all else can be judged.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from calven_pipeline.errors import RequestError, SourceProfileError, UnreadableExportError, WorkingDatabaseError
from calven_pipeline.exports.encodings import UnreadableTextError
from calven_pipeline.exports.folder import ExportFile
from calven_pipeline.exports.mappings import read_people, read_places
from calven_pipeline.exports.profile_model import SourceProfile, named_columns
from calven_pipeline.exports.profile_values import zones_known
from calven_pipeline.exports.reading import check_columns
from calven_pipeline.exports.staging import stage_exports
from calven_pipeline.exports.wording import shown
from calven_pipeline.previewing.heads import Head, take_head
from calven_pipeline.previewing.lines import Lines
from calven_pipeline.previewing.samples import Sample
from calven_pipeline.previewing.scratch import scratch_folder
from calven_pipeline.previewing.sheets import sample_as_read, sample_to_judge
from calven_pipeline.previewing.sources import Chosen, choose, columns_as_read, surroundings_of
from calven_pipeline.previewing.suggest import Suggestion, suggest
from calven_pipeline.validation.verdicts import validate
from calven_pipeline.warehouse.database import WorkingDatabase, open_working_database
from calven_pipeline.warehouse.queries import query
from calven_pipeline.warehouse.snapshot import SNAPSHOT_FILE

RESOURCES = ("users", "locations", "desks")
EXAMPLES = 4
MOST_MALFORMED = 5
NOBODY: dict[str, Any] = {"row_count": 0, "size_bytes": 0, "sha256": ""}


@dataclass(frozen=True)
class Row:
    """One row as it was read, and what would become of it; `line` is where it stands in the file, where that is known."""

    number: int
    occurred_at: datetime | None
    local_time: datetime | None
    timestamp_text: str | None
    person: str | None
    user_email: str | None
    place: str | None
    location: str | None
    outcome: str
    reasons: list[str] | None
    detail: str | None
    suggestion: str | None
    malformed: str | None
    line: int | None = None


@dataclass(frozen=True)
class Finding:
    """What was found of one reason: in how many rows, and where first."""

    detail: str
    rows: int
    row: int
    line: int | None
    suggestion: str | None


@dataclass(frozen=True)
class Reason:
    """One reason for rejections: how many rows, what was found most often, and how many other things."""

    name: str
    rows: int
    findings: tuple[Finding, ...]
    others: int


@dataclass(frozen=True)
class ColumnUse:
    """One column of the file, or one that the profile wants: the keys that name it, and the nearest name where it is missing."""

    name: str
    keys: tuple[str, ...]
    is_there: bool = True
    near: str = ""


@dataclass(frozen=True)
class Preview:
    """What is to be shown of a file, which lies in the drop folder (`is_dropped`) or not; `problem` is why it could not be read by its profile, and then there are no rows.

    `pulled_at` (UTC) is how old the knowledge of people and places is, None where there is none; without `knows_people` it is of places
    alone, since names were left out of the snapshot. `known_events` counts rows whose events earlier files held.
    """

    file: Path
    head: Head
    chosen: Chosen
    columns: tuple[ColumnUse, ...]
    sample: Sample | None = None
    zone: str | None = None
    rows: tuple[Row, ...] = ()
    outcomes: dict[str, int] = field(default_factory=dict)
    collapsed: int = 0
    reasons: tuple[Reason, ...] = ()
    malformed: tuple[tuple[int, int | None, str], ...] = ()
    known_events: int = 0
    pulled_at: datetime | None = None
    knows_people: bool = False
    problem: SourceProfileError | None = None
    is_dropped: bool = False

    @property
    def profile(self) -> SourceProfile:
        """The profile that it was read by."""
        return self.chosen.profile

    @property
    def row_count(self) -> int:
        """How many rows were read."""
        return sum(self.outcomes.values())


def suggestion_for(file: Path, data_dir: Path, ready: str | None = None) -> Suggestion:
    """A source to start from, of that ready profile if one is named; raises `UnreadableExportError`."""
    with scratch_folder() as folder, _reading_as_text(file):
        head = take_head(file, folder)
        return suggest(sample_to_judge(head), head, surroundings_of(file, data_dir, _usual_zone(data_dir)), ready)


def preview(file: Path, data_dir: Path, *, source: str | None = None, rows: int = 10) -> Preview:
    """Look at a file; raises `UnreadableExportError`, `SourceProfileError` or `RequestError`."""
    with scratch_folder() as folder:
        exports = folder / "exports"
        exports.mkdir()
        with _reading_as_text(file):
            head = take_head(file, exports)
        sample, problem = _sampled(head, file)
        surroundings = surroundings_of(file, data_dir, _usual_zone(data_dir))
        with _reading_as_text(file):
            chosen = choose(source, head, sample, surroundings, data_dir, folder)
        if chosen is None:
            raise problem or RequestError(f"No source is for {shown(file.name)}: name one with --source")
        if sample:
            sample = sample_as_read(head, sample, chosen.profile.sheet)
        uses = _uses(chosen.profile, head, sample)
        looked = Preview(file, head, chosen, uses, sample, is_dropped=surroundings.below is not None)
        profile = chosen.profile.model_copy(update={"files": ("**/*",), "format": chosen.profile.format or head.kind})
        try:
            check_columns(profile, ExportFile(profile.name, head.path.name, head.path, head.path.stat().st_size, 0))
        except SourceProfileError as error:
            return replace(looked, problem=error)
        with _reading_from(exports), open_working_database(folder, wait_s=0) as database:
            return _judged(database, folder, data_dir, looked, profile, rows)


def _judged(
    database: WorkingDatabase, folder: Path, data_dir: Path, looked: Preview, profile: SourceProfile, rows: int
) -> Preview:
    """Stage, validate, and gather what to show."""
    staging = stage_exports(database, [profile], folder)
    for problem in staging.problems:
        raise problem
    snapshot = data_dir / SNAPSHOT_FILE
    pulled_at, knows_people = _copy_reference(database, snapshot)
    if pulled_at is None:
        _assume_places(database, profile, folder)
    if not knows_people:
        _assume_people(database, profile, folder)
    database.run("validation/refresh_known_users")
    database.run("validation/add_known_users")
    for resource in RESOURCES:
        database.run("reference/add_pull", {"resource": resource, "pulled_at": datetime.now(UTC), **NOBODY})
    validate(database, [profile], folder)
    zone = profile.local_timezone or profile.timezone
    database.run("previewing/name_places")
    database.run("previewing/read_rows", {"zone": zone})
    lines = Lines(looked.head, looked.sample, profile.dialect)
    if pulled_at:
        _mark_known_events(database, snapshot)
    outcomes = database.rows("previewing/count_outcomes")
    return replace(
        looked,
        zone=zone,
        rows=tuple(_row(found, lines) for found in database.rows("previewing/first_rows", {"rows": rows})),
        outcomes={outcome: count for outcome, count, _, _ in outcomes},
        collapsed=sum(collapsed for _, _, collapsed, _ in outcomes),
        reasons=tuple(
            _reason(found, lines) for found in database.rows("previewing/count_reasons", {"examples": EXAMPLES})
        ),
        malformed=tuple(
            (number, lines.of_text(number, text), text)
            for number, text in database.rows("previewing/malformed_rows", {"rows": MOST_MALFORMED})
        ),
        known_events=sum(known for _, _, _, known in outcomes),
        pulled_at=pulled_at,
        knows_people=knows_people,
    )


def _row(found: tuple[Any, ...], lines: Lines) -> Row:
    number, malformed = found[0], found[-1]
    line = lines.of_text(number, malformed) if malformed else lines.of_row(number)
    return Row(*(*found, line))


def _reason(found: tuple[Any, ...], lines: Lines) -> Reason:
    name, rows, _, findings, others = found
    told = (Finding(f["detail"], f["rows"], f["row"], lines.of_row(f["row"]), f["suggestion"]) for f in findings)
    return Reason(name, rows, tuple(told), others)


def _uses(profile: SourceProfile, head: Head, sample: Sample | None) -> tuple[ColumnUse, ...]:
    """The file's columns with the keys that name them, then those that the profile names in vain."""
    columns = columns_as_read(profile, head, sample) or (sample.columns if sample else ())
    keys: dict[str, list[str]] = {}
    for key, theirs in named_columns(profile):
        keys.setdefault(theirs, []).append(key)
    there = [ColumnUse(name, tuple(keys.get(name, ()))) for name in columns]
    missing = [] if profile.is_default or not columns else [theirs for theirs in keys if theirs not in columns]
    return (*there, *(ColumnUse(theirs, tuple(keys[theirs]), False, _near(theirs, columns)) for theirs in missing))


def _near(theirs: str, columns: Iterable[str]) -> str:
    near = difflib.get_close_matches(theirs.lower(), [name.lower() for name in columns], n=1)
    return next((name for name in columns if near and name.lower() == near[0]), "")


def _sampled(head: Head, file: Path) -> tuple[Sample | None, UnreadableExportError | None]:
    """What the file looks like; where that cannot be told, why not: a profile may know better."""
    try:
        with _reading_as_text(file):
            return sample_to_judge(head), None
    except UnreadableExportError as problem:
        return None, problem


# People and places


def _copy_reference(database: WorkingDatabase, snapshot: Path) -> tuple[datetime | None, bool]:
    """Take users, locations and desks over from the analysts' snapshot; when they were pulled, None where there are none.

    And whether users are among them: one that names nobody says nothing of addresses.
    """
    try:
        with _analysts(database.connection, snapshot):
            pulled_at = database.value("previewing/pulled_at")
            if not isinstance(pulled_at, datetime):
                return None, False
            knows_people = _names_people(database)
            for resource in RESOURCES:
                if resource != "users" or knows_people:
                    database.run(f"previewing/copy_{resource}")
            return pulled_at, knows_people
    except (duckdb.Error, OSError, WorkingDatabaseError):
        return None, False


def _names_people(database: WorkingDatabase) -> bool:
    try:
        found = database.connection.execute(query("previewing/names_people")).fetchone()
    except duckdb.CatalogException:  # an earlier version named everybody
        return True
    return found is None or bool(found[0])


def _assume_people(database: WorkingDatabase, profile: SourceProfile, folder: Path) -> None:
    """Let everybody who is named be known."""
    with database.relation("named_people", read_people(database.connection, profile, folder)):
        database.run("previewing/assume_users")


def _assume_places(database: WorkingDatabase, profile: SourceProfile, folder: Path) -> None:
    """Let every place that is named be known."""
    fallback = profile.fallback
    place = {
        "fallback_id": fallback.location_id if fallback else None,
        "fallback_type": fallback.location_type if fallback else None,
    }
    with database.relation("named_places", read_places(database.connection, profile, folder)):
        database.run("previewing/assume_locations", place)
        database.run("previewing/assume_desks", place)


def _mark_known_events(database: WorkingDatabase, snapshot: Path) -> None:
    with (
        suppress(duckdb.Error, OSError, WorkingDatabaseError),  # an older snapshot may know no events
        _analysts(database.connection, snapshot),
    ):
        database.run("previewing/mark_known_events")


def _usual_zone(data_dir: Path) -> str | None:
    try:
        with duckdb.connect() as connection, _analysts(connection, data_dir / SNAPSHOT_FILE):
            found = connection.execute(query("previewing/usual_zone")).fetchone()
    except (duckdb.Error, OSError):
        return None
    zone = found[0] if found else None
    return zone if zone in zones_known() else None


@contextmanager
def _analysts(connection: duckdb.DuckDBPyConnection, snapshot: Path) -> Iterator[None]:
    """The snapshot as `analysts`, read only, so that a run may replace it meanwhile."""
    if not snapshot.is_file():
        raise FileNotFoundError(snapshot)
    path = str(snapshot).replace("'", "''")  # ATTACH takes no parameter for its path in every version
    connection.execute(f"attach '{path}' as analysts (read_only)")
    try:
        yield
    finally:
        connection.execute("detach analysts")


@contextmanager
def _reading_from(exports: Path) -> Iterator[None]:
    """Let staging read that folder, whatever the settings say, and at once: nobody else writes there."""
    ours = {"CALVEN_EXPORTS": str(exports), "CALVEN_SETTLE_SECONDS": "0"}
    before = {name: os.environ[name] for name in ours if name in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _reading_as_text(file: Path) -> Iterator[None]:
    try:
        yield
    except UnreadableTextError as error:
        raise UnreadableExportError(f"Cannot read {shown(file.name)}: {error}") from error
    except OSError as error:
        raise UnreadableExportError(f"Cannot read {shown(str(file))}: {error.strerror or error}") from error
