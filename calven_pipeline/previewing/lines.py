"""Where in a file a row stands: its line, for whoever opens the file in an editor.

What may surprise: where values may hold line ends, only malformed rows are looked up, by their text. No line is better than
a wrong one.
"""

from __future__ import annotations

import re
from functools import cached_property

from calven_pipeline.exports.profile_model import Format
from calven_pipeline.previewing.heads import Head
from calven_pipeline.previewing.samples import Sample

LONGEST_SOUGHT = 200  # characters of a malformed row


class Lines:
    """Finds the lines of rows in the head of a text file."""

    def __init__(self, head: Head, sample: Sample | None) -> None:
        """Without a sample, or for anything but text, no line is known."""
        self.head, self.sample = head, sample

    def of_row(self, number: int) -> int | None:
        """The line of a row, where each line that is not blank is one."""
        if self.sample is None or (self.head.kind is Format.CSV and '"' in self._text):
            return None
        has_header = self.head.kind is Format.CSV and self.sample.dialect.header
        above = self.sample.dialect.skip_lines
        start = re.match(rf"(?:[^\n]*+\n){{{above}}}", self._text)
        rows = re.compile(rf"\s*+(?:\S[^\n]*+\n\s*+){{{number - 1 + has_header}}}")
        before = rows.match(self._text, start.end()) if start else None
        return self._line_at(before.end()) if before and before.end() < len(self._text) else None

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
    def _text(self) -> str:
        if self.sample is None or self.head.kind not in {Format.CSV, Format.JSONL}:
            return ""
        encoding = (self.sample.encoding or "utf-8").partition(" ")[0]
        return self.head.path.read_bytes().decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")
