"""Can somebody who knows Dagster alone run this, see why something went wrong, mend it, and send again?"""

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.browser.clicking import Person

if TYPE_CHECKING:
    from tests.browser.serving import Served
    from tests.dagster.receiving import Receiver

pytestmark = pytest.mark.browser

TOLD_WITHIN_S = 60  # the sensor looks every half minute
BADGE = "B-2001"  # of the samples; nobody's
VISIT = "e78280b9-b743-549e-8503-7c3bd434c167"  # the first of the samples' visitors.csv, which is `api-shaped`


@pytest.fixture(autouse=True)
def right_key(served: "Served", person: Person) -> None:
    """A test that uses another key leaves it to the next to put the right one back."""
    if served.key != "sandbox-all":
        served.use_key("sandbox-all")
        person.reload_definitions()


def first_alert(receiver: "Receiver") -> str:
    """The first line of the next alert that arrives."""
    until = time.monotonic() + TOLD_WITHIN_S
    while not (news := receiver.news()):
        assert time.monotonic() < until, "no alert arrived"
        time.sleep(0.2)
    return news[0].splitlines()[0]


def test_a_wrong_role_is_told_on_the_runs_page_and_by_alerts(served: "Served", person: Person, receiver: "Receiver"):
    """And after another key in `.env` and a reload everything is delivered, and the recovery told."""
    served.use_key("sandbox-events")
    person.reload_definitions()
    receiver.calls.clear()
    assert person.materialize_all() == "Failure"
    person.see(re.compile(r"is not permitted \(403\): the key in CALVEN_API_KEY lacks the role 'Data Warehouse'"))
    person.see(re.compile("set CALVEN_WAREHOUSE_API_KEY and _SECRET"))
    assert first_alert(receiver).startswith("FAILED")

    served.use_key("sandbox-all")
    person.reload_definitions()
    assert person.materialize_all() == "Success", person.log()
    assert first_alert(receiver).startswith("RECOVERED")


def test_an_unmapped_badge_is_found_on_rejections_and_mended(served: "Served", person: Person):
    """By the table of reasons and what to do; the next run delivers its row."""
    assert person.materialize_all() == "Success", person.log()
    accepted = len(served.sandbox.accepted())
    person.open_asset("rejections")
    advice = person.read_markdown("what_to_do")
    person.see("add the badge to people", advice.get_by_role("row", name=re.compile("unmapped_person")))

    with (served.data_dir / "people.csv").open("a") as people:
        people.write(f"{BADGE},person-09@sandbox.example\n")
    assert person.materialize_all() == "Success", person.log()
    person.open_asset("rejections")
    advice = person.read_markdown("what_to_do")
    person.see("unmapped_place", advice)
    assert "unmapped_person" not in advice.inner_text()
    assert len(served.sandbox.accepted()) == accepted + 1


def test_checks_plots_and_a_replay(served: "Served", person: Person):
    """What was accepted goes out again under the same event ids, as the launchpad was told."""
    assert person.materialize_all() == "Success", person.log()

    person.open_asset("published_presence", tab="Checks")
    person.page.get_by_text("books_balance").first.click()
    person.see("blocking")
    person.see(re.compile(r"rows read, each in one outcome: \d+ accepted"))

    person.open_asset("published_presence")
    person.button("Plots").click()
    person.see("events_accepted")
    person.page.locator("canvas").first.wait_for()

    before = served.sandbox.times_received(VISIT)
    wanted = {"dry_run: true": "dry_run: false", "- rejected": "- accepted", "reasons: []": "source: api-shaped"}
    assert person.launch("replay", wanted) == "Success", person.log()
    assert served.sandbox.times_received(VISIT) == before + 1
