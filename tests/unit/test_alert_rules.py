"""Is what failed told once, and that it is over once, whatever runs end in whatever order?"""

import pytest
from pydantic import SecretStr

from calven_pipeline.alerts.incidents import (
    FORGOTTEN_AFTER_S,
    LINE_LENGTH,
    MOST_KEPT,
    Ended,
    Finding,
    clean,
    take_in,
    told,
    untold,
)
from calven_pipeline.alerts.memory import Memory, remembered
from calven_pipeline.alerts.webhook import post
from calven_pipeline.alerts.wording import duration, message
from calven_pipeline.errors import SettingsError
from calven_pipeline.settings import AlertSettings
from tests.dagster.receiving import receiving

QUARTER_S = 900
KEY = "Calven refused the key."
AWAY = "Calven is away."


def run(
    number: int, *, job: str = "night", fails=None, warns=None, about=(), passes=(), is_retried: bool = False
) -> Ended:
    """The run that ended that many quarters of an hour after the first; job and passing steps by their short names."""
    failed = [Finding(subject, line) for subject, line in (fails or {}).items()]
    warned = [Finding(subject, line, is_warning=True, about=tuple(about)) for subject, line in (warns or {}).items()]
    passed = {*passes, *(() if failed else (f"job {job}",))}
    return Ended(f"run-{number}", job, number * QUARTER_S, (*failed, *warned), frozenset(passed), is_retried)


def told_after(*runs: Ended) -> list[list[str]]:
    """The lines of the messages after each run, without the last one, where to look; the webhook takes all of them."""
    incidents, heard = (), []
    for ended in runs:
        incidents = take_in(incidents, [ended])
        heard.append([])
        for group in untold(incidents):
            heard[-1] += message(group, None).splitlines()[:-1]
            incidents = told(incidents, group)
    return heard


