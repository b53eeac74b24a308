"""Which contents of the drop folder are new: settled, unpacked as far as needed, fingerprinted, and their headers checked.

What may surprise: a file whose size and time of change are as they were is not opened. What an archive holds is known by
the plain content, so the same export is read once whether it comes packed or not. A file of another machine is fetched
first, a bounded amount at a time.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from calven_pipeline.errors import SourceProfileError, UnreadableExportError
from calven_pipeline.exports.archives import Member, is_archive, members
from calven_pipeline.exports.bundles import is_header_line
from calven_pipeline.exports.csv_header import LONGEST_RECORD_BYTES
from calven_pipeline.exports.encodings import CHUNK_BYTES, UnreadableTextError
from calven_pipeline.exports.folder import DropFolder, ExportFile
from calven_pipeline.exports.profiles import Format, SourceProfile
from calven_pipeline.exports.reading import check_columns, format_of
from calven_pipeline.exports.settling import settled
from calven_pipeline.exports.wording import shown
from calven_pipeline.warehouse.database import WorkingDatabase

HEAD_BYTES = 512  # tell an archive
UNREAD = ""  # stands for the SHA-256 of a member that could not be read, so that it is tried again
LONGEST_FIRST_LINE_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class NewFile:
    """A content that was never staged for its source.

    `file` is what lies in the drop folder: the file itself, or the archive that holds `source_file`. `header` is a digest
    of the first line of a CSV file, where that is all there is to know of its columns.
    """

    profile: SourceProfile
    file: ExportFile
    source_file: str
    sha256: str
    size_bytes: int
    is_packed: bool
    header: bytes | None = None

    def is_of(self, content: bytes) -> bool:
        """Whether this is the content that was found to be new."""
        return hashlib.sha256(content).hexdigest() == self.sha256

    def at(self, path: Path) -> ExportFile:
        """The content as a file of its own, that lies there."""
        return ExportFile(self.file.source, self.source_file, path, self.size_bytes, self.file.modified_ns)


class Contents:
    """What lies in files, unpacked where needed; keeps the list of the archive opened last, as neighbours come together."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._members: dict[str, Member] = {}

    def of(self, file: ExportFile) -> list[Member]:
        """The members of an archive, or the file itself; raises `UnreadableExportError`."""
        self.close()
        try:
            found = members(file.path, file.source_file)
        except (UnreadableTextError, OSError) as error:
            raise unreadable(file, file.source_file, error) from error
        if not found:
            raise unreadable(file, file.source_file, UnreadableTextError("it is an archive without a file; remove it"))
        self._path, self._members = file.path, {member.source_file: member for member in found}
        return list(found)

    def read(self, new: NewFile, most_bytes: int = -1) -> bytes:
        """The content, or so much from its beginning; raises `UnreadableExportError`."""
        try:
            with self._member(new).open() if new.is_packed else new.file.path.open("rb") as stream:
                return stream.read(most_bytes)
        except (UnreadableTextError, OSError) as error:
            raise unreadable(new.file, new.source_file, error) from error

    @contextmanager
    def plain(self, new: NewFile, scratch: Path) -> Iterator[ExportFile]:
        """The content as a plain file, for a while; raises `UnreadableExportError`."""
        if not new.is_packed:
            yield new.at(new.file.path)
            return
        with ExitStack() as stack:
            try:
                path = stack.enter_context(self._member(new).local(scratch))
            except (UnreadableTextError, OSError) as error:
                raise unreadable(new.file, new.source_file, error) from error
            yield new.at(path)

    def _member(self, new: NewFile) -> Member:
        if self._path != new.file.path or new.source_file not in self._members:
            self.of(new.file)
        if new.source_file not in self._members:
            raise UnreadableTextError("the archive no longer holds it")
        return self._members[new.source_file]

    def close(self) -> None:
        """Forget the archive opened last."""
        self._path, self._members = None, {}


