"""The head of a CSV file: its separator and quote, the names of its columns, and where its rows begin.

What may surprise: a separator of several characters, or nothing quoted at all, is read with control characters that the
file does not contain in their place ("stand-ins"). DuckDB takes four bytes for a separator at most, and the grammar one.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from calven_pipeline.exports.dialect import AS_IT_TELLS, Dialect
from calven_pipeline.exports.encodings import (
    BOM,
    JUDGED,
    UTF_8,
    UnreadableTextError,
    decoded,
    is_utf8,
    judged_encoding,
    stated_encoding,
)

DELIMITERS = (",", ";", "\t", "|")
QUOTE = '"'
LONGEST_RECORD_BYTES = 1024**2  # DuckDB gives up at 2,000,000
MOST_COLUMNS = 1_000  # the time that reading takes follows their square
SAMPLE_ROWS = 50
HINT_LINES = 50  # how far down the columns are looked for
# Not 1 and 2, with which whole lines are read, and none that `str.strip` or a line reader takes for white space.
STAND_INS = tuple(chr(code) for code in (*range(3, 9), *range(14, 28), 127))


@dataclass(frozen=True)
class CsvHeader:
    """Column names (trimmed, as the file has them), the signs it is written with, and the byte where the rows begin.

    `record` is the header's own bytes (none where columns go by position) and `is_at_the_top` whether nothing but a
    byte order mark stands before it, for judging whether DuckDB will skip just that; `newline` is what ends it.
    `stand_ins` lead from a control character to the file's own text that it stands for. All of it is about the file in
    UTF-8; `encoding` is what the file was in.
    """

    columns: tuple[str, ...]
    delimiter: str
    end: int
    is_at_the_top: bool
    record: bytes
    newline: bytes
    quote: str = QUOTE
    is_named: bool = True
    stand_ins: tuple[tuple[str, str], ...] = ()
    encoding: str = UTF_8

    @property
    def may_hold_stand_ins(self) -> bool:
        """Whether a value may hold a character that stands for the file's own separator or quote."""
        return bool(self.stand_ins)

    @property
    def skips_spaces(self) -> bool:
        """Whether spaces around a value are not its own, as they are where they separate."""
        return self.delimiter != " "


@dataclass(frozen=True)
class Signs:
    """What separates and quotes in the file that DuckDB reads: `delimiter` None is to be found out.

    `replaced` are the texts that control characters stand in for, with them.
    """

    delimiter: str | None
    quote: str
    replaced: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def stand_ins(self) -> tuple[tuple[str, str], ...]:
        """Each control character with the text that it stands for."""
        return tuple((stand_in.decode(), sign.decode()) for sign, stand_in in self.replaced)

    def in_place(self, text: bytes) -> bytes:
        """The text with its stand-ins."""
        for sign, stand_in in self.replaced:
            text = text.replace(sign, stand_in)
        return text


def read_header(path: Path, wanted: Sequence[str] = (), dialect: Dialect = AS_IT_TELLS) -> CsvHeader | None:
    """The header, or None for a file with nothing but blank lines; raises `UnreadableTextError` or `OSError`.

    Unless stated, the separator is the one of comma, semicolon, tab and bar with which most of the `wanted` columns are
    there, and among those the one that gives most columns.
    """
    with path.open("rb") as file:
        head = file.read(LONGEST_RECORD_BYTES)
    return header_of(head, wanted, dialect)


def header_of(head: bytes, wanted: Sequence[str] = (), dialect: Dialect = AS_IT_TELLS) -> CsvHeader | None:
    """As `read_header`, of the first bytes of a file in any encoding."""
    encoding = encoding_of(head, wanted, dialect)
    text = head if encoding == UTF_8 else decoded(head, encoding)
    signs = signs_of(dialect, [text])
    header = find_header(signs.in_place(text), wanted, dialect, signs)
    refuse_unreadable_names(header)
    return replace(header, encoding=encoding) if header else None


