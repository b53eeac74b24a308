"""JSON as text: lines that DuckDB would read wrongly are marked before it reads them; an array is cut out of its document.

What may surprise: the line reader is DuckDB's CSV reader with two control characters as separator and quote, which no
valid JSON text contains. A line that holds one of them, or is not UTF-8, would be cut or dropped; it is marked instead.
Of two keys of one name in an object the first counts, and how deep values are nested does not matter (DuckDB 2.0, 1.5).
"""

from __future__ import annotations

import codecs
import json
import mmap
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from calven_pipeline.exports.csv_text import raw_text
from calven_pipeline.exports.encodings import BOM, CHUNK_BYTES, UnreadableTextError, is_utf8
from calven_pipeline.exports.wording import looks_like_header, shown

SEPARATOR, QUOTE = "\x01", "\x02"
LONGEST_LINE_BYTES = 16 * 1024**2
MOST_KEYS_SHOWN = 10
NOT_WHOLE = "it is no valid JSON; check that the file is whole"

SPACE = rb"[ \t\r\n]*+"
TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
REST = rb'[^{}\[\]"]*+'
DEPTH_AT_ONCE = 8  # deeper values are followed bracket by bracket


def _block(depth: int) -> bytes:
    """An object or array with all it holds, down to a depth; which bracket closes which is for DuckDB to judge."""
    inner = rb"|" + _block(depth - 1) if depth else b""
    return rb"[\[{]%s(?:(?:%s%s)%s)*+[\]}]" % (REST, TEXT, inner, REST)


KEY = re.compile(rb"%s(%s)%s:%s" % (SPACE, TEXT, SPACE, SPACE), re.DOTALL)
SCALAR = re.compile(rb'%s|[^\s,{}\[\]"]++' % TEXT, re.DOTALL)
BLOCK = re.compile(_block(DEPTH_AT_ONCE), re.DOTALL)
BETWEEN = re.compile(rb"%s(?:%s%s)*+" % (REST, TEXT, REST), re.DOTALL)
SPACES = re.compile(SPACE)
PLAIN_LINES = re.compile(rb"(?:\{[^\n]*+\n)*+")