@dataclass
class Arrivals:
    """One search through the drop folder for all sources; what it comes by besides new files is noted in its fields."""

    database: WorkingDatabase
    folder: DropFolder
    contents: Contents
    scratch: Path
    settle_s: float
    files_seen: int = 0
    files_found: set[str] = field(default_factory=set)
    problems: list[UnreadableExportError] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    _fitting: set[tuple[str, bytes | None]] = field(default_factory=set)
    _read_in_part: set[tuple[str, str]] = field(default_factory=set)

    def windows(
        self, profiles: Sequence[SourceProfile], only: Collection[str] | None = None
    ) -> Iterator[list[NewFile]]:
        """New files whose headers fit their profiles, in the order of sources and names: all at once, or as fetched.

        Raises `SourceProfileError` where a profile names a column that a new file lacks, before a window is given out;
        of an archive, where it lacks it in all that the archive holds.
        """
        sources = [_Source(self.database, profile) for profile in profiles]
        candidates = [(source, file) for source in sources for file in self._found(source, only)]
        for window in _cut(self._settled(candidates), self.folder.window_bytes):
            there = self._fetched(window)
            new_files = [(source, new) for source, file in there for new in self._new_contents(source, file)]
            for source in sources:
                source.remember(self.database)
            yield self._readable(new_files, spare=only is not None)

    def _found(self, source: _Source, only: Collection[str] | None) -> list[ExportFile]:
        """The source's files that may hold something new; what cannot be read as a file is noted.

        Where only some files are wanted, only what keeps one of them from being found is a problem.
        """
        found, problems = self.folder.files(source.profile), self.folder.problems(source.profile)
        if only is not None:
            found = [file for file in found if file.source_file in only]
            problems = [problem for problem in problems if any(_is_within(name, problem.source_file) for name in only)]
        self.problems += problems
        self.files_found |= {file.source_file for file in found}
        self.files_seen += len(found)
        return [file for file in found if source.has_changed(file) or not source.has_staged(file)]

    def _settled(self, candidates: list[_Candidate]) -> list[_Candidate]:
        """The candidates that have stopped changing, as they are now."""
        changed = {file.source_file: file for source, file in candidates if source.has_changed(file)}
        ready, unsettled = settled(list(changed.values()), self.folder, self.settle_s)
        self.unsettled += sorted(file.source_file for file in unsettled)
        now = {file.source_file: (file.size_bytes, file.modified_ns) for file in ready}
        return [
            (source, replace(file, size_bytes=state[0], modified_ns=state[1]))
            for source, file in candidates
            for state in [now.get(file.source_file, _state(file))]
            if file.source_file not in changed or file.source_file in now
        ]

    def _fetched(self, window: list[_Candidate]) -> list[_Candidate]:
        """Those whose content is at hand; one that changed on its way is left for the next run."""
        problems: list[UnreadableExportError] = []
        fetched = set(self.folder.fetch([file for _, file in window], problems))
        self.problems += problems
        refused = {problem.source_file for problem in problems}
        missing = [file for _, file in window if file not in fetched and file.source_file not in refused]
        if missing:
            self.unsettled += sorted(self.folder.states(missing))
        return [(source, file) for source, file in window if file in fetched]

    def _new_contents(self, source: _Source, file: ExportFile) -> Iterator[NewFile]:
        """What the file holds that was never staged for its source."""
        try:
            found = self._fingerprinted(source, file)
        except UnreadableExportError as problem:
            self.problems.append(problem)
            return
        if not self.folder.is_as(file):
            self.unsettled.append(file.source_file)
            return
        source.note(file, found)
        for new in found:
            if new.sha256 in source.contents:
                self._read_in_part.add((source.profile.name, file.source_file))
            elif new.sha256 != UNREAD:
                yield new

    def _fingerprinted(self, source: _Source, file: ExportFile) -> list[NewFile]:
        """All contents of the file; those that could not be read stand in `problems`."""
        profile = source.profile
        try:
            with file.path.open("rb") as stream:
                start = stream.read(HEAD_BYTES)
                if not is_archive(start):
                    return [_fingerprint(profile, file, file.source_file, start, stream, is_packed=False)]
        except OSError as error:
            raise unreadable(file, file.source_file, error) from error
        found, staged = [], source.staged_members(file)
        for member in self.contents.of(file):
            name, is_packed = member.source_file, not member.is_plain
            if name in staged:
                found.append(NewFile(profile, file, name, staged[name], 0, is_packed))
                continue
            try:
                with member.open() as stream:
                    found.append(_fingerprint(profile, file, name, b"", stream, is_packed=is_packed))
            except (UnreadableTextError, OSError) as error:
                self.problems.append(unreadable(file, name, error))
                found.append(NewFile(profile, file, name, UNREAD, 0, is_packed))
        return found

    def _readable(self, new_files: Sequence[tuple[_Source, NewFile]], *, spare: bool) -> list[NewFile]:
        """Of each content the first file whose header fits; the others are problems.

        Raises `SourceProfileError`, unless others are to be spared: nobody is there to mend what a sensor has found.
        What lies in an archive beside a file that fits (a read-me) is a problem too, and stops nothing.
        """
        readable, misfits = [], []
        for source, new in new_files:
            place = (new.profile.name, new.file.source_file)
            if new.sha256 in source.contents:
                self._read_in_part.add(place)
                continue
            try:
                self._check(new)
            except UnreadableExportError as problem:
                self.problems.append(about(problem, new.file))
            except SourceProfileError as problem:
                if not spare and not new.is_packed:
                    raise
                misfits.append((new, place, problem))
            else:
                self._read_in_part.add(place)
                source.contents.add(new.sha256)
                readable.append(new)
        for new, place, misfit in misfits:
            if not spare and place not in self._read_in_part:
                raise misfit
            self.problems.append(about(UnreadableExportError(str(misfit)), new.file))
        return readable

    def _check(self, new: NewFile) -> None:
        """Look whether the header fits; equal ones are looked at once. Raises as `check_columns`."""
        key = (new.profile.name, new.header)
        if new.header is not None and key in self._fitting:
            return
        with self._sample(new, format_of(new.profile, new.at(new.file.path))) as sample:
            check_columns(new.profile, sample)
        if new.header is not None:
            self._fitting.add(key)

    @contextmanager
    def _sample(self, new: NewFile, kind: Format) -> Iterator[ExportFile]:
        """As much of the content as its header or schema needs; a packed text file is not unpacked whole for that."""
        if not new.is_packed or kind not in {Format.CSV, Format.JSONL, Format.JSON}:
            with self.contents.plain(new, self.scratch) as plain:
                yield plain
            return
        with tempfile.NamedTemporaryFile(dir=self.scratch) as sample:
            sample.write(self.contents.read(new, LONGEST_RECORD_BYTES))
            sample.flush()
            yield new.at(Path(sample.name))


