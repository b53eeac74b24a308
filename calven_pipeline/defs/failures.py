"""How our errors reach Dagster: as one line, never retried, and after everything that could be done was done.

What may surprise: a step that fails keeps everything below it from running, the analysts' snapshot included. So a step
that did only part of its work says so in its metadata, and a check of its own, which runs beside the steps below, reads
that and fails the run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.definitions.metadata import RawMetadataValue  # for the type checker; it has no public name

from calven_pipeline.errors import CalvenPipelineError

PROBLEM = "problem"

Metadata = dict[str, RawMetadataValue]


@contextmanager
def clear_failures() -> Iterator[None]:
    """Turn our errors into a `Failure` that Dagster shows as one line and does not try again by itself."""
    try:
        yield
    except CalvenPipelineError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None


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
            raise dg.Failure(description=problem, allow_retries=False)

    return check
