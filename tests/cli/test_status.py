"""Does `status` say what is wrong, and nothing else, whatever state a data folder is in?"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import cache

import dagster as dg
import duckdb
import pytest
import stamina
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat
from dagster._utils.error import serializable_error_info_from_exc_info
from rich.console import Console

from calven_pipeline.cli import _launch_presence_pipeline, main
from calven_pipeline.definitions import defs
from calven_pipeline.defs.operations import operations
from calven_pipeline.project import project_folder, samples_folder
from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.settings import PublishMode
from calven_pipeline.status.document import document
from calven_pipeline.status.facts import Holdings, Operations, Rejection, Run, Source, Status, Waiting
from calven_pipeline.status.holdings import read_holdings
from calven_pipeline.status.problems import find_problems, with_silence
from calven_pipeline.status.screen import show
from calven_pipeline.status.state import look
from calven_pipeline.validation.advice import WHAT_TO_DO
from calven_pipeline.validation.reasons import REASONS
from calven_pipeline.warehouse.database import open_working_database

KEY = {"API_KEY": "sandbox-all", "API_SECRET": "sandbox-all-secret"}
HEAVY = {"httpx", "pyarrow"} | ({"pandas"} if duckdb.__version__ >= "2" else set())  # 1.5 loads it for any parameter
README = (project_folder() / "README.md").read_text(encoding="utf-8")
# Dagster 1.13.27 asks pydantic for resources' fields in a way that pydantic 2.11 and newer warns of.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")


def settle(patch, data_dir, url="http://127.0.0.1:9", **settings):
    """A folder and an empty working directory, so that no `.env` speaks, and these settings alone."""
    for name in [name for name in os.environ if name.startswith(("CALVEN_", "DAGSTER_"))]:
        patch.delenv(name)
    for name, value in {"DATA_DIR": str(data_dir), "API_URL": url, **KEY, **settings}.items():
        patch.setenv(f"CALVEN_{name}", value)
    patch.setenv("COLUMNS", "80")
    patch.setenv("TERM", "dumb")
    patch.chdir(data_dir.parent)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A data folder after a good run, and the same one after a second run with a wrong key, which left an event waiting.

    The event came with a file that was read before and has grown.
    """
    good, bad = (tmp_path_factory.mktemp(name) / "data" for name in ("good", "bad"))
    shutil.copytree(samples_folder(), good, ignore=shutil.ignore_patterns("world", "systems"))
    with pytest.MonkeyPatch.context() as patch, SandboxServer(world=samples_folder() / "world") as sandbox:
        settle(patch, good, sandbox.url, SETTLE_SECONDS="0")
        assert _launch_presence_pipeline() is None
        shutil.copytree(good, bad)
        settle(patch, bad, sandbox.url, API_SECRET="not-the-secret", SETTLE_SECONDS="0")
        with (bad / "exports" / "badges" / "2026-11-03.csv").open("a") as file:
            file.write("04/11/2026 08:00,B-1001,Main door,in,Access granted\n")
        with stamina.set_testing(True, attempts=1):
            assert _launch_presence_pipeline() is not None
        yield good, bad, sandbox


@pytest.fixture
def good(folders, monkeypatch):
    settle(monkeypatch, folders[0])
    return folders[0]


@pytest.fixture
def bad(folders, monkeypatch):
    settle(monkeypatch, folders[1])
    return folders[1]


@pytest.fixture
def copied(folders, monkeypatch, tmp_path):
    """A copy of the good folder, to be changed."""
    shutil.copytree(folders[0], tmp_path / "data")
    settle(monkeypatch, tmp_path / "data")
    return tmp_path / "data"


@cache
def repository():
    return defs().get_repository_def()


def later(**span):
    return look(lambda now: operations(project_folder(), repository(), now), datetime.now(UTC) + timedelta(**span))


def kinds(status):
    return [problem.kind for problem in status.problems]


def on_screen(status, width=80):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    show(status, console)
    return console.file.getvalue()


# In words and as JSON


