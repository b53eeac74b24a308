"""Tells a webhook what failed and what recovered: a sensor that reads the history of runs, whoever launched them.

What may surprise: it is on from the start, since without `CALVEN_ALERT_WEBHOOK` it does nothing. What the webhook did not
take stays in the cursor and is tried again at the next look; where it was taken and the look's end is lost, it is told twice.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import dagster as dg
from dagster_shared.error import SerializableErrorInfo  # for the type checker; Dagster names it nowhere else

from calven_pipeline.defs.checks import ABOUT
from calven_pipeline.defs.failures import without_calvens_words
from calven_pipeline.errors import CalvenPipelineError
from calven_pipeline.settings import AlertSettings

if TYPE_CHECKING:
    from calven_pipeline.alerts.incidents import Ended, Finding
    from calven_pipeline.alerts.memory import Memory

LOOK_EVERY_S = 29  # the daemon looks every 5 s for sensors that are due: 29 makes that 30 s
RUNS_A_LOOK = 50
MESSAGES_A_LOOK = 5
FIRST_LOOK_BACK_S = 86400  # what still fails when the webhook is set is told
NO_WEBHOOK = "CALVEN_ALERT_WEBHOOK is not set: nobody is told."
WILL_RETRY = "dagster/will_retry"
ENDS: tuple[Literal[dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE], ...] = (
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.RUN_FAILURE,
)
TELLING = {
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    *ENDS,
}


@dg.sensor(
    name="alerts",
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Posts to `CALVEN_ALERT_WEBHOOK` when a run or a check fails, once for each reason however often it is "
    "tried, and when it recovers. Launches nothing; without the setting it does nothing.",
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One look: what ended since the last one, and messages for what is new in it.

    The cursor is how far the history was read and which incidents are open. Losing it tells again what failed in the last
    day and is not over.
    """
    from calven_pipeline.alerts.memory import remembered

    try:
        settings = AlertSettings.load()
    except CalvenPipelineError as error:
        raise dg.DagsterError(str(error)) from None
    if settings.alert_webhook is None:
        return dg.SensorResult(skip_reason=NO_WEBHOOK, cursor=context.cursor)
    memory = _look(context.instance, remembered(context.cursor))
    memory, sent, problem = _tell(settings, memory)
    return dg.SensorResult(skip_reason=problem or f"Alerts sent: {sent}.", cursor=memory.text())


def _tell(settings: AlertSettings, memory: "Memory") -> tuple["Memory", int, str]:
    """What is remembered after a few messages, how many the webhook took, and why it did not take the others."""
    from calven_pipeline.alerts.incidents import told, untold
    from calven_pipeline.alerts.memory import Memory
    from calven_pipeline.alerts.webhook import post
    from calven_pipeline.alerts.wording import message

    groups = untold(memory.incidents)
    for sent, group in enumerate(groups[:MESSAGES_A_LOOK]):
        problem = settings.alert_webhook and post(settings.alert_webhook, message(group, settings.ui_url))
        if problem:
            return memory, sent, f"Alerts that wait for the next look: {len(groups) - sent}. Why: {problem}."
        memory = Memory(memory.read_to, told(memory.incidents, group))
    return memory, min(len(groups), MESSAGES_A_LOOK), ""


def _look(instance: dg.DagsterInstance, memory: "Memory | None") -> "Memory":
    """The memory after what ended since; after the first look, only what is still open."""
    from calven_pipeline.alerts.incidents import take_in
    from calven_pipeline.alerts.memory import Memory

    if memory is None:
        day_ago = datetime.now(UTC).timestamp() - FIRST_LOOK_BACK_S
        records = _ends(instance, RUNS_A_LOOK, since=day_ago)
        newest = records[-1].storage_id if records else _newest(instance)
        return Memory(newest, tuple(one for one in take_in((), _ended(instance, records)) if one.is_open))
    newest = _newest(instance)
    if newest <= memory.read_to:
        return Memory(newest, memory.incidents)  # less: the newest run was deleted, and its number is given again
    records = _ends(instance, RUNS_A_LOOK, after=memory.read_to)
    return Memory(records[-1].storage_id, take_in(memory.incidents, _ended(instance, records)))


