"""`normalize` heals: rows that were read before it are judged by what its steps make of them today, and keep their event ids."""

from __future__ import annotations

import pytest

from calven_pipeline.validation.spellings import can_be_repeated
from tests.sql.conftest import Pipeline

TIME = "2026-10-01T10:00:00Z"
PEOPLE = "source_user_id,user_id"
PLACES = "source_place,location_id,location_type"


def doors(pipeline: Pipeline, normalize: str = "{}", name: str = "doors") -> None:
    pipeline.profile(
        f"sources:\n  - name: {name}\n    files: '{name}*.csv'\n    people: people.csv\n    places: places.csv\n"
        "    columns: {timestamp: t, source_user_id: badge, place: door, user_id: u, location_id: l}\n"
        f"    defaults: {{location_type: location}}\n    normalize: {normalize}\n"
    )


def swipes(pipeline: Pipeline, *lines: str, name: str = "doors.csv") -> None:
    """Badge, door, user and location of each row."""
    pipeline.export(name, "t,badge,door,u,l\n" + "".join(f"{TIME},{line}\n" for line in lines))


def test_badges_are_found_as_they_are_written_today(pipeline: Pipeline) -> None:
    """Rejected ones heal and waiting ones stay; a row that names its user needs no badge; another badge finds nobody."""
    pipeline.table("people.csv", PEOPLE, "21,U-ann", "00022,U-bob", "0:9,U-eve")
    pipeline.table("places.csv", PLACES)
    doors(pipeline)
    swipes(pipeline, "00021,,,Office", "00022,,,Office", "00A7,,U-ann,Office", "00023,,,Office", "7:9,,,Office")
    pipeline.run()
    unmapped = "rejected: unmapped_person"
    assert pipeline.outcomes() == [unmapped, "valid", "valid", unmapped, unmapped]
    events = pipeline.ask("select event_key from staged_presence order by row_id")
    doors(pipeline, "{source_user_id: [facility, leading_zeros]}")
    assert pipeline.run().healed == 1
    assert pipeline.outcomes() == ["valid", "valid", "valid", unmapped, "rejected: unknown_user"]
    assert [row.user_id for row in pipeline.rows()[:3]] == ["U-ann", "U-bob", "U-ann"]
    assert pipeline.ask("select detail from rejections where status = 'open' order by row_id") == [
        "not in the people table: 00023",
        "no Calven user: U-eve",
    ]
    assert pipeline.ask("select event_key from staged_presence order by row_id") == events
    assert pipeline.ask("select row_id from outbox order by 1") == [1, 2, 3]
    swipes(pipeline, "7: 0022,,,Office", name="doors-2.csv")  # the space is no part of the number
    pipeline.run()
    assert pipeline.rows()[5].user_id == "U-bob"


def test_doors_are_found_as_they_are_written_today(pipeline: Pipeline) -> None:
    """By the key, by a line without a target, by the pattern that is closest."""
    pipeline.table("people.csv", PEOPLE)
    pipeline.table(
        "places.csv", PLACES, "Main  door,Office,location", "hq*,Level-1,level", "HQ 1*,Zone-1,zone", "hq 13,,"
    )
    doors(pipeline)
    swipes(pipeline, ",Main  door,U-ann,", ",main door,U-bob,", ",hq   12,U-ann,", ",hq   13,U-ann,", ",x  y,U-ann,")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "rejected: unmapped_place", "valid", "valid", "rejected: unmapped_place"]
    doors(pipeline, "{place: [spaces]}")
    pipeline.run()
    unmapped = "rejected: unmapped_place"
    assert pipeline.outcomes() == ["valid", "valid", "valid", unmapped, unmapped]
    assert [row.location_id for row in pipeline.rows()[:3]] == ["Office", "Office", "Zone-1"]


def test_the_steps_outlive_the_profile(pipeline: Pipeline) -> None:
    """As its tables do: their keys are written so. Rows read between two changes, and judged after, are no other."""
    pipeline.table("people.csv", PEOPLE, "21,U-ann", "22,U-bob", "23,U-eve")
    pipeline.table("places.csv", PLACES)
    doors(pipeline)
    swipes(pipeline, "00021,,,Office", "00023,,,Office")
    pipeline.run()
    swipes(pipeline, "0022,,,Office", name="doors-2.csv")
    pipeline.stage()
    doors(pipeline, "{source_user_id: leading_zeros}")
    pipeline.validate()
    assert pipeline.outcomes() == ["valid", "rejected: unknown_user", "valid"]
    doors(pipeline, name="others")
    pipeline.users([("U-ann", "ann@x.example"), ("U-bob", "bob@x.example"), ("U-eve", None)])
    pipeline.run()
    assert pipeline.outcomes() == ["valid"] * 3


def test_a_badge_is_not_written_anew_where_that_makes_another(pipeline: Pipeline) -> None:
    """With these steps in this order 7:0012 is 0012, which a second time would be 12, the badge of somebody else."""
    doors(pipeline, "{source_user_id: [leading_zeros, facility]}")
    pipeline.table("people.csv", PEOPLE, "12,U-ann", "7:0022,U-bob")
    pipeline.table("places.csv", PLACES)
    swipes(pipeline, "7:0012,,,Office", "007:0022,,,Office", "8:12,,,Office")
    pipeline.run()
    pipeline.users([("U-ann", "ann@x.example"), ("U-bob", "bob@x.example")])
    pipeline.run()
    assert pipeline.outcomes() == ["rejected: unmapped_person", "valid", "valid"]


@pytest.mark.parametrize(
    ("steps", "is_so"),
    [
        ([], True),
        (["facility", "leading_zeros", "lower", "spaces"], True),
        (["leading_zeros", "upper"], True),
        (["leading_zeros", "lower", "facility"], False),
    ],
)
def test_steps_that_can_be_repeated(steps: list[str], is_so: bool) -> None:
    assert can_be_repeated(steps) is is_so
