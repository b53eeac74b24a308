"""Does each check fail where a person should look, hold again once that is mended, and say so in `status` and in alerts?"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import stamina

from calven_pipeline.defs.alerts import alerts
from calven_pipeline.defs.operations import operations
from calven_pipeline.project import project_folder, samples_folder
from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.status.document import document
from calven_pipeline.status.facts import Status
from calven_pipeline.status.state import look
from tests.dagster.deploying import DEFINITIONS, QUIET, Deployment, Run, new_deployment
from tests.dagster.receiving import Receiver, receiving

LOOKED_AT = {  # after what the story spoils
    "staged_presence:no_source_silent",
    "validated_presence:reference_fresh",
    "validated_presence:no_badge_lost",
    "validated_presence:no_door_lost",
    "rejections:rejection_rate_usual",
    "published_presence:clock_agrees",
}
SPOILT = "staged_at = staged_at - interval 20 days where source = 'desk-sensors'"
EARLIER = """
    insert into export_files
    select -n, source, source_id, 'desks/' || n || '.jsonl', n::varchar, 1, 0, 0, staged_at - to_days(n), null
    from (from export_files where source = 'desk-sensors' order by file_id limit 1), range(1, 16) as days(n)
"""


UNFIT = {
    "users": "delete from users where user_id not in (select user_id from users order by user_id limit 5)",
    "locations": "delete from locations",
    "desks": "insert into desks select upper(desk_id), zone_id, level_id, extra, pulled_at from desks limit 3",
}


@dataclass
class Stage:
    """What one run left: results of checks with their numbers, what the webhook was told, and the status after it."""

    run: Run
    told: list[str]
    status: Status

    def __post_init__(self) -> None:
        found = [e.event_specific_data for e in self.run.events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
        self.failing = {name for name, passed in self.run.checks.items() if not passed}
        self.stories = {f"{one.asset_key.to_user_string()}:{one.check_name}": one.description for one in found}
        self.numbers = {
            f"{one.asset_key.to_user_string()}:{one.check_name}": {k: v.value for k, v in one.metadata.items()}
            for one in found
        }


@dataclass
class Story:
    """A deployment with Dagster's history as `dagster.yaml` sets it up."""

    deployment: Deployment
    instance: dg.DagsterInstance
    receiver: Receiver
    cursor: str | None = None

    def run(self, job: str) -> Stage:
        job = DEFINITIONS.resolve_job_def(job)
        with stamina.set_testing(True, attempts=1):
            result = job.execute_in_process(instance=self.instance, raise_on_error=False, run_config=QUIET)
        self.cursor = alerts(dg.build_sensor_context(instance=self.instance, cursor=self.cursor)).cursor
        repository = DEFINITIONS.get_repository_def()
        told = self.receiver.news()
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("CALVEN_ALERT_WEBHOOK")  # which would want a daemon
            status = look(lambda now: operations(project_folder(), repository, now), datetime.now(UTC))
        return Stage(Run.of(result), told, status)

    def swipes(self, day: int, badges: Iterable[str], doors: Iterable[str] = ("Main door",)) -> None:
        """A file with 50 good rows for each badge and door."""
        lines = [
            f"{day:02}/11/2026 {8 + n // 60:02}:{n % 60:02},{badge},{door},in,Access granted"
            for badge in badges
            for door in doors
            for n in range(50)
        ]
        self.deployment.add_badges(f"day-{day}.csv", lines)

    def unlist(self, file: str, *keys: str) -> None:
        path = self.deployment.data_dir / file
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith(keys)))


