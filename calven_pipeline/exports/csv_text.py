"""CSV as text: the header, the separator, and a proof that every row can be read before DuckDB reads it.

What may surprise: DuckDB loses rows. One quote that never closes made it drop 999,000 of 1,000,000 rows and report one
(2.0.0 and 1.5.6); files with two kinds of line ends, or blank lines above the header, fail or lose their header. So
each file with quotes is first held to a strict grammar by a regular expression (0.5 s a million rows); without quotes
and stray line ends a row is a line, and DuckDB finds the odd ones itself. A file that fits is read as it lies. From any
other a copy is made in which each odd row is written plainly and each malformed row is replaced by
a marked row that holds its text; row numbers are then right without counting anything afterwards.

A quote that never closes costs its own line only: reading goes on with the next line. Blank lines are no rows.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO

BOM = b"\xef\xbb\xbf"
DELIMITERS = (",", ";", "\t", "|")
CHUNK_BYTES = 4 * 1024**2
LONGEST_RECORD_BYTES = 1024**2  # DuckDB gives up at 2,000,000
LONGEST_VALUE_BYTES = 500_000  # also how far a quote that never closes is followed
LONGEST_RAW_CHARACTERS = 100_000  # of a malformed row's text
RECORDS_PER_PIECE = 5_000
# Tab, vertical tab, form feed, and the last bytes of the no-break space and the byte order mark (others end so too).
PADDING_BYTES = frozenset(b"\t\v\f\xa0\xbf")


class UnreadableTextError(ValueError):
    """The file is no text that we can read; says why and what to do, without its content."""


@dataclass(frozen=True)
class CsvHeader:
    """The first record: column names (trimmed, as the file has them), the separator, and the byte where the rows begin.

    `record` is the header's own bytes and `is_at_the_top` whether nothing but a byte order mark stands before it, for
    judging whether DuckDB will skip just that; `newline` is what ends it.
    """

    columns: tuple[str, ...]
    delimiter: str
    end: int
    is_at_the_top: bool
    record: bytes
    newline: bytes


class Padding(Enum):
    """The white space that may stand around the values of a file."""

    NONE = "none"
    SPACES = "spaces"
    ANY = "any"


@dataclass(frozen=True)
class CsvBytes:
    """What stands anywhere below the header: whether a row is simply a line, and what may pad the values."""

    lines_are_rows: bool
    padding: Padding


class Kind(Enum):
    """What a piece of the file is: rows that DuckDB reads as they lie, rows to be written plainly, or not a row."""

    PLAIN = "plain"
    ODD = "odd"
    BLANK = "blank"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class Piece:
    """A stretch of the file; a PLAIN one holds many rows, an ODD or MALFORMED one holds one."""

    kind: Kind
    text: bytes


def read_header(path: Path, wanted: Sequence[str] = ()) -> CsvHeader | None:
    """The header, or None for a file with nothing but blank lines; raises `UnreadableTextError` or `OSError`.

    The separator is the one of comma, semicolon, tab and bar with which most of the `wanted` columns are there, and
    among those the one that gives most columns.
    """
    with path.open("rb") as file:
        head = file.read(LONGEST_RECORD_BYTES)
    _refuse_other_encodings(head)
    start = len(BOM) if head.startswith(BOM) else 0
    lines = list(io.StringIO(head[start:].decode("utf-8", "surrogateescape"), newline=""))
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return None
    found = [_parse_header(lines[first:], delimiter) for delimiter in DELIMITERS]
    best = max(range(len(DELIMITERS)), key=lambda i: (len(set(wanted) & set(found[i][0])), len(found[i][0]), -i))
    columns, line_count = found[best]
    if any("\udc80" <= character <= "\udcff" for name in columns for character in name):
        raise UnreadableTextError("it is not UTF-8; save it as UTF-8")
    above, record = _bytes(lines[:first]), _bytes(lines[first : first + line_count])
    newline = record[len(record.rstrip(b"\r\n")) :] or b"\n"
    end = start + len(above) + len(record)
    return CsvHeader(columns, DELIMITERS[best], end, first == 0, record, newline)


def _bytes(lines: list[str]) -> bytes:
    return "".join(lines).encode("utf-8", "surrogateescape")


def _refuse_other_encodings(head: bytes) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head.lstrip(b"\r\n").partition(b"\n")[0]:
        raise UnreadableTextError("it is not UTF-8 (it looks like UTF-16, or no text at all); save it as UTF-8")


def _parse_header(lines: list[str], delimiter: str) -> tuple[tuple[str, ...], int]:
    """The names with this separator, and how many lines they took."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        names = next(reader)
    except csv.Error:
        return (), 0
    return tuple(name.strip() for name in names), reader.line_num


