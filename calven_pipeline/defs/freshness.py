"""How old an asset may grow before the UI says so.

What may surprise: a policy sees when an asset was last made, not what it was made of. A pull that Calven refused leaves the
old table and counts as made, so checks tell of that (`pulled`, `reference_fresh`); a policy tells that no run comes at all.
The windows are wide, since a fresh clone is run by hand: on working days, or when the weekly export has come. Nothing is
said of an asset that was never made.
"""

from datetime import timedelta

import dagster as dg

from calven_pipeline.errors import SettingsError
from calven_pipeline.settings import CheckSettings

REFERENCE = frozenset({"users", "locations", "desks"})
PRESENCE = frozenset(
    {
        "staged_presence",
        "validated_presence",
        "published_presence",
        "rejections",
        "calven_presence",
        "analytics_database",
        "presence_report",
    }
)
LONG_WEEKEND = timedelta(days=4)  # from Friday's run to that of Tuesday
WEEKLY_EXPORT = timedelta(days=8)  # one that comes a day late
REFERENCE_FAILS_AFTER = 3  # times its greatest age: 36 hours make that 4.5 days, so a long weekend alone fails nothing


def freshness(asset: str) -> dg.FreshnessPolicy:
    """The policy of the asset of that name, which is one of ours.

    Reference data warns at the age at which the check `reference_fresh` does.
    """
    if asset in REFERENCE:
        greatest_age = timedelta(hours=_reference_max_age_hours())
        return dg.FreshnessPolicy.time_window(
            warn_window=greatest_age, fail_window=REFERENCE_FAILS_AFTER * greatest_age
        )
    if asset in PRESENCE:
        return dg.FreshnessPolicy.time_window(warn_window=LONG_WEEKEND, fail_window=WEEKLY_EXPORT)
    raise ValueError(f"{asset} has no policy of freshness.")


def _reference_max_age_hours() -> float:
    """CALVEN_REFERENCE_MAX_AGE_HOURS, at least the minute that Dagster asks for.

    The default where the settings cannot work: a run says which, and definitions load all the same.
    """
    try:
        hours = CheckSettings.load().reference_max_age_hours
    except SettingsError:
        hours = CheckSettings.model_fields["reference_max_age_hours"].default
    return max(float(hours), 1 / 60)