@pytest.fixture(scope="module")
def stages(rehearsed_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stage]]:
    """Everything is spoiled; nothing new comes; the tables do not fit, and Calven is down; all is mended."""
    ahead = [0.0]
    world = samples_folder() / "world"
    with (
        pytest.MonkeyPatch.context() as patch,
        SandboxServer(world=world, clock=lambda: datetime.now(UTC).timestamp() + ahead[0]) as sandbox,
        receiving() as receiver,
    ):
        folder = tmp_path_factory.mktemp("story")
        patch.chdir(folder)
        deployment = new_deployment(folder / "data", sandbox, patch).copy_of(rehearsed_folder)
        deployment.set(SETTLE_SECONDS="0", ALERT_WEBHOOK=receiver.url)
        with dg.DagsterInstance.from_config(str(project_folder())) as instance:
            story = Story(deployment, instance, receiver)
            deployment.working_rows(f"update export_files set {SPOILT}")
            deployment.working_rows(EARLIER)
            deployment.working_rows(
                "update reference_pulls set pulled_at = pulled_at - interval 40 hours where resource = 'desks'"
            )
            story.unlist("people.csv", "B-1002")
            story.unlist("places.csv", "Level 1 door")
            story.swipes(5, ["B-1001", "B-1002", "B-1007"], ["Main door", "Level 1 door"])
            ahead[0] = 90.0
            spoiled = story.run("ingest_presence")
            quiet = story.run("ingest_presence")

            for statement in UNFIT.values():
                deployment.working_rows(statement)
            sandbox.set_faults(["503:on=warehouse"])
            story.swipes(6, ["B-1001"])
            unfit = story.run("presence_pipeline")
            sandbox.set_faults([])
            unpulled = story.run("ingest_presence")

            for name in ("people.csv", "places.csv"):
                (deployment.data_dir / name).write_bytes((samples_folder() / name).read_bytes())
            seen = {
                "seenAt": "2026-11-06T08:00:00Z",
                "id": "late",
                "email": "person-01@sandbox.example",
                "desk": "nowhere",
            }
            (deployment.data_dir / "exports" / "desks" / "late.jsonl").write_text(json.dumps(seen))
            ahead[0] = 0.0
            mended = story.run("presence_pipeline")
        yield {"spoiled": spoiled, "quiet": quiet, "unfit": unfit, "unpulled": unpulled, "mended": mended}


def test_every_warning_fails_where_a_person_should_look(stages):
    """Each with what it found, in words without people, and the run succeeds."""
    spoiled = stages["spoiled"]
    assert spoiled.run.success
    assert spoiled.failing == LOOKED_AT
    stories = {name.partition(":")[2]: spoiled.stories[name] for name in LOOKED_AT}
    assert stories == {
        "no_source_silent": "desk-sensors is silent for 20 days; its files usually come daily.",
        "reference_fresh": "desks last pulled 40 h ago; the limit is 36 hours.",
        "no_badge_lost": "1 badge that stood for somebody before stands for nobody now.",
        "no_door_lost": "1 door that stood for a place before stands for none now: Level 1 door/in (badges).",
        "rejection_rate_usual": stories["rejection_rate_usual"],
        "clock_agrees": stories["clock_agrees"],
    }
    assert stories["rejection_rate_usual"].startswith("badges: 65.5% of its 3")
    assert stories["rejection_rate_usual"].endswith(" newest rows are rejected (the limit is 20%).")
    assert stories["clock_agrees"].startswith("This machine's clock is ")
    assert stories["clock_agrees"].endswith(" s behind Calven's.")


def test_a_warning_stays_while_nothing_new_comes(stages):
    """A run that judges and posts nothing knows nothing better."""
    quiet = stages["quiet"]
    assert quiet.run.metadata["validated_presence"]["rows_judged"] == 0
    assert quiet.run.metadata["published_presence"]["calls"] == 0
    assert quiet.failing == LOOKED_AT
    assert quiet.numbers["validated_presence:no_badge_lost"] == {"badges_lost": 1, "about": ["badges"]}
    assert quiet.numbers["validated_presence:no_door_lost"]["about"] == ["Level 1 door/in (badges)"]
    skew_s = quiet.run.metadata["published_presence"]["server_clock_skew_s"]
    assert skew_s == quiet.numbers["published_presence:clock_agrees"]["server_clock_skew_s"] == pytest.approx(90, abs=5)
    assert quiet.told == [], "told once"