def _newest(instance: dg.DagsterInstance) -> int:
    records = _ends(instance, 1)
    return records[-1].storage_id if records else 0


def _ends(
    instance: dg.DagsterInstance, limit: int, *, after: int | None = None, since: float | None = None
) -> Sequence[dg.EventLogRecord]:
    """That many ends of runs, in their order: the first ones after that number, or else the newest ones."""
    records = [
        record
        for kind in ENDS
        for record in instance.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(kind, after_storage_id=after, after_timestamp=since),
            limit=limit,
            ascending=after is not None,
        ).records
    ]
    in_order = sorted(records, key=lambda record: record.storage_id)
    return in_order[-limit:] if after is None else in_order[:limit]


def _ended(instance: dg.DagsterInstance, records: Sequence[dg.EventLogRecord]) -> Iterator["Ended"]:
    """What each run did; one that was deleted meanwhile is left out."""
    for record in records:
        if run := instance.get_run_by_id(record.run_id):
            events = [entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=TELLING)]
            yield _facts(run, [event for event in events if event], round(record.timestamp))


def _facts(run: dg.DagsterRun, events: Sequence[dg.DagsterEvent], at: float) -> "Ended":
    """What failed: checks, steps whose failure no check of theirs tells, or else the run itself; and what passed."""
    from calven_pipeline.alerts.incidents import Ended, Finding

    checks = [e for e in events if e.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION]
    failed = [_check_finding(e) for e in checks if not e.asset_check_evaluation_data.passed]
    told = {e.step_key for e in checks if _is_error(e)}
    steps = [e for e in events if e.event_type == dg.DagsterEventType.STEP_FAILURE and e.step_key not in told]
    failed += [Finding(f"step {e.step_key}", _step_line(e)) for e in steps]
    passed = {_check_name(e) for e in checks if e.asset_check_evaluation_data.passed}
    passed |= {f"step {e.step_key}" for e in events if e.event_type == dg.DagsterEventType.STEP_SUCCESS}
    is_failed = run.status == dg.DagsterRunStatus.FAILURE
    if not is_failed:
        passed.add(f"job {run.job_name}")
    elif all(finding.is_warning for finding in failed):
        failed.append(Finding(f"job {run.job_name}", _run_line(events)))
    is_retried = is_failed and run.tags.get(WILL_RETRY) == "true"
    return Ended(run.run_id, run.job_name, at, tuple(failed), frozenset(passed), is_retried)


def _is_error(event: dg.DagsterEvent) -> bool:
    check = event.asset_check_evaluation_data
    return not check.passed and check.severity == dg.AssetCheckSeverity.ERROR


def _check_name(event: dg.DagsterEvent) -> str:
    check = event.asset_check_evaluation_data
    return f"check {check.asset_key.to_user_string()}:{check.check_name}"


def _check_finding(event: dg.DagsterEvent) -> "Finding":
    from calven_pipeline.alerts.incidents import Finding

    line = event.asset_check_evaluation_data.description or "It did not pass."
    about = event.asset_check_evaluation_data.metadata.get(ABOUT)
    names = about.value if isinstance(about, dg.JsonMetadataValue) else ()
    return Finding(
        _check_name(event),
        without_calvens_words(line),
        is_warning=not _is_error(event),
        about=tuple(map(str, names or ())),
    )


def _step_line(event: dg.DagsterEvent) -> str:
    """Our own words, without Calven's. Of what is not ours only the kind: its text may quote rows."""
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return without_calvens_words(failure.user_failure_data.description)
    return f"{_kind(failure.error)}; its text may quote rows and is in the log of the run alone."


def _run_line(events: Sequence[dg.DagsterEvent]) -> str:
    """Why a run broke off: Dagster's words where no error of anybody's is in them."""
    for event in reversed(events):
        if event.event_type == dg.DagsterEventType.RUN_FAILURE:
            error = event.job_failure_data.error if event.event_specific_data else None
            return f"The run broke off: {_kind(error)}." if error else event.message or "The run broke off."
    return "The run broke off."


def _kind(error: SerializableErrorInfo | None) -> str:
    """The name of the innermost error."""
    while error and error.cause:
        error = error.cause
    return (error and error.cls_name) or "An error"
