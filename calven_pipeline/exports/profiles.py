"""Source profiles: `sources.yaml`, checked whole before any export is read.

What may surprise: a problem anywhere stops everything. A profile that half works would send wrong presence, so every
name, path, zone, format, pattern and mapping table is looked at here, and one line says which file, source and key to
mend.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from calven_pipeline.errors import SourceProfileError
from calven_pipeline.exports.csv_text import UnreadableTextError, read_header
from calven_pipeline.exports.mapping_text import table_dialect
from calven_pipeline.exports.profile_model import (
    ENDINGS,
    OUR_COLUMNS,
    Fallback,
    Format,
    ProfileKeyError,
    SourceProfile,
    Written,
    named_columns,
    reads_offset,
)
from calven_pipeline.exports.profile_values import nearest
from calven_pipeline.exports.ready import ready_names, ready_profile
from calven_pipeline.exports.wording import shown_header
from calven_pipeline.exports.yaml_text import read_yaml_text

PROFILE_FILE = "sources.yaml"
REQUIRED = ("name", "files", "columns")
MERGED = ("columns", "defaults", "extract", "normalize")  # key by key with those of a ready profile

API_NAMES = {
    "timestamp": ("timestamp",),
    "event_id": ("eventId",),
    "source_user_id": ("sourceUserId",),
    "user_id": ("userId",),
    "user_email": ("userEmail",),
    "location_id": ("locationId",),
    "location_type": ("locationType",),
}
EVERY_EXPORT = ("**/*.[cC][sS][vV]", "**/*.[jJ][sS][oO][nN][lL]", "**/*.[pP][aA][rR][qQ][uU][eE][tT]")

PEOPLE_KEY = "source_user_id"
PLACES_KEY = "source_place"


def default_source() -> SourceProfile:
    """The source that stands in for a missing `sources.yaml`: every export, in the API's own field names."""
    return SourceProfile(name="default", source_id="default", files=EVERY_EXPORT, columns=API_NAMES, is_default=True)


def load_profiles(data_dir: Path) -> tuple[SourceProfile, ...]:
    """Every source of `sources.yaml`, or the default source when there is none.

    Raises `SourceProfileError` with one line that names the file, the source and the key, and what to do.
    """
    path = data_dir / PROFILE_FILE
    if not os.path.lexists(path):
        return (default_source(),)
    try:
        content = read_yaml_text(path)
    except ValueError as error:
        raise SourceProfileError(f"{PROFILE_FILE} cannot be read: {error}") from error
    profiles = tuple(_profile(entry, number) for number, entry in enumerate(_entries(content), start=1))
    _refuse_doubled_names(profiles)
    for profile in profiles:
        _check_tables(profile, data_dir)
    return profiles


def profile_problem(
    profile: SourceProfile | str, key: str, problem: str, written: Written | None = None
) -> SourceProfileError:
    """The one line for a problem with one key of one source."""
    name = profile if isinstance(profile, str) else f"source {profile.name!r}"
    where = (written or (Written() if isinstance(profile, str) else profile._written)).where(key)
    return SourceProfileError(f"{PROFILE_FILE}: {name}: `{key}`{where} {problem}")


def _entries(content: object) -> list[object]:
    if content is None:
        raise SourceProfileError(
            f"{PROFILE_FILE} is empty: delete it, and the default source reads exports in Calven's own field names; or write a "
            "source (`calven-pipeline preview FILE --suggest` prints one)"
        )
    if not isinstance(content, dict):
        raise SourceProfileError(f"{PROFILE_FILE} must be a mapping with the one key `sources`, a list of sources")
    for key in content:
        if key != "sources":
            raise SourceProfileError(f"{PROFILE_FILE}: unknown key `{key}`{nearest(key, ['sources'])}; remove it")
    sources = content.get("sources")
    if not isinstance(sources, list) or not sources:
        raise SourceProfileError(f"{PROFILE_FILE}: `sources` must be a list with at least one source")
    return sources