def encoding_of(head: bytes, wanted: Sequence[str], dialect: Dialect) -> str:
    """Stated, told by a mark, or UTF-8; judged where the header itself is not; raises `UnreadableTextError`."""
    encoding = stated_encoding(head, dialect.encoding)
    if encoding:
        return encoding
    if b"\0" in head.lstrip(b"\r\n").partition(b"\n")[0]:
        raise UnreadableTextError("it is not UTF-8 (it looks like UTF-16, or no text at all); add `encoding: utf-16`")
    first = _first_lines(head, dialect)
    if first.isascii() or not dialect.header:
        return UTF_8
    signs = signs_of(dialect, [first])
    header = find_header(signs.in_place(first), (), replace(dialect, skip_lines=0), signs)
    if header is None or is_utf8(header.record):
        return UTF_8
    by_names = [name for name in JUDGED if _has_accented_name(first, wanted, dialect, name)]
    judged = by_names[0] if len(by_names) == 1 else judged_encoding(header.record)
    if judged is None:
        raise UnreadableTextError(
            "its header is not UTF-8; name its `encoding`, windows-1252 or windows-1251 for example"
        )
    return judged


def _first_lines(head: bytes, dialect: Dialect) -> bytes:
    """The lines from the header on, as many as are looked at."""
    lines = head.splitlines(keepends=True)[dialect.skip_lines :]
    while lines and not lines[0].strip():
        del lines[0]
    return b"".join(lines[:SAMPLE_ROWS])


def _has_accented_name(first: bytes, wanted: Sequence[str], dialect: Dialect, encoding: str) -> bool:
    """Whether the header in this encoding has a wanted column that is not plain ASCII."""
    text = decoded(first, encoding)
    signs = signs_of(dialect, [text])
    lines = signs.in_place(text).decode(UTF_8, "replace").splitlines(keepends=True)
    delimiters = (signs.delimiter,) if signs.delimiter else DELIMITERS
    accented = {name for name in wanted if not name.isascii()}
    return any(accented & set(_parse_header(lines, delimiter, signs.quote)[0]) for delimiter in delimiters)


def signs_of(dialect: Dialect, content: Iterable[bytes]) -> Signs:
    """The signs to read with; `content`, the file in UTF-8, is looked through only where stand-ins are needed."""
    quote = QUOTE if dialect.quote is None else dialect.quote
    delimiter = dialect.delimiter
    needs_delimiter = delimiter is not None and len(delimiter.encode()) > 1
    needs_quote = len(quote.encode()) != 1
    if not needs_delimiter and not needs_quote:
        return Signs(delimiter, quote)
    first, second = _unused_characters(content)
    replaced = []
    if delimiter is not None and needs_delimiter:
        replaced.append((delimiter.encode(), first.encode()))
    if quote and needs_quote:
        replaced.append((quote.encode(), second.encode()))
    return Signs(first if needs_delimiter else delimiter, second if needs_quote else quote, tuple(replaced))


def _unused_characters(content: Iterable[bytes]) -> tuple[str, str]:
    """Two control characters that the content does not have; files that have one are rare, with all of them no text."""
    unused = list(STAND_INS)
    for chunk in content:
        for character in [character for character in unused if character.encode() in chunk]:
            unused.remove(character)
    if len(unused) < len(("delimiter", "quote")):
        raise UnreadableTextError("it holds every control character, so it is no text; check that it is a CSV file")
    return unused[0], unused[1]


def find_header(head: bytes, wanted: Sequence[str], dialect: Dialect, signs: Signs) -> CsvHeader | None:
    """The header of a file in UTF-8 with stand-ins in place, from its first bytes; names may hold escaped bytes."""
    start = len(BOM) if head.startswith(BOM) else 0
    lines = list(io.StringIO(head[start:].decode(UTF_8, "surrogateescape"), newline=""))
    skipped = dialect.skip_lines
    if dialect.header:
        skipped = next((number for number in range(skipped, len(lines)) if lines[number].strip()), len(lines))
    if all(not line.strip() for line in lines[skipped:]):
        return None
    end = start + len(_bytes(lines[:skipped]))
    top = _Top(lines[skipped:], end, skipped == 0, signs, dialect.width)
    header = _named(top, wanted) if dialect.header else _by_position(top, wanted)
    if len(header.columns) > MOST_COLUMNS:
        raise UnreadableTextError(f"it has more than {MOST_COLUMNS:,} columns; check that it is a CSV file")
    return header


def refuse_unreadable_names(header: CsvHeader | None) -> None:
    """Raise `UnreadableTextError` where a name holds bytes that its encoding does not have."""
    if header and not is_utf8(header.record):
        raise UnreadableTextError("its header is not in the encoding that was expected; name its `encoding`")


