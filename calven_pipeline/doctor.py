"""The doctor: a line each for settings, folders, profiles, Calven, clock and keys, with what to do where one is not well.

It posts no event: the role of a key for events is tried with a call that holds none. Where Calven cannot be reached, that
is said once, and what would need it is skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
from rich.console import Console

from calven_pipeline.api import CalvenClient, PresencePoster, fetch_to_file
from calven_pipeline.api.answers import clock_skew_s, transport_failures
from calven_pipeline.api.retries import RetryPolicy
from calven_pipeline.errors import (
    CalvenPipelineError,
    RefusedCallError,
    SettingsError,
    TryAgainError,
    UnreadableExportError,
    WillNotHelpError,
    WorkingDatabaseError,
)
from calven_pipeline.exports.archives import members
from calven_pipeline.exports.encodings import UnreadableTextError
from calven_pipeline.exports.folder import ExportFile, LocalFolder, drop_folder
from calven_pipeline.exports.mappings import read_people, read_places
from calven_pipeline.exports.profile_model import SourceProfile
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.exports.reading import check_columns
from calven_pipeline.exports.wording import shown
from calven_pipeline.settings import Settings

CLOCK_TOLERATED_S = 60.0  # the tolerance of HMAC timestamps is not published; NTP keeps a machine far below this
LARGEST_UNPACKED_BYTES = 20 * 1000**2  # of an archive that is looked into
MOST_MEMBERS = 20
NAMES_TOLD = 3
QUICK = RetryPolicy(attempts=2, total_s=15.0)

WELL, FAIL, SKIP = "[green]ok  [/green]", "[red]FAIL[/red]", "[yellow]skip[/yellow]"
NEED_CALVEN = frozenset({"clock", "warehouse key", "events key"})

Check = Callable[[Settings], str]


def run_doctor() -> int:
    """Run every check and print a line for each; 0 where all is well, else the exit code of the first that is not."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        settings = Settings.load()
    except CalvenPipelineError as error:
        _print(console, FAIL, "settings", str(error))
        return error.exit_code
    exit_code = 0
    reachable = True
    for name, check in CHECKS.items():
        if name in NEED_CALVEN and not reachable:
            _print(console, SKIP, name, "not checked: Calven cannot be reached")
            continue
        try:
            _print(console, WELL, name, check(settings))
        except CalvenPipelineError as error:
            _print(console, FAIL, name, str(error))
            exit_code = exit_code or error.exit_code
            reachable = reachable and not (name == "Calven" and isinstance(error, TryAgainError))
    return exit_code


def _print(console: Console, mark: str, name: str, text: str) -> None:
    console.print(f"{mark}  {name:<15}", end="")
    console.print(text, markup=False)


def _settings(settings: Settings) -> str:
    return f"{settings.api_url}, region {settings.region}, {settings.auth}, publish {settings.publish}"


def _folders(settings: Settings) -> str:
    for folder in (settings.data_dir, settings.data_dir / "state"):
        nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            raise WorkingDatabaseError(f"{folder} cannot be written: check CALVEN_DATA_DIR and its rights")
    return f"{settings.data_dir} can be written; {_drop_folder(settings)}"


def _drop_folder(settings: Settings) -> str:
    """Where exports are read from, which is looked at; raises where it cannot be."""
    folder = drop_folder(settings.data_dir)
    if isinstance(folder, LocalFolder) and not folder.folder.is_dir():
        if settings.exports is None:
            return f"there is no {folder.place} yet: put exports there"
        raise SettingsError(f"{folder.place} is no folder: make it, or check CALVEN_EXPORTS")
    count = len(folder.listing.entries)
    return f"exports are read from {folder.place} ({count} file{'' if count == 1 else 's'})"


