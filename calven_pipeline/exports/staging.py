"""The staging step: every export file with new content, read once, each in a transaction of its own.

What may surprise: a file is known by its content per source, so a copy under another name is not read again, and a file
that changed is read whole again (its known events are duplicates). All new files are checked against their profiles
before the first is read; a file that cannot be read does not stop the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from calven_pipeline.errors import UnreadableExportError
from calven_pipeline.exports.discovery import ExportFile, find_exports, sha256_of
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.exports.reading import OddRowsError, check_columns, open_export
from calven_pipeline.warehouse.database import WorkingDatabase
from calven_pipeline.warehouse.queries import query

SCRATCH = "scratch"
ISO_STAND_IN = "%Y"  # DuckDB wants a constant format even where ISO 8601 is read without one


@dataclass
class Staging:
    """What one staging read; `problems` are the files that could not be read, in the order they were tried."""

    files_seen: int = 0
    files_read: int = 0
    rows: int = 0
    ignored: int = 0
    malformed: int = 0
    problems: list[UnreadableExportError] = field(default_factory=list)


@dataclass(frozen=True)
class NewFile:
    """A file whose content was never staged for its source."""

    profile: SourceProfile
    file: ExportFile
    sha256: str


def stage_exports(database: WorkingDatabase, profiles: Sequence[SourceProfile], data_dir: Path) -> Staging:
    """Stage every new file of every source.

    Raises `SourceProfileError`, before anything is read, where a profile names a column that a new file lacks. Files
    that cannot be read stand in `problems`; whatever could be read is committed.
    """
    staging = Staging()
    new_files = _find_new(database, profiles, data_dir / "exports", staging)
    for new in _checked(new_files, staging):
        try:
            _stage_file(database, new, staging)
        except UnreadableExportError as problem:
            staging.problems.append(problem)
    return staging


def _find_new(
    database: WorkingDatabase, profiles: Sequence[SourceProfile], exports: Path, staging: Staging
) -> list[NewFile]:
    new_files: list[NewFile] = []
    for profile in profiles:
        contents = {sha256 for (sha256,) in database.rows("staging/known_contents", {"source": profile.name})}
        known = {row[0]: row[1:] for row in database.rows("staging/known_files", {"source": profile.name})}
        for file in _found(profile, exports, staging):
            staging.files_seen += 1
            try:
                sha256 = _fingerprint(database, file, known.get(file.source_file))
            except UnreadableExportError as problem:
                staging.problems.append(problem)
                continue
            if sha256 not in contents:
                contents.add(sha256)
                new_files.append(NewFile(profile, file, sha256))
    return new_files


def _found(profile: SourceProfile, exports: Path, staging: Staging) -> list[ExportFile]:
    """The source's files; none of them where one is a link out of the folder, which must not stop other sources."""
    try:
        return find_exports(profile, exports)
    except UnreadableExportError as problem:
        staging.problems.append(problem)
        return []


def _fingerprint(database: WorkingDatabase, file: ExportFile, known: tuple[int, int, str] | None) -> str:
    """The file's SHA-256, without reading it where size and time of change are as they were."""
    if known is not None and known[:2] == (file.size_bytes, file.modified_ns):
        return known[2]
    sha256 = sha256_of(file.path)
    path = {"source": file.source, "source_file": file.source_file}
    with database.transaction():
        database.run("staging/forget_path", path)
        database.run(
            "staging/remember_path",
            {**path, "size_bytes": file.size_bytes, "modified_ns": file.modified_ns, "sha256": sha256},
        )
    return sha256


def _checked(new_files: Sequence[NewFile], staging: Staging) -> list[NewFile]:
    readable = []
    for new in new_files:
        try:
            check_columns(new.profile, new.file)
        except UnreadableExportError as problem:
            staging.problems.append(problem)
        else:
            readable.append(new)
    return readable


def _stage_file(database: WorkingDatabase, new: NewFile, staging: Staging) -> None:
    try:
        rows, malformed, ignored = _read_file(database, new, trusting=True)
    except OddRowsError:
        rows, malformed, ignored = _read_file(database, new, trusting=False)
    staging.files_read += 1
    staging.rows += rows
    staging.ignored += ignored
    staging.malformed += malformed


def _read_file(database: WorkingDatabase, new: NewFile, *, trusting: bool) -> tuple[int, int, int]:
    """How many rows were staged, how many of them are malformed, and how many ignored."""
    scratch = database.state / SCRATCH
    scratch.mkdir(exist_ok=True)
    with (
        open_export(database.connection, new.profile, new.file, scratch, trusting=trusting) as export,
        database.relation("export_rows", export.rows),  # outside: in a transaction that failed, no name can be given up
        database.transaction(),
    ):
        ((file_id, first_row_id),) = database.rows("staging/next_numbers")
        place = {"file_id": file_id, "first_row_id": first_row_id}
        # Not by `run`: what DuckDB says of an export is for the reader to judge.
        database.connection.execute(query("staging/stage_rows"), {**place, **_reading(new.profile)})
        ((rows, malformed, ignored),) = database.rows("staging/count_file_rows", place)
        database.run("staging/add_file", {**place, **_facts(new), "row_count": rows})
    return rows, malformed, ignored


def _reading(profile: SourceProfile) -> dict[str, object]:
    """How times are read, as parameters of the staging statement."""
    format_ = profile.timestamp_format
    return {
        "source": profile.name,
        "timezone": profile.timezone,
        "timestamp_format": format_,
        "parse_format": format_ or ISO_STAND_IN,
        "format_has_offset": any(offset in (format_ or "") for offset in ("%z", "%Z")),
    }


def _facts(new: NewFile) -> dict[str, object]:
    return {
        "source": new.profile.name,
        "source_id": new.profile.source_id,
        "source_file": new.file.source_file,
        "sha256": new.sha256,
        "size_bytes": new.file.size_bytes,
        "staged_at": datetime.now(UTC),
    }
