"""The head of a file: its plain first megabytes, in a folder of our own.

What may surprise: text is cut at a line end after four megabytes, whatever it is packed in. A JSON document, a workbook and
a Parquet file cannot be cut and are taken whole.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from calven_pipeline.exports.archives import format_name, members
from calven_pipeline.exports.encodings import UnreadableTextError
from calven_pipeline.exports.profile_model import ENDINGS, Format

HEAD_BYTES = 4 * 1024**2
LOOK_BYTES = 4096
LARGEST_WHOLE_BYTES = 200 * 1000**2  # of what cannot be cut
BUFFER_BYTES = 1024**2
PARQUET, WORKBOOK, OLD_WORKBOOK, PDF = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF"


@dataclass(frozen=True)
class Head:
    """The plain content to look at, at `path`.

    `file_name` is what lies on the disk; `name` the same without `.gz`, or that of the member of an archive that was taken (the first of `members`); `kind` what the
    ending, else the content, says that it is; `is_whole` whether nothing was cut off.
    """

    path: Path
    file_name: str
    name: str
    kind: Format
    size_bytes: int
    is_whole: bool
    members: int


def take_head(file: Path, scratch: Path) -> Head:
    """Copy the head of a file into `scratch`; raises `UnreadableTextError` or `OSError`."""
    found_there = file.stat()
    if not stat.S_ISREG(found_there.st_mode):  # a device never ends
        raise UnreadableTextError("it is no file, but a folder, a device or a pipe")
    size_bytes = found_there.st_size
    found = members(file, file.name)
    if not found:
        raise UnreadableTextError("it holds no file; is it the right archive?")
    member = found[0]
    name = format_name(member.source_file)
    with member.open() as source:
        start = source.read(LOOK_BYTES)
        kind = _kind(name, start)
        target = scratch / _plain_name(name)
        with target.open("wb") as copy:
            is_whole = _copy_text(source, copy, start) if _can_be_cut(kind) else _copy_whole(source, copy, start)
    return Head(target, file.name, name, kind, size_bytes, is_whole, len(found))


def _kind(name: str, start: bytes) -> Format:
    """What the file is: what its first bytes prove, then what its ending says, then what it looks like."""
    if start.startswith(PDF):
        raise UnreadableTextError("it is a PDF; ask for the report as CSV or Excel")
    if start.startswith(OLD_WORKBOOK):
        raise UnreadableTextError("it is an old Excel file (.xls), or one with a password; save it as .xlsx or CSV")
    if start.startswith(PARQUET):
        return Format.PARQUET
    if start.startswith(WORKBOOK):
        return Format.XLSX
    told = ENDINGS.get(PurePosixPath(name).suffix.lower())
    if told in {Format.PARQUET, Format.XLSX}:
        raise UnreadableTextError(f"its name says {told}, but its content is something else; check where it comes from")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    first_line = text.splitlines()[0].rstrip() if text else b""
    if text.startswith(b"{") and first_line.endswith(b"}"):
        return Format.JSONL if told is not Format.JSON or text.count(b"\n{") else Format.JSON
    if text.startswith((b"{", b"[")) and told in {None, Format.JSON, Format.JSONL}:
        return Format.JSONL if told is Format.JSONL else Format.JSON
    return told or Format.CSV


def _can_be_cut(kind: Format) -> bool:
    return kind in {Format.CSV, Format.JSONL}


def _plain_name(name: str) -> str:
    """The last part of a member's name, which becomes a file of ours."""
    return PurePosixPath(name).name.lstrip(".") or "export"


def _copy_text(source: BinaryIO, target: BinaryIO, start: bytes) -> bool:
    content = start + source.read(HEAD_BYTES - len(start))
    if len(content) < HEAD_BYTES:
        target.write(content)
        return True
    target.write(content[: _line_end(content)])
    return False


def _line_end(content: bytes) -> int:
    """Where the last whole line ends; in UTF-16 a line end is two bytes wide."""
    wide = {b"\xff\xfe": b"\n\0", b"\xfe\xff": b"\0\n"}.get(content[:2])
    if wide is None and content[1:2] == b"\0":
        wide = b"\n\0"
    at = content.rfind(wide or b"\n")
    while wide and at % 2:  # half of one character and half of the next
        at = content.rfind(wide, 0, at + 1)
    return at + len(wide or b"\n") if at >= 0 else len(content)


def _copy_whole(source: BinaryIO, target: BinaryIO, start: bytes) -> bool:
    target.write(start)
    while chunk := source.read(BUFFER_BYTES):
        target.write(chunk)
        if target.tell() > LARGEST_WHOLE_BYTES:
            largest = LARGEST_WHOLE_BYTES // 1000**2
            raise UnreadableTextError(
                f"it is larger than {largest} MB and of a kind that cannot be cut; try a smaller one"
            )
    return True
