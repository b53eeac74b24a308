"""How our errors reach Dagster: as one line, retried only where that may help, and after all else that could be done.

What may surprise: a step that fails keeps everything below it from running. So a pull or a reading of exports that did
only part of its work says so in its metadata, and a check of its own, which runs beside the steps below, reads that and
fails the run. Re-executed alone, such a check does nothing again, and says so.
"""

import atexit
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.definitions.metadata import RawMetadataValue  # for the type checker; it has no public name

from calven_pipeline.errors import CalvenPipelineError, TryAgainError
from calven_pipeline.status.wording import first_lines

PACKAGE = Path(__file__).resolve().parent.parent
PROBLEM = "problem"
CALVENS_WORDS = re.compile(r'(?<= answered \d{3})( ".*")?( \(correlationId [^)]*\))?')
FAILED = "Failed: "

Metadata = dict[str, RawMetadataValue]


_told: dict[str, None] = {}  # what the terminal is told at the end, in this order


@contextmanager
def clear_failures() -> Iterator[None]:
    """Turn errors into a `Failure` that Dagster shows as one line.

    A retry policy on a step only repeats what may help (`TryAgainError`). Of an error that is not ours only the kind and
    the place are told: Dagster stores what it is told, and DuckDB's errors quote the rows that they stumble over.
    """
    try:
        yield
    except CalvenPipelineError as error:
        raise failure(str(error), allow_retries=isinstance(error, TryAgainError)) from None
    except Exception as error:  # noqa: BLE001 - the front door: nothing may pass it with its text
        raise failure(_unforeseen(error)) from None


def failure(line: str, *, allow_retries: bool = False) -> dg.Failure:
    """The `Failure` that says that line, which the terminal is told too; a line for each of several files.

    `allow_retries`: whether a retry policy on the step may repeat it. Without a policy, which is how the project is
    shipped, no step is repeated.
    """
    for told in first_lines(line.splitlines()):
        tell_at_exit(f"{FAILED}{told}")
    return dg.Failure(description=line, allow_retries=allow_retries)


def without_calvens_words(line: str) -> str:
    """The line without Calven's own words, which may name people: they stay in the log of the run."""
    return CALVENS_WORDS.sub("", line)


def tell_at_exit(line: str) -> None:
    """Say a line once, after everything else on the terminal: `dg launch` buries it in Dagster's log and stack traces.

    Only there: the demo has its own words, and a test none.
    """
    if Path(sys.argv[0]).name != "dg":
        return
    if not _told:
        atexit.register(_tell)
    _told[line] = None


def _tell() -> None:
    """In the order of the run, but why it failed comes last."""
    for line in sorted(_told, key=lambda line: line.startswith(FAILED)):
        print(line, file=sys.stderr)  # noqa: T201 - the terminal of `dg launch`


def _unforeseen(error: Exception) -> str:
    kind = type(error).__name__
    words = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if PACKAGE in Path(frame.filename).parents]
    place = ours[-1] if ours else None
    where = f" in {Path(place.filename).relative_to(PACKAGE)}, line {place.lineno} ({place.name})" if place else ""
    return (
        f"Unforeseen {kind}{words}{where}. Its text may quote rows of people, so it is not kept. What was committed "
        "stays; run again, and where it comes back, report this line."
    )


def problem_check(asset: str, name: str, description: str) -> dg.AssetChecksDefinition:
    """A check that fails, and with it the run, where the asset's last materialisation names a problem."""

    @dg.multi_asset_check(specs=[dg.AssetCheckSpec(name, asset=asset, description=description)], name=f"{asset}_{name}")
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        event = context.instance.get_latest_materialization_event(dg.AssetKey(asset))
        told = event.asset_materialization.metadata.get(PROBLEM) if event and event.asset_materialization else None
        problem = str(told.value) if told else None
        if event is None:
            problem = f"Nothing to check: {asset} was never made. Launch the job."
        elif problem and event.run_id != context.run.run_id:
            problem = (
                f"Nothing was done again; this check alone only tells what an earlier run found. Re-execute all steps or "
                f"launch the job again: nothing is done twice. The earlier run found: {problem}"
            )
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name=name,
            passed=problem is None,
            description=problem and "; ".join(problem.splitlines()),
        )
        if problem:
            raise failure(problem)

    return check
