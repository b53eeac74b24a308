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
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

from calven_pipeline.exports.csv_header import LONGEST_RECORD_BYTES, CsvHeader, Signs, read_header
from calven_pipeline.exports.encodings import BOM, CHUNK_BYTES, UnreadableTextError, is_utf8

LONGEST_VALUE_BYTES = 500_000  # also how far a quote that never closes is followed
LONGEST_RAW_CHARACTERS = 100_000  # of a malformed row's text
RECORDS_PER_PIECE = 5_000
# Tab, vertical tab, form feed, and the last bytes of the no-break space and the byte order mark (others end so too).
PADDING_BYTES = frozenset(b"\t\v\f\xa0\xbf")
TOO_LONG = f"a line is longer than {LONGEST_RECORD_BYTES:,} bytes; check that it is a CSV file"
LINE_SIGNS = (b"\x01", b"\x02")  # what whole lines are read with


class Padding(Enum):
    """The white space that may stand around the values of a file."""

    NONE = "none"
    SPACES = "spaces"
    ANY = "any"


@dataclass(frozen=True)
class CsvBytes:
    """What stands anywhere below the header: whether a row is simply a line, and what may pad the values.

    `has_line_signs`: a character occurs with which whole lines are read.
    """

    lines_are_rows: bool
    padding: Padding
    has_line_signs: bool


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


class CsvGrammar:
    """What a row looks like, as regular expressions for one separator, quote and number of columns.

    The strict rows are those that both DuckDB versions read alike: values without a quote, or quoted from end to end
    (with spaces before). The lenient ones may have any line end, spaces after the closing quote, and quotes inside
    unquoted values. Either may end in more separators: empty values past the last column are none (DuckDB passes over
    them too). All repetitions are possessive: nothing is tried twice.
    """

    def __init__(self, header: CsvHeader) -> None:
        sep, quote = re.escape(header.delimiter.encode()), re.escape(header.quote.encode())
        most, pad = b"{0,%d}+" % LONGEST_VALUE_BYTES, b" *+" if header.skips_spaces else b""

        def row(field: bytes, after: bytes = b"") -> bytes:
            more = rb"%s%s" % (sep, field) * (len(header.columns) - 1)
            return field + more + rb"(?:%s%s)*+" % (sep, after)

        def quoted(inner: bytes) -> bytes:
            return rb"%s%s%s(?:%s%s%s)*+%s" % (pad, quote, inner, quote, quote, inner, quote)

        inner, inner_of_line = (rb"[^%s%s]%s" % (quote, line_end, most) for line_end in (b"", rb"\n"))
        unquoted = rb"[^%s%s\r\n]%s" % (sep, quote, most)
        strict_row = row(rb"(?:%s|%s)" % (unquoted, quoted(inner)))
        lenient_row = row(rb"(?:%s%s|(?!%s%s)[^%s\r\n]%s)" % (quoted(inner), pad, pad, quote, sep, most), pad)
        newline = _line_end(header)
        self.strict_row = re.compile(rb"(?:%s)(?:%s|\Z)" % (strict_row, newline))
        self.strict_rows = re.compile(rb"(?:%s%s|%s){0,%d}+" % (strict_row, newline, newline, RECORDS_PER_PIECE))
        self.strict_row_or_blank = re.compile(rb"(?:%s)(?:%s|\Z)|%s" % (strict_row, newline, newline))
        one_line_row = row(rb"(?:%s|%s)" % (unquoted, quoted(inner_of_line)))
        self.one_line_rows = re.compile(rb"(?:%s\n)*+" % one_line_row)
        self.outer_break = re.compile(rb"(?:\A|%s|[\r\n])%s[\r\n]|[\r\n]%s(?:%s|[\r\n]|\Z)" % (sep, quote, quote, sep))
        self.lenient_row = re.compile(rb"(?:%s)(?:\r\n|\n|\r|\Z)" % lenient_row)
        blank = b" \t".replace(header.delimiter.encode(), b"")  # separators alone are a row without values
        self.blank_line = re.compile(rb"[%s]*+(?:\r\n|\n|\r|\Z)" % blank)
        self.any_line = re.compile(rb"[^\r\n]*+(?:\r\n|\n|\r|\Z)")

    def is_plain_header(self, header: CsvHeader) -> bool:
        """Whether DuckDB, told that there is a header, will skip exactly this record."""
        whole = self.strict_row.fullmatch(header.record) is not None or not header.is_named
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
    raise UnreadableTextError(TOO_LONG)


def _readable(piece: Piece, grammar: CsvGrammar) -> Iterator[Piece]:
    """The piece, or where it is not UTF-8 its rows one by one, the unreadable ones malformed."""
    if is_utf8(piece.text) or piece.kind is Kind.MALFORMED:
        yield piece
    elif piece.kind is Kind.PLAIN:
        for row in grammar.strict_row_or_blank.finditer(piece.text):
            yield Piece(Kind.PLAIN if is_utf8(row[0]) else Kind.MALFORMED, row[0])
    else:
        yield Piece(Kind.MALFORMED, piece.text)


def write_readable_copy(source: BinaryIO, target: BinaryIO, header: CsvHeader, mark: str) -> None:
    """Write every row of `source` as DuckDB reads it; a malformed row becomes `mark` and its text, in column 0."""
    grammar, width = CsvGrammar(header), len(header.columns)
    target.write(_record([f"c{position}" for position in range(width)], header))
    for piece in pieces(source, header, grammar):
        if piece.kind is Kind.PLAIN:
            target.write(piece.text)
            if not piece.text.endswith(b"\n"):
                target.write(_line_end(header))
            continue
        if piece.kind is Kind.BLANK:
            continue
        values = _odd_values(piece, header) if piece.kind is Kind.ODD else None
        target.write(_record(values or [mark + raw_text(piece.text), *[""] * (width - 1)], header))


