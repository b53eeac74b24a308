"""Does an asset that nobody makes any more turn stale, and only then?"""

import asyncio
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.freshness_evaluator import FRESHNESS_EVALUATORS_BY_POLICY_TYPE
from dagster._core.loader import LoadingContextForTest
from dagster._core.test_utils import freeze_time

from calven_pipeline.defs.freshness import freshness
from calven_pipeline.errors import SettingsError
from calven_pipeline.settings import CheckSettings
from tests.dagster.deploying import DEFINITIONS


def state(instance: dg.DagsterInstance, asset: str, after: timedelta) -> str:
    """As Dagster's daemon finds it, that long from now."""
    node = DEFINITIONS.resolve_asset_graph().get(dg.AssetKey(asset))
    evaluator = FRESHNESS_EVALUATORS_BY_POLICY_TYPE[type(node.freshness_policy_or_from_metadata)]()
    with freeze_time(datetime.now(UTC) + after):
        return asyncio.run(evaluator.evaluate_freshness(LoadingContextForTest(instance), node)).value


def test_every_asset_that_we_make_has_a_policy_of_its_own():
    graph = DEFINITIONS.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        assert graph.get(key).freshness_policy == freshness(key.to_user_string()), key
    with pytest.raises(ValueError, match="exports"):
        freshness("exports")


@pytest.mark.parametrize(
    ("asset", "warns_after", "fails_after"),
    [("users", timedelta(hours=36), timedelta(hours=108)), ("rejections", timedelta(days=4), timedelta(days=8))],
)
def test_an_asset_turns_stale_and_is_fresh_again_once_it_is_made(asset, warns_after, fails_after):
    """Nothing is said of one that was never made: a fresh clone shows no warning."""
    soon = timedelta(minutes=1)
    with dg.DagsterInstance.ephemeral() as instance:
        assert state(instance, asset, fails_after) == "UNKNOWN"
        instance.report_runless_asset_event(dg.AssetMaterialization(asset))
        assert state(instance, asset, soon) == "PASS"
        assert state(instance, asset, warns_after - soon) == "PASS"
        assert state(instance, asset, warns_after) == "WARN"
        assert state(instance, asset, fails_after) == "FAIL"
        with freeze_time(datetime.now(UTC) + fails_after):
            instance.report_runless_asset_event(dg.AssetMaterialization(asset))
        assert state(instance, asset, fails_after + soon) == "PASS"


def test_reference_data_warns_at_the_age_at_which_its_check_does(deployment):
    """A value that cannot work keeps no definitions from loading: a run says what is wrong with it."""
    deployment.set(REFERENCE_MAX_AGE_HOURS="12")
    assert freshness("desks").warn_window.to_timedelta() == timedelta(hours=12)
    for impossible in ("soon", "inf", "nan", "1e10", "0"):
        deployment.set(REFERENCE_MAX_AGE_HOURS=impossible)
        assert freshness("desks").warn_window.to_timedelta() == timedelta(hours=36)
        with pytest.raises(SettingsError, match="CALVEN_REFERENCE_MAX_AGE_HOURS"):
            CheckSettings.load()
