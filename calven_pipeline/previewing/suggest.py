"""A source to start from: the ready profile whose columns a file has, else one guessed from names and values.

What may surprise: whatever cannot be known from the file stands in it as a comment that asks. What is printed loads as it
is, once the tables that it names are there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from calven_pipeline.exports.encodings import UnreadableTextError
from calven_pipeline.exports.profile_model import Format
from calven_pipeline.exports.ready import ready_names, ready_profile, ready_summary
from calven_pipeline.previewing.guesses import (
    PUT_DIRECTIONS,
    PUT_NETWORKS,
    OutcomeGuess,
    guess_address,
    guess_outcomes,
    guess_person,
    guess_place,
    seen_networks,
)
from calven_pipeline.previewing.heads import Head
from calven_pipeline.previewing.legible import legible
from calven_pipeline.previewing.samples import Sample
from calven_pipeline.previewing.times import formats_that_read, guess_time

DEFAULT_ZONE = "UTC"
LEAST_EXTRACTED = 0.3  # of the values that a ready profile without header takes something out of
LEAST_TIMES = 0.5
COMMENT_AT = 40
MOST_TOLD = 8  # values in a remark
LONGEST_LINE = 118
PLAIN = re.compile(r"[^\W\d][\w./-]*(?: [\w./-]+)*")
NO_PLAIN = re.compile(r"(?i)true|false|yes|no|on|off|null|y|n|none")
PLAIN_KEYS = ("header", "skip_lines")
TEXT_ENDINGS = {Format.CSV: ".csv", Format.JSONL: ".jsonl", Format.JSON: ".json", Format.PARQUET: ".parquet"}


@dataclass(frozen=True)
class Surroundings:
    """What is known besides the file: the zone of most of Calven's locations, tables and sources that are there.

    `below` is the file's path relative to the drop folder, None where it lies elsewhere.
    """

    zone: str | None = None
    tables: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    below: PurePosixPath | None = None


@dataclass(frozen=True)
class Line:
    """One key of the source with its value, and a comment."""

    key: str
    value: object
    comment: str = ""


@dataclass(frozen=True)
class Suggestion:
    """A source as lines; `ready` is the ready profile that it starts from, `remarks` are questions that stand above it."""

    name: str
    lines: tuple[Line, ...]
    ready: str | None = None
    remarks: tuple[str, ...] = field(default=())

    @property
    def keys(self) -> dict[str, object]:
        """The source as `sources.yaml` would hold it."""
        return {line.key: line.value for line in self.lines}


def suggest(sample: Sample, head: Head, surroundings: Surroundings, asked: str | None = None) -> Suggestion:
    """The best source for a file; from the ready profile that was asked for, if one was.

    Raises `UnreadableTextError` where there is nothing to guess from.
    """
    sample = _named_alone(sample)
    if not sample.columns or not sample.rows:
        raise UnreadableTextError("it holds no rows, so no source can be guessed")
    ready = asked or fitting_profile(sample)
    if ready is None and guess_time(sample) is None:
        where = f", on no sheet (it has {_listed(sample.sheets)})" if sample.sheets[1:] else ""
        raise UnreadableTextError(f"no column of it looks like a time{where}, so no source can be guessed")
    name = _free_name(ready or _slug(head.file_name), surroundings.sources)
    files = Line(
        "files", _files(name, head, surroundings), "" if surroundings.below else f"put them into exports/{name}/"
    )
    start = [Line("name", name)]
    remarks: list[str] = []
    if ready:
        start += [Line("profile", ready, f"see `calven-pipeline profiles {ready}`"), files]
        rest = _for_ready(ready, sample, surroundings)
    else:
        start += [files]
        rest, remarks = _guessed(sample, surroundings)
    text = _text_lines(sample, head, ready_profile(ready) if ready else {})
    return Suggestion(name, (*start, *text, *rest), ready, (*sample.doubts, *remarks))


def _named_alone(sample: Sample) -> Sample:
    """Without columns that have no name: no key could name them."""
    names = tuple(name for name in sample.columns if name)
    return replace(sample, columns=names, values={name: sample.values[name] for name in names})


def fitting_profile(sample: Sample) -> str | None:
    """The ready profile all of whose columns the file has, the most specific of them; None where there is none."""
    fits = [(len(wanted), name) for name in ready_names() if (wanted := _wanted(name)) and _fits(sample, name, wanted)]
    return max(fits, default=(0, None))[1]


def _wanted(name: str) -> set[str]:
    """Their columns that a ready profile names."""
    profile = ready_profile(name)
    columns = [theirs for value in _mapping(profile, "columns").values() for theirs in _texts(value)]
    return {*columns, *_mapping(profile, "granted")}


def _fits(sample: Sample, name: str, wanted: set[str]) -> bool:
    profile = ready_profile(name)
    has_header = profile.get("header") != "false"
    kind_fits = (sample.kind in {Format.JSON, Format.JSONL}) == (profile.get("format") in {"json", "jsonl"})
    if not kind_fits or not wanted <= set(sample.columns) or has_header != sample.dialect.header:
        return False
    times = [
        " ".join(row)
        for row in zip(*(sample.values[c] for c in _texts(_mapping(profile, "columns")["timestamp"])), strict=True)
    ]
    if formats_that_read([time for time in times if time])[1] < LEAST_TIMES:
        return False
    return has_header or all(
        _extracted(sample.filled(_texts(_mapping(profile, "columns")[ours])[0]), str(pattern)) >= LEAST_EXTRACTED
        for ours, pattern in _mapping(profile, "extract").items()
    )


def _extracted(values: Sequence[str], pattern: str) -> float:
    return sum(re.search(pattern, value) is not None for value in values) / len(values) if values else 0.0


def _for_ready(ready: str, sample: Sample, surroundings: Surroundings) -> list[Line]:
    profile = ready_profile(ready)
    columns = _mapping(profile, "columns")
    named = [sample.values.get(name, ()) for name in _texts(columns["timestamp"])]
    time = [" ".join(row).strip() for row in zip(*named, strict=False)]
    guess = guess_time(_only(sample, "time", time))
    has_zone = "timezone" in profile
    lines = _zones(surroundings, needs_zone=guess is None or guess.needs_zone, has_zone=has_zone)
    lines += _outcomes_to_name(profile, sample)
    if not {"user_email", "user_id"} & set(columns):
        lines.append(_table("people", "people.csv", ready, surroundings, "source_user_id,user_email"))
    if "location_id" not in columns:
        lines.append(_table("places", "places.csv", ready, surroundings, "source_place,location_id,location_type"))
    return lines


def _only(sample: Sample, name: str, values: Sequence[str]) -> Sample:
    return Sample(sample.kind, (name,), {name: tuple(values)})


def _outcomes_to_name(profile: Mapping[str, object], sample: Sample) -> list[Line]:
    """Networks, which only a company can name: those that were seen stand in the comment."""
    granted = {theirs: list(_texts(words)) for theirs, words in _mapping(profile, "granted").items()}
    named = next((theirs for theirs, words in granted.items() if words == [PUT_NETWORKS]), None)
    if named is None:
        return []
    return [
        Line("granted", granted, f"which networks are your company's? {_seen(seen_networks(sample, named))}".strip())
    ]


def _seen(values: Sequence[str]) -> str:
    return f"Seen: {_listed(values)}." if values else ""


def _listed(values: Sequence[str]) -> str:
    return ", ".join(map(_quoted, values[:MOST_TOLD])) + (", ..." if values[MOST_TOLD:] else "")


def _guessed(sample: Sample, surroundings: Surroundings) -> tuple[list[Line], list[str]]:
    """A source without any ready profile."""
    remarks = ["Guessed from names and values of the first rows: check each line."]
    columns: dict[str, object] = {}
    time = guess_time(sample)
    if time:
        columns["timestamp"] = _one_or_list(time.columns)
        remarks += [time.question] if time.question else []
    taken = {theirs for value in columns.values() for theirs in _texts(value)}
    people, doubts = _person(sample, taken, columns, surroundings)
    place, more = _place(sample, {*taken, *_named(columns)}, columns, surroundings)
    outcomes, open_ = _outcome_lines(guess_outcomes(sample, taken, _named(columns)))
    is_utc = time is not None and time.needs_zone and any(re.search("utc|gmt", name, re.I) for name in time.columns)
    lines = [Line("timezone", "UTC", "as the name of the column says")] if is_utc else []
    lines += _zones(surroundings, needs_zone=time is None or time.needs_zone, has_zone=is_utc)
    lines.append(Line("columns", columns))
    if time and time.formats:
        lines.append(Line("timestamp_format", _one_or_list(time.formats)))
    return [*lines, *outcomes, *people, *place], [*remarks, *doubts, *more, *open_]


def _person(
    sample: Sample, taken: Iterable[str], columns: dict[str, object], surroundings: Surroundings
) -> tuple[list[Line], list[str]]:
    address = guess_address(sample)
    if address:
        columns["user_email"] = address
        return [], []
    names, is_good = guess_person(sample, taken)
    if not names:
        free = [name for name in sample.columns if name not in set(taken)]
        names = (max(free, key=lambda name: _distinct_numbers(sample.filled(name)), default="source_user_id"),)
    columns["source_user_id"] = _one_or_list(names)
    doubts = [] if is_good else [f"No column is sure to name the person: is it {' and '.join(names)}?"]
    return [_table("people", "people.csv", "", surroundings, "source_user_id,user_email")], doubts


def _distinct_numbers(values: Sequence[str]) -> tuple[int, int]:
    return len({value for value in values if re.search(r"\d", value)}), len(set(values))


def _place(
    sample: Sample, taken: Iterable[str], columns: dict[str, object], surroundings: Surroundings
) -> tuple[list[Line], list[str]]:
    names = guess_place(sample, taken)
    if not names:
        line = Line("defaults", {"location_id": "put-the-id-here", "location_type": "location"})
        return [line], [
            "No column looks like a place: name one under `columns.place`, or the location's id under `defaults`."
        ]
    columns["place"] = _one_or_list(names)
    return [_table("places", "places.csv", "", surroundings, "source_place,location_id,location_type")], []


def _outcome_lines(guesses: Sequence[OutcomeGuess]) -> tuple[list[Line], list[str]]:
    if not guesses:
        return [], ["No column says whether a door opened: every row would be presence, a denied access too."]
    lines = [Line("granted", {guess.column: list(guess.granted or [guess.to_put]) for guess in guesses})]
    ignored = {guess.column: list(guess.ignored) for guess in guesses if guess.ignored}
    remarks = [remark for guess in guesses if (remark := _open_question(guess))]
    if {guess.to_put for guess in guesses} == {PUT_DIRECTIONS}:
        remarks.append("No column says whether a door opened: a denied access would be presence too.")
    return [*lines, *([Line("ignored", ignored)] if ignored else [])], remarks


def _open_question(guess: OutcomeGuess) -> str | None:
    """What a person is to decide about a column, None where all is told."""
    if guess.to_put == PUT_NETWORKS:
        return f"Which networks of {guess.column} are your company's? {_seen(guess.open)} Until it is named, every row is set aside."
    if not guess.granted:
        found = f"says {_listed(guess.open)}" if guess.open else "says more than can be listed"
        return (
            f"{guess.column} {found}: which of it is presence? Write it under `granted`, all else under `ignored`. "
            "Until then every row is set aside."
        )
    if not guess.open:
        return None
    if guess.open == ("",):
        return (
            f'{guess.column} is empty in some rows: write "" under `granted` if that is presence, else under `ignored`. '
            "Until then they are set aside, where no other column says that they are ignored."
        )
    return (
        f"{guess.column} also says {_listed(guess.open)}: list what is presence under `granted`, all else under `ignored`. "
        "Until then these rows are set aside."
    )


def _zones(surroundings: Surroundings, *, needs_zone: bool, has_zone: bool) -> list[Line]:
    zone = surroundings.zone or DEFAULT_ZONE
    told = "as Calven's locations: " if surroundings.zone else ""
    if needs_zone and not has_zone:
        return [Line("timezone", zone, f"{told}is this the time of the doors' clocks?")]
    if zone == DEFAULT_ZONE:
        return []
    return [Line("local_timezone", zone, f"{told}is this the zone of the doors?")]


def _table(key: str, file: str, folder: str, surroundings: Surroundings, columns: str) -> Line:
    own = f"{folder}/{file}"
    name = own if folder and own in surroundings.tables else file
    return Line(key, name, "" if name in surroundings.tables else f"to be made: {columns}")


def _text_lines(sample: Sample, head: Head, ready: Mapping[str, object]) -> list[Line]:
    """What a profile must state of the text, where the ready profile does not."""
    dialect, lines = sample.dialect, []
    told = TEXT_ENDINGS.get(sample.kind)
    stated = ready.get("format")
    by_ending = {
        ".txt": Format.CSV,
        ".tsv": Format.CSV,
        ".ndjson": Format.JSONL,
        ".xlsm": Format.XLSX,
        ".xlsx": Format.XLSX,
    }
    ending = PurePosixPath(head.name).suffix.lower()
    is_told = ending == told or by_ending.get(ending) == sample.kind
    if (stated and stated != sample.kind) or (not stated and not is_told):
        lines.append(Line("format", str(sample.kind)))
    if dialect.encoding:
        lines.append(Line("encoding", dialect.encoding))
    if dialect.delimiter:
        lines.append(Line("delimiter", dialect.delimiter))
    if not dialect.header and ready.get("header") != "false":
        lines.append(Line("header", "false", "columns are named by position"))
    if dialect.sheet:
        lines.append(Line("sheet", dialect.sheet, "the first one with times"))
    if dialect.skip_lines:
        lines.append(Line("skip_lines", str(dialect.skip_lines), "lines above the header"))
    if dialect.records != ready.get("records"):
        lines.append(Line("records", dialect.records))
    return lines


# Names


def _files(name: str, head: Head, surroundings: Surroundings) -> str:
    below = surroundings.below
    member = PurePosixPath(head.name)
    ending = _ending(below) if below else member.suffix or ".csv"
    if below and len(below.parts) > 1:
        return f"{_literal(str(below.parent))}/*{ending}"
    if below:
        return f"{_literal(_undated(below.name.removesuffix(ending)))}*{ending}"
    return f"{name}/*{_ending(PurePosixPath(head.file_name))}"


def _ending(path: PurePosixPath) -> str:
    suffixes = path.suffixes
    packed = len(suffixes) > 1 and suffixes[-1].lower() in {".gz", ".gzip"}
    return "".join(suffixes[-2:]) if packed else path.suffix


def _literal(text: str) -> str:
    return re.sub(r"[*?[]", "?", text)


def _undated(stem: str) -> str:
    """`badges-2026-11-02` without what changes from day to day."""
    return re.split(r"[-_ .]?\d", stem, maxsplit=1)[0]


def _slug(name: str) -> str:
    stem = _undated(PurePosixPath(name).name.partition(".")[0]).lower()
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "exports"


def _free_name(name: str, taken: Iterable[str]) -> str:
    known = {source.lower() for source in taken}
    numbered = (f"{name}-{number}" for number in range(2, len(known) + 3))
    return next(free for free in (name, *numbered) if free not in known)


# YAML


def as_yaml(suggestion: Suggestion, *, is_entry: bool = False, indent: str = "  ") -> str:
    """The source as text, comments included; only an entry of a list under `sources:` where `is_entry`."""
    above = [
        f"{indent}# {line}"
        for remark in (*([f"{ready_summary(suggestion.ready)}."] if suggestion.ready else []), *suggestion.remarks)
        for line in _wrapped(remark, LONGEST_LINE - len(indent) - 2)
    ]
    body: list[str] = []
    for line in suggestion.lines:
        body += _written(line)
    first, *rest = body
    lines = [*above, f"{indent}- {first}", *(f"{indent}  {line}" if line else "" for line in rest)]
    return "\n".join(lines if is_entry else ["sources:", *lines]) + "\n"


def _written(line: Line) -> list[str]:
    if isinstance(line.value, Mapping):
        inner = [text for key, value in line.value.items() for text in _entry(str(key), value, "  ")]
        return [*_commented(f"{line.key}:", line.comment), *inner]
    return _entry(line.key, line.value, "", line.comment)


def _entry(key: str, value: object, indent: str, comment: str = "") -> list[str]:
    start = f"{indent}{_scalar(key)}: "
    if isinstance(value, str):
        return _commented(start + (value if key in PLAIN_KEYS else _scalar(value)), comment)
    flow = start + "[" + ", ".join(map(_scalar, _texts(value))) + "]"
    if len(flow) <= LONGEST_LINE - len(indent) - COMMENT_AT // 2:
        return _commented(flow, comment)
    return [*_commented(start.rstrip(), comment), *(f"{indent}  - {_scalar(item)}" for item in _texts(value))]


def _commented(text: str, comment: str) -> list[str]:
    if not comment:
        return [text]
    if len(text) < COMMENT_AT and len(comment) < LONGEST_LINE - COMMENT_AT - 8:
        return [f"{text:<{COMMENT_AT - 4}}# {legible(comment)}"]
    return [*(f"# {line}" for line in _wrapped(comment, LONGEST_LINE - 8)), text]


def _scalar(text: str) -> str:
    """The text in YAML, quoted where it would be anything else."""
    if PLAIN.fullmatch(text) and not NO_PLAIN.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(legible(text), width, break_long_words=False, break_on_hyphens=False)


def _mapping(profile: Mapping[str, object], key: str) -> dict[str, object]:
    value = profile.get(key)
    return dict(value) if isinstance(value, Mapping) else {}


def _texts(value: object) -> tuple[str, ...]:
    return (
        (value,)
        if isinstance(value, str)
        else tuple(str(item) for item in value)
        if isinstance(value, Iterable)
        else ()
    )


def _one_or_list(names: Sequence[str]) -> object:
    return names[0] if len(names) == 1 else list(names)


def _named(columns: Mapping[str, object]) -> set[str]:
    return {theirs for value in columns.values() for theirs in _texts(value)}
