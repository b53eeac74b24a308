"""The answers journal: every answer is on disk the moment it arrives, before DuckDB takes it in by the thousand.

What may surprise: a commit in DuckDB for every answer would cost more than the call itself, and a commit now and then
would cost a killed run more than what was in flight. So each answer is one appended line, handed to the operating system
at once, and DuckDB folds the file in every thousand calls. A journal that a killed run left is folded by the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BufferedWriter
from pathlib import Path

from calven_pipeline.errors import WorkingDatabaseError

FOLDER = "answers"


@dataclass(frozen=True)
class Note:
    """How one call, or a part of it, ended: with a readable answer, a refusal of its one event, or a problem.

    `event_ids` is None for a whole call. A call that is sent in parts has a note for each of them, and a last one, with
    neither, that says it has ended. `attempts` counts the tries noted here, `sent_before` those that the events of a part
    had in this call before; times are aware UTC.
    """

    call_id: int
    attempts: int
    sent_at: datetime
    answered_at: datetime
    event_ids: Sequence[str] | None = None
    status: int | None = None
    correlation_id: str | None = None
    answer: str | None = None  # JSON text
    refusal: str | None = None
    problem: str | None = None
    sent_before: int = 0
    is_last: bool = True


class Journal:
    """One open journal file in `state/answers/`; a context manager. `length` counts the notes not folded yet."""

    def __init__(self, state: Path) -> None:
        """Files of earlier runs stay until `leftovers` were folded and removed."""
        self.folder = state / FOLDER
        with _clear_refusals(self.folder):
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
        """Append the note and hand it to the operating system; raises `WorkingDatabaseError` where the disk refuses."""
        file = self.open()
        with _clear_refusals(self.folder):
            file.write(_line(note))
            file.flush()
        self.length += 1

    def open(self) -> BufferedWriter:
        """The file that takes the next notes, made where there is none; raises `WorkingDatabaseError` as `write` does."""
        if self._file is None:
            self._number += 1
            with _clear_refusals(self.folder):
                self._file = (self.folder / f"{self._number:09d}.jsonl").open("wb")
        return self._file

    def close(self) -> None:
        """Close the file, so that it can be folded; the next note opens a new one."""
        file, self._file, self.length = self._file, None, 0
        if file is not None:
            with _clear_refusals(self.folder):
                file.close()

    def remove(self, path: Path) -> None:
        """Remove a file that was folded."""
        with _clear_refusals(self.folder):
            path.unlink()


@contextmanager
def _clear_refusals(folder: Path) -> Iterator[None]:
    """A full or read-only disk becomes our error."""
    try:
        yield
    except OSError as error:
        raise WorkingDatabaseError(
            f"Calven's answers could not be kept in {folder}: {error.strerror}. Check the space and the rights of the state "
            "folder. What was not kept is sent again."
        ) from error


def _line(note: Note) -> bytes:
    """The note as one line of JSON. The answer is JSON already: it stands as it came, without its line breaks."""
    line = _TO_JSON.encode({name: value for name, value in vars(note).items() if name != "answer"})
    if note.answer is not None:
        answer = note.answer.replace("\n", " ").replace("\r", " ")
        line = f'{line[:-1]},"answer":{answer}}}'
    return line.encode() + b"\n"


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")


_TO_JSON = json.JSONEncoder(default=_iso, separators=(",", ":"))
