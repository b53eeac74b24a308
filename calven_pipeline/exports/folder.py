"""The drop folder: one look at all that lies in it, and which of it belongs to which source.

What may surprise: a file that seems to be still on its way (`.part`, `.tmp`, `.crdownload`, `~`, hidden) is left out,
and a link that leads out of the folder is a problem rather than being passed over. An archive is one file here; its
members are told apart when it is read.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from calven_pipeline.errors import DropFolderError, UnreadableExportError
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.exports.wording import shown
from calven_pipeline.settings import ExportSettings

UNFINISHED_ENDINGS = (".part", ".tmp", ".crdownload", "~")
CHARACTERS = re.compile(r"\[!?\]?[^\]]*\]")  # a list of them in a pattern
LINKED = "\0"  # stands behind the name of a linked folder in what patterns are held against: `**` passes none


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One export file of one source; `source_file` is its POSIX path relative to the drop folder.

    For a member of an archive `source_file` is the member's (`night.zip/monday.csv`). `path` is where its plain content lies.
    """

    source: str
    source_file: str
    path: Path
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in the drop folder: a file, or what cannot be read as a file or listed as a folder, with the `problem`.

    `marked` is `source_file` with linked folders marked.
    """

    source_file: str
    marked: str
    path: Path
    size_bytes: int = 0
    modified_ns: int = 0
    problem: str | None = None


@dataclass
class Listing:
    """What one look found: files sorted by name, folders that are links out of it, and folders that cannot be read."""

    entries: list[Entry] = field(default_factory=list)
    links_out: list[Entry] = field(default_factory=list)
    unreadable: list[Entry] = field(default_factory=list)


class DropFolder(ABC):
    """One look at the drop folder: what is asked of it more than once is answered alike."""

    @property
    @abstractmethod
    def place(self) -> str:
        """The folder's name for messages; never a secret."""

    @property
    def is_there(self) -> bool:
        """False where nobody has made the folder, nor said where it should be; known without a look."""
        return True

    @abstractmethod
    def look(self) -> Listing:
        """Everything that lies there now, but what is hidden or unfinished; an empty listing where there is no folder."""

    @abstractmethod
    def states(self, files: Sequence[ExportFile]) -> dict[str, tuple[int, int]]:
        """Size and time of change of the files now, by `source_file`; those that are gone are not in it."""

    @abstractmethod
    def is_as(self, file: ExportFile) -> bool:
        """Whether what is read from the file's path is still what the look found."""

    @abstractmethod
    def path_of(self, source_file: str) -> Path:
        """Where the content of a file is read from, be it there or not."""

    @abstractmethod
    def is_at_hand(self, file: ExportFile) -> bool:
        """Whether the file can be read again as it was, without fetching it."""

    @abstractmethod
    def fetch(self, files: Sequence[ExportFile], problems: list[UnreadableExportError]) -> list[ExportFile]:
        """Have the files' content at their paths, and leave out those that are gone, and those that are noted in `problems`."""

    @abstractmethod
    def make_room(self) -> None:
        """Keep what was fetched within bounds; the folder itself is never touched."""

    @abstractmethod
    def forget(self) -> None:
        """Give up all that was fetched; the folder itself is never touched."""

    @property
    def window_bytes(self) -> int | None:
        """How much may be fetched at a time; None where nothing needs fetching."""
        return None

    @cached_property
    def listing(self) -> Listing:
        """The look."""
        return self.look()

    def files(self, profile: SourceProfile) -> list[ExportFile]:
        """The files that the profile's patterns match, each once, sorted by `source_file`; without those with `problems`."""
        return [
            ExportFile(profile.name, entry.source_file, entry.path, entry.size_bytes, entry.modified_ns)
            for entry in self.listing.entries
            if not entry.problem and matches(profile, entry)
        ]

    def problems(self, profile: SourceProfile) -> list[UnreadableExportError]:
        """What the profile's patterns match or lead into and cannot be read, each once.

        A link that leads out of the folder or nowhere, a folder that cannot be listed, a name that is not UTF-8.
        """
        listing = self.listing
        closed = [_closed(profile, folder) for folder in listing.unreadable if _may_hold(profile, folder)]
        links = [link for link in listing.links_out if _leads_into(profile, link)]
        found = [*links, *(entry for entry in listing.entries if entry.problem and matches(profile, entry))]
        return closed + [
            _unreadable(profile, entry) for entry in {entry.source_file: entry for entry in found}.values()
        ]

    def unmatched(self, profiles: Sequence[SourceProfile]) -> list[str]:
        """The names of files that no source reads."""
        return [
            entry.source_file
            for entry in self.listing.entries
            if not any(matches(profile, entry) for profile in profiles)
        ]


