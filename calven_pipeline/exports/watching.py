"""A look at the drop folder and the profiles, and the memory of earlier looks: what the rule in `noticing` works on.

What may surprise: the memory is a file of its own (`state/noticed.json`), since Dagster stores a sensor's whole cursor anew
with every tick. Only the sensor writes it, all of it at once; a memory that cannot be understood counts as none.
"""

from __future__ import annotations

import errno
import hashlib
import signal
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from calven_pipeline.errors import CalvenPipelineError, SourceProfileError, WorkingDatabaseError
from calven_pipeline.exports.folder import LocalFolder, drop_folder
from calven_pipeline.exports.noticing import Look, Mark, Memory, State
from calven_pipeline.exports.profiles import PROFILE_FILE, SourceProfile, load_profiles
from calven_pipeline.warehouse.database import WORKING_FILE, state_folder

MEMORY_FILE = "noticed.json"
VERSION = 1


def look_at_exports(data_dir: Path) -> Look:
    """What lies in the drop folder now; no file is opened. Raises `SettingsError`."""
    try:
        profiles = load_profiles(data_dir)
    except SourceProfileError as problem:
        return Look(_digest((str(problem), _text(data_dir / PROFILE_FILE))), problem=str(problem))
    sources = {profile.name: fingerprint(profile, data_dir) for profile in profiles}
    look, folder = Look(_digest(sources.values()), sources=sources), drop_folder(data_dir)
    if not folder.is_there:
        reason = f"There is no {folder.place} any more: mount or make it, or set CALVEN_EXPORTS."
        return replace(look, unseen=dict.fromkeys(sources, reason), is_bare=True)
    try:
        listing = folder.listing
    except CalvenPipelineError as problem:
        return replace(look, unseen=dict.fromkeys(sources, str(problem)))
    problems = [str(problem) for profile in profiles for problem in folder.problems(profile)]
    if any(not closed.source_file for closed in listing.unreadable):  # the folder itself
        return replace(look, unseen=dict.fromkeys(sources, problems[0]))
    files = {
        profile.name: {file.source_file: Mark(file.size_bytes, file.modified_ns) for file in folder.files(profile)}
        for profile in profiles
    }
    closed = frozenset(closed.source_file for closed in listing.unreadable)
    return replace(look, files=files, closed=closed, problems=tuple(problems))


def open_for_writing(data_dir: Path) -> Callable[[str], bool]:
    """Tells of a `source_file` whether somebody has it open for writing: as far as Linux lets us know, else never."""
    folder = drop_folder(data_dir)
    if not isinstance(folder, LocalFolder):
        return lambda _: False
    return lambda source_file: _has_writer(folder.folder / source_file)


def fingerprint(profile: SourceProfile, data_dir: Path) -> str:
    """Another one when the profile has changed, or what stands in a table that it names."""
    tables = [data_dir / table for table in (profile.people, profile.places) if table]
    return _digest((repr(profile), *map(_content, tables)))


def read_memory(data_dir: Path) -> Memory:
    """The memory; a new one where there is none, where it cannot be understood, or where what was read is gone."""
    from pydantic import TypeAdapter

    state = state_folder(data_dir)
    try:
        version, memory = TypeAdapter(tuple[int, Memory]).validate_json((state / MEMORY_FILE).read_bytes())
    except (OSError, ValueError):
        return new_memory()
    if version != VERSION or (_says_taken(memory) and not (state / WORKING_FILE).exists()):
        return new_memory()
    return memory


def new_memory() -> Memory:
    """Of nothing, with a name of its own."""
    return Memory(uuid.uuid4().hex[:8])


def write_memory(data_dir: Path, memory: Memory) -> None:
    """Replace the memory, whole or not at all; raises `WorkingDatabaseError`."""
    from pydantic import TypeAdapter

    path = state_folder(data_dir) / MEMORY_FILE
    unfinished = path.with_suffix(".new")
    try:
        unfinished.write_bytes(TypeAdapter(tuple[int, Memory]).dump_json((VERSION, memory)))
        unfinished.replace(path)
    except OSError as error:
        raise WorkingDatabaseError(
            f"Cannot remember which exports were noticed ({path}): {error.strerror}. Check the space and the rights of the "
            "state folder; no run is asked for before that."
        ) from error


def _has_writer(path: Path) -> bool:
    """A lease for reading is refused where somebody writes. Who opens the file meanwhile breaks it: our signal for that does nothing."""
    try:
        import fcntl

        with path.open("rb") as file:
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)  # the default would end the process
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (ImportError, AttributeError):  # not Linux
        return False
    except (
        OSError
    ) as error:  # of all reasons, only this one is a writer: the file may be somebody else's, or on a share
        return error.errno == errno.EAGAIN
    return False


def _says_taken(memory: Memory) -> bool:
    states = {known.state for files in memory.files.values() for known in files.values()}
    return not states.isdisjoint({State.TAKEN, State.REFUSED})


def _content(path: Path) -> str:
    """The fingerprint of what stands in the file; empty where it cannot be read."""
    try:
        status = path.stat()
        return _sha256(path, status.st_size, status.st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=256)
def _sha256(path: Path, size_bytes: int, modified_ns: int) -> str:
    """Computed once for each size and time of change: looks come every ten seconds."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
