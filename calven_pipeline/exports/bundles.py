"""Many small files read as one: their rows, below one header, in a file of their own.

What may surprise: nothing is taken apart here. A file goes into a bundle only where a look at its bytes proves how many rows
it has and that each is a line; its rows are then those lines of the bundle, whatever becomes of them when they are read.
Files are told apart by counting. A transaction and a query for each file took 15 ms, whatever its size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Generic, Self, TypeVar

import duckdb

from calven_pipeline.exports.csv_header import DELIMITERS, CsvHeader, header_of
from calven_pipeline.exports.csv_text import CsvGrammar, plain_body
from calven_pipeline.exports.dialect import NO_QUOTE, Dialect
from calven_pipeline.exports.encodings import UTF_8, UnreadableTextError, decoded
from calven_pipeline.exports.folder import ExportFile
from calven_pipeline.exports.json_text import plain_json_lines
from calven_pipeline.exports.profiles import Format, SourceProfile, named_columns
from calven_pipeline.exports.reading import ExportReader, format_of, open_export

SMALL_BYTES = 1024**2  # of plain content; a larger file is a bundle by itself
BUNDLE_BYTES = 64 * 1024**2
MOST_FILES = 20_000
MOST_GROUPS = 100  # each holds a file open
EMPTY_LINES = re.compile(rb"\n{2,}+")
LINE_OF_SPACES = re.compile(rb"(?:\A|\n)[ \t]++(?:\n|\Z)")

Tag = TypeVar("Tag")


@dataclass
class Group(Generic[Tag]):
    """The files of a bundle that read alike, as one file: rows in the order of `files`, each with its number of rows."""

    profile: SourceProfile
    dialect: Dialect
    path: Path
    _stream: BinaryIO
    files: list[tuple[Tag, int]] = field(default_factory=list)

    def add(self, tag: Tag, body: bytes, rows: int) -> None:
        """Append the rows of a file."""
        self._stream.write(body)
        self.files.append((tag, rows))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    @contextmanager
    def open(self, connection: duckdb.DuckDBPyConnection, scratch: Path, *, trusting: bool) -> Iterator[ExportReader]:
        """As `open_export`, of all files as one; `row_number` counts through."""
        self._stream.flush()
        file = ExportFile(self.profile.name, self.path.name, self.path, self.path.stat().st_size, 0)
        opened = open_export(connection, self.profile, file, scratch, trusting=trusting, dialect=self.dialect)
        with opened as export:
            yield export


@dataclass(frozen=True)
class _Lines:
    """The rows of one file as lines in UTF-8, how many they are, and for CSV what is to stand above them, and their header."""

    body: bytes
    rows: int
    head: bytes = b""
    columns: tuple[str, ...] = ()
    delimiter: str | None = None


class Bundle(Generic[Tag]):
    """Small files of any sources, gathered until there are enough of them; what stands for a file is the caller's `Tag`."""

    def __init__(self, scratch: Path, headers: Headers) -> None:
        """Used as a context: at its end the files that are read instead are gone from `scratch`."""
        self._scratch, self._headers = TemporaryDirectory(dir=scratch), headers
        self._folder = Path(self._scratch.name)
        self._groups: dict[tuple[object, ...], Group[Tag]] = {}
        self.tags: list[Tag] = []
        self._bytes = 0

    @property
    def groups(self) -> list[Group[Tag]]:
        """The files that are read instead."""
        return list(self._groups.values())

    @property
    def is_full(self) -> bool:
        """Whether it should be read now."""
        return self._bytes >= BUNDLE_BYTES or len(self.tags) >= MOST_FILES or len(self._groups) >= MOST_GROUPS

    def add(
        self, tag: Tag, profile: SourceProfile, file: ExportFile, content: bytes, row_count: int | None = None
    ) -> bool:
        """Take a file in; False where its rows cannot be told for certain, so that it has to be read by itself.

        `row_count` is how many rows it must have, where that is known.
        """
        kind = format_of(profile, file)
        if kind is Format.CSV:
            lines = self._csv(profile, content)
        else:
            lines = _json(profile, content) if kind is Format.JSONL else None
        if lines is None or row_count not in {None, lines.rows}:
            return False
        key = (profile.name, kind, lines.head, lines.columns, lines.delimiter)
        group = self._groups.get(key) or self._start(key, profile, kind, lines)
        group.add(tag, lines.body, lines.rows)
        self.tags.append(tag)
        self._bytes += len(lines.body)
        return True

    def _csv(self, profile: SourceProfile, content: bytes) -> _Lines | None:
        header = self._headers.of(profile, content)
        if header is None:
            return None
        found = _csv_lines(content, header, self._headers.grammar(header), profile)
        head = header.record.rstrip(b"\r\n") + b"\n" if header.is_named else b""
        return _Lines(*found, head, header.columns, header.delimiter) if found else None

    def _start(self, key: tuple[object, ...], profile: SourceProfile, kind: Format, lines: _Lines) -> Group[Tag]:
        path = self._folder / str(len(self._groups))
        stream = path.open("wb")
        stream.write(lines.head)
        dialect = profile.dialect
        if lines.delimiter:  # what each file's own first rows said of it is not judged again by those of the first file
            width = len(lines.columns)
            dialect = replace(dialect, encoding=UTF_8, skip_lines=0, delimiter=lines.delimiter, width=width)
        group = self._groups[key] = Group[Tag](profile.model_copy(update={"format": kind}), dialect, path, stream)
        return group

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for group in self.groups:
            group.close()
        self._scratch.cleanup()