def test_all_is_well(good):
    """On one screen, plain, from a process of its own while another holds the working database; writes nothing."""
    before = sorted(path for path in good.rglob("*") if path.is_file())
    code = (
        "import sys; from calven_pipeline.cli import main; code = main(['status']); "
        f"print(*sorted({HEAVY} & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    environment = {**os.environ, "PYTHONPATH": str(project_folder())}
    with open_working_database(good):
        answer = subprocess.run(
            (sys.executable, "-c", code), cwd=good.parent, capture_output=True, text=True, check=False, env=environment
        )
    out = answer.stdout

    assert (answer.returncode, answer.stderr.strip()) == (0, ""), "pandas and httpx take two seconds to load"
    assert "\x1b" not in out
    assert "Nothing is wrong." in out
    assert re.search(r"presence_pipeline +\d+ s ago +\d+ s +succeeded", out)
    assert re.search(r"Rows +accepted +rejected +pending +duplicate +ignored +in all", out)
    for line in (r"all +24 +17 +0 +3 +1 +45", r"read in 24 h +24 +17 +0 +3 +1 +45"):
        assert re.search(line, out)
    assert re.search(r"malformed_row +2 .*mend the row in the export", out)
    assert re.search(r"badges +2026-11-03.csv +\d+ s ago +10 +\d+ d ago +too few", out)
    assert re.search(r"Reference +12 users, 2 locations, 20 desks, pulled \d+ s ago", out)
    assert re.search(r"retry_pending +off +never", out)
    assert len(out.splitlines()) <= 40
    assert max(map(len, out.splitlines())) <= 80
    assert [path for path in sorted(good.rglob("*")) if path.is_file()] == before


def test_the_same_for_scripts(bad, capfd):
    """The names are a promise; times are UTC."""
    assert main(["status", "--json"]) == 1
    out, _ = capfd.readouterr()
    told = json.loads(out)

    assert {name: sorted(value[0]) for name, value in told.items() if isinstance(value, list)} == {
        "problems": ["kind", "what", "what_to_do"],
        "runs": ["ended_at", "job", "problem", "run_id", "started_at", "status"],
        "rejections": ["first_rejected_at", "reason", "rows", "what_to_do"],
        "sources": [
            "in_profiles", "is_silent", "last_event_at", "last_file", "last_file_at", "last_file_rows", "longest_usual_days",
            "name", "silent_days", "usual_days",
        ],
        "reference": ["pulled_at", "row_count", "table"],
        "automations": ["is_on", "is_switched_on", "kind", "last_tick", "last_tick_at", "name", "next_tick_at", "story"],
    }  # fmt: skip
    assert {name for name, value in told.items() if not isinstance(value, list)} == {
        "version", "at", "data_dir", "well", "waiting", "outcomes", "snapshot", "daemon",
    }  # fmt: skip
    assert told["well"] is False
    assert told["outcomes"]["all"] == {"accepted": 24, "rejected": 17, "pending": 1, "duplicate": 13, "ignored": 1}
    assert told["waiting"] == {
        "events": 1,
        "read_at": told["sources"][0]["last_file_at"],
        "occurred_at": "2026-11-04T06:00:00Z",
    }
    assert told["sources"][0]["last_file"] == "badges/2026-11-03.csv"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["at"])


def test_nobody_is_named(bad):
    """Neither people nor badges nor rows, in either form."""
    status = later()
    told = on_screen(status) + json.dumps(document(status))
    with duckdb.connect(str(bad / "calven.duckdb"), read_only=True) as snapshot:
        people = snapshot.sql(
            "select unnest([user_email, user_id, source_user_id]) from presence union select unnest([email, user_name]) from users "
            "union select detail from rejections union select raw from rejections"
        ).fetchall()
    assert len(people) > 50
    assert [person for (person,) in people if person and person in told] == []


# What is wrong


def test_a_failed_run_and_what_it_left(bad):
    status = later()
    assert kinds(status) == ["run_failed"], "one event waits, but not for long"
    (problem,) = status.problems
    assert problem.what.startswith("presence_pipeline failed ")
    assert "Calven refused the key in CALVEN_API_KEY" in problem.what
    assert "was answered 401. Check CALVEN_API_KEY" in problem.what, "without Calven's words"
    assert problem.what_to_do == "mend that, then `uv run dg launch --job presence_pipeline`"
    screen = on_screen(status)
    assert screen.splitlines()[1] == "1 thing is wrong"
    assert re.search(r"presence_pipeline .* failed: ", screen)
    assert re.search(r"Waiting +1 event, the oldest read \d+ s ago", screen)


def test_three_days_later(bad, monkeypatch):
    """Nobody ran anything: what is old says so, each with what to do."""
    status = later(days=3)
    assert kinds(status) == ["run_failed", "events_waiting", "reference_old", "nobody_looks"]
    waiting, reference, nobody = status.problems[1:]
    assert (waiting.what, waiting.what_to_do) == (
        "1 event not delivered, the oldest read 3 d ago",
        "`uv run dg launch --job retry_pending`",
    )
    assert reference.what.startswith("users, locations, desks last pulled 3 d ago")
    assert nobody.what == "nobody has looked for new exports for 3 d"
    assert status.holdings.outcomes_24_h == dict.fromkeys(status.holdings.outcomes, 0)
    assert len(on_screen(status).splitlines()) <= 40
    monkeypatch.setenv("CALVEN_REFERENCE_MAX_AGE_HOURS", "96")
    assert "reference_old" not in kinds(later(days=3))


