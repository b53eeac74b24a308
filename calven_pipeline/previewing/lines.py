"""Where in a file a row stands: its line, for whoever opens the file in an editor.

What may surprise: from the first quoted value on that holds a line end, only malformed rows are looked up, by their text. No
line is better than a wrong one.
"""

from __future__ import annotations

import re
from functools import cached_property

from calven_pipeline.exports.dialect import Dialect
from calven_pipeline.exports.profile_model import Format
from calven_pipeline.previewing.heads import Head
from calven_pipeline.previewing.samples import Sample

QUOTE = '"'
LONGEST_SOUGHT = 200  # characters of a malformed row


class Lines:
    """Finds the lines of rows in the head of a text file."""

    def __init__(self, head: Head, sample: Sample | None, dialect: Dialect | None = None) -> None:
        """How the file is read (`dialect`) is the profile's, else as it looks; without a sample, or for anything but text, no line is known."""
        self.head, self.sample = head, sample
        self.dialect = dialect or (sample.dialect if sample else Dialect())

    def of_row(self, number: int) -> int | None:
        """The line of a row, where each line that is not blank is one."""
        if self.sample is None:
            return None
        has_header = self.head.kind is Format.CSV and self.dialect.header
        above = self.dialect.skip_lines
        start = re.match(rf"(?:[^\n]*+\n){{{above}}}", self._text)
        rows = re.compile(rf"\s*+(?:\S[^\n]*+\n\s*+){{{number - 1 + has_header}}}")
        before = rows.match(self._text, start.end()) if start else None
        return self._line_at(before.end()) if before and before.end() < self._certain else None

    def of_text(self, number: int, text: str) -> int | None:
        """The line of a malformed row, by its text."""
        by_number = self.of_row(number)
        if by_number is not None:
            return by_number
        sought = text[:LONGEST_SOUGHT].partition("\n")[0].strip()
        at = self._text.find(sought) if sought else -1
        return self._line_at(at) if at >= 0 and self._text.find(sought, at + 1) < 0 else None

    def _line_at(self, position: int) -> int:
        return self._text.count("\n", 0, position) + 1

    @cached_property
    def _certain(self) -> int:
        """How far each line is a row: to the end of the line on which a quoted value begins that goes on below."""
        quote = QUOTE if self.dialect.quote is None else self.dialect.quote
        if self.head.kind is not Format.CSV or not quote:
            return len(self._text)
        delimiter = re.escape((self.sample and self.sample.delimiter) or ",")
        value = rf"(?:^|{delimiter})[ \t]*{re.escape(quote)}(?:[^{re.escape(quote)}\n]|{re.escape(quote) * 2})*+\n"
        found = re.search(value, self._text, re.MULTILINE)
        return found.end() if found else len(self._text)

    @cached_property
    def _text(self) -> str:
        if self.sample is None or self.head.kind not in {Format.CSV, Format.JSONL}:
            return ""
        encoding = (self.dialect.encoding or self.sample.encoding or "utf-8").partition(" ")[0]
        return self.head.path.read_bytes().decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")