class CsvGrammar:
    """What a row looks like, as regular expressions for one separator and number of columns.

    The strict rows are those that both DuckDB versions read alike: values without a quote, or quoted from end to end
    (with spaces before). The lenient ones may have any line end, spaces after the closing quote, and quotes inside
    unquoted values. All repetitions are possessive: nothing is tried twice.
    """

    def __init__(self, header: CsvHeader) -> None:
        sep, most = re.escape(header.delimiter.encode()), b"{0,%d}+" % LONGEST_VALUE_BYTES
        quoted = rb' *+"[^"]%s(?:""[^"]%s)*+"' % (most, most)
        strict = rb'(?:[^%s"\r\n]%s|%s)' % (sep, most, quoted)
        lenient = rb'(?:%s *+|(?! *+")[^%s\r\n]%s)' % (quoted, sep, most)
        strict_row, lenient_row = (
            field + (rb"%s%s" % (sep, field)) * (len(header.columns) - 1) for field in (strict, lenient)
        )
        newline = b"\r\n" if header.newline == b"\r\n" else b"\n"
        self.strict_row = re.compile(rb"(?:%s)(?:%s|\Z)" % (strict_row, newline))
        self.strict_rows = re.compile(rb"(?:%s%s|%s){0,%d}+" % (strict_row, newline, newline, RECORDS_PER_PIECE))
        self.strict_row_or_blank = re.compile(rb"(?:%s)(?:%s|\Z)|%s" % (strict_row, newline, newline))
        self.lenient_row = re.compile(rb"(?:%s)(?:\r\n|\n|\r|\Z)" % lenient_row)
        self.blank_line = re.compile(rb"[ \t]*+(?:\r\n|\n|\r|\Z)")
        self.any_line = re.compile(rb"[^\r\n]*+(?:\r\n|\n|\r|\Z)")

    def is_plain_header(self, header: CsvHeader) -> bool:
        """Whether DuckDB, told that there is a header, will skip exactly this record."""
        whole = self.strict_row.fullmatch(header.record) is not None
        return whole and header.is_at_the_top and header.record.count(b"\n") <= 1


def pieces(file: BinaryIO, header: CsvHeader, grammar: CsvGrammar) -> Iterator[Piece]:
    """The file below its header, cut into pieces in order; reads a few megabytes at a time."""
    file.seek(header.end)
    text, at, is_last = b"", 0, False
    while True:
        if not is_last and len(text) - at < LONGEST_RECORD_BYTES:
            more = file.read(CHUNK_BYTES)
            text, at, is_last = text[at:] + more, 0, not more
            continue
        if at == len(text):
            return
        kind, end = _next_piece(grammar, text, at, is_last=is_last)
        yield from _readable(Piece(kind, text[at:end]), grammar)
        at = end


def _next_piece(grammar: CsvGrammar, text: bytes, at: int, *, is_last: bool) -> tuple[Kind, int]:
    rows = grammar.strict_rows.match(text, at)
    if rows and rows.end() > at:
        return Kind.PLAIN, rows.end()
    for kind, pattern in (
        (Kind.PLAIN, grammar.strict_row),
        (Kind.BLANK, grammar.blank_line),
        (Kind.ODD, grammar.lenient_row),
        (Kind.MALFORMED, grammar.any_line),
    ):
        found = pattern.match(text, at)
        if found and (is_last or found.end() < len(text)) and found.end() - at <= LONGEST_RECORD_BYTES:
            return kind, found.end()
    raise UnreadableTextError(f"a line is longer than {LONGEST_RECORD_BYTES:,} bytes; check that it is a CSV file")