OVER = "- check a: recovered after"
STORIES = {
    "nothing failed": ([run(1), run(2, passes=["check a"])], [[], []]),
    "the same reason three times, then well": (
        [*(run(n, fails={"check a": KEY}) for n in (1, 2, 3)), run(4, passes=["check a"])],
        [["FAILED: night", f"- check a: {KEY}"], [], [], ["RECOVERED: night", f"{OVER} 3 runs, 45 minutes"]],
    ),
    "numbers and dates are no other reason": (
        [run(1, fails={"check a": "3 events wait since 2026-11-02."}), run(2, fails={"check a": "12 events wait since 2026-11-03, 2026-11-04."})],
        [["FAILED: night", "- check a: 3 events wait since 2026-11-02."], []],
    ),
    "another reason is told, the first one is not told again": (
        [run(n, fails={"check a": line}) for n, line in enumerate((KEY, AWAY, KEY, AWAY))],
        [["FAILED: night", f"- check a: {KEY}"], ["FAILED: night", f"- check a: {AWAY}"], [], []],
    ),
    "all reasons of a check are over at once": (
        [run(1, fails={"check a": KEY}), run(2, fails={"check a": AWAY}), run(3, passes=["check a"])],
        [
            ["FAILED: night", f"- check a: {KEY}"],
            ["FAILED: night", f"- check a: {AWAY}"],
            ["RECOVERED: night", f"{OVER} 1 run, 30 minutes", f"{OVER} 1 run, 15 minutes"],
        ],
    ),
    "one message for a run, what says the same in one line": (
        [run(1, fails={"check a": KEY, "check b": KEY, "step c": KEY}, warns={"check d": AWAY})],
        [["FAILED: night", f"- checks a, b: {KEY}", f"- step c: {KEY}", "WARNING: night", f"- check d: {AWAY}"]],
    ),
    "another job fails in the same step for the same reason, and passes": (
        [run(1, fails={"step a": KEY}), run(2, job="day", fails={"step a": KEY}), run(3, job="day", passes=["step a"])],
        [["FAILED: night", f"- step a: {KEY}"], [], ["RECOVERED: day", "- step a: recovered after 2 runs, 30 minutes"]],
    ),
    "another job passes, but not in what failed": (
        [run(1, fails={"job night": KEY, "step a": KEY}), run(2, job="day", passes=["step b"])],
        [["FAILED: night", f"- job night: {KEY}", f"- step a: {KEY}"], []],
    ),
    "some of it passes while the rest still fails": (
        [run(1, fails={"check a": KEY, "check b": AWAY}), run(2, fails={"check b": AWAY}, passes=["check a"])],
        [["FAILED: night", f"- check a: {KEY}", f"- check b: {AWAY}"], ["RECOVERED: night", f"{OVER} 1 run, 15 minutes"]],
    ),
    "a warning, in runs that succeed, with other words": (
        [run(1, warns={"check a": AWAY}), run(2, warns={"check a": KEY}), run(3, passes=["check a"])],
        [["WARNING: night", f"- check a: {AWAY}"], [], ["RECOVERED: night", f"{OVER} 2 runs, 30 minutes"]],
    ),
    "a warning of more things is told again, one of fewer is not": (
        [
            run(1, warns={"check a": "1 door."}, about=["North"]),
            run(2, warns={"check a": "2 doors."}, about=["North", "South"]),
            run(3, warns={"check a": "1 door."}, about=["South"]),
            run(4, warns={"check a": "2 doors."}, about=["North", "South"]),
            run(5, passes=["check a"]),
        ],
        [
            ["WARNING: night", "- check a: 1 door."],
            ["WARNING: night", "- check a: 2 doors. (2 runs so far)"],
            [],
            ["WARNING: night", "- check a: 2 doors. (4 runs so far)"],
            ["RECOVERED: night", f"{OVER} 4 runs, 60 minutes"],
        ],
    ),
    "a warning becomes an error": (
        [run(1, warns={"check a": AWAY}), run(2, fails={"check a": AWAY})],
        [["WARNING: night", f"- check a: {AWAY}"], ["FAILED: night", f"- check a: {AWAY}"]],
    ),
    "a crashed run that Dagster starts again, well": (
        [run(1, fails={"job night": "Killed."}, is_retried=True), run(2)],
        [[], []],
    ),
    "a crashed run that Dagster starts again in vain": (
        [run(1, fails={"job night": "Killed."}, is_retried=True), run(2, fails={"job night": "Killed."}), run(3)],
        [[], ["FAILED: night", "- job night: Killed. (2 runs so far)"], ["RECOVERED: night", "- job night: recovered after 2 runs, 30 minutes"]],
    ),
    "it fails again after it was over": (
        [run(1, fails={"step a": KEY}), run(2, passes=["step a"]), run(3, fails={"step a": KEY})],
        [["FAILED: night", f"- step a: {KEY}"], ["RECOVERED: night", "- step a: recovered after 1 run, 15 minutes"], ["FAILED: night", f"- step a: {KEY}"]],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("runs", "heard"), STORIES.values(), ids=STORIES)
def test_what_is_told_after_each_run(runs, heard):
    assert told_after(*runs) == heard


def test_what_the_webhook_did_not_take_is_told_later():
    """Nobody was told of the failure, so the recovery tells it too; what came and went for retries is nobody's concern."""
    runs = [run(1, fails={"check a": KEY, "check b": KEY}), run(2, fails={"check b": KEY}, passes=["check a"])]
    incidents = take_in(take_in((), runs[:1]), runs[1:])
    failed, over = untold(incidents)
    assert message(failed, None).splitlines()[:2] == ["FAILED: night", f"- check b: {KEY} (2 runs so far)"]
    assert message(over, None).splitlines()[:2] == [
        "RECOVERED: night",
        f"{OVER} 1 run, 15 minutes; nobody was told yet that it failed: {KEY}",
    ]
    assert untold(told(told(incidents, failed), over)) == []


def test_a_message_says_where_the_run_is():
    (group,) = untold(take_in((), [run(1, fails={"check a": KEY})]))
    assert message(group, "http://dagster.example:3000").endswith("\nhttp://dagster.example:3000/runs/run-1")
    assert "run-1" in message(group, None).splitlines()[-1]


def test_a_recovery_leads_to_the_run_that_recovered():
    incidents = take_in((), [run(1, fails={"check a": KEY})])
    incidents = take_in(told(incidents, *untold(incidents)), [run(2, job="day", passes=["check a"])])
    (group,) = untold(incidents)
    assert message(group, "http://x").splitlines() == [
        "RECOVERED: day",
        f"{OVER} 1 run, 15 minutes",
        "http://x/runs/run-2",
    ]


def test_no_address_of_a_person_and_no_command_to_slack_gets_out():
    """Our lines hold none; should one ever, it stops here."""
    line = f"Cannot read <!channel> & 'holder.12@example.org', mailto:b.13@mail.example\n(<c@d>) {'x' * 400}"
    (group,) = untold(take_in((), [run(1, fails={"check a": line})]))
    told_line = message(group, None).splitlines()[1]
    assert "@" not in told_line
    assert "example" not in told_line
    assert "&lt;!channel&gt; &amp; '(address left out)'" in told_line
    assert len(clean(line)) == LINE_LENGTH


def test_a_long_list_is_cut():
    (group,) = untold(take_in((), [run(1, fails={f"check {n}": f"{chr(97 + n)}." for n in range(25)})]))
    lines = message(group, None).splitlines()
    assert lines[11] == "- and 15 more"
    assert len(lines) == 13


def test_what_is_remembered_is_bounded_and_the_oldest_told_goes_first():
    """Dagster stores it with every look."""
    incidents = take_in((), [run(0, fails={"check told": KEY})])
    incidents = told(incidents, incidents)
    for number in range(1, 100):
        incidents = take_in(incidents, [run(number, fails={f"check {chr(97 + number)} {'y' * 200}": "ä" * 400})])
    assert len(incidents) == MOST_KEPT
    assert "check told" not in {incident.subject for incident in incidents}
    assert {incident.run_id for incident in incidents} == {f"run-{number}" for number in range(100 - MOST_KEPT, 100)}
    assert len(Memory(1, incidents).text()) < MOST_KEPT * 650
    assert len(Memory(1, told(incidents, incidents)).text()) < MOST_KEPT * 300


def test_what_a_warning_is_about_is_remembered_in_few_letters_and_without_names():
    doors = [f"Door {number:03}" for number in range(500)]
    memory = Memory(1, take_in((), [run(1, warns={"check a": AWAY}, about=doors)]))
    assert remembered(memory.text()) == memory
    assert len(memory.text()) < 650
    assert "Door" not in memory.text()


def test_what_never_passes_is_forgotten_after_a_month():
    """A check that was renamed."""
    incidents = take_in((), [run(1, fails={"check a": KEY})])
    later = Ended("later", "night", QUARTER_S + FORGOTTEN_AFTER_S)
    assert take_in(incidents, [later]) == incidents, "nobody was told yet"
    assert take_in(told(incidents, incidents), [later]) == ()


def test_memory_is_read_back_and_anything_else_is_none():
    incidents = take_in((), [run(1, fails={"check a": KEY, "step b": AWAY}), run(2, passes=["check a"])])
    memory = Memory(7, incidents)
    assert remembered(memory.text()) == memory
    for text in (None, "", "17", "[]", "{}", '{"version":2}', '{"version":1,"read_to":1,"incidents":[{"what":1}]}'):
        assert remembered(text) is None, text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(59, "less than a minute"), (60, "1 minute"), (7140, "119 minutes"), (7200, "2 hours"), (172800, "2 days")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("status", "headers", "why"),
    [
        (200, {}, None),
        (204, {}, None),
        (404, {}, "the webhook answered 404 (Not Found)"),
        (799, {}, "the webhook answered 799 (no known status)"),
        (302, {"Location": "http://127.0.0.1:1/elsewhere"}, "the webhook answered 302 (Found)"),
    ],
)
def test_the_webhook_is_posted_json_and_its_address_is_kept(status, headers, why):
    with receiving(status, **headers) as receiver:
        assert post(SecretStr(receiver.url), "Ünïted <text>") == why
    assert receiver.calls == [("application/json", {"text": "Ünïted <text>"})], "once, and no redirect is followed"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/very-secret", "http://127.0.0.1:99999/very-secret", "http://localhost:x/very-secret"])  # fmt: skip
def test_a_webhook_that_is_not_there_is_no_exception(url):
    why = post(SecretStr(url), "text")
    assert why.startswith("the webhook could not be reached (")
    assert "secret" not in why


@pytest.mark.parametrize(
    "url", ["http://hooks.example/very-secret", "hooks.example/very-secret", "https://[very-secret"]
)
def test_a_webhook_that_would_show_alerts_to_others_is_refused_without_being_shown(url, monkeypatch):
    monkeypatch.setenv("CALVEN_ALERT_WEBHOOK", url)
    with pytest.raises(SettingsError, match="CALVEN_ALERT_WEBHOOK: ") as caught:
        AlertSettings.load()
    assert "very-secret" not in str(caught.value)
