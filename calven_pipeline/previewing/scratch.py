"""The folder that a preview works in: people's rows lie there, so it goes with the preview, whatever ends it.

What may surprise: a preview that was killed leaves its folder, and the next one removes it. A folder in use is locked, which
ends with its process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

PREFIX = "calven-preview-"
YOUNGEST_S = 60  # a new folder is not locked yet
TERMINATED_EXIT_CODE = 143  # as a shell says of a command that SIGTERM ended


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder that is gone afterwards, also where SIGTERM comes."""
    remove_left_behind()
    with _ending_in_order(), tempfile.TemporaryDirectory(prefix=PREFIX) as folder, _locked(Path(folder)):
        yield Path(folder)


def remove_left_behind() -> None:
    """Remove our user's folders that no process works in."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            if found.st_uid != os.getuid() or folder.is_symlink() or time.time() - found.st_mtime < YOUNGEST_S:
                continue
            with _locked(folder):
                shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Raises `OSError` where another process works in it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let SIGTERM raise `SystemExit`, so that what is under way is cleared up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED_EXIT_CODE)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
