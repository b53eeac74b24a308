"""All facts of a data folder at one moment, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from calven_pipeline.errors import CalvenPipelineError
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.settings import AlertSettings, CheckSettings, DataFolder, Settings
from calven_pipeline.status.facts import Operations, Problem, Pull, Source, Status
from calven_pipeline.status.holdings import read_holdings
from calven_pipeline.status.problems import EVERYTHING, find_problems, with_silence

AskDagster = Callable[[datetime], Operations]
Found = TypeVar("Found")

DAGSTERS = Path("state") / "dagster"
DOCTOR = "mend it; `uv run calven-pipeline doctor` checks"
FIRST = f"`uv run calven-pipeline doctor`, then {EVERYTHING}; or see it work: `uv run calven-pipeline demo`"


def look(ask_dagster: AskDagster, now: datetime) -> Status:
    """The state now; writes nothing.

    What cannot be read is among the problems. Dagster is asked only where it has kept anything yet: its import takes longer
    than all the rest. Raises `SettingsError` where not even the data folder is known.
    """
    data_dir = DataFolder.load().data_dir
    problems: list[Problem] = []

    def found(kind: str, what_to_do: str, read: Callable[[], Found]) -> Found | None:
        try:
            return read()
        except CalvenPipelineError as error:
            problems.append(Problem(kind, str(error), what_to_do))
            return None

    settings = found("settings", DOCTOR, Settings.load)
    alerting = found("settings", "mend it", AlertSettings.load)
    checks = found("settings", "mend it", CheckSettings.load) or CheckSettings.model_construct()
    profiles = found("profiles", DOCTOR, lambda: load_profiles(data_dir))
    asked = found("runs_unreadable", "", lambda: ask_dagster(now)) if (data_dir / DAGSTERS).is_dir() else None
    holdings = found("snapshot_unreadable", "", lambda: read_holdings(data_dir, now))
    operations = asked or Operations()
    kept = holdings.sources if holdings else ()
    sources = _sources(kept, [profile.name for profile in profiles] if profiles else None, operations, now)
    pulls = _newest((*operations.pulls, *(holdings.pulls if holdings else ())))
    if holdings or operations.runs:
        publish = settings.publish if settings else None
        wanted = alerting is not None and alerting.alert_webhook is not None
        problems += find_problems(
            operations,
            holdings,
            sources,
            pulls,
            publish,
            now,
            alerts_wanted=wanted,
            reference_max_age_hours=checks.reference_max_age_hours,
        )
    elif not problems:
        problems.append(Problem("nothing_yet", f"nothing has run yet in {data_dir}", FIRST))
    return Status(now, str(data_dir), tuple(problems), operations, holdings, sources, pulls)


def _sources(
    kept: Iterable[Source], profiles: list[str] | None, operations: Operations, now: datetime
) -> tuple[Source, ...]:
    """Those of `sources.yaml` in its order, then those that are known from files alone."""
    known = {source.name: source for source in kept}
    names = dict.fromkeys([*(profiles or []), *known])
    found = [known.get(name, Source(name)) for name in names]
    return tuple(
        with_silence(source, operations.looked_at, now, in_profiles=profiles is None or source.name in profiles)
        for source in found
    )


def _newest(pulls: Iterable[Pull]) -> tuple[Pull, ...]:
    """The newest of each table."""
    newest: dict[str, Pull] = {}
    for pull in pulls:
        if pull.table not in newest or newest[pull.table].pulled_at < pull.pulled_at:
            newest[pull.table] = pull
    return tuple(newest.values())