def _profiles(settings: Settings) -> str:
    """Each source with its files; then files of no source.

    Tables of people and places are read whole, as a run reads them; of files on this machine the columns are looked at.
    """
    profiles = load_profiles(settings.data_dir)
    folder = drop_folder(settings.data_dir)
    if isinstance(folder, LocalFolder):
        folder = LocalFolder(folder.folder)  # one that is not there is told of with the folders
    told = []
    for profile in profiles:
        _read_tables(profile, settings.data_dir)
        for problem in folder.problems(profile):
            raise problem
        files = folder.files(profile)
        for file in files if isinstance(folder, LocalFolder) else ():
            _check_columns(profile, file)
        told.append(f"{profile.name} ({len(files)} file{'' if len(files) == 1 else 's'})")
    unmatched = folder.unmatched(profiles)
    if unmatched:
        names = ", ".join(map(shown, unmatched[:NAMES_TOLD])) + (", ..." if unmatched[NAMES_TOLD:] else "")
        told.append(f"and {len(unmatched)} that no source reads: {names}; check `files`")
    return ", ".join(told)


def _read_tables(profile: SourceProfile, data_dir: Path) -> None:
    with duckdb.connect() as connection:
        read_people(connection, profile, data_dir)
        read_places(connection, profile, data_dir)


def _check_columns(profile: SourceProfile, file: ExportFile) -> None:
    """Look at a file's header, or at those of what an archive of moderate size holds."""
    try:
        found = members(file.path, file.source_file)[:MOST_MEMBERS]
    except UnreadableTextError as error:
        raise UnreadableExportError(f"Cannot read {shown(file.source_file)}: {error}") from error
    for member in found:
        if not member.is_plain and file.size_bytes > LARGEST_UNPACKED_BYTES:
            return
        try:
            with tempfile.TemporaryDirectory() as scratch, member.local(Path(scratch)) as path:
                check_columns(profile, replace(file, source_file=member.source_file, path=path))
        except UnreadableTextError as error:
            raise UnreadableExportError(f"Cannot read {shown(member.source_file)}: {error}") from error


def _warehouse_key(settings: Settings) -> str:
    with CalvenClient(settings, retries=QUICK) as client, tempfile.TemporaryDirectory() as folder:
        pulled = fetch_to_file(client, "locations", Path(folder) / "locations.json")
    return f"reads locations ({pulled.size_bytes} bytes)"


def _events_key(settings: Settings) -> str:
    with CalvenClient(settings, retries=QUICK) as client:
        return asyncio.run(_post_nothing(client))


async def _post_nothing(client: CalvenClient) -> str:
    body = json.dumps({"sourceId": "calven-pipeline doctor", "presenceEvents": []})
    async with PresencePoster(client) as poster:
        try:
            await poster.post(body)
        except RefusedCallError as refusal:
            if refusal.status in {404, 405}:
                raise
            # The key was taken; what was refused is the call without events, as it should be.
    return "may post presence"


def _calven(settings: Settings) -> str:
    _ask_the_time(settings)
    return f"{settings.api_url} answers"


def _clock(settings: Settings) -> str:
    skew = _ask_the_time(settings)
    if skew is None:
        return "Calven did not say its time"
    off = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} Calven's"
    if abs(skew) > CLOCK_TOLERATED_S:
        raise WillNotHelpError(f"this machine's clock is {off}: set it (NTP); until then Calven may refuse keys")
    return f"this machine's clock is {off}" if round(abs(skew)) > 1 else "this machine's clock and Calven's agree"


def _ask_the_time(settings: Settings) -> float | None:
    """Calven's clock minus ours in seconds, from any answer at all; needs no key."""
    with CalvenClient(settings, retries=QUICK) as client:

        def once(_: int) -> float | None:
            request = client.http.build_request("GET", settings.api_url)
            with transport_failures(request):
                reply = client.http.send(request)
            return clock_skew_s(reply.headers, client.clock())

        return client.retries.call("Asking for the time", client.host, once)


CHECKS: dict[str, Check] = {
    "settings": _settings,
    "folders": _folders,
    "profiles": _profiles,
    "Calven": _calven,
    "clock": _clock,
    "warehouse key": _warehouse_key,
    "events key": _events_key,
}