def _readable(piece: Piece, grammar: CsvGrammar) -> Iterator[Piece]:
    """The piece, or where it is not UTF-8 its rows one by one, the unreadable ones malformed."""
    if is_utf8(piece.text) or piece.kind is Kind.MALFORMED:
        yield piece
    elif piece.kind is Kind.PLAIN:
        for row in grammar.strict_row_or_blank.finditer(piece.text):
            yield Piece(Kind.PLAIN if is_utf8(row[0]) else Kind.MALFORMED, row[0])
    else:
        yield Piece(Kind.MALFORMED, piece.text)


def is_utf8(text: bytes) -> bool:
    """Whether the bytes are whole UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def write_readable_copy(source: BinaryIO, target: BinaryIO, header: CsvHeader, mark: str) -> None:
    """Write every row of `source` as DuckDB reads it; a malformed row becomes `mark` and its text, in column 0."""
    grammar, width = CsvGrammar(header), len(header.columns)
    target.write(_record([f"c{position}" for position in range(width)], header.delimiter))
    for piece in pieces(source, header, grammar):
        if piece.kind is Kind.PLAIN:
            target.write(piece.text.replace(b"\r\n", b"\n"))
            if not piece.text.endswith(b"\n"):
                target.write(b"\n")
            continue
        if piece.kind is Kind.BLANK:
            continue
        values = _odd_values(piece, header) if piece.kind is Kind.ODD else None
        target.write(_record(values or [mark + raw_text(piece.text), *[""] * (width - 1)], header.delimiter))


def raw_text(text: bytes) -> str:
    """A malformed line as it stood, without its line end, unreadable bytes replaced, cut when it is very long."""
    return text.decode(errors="replace").strip("\r\n")[:LONGEST_RAW_CHARACTERS]


def _odd_values(piece: Piece, header: CsvHeader) -> list[str] | None:
    try:
        rows = list(csv.reader([piece.text.decode().rstrip("\r\n")], delimiter=header.delimiter, skipinitialspace=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 and len(rows[0]) == len(header.columns) else None


def _record(values: Sequence[str], delimiter: str) -> bytes:
    quoted = ('"' + value.replace('"', '""') + '"' if value else "" for value in values)
    return (delimiter.join(quoted) + "\n").encode()


def look_through(file: BinaryIO, header: CsvHeader) -> CsvBytes:
    """Look for the bytes that make a CSV file difficult: quotes, stray line ends, and white space of any kind."""
    file.seek(header.end)
    odd_padding = PADDING_BYTES - set(header.delimiter.encode())
    has_pairs = header.newline == b"\r\n"
    lines_are_rows, padding, held_back = header.is_at_the_top and b'"' not in header.record, Padding.NONE, b""
    while chunk := held_back + file.read(CHUNK_BYTES):
        is_last = len(chunk) <= len(held_back)
        held_back = b"\r" if chunk.endswith(b"\r") and not is_last else b""
        lines = chunk.removesuffix(held_back)
        lines_are_rows = lines_are_rows and b'"' not in lines and _line_ends_agree(lines, has_pairs=has_pairs)
        if any(byte in lines for byte in odd_padding):
            padding = Padding.ANY
        elif padding is Padding.NONE and b" " in lines:
            padding = Padding.SPACES
        if padding is Padding.ANY and not lines_are_rows:
            break
    return CsvBytes(lines_are_rows, padding)


def _line_ends_agree(lines: bytes, *, has_pairs: bool) -> bool:
    if not has_pairs:
        return b"\r" not in lines
    pairs = lines.count(b"\r\n")
    return pairs == lines.count(b"\n") == lines.count(b"\r")


def is_plain(file: BinaryIO, header: CsvHeader) -> bool:
    """Whether DuckDB reads every row of this file as it lies."""
    grammar = CsvGrammar(header)
    return grammar.is_plain_header(header) and all(piece.kind is Kind.PLAIN for piece in pieces(file, header, grammar))
