"""Rules that the next step relies on."""

import dagster as dg

from calven_pipeline.defs.failures import FAILED, clear_failures, tell_at_exit
from calven_pipeline.defs.presence import validated_presence
from calven_pipeline.defs.resources import Warehouse


@dg.asset_check(asset=validated_presence, blocking=True)
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
