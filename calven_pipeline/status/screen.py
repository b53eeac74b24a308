"""The status on one screen: what is wrong first, then the facts; readable without colour and at 80 columns.

What may surprise: it is cut to what fits. Lists end with how many more there are, and `--json` has all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from calven_pipeline.status.facts import OUTCOMES, Automation, Holdings, Problem, Run, Source, Status
from calven_pipeline.status.problems import LAUNCH, has_daemon
from calven_pipeline.status.wording import age, ago, counted, first_lines, usually

NAME_WIDTH, SOURCE_WIDTH, FILE_WIDTH = 28, 22, 10  # the longest reason has 25
LONGEST_LINE = 400  # characters of a problem, or of what is told of one file
LINES = 40  # where nobody says how high the screen is


@dataclass(frozen=True)
class Limits:
    """How much of each list is shown, and whether blank lines stand between."""

    problems: int
    reasons: int
    sources: int
    spaced: bool = False


LIMITS = (
    Limits(12, 25, 20, spaced=True),
    Limits(8, 8, 8, spaced=True),
    Limits(5, 5, 5, spaced=True),
    Limits(6, 5, 6),
    Limits(5, 4, 4),
    Limits(3, 2, 2),
)
STYLES = {"succeeded": "green", "failed": "red", "launched": "green", "running": "cyan"}
MEGABYTE = 1e6
HEAL_BY_MAPPINGS = frozenset({
    "unlisted_outcome", "missing_user", "unmapped_person", "unknown_user", "email_case_mismatch", "user_conflict",
    "missing_location", "unmapped_place", "unknown_location", "location_type_mismatch",
})  # fmt: skip


def show(status: Status, console: Console) -> None:
    """Print as much as fits on the screen."""
    height = max(console.height, LINES) if console.is_terminal else LINES
    for limits in LIMITS:
        screen = Group(*_parts(status, limits, console.width))
        if len(console.render_lines(screen, pad=False)) < height:
            break
    console.print(screen)


def _parts(status: Status, limits: Limits, width: int) -> Iterator[RenderableType]:
    yield _heading(status, width)
    yield from _problems(status.problems, limits)
    for table in _tables(status, limits):
        if limits.spaced:
            yield ""
        yield table


def _tables(status: Status, limits: Limits) -> Iterator[RenderableType]:
    held, runs, now = status.holdings, status.operations.runs, status.at
    if runs:
        yield _runs(runs, now)
    if held:
        yield _rows(held)
    if held or runs:
        yield _ages(status)
    if held and held.rejections:
        yield _rejections(held, limits.reasons, now)
    if status.sources and (held or runs):
        yield _sources(status.sources, limits.sources, now)
    if status.operations.automations:
        yield _automations(status.operations.automations, now, is_run=has_daemon(status.operations, now))


def _heading(status: Status, width: int) -> Text:
    at = f"{status.at:%Y-%m-%d %H:%M} UTC"
    place = Text(status.data_dir, "dim")
    place.truncate(max(width - len(at) - 10, 8), overflow="ellipsis")
    return Text.assemble(("Status", "bold"), f"  {at}  ", place)


def _problems(problems: Sequence[Problem], limits: Limits) -> Iterator[RenderableType]:
    if not problems:
        yield Text("Nothing is wrong.", "bold green")
        return
    yield Text(f"{counted(len(problems), 'thing')} {'is' if len(problems) == 1 else 'are'} wrong", "bold red")
    for problem in problems[: limits.problems]:
        what = Text("\n").join(_cut(line) for line in _lines(problem.what))
        if problem.what_to_do:
            what.append(f"\n-> {problem.what_to_do}", "cyan")
        line = Table.grid(padding=(0, 1))
        line.add_row(Text("!", "bold red"), what)
        yield line
    if len(problems) > limits.problems:
        yield Text(f"  and {len(problems) - limits.problems} more: --json")


def _lines(what: str) -> list[str]:
    """What is wrong, and a line each for the first files that it is about."""
    begin, *files = what.splitlines()
    return [begin, *first_lines(files)]


def _cut(line: str) -> Text:
    text = Text(line)
    text.truncate(LONGEST_LINE, overflow="ellipsis")
    return text


def _table(title: str, *columns: str, right: Sequence[str] = (), wide: str = "") -> Table:
    """A table without lines, its title in the place of the first heading; the wide column is the one that gives way."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="")
    table.add_column(Text(title, "bold"), no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH)
    for column in columns:
        table.add_column(
            Text(column, "dim"),
            justify="right" if column in right else "left",
            no_wrap=column != wide,
            overflow="fold" if column == wide else "ellipsis",
        )
    return table


