"""Source profiles: `sources.yaml`, checked whole before any export is read.

What may surprise: a problem anywhere stops everything. A profile that half works would send wrong presence, so every
name, path, zone, format and mapping table is looked at here, and one line says which file, source and key to mend.
"""

from __future__ import annotations

import difflib
import os
import zoneinfo
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

import duckdb
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, field_validator, model_validator

from calven_pipeline.errors import SourceProfileError
from calven_pipeline.exports.csv_text import UnreadableTextError, read_header
from calven_pipeline.exports.wording import shown_header
from calven_pipeline.exports.yaml_text import read_yaml_text

PROFILE_FILE = "sources.yaml"

OUR_COLUMNS = (
    "timestamp",
    "event_id",
    "source_user_id",
    "user_id",
    "user_email",
    "location_id",
    "location_type",
    "place",
)
NO_DEFAULTS = frozenset({"timestamp", "event_id"})  # one value for all rows would make them one event

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


class Format(StrEnum):
    """How the rows stand in a file."""

    CSV = "csv"
    JSONL = "jsonl"
    JSON = "json"
    PARQUET = "parquet"


class _KeyError(ValueError):
    """What is wrong with one key of a profile."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def nearest(word: str, words: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing when no word is near."""
    near = difflib.get_close_matches(word, list(words), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a text")  # noqa: TRY004 - pydantic takes no TypeError
    if not value.strip():
        raise ValueError("is empty; give it a value or leave it out")
    return value.strip()


def _texts(value: object) -> object:
    if isinstance(value, list | tuple):
        if not value:
            raise ValueError("is an empty list; name at least one")
        return tuple(_text(item) for item in value)
    if not isinstance(value, str):
        raise ValueError("must be a text or a list of texts")  # noqa: TRY004 - pydantic takes no TypeError
    return (_text(value),)


def _mapping(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping (`name: value`)")  # noqa: TRY004 - pydantic takes no TypeError
    return value


def _inside(value: object) -> object:
    path = PurePosixPath(str(_text(value)))
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("must stay inside the data folder: give a relative path without `..`")
    return value


def _inside_all(value: object) -> object:
    patterns = _texts(value)
    for pattern in patterns if isinstance(patterns, tuple) else ():
        _inside(pattern)
        try:
            next(Path("no-such-folder").glob(pattern), None)  # the pattern is looked at before the folder
        except (ValueError, IndexError, NotImplementedError) as error:
            raise ValueError(
                f"{pattern!r} is no pattern for files; write it like 'badges/*.csv' or '**/*.csv'"
            ) from error
    return patterns


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
DataPath = Annotated[Path, BeforeValidator(_inside)]


class SourceProfile(BaseModel):
    """How to find and read the exports of one source.

    `columns` leads from our names to theirs; several of theirs are joined with "/". `keep` and `defaults` are as in
    `sources.yaml`. `people` and `places` are relative to the data folder. `format` None means: by each file's ending.
    In the default source (`is_default`) every column but the timestamp may be missing from a file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    source_id: Text
    files: Annotated[tuple[str, ...], BeforeValidator(_inside_all)]
    format: Format | None = None
    timezone: Text | None = None
    columns: Annotated[Mapping[str, Texts], BeforeValidator(_mapping)]
    timestamp_format: Text | None = None
    keep: Annotated[Mapping[str, Texts], BeforeValidator(_mapping)] = {}
    defaults: Annotated[Mapping[str, Text], BeforeValidator(_mapping)] = {}
    people: DataPath | None = None
    places: DataPath | None = None
    email_case: Literal["reject", "correct"] = "reject"
    is_default: bool = False

    @property
    def reads_offsets(self) -> bool:
        """Whether `timestamp_format` reads an offset or a zone."""
        return "%z" in (self.timestamp_format or "").lower()

    @model_validator(mode="before")
    @classmethod
    def _source_id_is_the_name(cls, values: Any) -> Any:  # noqa: ANN401 - whatever the caller gave
        if isinstance(values, dict) and values.get("source_id") is None and "name" in values:
            return {**values, "source_id": values["name"]}
        return values

    @field_validator("format", mode="before")
    @classmethod
    def _known_format(cls, value: object) -> object:
        word = value.strip().lower() if isinstance(value, str) else value
        if word is not None and word not in {str(known) for known in Format}:
            raise ValueError(f"must be one of {', '.join(Format)}{nearest(str(word), Format)}")
        return word

    @field_validator("email_case", mode="before")
    @classmethod
    def _known_case(cls, value: object) -> object:
        if value not in {"reject", "correct"}:
            raise ValueError("must be `reject` or `correct`")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str | None) -> str | None:
        zones = zoneinfo.available_timezones()
        if value is not None and value not in zones:
            raise ValueError(f"{value!r} is no IANA time zone{nearest(value, zones)}, for example Europe/Athens")
        return value

    @field_validator("timestamp_format")
    @classmethod
    def _working_format(cls, value: str | None) -> str | None:
        if value is not None:
            _check_timestamp_format(value)
        return value

    @field_validator("columns", "defaults")
    @classmethod
    def _our_names(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        for ours in value:
            if ours not in OUR_COLUMNS:
                raise ValueError(f"{ours!r} is none of ours{nearest(ours, OUR_COLUMNS)}: {', '.join(OUR_COLUMNS)}")
        return value

    @model_validator(mode="after")
    def _can_give_presence(self) -> Self:
        given = {*self.columns, *self.defaults}
        for ours in NO_DEFAULTS & set(self.defaults):
            raise _KeyError(f"defaults.{ours}", "one value cannot serve all rows; name the column under `columns`")
        if self.timestamp_format and not self.reads_offsets and not self.timezone:
            raise _KeyError("timezone", "is needed: the `timestamp_format` reads no offset")
        if "timestamp" not in self.columns:
            raise _KeyError("columns.timestamp", "is missing; name the column that holds the time")
        if self.people and "source_user_id" not in self.columns:
            raise _KeyError("people", "needs `columns.source_user_id`, the column to look up in it")
        if self.places and "place" not in given:
            raise _KeyError("places", "needs `columns.place`, the column to look up in it")
        if not self.people and not given & {"user_id", "user_email"}:
            raise _KeyError("columns", "gives no user; add `user_id` or `user_email`, or a table under `people`")
        if not self.places and "location_id" not in given:
            key = "columns.place" if "place" in given else "columns"
            raise _KeyError(key, "gives no location; add `location_id`, or `place` with a table under `places`")
        return self


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


def profile_problem(profile: SourceProfile | str, key: str, problem: str) -> SourceProfileError:
    """The one line for a problem with one key of one source."""
    name = profile if isinstance(profile, str) else f"source {profile.name!r}"
    return SourceProfileError(f"{PROFILE_FILE}: {name}: `{key}` {problem}")


def _entries(content: object) -> list[object]:
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
    known = [field for field in SourceProfile.model_fields if field != "is_default"]
    for key in entry:
        if key not in known:
            raise profile_problem(label, key, f"is no key of a source{nearest(key, known)}; mend or remove it")
    for key in ("name", "files", "columns"):
        if key not in entry:
            raise profile_problem(label, key, "is missing; add it")
    given = {key: value for key, value in entry.items() if value is not None or key in {"name", "files", "columns"}}
    try:
        return SourceProfile(**given)
    except ValidationError as error:
        raise profile_problem(label, *_first_problem(error)) from error


def _first_problem(error: ValidationError) -> tuple[str, str]:
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, _KeyError):
        return cause.key, str(cause)
    key = ".".join(str(part) for part in first["loc"] if isinstance(part, str) and part != "[key]")
    return key, str(cause) if cause else f"cannot work: {first['msg']}"


def _refuse_doubled_names(profiles: Iterable[SourceProfile]) -> None:
    seen: set[str] = set()
    for profile in profiles:
        if profile.name.lower() in seen:
            raise profile_problem(profile, "name", "is used by two sources; give each its own")
        seen.add(profile.name.lower())


def _check_timestamp_format(text: str) -> None:
    """Refuse what DuckDB's strptime cannot read, and what gives no whole date."""
    query = (
        "select cast(try_strptime(strftime(timestamp '2001-02-13 14:05:06', $format), $format) as date)"
        " = date '2001-02-13'"
    )
    try:
        with duckdb.connect() as connection:
            found = connection.execute(query, {"format": text}).fetchone()
    except duckdb.Error as error:
        detail = str(error).splitlines()[0].rpartition(": ")[2]
        raise ValueError(f"{text!r} is no strptime format ({detail}); write it like '%d/%m/%Y %H:%M'") from error
    if found and found[0] is False:
        raise ValueError(f"{text!r} gives no whole date; write it like '%d/%m/%Y %H:%M'")


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
        header = read_header(path, (PEOPLE_KEY, PLACES_KEY))
    except (OSError, UnreadableTextError) as error:
        reason = getattr(error, "strerror", None) or error
        raise profile_problem(profile, key, f"{getattr(profile, key)} cannot be read: {reason}") from error
    return header.columns if header else ()
