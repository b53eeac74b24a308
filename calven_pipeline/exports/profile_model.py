"""A source profile as typed keys, and which of them go together.

What may surprise: what one value may be is said in `profile_values`, and what a table of people or places must hold is
looked at when `sources.yaml` is loaded; here stands what a profile can promise by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, field_validator, model_validator

from calven_pipeline.exports.dialect import Dialect
from calven_pipeline.exports.profile_values import (
    LOCATION_TYPES,
    MAPPING,
    TIME_WORDS,
    DataPath,
    Delimiter,
    Encoding,
    Files,
    Formats,
    LineCount,
    Pattern,
    Quote,
    Steps,
    Text,
    Texts,
    Words,
    YesOrNo,
    Zone,
    nearest,
    one_of,
)
from calven_pipeline.exports.yaml_text import line_of

OUR_COLUMNS = (
    "timestamp",
    "utc_offset",
    "event_id",
    "source_user_id",
    "user_id",
    "user_email",
    "location_id",
    "location_type",
    "place",
)
NO_DEFAULTS = frozenset({"timestamp", "event_id"})  # one value for all rows would make them one event
NORMALIZED = ("source_user_id", "user_id", "user_email", "place", "location_id", "event_id")


class Format(StrEnum):
    """How the rows stand in a file."""

    CSV = "csv"
    JSONL = "jsonl"
    JSON = "json"
    PARQUET = "parquet"
    XLSX = "xlsx"


ENDINGS = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".txt": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSON,
    ".parquet": Format.PARQUET,
    ".xlsx": Format.XLSX,
    ".xlsm": Format.XLSX,
}
PACKED = frozenset({".gz", ".gzip"})
FORMATS_OF_KEYS = {
    "encoding": (Format.CSV, Format.JSONL, Format.JSON),
    "delimiter": (Format.CSV,),
    "quote": (Format.CSV,),
    "header": (Format.CSV, Format.XLSX),
    "skip_lines": (Format.CSV, Format.XLSX),
    "sheet": (Format.XLSX,),
    "records": (Format.JSON,),
}


class ProfileKeyError(ValueError):
    """What is wrong with one key of a profile."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


class Fallback(BaseModel):
    """Where a row happened whose door is missing or in no places table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    location_id: Text
    location_type: Text

    @field_validator("location_type", mode="before")
    @classmethod
    def _known_type(cls, value: object) -> str:
        return one_of(value, LOCATION_TYPES)


@dataclass(frozen=True)
class Written:
    """Where a profile's keys stand, for messages: the source as YAML, and the ready profile it starts from."""

    entry: object = None
    ready: str | None = None

    def where(self, key: str) -> str:
        """` (line 12)`, ` (in the ready profile kisi)`, or nothing where we do not know."""
        name, _, inner = key.partition(".")
        value = self.entry.get(name) if isinstance(self.entry, dict) else None
        line = line_of(value, inner)
        if line is None and not (self.ready and inner):
            line = line_of(self.entry, name)
        if line is not None:
            return f" (line {line})"
        return f" (in the ready profile {self.ready})" if self.ready else ""


