"""`collapse: daily` sends one event per person, place and local day; nobody is lost when that one is refused."""

from __future__ import annotations

from collections.abc import Iterable

from tests.sql.conftest import Pipeline

USERS = [("U-ann", "ann@x.example"), ("U-bob", "bob@x.example")]
COLLAPSED = "ignored: collapsed"


def profiles(pipeline: Pipeline, **collapse: bool) -> None:
    """A source of each name, in Athens, that collapses or not."""
    pipeline.profile(
        "sources:\n"
        + "".join(
            f"  - name: {name}\n    files: '{name}*.csv'\n    timezone: Europe/Athens\n    people: people.csv\n"
            "    columns: {timestamp: t, source_user_id: badge, location_id: l}\n    defaults: {location_type: place}\n"
            + ("    collapse: daily\n" if is_daily else "")
            for name, is_daily in collapse.items()
        )
    )
    people(pipeline, "b1,U-ann", "b2,U-bob", "b9,U-ann")


def people(pipeline: Pipeline, *lines: str) -> None:
    pipeline.table("people.csv", "source_user_id,user_id", *lines)


def swipes(pipeline: Pipeline, name: str, *lines: str) -> None:
    """Time of October 2026, badge and desk of each row."""
    pipeline.export(f"{name}.csv", "t,badge,l\n" + "".join(f"2026-10-{line}\n" for line in lines))


def refuse(pipeline: Pipeline, rows: Iterable[int]) -> None:
    """Let Calven's answer to these events be a refusal, and to all others that wait acceptance."""
    connection = pipeline.database.connection
    refused = list(rows)
    connection.execute(
        "insert into answers select row_id, 1, row_id not in (select unnest(?)), "
        "case when row_id in (select unnest(?)) then 'calven_user_not_found' end, 0, null, attempts + 1, now(), "
        "nextval('revision'), 'part' from outbox",
        [refused, refused],
    )
    connection.execute("delete from outbox")
    connection.execute(
        "create or replace temp table refused_events as "
        "select row_id, answered_at, reason, null as detail, null as correlation_id from answers where not accepted "
        "qualify row_number() over (partition by row_id order by revision desc) = 1"
    )
    this = {"revision": pipeline.database.value("validation/next_revision")}
    pipeline.database.run("delivery/reopen_rejections", this)
    pipeline.database.run("delivery/add_rejections", this)


def waiting(pipeline: Pipeline) -> list[int]:
    return pipeline.ask("select row_id from outbox order by 1")


def test_the_first_of_a_person_place_and_day_is_sent(pipeline: Pipeline) -> None:
    """By its time, not by its row; the day is the local one; whoever is rejected or elsewhere covers nobody."""
    profiles(pipeline, one=True)
    swipes(
        pipeline,
        "one",
        "01 12:00,b1,Desk-1",
        "01 09:00,b1,Desk-1",
        "01 09:00,B9,desk-1",  # another badge of hers
        "01 08:00,b1,Desk-2",
        "01 10:00,b2,Desk-1",
        "01T22:30Z,b1,Desk-1",  # half past one in Athens, the next day
        "02 23:00,b1,Desk-1",
        "02 06:00,b3,Desk-1",
        "01 09:00,b1,Desk-1",
    )
    validation = pipeline.run()
    assert pipeline.outcomes() == [
        COLLAPSED,
        "valid",
        COLLAPSED,
        "valid",
        "valid",
        "valid",
        COLLAPSED,
        "rejected: unmapped_person",
        "duplicate",
    ]
    assert (validation.collapsed, validation.verdicts["ignored"]) == (3, 3)
    assert waiting(pipeline) == [2, 4, 5, 6]
    assert [row.user_id for row in pipeline.rows()][2] == "U-ann"  # analysts see whom it means


def test_what_was_judged_before_covers_whatever_comes_later(pipeline: Pipeline) -> None:
    """Waiting or accepted, of any source, also where the later file tells of an earlier time."""
    profiles(pipeline, one=True, two=False)
    swipes(pipeline, "one", "01 12:00,b1,Desk-1")
    swipes(pipeline, "two", "02 12:00,b1,Desk-1", "03 12:00,b2,Desk-1")
    pipeline.run()
    refuse(pipeline, [3])
    swipes(pipeline, "one-2", "01 09:00,b1,Desk-1", "02 11:00,b1,Desk-1", "03 13:00,b2,Desk-1")
    swipes(pipeline, "two-2", "01 13:00,b1,Desk-1")
    pipeline.run()
    assert pipeline.outcomes()[3:] == [COLLAPSED, COLLAPSED, "valid", "valid"]


def test_a_source_that_does_not_collapse_keeps_its_rows(pipeline: Pipeline) -> None:
    """Within one run, its rows cover those after them."""
    profiles(pipeline, one=False, two=True)
    swipes(pipeline, "one", "01 09:00,b1,Desk-1", "01 10:00,b1,Desk-1", "02 10:00,b1,Desk-1")
    swipes(pipeline, "two", "01 09:30,b1,Desk-1", "02 09:30,b1,Desk-1", "02 10:30,b1,Desk-1")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "valid", "valid", COLLAPSED, "valid", COLLAPSED]


def test_two_collapsing_sources_collapse_together(pipeline: Pipeline) -> None:
    profiles(pipeline, one=True, two=True)
    swipes(pipeline, "one", "01 09:10,b1,Desk-1")
    swipes(pipeline, "two", "01 09:00,b1,Desk-1")
    assert pipeline.run().collapsed == 1
    assert pipeline.outcomes() == [COLLAPSED, "valid"]


