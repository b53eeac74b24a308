"""A preview on the terminal: what the file is, how it was read, what would become of its rows, and what to do next.

What may surprise: words alone carry the meaning, colours only repeat it. So it reads the same in a file or a pipe. Whatever comes
from the file passes `legible`, or it could move the cursor.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, time
from pathlib import Path
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from calven_pipeline.exports.profile_model import SourceProfile
from calven_pipeline.previewing.legible import legible
from calven_pipeline.previewing.previews import Finding, Preview, Reason, Row
from calven_pipeline.previewing.sheets import sheet_of
from calven_pipeline.previewing.times import clock_columns
from calven_pipeline.validation.advice import WHAT_TO_DO

WIDTH = 100  # where nobody sees it at once
NARROW = 70  # below it no UTC and no examples, and a row's time, person and place stand below each other
SECONDS = "%Y-%m-%d %H:%M:%S"
LONGEST_TEXT = 120
LONGEST_CELL = 60
LONGEST_OUTCOME = 16
MOST_UNUSED = 12
ODD_SHARE = 0.1  # of the rows: where so few fail, it is they that are odd
COLOURS = {"pending": "green", "rejected": "red", "duplicate": "cyan", "ignored": "dim", "malformed": "red"}
MEANINGS = {
    "pending": "valid: would be sent",
    "ignored": "no presence, as the profile says",
    "duplicate": "the same event stands above in this file, or came in an earlier one",
    "rejected": "set aside until it heals; never sent as it is",
}
HEALS = WHAT_TO_DO | {  # while a profile is being written, the reason may lie in the profile
    "malformed_row": "mend the line, or state `delimiter`, `quote` or `encoding`",
    "missing_timestamp": "is `columns.timestamp` the right column?",
    "invalid_timestamp": "state `timestamp_format`; without an offset, `timezone` too",
    "future_timestamp": "check `timezone`, and which of day and month comes first",
    "missing_user": "no presence without a person; is it the right column?",
    "unmapped_person": "add a line to {people}",
    "missing_location": "name `columns.place`, or a `fallback`",
    "unmapped_place": "add a line to {places}, or a `fallback`",
}


def show(console: Console, preview: Preview, data_dir: Path) -> None:
    """Print a preview."""
    _show_file(console, preview)
    _show_columns(console, preview)
    if preview.problem is None:
        _show_rows(console, preview)
        _show_outcomes(console, preview)
        _show_reasons(console, preview)
        _show_malformed(console, preview)
    _show_next(console, preview, data_dir)


def _show_file(console: Console, preview: Preview) -> None:
    head, sample = preview.head, preview.sample
    facts = [_size(head.size_bytes), str(head.kind)]
    if sample and sample.encoding:
        facts.append(preview.profile.encoding or sample.encoding)
    if sample and sample.delimiter:
        facts.append(f"separator {_separator(preview.profile.delimiter or sample.delimiter)}")
    if sample and sample.sheets[1:]:
        facts.append(f"sheet {legible(sheet_of(sample))}")
    if preview.problem is None:
        facts.append(_rows_text(preview.row_count))
    console.print(Text.assemble((legible(head.name), "bold"), "  ", (" · ".join(facts), "dim")))
    console.print(Text.assemble("source ", (preview.profile.name, "bold"), (f" · {preview.chosen.how}", "dim")))
    for note in _notes(preview):
        console.print(Text.assemble(("! ", "yellow"), legible(note)))
    console.print()


def _notes(preview: Preview) -> Iterator[str]:
    head = preview.head
    if head.members > 1:
        yield f"The archive holds {head.members} files; this is the first by name."
    if not head.is_whole:
        yield "The file is long: this is its head, cut at a line end. Counts are of the head alone."
    if preview.problem and preview.sample and preview.sample.sheets[1:]:
        sheets = ", ".join(preview.sample.sheets[:MOST_UNUSED])
        yield f"The workbook has the sheets {sheets}: does `sheet` name the right one? Unstated, it is the first."
    for name in preview.chosen.missing_tables:
        yield f"{name} is not there yet, so nobody and nothing is mapped by it."
    if preview.problem is None and preview.pulled_at is None:
        yield "People and places cannot be checked yet: there is no calven.duckdb. Whatever is named counts as known."
    elif preview.pulled_at and not preview.knows_people:
        yield f"Places are those of {preview.pulled_at:%Y-%m-%d %H:%M} UTC, the last pull."
        yield (
            "People cannot be checked: CALVEN_SNAPSHOT_PEOPLE=keys leaves addresses out of calven.duckdb. Whoever is named counts as "
            "known, and events that earlier files held are recognised only by ids of the export's own."
        )
    elif preview.pulled_at:
        yield f"People and places are those of {preview.pulled_at:%Y-%m-%d %H:%M} UTC, the last pull."
    if preview.known_events:
        yield f"{_rows_text(preview.known_events)} hold events that earlier files held: they would be `duplicate`."
    yield from _doubtful_times(preview)
    asked = preview.chosen.suggestion.remarks if preview.chosen.suggestion else ()
    yield from dict.fromkeys((*(preview.sample.doubts if preview.sample else ()), *asked))


def _doubtful_times(preview: Preview) -> Iterator[str]:
    """A time of day that was left behind gives no error: all events are at midnight then."""
    is_guess = preview.chosen.suggestion is not None and preview.chosen.suggestion.ready is None
    zone = ZoneInfo(preview.profile.timezone or "UTC")
    instants = [row.occurred_at.replace(tzinfo=UTC) for row in preview.rows if row.occurred_at]
    if instants and all(instant.astimezone(zone).time() == time() for instant in instants) and not is_guess:
        yield "All times shown are midnight: does another column tell the time of day?"
    unused = {use.name for use in preview.columns if not use.keys}
    for name in clock_columns(preview.sample) if preview.sample else ():
        if name in unused:
            yield f"{name} looks like a time of day, but is not used."


def _show_columns(console: Console, preview: Preview) -> None:
    table = _table("Columns")
    table.add_column("in the file", overflow="fold", max_width=44)
    table.add_column("becomes", overflow="fold")
    is_narrow = console.width < NARROW
    if not is_narrow:
        table.add_column("for example", style="dim", no_wrap=True, overflow="ellipsis", max_width=40)
    for use in preview.columns:
        if use.keys and use.is_there:
            example = () if is_narrow else (_cell(_example(preview, use.name)),)
            table.add_row(_cell(use.name), Text(_becomes(use.keys)), *example)
    for use in preview.columns:
        if not use.is_there:
            near = f"; did you mean {legible(use.near)}?" if use.near else ""
            where = "MISSING" if preview.problem else "not in the first rows"
            wanted = f"wanted by {', '.join(use.keys)}{near}"
            table.add_row(Text(f"{legible(use.name)}  {where}", "red"), Text(wanted, "red"))
    console.print(table)
    unused = [use.name for use in preview.columns if not use.keys]
    if unused:
        named = ", ".join(legible(name, LONGEST_CELL) for name in unused[:MOST_UNUSED])
        others = f" and {len(unused) - MOST_UNUSED} others" if unused[MOST_UNUSED:] else ""
        console.print(Padding(Text(f"not used: {named}{others}", "dim"), (0, 0, 1, 2), expand=False))


def _becomes(keys: tuple[str, ...]) -> str:
    """`timestamp`, `outcome (granted, ignored)`."""
    ours = [key.partition(".")[2] for key in keys if key.startswith("columns.")]
    lists = [key.partition(".")[0] for key in keys if not key.startswith("columns.")]
    return ", ".join([*ours, *([f"outcome ({', '.join(dict.fromkeys(lists))})"] if lists else [])])


def _example(preview: Preview, name: str) -> str:
    return next(iter(preview.sample.filled(name)), "") if preview.sample else ""


def _show_rows(console: Console, preview: Preview) -> None:
    if not preview.rows:
        return
    zone = f", in {preview.zone or 'UTC'}"
    shown = f"The first {len(preview.rows)} of {_rows_text(preview.row_count)}"
    table = _table(f"{shown if preview.row_count > len(preview.rows) else 'All rows'}{zone}")
    table.add_column("row", justify="right", no_wrap=True)
    is_narrow = console.width < NARROW
    if is_narrow:
        table.add_column("time, person, place", overflow="fold")
    else:
        table.add_column("time", no_wrap=True)
        table.add_column("person", overflow="fold", ratio=6)
        table.add_column("place", overflow="fold", ratio=4)
    table.add_column("outcome", overflow="fold", min_width=LONGEST_OUTCOME, ratio=None if is_narrow else 3)
    for row in preview.rows:
        number, *parts, outcome = _cells(row, None if is_narrow else preview.zone)
        table.add_row(number, *([Text("\n").join(filter(None, parts))] if is_narrow else parts), outcome)
    console.print(table)


def _cells(row: Row, zone: str | None) -> list[Text]:
    outcome = Text(row.outcome, COLOURS.get(row.outcome, ""))
    if row.reasons:
        outcome.append(f"\n{row.reasons[0]}")
    number = Text(str(row.number))
    if row.malformed is not None:
        line = Text(f"line {row.line}" if row.line else "", "dim")
        return [number, line, _cell(row.malformed.partition("\n")[0], "dim"), Text(""), outcome]
    return [number, _times(row, zone), _mapped(row.person, row.user_email), _mapped(row.place, row.location), outcome]


def _cell(text: str, style: str = "") -> Text:
    """A value of the file in a table."""
    return Text(legible(text, LONGEST_CELL), style)


def _times(row: Row, zone: str | None) -> Text:
    """The local time, and below it UTC where a zone is given: its clock alone where the day is the same."""
    if row.occurred_at is None:
        return _cell(row.timestamp_text or "", "red")
    if zone is None or row.local_time is None or row.local_time == row.occurred_at:
        return Text(f"{row.local_time or row.occurred_at:{SECONDS}}")
    same_day = row.occurred_at.date() == row.local_time.date()
    utc = f"{row.occurred_at:%H:%M:%S} UTC" if same_day else f"{row.occurred_at:%m-%d %H:%M:%S} UTC"
    return Text.assemble(f"{row.local_time:{SECONDS}}\n", (f"{utc:>19}", "dim"))


def _mapped(theirs: str | None, ours: str | None) -> Text:
    """What the file says, and below it what Calven calls it."""
    if theirs is None or ours is None or ours == theirs:
        return _cell(theirs or ours or "")
    return Text.assemble(_cell(theirs), ("\n→", "dim"), _cell(ours))  # a space would let the arrow stand alone


def _show_outcomes(console: Console, preview: Preview) -> None:
    table = _table("What would become of them")
    table.add_column("outcome", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("meaning", style="dim")
    for outcome, meaning in MEANINGS.items():
        count = preview.outcomes.get(outcome, 0)
        collapsed = f"; {preview.collapsed} of them by `collapse`" if outcome == "ignored" and preview.collapsed else ""
        if count:
            table.add_row(Text(outcome, COLOURS[outcome]), f"{count:,}", f"{meaning}{collapsed}")
    if not preview.row_count:
        table.add_row("", "0", "the file holds no rows")
    console.print(table)


def _show_reasons(console: Console, preview: Preview) -> None:
    if not preview.reasons:
        return
    table = _table("Why rows would be rejected")
    table.add_column("reason, and what heals it", overflow="fold", ratio=5)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("found", overflow="fold", ratio=6)
    for reason in preview.reasons:
        what = Text.assemble((reason.name, "red"), "\n", (heal(reason.name, preview.profile), "dim"))
        found = [_finding(finding) for finding in reason.findings]
        if reason.others:
            found.append(Text(f"and {reason.others} others", "dim"))
        table.add_row(what, f"{reason.rows:,}", Text("\n").join(found))
    console.print(table)


def _finding(finding: Finding) -> Text:
    many = f", {_rows_text(finding.rows)}" if finding.rows > 1 else ""
    text = Text.assemble((f"{_where(finding)}{many}: ", "dim"), legible(finding.detail, LONGEST_TEXT))
    if finding.suggestion:
        text.append(f"\nwould pass: {legible(finding.suggestion, LONGEST_TEXT)}", "green")
    return text


def heal(reason: str, profile: SourceProfile) -> str:
    """What to do about a reason, with the names of the profile's tables."""
    return HEALS.get(reason, "").format(
        people=profile.people or "a `people` table", places=profile.places or "a `places` table"
    )


