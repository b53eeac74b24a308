"""The sensor that notices exports.

What may surprise: it asks for one run at a time and waits for its end, so that files which arrive meanwhile go together. It
reads from the run's history whether the rows were judged; what becomes of them later (Calven is away, a key is refused) is
for the schedule `retry_pending`.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from calven_pipeline.defs import jobs
from calven_pipeline.defs.presence import LEFT, REFUSED
from calven_pipeline.errors import CalvenPipelineError, DropFolderError
from calven_pipeline.settings import ExportSettings

if TYPE_CHECKING:
    from calven_pipeline.exports.noticing import Ended, Memory, Noticed

LOOK_EVERY_S = 9  # the daemon looks every 5 s for sensors that are due: 9 makes that 10 s, and 10 would make it 15
REMOTE_EVERY_S = 30  # a look over the network costs a connection
NOTICED_TAG = "calven/noticed"  # a run that is started again keeps it
BLIND = "blind"  # in the cursor of a look that could not see some source


@dg.sensor(
    name="new_exports",
    job=jobs.ingest_presence,
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Looks at the drop folder every ten seconds and launches `ingest_presence` for files that have stopped "
    "changing, up to a thousand in a run, one run at a time. A file is read again when it changes; one that cannot be read "
    "fails its run once. Off until somebody switches it on: presence is not posted by itself from a fresh clone.",
)
def new_exports(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One look: a run for a batch of files, or what is seen and why there is nothing to do.

    The cursor says when the last look was and which memory it left; losing it does no harm.
    """
    try:
        settings = ExportSettings.load()
        if reason := _too_early(settings, context.cursor):
            return dg.SensorResult(skip_reason=reason, cursor=context.cursor)
        noticed, told, is_blind = _look(context.instance, settings)
    except CalvenPipelineError as error:
        raise dg.DagsterError(str(error)) from None  # shown as it is; any other error as the cause of Dagster's own
    seen = {"version": 1, "looked_at": round(_now()), "memory": noticed.memory.id}
    cursor = json.dumps({**seen, BLIND: True} if is_blind else seen)
    if not noticed.key:
        return dg.SensorResult(skip_reason=told, cursor=cursor)
    return dg.SensorResult([_request(noticed)], cursor=cursor)


def _too_early(settings: ExportSettings, cursor: str | None) -> str | None:
    """Why a remote folder is not looked at now."""
    try:
        looked_at = float(json.loads(cursor or "")["looked_at"])
    except (ValueError, KeyError, TypeError):
        return None
    if "://" not in (settings.exports or "") or not 0 <= _now() - looked_at < REMOTE_EVERY_S:
        return None
    return f"A remote folder is looked at every {REMOTE_EVERY_S} s."


def _look(instance: dg.DagsterInstance, settings: ExportSettings) -> tuple["Noticed", str, bool]:
    """What is to be done now, which is remembered already; what is seen, in one line; and whether some source was not.

    Raises `CalvenPipelineError` where nothing is due and some source could not be looked at: once in an hour, since Dagster
    keeps much of each tick that fails.
    """
    from calven_pipeline.exports.noticing import (
        SETTLE_S,
        Look,
        ask_again,
        learn,
        notice,
        story_of,
        tell,
        unseen_reasons,
    )
    from calven_pipeline.exports.watching import look_at_exports, open_for_writing, read_memory, write_memory

    now = _now()
    before = read_memory(settings.data_dir)
    memory, runs = before, _runs(instance, before)
    look, fails = Look(memory.profiles), False
    if memory.asked and not runs:
        noticed = ask_again(memory)
    else:
        if memory.asked and all(run.is_finished for run in runs):
            memory = learn(memory, _ended(instance, runs), now)
        look = look_at_exports(settings.data_dir)
        noticed = notice(
            look,
            memory,
            now,
            settle_s=max(SETTLE_S, settings.settle_seconds),
            is_open=open_for_writing(settings.data_dir),
        )
    reasons = unseen_reasons(look, noticed.memory)
    if reasons and not noticed.key:
        remembered, fails = tell(noticed.memory, reasons, now)
        noticed = replace(noticed, memory=remembered)
    if noticed.memory != before:
        write_memory(settings.data_dir, noticed.memory)
    if fails:
        raise DropFolderError("; ".join(reasons))
    return noticed, story_of(reasons, look, noticed), bool(reasons)


def _runs(instance: dg.DagsterInstance, memory: "Memory") -> Sequence[dg.DagsterRun]:
    """The run that was asked for, and those that went on where it was killed."""
    return instance.get_runs(filters=dg.RunsFilter(tags={NOTICED_TAG: memory.asked})) if memory.asked else []


def _ended(instance: dg.DagsterInstance, runs: Sequence[dg.DagsterRun]) -> "Ended":
    from calven_pipeline.exports.noticing import Ended

    made = {}
    for run in reversed(runs):  # the newest comes first
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            if entry.asset_materialization:
                made[entry.asset_materialization.asset_key.to_user_string()] = entry.asset_materialization.metadata
    staged = made.get("staged_presence", {})
    return Ended(
        staged="staged_presence" in made,
        judged="validated_presence" in made,
        refused=_names(staged.get(REFUSED)),
        left=_names(staged.get(LEFT)),
    )


def _names(told: dg.MetadataValue | None) -> frozenset[str]:
    names = told.value if isinstance(told, dg.JsonMetadataValue) and isinstance(told.value, list) else []
    return frozenset(map(str, names))


def _request(noticed: "Noticed") -> dg.RunRequest:
    return dg.RunRequest(
        run_key=noticed.key,
        run_config={"ops": {"staged_presence": {"config": {"files": list(noticed.batch)}}}},
        tags={NOTICED_TAG: noticed.key},
    )


def _now() -> float:
    """Unix seconds."""
    return datetime.now(UTC).timestamp()
