"""JSON lines as text: lines that DuckDB would read wrongly are marked before it reads them.

What may surprise: the line reader is DuckDB's CSV reader with two control characters as separator and quote, which no
valid JSON text contains. A line that holds one of them, or is not UTF-8, would be cut or dropped; it is marked instead.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from calven_pipeline.exports.csv_text import CHUNK_BYTES, UnreadableTextError, is_utf8, raw_text

SEPARATOR, QUOTE = "\x01", "\x02"
LONGEST_LINE_BYTES = 16 * 1024**2


def is_plain_lines(path: Path) -> bool:
    """Whether every line can be read as it lies; raises `UnreadableTextError` for another encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            if file.tell() == len(chunk) and chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise UnreadableTextError("it is not UTF-8 (it looks like UTF-16); save it as UTF-8")
            if SEPARATOR.encode() in chunk or QUOTE.encode() in chunk:
                return False
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
