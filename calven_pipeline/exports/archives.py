"""What is packed: gzip and zip files, told by their first bytes, with limits that hold while they are unpacked.

What may surprise: no size in an archive's own lists is believed. Bytes are counted as they come out, so an archive that
explodes ends with an error after a bounded amount of work. A workbook (.xlsx) is a zip file too, but no archive.
"""

from __future__ import annotations

import gzip
import io
import lzma
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from calven_pipeline.exports.encodings import UnreadableTextError

MOST_UNPACKED_BYTES = 20 * 1000**3
MOST_TIMES_PACKED = 200  # text of badge systems packs 10 to 30 times; deflate can reach 1,032
FREE_BYTES = 100 * 1000**2  # below this, any ratio will do
MOST_MEMBERS = 10_000
MOST_LIST_BYTES = 5 * 1000**2  # of a zip's list of files, which is read as a whole; 500 for each of the most

GZIP, ZIP, EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
PACKED_OTHERWISE = (b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x28\xb5\x2f\xfd")
TAR_MARK, TAR_MARK_AT = b"ustar", 257
WORKBOOK_PART, WORKBOOK_FOLDER = "[Content_Types].xml", "xl/"
WORKBOOK_ENDINGS = (".xlsx", ".xlsm")
ENCRYPTED = 0x1
BUFFER_BYTES = 1024**2
DAMAGES = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)


@dataclass
class Budget:
    """What an archive may still unpack to; a member that is read twice counts once."""

    packed_bytes: int
    most_bytes: int = field(default_factory=lambda: MOST_UNPACKED_BYTES)
    remedy: str = "unpack it by hand"
    unpacked_bytes: int = 0
    reached: dict[str, int] = field(default_factory=dict)

    def count(self, member: str, position: int) -> None:
        """Note that a member was unpacked up to a position; raises `UnreadableTextError` past a limit."""
        more = position - self.reached.get(member, 0)
        if more <= 0:
            return
        self.reached[member] = position
        self.unpacked_bytes += more
        if self.unpacked_bytes > self.most_bytes:
            raise UnreadableTextError(f"it unpacks to more than {self.most_bytes:,} bytes; {self.remedy}")
        if self.unpacked_bytes > max(FREE_BYTES, MOST_TIMES_PACKED * self.packed_bytes):
            raise UnreadableTextError(f"it unpacks to more than {MOST_TIMES_PACKED} times its size; {self.remedy}")


class _ListLimited(io.FileIO):
    """A zip file whose list is not read where it is too long: the reader takes it into memory at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_LIST_BYTES:
            raise UnreadableTextError(f"it holds too many files (their list has {size:,} bytes); unpack it by hand")
        return super().read(size)


class _Counted(io.RawIOBase):
    """An unpacking stream that counts, and whose errors are ours."""

    def __init__(self, stream: IO[bytes], name: str, budget: Budget) -> None:
        self._stream, self._name, self._budget = stream, name, budget
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - typeshed's WriteableBuffer
        try:
            content = self._stream.read(len(buffer))
        except DAMAGES as error:
            raise UnreadableTextError(f"it is cut or damaged ({type(error).__name__}); fetch it again") from error
        self._position += len(content)
        self._budget.count(self._name, self._position)
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._stream.close()
        super().close()


@dataclass
class _Zip:
    """A zip file, opened with the first of its members and closed with the last: its list may be long to read."""

    path: Path
    _archive: zipfile.ZipFile | None = None

    def open(self, part: zipfile.ZipInfo) -> IO[bytes]:
        if self._archive is None:
            self._archive = zipfile.ZipFile(self.path)
        return self._archive.open(part)


@dataclass(frozen=True)
class Member:
    """One file to read: a plain file, what a gzip file holds, or one file of a zip.

    `source_file` is the file's own for plain and gzip, with the member's name behind it for a zip
    (`night.zip/monday.csv`).
    """

    source_file: str
    is_plain: bool
    path: Path
    _opened: Callable[[], BinaryIO] = field(repr=False, compare=False)

    def open(self) -> BinaryIO:
        """The plain content; raises `UnreadableTextError` here or while it is read, `OSError` as `open` does."""
        return self._opened()

    @contextmanager
    def local(self, scratch: Path) -> Iterator[Path]:
        """The plain content as a file: itself, or a copy under `scratch` that goes when the context ends."""
        if self.is_plain:
            yield self.path
            return
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            copy = Path(folder) / "unpacked"
            with self.open() as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, BUFFER_BYTES)
            yield copy


def members(path: Path, source_file: str) -> tuple[Member, ...]:
    """The files to read in a file: itself where it is not packed; a zip's in the order of their names.

    Folders, hidden files and `__MACOSX` are left out. Raises `UnreadableTextError` for a zip that is damaged, holds too
    many files or names that lead elsewhere; a member that is encrypted or packed again says so when it is opened.
    """
    with path.open("rb") as file:
        head = file.read(TAR_MARK_AT + len(TAR_MARK))
    if head.startswith(GZIP):
        budget = Budget(path.stat().st_size)
        return (Member(source_file, False, path, lambda: _open_gzip(path, source_file, budget)),)
    if head.startswith((ZIP, EMPTY_ZIP)):
        parts = _zip_parts(path)
        if not _is_workbook(parts):
            return _zip_members(path, source_file, parts)
    elif _is_packed(head):
        raise UnreadableTextError("it is an archive of a kind that is not read; use gzip or zip, or unpack it")
    return (Member(source_file, True, path, lambda: path.open("rb")),)


def is_archive(head: bytes) -> bool:
    """Whether a file that begins so (some 300 bytes) may be packed, so that `members` must look at it."""
    return head.startswith((GZIP, ZIP, EMPTY_ZIP)) or _is_packed(head)


def format_name(source_file: str) -> str:
    """The name whose ending tells the format: `x.csv` for `x.csv.gz`."""
    stem, dot, ending = source_file.rpartition(".")
    return stem if dot and ending.lower() in {"gz", "gzip"} and stem else source_file


def _is_packed(head: bytes) -> bool:
    return head.startswith(PACKED_OTHERWISE) or head[TAR_MARK_AT:].startswith(TAR_MARK)


def zip_parts(path: Path) -> list[zipfile.ZipInfo]:
    """What a zip holds; raises `UnreadableTextError` where that is far too much, or as `ZipFile` does."""
    with _ListLimited(path) as file, zipfile.ZipFile(file) as archive:
        return archive.infolist()


def _zip_parts(path: Path) -> list[zipfile.ZipInfo]:
    try:
        return zip_parts(path)
    except UnreadableTextError:
        raise
    except (*DAMAGES, ValueError, RuntimeError, IndexError) as error:  # NotImplementedError is a RuntimeError
        raise UnreadableTextError("it is a zip file that is cut or damaged; fetch it again") from error


def _is_workbook(parts: list[zipfile.ZipInfo]) -> bool:
    """Whether a zip is one of Excel's, not an archive that happens to hold a file of that name."""
    names = [part.filename for part in parts]
    return WORKBOOK_PART in names and any(name.lower().startswith(WORKBOOK_FOLDER) for name in names)


