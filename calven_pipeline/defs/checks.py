"""Rules as Dagster's checks, and the one check of verdicts that is a step of its own.

What may surprise: the others are looked at within the step of their asset, on the database that is open there, because each
step of its own costs as much as a whole asset.
"""

from collections.abc import Iterable

import dagster as dg

from calven_pipeline.checks.rules import Finding, Rule
from calven_pipeline.defs.failures import FAILED, clear_failures, failure, tell_at_exit
from calven_pipeline.defs.resources import Warehouse

WHAT_TO_DO = "what_to_do"  # in a check's metadata, for `status`
ABOUT = "about"  # in a result's metadata, for `alerts`


def spec(rule: Rule) -> dg.AssetCheckSpec:
    """The rule as a check within the step of its asset."""
    return dg.AssetCheckSpec(
        rule.name,
        asset=rule.asset,
        description=rule.description,
        blocking=rule.blocking,
        metadata={WHAT_TO_DO: rule.what_to_do},
    )


def result(finding: Finding) -> dg.AssetCheckResult:
    """What was found, as the check's result: an error where the rule blocks, else a warning."""
    return dg.AssetCheckResult(
        asset_key=finding.rule.asset,
        check_name=finding.rule.name,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR if finding.rule.blocking else dg.AssetCheckSeverity.WARN,
        metadata={**finding.numbers, ABOUT: list(finding.about)},
        description=finding.story,
    )


def stop_where_blocked(findings: Iterable[Finding]) -> None:
    """Raise the `Failure` that keeps what reads the asset from being made, in the words of what was found."""
    for finding in findings:
        if finding.rule.blocking and not finding.passed:
            raise failure(finding.story)


@dg.asset_check(asset="validated_presence", blocking=True)
def every_row_has_one_verdict(warehouse: Warehouse) -> dg.AssetCheckResult:
    """No row is in two outcomes, none in no outcome, and every valid event is either waiting or answered.

    Counts all rows, and each file with rows that are new. Nothing is posted where it fails.
    """
    from calven_pipeline.validation.books import balance

    with clear_failures(), warehouse.open() as database:
        books = balance(database)
    if not books.balanced:
        tell_at_exit(f"{FAILED}{books.story}")
    return dg.AssetCheckResult(passed=books.balanced, metadata=books.counts, description=books.story)
