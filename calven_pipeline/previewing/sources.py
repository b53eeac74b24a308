"""Which source a file belongs to: the one that is asked for, whose pattern it fits, whose columns it has, or a suggestion.

What may surprise: profiles are looked at in a copy of what the data folder says, in which a people or places table that
nobody has made yet is an empty one. So a source can be tried before its tables are there.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import duckdb

from calven_pipeline.errors import CalvenPipelineError, RequestError, SourceProfileError
from calven_pipeline.exports.encodings import UnreadableTextError
from calven_pipeline.exports.folder import Entry, LocalFolder, drop_folder, matches
from calven_pipeline.exports.profile_model import Format, SourceProfile, named_columns
from calven_pipeline.exports.profiles import PROFILE_FILE, load_profiles
from calven_pipeline.exports.ready import ready_names
from calven_pipeline.exports.tables import read_columns
from calven_pipeline.exports.yaml_text import read_yaml_text
from calven_pipeline.previewing.heads import Head
from calven_pipeline.previewing.samples import Sample
from calven_pipeline.previewing.sheets import sample_as_read
from calven_pipeline.previewing.suggest import Suggestion, Surroundings, as_yaml, suggest
from calven_pipeline.settings import ExportSettings

TABLE_HEADERS = {"people": "source_user_id,user_id,user_email\n", "places": "source_place,location_id,location_type\n"}
MOST_TABLES = 200


@dataclass(frozen=True)
class Chosen:
    """The source to read a file by, how it was found (a clause), and the tables that it names but that are not there."""

    profile: SourceProfile
    how: str
    suggestion: Suggestion | None = None
    missing_tables: tuple[str, ...] = ()


def copy_profiles(data_dir: Path, folder: Path) -> list[str]:
    """Put `sources.yaml` and the tables it names into `folder`; the tables that are not there, which are empty then."""
    path = data_dir / PROFILE_FILE
    if not os.path.lexists(path) or not path.read_bytes().strip():
        return []
    shutil.copyfile(path, folder / PROFILE_FILE)
    with contextlib.suppress(ValueError):  # said when it is loaded
        return _copy_tables(read_yaml_text(path), data_dir, folder)
    return []


def _copy_tables(content: object, data_dir: Path, folder: Path) -> list[str]:
    sources = content.get("sources") if isinstance(content, dict) else None
    entries = [entry for entry in sources if isinstance(entry, dict)] if isinstance(sources, list) else []
    missing = []
    for entry in entries[:MOST_TABLES]:
        for key, header in TABLE_HEADERS.items():
            name = entry.get(key)
            if isinstance(name, str) and _stays_inside(name) and not copy_table(data_dir, folder, name.strip(), header):
                missing.append(name.strip())
    return missing


def copy_table(data_dir: Path, folder: Path, name: str, header: str) -> bool:
    """Copy one table, or put an empty one in its place; whether it was there."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    source = data_dir / name
    if source.is_file() and source.resolve().is_relative_to(data_dir.resolve()):
        shutil.copyfile(source, target)
        return True
    if not os.path.lexists(source):
        target.write_text(header)
    return False


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name.strip())
    return bool(name.strip()) and not path.is_absolute() and ".." not in path.parts


def choose(
    asked: str | None, head: Head, sample: Sample | None, surroundings: Surroundings, data_dir: Path, folder: Path
) -> Chosen | None:
    """The source for a file, None where there is none and nothing can be guessed; profiles are copied into `folder`.

    Raises `SourceProfileError` where `sources.yaml` cannot work, and `RequestError` where no source of that name is there.
    """
    missing = copy_profiles(data_dir, folder)
    profiles = load_profiles(folder)
    chosen = (
        _asked(asked, profiles, sample)
        if asked
        else (_by_pattern(profiles, surroundings.below) or _by_columns(profiles, head, sample))
    )
    if chosen is None:
        return None if sample is None else _suggested(asked, head, sample, surroundings, data_dir, folder)
    tables = {str(table) for table in (chosen.profile.people, chosen.profile.places) if table}
    return replace(chosen, missing_tables=tuple(name for name in dict.fromkeys(missing) if name in tables))


def _asked(name: str, profiles: Sequence[SourceProfile], sample: Sample | None) -> Chosen | None:
    found = next((profile for profile in profiles if profile.name.lower() == name.strip().lower()), None)
    if found:
        return Chosen(found, "as asked for")
    if name.strip().lower() in ready_names() and sample:
        return None
    known = ", ".join(profile.name for profile in profiles)
    raise RequestError(
        f"There is no source {name!r} in {PROFILE_FILE}, which has {known}, and no ready profile of that name"
    )