def raw_text(text: bytes) -> str:
    """A malformed line as it stood, without its line end, unreadable bytes replaced, cut when it is very long."""
    return text.decode(errors="replace").strip("\r\n")[:LONGEST_RAW_CHARACTERS]


def _odd_values(piece: Piece, header: CsvHeader) -> list[str] | None:
    text = piece.text.decode().rstrip("\r\n")
    reader = csv.reader(
        [text], delimiter=header.delimiter, quotechar=header.quote, skipinitialspace=header.skips_spaces
    )
    try:
        rows = list(reader)
    except csv.Error:
        return None
    width = len(header.columns)
    is_row = len(rows) == 1 and len(rows[0]) >= width and not any(value.strip() for value in rows[0][width:])
    return rows[0][:width] if is_row else None


def _record(values: Sequence[str], header: CsvHeader) -> bytes:
    quote = header.quote
    quoted = (quote + value.replace(quote, quote * 2) + quote if value else "" for value in values)
    return header.delimiter.join(quoted).encode() + _line_end(header)


def _line_end(header: CsvHeader) -> bytes:
    """What ends the rows that a strict grammar knows; a break within a value stays as it is."""
    return b"\r\n" if header.newline == b"\r\n" else b"\n"


def write_with_signs(source: BinaryIO, target: BinaryIO, signs: Signs) -> None:
    """Copy with the stand-ins in place of the texts they stand for, some lines at a time."""
    held_back = b""
    while chunk := source.read(CHUNK_BYTES):
        text = held_back + chunk
        cut = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        held_back = text[cut:]
        if len(held_back) > LONGEST_RECORD_BYTES:
            raise UnreadableTextError(TOO_LONG)
        target.write(signs.in_place(text[:cut]))
    target.write(signs.in_place(held_back))


def look_through(file: BinaryIO, header: CsvHeader) -> CsvBytes:
    """Look for the bytes that make a CSV file difficult: quotes, stray line ends, and white space of any kind."""
    file.seek(header.end)
    quote, odd_padding = header.quote.encode(), PADDING_BYTES - set(header.delimiter.encode())
    pads_in_quotes = header.delimiter == "\t"
    has_pairs = header.newline == b"\r\n"
    lines_are_rows = header.is_at_the_top and quote not in header.record and len(header.columns) > 1
    padding, has_line_signs, held_back = Padding.NONE, False, b""
    while chunk := held_back + file.read(CHUNK_BYTES):
        is_last = len(chunk) <= len(held_back)
        held_back = b"\r" if chunk.endswith(b"\r") and not is_last else b""
        lines = chunk.removesuffix(held_back)
        lines_are_rows = lines_are_rows and quote not in lines and _line_ends_agree(lines, has_pairs=has_pairs)
        has_line_signs = has_line_signs or any(sign in lines for sign in LINE_SIGNS)
        if any(byte in lines for byte in odd_padding) or (pads_in_quotes and quote in lines):
            padding = Padding.ANY
        elif padding is Padding.NONE and b" " in lines:
            padding = Padding.SPACES
        if padding is Padding.ANY and not lines_are_rows:
            break
    return CsvBytes(lines_are_rows, padding, has_line_signs)


def _line_ends_agree(lines: bytes, *, has_pairs: bool) -> bool:
    if not has_pairs:
        return b"\r" not in lines
    pairs = lines.count(b"\r\n")
    return pairs == lines.count(b"\n") == lines.count(b"\r")


def is_plain(file: BinaryIO, header: CsvHeader) -> tuple[bool, bool]:
    """Whether DuckDB reads every row of this file as it lies, and whether a value may begin or end in a line break."""
    grammar, has_outer_breaks = CsvGrammar(header), False
    if not grammar.is_plain_header(header):
        return False, True
    for piece in pieces(file, header, grammar):
        if piece.kind is not Kind.PLAIN:
            return False, True
        if not has_outer_breaks and piece.text.count(b"\n") != RECORDS_PER_PIECE:  # else each row is a line
            has_outer_breaks = grammar.outer_break.search(piece.text) is not None
    return True, has_outer_breaks


def plain_body(content: bytes, header: CsvHeader, grammar: CsvGrammar) -> tuple[bytes, int] | None:
    """The rows below the header of a whole small file, in UTF-8 with stand-ins in place: one row a line; and how many.

    Every line ends in a line feed and none is blank. None where a row spans lines, is odd or malformed, so that the
    file has to be read by itself.
    """
    rows = content[header.end :]
    if not is_utf8(rows) or len(header.columns) == 1:  # blank lines and empty values are hard to tell apart then
        return None
    if header.newline == b"\r\n":
        rows = rows.replace(b"\r\n", b"\n")
    if b"\r" in rows:
        return None
    rows = BLANK_LINES.sub(b"\n", rows).lstrip(b"\n") if b"\n\n" in rows or rows.startswith(b"\n") else rows
    if rows and not rows.endswith(b"\n"):
        rows += b"\n"
    if grammar.one_line_rows.fullmatch(rows) is None:
        return None
    return rows, rows.count(b"\n")


BLANK_LINES = re.compile(rb"\n{2,}+")

__all__ = [
    "BOM",
    "CHUNK_BYTES",
    "LONGEST_RECORD_BYTES",
    "CsvGrammar",
    "CsvHeader",
    "UnreadableTextError",
    "look_through",
    "plain_body",
    "read_header",
]
