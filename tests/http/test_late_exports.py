"""Exports that come late, again, corrected, or from two systems at once: only what is new is sent."""

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from calven_pipeline.sandbox import SandboxServer
from tests.http.delivering import Pipeline

HEADER = "time,badge,desk"


def profile(name: str, *more: str) -> str:
    return "\n".join(
        [
            f"  - name: {name}",
            f"    files: '{name}/**/*'",
            "    format: csv",
            "    timezone: Europe/Athens",
            "    columns: {timestamp: time, source_user_id: badge, location_id: desk}",
            "    defaults: {location_type: place}",
            "    people: people.csv",
            *(f"    {line}" for line in more),
            "",
        ]
    )


@pytest.fixture
def pipeline(tmp_path: Path, sandbox: SandboxServer) -> Iterator[Pipeline]:
    """Badges 0 to 39 belong to the users in their order."""
    with stamina.set_testing(True, attempts=1):
        pipeline = Pipeline(tmp_path / "data", sandbox)
        pipeline.pull()
        users = [user["userId"] for user in sandbox.world.rows("users")]
        lines = [f"{badge},{user}" for badge, user in enumerate(users)]
        (pipeline.data_dir / "people.csv").write_text("\n".join(["source_user_id,user_id", *lines]) + "\n")
        yield pipeline


def profiles(pipeline: Pipeline, *sources: str) -> None:
    (pipeline.data_dir / "sources.yaml").write_text("sources:\n" + "".join(sources))


def swipe(pipeline: Pipeline, n: int, time: str = "2026-10-05 08:00") -> str:
    """Badge n at desk n."""
    desks = pipeline.sandbox.world.rows("desks")
    return f"{time},{n},{desks[n % len(desks)]['deskId']}"


def drop(pipeline: Pipeline, name: str, *lines: str) -> Path:
    path = pipeline.data_dir / "exports" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def sent(pipeline: Pipeline) -> int:
    """A run; how many events Calven accepted in it. None may have reached it twice."""
    pipeline.judge()
    accepted = pipeline.publish().accepted
    assert pipeline.most_repeats() == 0
    return accepted


def test_only_what_is_new_is_sent(pipeline: Pipeline) -> None:
    """Yesterday's file again with ten more rows; the same under another name, and packed; a correction of one row."""
    profiles(pipeline, profile("badges"))
    yesterday = [swipe(pipeline, n) for n in range(20)]
    grown = yesterday + [swipe(pipeline, n) for n in range(20, 30)]
    monday = drop(pipeline, "badges/monday.csv", *yesterday)
    assert sent(pipeline) == 20
    drop(pipeline, "badges/monday.csv", *grown)
    assert sent(pipeline) == 10

    shutil.copy(monday, monday.with_name("monday (2).csv"))
    monday.with_name("monday.csv.gz").write_bytes(gzip.compress(monday.read_bytes()))
    assert sent(pipeline) == 0
    grown.append(swipe(pipeline, 30))
    monday.with_name("tuesday.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *grown]).encode()))
    assert sent(pipeline) == 1

    drop(pipeline, "badges/correction.csv", *grown[:-1], swipe(pipeline, 35))
    drop(pipeline, "badges/shuffled.csv", *reversed(grown))
    assert sent(pipeline) == 1
    assert pipeline.outcomes() == {"accepted": 32, "duplicate": 20 + 30 + 30 + 31}


def test_a_correction_under_a_used_event_id_is_set_aside(pipeline: Pipeline) -> None:
    """Calven has the first one under that id, and takes no second: somebody must look at it."""
    profiles(pipeline, profile("badges").replace("columns: {", "columns: {event_id: badge, "))
    drop(pipeline, "badges/monday.csv", swipe(pipeline, 1))
    assert sent(pipeline) == 1
    drop(pipeline, "badges/correction.csv", swipe(pipeline, 1, "2026-10-05 08:01"), swipe(pipeline, 2))
    assert sent(pipeline) == 1
    assert pipeline.ask("select reason from rejections") == [("conflicting_event_id",)]


def test_two_systems_report_the_same_person(pipeline: Pipeline) -> None:
    """Both are sent: they saw the person at different moments, or at the same one by different means."""
    profiles(pipeline, profile("badges"), profile("wifi"))
    drop(pipeline, "badges/a.csv", swipe(pipeline, 1), swipe(pipeline, 2))
    drop(pipeline, "wifi/a.csv", swipe(pipeline, 1), swipe(pipeline, 2, "2026-10-05 08:01"))
    assert sent(pipeline) == 4


def test_two_systems_that_collapse_report_a_person_once_a_day(pipeline: Pipeline) -> None:
    """Whichever comes first; when Calven refuses it, what the other one saw is sent instead."""
    profiles(pipeline, profile("badges", "collapse: daily"), profile("wifi", "collapse: daily"))
    drop(pipeline, "badges/a.csv", swipe(pipeline, 1), swipe(pipeline, 1, "2026-10-05 18:00"), swipe(pipeline, 2))
    drop(pipeline, "wifi/a.csv", swipe(pipeline, 1, "2026-10-05 07:59"), swipe(pipeline, 2, "2026-10-06 08:00"))
    assert sent(pipeline) == 3
    drop(pipeline, "wifi/late.csv", swipe(pipeline, 1, "2026-10-05 07:00"), swipe(pipeline, 3))
    pipeline.sandbox.set_faults(["code=3"])
    assert sent(pipeline) == 0
    drop(pipeline, "badges/late.csv", swipe(pipeline, 3, "2026-10-05 12:00"))
    pipeline.sandbox.set_faults([])
    assert sent(pipeline) == 1
    assert pipeline.outcomes() == {"accepted": 4, "ignored": 3, "rejected": 1}
    assert pipeline.ask(
        "select source, local_date::varchar, strftime(occurred_at, '%H:%M'), user_id is not null from presence "
        "where reasons = ['collapsed'] order by all"
    ) == [
        ("badges", "2026-10-05", "05:00", True),
        ("badges", "2026-10-05", "15:00", True),
        ("wifi", "2026-10-05", "04:00", True),
    ]