def test_events_that_wait_for_a_dry_run_to_end():
    held = Holdings(datetime(2026, 11, 2, tzinfo=UTC), 1, waiting=Waiting(5, datetime(2026, 11, 2, tzinfo=UTC)))
    now = datetime(2026, 11, 4, tzinfo=UTC)
    (problem,) = find_problems(Operations(), held, [], [], PublishMode.DRY_RUN, now)
    assert problem.what_to_do == "set CALVEN_PUBLISH=live: dry-run posts nothing"


def test_a_failure_is_made_good_by_any_run_that_does_what_failed(folders, bad, monkeypatch, tmp_path):
    """The event by one job, the pulls by another; only then is nothing wrong."""
    shutil.copytree(bad, tmp_path / "data")
    settle(monkeypatch, tmp_path / "data", folders[2].url)

    assert run("retry_pending")
    assert kinds(later()) == ["run_failed"], "the event is delivered, but the pulls failed too"
    assert run("refresh_reference")
    status = later()
    assert kinds(status) == []
    assert [(shown.job, shown.status) for shown in status.operations.runs] == [
        ("refresh_reference", "succeeded"),
        ("retry_pending", "succeeded"),
        ("presence_pipeline", "failed"),
        ("presence_pipeline", "succeeded"),
    ]
    pulled = {pull.pulled_at for pull in status.pulls}
    assert min(pulled) > status.holdings.written_at, "newer than the snapshot knows"


def run(job):
    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        return (
            defs()
            .resolve_job_def(job)
            .execute_in_process(instance=instance, raise_on_error=False, run_config=quiet)
            .success
        )


@pytest.mark.parametrize(("files", "more"), [(2, 0), (7, 2)])
def test_each_file_of_a_failed_reading_has_its_line(files, more):
    """Long ones wrap. Once they were one text, cut before the second file's name."""
    now = datetime(2026, 11, 4, tzinfo=UTC)
    lines = [f"Cannot read badges/{n}.csv of source badges: {'its words are many, ' * 8}end" for n in range(files)]
    run = Run("some-id", "presence_pipeline", "failed", now, now, "\n".join(lines))
    found = Operations(runs=(run,), failed=(run,))
    problems = tuple(find_problems(found, None, [], [], None, now))
    shown = on_screen(Status(now, "/srv", problems, found, None, (), ()))
    screen = "\n".join(line.rstrip() for line in shown.splitlines())
    assert re.findall(r"^  - Cannot read badges/(\d).csv", screen, re.MULTILINE) == [
        str(n) for n in range(files - more)
    ]
    assert re.search(r"presence_pipeline failed 0 s ago:$", screen, re.MULTILINE)
    assert screen.count("end\n") == files - more
    assert (f"  and {more} more\n" in screen) is (more > 0)
    assert re.search(r"presence_pipeline .* failed: Cannot", screen)


def test_a_snapshot_that_the_last_run_did_not_write(copied):
    long_ago = datetime.now(UTC) - timedelta(days=1)
    os.utime(copied / "calven.duckdb", (long_ago.timestamp(),) * 2)
    (problem,) = later().problems
    assert (problem.kind, problem.what) == (
        "snapshot_behind",
        "calven.duckdb is 24 h old: the last run did not write it",
    )


# Sources


def test_a_source_that_fell_silent(copied):
    """Badges came on ten weekdays after a long pause, and then no more."""
    weekdays = [date(2026, 11, day) for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)]
    (copied / "calven.duckdb").chmod(0o600)
    with duckdb.connect(str(copied / "calven.duckdb")) as snapshot:
        snapshot.execute("delete from export_files where source = 'badges'")
        for day in [date(2026, 10, 1), *weekdays]:
            row = ["badges", f"badges/{day}.csv", "", 1, 1, datetime(day.year, day.month, day.day, 23, 50)]  # noqa: DTZ001
            snapshot.execute("insert into export_files values (?, ?, ?, ?, ?, ?, null)", row)
    badges = read_holdings(copied, datetime(2026, 11, 17, tzinfo=UTC)).sources[1]
    assert (badges.name, badges.last_file, badges.usual_days, badges.longest_usual_days) == (
        "badges", "badges/2026-11-13.csv", 1, 3,
    )  # fmt: skip

    def silence(day, *, looked=None, in_profiles=True):
        now = datetime(2026, 11, day, 12, tzinfo=UTC)
        source = with_silence(badges, looked, now, in_profiles=in_profiles)
        return source.silent_days, source.is_silent

    assert silence(16) == (3, False), "a Monday, as every week"
    assert silence(17) == (4, True)
    assert silence(17, looked=datetime(2026, 11, 14, tzinfo=UTC)) == (1, False), "nobody has looked since"
    assert silence(17, in_profiles=False) == (4, False), "nobody reads it any more"
    told = list(
        find_problems(
            Operations(),
            None,
            [with_silence(badges, None, datetime(2026, 11, 17, tzinfo=UTC), in_profiles=True)],
            [],
            None,
            datetime(2026, 11, 17, tzinfo=UTC),
        )
    )
    assert [problem.what for problem in told] == ["badges is silent for 4 days; its files usually come daily"]


