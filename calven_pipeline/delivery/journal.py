"""The answers journal: every answer is on disk the moment it arrives, before DuckDB takes it in by the thousand.

What may surprise: a commit in DuckDB for every answer would cost more than the call itself, and a commit now and then
would cost a killed run more than what was in flight. So each answer is one appended line, handed to the operating system
at once, and DuckDB folds the file in every few hundred calls. A journal that a killed run left is folded by the next.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BufferedWriter
from pathlib import Path

FOLDER = "answers"


@dataclass(frozen=True)
class Note:
    """How one call, or a part of it, ended: with a readable answer, a refusal of its one event, or a problem.

    `event_ids` is None for a whole call. A call that is sent in parts has a note for each of them, and a last one, with
    neither, that says it has ended. `attempts` counts tries; times are aware UTC.
    """

    call_id: int
    attempts: int
    sent_at: datetime
    answered_at: datetime
    event_ids: Sequence[str] | None = None
    status: int | None = None
    correlation_id: str | None = None
    answer: str | None = None
    refusal: str | None = None
    problem: str | None = None
    is_last: bool = True


class Journal:
    """One open journal file in `state/answers/`; a context manager. `length` counts the notes not folded yet."""

    def __init__(self, state: Path) -> None:
        """Files of earlier runs stay until `leftovers` were folded and removed."""
        self.folder = state / FOLDER
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.length = 0
        self._number = max((int(path.stem) for path in self.folder.glob("*.jsonl") if path.stem.isdigit()), default=0)
        self._file: BufferedWriter | None = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def leftovers(self) -> list[Path]:
        """The closed files that are to be folded, oldest first."""
        return sorted(self.folder.glob("*.jsonl"))

    def write(self, note: Note) -> None:
        """Append the note and hand it to the operating system."""
        if self._file is None:
            self._number += 1
            self._file = (self.folder / f"{self._number:09d}.jsonl").open("wb")
        self._file.write(json.dumps(vars(note), default=_iso, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        self.length += 1

    def close(self) -> None:
        """Close the file, so that it can be folded; the next note opens a new one."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self.length = 0


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