def _runs(runs: Sequence[Run], now: datetime) -> Table:
    table = _table("Runs", "started", "took", "how it ended", right=("took",), wide="how it ended")
    for run in runs:
        took = age(run.ended_at - run.started_at) if run.ended_at and run.started_at else ""
        ended = Text(run.status, STYLES.get(run.status, ""), no_wrap=True, overflow="ellipsis")
        ended.append(f": {run.problem.splitlines()[0]}" if run.problem else "", "default")
        table.add_row(f"  {run.job}", ago(run.started_at, now), took, ended)
    return table


def _rows(held: Holdings) -> Table:
    table = _table("Rows", *OUTCOMES, "in all", right=(*OUTCOMES, "in all"))
    for name, counts in (("  all", held.outcomes), ("  read in 24 h", held.outcomes_24_h)):
        numbers = [counts.get(outcome, 0) for outcome in OUTCOMES]
        table.add_row(name, *(f"{number:,}" for number in (*numbers, sum(numbers))))
    return table


def _rejections(held: Holdings, most: int, now: datetime) -> RenderableType:
    table = _table("Rejections open", "rows", "oldest", "what to do", right=("rows",), wide="what to do")
    shown, more = held.rejections[:most], held.rejections[most:]
    for rejection in shown:
        first = ago(rejection.first_rejected_at, now)
        table.add_row(f"  {rejection.reason}", f"{rejection.rows:,}", first, rejection.what_to_do)
    if more:
        reasons = f"  {counted(len(more), 'more reason')}"
        table.add_row(
            reasons, f"{sum(rejection.rows for rejection in more):,}", "", "--json, or the table `rejections`"
        )
    if HEAL_BY_MAPPINGS.isdisjoint(rejection.reason for rejection in held.rejections):
        return table
    return Group(table, Text(f"  mapped or listed? then `{LAUNCH} ingest_presence`", "cyan"))


def _sources(sources: Sequence[Source], most: int, now: datetime) -> Table:
    table = _table(
        "Sources", "last file", "read", "rows", "last event", "files come", right=("rows",), wide="last file"
    )
    table.columns[0].max_width, table.columns[1].min_width = SOURCE_WIDTH, FILE_WIDTH
    for source in sources[:most]:
        file = PurePosixPath(source.last_file or "none yet").name
        table.add_row(
            f"  {source.name}",
            Text(file, no_wrap=True, overflow="ellipsis"),
            ago(source.last_file_at, now),
            f"{source.last_file_rows:,}" if source.last_file_rows is not None else "",
            ago(source.last_event_at, now),
            _comes(source),
        )
    if len(sources) > most:
        table.add_row(f"  {len(sources) - most} more: --json")
    return table


def _comes(source: Source) -> Text:
    """How often its files come, or why nobody waits for one."""
    if not source.in_profiles:
        return Text("no longer", "dim")
    if source.last_file is None:
        return Text("")
    return Text.assemble(("SILENT, ", "bold red") if source.is_silent else "", usually(source.usual_days))


def _ages(status: Status) -> Table:
    """Lines that begin with what is how old: waiting events, reference data, the snapshot."""
    held, now = status.holdings, status.at
    lines = _table("Ages", "")
    lines.show_header = False
    if held:
        waiting = held.waiting
        since = f", the oldest read {ago(waiting.read_at, now)}" if waiting.read_at else ""
        lines.add_row(
            Text("Waiting", "bold"), f"{counted(waiting.events, 'event')}{since}" if waiting.events else "nothing"
        )
    pulled = ", ".join(f"{pull.row_count:,} {pull.table}" for pull in status.pulls)
    oldest = min((pull.pulled_at for pull in status.pulls), default=None)
    lines.add_row(Text("Reference", "bold"), f"{pulled}, pulled {ago(oldest, now)}" if oldest else "never pulled")
    written = f"{ago(held.written_at, now)}, {held.size_bytes / MEGABYTE:,.1f} MB" if held else "none that can be read"
    lines.add_row(Text("Snapshot", "bold"), f"calven.duckdb, {written}")
    return lines


def _automations(automations: Sequence[Automation], now: datetime, *, is_run: bool) -> Table:
    table = _table("Automation", "", "next", "last tick", "")
    for automation in automations:
        tick, due = automation.last_tick_at, automation.next_tick_at
        table.add_row(
            f"  {automation.name}",
            Text("on", "green") if automation.is_on else Text("off", "dim"),
            (f"in {age(due - now)}" if is_run else "no daemon") if due else "",
            ago(tick, now) if tick else "never",
            Text(automation.last_tick or "", STYLES.get(automation.last_tick or "", "")),
        )
    return table