class _Source:
    """What is known of one source's files."""

    def __init__(self, database: WorkingDatabase, profile: SourceProfile) -> None:
        self.profile = profile
        source = {"source": profile.name}
        self.contents = {sha256 for (sha256,) in database.rows("staging/known_contents", source)}
        self._known: dict[str, list[tuple[int, int, str, str]]] = {}
        for name, *known in database.rows("staging/known_files", source):
            self._known.setdefault(name, []).append(tuple(known))
        self._noted: dict[str, list[NewFile]] = {}

    def has_changed(self, file: ExportFile) -> bool:
        """Whether the file is not as it was when its contents were fingerprinted."""
        known = self._known.get(file.source_file)
        return known is None or known[0][:2] != _state(file)

    def has_staged(self, file: ExportFile) -> bool:
        """Whether all that was in the file when it was fingerprinted has been staged."""
        return all(sha256 in self.contents for *_, sha256 in self._known[file.source_file])

    def staged_members(self, file: ExportFile) -> dict[str, str]:
        """What has been staged of an archive as it is now: names and SHA-256."""
        known = [] if self.has_changed(file) else self._known[file.source_file]
        return {name: sha256 for *_, name, sha256 in known if sha256 in self.contents}

    def note(self, file: ExportFile, found: list[NewFile]) -> None:
        """Of what the file consists now."""
        self._noted[file.source_file] = found

    def remember(self, database: WorkingDatabase) -> None:
        """Write down what was noted; size and time of change stand for the content until one of them differs."""
        if not self._noted:
            return
        found = [new for contents in self._noted.values() for new in contents]
        with database.transaction():
            database.run("staging/forget_paths", {"source": self.profile.name, "files": list(self._noted)})
            database.run(
                "staging/remember_paths",
                {
                    "source": self.profile.name,
                    "source_files": [new.source_file for new in found],
                    "containers": [new.file.source_file if new.is_packed else None for new in found],
                    "sizes": [new.file.size_bytes for new in found],
                    "times": [new.file.modified_ns for new in found],
                    "sha256s": [new.sha256 for new in found],
                },
            )
        self._noted.clear()


