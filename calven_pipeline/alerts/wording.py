"""What a message says: counts, names of jobs, checks and steps, and our own lines. Never people."""

from __future__ import annotations

from collections.abc import Sequence

from calven_pipeline.alerts.incidents import Incident

LINES = 10
SHORT_ID = 8
DAGSTERS_OWN_JOB = "__ASSET_JOB"
SECONDS = {"day": 86400, "hour": 3600, "minute": 60}
AT_LEAST = 2  # of a unit: 90 minutes say more than 1 hour


def message(group: Sequence[Incident], ui_url: str | None) -> str:
    """What one run opened and closed, as Slack and its like show it."""
    over = [one for one in group if not one.is_open]
    failed = [one for one in group if one.is_open and not one.is_warning]
    warned = [one for one in group if one.is_open and one.is_warning]
    newest = max(group, key=lambda one: one.closed_at or one.opened_at)
    job, run_id = (newest.job, newest.run_id) if newest.is_open else (newest.closed_job, newest.closed_run_id)
    sections = [
        *_section(f"FAILED: {_job_name(job)}", [(one.subject, _failure(one)) for one in failed]),
        *_section(f"WARNING: {_job_name(job)}", [(one.subject, _failure(one)) for one in warned]),
        *_section(f"RECOVERED: {_job_name(job)}", [(one.subject, _recovery(one)) for one in over]),
        where(run_id, ui_url),
    ]
    return _escaped("\n".join(sections))


def where(run_id: str, ui_url: str | None) -> str:
    """The address of the run, or how to find it."""
    if ui_url:
        return f"{ui_url}/runs/{run_id}"
    return f"Run {run_id[:SHORT_ID]}: `uv run dg dev`, then Runs, or /runs/{run_id}"


def duration(seconds: float) -> str:
    """`45 minutes`, in the largest unit of which there are two."""
    for unit, length in SECONDS.items():
        if seconds >= AT_LEAST * length:
            return f"{seconds / length:.0f} {unit}s"
    return "1 minute" if seconds >= SECONDS["minute"] else "less than a minute"


def _section(heading: str, told: Sequence[tuple[str, str]]) -> list[str]:
    """Subjects that say the same share a line; after ten lines, the number of the others."""
    by_line: dict[tuple[str, str], dict[str, None]] = {}
    for subject, line in told:
        kind, _, name = subject.partition(" ")
        by_line.setdefault((kind, line), {})[name] = None
    lines = [
        f"- {kind}{'s' if len(names) > 1 else ''} {', '.join(names)}: {line}" for (kind, line), names in by_line.items()
    ]
    more = [f"- and {len(lines) - LINES} more"] if len(lines) > LINES else []
    return [heading, *lines[:LINES], *more] if lines else []


def _failure(incident: Incident) -> str:
    return incident.line if incident.runs == 1 else f"{incident.line} ({incident.runs} runs so far)"


def _recovery(incident: Incident) -> str:
    runs = "1 run" if incident.runs == 1 else f"{incident.runs} runs"
    story = f"recovered after {runs}, {duration(incident.closed_at - incident.opened_at)}"
    return story if incident.is_told else f"{story}; nobody was told yet that it failed: {incident.line}"


def _job_name(job: str) -> str:
    return "assets launched by hand" if job == DAGSTERS_OWN_JOB else job


def _escaped(text: str) -> str:
    """Without Slack's commands: `<!channel>` in the name of a file would call everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