def _show_malformed(console: Console, preview: Preview) -> None:
    if not preview.malformed:
        return
    table = _table("Malformed lines")
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("row", justify="right", no_wrap=True)
    table.add_column("text", overflow="fold")
    for number, line, text in preview.malformed:
        table.add_row(str(line or "?"), str(number), Text(legible(text, LONGEST_TEXT)))
    console.print(table)


def _show_next(console: Console, preview: Preview, data_dir: Path) -> None:
    console.print("Next", style="bold")
    for number, step in enumerate(_steps(preview, data_dir), start=1):
        console.print(Padding(Text(f"{number}. {legible(step)}"), (0, 0, 0, 2), expand=False))


def _steps(preview: Preview, data_dir: Path) -> Iterator[str]:
    profiles = data_dir / "sources.yaml"
    by_name = {reason.name: reason for reason in preview.reasons}
    suggestion = preview.chosen.suggestion
    if suggestion:
        file = shlex.quote(str(preview.file))
        yield f"Keep this source: uv run calven-pipeline preview {file} --suggest >> {shlex.quote(str(profiles))}"
    elif preview.problem:
        yield f"Mend source {preview.profile.name!r} in {profiles}."
    if preview.pulled_at is None and not preview.problem:
        yield "Pull people and places: uv run dg launch --job refresh_reference"
    yield from (step for name, step in _reason_steps(preview, profiles).items() if name in by_name)
    if preview.problem or by_name or suggestion:
        yield "Look again with the same command."
    if preview.outcomes.get("pending") and not suggestion:
        drop = "" if preview.is_dropped else f"Put the file into exports/ ({', '.join(preview.chosen.profile.files)}). "
        yield f"{drop}Rehearse: set CALVEN_PUBLISH=dry-run in .env, then uv run dg launch --job presence_pipeline"