def is_plain_lines(path: Path) -> bool:
    """Whether every line, in UTF-8, can be read as it lies; one that is too long cannot."""
    decoder, open_line_bytes = codecs.getincrementaldecoder("utf-8")(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            if SEPARATOR.encode() in chunk or QUOTE.encode() in chunk:
                return False
            line_end = chunk.rfind(b"\n")  # the lines before it are shorter than a chunk, but for the first
            open_line_bytes += len(chunk) if line_end < 0 else chunk.find(b"\n")
            if open_line_bytes > LONGEST_LINE_BYTES:
                return False
            open_line_bytes = open_line_bytes if line_end < 0 else len(chunk) - line_end - 1
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return False
    return not decoder.getstate()[0]


def write_readable_lines(source: Path, target: Path, mark: str) -> None:
    """Copy the lines; one that cannot be read as it lies becomes `mark` and its text."""
    with source.open("rb") as lines, target.open("wb") as copy:
        while line := lines.readline(LONGEST_LINE_BYTES + 1):
            if len(line) > LONGEST_LINE_BYTES:
                raise UnreadableTextError(f"a line is longer than {LONGEST_LINE_BYTES:,} bytes")
            is_readable = is_utf8(line) and SEPARATOR.encode() not in line and QUOTE.encode() not in line
            copy.write(line if is_readable else _marked(line, mark))


def _marked(line: bytes, mark: str) -> bytes:
    text = raw_text(line).replace(SEPARATOR, "\N{REPLACEMENT CHARACTER}").replace(QUOTE, "\N{REPLACEMENT CHARACTER}")
    return f"{mark}{text}\n".encode()


def plain_json_lines(content: bytes) -> tuple[bytes, int] | None:
    """The lines of a whole small file in UTF-8, each ending in a line feed and none blank; and how many.

    None where a line cannot be read as it lies or does not begin with a brace, so that the file has to be read by
    itself.
    """
    lines = content.removeprefix(BOM).replace(b"\r\n", b"\n")
    if lines and not lines.endswith(b"\n"):
        lines += b"\n"
    if b"\r" in lines or SEPARATOR.encode() in lines or QUOTE.encode() in lines or not is_utf8(lines):
        return None
    return (lines, lines.count(b"\n")) if PLAIN_LINES.fullmatch(lines) else None


def pointers(name: str) -> Iterator[str]:
    """Where a value may stand in a row: under a key of that very name, then along the dots."""
    yield "/" + _escaped(name)
    if "." in name:
        yield "/" + "/".join(map(_escaped, name.split(".")))


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def write_array(source: BinaryIO, target: BinaryIO, records: str) -> None:
    """Copy the rows that stand in an array at the dotted path `records` of a JSON document; only the copy is read on.

    A file may hold several documents, one behind the other, as a log of web hooks does: their arrays become one. The
    file is mapped, not held in memory. Raises `UnreadableTextError` where a document has no such array.
    """
    target.write(b"[")
    with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = _after_space(content, len(BOM) if content[: len(BOM)] == BOM else 0)
        number, is_first = 1, True
        while at < len(content):
            begin, end, after = _rows_of(content, at, records, number)
            if begin < end:
                target.write(b"" if is_first else b",\n")
                _copy(source, target, begin, end)
                is_first = False
            at, number = _after_space(content, after), number + 1
    target.write(b"]")


def _copy(source: BinaryIO, target: BinaryIO, begin: int, end: int) -> None:
    source.seek(begin)
    while chunk := source.read(min(CHUNK_BYTES, end - source.tell())):
        target.write(chunk)


def _rows_of(content: mmap.mmap, at: int, records: str, number: int) -> tuple[int, int, int]:
    """Where the rows of the document that begins at `at` begin and end, and where the document ends."""
    if number > 1 and content[at : at + 1] != b"{":
        raise UnreadableTextError(f"behind its document {number - 1} stands no other; check that the file is whole")
    try:
        begin, end, after = _find(content, at, records.split("."), records)
    except UnreadableTextError as error:
        if number == 1:
            raise
        raise UnreadableTextError(f"document {number}: {error}") from error
    if content[begin : begin + 1] + content[end - 1 : end] != b"[]":
        which = f"of document {number}, " if number > 1 else ""
        raise UnreadableTextError(
            f"its {records!r}, {which}named as `records`, is no array; name the array of the rows"
        )
    return _after_space(content, begin + 1), end - 1, after


def _find(content: mmap.mmap, at: int, path: Sequence[str], records: str) -> tuple[int, int, int]:
    """Where the value at the path begins and ends, and where the object ends that the path begins in.

    A key of the rest's very name wins over the path; one that stands twice on it is refused.
    """
    members, after = _members(content, at) if content[at : at + 1] == b"{" else ([], at)
    names = [name for name, _, _ in members]
    for depth in range(len(path), 0, -1):
        name = ".".join(path[:depth])
        if name not in names:
            continue
        if names.count(name) > 1:
            raise UnreadableTextError(f"its {name!r}, on the way to {records!r}, stands there twice; export it again")
        _, begin, end = members[names.index(name)]
        if depth < len(path):
            begin, end, _ = _find(content, begin, path[depth:], records)
        return begin, end, after
    raise UnreadableTextError(f"it has no {records!r}, named as `records`; {_there(names)}")


def _there(names: Sequence[str]) -> str:
    """What there is instead of a key; the keys of some objects are people's addresses or numbers."""
    if not names:
        return "there is no object with keys"
    if not looks_like_header(names):
        return f"there it has {len(names)} keys"
    return f"there it has {', '.join(map(shown, names[:MOST_KEYS_SHOWN]))}"


def _members(content: mmap.mmap, at: int) -> tuple[list[tuple[str, int, int]], int]:
    """Each key of the object that begins at `at`, where its value begins and ends; and where the object ends."""
    members: list[tuple[str, int, int]] = []
    at = _after_space(content, at + 1)
    if content[at : at + 1] == b"}":
        return members, at + 1
    while key := KEY.match(content, at):
        end = _end_of_value(content, key.end())
        members.append((_name(key[1]), key.end(), end))
        at = _after_space(content, end) + 1
        if content[at - 1 : at] == b"}":
            return members, at
        if content[at - 1 : at] != b",":
            break
    raise UnreadableTextError(NOT_WHOLE)


def _name(text: bytes) -> str:
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise UnreadableTextError(NOT_WHOLE) from error


def _end_of_value(content: mmap.mmap, at: int) -> int:
    if content[at : at + 1] in {b"[", b"{"}:
        return _end_of_block(content, at)
    scalar = SCALAR.match(content, at)
    if scalar is None:
        raise UnreadableTextError(NOT_WHOLE)
    return scalar.end()


def _end_of_block(content: mmap.mmap, at: int) -> int:
    depth = 0
    while True:
        block = BLOCK.match(content, at)
        if block:
            at = block.end()
        else:
            character = content[at : at + 1]
            if character not in {b"[", b"{", b"]", b"}"}:
                raise UnreadableTextError("its array has no end; check that the file is whole")
            depth += 1 if character in {b"[", b"{"} else -1
            at += 1
        if depth <= 0:
            return at
        between = BETWEEN.match(content, at)
        at = between.end() if between else at


def _after_space(content: mmap.mmap, at: int) -> int:
    spaces = SPACES.match(content, at)
    return spaces.end() if spaces else at


__all__ = [
    "LONGEST_LINE_BYTES",
    "QUOTE",
    "SEPARATOR",
    "is_plain_lines",
    "plain_json_lines",
    "pointers",
    "write_array",
    "write_readable_lines",
]