@dataclass(frozen=True)
class _Top:
    """The first lines of a file from its header on, or its first row: where they begin, and how to read them.

    `width` is the number of columns, where it is known.
    """

    lines: list[str]
    begin: int
    is_at_the_top: bool
    signs: Signs
    width: int | None

    @property
    def delimiters(self) -> Sequence[str]:
        return (self.signs.delimiter,) if self.signs.delimiter else DELIMITERS


def _named(top: _Top, wanted: Sequence[str]) -> CsvHeader:
    lines, signs, delimiters = top.lines, top.signs, top.delimiters
    found = [_parse_header(lines, delimiter, signs.quote) for delimiter in delimiters]
    best = max(range(len(found)), key=lambda i: (len(set(wanted) & set(found[i][0])), len(found[i][0]), -i))
    columns, line_count = found[best]
    if not columns:
        raise UnreadableTextError("its header cannot be read; check its quotes, or name its `quote`")
    if columns[-1] == "":
        width = top.width or _usual_width(lines[line_count:], delimiters[best], signs.quote)
        if width == len(columns) - 1:
            columns = columns[:-1]  # the header alone ends in a separator
    columns = tuple(_restored(name, signs) for name in columns)
    record = _bytes(lines[:line_count])
    newline = record[len(record.rstrip(b"\r\n")) :] or b"\n"
    return CsvHeader(
        columns, delimiters[best], top.begin + len(record), top.is_at_the_top, record, newline, signs.quote,
        stand_ins=signs.stand_ins,
    )  # fmt: skip


def _by_position(top: _Top, wanted: Sequence[str]) -> CsvHeader:
    """As many columns as most of the first rows have: the first alone may be a short one."""
    lines, signs, delimiters = top.lines, top.signs, top.delimiters
    widths = [top.width or _usual_width(lines, delimiter, signs.quote) for delimiter in delimiters]
    best = max(range(len(widths)), key=lambda i: (_positions_within(wanted, widths[i]), widths[i], -i))
    first = next(line for line in lines if line.strip())
    newline = first[len(first.rstrip("\r\n")) :].encode() or b"\n"
    columns = tuple(str(position) for position in range(1, widths[best] + 1))
    return CsvHeader(
        columns, delimiters[best], top.begin, top.is_at_the_top, b"", newline, signs.quote,
        is_named=False, stand_ins=signs.stand_ins,
    )  # fmt: skip


def _restored(name: str, signs: Signs) -> str:
    for stand_in, own in signs.stand_ins:
        name = name.replace(stand_in, own)
    return name


def _positions_within(wanted: Sequence[str], width: int) -> int:
    return sum(name.isdecimal() and 1 <= int(name) <= width for name in set(wanted))


def _bytes(lines: list[str]) -> bytes:
    return "".join(lines).encode(UTF_8, "surrogateescape")


def _parse_header(lines: list[str], delimiter: str, quote: str) -> tuple[tuple[str, ...], int]:
    """The names with this separator, and how many lines they took."""
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=delimiter != " ")
    try:
        names = next(reader)
    except csv.Error:
        return (), 0
    return tuple(name.strip() for name in names), reader.line_num


def _usual_width(lines: list[str], delimiter: str, quote: str) -> int:
    """How many values most of the first rows have, the larger number where two are alike."""
    rows = csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=delimiter != " ")
    widths: Counter[int] = Counter()
    try:
        for row in rows:
            if any(value.strip() for value in row):
                widths[len(row)] += 1
            if widths.total() >= SAMPLE_ROWS:
                break
    except csv.Error:
        pass
    return max(widths, key=lambda width: (widths[width], width), default=1)


def line_of_columns(head: bytes, wanted: Sequence[str], dialect: Dialect) -> int | None:
    """The line, from 1, that has most of the wanted columns, where the header has fewer of them; for a hint."""
    if not dialect.header:
        return None
    encoding = stated_encoding(head, dialect.encoding) or UTF_8
    text = decoded(head, encoding)
    signs = signs_of(dialect, [text])
    lines = list(io.StringIO(signs.in_place(text).decode(UTF_8, "surrogateescape"), newline=""))[:HINT_LINES]
    delimiters = (signs.delimiter,) if signs.delimiter else DELIMITERS
    found = [
        max(len(set(wanted) & set(_parse_header([line], delimiter, signs.quote)[0])) for delimiter in delimiters)
        for line in lines
    ]
    header = next((i for i in range(dialect.skip_lines, len(lines)) if lines[i].strip()), None)
    best = max(range(len(found)), key=lambda i: (found[i], -i), default=0)
    return best + 1 if header is not None and found[best] > found[header] else None