def _reason_steps(preview: Preview, profiles: Path) -> Mapping[str, str]:
    profile, counts = preview.profile, {reason.name: _kinds(reason) for reason in preview.reasons}
    return {
        "unlisted_outcome": f"List {_count(counts, 'unlisted_outcome', 'outcome')} under `granted` or `ignored` in {profiles}.",
        "unmapped_person": f"Add {_count(counts, 'unmapped_person', 'person')} to {profile.people or 'a `people` table'}.",
        "unmapped_place": f"Add {_count(counts, 'unmapped_place', 'place')} to {profile.places or 'a `places` table'}; "
        "`*` in a key stands for any text.",
        "invalid_timestamp": _step_for_times(preview),
        "malformed_row": "Look at the malformed lines in the file itself.",
    }


def _step_for_times(preview: Preview) -> str:
    found = next((reason for reason in preview.reasons if reason.name == "invalid_timestamp"), None)
    if found is None or found.rows > ODD_SHARE * preview.row_count:
        return f"Check `timestamp_format` and `timezone` of source {preview.profile.name!r}."
    where = ", ".join(map(_where, found.findings))
    return f"Look at {where}: no time can be read there. If it is a total of the report, let it be set aside."


def _where(finding: Finding) -> str:
    return f"line {finding.line}" if finding.line else f"row {finding.row}"


def _kinds(reason: Reason) -> int:
    return len(reason.findings) + reason.others


def _count(counts: Mapping[str, int], reason: str, what: str) -> str:
    number = counts.get(reason, 0)
    plural = {"person": "people"}.get(what, f"{what}s")
    return f"{number} {what if number == 1 else plural}"


def _table(title: str) -> Table:
    return Table(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", header_style="dim", pad_edge=False
    )


def _rows_text(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _separator(delimiter: str) -> str:
    return {"\t": "tab", " ": "space"}.get(delimiter, delimiter if delimiter.isprintable() else ascii(delimiter))


def _size(size_bytes: int) -> str:
    for unit, factor in (("GB", 1000**3), ("MB", 1000**2), ("kB", 1000)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"