def test_a_refused_event_gives_its_place_to_the_next(pipeline: Pipeline) -> None:
    """One after the other, and none where another event still covers; when the first heals, the others step back."""
    profiles(pipeline, one=True)
    swipes(
        pipeline,
        "one",
        *("01 09:00,b1,Desk-1", "01 10:00,b1,Desk-1", "01 11:00,b9,Desk-1"),
        *("01 09:00,b2,Desk-1", "01 10:00,b2,Desk-1"),
    )
    pipeline.run()
    assert waiting(pipeline) == [1, 4]
    refuse(pipeline, [1])
    validation = pipeline.run()
    assert (validation.rechecked, validation.collapsed) == (2, 1)
    assert waiting(pipeline) == [2]
    assert pipeline.run().rechecked == 0
    refuse(pipeline, [2])
    pipeline.run()
    assert waiting(pipeline) == [3]
    refuse(pipeline, [])
    assert pipeline.run().rechecked == 0
    pipeline.users([*USERS, ("U-new", None)])  # what Calven did not know is looked at again, but she is there by now
    validation = pipeline.run()
    assert (validation.rechecked, validation.collapsed, waiting(pipeline)) == (2, 2, [])
    assert pipeline.outcomes() == [COLLAPSED, COLLAPSED, "valid", "valid", COLLAPSED]
    assert pipeline.ask("select status, resolution from rejections order by row_id") == [("resolved", "ignored")] * 2


def test_refused_ones_that_heal_together_are_one(pipeline: Pipeline) -> None:
    profiles(pipeline, one=True)
    swipes(pipeline, "one", "01 09:00,b1,Desk-1", "01 10:00,b1,Desk-1", "01 11:00,b1,Desk-1")
    for refused in ([1], [2]):
        pipeline.run()
        refuse(pipeline, refused)
    pipeline.users([*USERS, ("U-new", None)])
    pipeline.run()
    assert waiting(pipeline) == [1]
    assert pipeline.outcomes() == ["valid", COLLAPSED, COLLAPSED]


def test_an_event_that_is_mapped_to_another_leaves_its_place(pipeline: Pipeline) -> None:
    """It was never sent, and is somebody else's by now: the rows beside it are judged again in the same run."""
    profiles(pipeline, one=True)
    swipes(pipeline, "one", "01 09:00,b1,Desk-1", "01 10:00,b9,Desk-1", "01 08:00,b2,Desk-1")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", COLLAPSED, "valid"]
    people(pipeline, "b1,U-bob", "b2,U-bob", "b9,U-ann")
    pipeline.run()
    assert [(str(row), row.user_id) for row in pipeline.rows()] == [
        (COLLAPSED, "U-bob"),
        ("valid", "U-ann"),
        ("valid", "U-bob"),
    ]
    people(
        pipeline, "b2,U-bob", "b9,U-ann"
    )  # nobody's: a collapsed row stays what it was until its day's event is looked at
    pipeline.run()
    assert pipeline.outcomes() == ["rejected: unmapped_person", "valid", "valid"]
    assert waiting(pipeline) == [2, 3]


def test_nobody_is_lost_when_a_source_stops_to_collapse(pipeline: Pipeline) -> None:
    """What was collapsed stays so, as what `keep` left out does, unless its event is refused."""
    profiles(pipeline, one=True)
    swipes(pipeline, "one", "01 09:00,b1,Desk-1", "01 10:00,b1,Desk-1", "02 09:00,b1,Desk-1", "02 10:00,b1,Desk-1")
    pipeline.run()
    refuse(pipeline, [])
    profiles(pipeline, one=False)
    pipeline.run()
    assert pipeline.outcomes() == ["valid", COLLAPSED] * 2
    pipeline.database.connection.execute("insert into outbox values (3, 1, null, null, null)")  # a replay
    refuse(pipeline, [3])
    swipes(pipeline, "one-2", "01 11:00,b1,Desk-1")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", COLLAPSED, "valid", "valid", "valid"]
    assert waiting(pipeline) == [4, 5]


def test_events_that_wait_collapse_when_the_profile_starts_to(pipeline: Pipeline) -> None:
    profiles(pipeline, one=False)
    swipes(pipeline, "one", "01 09:00,b1,Desk-1", "01 10:00,b1,Desk-1", "01 11:00,b1,Desk-1")
    pipeline.run()
    pipeline.database.connection.execute("update outbox set attempts = 1 where row_id = 3")
    profiles(pipeline, one=True)
    pipeline.run()
    assert pipeline.outcomes() == [COLLAPSED, COLLAPSED, "valid"]
    assert waiting(pipeline) == [3]


def test_a_file_of_collapsed_rows_alone_is_no_misfit(pipeline: Pipeline) -> None:
    """Its rows are presence that was seen already: no warning."""
    profiles(pipeline, one=True)
    swipes(pipeline, "one", "01 09:00,b1,Desk-1")
    pipeline.run()
    swipes(pipeline, "one-2", "01 10:00,b1,Desk-1")
    assert pipeline.run().warnings == ()


def test_where_nothing_collapses_nothing_is_looked_for(pipeline: Pipeline) -> None:
    profiles(pipeline, one=False)
    swipes(pipeline, "one", "01 09:00,b1,Desk-1", "01 10:00,b1,Desk-1")
    pipeline.run()
    assert pipeline.ask("select count(*) from duckdb_tables() where table_name = 'collapsed_rows'") == [0]
    assert pipeline.ask("select * from collapses") == []