def test_sources_of_the_profiles_and_of_before(copied):
    """A source without files yet, and one that is no longer there."""
    profiles = (copied / "sources.yaml").read_text()
    (copied / "sources.yaml").write_text(profiles.replace("name: badges", "name: new-badges"))
    status = later()
    assert [(source.name, source.in_profiles, source.last_file is None) for source in status.sources] == [
        ("new-badges", True, True),
        ("desk-sensors", True, False),
        ("api-shaped", True, False),
        ("badges", False, False),
    ]
    assert re.search(r"new-badges +none yet", on_screen(status))
    assert re.search(r"badges .* no longer", on_screen(status))


# Schedules and sensors


def test_schedules_ticks_and_the_daemon(copied):
    """Switched on, it is the daemon's; without one, or with a tick that failed, something is wrong."""
    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        switch_on(instance, "retry_pending", TickStatus.SKIPPED, skip_reason="Nothing waits.")
        status = later()
        (problem,) = status.problems
        assert problem.kind == "daemon_silent"
        assert problem.what == "retry_pending on, but Dagster's daemon has not been seen ever"

        now = datetime.now(UTC)
        instance.add_daemon_heartbeat(DaemonHeartbeat(now.timestamp(), "SCHEDULER", "some-id"))
        status = later()
        assert kinds(status) == []
        (retry,) = (a for a in status.operations.automations if a.name == "retry_pending")
        assert (retry.kind, retry.is_on, retry.last_tick, retry.story) == (
            "schedule",
            True,
            "skipped",
            "Nothing waits.",
        )
        assert timedelta(0) < retry.next_tick_at - status.at <= timedelta(minutes=15)
        assert re.search(r"retry_pending +on +in \d+ (s|min) +\d+ s ago +skipped", on_screen(status))
        assert kinds(later(minutes=2)) == ["daemon_silent"]

        for error, words in (
            (told(dg.DagsterError("exports: Permission denied")), "exports: Permission denied"),
            (
                told(dg.DagsterError("wrapped"), KeyError("anna@example.com")),
                "Unforeseen KeyError; why stands in its log",
            ),
        ):
            switch_on(instance, "retry_pending", TickStatus.FAILURE, error=error)
            (problem,) = later().problems
            assert problem.what.startswith(f"the schedule retry_pending failed at its last tick: {words}")


def test_no_daemon_no_next_tick_and_no_alerts(good, monkeypatch):
    """Once `alerts` was due in 29 s before any daemon had run. That they are on as shipped matters to who wants alerts."""
    status = later()
    assert kinds(status) == []
    assert re.search(r"^  alerts +on +no daemon +never", on_screen(status), re.MULTILINE)
    monkeypatch.setenv("CALVEN_ALERT_WEBHOOK", "https://hooks.example/x")
    (problem,) = later().problems
    assert (problem.kind, problem.what) == (
        "daemon_silent",
        "alerts on, but Dagster's daemon has not been seen ever",
    )
    monkeypatch.setenv("CALVEN_ALERT_WEBHOOK", "no address")
    assert kinds(later()) == ["settings"]


def told(error, cause=None):
    """The error as Dagster keeps it."""
    try:
        raise error from cause
    except dg.DagsterError:
        return serializable_error_info_from_exc_info(sys.exc_info())


