"""The text of a people or places table: which encoding it is in, and which of its lines cannot be read.

What may surprise: all of it is looked at, not its header alone as for an export: the header of a table is plain ASCII in
every encoding, and a table is small.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from calven_pipeline.exports.csv_header import CsvHeader, header_of
from calven_pipeline.exports.csv_text import CsvGrammar, Kind, pieces, raw_text
from calven_pipeline.exports.dialect import AS_IT_TELLS, Dialect
from calven_pipeline.exports.encodings import (
    HEAD_BYTES,
    UTF_8,
    UnreadableTextError,
    codec_of,
    decoded,
    is_utf8,
    judged_encoding,
    stated_encoding,
)

LINE_END = re.compile(rb"\r\n|\n|\r")
SAVE_AS = "save it as CSV UTF-8"


def table_dialect(path: Path, stated: str | None) -> Dialect:
    """How a table is written: with a mark or in UTF-8, else in the encoding stated for its source's exports, else as judged.

    Raises `UnreadableTextError`, with the line, where that stays unclear, or `OSError`.
    """
    content = path.read_bytes()
    if stated_encoding(content[:HEAD_BYTES], None):
        return AS_IT_TELLS
    if b"\0" in content:
        raise UnreadableTextError(f"it is no text in UTF-8; {SAVE_AS}")
    if is_utf8(content):
        return AS_IT_TELLS
    foreign = b"".join(line for line in content.splitlines(keepends=True) if not line.isascii())
    encoding = stated if stated and _fits(content, stated) else judged_encoding(foreign)
    if encoding is None:
        raise UnreadableTextError(f"it is not UTF-8 (see line {_first_foreign_line(content)}); {SAVE_AS}")
    return Dialect(encoding=encoding)


def _fits(content: bytes, encoding: str) -> bool:
    """Whether it is an encoding of single bytes, as Windows programs save in, and has all of these."""
    codec = codec_of(encoding)
    try:
        return len("a".encode(codec)) == 1 and bool(content.decode(codec))
    except UnicodeDecodeError:
        return False


def _first_foreign_line(content: bytes) -> int:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return 1 + _line_ends(content[: error.start])
    return 1


def why_malformed(path: Path, wanted: Sequence[str], dialect: Dialect, text: str) -> str | None:
    """`line 9 cannot be read: it has 2 values, the header 3`, of the first row with this text that is none; None if it is gone."""
    content = path.read_bytes()
    header = header_of(content, wanted, dialect)
    if header is None:
        return None
    content = content if header.encoding == UTF_8 else decoded(content, header.encoding)
    line = 1 + _line_ends(content[: header.end])
    for piece in pieces(io.BytesIO(content), header, CsvGrammar(header)):
        if piece.kind in {Kind.ODD, Kind.MALFORMED} and raw_text(piece.text) == text:
            return f"line {line} cannot be read: {_cause(piece.text, header)}"
        line += _line_ends(piece.text)
    return None


def _cause(row: bytes, header: CsvHeader) -> str:
    if not is_utf8(row):
        return "it is not UTF-8" if header.encoding == UTF_8 else f"it holds a character that {header.encoding} lacks"
    text = raw_text(row)
    if text.count(header.quote) % 2:
        return f"a quote ({header.quote}) is not closed"
    try:
        values = next(csv.reader([text], delimiter=header.delimiter, quotechar=header.quote), [])
    except csv.Error:
        values = []
    if values and len(values) != len(header.columns):
        return f"it has {len(values)} value{'' if len(values) == 1 else 's'}, the header {len(header.columns)}"
    return "check its quotes"


def _line_ends(text: bytes) -> int:
    return len(LINE_END.findall(text))