_Candidate = tuple[_Source, ExportFile]


def unreadable(file: ExportFile, source_file: str, error: Exception) -> UnreadableExportError:
    """The one line for a content that cannot be had."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    may_pass = isinstance(error, OSError) and error.errno is not None  # damaged gzip is an OSError without a number
    line = f"Cannot read {shown(source_file)} of source {file.source}: {reason}"
    return UnreadableExportError(line, source_file=file.source_file, may_pass=may_pass)


def about(problem: UnreadableExportError, file: ExportFile) -> UnreadableExportError:
    """The problem, which is one of that file in the drop folder."""
    problem.source_file = file.source_file
    return problem


def _is_within(name: str, place: str) -> bool:
    """Whether the place is that file, or a folder around it; the drop folder itself has no name."""
    return name == place or name.startswith(f"{place}/".lstrip("/"))


def _state(file: ExportFile) -> tuple[int, int]:
    return file.size_bytes, file.modified_ns


def _cut(candidates: list[_Candidate], most_bytes: int | None) -> Iterator[list[_Candidate]]:
    """The candidates in pieces of at most so many bytes, or one candidate; always one piece at least."""
    piece: list[_Candidate] = []
    size_bytes = 0
    for candidate in candidates:
        size_bytes += candidate[1].size_bytes
        if piece and most_bytes is not None and size_bytes > most_bytes:
            yield piece
            piece, size_bytes = [], candidate[1].size_bytes
        piece.append(candidate)
    yield piece


def _fingerprint(
    profile: SourceProfile, file: ExportFile, source_file: str, start: bytes, stream: BinaryIO, *, is_packed: bool
) -> NewFile:
    """Read a content to its end; `start` was read before."""
    first = start + stream.read(CHUNK_BYTES)
    digest, size_bytes = hashlib.sha256(first), len(first)
    while len(first) >= CHUNK_BYTES and (chunk := stream.read(CHUNK_BYTES)):
        digest.update(chunk)
        size_bytes += len(chunk)
    new = NewFile(profile, file, source_file, digest.hexdigest(), size_bytes, is_packed)
    end_of_line = first.find(b"\n", 0, LONGEST_FIRST_LINE_BYTES)
    return replace(new, header=_header(new, first[: max(end_of_line, 0)]))


def _header(new: NewFile, line: bytes) -> bytes | None:
    """`NewFile.header` of a content that begins with this line."""
    with suppress(UnreadableExportError):
        if format_of(new.profile, new.at(new.file.path)) is Format.CSV and is_header_line(new.profile, line):
            return hashlib.sha256(line).digest()
    return None