def _zip_members(path: Path, source_file: str, parts: list[zipfile.ZipInfo]) -> tuple[Member, ...]:
    if len(parts) > MOST_MEMBERS:
        raise UnreadableTextError(f"it holds more than {MOST_MEMBERS:,} files; unpack it by hand")
    wanted = [part for part in parts if _is_wanted(part)]
    names = {part.filename for part in wanted}
    if len(names) < len(wanted):
        raise UnreadableTextError("it holds two files of one name; unpack it by hand")
    archive, budget = _Zip(path), Budget(path.stat().st_size)
    return tuple(
        _zip_member(archive, f"{source_file}/{part.filename}", part, budget)
        for part in sorted(wanted, key=lambda part: part.filename)
    )


def _zip_member(archive: _Zip, source_file: str, part: zipfile.ZipInfo, budget: Budget) -> Member:
    return Member(source_file, False, archive.path, lambda: _open_part(archive, source_file, part, budget))


def _is_wanted(part: zipfile.ZipInfo) -> bool:
    """Whether a part is a file to read; raises `UnreadableTextError` for one that leads out of the archive."""
    name = PurePosixPath(part.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in part.filename or part.filename[1:2] == ":":
        raise UnreadableTextError("it holds a file whose name leads out of it; unpack it by hand")
    if stat.S_ISLNK(part.external_attr >> 16):
        raise UnreadableTextError("it holds a link; unpack it by hand")
    is_hidden = any(word.startswith(".") or word == "__MACOSX" for word in name.parts)
    return not part.is_dir() and not is_hidden


def _open_gzip(path: Path, source_file: str, budget: Budget) -> BinaryIO:
    return _checked(_Counted(cast("IO[bytes]", gzip.open(path, "rb")), source_file, budget), source_file)


def _open_part(archive: _Zip, source_file: str, part: zipfile.ZipInfo, budget: Budget) -> BinaryIO:
    if part.flag_bits & ENCRYPTED:
        raise UnreadableTextError("it is protected by a password; unpack it by hand")
    try:
        stream = archive.open(part)
    except NotImplementedError as error:
        raise UnreadableTextError("it is packed in a way that is not read; pack it again, or unpack it") from error
    except (*DAMAGES, RuntimeError) as error:
        raise UnreadableTextError(f"it is cut or damaged ({type(error).__name__}); fetch it again") from error
    return _checked(_Counted(stream, source_file, budget), source_file)


def _checked(stream: _Counted, name: str) -> BinaryIO:
    """The stream, unless what comes out is packed once more; a workbook is not, for this."""
    content = io.BufferedReader(stream, BUFFER_BYTES)
    try:
        head = content.peek(TAR_MARK_AT + len(TAR_MARK))
    except UnreadableTextError:
        content.close()
        raise
    is_workbook = WORKBOOK_PART.encode() in head or format_name(name).lower().endswith(WORKBOOK_ENDINGS)
    is_other_zip = head.startswith((ZIP, EMPTY_ZIP)) and not is_workbook
    if head.startswith(GZIP) or is_other_zip or _is_packed(head):
        content.close()
        raise UnreadableTextError("it is an archive within an archive; unpack it by hand")
    return cast("BinaryIO", content)