def test_nothing_is_judged_by_tables_that_do_not_fit(stages):
    """Calven is down, and the tables that should serve were spoiled; each says so, in the run and to the webhook."""
    unfit = stages["unfit"]
    assert not unfit.run.success
    assert unfit.failing - LOOKED_AT == {f"{table}:fit_to_judge_by" for table in UNFIT}
    assert {table: unfit.run.failures[table].split(". ")[0] for table in UNFIT} == {
        "users": "users holds 5 rows, the last pull had 12",
        "locations": "locations is empty",
        "desks": "desks holds 3 rows whose id another row bears",
    }
    assert not {"validated_presence", "published_presence"} & set(unfit.run.metadata)
    (text,) = unfit.told
    assert text.splitlines()[0] == "FAILED: presence_pipeline"
    assert "- check users:fit_to_judge_by: users holds 5 rows" in text
    kinds = [problem.kind for problem in unfit.status.problems]
    assert kinds == ["run_failed", "reference_old", "source_silent", *["check_warns"] * 4, "snapshot_behind"]


def test_nothing_is_judged_by_them_where_nothing_is_pulled_either(stages):
    """The run that the sensor launches pulls nothing, and so no check of the tables runs in it."""
    unpulled = stages["unpulled"]
    assert set(unpulled.run.failures) == {"validated_presence"}
    assert unpulled.run.failures["validated_presence"] == (
        "desks holds 3 rows whose id another row bears; locations is empty; users holds 5 rows, the last pull had 12. "
        "Nothing is judged by it: pull it again with the job refresh_reference."
    )
    assert not {"validated_presence", "published_presence"} & set(unpulled.run.metadata)


def test_all_is_over_once_its_cause_is_mended(stages):
    mended = stages["mended"]
    assert mended.run.success
    assert mended.failing == set()
    assert len(mended.run.checks) == 17
    (text,) = mended.told
    assert text.splitlines()[0] == "RECOVERED: presence_pipeline"
    assert all(name in text for name in [*LOOKED_AT, "users:fit_to_judge_by"])
    assert mended.status.problems == ()


def test_every_run_tells_the_same_numbers(stages):
    """What Plots draws is 0 and not absent where there is nothing to tell."""
    for check in LOOKED_AT:
        names = [set(stage.numbers[check]) for stage in stages.values() if check in stage.numbers]
        assert names[0]
        assert names == [names[0]] * len(names), check


def test_warnings_are_told_once_to_the_webhook(stages):
    (text,) = stages["spoiled"].told
    heading, *lines = text.splitlines()
    assert heading == "WARNING: ingest_presence"
    assert {line.split(": ")[0].removeprefix("- check ") for line in lines} == LOOKED_AT


def test_warnings_stand_in_the_status_with_what_to_do(stages):
    """What the status looks at itself, it says in its own words: a later pull is known there before any run."""
    problems = stages["quiet"].status.problems
    assert [problem.kind for problem in problems] == ["reference_old", "source_silent", *["check_warns"] * 4]
    told = {problem.what.split(" warned ")[0]: problem for problem in problems if problem.kind == "check_warns"}
    assert set(told) == LOOKED_AT - {"staged_presence:no_source_silent", "validated_presence:reference_fresh"}
    door = told["validated_presence:no_door_lost"]
    assert door.what.endswith("stands for none now: Level 1 door/in (badges).")
    assert door.what_to_do.startswith("look whether the places table of its source lost that door")


def test_nobody_is_named_by_a_warning(stages):
    for stage in stages.values():
        told = json.dumps([stage.stories, stage.numbers, stage.told, document(stage.status)])
        assert "B-100" not in told
        assert "@" not in told