class LocalFolder(DropFolder):
    """A folder that this machine can read."""

    def __init__(self, folder: Path, *, is_named: bool = False) -> None:
        """`folder` need not be there yet, unless a setting names it."""
        self.folder, self._is_named = folder, is_named

    @property
    def place(self) -> str:
        """The folder's path."""
        return str(self.folder)

    @property
    def is_there(self) -> bool:
        """By the file system."""
        return self._is_named or self.folder.is_dir()

    def look(self) -> Listing:
        """Walk the folder once; links are followed where they stay within it. Raises `DropFolderError`."""
        listing = Listing()
        if self._is_named and not self.folder.is_dir():
            raise DropFolderError(
                f"The drop folder {self.place} is not there: mount or make it, or check CALVEN_EXPORTS."
            )
        if self.folder.is_dir():
            root = os.path.realpath(self.folder)
            for entry in _walk(listing, str(self.folder), ("", ""), root, (root,)):
                listing.entries.append(entry)
        listing.entries.sort(key=lambda entry: entry.source_file)
        return listing

    def states(self, files: Sequence[ExportFile]) -> dict[str, tuple[int, int]]:
        """By the file system."""
        return {file.source_file: state for file in files if (state := _state(file.path))}

    def is_as(self, file: ExportFile) -> bool:
        """By size and time of change."""
        return _state(file.path) == (file.size_bytes, file.modified_ns)

    def path_of(self, source_file: str) -> Path:
        """In the folder."""
        return self.folder / source_file

    def is_at_hand(self, file: ExportFile) -> bool:
        """By size and time of change."""
        return self.is_as(file)

    def fetch(self, files: Sequence[ExportFile], problems: list[UnreadableExportError]) -> list[ExportFile]:
        """They lie where they are."""
        return list(files)

    def make_room(self) -> None:
        """Nothing was fetched."""

    def forget(self) -> None:
        """Nothing was fetched."""


def drop_folder(data_dir: Path) -> DropFolder:
    """The drop folder that `CALVEN_EXPORTS` names, `exports` under the data folder unless it is set.

    Raises `SettingsError`; a remote folder is reached when it is looked at.
    """
    settings = ExportSettings.load()
    if settings.exports is None:
        return LocalFolder(data_dir / "exports")
    if "://" not in settings.exports:
        return LocalFolder(Path(settings.exports).expanduser(), is_named=True)
    from calven_pipeline.exports.remote import RemoteFolder

    return RemoteFolder(settings.exports, settings.exports_options, data_dir)


def find_exports(profile: SourceProfile, exports_dir: Path) -> list[ExportFile]:
    """The files of one source in a local folder, as `DropFolder.files`; raises the first of its problems."""
    folder = LocalFolder(exports_dir)
    for problem in folder.problems(profile):
        raise problem
    return folder.files(profile)


def sha256_of(path: Path) -> str:
    """The fingerprint of the file's content, in hex; raises `UnreadableExportError`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableExportError(f"Cannot read the export {shown(path.name)}: {error.strerror}") from error


def matches(profile: SourceProfile, entry: Entry) -> bool:
    """Whether one of the profile's patterns names the file."""
    return any(_pattern(pattern).fullmatch(entry.marked) for pattern in profile.files)


def is_wanted(name: str) -> bool:
    """Whether a file or folder of that name is neither hidden nor unfinished."""
    return not name.startswith(".") and not name.lower().endswith(UNFINISHED_ENDINGS)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def name_problem(source_file: str) -> str | None:
    """What is wrong with a file's name, if anything."""
    if not source_file.isprintable() and any("\udc80" <= character <= "\udcff" for character in source_file):
        return "its name is not UTF-8; rename it"
    return None


def _unreadable(profile: SourceProfile, entry: Entry) -> UnreadableExportError:
    line = f"Cannot read {shown(entry.source_file)} of source {profile.name}: {entry.problem}"
    return UnreadableExportError(line, source_file=entry.source_file)


def _closed(profile: SourceProfile, folder: Entry) -> UnreadableExportError:
    name = shown(folder.source_file or folder.path.name)
    line = f"Cannot look for exports of source {profile.name} in {name}: {folder.problem}; allow reading the folder"
    return UnreadableExportError(line, source_file=folder.source_file, may_pass=True)