def _by_pattern(profiles: Sequence[SourceProfile], below: PurePosixPath | None) -> Chosen | None:
    if below is None:
        return None
    entry = Entry(str(below), str(below), Path(below))
    found = [profile for profile in profiles if matches(profile, entry)]
    if not found:
        return None
    others = f"; {', '.join(profile.name for profile in found[1:])} would read it too" if found[1:] else ""
    return Chosen(found[0], f"its `files` match{others}")


def _by_columns(profiles: Sequence[SourceProfile], head: Head, sample: Sample | None) -> Chosen | None:
    """The source that finds all of its columns in the file, of several the one that names most."""
    fits = []
    for profile in profiles if sample else ():
        wanted = {theirs for _, theirs in named_columns(profile)}
        own = wanted & set(columns_as_read(profile, head, sample))
        there = max(own, wanted & set(sample.columns if sample else ()), key=len)
        least = 3 if profile.is_default else len(wanted)
        if len(there) >= least and (profile.header or not _has_header(profile, head, sample)):
            fits.append((len(own) >= least, len(there), profile))
    best = max(fits, key=lambda fit: fit[:2], default=None)
    return Chosen(best[2], "the file has its columns") if best else None


def columns_as_read(profile: SourceProfile, head: Head, sample: Sample | None) -> tuple[str, ...]:
    """The columns as the profile's way of reading finds them, of JSON those that were seen; none where it finds none."""
    kind = profile.format or head.kind
    if kind is not head.kind and {kind, head.kind} - {Format.JSON, Format.JSONL}:
        return ()
    wanted = [theirs for _, theirs in named_columns(profile)]
    try:
        found = read_columns(head.path, kind, wanted, profile.dialect)
    except (UnreadableTextError, OSError, duckdb.Error):
        return ()
    return found or (sample.columns if sample else ())


def _has_header(profile: SourceProfile, head: Head, sample: Sample | None) -> bool:
    return sample is not None and sample_as_read(head, sample, profile.sheet).dialect.header


def _suggested(
    asked: str | None, head: Head, sample: Sample, surroundings: Surroundings, data_dir: Path, folder: Path
) -> Chosen:
    """What `--suggest` prints, as if it stood in `sources.yaml`."""
    ready = asked.strip().lower() if asked else None
    suggestion = suggest(sample, head, surroundings, ready)
    (folder / PROFILE_FILE).write_text(as_yaml(suggestion), encoding="utf-8")
    missing = [
        str(name)
        for key, header in TABLE_HEADERS.items()
        if (name := suggestion.keys.get(key)) and not copy_table(data_dir, folder, str(name), header)
    ]
    try:
        profile = load_profiles(folder)[0]
    except SourceProfileError as error:
        raise SourceProfileError(f"No source is for this file, and none can be guessed: {error}") from error
    how = (
        f"no source is for it: the ready profile {suggestion.ready}"
        if suggestion.ready
        else "no source is for it: a guess"
    )
    return Chosen(profile, how if not asked else f"the ready profile {asked}", suggestion, tuple(missing))


def surroundings_of(file: Path, data_dir: Path, zone: str | None) -> Surroundings:
    """What the data folder and the drop folder say of the file."""
    below = None
    with contextlib.suppress(CalvenPipelineError):
        is_remote = "://" in (ExportSettings.load().exports or "")
        folder = None if is_remote else drop_folder(data_dir)
        if isinstance(folder, LocalFolder) and file.resolve().is_relative_to(folder.folder.resolve()):
            below = PurePosixPath(file.resolve().relative_to(folder.folder.resolve()))
    tables = frozenset(str(PurePosixPath(path.relative_to(data_dir))) for path in _tables(data_dir))
    names: frozenset[str] = frozenset()
    with contextlib.suppress(ValueError):
        content = read_yaml_text(data_dir / PROFILE_FILE)
        entries = content.get("sources") if isinstance(content, dict) else None
        names = frozenset(str(entry.get("name")) for entry in entries or () if isinstance(entry, dict))
    return Surroundings(zone, tables, names, below)


def _tables(data_dir: Path) -> list[Path]:
    return [
        path
        for name in ("people", "places")
        for pattern in (f"{name}.csv", f"*/{name}.csv")
        for path in data_dir.glob(pattern)
    ]


def is_in_flow_style(data_dir: Path) -> bool:
    """Whether `sources.yaml` holds its sources within brackets, after which no entry of a list may follow."""
    try:
        content = (data_dir / PROFILE_FILE).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    return re.search(r"^(?:\{|sources\s*:\s*(?:#.*\s+)?\[)", content, re.MULTILINE) is not None


def entry_indent(data_dir: Path) -> str | None:
    """How deep the entries of `sources.yaml` stand, None where there is none yet: then a whole file is to be printed."""
    try:
        text = (data_dir / PROFILE_FILE).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    found = re.search(r"^( *)- ", text, re.MULTILINE)
    return (found[1] if found else "  ") if re.search(r"^sources\s*:", text, re.MULTILINE) else None
