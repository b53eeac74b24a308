"""How our errors reach Dagster: as one line, never retried, and after everything that could be done was done.

What may surprise: a step that fails keeps everything below it from running, the analysts' snapshot included. So a step
that did only part of its work says so in its metadata, and a check of its own, which runs beside the steps below, reads
that and fails the run.
"""

import atexit
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import dagster as dg
from dagster._core.definitions.metadata import RawMetadataValue  # for the type checker; it has no public name

from calven_pipeline.errors import CalvenPipelineError

PACKAGE = Path(__file__).resolve().parent.parent
PROBLEM = "problem"

Metadata = dict[str, RawMetadataValue]


@contextmanager
def clear_failures() -> Iterator[None]:
    """Turn errors into a `Failure` that Dagster shows as one line and does not try again by itself.

    Of an error that is not ours only the kind and the place are told: Dagster stores what it is told, and DuckDB's errors
    quote the rows that they stumble over.
    """
    try:
        yield
    except CalvenPipelineError as error:
        raise _failure(str(error)) from None
    except Exception as error:  # noqa: BLE001 - the front door: nothing may pass it with its text
        raise _failure(_unforeseen(error)) from None


def _failure(line: str) -> dg.Failure:
    tell_at_exit(f"Failed: {line}")
    return dg.Failure(description=line, allow_retries=False)


@cache
def tell_at_exit(line: str) -> None:
    """Say a line once, as the last thing on the terminal: `dg launch` buries it in Dagster's log and stack traces.

    Only there: the demo has its own words, and a test none.
    """
    if Path(sys.argv[0]).name == "dg":
        atexit.register(print, line, file=sys.stderr)


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
        materialization = event.asset_materialization if event else None
        told = materialization.metadata.get(PROBLEM) if materialization else None
        problem = str(told.value) if told else None
        yield dg.AssetCheckResult(asset_key=asset, check_name=name, passed=problem is None, description=problem)
        if problem:
            raise _failure(problem)

    return check
