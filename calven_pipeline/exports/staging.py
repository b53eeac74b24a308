"""The staging step: every export file with new content, read once; many small ones share a transaction.

What may surprise: a file is known by its content per source, so a copy under another name is not read again, and a file
that changed is read whole again (its known events are duplicates). All new files are checked against their profiles
before the first is read (of a remote folder: before the first of what was fetched together); a file that cannot be read
does not stop the others, and one that is still being written is left for the next run.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

import duckdb

from calven_pipeline.errors import UnreadableExportError
from calven_pipeline.exports.arrivals import Arrivals, Contents, NewFile, about
from calven_pipeline.exports.bundles import SMALL_BYTES, Bundle, Headers
from calven_pipeline.exports.folder import DropFolder, ExportFile, drop_folder
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.exports.reading import OddRowsError, open_export, read_as
from calven_pipeline.exports.times import reads_iso
from calven_pipeline.settings import ExportSettings
from calven_pipeline.warehouse.database import WorkingDatabase
from calven_pipeline.warehouse.queries import query

SCRATCH = "scratch"
NAMES_TOLD = 5


@dataclass
class Staging:
    """What one staging read; `problems` are the files that could not be read, in the order they were tried.

    `unsettled` are files that are still being written, `missing` those that were asked for and are not there; `unmatched`
    counts those that no source reads, of which `unmatched_names` are some.
    """

    files_seen: int = 0
    files_read: int = 0
    rows: int = 0
    ignored: int = 0
    malformed: int = 0
    problems: list[UnreadableExportError] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unmatched: int = 0
    unmatched_names: list[str] = field(default_factory=list)

    @property
    def refused(self) -> list[str]:
        """Files that cannot be read before they, or their profiles, are mended."""
        return sorted({problem.source_file for problem in self.problems if not problem.may_pass})

    @property
    def left(self) -> list[str]:
        """Files that another run may be able to read as they are."""
        closed = {problem.source_file for problem in self.problems if problem.may_pass}
        return sorted(closed.union(self.unsettled, self.missing))


@dataclass(frozen=True)
class _Numbers:
    """The numbers that the next file and the next row get."""

    file_id: int
    first_row_id: int


@dataclass(frozen=True)
class _Counts:
    """Rows of one file that were staged, and how many of them are malformed, and ignored."""

    rows: int = 0
    malformed: int = 0
    ignored: int = 0


class _ChangedError(Exception):
    """A file is being written again; nothing of it may be kept."""


class _MiscountError(Exception):
    """A bundle does not hold the rows that it should; nothing of it may be kept."""


def stage_exports(
    database: WorkingDatabase,
    profiles: Sequence[SourceProfile],
    data_dir: Path,
    *,
    only: Collection[str] | None = None,
    folder: DropFolder | None = None,
) -> Staging:
    """Stage every new file of every source, or of those alone that `only` names by their paths in the drop folder.

    Raises `SourceProfileError`, before anything is read, where a profile names a column that a new file lacks, and
    `DropFolderError` where a remote folder cannot be reached. Files that cannot be read stand in `problems`; whatever
    could be read is committed.
    """
    staging, folder = Staging(), folder or drop_folder(data_dir)
    scratch = emptied(database.state / SCRATCH)
    settle_s = ExportSettings.load().settle_seconds
    arrivals = Arrivals(
        database, folder, Contents(), scratch, settle_s, problems=staging.problems, unsettled=staging.unsettled
    )
    stager = _Stager(database, folder, arrivals.contents, scratch, staging)
    for new_files in arrivals.windows(profiles, only):
        stager.stage(new_files)
        folder.make_room()
    staging.files_seen = arrivals.files_seen
    staging.missing = sorted(set(only or ()) - arrivals.files_found)
    unmatched = folder.unmatched(profiles)
    staging.unmatched, staging.unmatched_names = len(unmatched), unmatched[:NAMES_TOLD]
    return staging


def emptied(scratch: Path) -> Path:
    """The folder, without what a killed run left there; whoever holds the working database is alone in it."""
    scratch.mkdir(exist_ok=True)
    for left in scratch.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return scratch


@dataclass(frozen=True)
class _Stager:
    """Takes new files in, in their order: small ones together, others one by one."""

    database: WorkingDatabase
    folder: DropFolder
    contents: Contents
    scratch: Path
    staging: Staging
    headers: Headers = field(default_factory=Headers)

    def stage(self, new_files: Sequence[NewFile]) -> None:
        """Stage the files; what cannot be read is noted."""
        waiting = list(reversed(new_files))
        while waiting:
            with Bundle[NewFile](self.scratch, self.headers) as gathered:
                left = self._gather(waiting, gathered)
                self._stage_bundle(gathered)
            if left:
                self._stage_file(left)

    def _gather(self, waiting: list[NewFile], gathered: Bundle[NewFile]) -> NewFile | None:
        """Fill the bundle; the file that ended it, where one did not fit in."""
        while waiting and not gathered.is_full:
            new = waiting.pop()
            if new.size_bytes > SMALL_BYTES or not self._add(new, gathered):
                return new
        return None

    def _add(self, new: NewFile, gathered: Bundle[NewFile]) -> bool:
        """Whether the file is in the bundle; what is wrong with one that is not will be found when it is read by itself."""
        try:
            content = self.contents.read(new)
        except UnreadableExportError:
            return False
        return new.is_of(content) and gathered.add(new, new.profile, new.at(new.file.path), content)

    def _stage_bundle(self, gathered: Bundle[NewFile]) -> None:
        """The bundle in one transaction, or, where that fails for whatever reason, its files one by one."""
        for trusting in (True, False) if len(gathered.tags) > 1 else ():
            try:
                self._read_bundle(gathered, trusting=trusting)
            except OddRowsError:
                continue
            except (UnreadableExportError, duckdb.Error, _ChangedError, _MiscountError):
                break
            return
        for new in gathered.tags:
            self._stage_file(new)

    def _read_bundle(self, gathered: Bundle[NewFile], *, trusting: bool) -> None:
        connection = self.database.connection
        new_files, numbers_of = gathered.tags, {id(new): number for number, new in enumerate(gathered.tags)}
        counts = {id(new): rows for group in gathered.groups for new, rows in group.files}
        first_rows = list(accumulate((counts[id(new)] for new in new_files), initial=1))
        with ExitStack() as stack:
            exports = [
                stack.enter_context(group.open(connection, self.scratch, trusting=trusting))
                for group in gathered.groups
            ]
            stack.enter_context(self.database.transaction())
            numbers = self._next_numbers()
            for group, export in zip(gathered.groups, exports, strict=True):
                places = [numbers_of[id(new)] for new, _ in group.files]
                self.database.run(
                    "staging/place_rows",
                    {
                        "file_numbers": places,
                        "first_rows": [first_rows[place] for place in places],
                        "row_counts": [rows for _, rows in group.files],
                    },
                )
                with self.database.relation("bundle_rows", export.rows):
                    placed = connection.sql(query("staging/placed_rows"))
                    with self.database.relation("export_rows", placed):
                        self._insert_rows(group.profile, numbers)
            counted = self._counted(numbers, new_files)
            if any(found.rows != counts[id(new)] for new, found in zip(new_files, counted, strict=True)):
                raise _MiscountError
            self._add_files(new_files, numbers, counted)
        self._note(counted)

    def _stage_file(self, new: NewFile) -> None:
        """One file in a transaction of its own."""
        try:
            with self.contents.plain(new, self.scratch) as file:
                try:
                    self._read_file(new, file, trusting=True)
                except OddRowsError:
                    self._read_file(new, file, trusting=False)
        except UnreadableExportError as problem:
            self.staging.problems.append(about(problem, new.file))
        except _ChangedError:
            self.staging.unsettled.append(new.file.source_file)

    def _read_file(self, new: NewFile, file: ExportFile, *, trusting: bool) -> None:
        with (
            open_export(self.database.connection, new.profile, file, self.scratch, trusting=trusting) as export,
            # Outside: in a transaction that failed, no name can be given up.
            self.database.relation("export_rows", export.rows),
            self.database.transaction(),
        ):
            numbers = self._next_numbers()
            self._insert_rows(new.profile, numbers)
            counted = self._counted(numbers, [new])
            self._add_files([new], numbers, counted)
        self._note(counted)

    def _next_numbers(self) -> _Numbers:
        return _Numbers(*self.database.rows("staging/next_numbers")[0])

    def _insert_rows(self, profile: SourceProfile, numbers: _Numbers) -> None:
        # Not by `run`: what DuckDB says of an export is for the reader to judge.
        self.database.connection.execute(query("staging/stage_rows"), {**vars(numbers), **_reading(profile)})

    def _counted(self, numbers: _Numbers, new_files: Sequence[NewFile]) -> list[_Counts]:
        """The counts of each of the files, that were staged from these numbers on."""
        found = {
            file_id: _Counts(*counts) for file_id, *counts in self.database.rows("staging/count_rows", vars(numbers))
        }
        return [found.get(numbers.file_id + number, _Counts()) for number in range(len(new_files))]

    def _add_files(self, new_files: Sequence[NewFile], numbers: _Numbers, counted: Sequence[_Counts]) -> None:
        """Write down that these files were read; raises `_ChangedError` where one is no longer what was read."""
        if not all(self.folder.is_as(new.file) for new in new_files):
            raise _ChangedError
        self.database.run(
            "staging/add_files",
            {
                **vars(numbers),
                "sources": [new.profile.name for new in new_files],
                "source_ids": [new.profile.source_id for new in new_files],
                "source_files": [new.source_file for new in new_files],
                "sha256s": [new.sha256 for new in new_files],
                "sizes": [new.size_bytes for new in new_files],
                "row_counts": [counts.rows for counts in counted],
                "read_as": [read_as(new.profile, new.at(new.file.path)) for new in new_files],
                "staged_at": datetime.now(UTC),
            },
        )

    def _note(self, counted: Sequence[_Counts]) -> None:
        staging = self.staging
        staging.files_read += len(counted)
        staging.rows += sum(counts.rows for counts in counted)
        staging.malformed += sum(counts.malformed for counts in counted)
        staging.ignored += sum(counts.ignored for counts in counted)


def _reading(profile: SourceProfile) -> dict[str, object]:
    """How times are read, as parameters of the staging statement."""
    return {
        "source": profile.name,
        "timezone": profile.timezone,
        "local_timezone": profile.local_timezone or profile.timezone,
        "reads_iso": reads_iso(profile),
        "has_offsets": profile.has_offsets,
    }