class Headers:
    """The headers of CSV files; where the first line tells all, equal ones are read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], CsvHeader] = {}
        self._grammars: dict[tuple[object, ...], CsvGrammar] = {}

    def of(self, profile: SourceProfile, content: bytes) -> CsvHeader | None:
        """The header of a file; None where it has none, or none that can be put above another file's rows."""
        first_line = content[: max(content.find(b"\n"), 0)]
        key = (profile.name, first_line)
        if key in self._known:
            return self._known[key]
        try:
            header = header_of(content, [theirs for _, theirs in named_columns(profile)], profile.dialect)
        except UnreadableTextError:
            return None
        if header is None or header.may_hold_stand_ins or b"\n" in header.record.rstrip(b"\r\n"):
            return None
        if is_header_line(profile, first_line):
            self._known[key] = header
        return header

    def grammar(self, header: CsvHeader) -> CsvGrammar:
        """The grammar of rows below such a header."""
        key = (header.columns, header.delimiter, header.quote, header.newline)
        if key not in self._grammars:
            self._grammars[key] = CsvGrammar(header)
        return self._grammars[key]


def is_header_line(profile: SourceProfile, line: bytes) -> bool:
    """Whether a file's header is just this first line, and tells all there is to know of its columns."""
    dialect = profile.dialect
    quote = '"' if dialect.quote is None else dialect.quote
    if not dialect.header or dialect.skip_lines or not line.strip() or b"\0" in line:
        return False
    if len(quote.encode()) != 1 or line.count(quote.encode()) % 2 or len((dialect.delimiter or ",").encode()) != 1:
        return False  # what stands in for longer signs depends on the whole file
    try:
        text = line.decode(dialect.encoding or UTF_8)
    except (UnicodeDecodeError, LookupError):
        return False
    last_name = text[max(map(text.rfind, (*DELIMITERS, dialect.delimiter or ","))) + 1 :]
    return last_name.strip().strip(quote).strip() != ""  # whether one without a name is a column depends on the rows


def _csv_lines(
    content: bytes, header: CsvHeader, grammar: CsvGrammar, profile: SourceProfile
) -> tuple[bytes, int] | None:
    """The rows as lines, blank ones left out, and how many; None where a row may be anything but a line.

    Without quotes a line is a row, be it a malformed one; a malformed row with a quote would draw its neighbours in.
    """
    text = content if header.encoding == UTF_8 else decoded(content, header.encoding)
    rows = text[header.end :]
    if len(header.columns) == 1:
        return None  # blank lines and empty values are hard to tell apart then
    if not header.is_named or (profile.dialect.quote != NO_QUOTE and header.quote.encode() in rows):
        return plain_body(text, header, grammar)
    if b"\r" in rows:
        rows = rows.replace(b"\r\n", b"\n")
    begins_with_space = rows.startswith((b" ", b"\t")) or b"\n " in rows or b"\n\t" in rows
    if b"\r" in rows or (begins_with_space and LINE_OF_SPACES.search(rows)):
        return None
    if rows.startswith(b"\n") or b"\n\n" in rows:
        rows = EMPTY_LINES.sub(b"\n", rows).removeprefix(b"\n")
    if rows and not rows.endswith(b"\n"):
        rows += b"\n"
    return rows, rows.count(b"\n")


def _json(profile: SourceProfile, content: bytes) -> _Lines | None:
    if profile.dialect.encoding not in {None, UTF_8}:
        return None
    found = plain_json_lines(content)
    return _Lines(*found) if found else None