def _profile(entry: object, number: int) -> SourceProfile:
    if not isinstance(entry, dict):
        raise SourceProfileError(f"{PROFILE_FILE}: source {number} must be a mapping with name, files and columns")
    name = entry.get("name")
    label = f"source {name!r}" if isinstance(name, str) and name.strip() else f"source {number}"
    written = Written(entry)
    known = [field for field in SourceProfile.model_fields if field != "is_default"]
    for key in entry:
        if key not in {"profile", *known}:
            problem = f"is no key of a source{nearest(key, ['profile', *known])}; mend or remove it"
            raise profile_problem(label, key, problem, written)
    if entry.get("profile") is not None:
        entry, written = _started(entry, label, written)
    for key in REQUIRED:
        if key not in entry:
            raise profile_problem(label, key, "is missing; add it", written)
    given: dict[str, Any] = {
        key: value for key, value in entry.items() if key != "profile" and (value is not None or key in REQUIRED)
    }
    try:
        profile = SourceProfile(**given)
    except ValidationError as error:
        raise profile_problem(label, *_first_problem(error), written) from error
    profile._written = written
    return profile


def _started(entry: dict[str, object], label: str, written: Written) -> tuple[dict[str, object], Written]:
    """The source with what it leaves open taken from its ready profile; an empty key drops the ready profile's."""
    name = entry["profile"]
    if not isinstance(name, str) or name.strip() not in ready_names():
        near = nearest(str(name), ready_names())
        problem = f"{name!r} is no ready profile{near}; there are {', '.join(ready_names())}"
        raise profile_problem(label, "profile", problem, written)
    ready = ready_profile(name.strip())
    merged = {**ready, **entry}
    for key in MERGED:
        theirs, own = ready.get(key), entry.get(key)
        if isinstance(theirs, dict) and isinstance(own, dict):
            merged[key] = {
                ours: value for ours, value in {**theirs, **own}.items() if value is not None or ours not in theirs
            }
    return {key: value for key, value in merged.items() if value is not None}, Written(entry, name.strip())


def _first_problem(error: ValidationError) -> tuple[str, str]:
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ProfileKeyError):
        return cause.key, str(cause)
    key = ".".join(str(part) for part in first["loc"] if isinstance(part, str) and part != "[key]")
    return key, str(cause) if cause else f"cannot work: {first['msg']}"


def _refuse_doubled_names(profiles: Iterable[SourceProfile]) -> None:
    seen: set[str] = set()
    for profile in profiles:
        if profile.name.lower() in seen:
            raise profile_problem(profile, "name", "is used by two sources; give each its own")
        seen.add(profile.name.lower())


def _check_tables(profile: SourceProfile, data_dir: Path) -> None:
    if profile.people:
        columns = _table_columns(profile, "people", data_dir / profile.people, data_dir)
        _need(profile, "people", columns, PEOPLE_KEY)
        if not {"user_id", "user_email"} & set(columns):
            raise profile_problem(profile, "people", f"{profile.people} needs a column user_email or user_id")
    if profile.places:
        columns = _table_columns(profile, "places", data_dir / profile.places, data_dir)
        for column in (PLACES_KEY, "location_id", "location_type"):
            _need(profile, "places", columns, column)


def _need(profile: SourceProfile, key: str, columns: tuple[str, ...], column: str) -> None:
    table = getattr(profile, key)
    if column not in columns:
        has = shown_header(columns) if columns else "it is empty"
        raise profile_problem(profile, key, f"{table} needs a column {column}; {has}")
    if columns.count(column) > 1:
        raise profile_problem(profile, key, f"{table} has the column {column} twice; remove one")


def _table_columns(profile: SourceProfile, key: str, path: Path, data_dir: Path) -> tuple[str, ...]:
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(data_dir)):
        raise profile_problem(profile, key, f"{getattr(profile, key)} leads out of the data folder; copy it there")
    try:
        header = read_header(path, (PEOPLE_KEY, PLACES_KEY), table_dialect(path, profile.encoding))
    except (OSError, UnreadableTextError) as error:
        reason = getattr(error, "strerror", None) or error
        raise profile_problem(profile, key, f"{getattr(profile, key)} cannot be read: {reason}") from error
    return header.columns if header else ()


__all__ = [
    "API_NAMES",
    "ENDINGS",
    "EVERY_EXPORT",
    "OUR_COLUMNS",
    "PEOPLE_KEY",
    "PLACES_KEY",
    "PROFILE_FILE",
    "Fallback",
    "Format",
    "SourceProfile",
    "default_source",
    "load_profiles",
    "named_columns",
    "nearest",
    "profile_problem",
    "reads_offset",
]