def switch_on(instance, name, status, **tick):
    """As the UI does, with a last tick."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(module_name="calven_pipeline.definitions"), "calven_pipeline"
    )
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    now = datetime.now(UTC).timestamp()
    if instance.get_instigator_state(origin.get_id(), origin.get_selector().get_id()) is None:
        data = ScheduleInstigatorData("*/15 * * * *", now)
        instance.add_instigator_state(InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data))
    instance.create_tick(
        TickData(
            origin.get_id(),
            name,
            InstigatorType.SCHEDULE,
            status,
            now,
            selector_id=origin.get_selector().get_id(),
            **tick,
        )
    )


# Where not everything is there


def test_an_empty_folder_says_what_to_do_first(tmp_path, monkeypatch, capfd):
    """And stays empty."""
    settle(monkeypatch, tmp_path / "data")
    assert main(["status"]) == 1
    out = capfd.readouterr().out
    assert f"nothing has run yet in {tmp_path / 'data'}" in " ".join(out.split())
    assert "uv run calven-pipeline demo" in " ".join(out.split())
    assert not (tmp_path / "data").exists()


def damage(path):
    path.write_bytes(b"no database")


def age_it(path):
    """As a version wrote it that knew no `row_id`."""
    with duckdb.connect(str(path)) as snapshot:
        snapshot.execute("alter table presence drop column row_id")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (damage, "calven.duckdb cannot be read ("),
        (age_it, "calven.duckdb was written by another version of this project."),
    ],
)
def test_a_snapshot_that_cannot_be_read_is_one_line(copied, spoil, told):
    """What Dagster knows is shown all the same."""
    (copied / "calven.duckdb").chmod(0o600)
    spoil(copied / "calven.duckdb")
    status = later()
    (problem,) = status.problems
    assert (problem.kind, problem.what.startswith(told)) == ("snapshot_unreadable", True)
    assert "Launch retry_pending or presence_pipeline" in problem.what
    assert [(shown.job, shown.status) for shown in status.operations.runs] == [("presence_pipeline", "succeeded")]
    assert "none that can be read" in on_screen(status)
    assert document(status)["outcomes"] is None


def test_a_history_of_runs_that_cannot_be_read(copied):
    (copied / "state" / "dagster" / "history" / "runs.db").write_bytes(b"no database, " * 100)
    status = later()
    assert kinds(status) == ["runs_unreadable"]
    assert status.holdings.outcomes["accepted"] == 24


def test_settings_and_profiles_that_cannot_work(copied, monkeypatch):
    """Said first; what can be told without them is told."""
    monkeypatch.setenv("CALVEN_CONCURRENCY", "many")
    (copied / "sources.yaml").write_text("sources: [{name: x, files: '*.csv', colums: {}}]")
    status = later()
    assert kinds(status) == ["settings", "profiles"]
    assert "CALVEN_CONCURRENCY" in status.problems[0].what
    assert len(status.sources) == 3


# Words, and room for them


def test_every_reason_has_advice_in_the_words_of_the_readme():
    assert list(WHAT_TO_DO) == list(REASONS)
    shown = dict(re.findall(r"^\| (?:read|validate|calven) \| `(\w+)` \| \w+ \| (.*) \|$", README, re.MULTILINE))
    told = {reason: shown.get(reason, "").replace("`", "").lower() for reason in WHAT_TO_DO}
    assert {reason: words for reason, words in WHAT_TO_DO.items() if words.lower() not in told[reason]} == {}


@pytest.mark.parametrize(("reason", "times"), [("unmapped_place", 1), ("malformed_row", 0)])
def test_what_follows_a_mended_mapping_is_said_once(reason, times):
    now = datetime(2026, 11, 20, tzinfo=UTC)
    open_ones = (Rejection(reason, 3, now, WHAT_TO_DO[reason]), Rejection("future_timestamp", 1, now, ""))
    screen = on_screen(Status(now, "/srv", (), Operations(), Holdings(now, 1, rejections=open_ones), (), ()))
    assert screen.count("\n  mapped or listed? then `uv run dg launch --job ingest_presence`\n") == times


def test_a_crowded_state_still_fits():
    """Long names, many sources and problems: cut, and said so."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    sources = tuple(
        Source(f"a-source-with-quite-a-long-name-{n}", "x" * 90, now, 10**8, now, 1, 3, 9, True) for n in range(12)
    )
    reasons = tuple(Rejection(reason, 10**7, now, words) for reason, words in WHAT_TO_DO.items())
    problems = tuple(find_problems(Operations(), None, sources, [], None, now))
    screen = on_screen(
        Status(
            now, "/srv/" + "deep/" * 30, problems, Operations(), Holdings(now, 10**11, rejections=reasons), sources, ()
        )
    )
    assert len(problems) == 12
    assert re.search(r"and \d+ more: --json", screen)
    assert re.search(r"^  \d+ more: --json", screen, re.MULTILINE)
    assert "SILENT, " in screen
    assert max(map(len, screen.splitlines())) <= 80
    assert len(screen.splitlines()) <= 40