def _walk(listing: Listing, folder: str, names: tuple[str, str], root: str, trail: tuple[str, ...]) -> Iterator[Entry]:
    """The files in the folder and below; `names` is its path from the top, plain and marked, `trail` the real folders above."""
    try:
        with os.scandir(folder) as scan:
            found = list(scan)
    except FileNotFoundError:
        return  # it has just gone
    except OSError as error:
        name, marked = (name.rstrip("/") for name in names)
        closed = Entry(name, marked, Path(folder), problem=error.strerror or type(error).__name__)
        listing.unreadable.append(closed)
        return
    for item in found:
        name, marked = names[0] + item.name, names[1] + item.name
        if item.name.startswith("."):
            continue
        if item.is_symlink():
            yield from _linked(listing, item, (name, marked), root, trail)
        elif item.is_dir(follow_symlinks=False):
            yield from _walk(listing, item.path, (f"{name}/", f"{marked}/"), root, (*trail, f"{trail[-1]}/{item.name}"))
        elif is_wanted(item.name):
            yield from _file(item, name, marked)


def _linked(
    listing: Listing, link: os.DirEntry[str], names: tuple[str, str], root: str, trail: tuple[str, ...]
) -> Iterator[Entry]:
    """What a link leads to, where that lies in the drop folder and is not around it."""
    target = os.path.realpath(link.path)
    if target != root and not target.startswith(f"{root}/"):
        problem = "it is a link out of the exports folder; put the file itself there"
        out = Entry(*names, Path(link.path), problem=name_problem(names[0]) or problem)
        if Path(target).is_dir():
            listing.links_out.append(out)
        if is_wanted(link.name):
            yield out
    elif Path(target).is_dir():
        if target not in trail:
            marked = f"{names[1]}{LINKED}/"
            yield from _walk(listing, link.path, (f"{names[0]}/", marked), root, (*trail, target))
    elif is_wanted(link.name):
        yield from _file(link, *names)


def _file(item: os.DirEntry[str], name: str, marked: str) -> Iterator[Entry]:
    problem = name_problem(name)
    try:
        status = item.stat()
    except OSError as error:
        if item.is_symlink() and not Path(item.path).exists():
            yield Entry(name, marked, Path(item.path), problem=problem or "it is a link to nothing; remove it")
        elif not isinstance(error, FileNotFoundError):
            yield Entry(name, marked, Path(item.path), problem=problem or error.strerror)
        return
    if S_ISREG(status.st_mode):
        yield Entry(name, marked, Path(item.path), status.st_size, status.st_mtime_ns, problem)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """As `Path.glob` reads it: `**` for any number of folders (linked ones aside), `*`, `?` and `[]` within a name."""
    parts = PurePosixPath(pattern).parts
    return re.compile(
        _folders(parts[:-1]) + (r".+" if parts[-1:] == ("**",) else "".join(map(_name, parts[-1:]))), re.S
    )


def _leads_into(profile: SourceProfile, link: Entry) -> bool:
    """Whether a linked folder is on the way to what a pattern matches; `**` enters none."""
    return any(_ways(pattern, through=False).fullmatch(link.marked) for pattern in profile.files)


def _may_hold(profile: SourceProfile, folder: Entry) -> bool:
    """Whether a folder, which may be the drop folder itself, is on the way to what a pattern matches."""
    return not folder.source_file or any(
        _ways(pattern, through=True).fullmatch(folder.marked) for pattern in profile.files
    )


@cache
def _ways(pattern: str, *, through: bool) -> re.Pattern[str]:
    """The folders on the way to what the pattern matches; those that only `**` would enter if `through`."""
    parts = PurePosixPath(pattern).parts
    ways = [_folders(parts[:i]) + _name(parts[i]) for i in range(len(parts) - 1) if parts[i] != "**"]
    if through:
        ways = [f"{way}{LINKED}?" for way in ways]
        any_name = f"[^/{LINKED}]+"
        ways += [f"{_folders(parts[: i + 1])}{any_name}" for i, part in enumerate(parts) if part == "**"]
    return re.compile("|".join(ways) or r"(?!)", re.S)


def _folders(parts: Iterable[str]) -> str:
    return "".join(rf"(?:[^/{LINKED}]+/)*" if part == "**" else rf"{_name(part)}{LINKED}?/" for part in parts)


def _name(pattern: str) -> str:
    """One name's pattern as a regular expression."""
    within = rf"[^/{LINKED}]"
    pieces, at = [], 0
    while at < len(pattern):
        listed = CHARACTERS.match(pattern, at)
        if listed:
            pieces.append(rf"(?={within})" + fnmatch.translate(listed[0])[len("(?s:") : -len(r")\Z")])
        else:
            pieces.append({"*": f"{within}*", "?": within}.get(pattern[at], re.escape(pattern[at])))
        at = listed.end() if listed else at + 1
    return "".join(pieces)
