"""What is wrong now, and what to do: rules over the facts, which read nothing themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from calven_pipeline.settings import PublishMode
from calven_pipeline.status.facts import Automation, Holdings, Operations, Problem, Pull, Run, Source, Warned
from calven_pipeline.status.wording import age, ago, counted, usually

WAITING_TOO_LONG = timedelta(days=1)
NOBODY_LOOKS = timedelta(days=2)
DAEMON_ALIVE = timedelta(minutes=1)  # it says so every 30 s
QUEUED_TOO_LONG = timedelta(minutes=5)
LAUNCH = "uv run dg launch --job"
EVERYTHING = f"`{LAUNCH} presence_pipeline`"
ALERTS = "alerts"  # the sensor, on as shipped
LOOKED_AT_HERE = frozenset({"no_source_silent", "reference_fresh"})  # of later facts than those of the last run
ALONE = frozenset({"replay", "dismiss", "assets"})  # launching these again needs more than their name


def find_problems(
    operations: Operations,
    holdings: Holdings | None,
    sources: Iterable[Source],
    pulls: Iterable[Pull],
    publish: PublishMode | None,
    now: datetime,
    *,
    alerts_wanted: bool = False,
    reference_max_age_hours: float = 36,
) -> Iterator[Problem]:
    """Everything that is wrong, what keeps most from working first; `alerts_wanted`: somebody waits for alerts."""
    yield from _daemon(operations, now, alerts_wanted=alerts_wanted)
    yield from (_failed(run, now) for run in operations.failed)
    yield from _ticks(operations.automations)
    if holdings:
        yield from _waiting(holdings, publish, now)
    yield from _reference(pulls, timedelta(hours=reference_max_age_hours), now)
    yield from _sources(operations, sources, now)
    yield from _warnings(operations.warnings, now)
    if holdings:
        yield from _snapshot(operations, holdings, now)


def has_daemon(operations: Operations, now: datetime) -> bool:
    """Whether Dagster's daemon, without which no schedule or sensor ticks, was seen within a minute."""
    seen = operations.daemon_seen_at
    return seen is not None and now - seen < DAEMON_ALIVE


def _daemon(operations: Operations, now: datetime, *, alerts_wanted: bool) -> Iterator[Problem]:
    if has_daemon(operations, now):
        return
    seen = operations.daemon_seen_at
    on = [
        automation.name
        for automation in operations.automations
        if automation.is_switched_on or (alerts_wanted and automation.is_on and automation.name == ALERTS)
    ]
    queued = [run for run in operations.runs if run.status == "queued" and run.started_at]
    late = [run for run in queued if run.started_at and now - run.started_at > QUEUED_TOO_LONG]
    if on or late:
        idle = f"{', '.join(on)} on" if on else f"{counted(len(late), 'run')} queued"
        since = f"for {age(now - seen)}" if seen else "ever"
        yield Problem(
            "daemon_silent", f"{idle}, but Dagster's daemon has not been seen {since}", "start `uv run dg dev`"
        )


def _failed(run: Run, now: datetime) -> Problem:
    ended = run.ended_at or run.started_at
    problem = run.problem or ""
    begin = "\n- " if "\n" in problem else " "
    again = f"`{LAUNCH} {'retry_pending' if run.job in ALONE else run.job}`"
    return Problem(
        "run_failed",
        f"{run.job} failed {ago(ended, now)}:{begin}{problem.replace(chr(10), begin)}",
        f"mend that, then {again}" if run.job != "assets" else "mend that, then launch these assets again",
    )


def _ticks(automations: Iterable[Automation]) -> Iterator[Problem]:
    for automation in automations:
        if automation.is_on and automation.last_tick == "failed":
            yield Problem(
                "tick_failed",
                f"the {automation.kind} {automation.name} failed at its last tick: {automation.story}",
                "mend that; the next tick tries again",
            )


def _waiting(holdings: Holdings, publish: PublishMode | None, now: datetime) -> Iterator[Problem]:
    waiting = holdings.waiting
    if waiting.read_at and now - waiting.read_at > WAITING_TOO_LONG:
        yield Problem(
            "events_waiting",
            f"{counted(waiting.events, 'event')} not delivered, the oldest read {age(now - waiting.read_at)} ago",
            "set CALVEN_PUBLISH=live: dry-run posts nothing"
            if publish is PublishMode.DRY_RUN
            else f"`{LAUNCH} retry_pending`",
        )


def _reference(pulls: Iterable[Pull], max_age: timedelta, now: datetime) -> Iterator[Problem]:
    old = {pull.table: now - pull.pulled_at for pull in pulls if now - pull.pulled_at > max_age}
    if old:
        what = f"{', '.join(old)} last pulled {age(max(old.values()))} ago: new people and desks are rejected"
        yield Problem("reference_old", what, f"`{LAUNCH} refresh_reference`, or switch on that schedule")


def _sources(operations: Operations, sources: Iterable[Source], now: datetime) -> Iterator[Problem]:
    looked_at = operations.looked_at
    if looked_at and now - looked_at > NOBODY_LOOKS:
        what = f"nobody has looked for new exports for {age(now - looked_at)}"
        yield Problem("nobody_looks", what, f"{EVERYTHING}, regularly: by cron, or switch on the sensor")
    for source in sources:
        if source.is_silent:
            what_to_do = f"see why the system drops no files; the last was {source.last_file}"
            yield Problem("source_silent", story_of_silence(source), what_to_do)


def _warnings(warnings: Iterable[Warned], now: datetime) -> Iterator[Problem]:
    """Checks that warn, but for those whose matter is looked at here, now."""
    for warned in warnings:
        if warned.check not in LOOKED_AT_HERE:
            what = f"{warned.asset}:{warned.check} warned {ago(warned.at, now)}: {warned.problem}"
            yield Problem("check_warns", what, warned.what_to_do)


def _snapshot(operations: Operations, holdings: Holdings, now: datetime) -> Iterator[Problem]:
    due = operations.snapshot_due_at
    if due and holdings.written_at < due:
        what = f"calven.duckdb is {age(now - holdings.written_at)} old: the last run did not write it"
        yield Problem("snapshot_behind", what, f"see why that run failed, then {EVERYTHING}")


def story_of_silence(source: Source) -> str:
    """How long a source is silent, and how often it usually is not."""
    silent = counted(source.silent_days or 0, "day")
    return f"{source.name} is silent for {silent}; its files usually come {usually(source.usual_days)}"


def with_silence(source: Source, looked_at: datetime | None, now: datetime, *, in_profiles: bool) -> Source:
    """The source with its silence: days without a new file, up to the last look for exports, which is as far as anyone knows.

    Silent is what is silent for more days than nine in ten of its gaps; a source that is no longer in `sources.yaml` never is.
    """
    if source.last_file_at is None:
        return replace(source, in_profiles=in_profiles)
    days = max((min(looked_at or now, now).date() - source.last_file_at.date()).days, 0)
    silent = in_profiles and source.longest_usual_days is not None and days > source.longest_usual_days
    return replace(source, silent_days=days, is_silent=silent, in_profiles=in_profiles)