class SourceProfile(BaseModel):
    """How to find and read the exports of one source.

    `columns` leads from our names to theirs; several of theirs are joined, the timestamp's with a space, others with "/".
    All other keys are as in `sources.yaml`. `people` and `places` are relative to the data folder. None means for
    `format`: by each file's ending, for `timestamp_format`: ISO 8601, for `encoding`, `delimiter` and `quote`: as the file
    itself tells. In the default source (`is_default`) every column but the timestamp may be missing from a file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    source_id: Text
    files: Files
    format: Format | None = None
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    quote: Quote | None = None
    header: YesOrNo = True
    skip_lines: LineCount = 0
    sheet: Text | None = None
    records: Text | None = None
    timezone: Zone | None = None
    local_timezone: Zone | None = None
    columns: Annotated[Mapping[str, Texts], MAPPING]
    timestamp_format: Formats | None = None
    extract: Annotated[Mapping[str, Pattern], MAPPING] = {}
    normalize: Annotated[Mapping[str, Steps], MAPPING] = {}
    keep: Annotated[Mapping[str, Texts], MAPPING] = {}
    granted: Annotated[Mapping[str, Words], MAPPING] = {}
    ignored: Annotated[Mapping[str, Words], MAPPING] = {}
    collapse: Literal["daily"] | None = None
    defaults: Annotated[Mapping[str, Text], MAPPING] = {}
    people: DataPath | None = None
    places: DataPath | None = None
    fallback: Fallback | None = None
    email_case: Literal["reject", "correct"] = "reject"
    is_default: bool = False
    _written: Written = PrivateAttr(default_factory=Written)

    @property
    def dialect(self) -> Dialect:
        """How the text of the files is written, as far as the profile states it."""
        return Dialect(
            self.encoding, self.delimiter, self.quote, self.header, self.skip_lines, self.sheet, self.records
        )

    @property
    def timestamp_formats(self) -> tuple[str, ...]:
        """The formats to try in order; none where times are ISO 8601."""
        return self.timestamp_format or ()

    @property
    def has_offsets(self) -> bool:
        """Whether the offset of a time without one has a column (or a default) of its own."""
        return "utc_offset" in self.columns or "utc_offset" in self.defaults

    @model_validator(mode="before")
    @classmethod
    def _source_id_is_the_name(cls, values: Any) -> Any:  # noqa: ANN401 - whatever the caller gave
        if isinstance(values, dict) and values.get("source_id") is None and "name" in values:
            return {**values, "source_id": values["name"]}
        return values

    @field_validator("format", mode="before")
    @classmethod
    def _known_format(cls, value: object) -> object:
        return value if value is None else one_of(value, Format)

    @field_validator("email_case", mode="before")
    @classmethod
    def _known_case(cls, value: object) -> object:
        if value not in {"reject", "correct"}:
            raise ValueError("must be `reject` or `correct`")
        return value

    @field_validator("collapse", mode="before")
    @classmethod
    def _known_collapse(cls, value: object) -> object:
        if value not in {"daily", "none", None}:
            raise ValueError("must be `daily` or `none`")
        return None if value == "none" else value

    @field_validator("columns", "defaults", "extract")
    @classmethod
    def _our_names(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        return _refuse_others(value, OUR_COLUMNS, "none of ours")

    @field_validator("normalize")
    @classmethod
    def _normalized_names(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        return _refuse_others(value, NORMALIZED, "nothing to normalise")

    @model_validator(mode="after")
    def _can_give_presence(self) -> Self:
        given = {*self.columns, *self.defaults}
        for ours in NO_DEFAULTS & set(self.defaults):
            raise ProfileKeyError(
                f"defaults.{ours}", "one value cannot serve all rows; name the column under `columns`"
            )
        if self._needs_a_zone() and not self.timezone and not self.has_offsets:
            raise ProfileKeyError("timezone", "is needed: the `timestamp_format` reads no offset")
        if "timestamp" not in self.columns:
            raise ProfileKeyError("columns.timestamp", "is missing; name the column that holds the time")
        if self.people and "source_user_id" not in self.columns:
            raise ProfileKeyError("people", "needs `columns.source_user_id`, the column to look up in it")
        if self.places and "place" not in given:
            raise ProfileKeyError("places", "needs `columns.place`, the column to look up in it")
        if not self.people and not given & {"user_id", "user_email"}:
            raise ProfileKeyError("columns", "gives no user; add `user_id` or `user_email`, or a table under `people`")
        if not self.places and not self.fallback and "location_id" not in given:
            key = "columns.place" if "place" in given else "columns"
            raise ProfileKeyError(key, "gives no location; add `location_id`, or `place` with a table under `places`")
        return self

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Self:
        for ours in self.extract:
            if ours not in self.columns:
                raise ProfileKeyError(f"extract.{ours}", f"needs `columns.{ours}`, the column to take it from")
        for ours in self.normalize:
            if ours not in {*self.columns, *self.defaults}:
                raise ProfileKeyError(f"normalize.{ours}", f"needs `columns.{ours}`, the column to normalise")
        _check_outcomes(self.granted, self.ignored)
        _check_format_keys(self)
        if not self.header:
            _check_positions(self)
        return self

    def _needs_a_zone(self) -> bool:
        return any(format_ not in TIME_WORDS and not reads_offset(format_) for format_ in self.timestamp_formats)


def reads_offset(format_: str) -> bool:
    """Whether a format reads an offset or a zone with the time."""
    return "%z" in format_.lower()


def named_columns(profile: SourceProfile) -> list[tuple[str, str]]:
    """Each key of the profile that names a column of theirs, and that column."""
    named = [(f"columns.{ours}", theirs) for ours, names in profile.columns.items() for theirs in names]
    for key in ("keep", "granted", "ignored"):
        named += [(f"{key}.{theirs}", theirs) for theirs in getattr(profile, key)]
    return named


def _refuse_others(value: Mapping[str, Any], known: tuple[str, ...], problem: str) -> Mapping[str, Any]:
    for ours in value:
        if ours not in known:
            raise ValueError(f"{ours!r} is {problem}{nearest(ours, known)}: {', '.join(known)}")
    return value


def _check_outcomes(granted: Mapping[str, tuple[str, ...]], ignored: Mapping[str, tuple[str, ...]]) -> None:
    for theirs, entries in ignored.items():
        if theirs not in granted:
            advice = f'add `granted: {{{theirs}: ["*"]}}` where any other value is presence'
            raise ProfileKeyError(f"ignored.{theirs}", f"needs `granted.{theirs}` beside it; {advice}")
        yes = {entry.lower() for entry in granted[theirs]}
        for entry in entries:
            if entry.lower() in yes:
                raise ProfileKeyError(f"ignored.{theirs}", f"names {entry!r}, as `granted.{theirs}` does; remove one")


def _check_format_keys(profile: SourceProfile) -> None:
    formats = _formats(profile)
    for key, fitting in FORMATS_OF_KEYS.items():
        is_given = getattr(profile, key) != SourceProfile.model_fields[key].default
        if is_given and formats and not formats & set(fitting):
            raise ProfileKeyError(
                key, f"is for {' and '.join(fitting)}; these files are {' and '.join(sorted(formats))}"
            )
    if profile.delimiter and profile.quote and profile.quote in profile.delimiter:
        raise ProfileKeyError("quote", "is part of the `delimiter`; one of the two must be another")


def _formats(profile: SourceProfile) -> set[Format]:
    """What the files can be: the `format`, or what the endings of all patterns tell, else nothing."""
    if profile.format:
        return {profile.format}
    paths = [PurePosixPath(pattern.lower()) for pattern in profile.files]
    paths = [path.with_suffix("") if path.suffix in PACKED else path for path in paths]
    return {ENDINGS[path.suffix] for path in paths} if all(path.suffix in ENDINGS for path in paths) else set()


def _check_positions(profile: SourceProfile) -> None:
    for key, theirs in named_columns(profile):
        if not (theirs.isascii() and theirs.isdigit() and not theirs.startswith("0")):
            raise ProfileKeyError(
                key, f"names {theirs!r}; with `header: false` columns are named by position: 1, 2, 3 ..."
            )
