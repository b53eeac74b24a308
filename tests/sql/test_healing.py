"""Open rejections pass by themselves once Calven or the customer's tables know what they name."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.sql.conftest import NOW, Pipeline

TIME = "2026-10-01T10:00:00Z"
FIRST = NOW.replace(tzinfo=None)
LATER = FIRST + timedelta(days=1)
USERS = [("U-ann", "ann@x.example"), ("U-bob", "bob@x.example")]
PROFILE = """
sources:
  - name: doors
    files: "*.csv"
    columns: {timestamp: time, source_user_id: badge, place: door}
    people: people.csv
    places: places.csv
"""


def a_day_later(pipeline: Pipeline) -> None:
    pipeline.now = NOW + timedelta(days=1)


def states(pipeline: Pipeline) -> list[tuple[str, str, datetime, datetime, datetime | None]]:
    """Status, reason, and when each rejection stood first, was looked at last and was resolved."""
    return pipeline.ask(
        "select status, reason, first_rejected_at, last_checked_at, resolved_at from rejections order by row_id"
    )


def everything(pipeline: Pipeline) -> dict[str, list[Any]]:
    """All rows of all tables."""
    tables = pipeline.ask("select table_name from duckdb_tables() where not temporary order by 1")
    return {table: pipeline.ask(f'select to_json(t)::varchar from "{table}" t order by 1') for table in tables}


def doors(pipeline: Pipeline, *lines: str) -> None:
    pipeline.profile(PROFILE)
    pipeline.export("a.csv", "\n".join(["time,badge,door", *lines]) + "\n")


def test_a_new_user_heals(pipeline: Pipeline) -> None:
    """Found by id or by address; others stay, and were looked at."""
    pipeline.swipes(*(f"{TIME},,,{who},Office,location" for who in ("U-eve,", ",eve@x.example", "U-zoe,")))
    pipeline.run()
    assert pipeline.outcomes() == ["rejected: unknown_user"] * 3
    pipeline.users([*USERS, ("u-EVE", "eve@x.example")])
    a_day_later(pipeline)
    validation = pipeline.run()
    assert (validation.rechecked, validation.healed, validation.verdicts) == (3, 2, {"valid": 2, "rejected": 1})
    assert pipeline.outcomes() == ["valid", "valid", "rejected: unknown_user"]
    assert [row.user_id for row in pipeline.rows()] == ["u-EVE", "u-EVE", None]
    assert states(pipeline) == [
        ("resolved", "unknown_user", FIRST, LATER, LATER),
        ("resolved", "unknown_user", FIRST, LATER, LATER),
        ("open", "unknown_user", FIRST, LATER, None),
    ]


def test_new_desks_and_offices_heal(pipeline: Pipeline) -> None:
    """A desk brings its zone and its level along."""
    places = ("Desk-9,place", "Zone-9,zone", "Level-9,level", "Office-9,location", "Zone-1,level")
    pipeline.swipes(*(f"{TIME},,,U-ann,,{place}" for place in places))
    pipeline.run()
    pipeline.desks([("Desk-9", "Zone-9", "Level-9"), ("Desk-1", "Zone-2", "zone-1")])
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "valid", "valid", "rejected: unknown_location", "valid"]
    pipeline.locations(["Office-9"])
    pipeline.run()
    assert pipeline.outcomes() == ["valid"] * 5


def test_a_changed_address_heals(pipeline: Pipeline) -> None:
    pipeline.swipes(f"{TIME},,,,Ann@x.example,Office,location")
    pipeline.run()
    pipeline.users([("U-ann", "Ann@x.example")])
    pipeline.run()
    (row,) = pipeline.rows()
    assert (str(row), row.user_email) == ("valid", "Ann@x.example")


def test_a_new_line_in_the_people_table_heals(pipeline: Pipeline) -> None:
    pipeline.table("people.csv", "source_user_id,user_id", "b1,")
    pipeline.table("places.csv", "source_place,location_id,location_type", "gate,Office,location")
    doors(pipeline, f"{TIME},B1,gate", f"{TIME},b2,gate")
    pipeline.run()
    assert pipeline.outcomes() == ["rejected: unmapped_person"] * 2
    pipeline.table("people.csv", "source_user_id,user_id", "b1,U-ann")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "rejected: unmapped_person"]


def test_a_new_line_in_the_places_table_heals(pipeline: Pipeline) -> None:
    """Also one that leads to a space, which no pull brings."""
    pipeline.table("people.csv", "source_user_id,user_id", "b1,U-ann")
    pipeline.table("places.csv", "source_place,location_id,location_type", "gate,,")
    doors(pipeline, f"{TIME},b1,GATE", f"{TIME},b1,roof")
    pipeline.run()
    assert pipeline.outcomes() == ["rejected: unmapped_place"] * 2
    pipeline.table("places.csv", "source_place,location_id,location_type", "gate,Office,location", "roof,Room-9,space")
    pipeline.run()
    assert [(str(row), row.location_id) for row in pipeline.rows()] == [("valid", "Office"), ("valid", "Room-9")]


def test_email_case_correct_heals(pipeline: Pipeline) -> None:
    """The setting of the profile is looked at like the tables are."""
    profile = (
        "sources:\n  - name: doors\n    files: '*.csv'\n"
        "    columns: {timestamp: t, user_email: u, location_id: l, location_type: k}\n"
    )
    pipeline.profile(profile)
    pipeline.export("a.csv", f"t,u,l,k\n{TIME},ANN@x.example,Office,location\n")
    pipeline.run()
    pipeline.profile(profile + "    email_case: correct\n")
    pipeline.run()
    assert pipeline.outcomes() == ["valid"]


def test_rejections_of_a_source_that_left_heal(pipeline: Pipeline) -> None:
    """By the tables that it had last."""
    pipeline.table("people.csv", "source_user_id,user_id", "b1,U-eve")
    pipeline.table("places.csv", "source_place,location_id,location_type", "gate,Office,location")
    doors(pipeline, f"{TIME},b1,gate")
    pipeline.run()
    (pipeline.data / "sources.yaml").unlink()
    (pipeline.data / "exports" / "a.csv").unlink()
    pipeline.users([*USERS, ("U-eve", None)])
    pipeline.run()
    assert pipeline.outcomes() == ["valid"]


def test_still_open_ones_get_renewed_reasons(pipeline: Pipeline) -> None:
    """Half of what was wrong is mended: reason, detail and suggestion tell the other half; the text stays."""
    pipeline.swipes(f"{TIME},,,U-eve,,Zone-1,level")
    pipeline.run()
    (raw,) = pipeline.ask("select raw from rejections")
    assert pipeline.outcomes() == ["rejected: unknown_user, location_type_mismatch"]
    pipeline.users([*USERS, ("U-eve", None)])
    a_day_later(pipeline)
    pipeline.run()
    assert pipeline.ask("select reason, reasons, detail, suggestion, raw from rejections") == [
        (
            "location_type_mismatch",
            ["location_type_mismatch"],
            "the id exists, but not as level: Zone-1",
            "zone",
            raw,
        )
    ]
    assert states(pipeline) == [("open", "location_type_mismatch", FIRST, LATER, None)]


def test_a_reason_may_get_worse(pipeline: Pipeline) -> None:
    """A user who left makes an open rejection one reason longer, and rejects an event that was never sent."""
    pipeline.swipes(f"{TIME},e1,,U-bob,,Nowhere,zone", f"{TIME},e2,,U-bob,,Office,location")
    pipeline.run()
    pipeline.users([("U-ann", "ann@x.example")])
    pipeline.run()
    assert pipeline.outcomes() == ["rejected: unknown_user, unknown_location", "rejected: unknown_user"]


def test_nothing_is_looked_at_again_when_nothing_changed(pipeline: Pipeline) -> None:
    """Also when new rows come, and when the same reference data is pulled anew."""
    pipeline.swipes(f"{TIME},,,U-eve,,Office,location")
    pipeline.run()
    pipeline.users(pipeline.ask("select user_id, email from users order by rowid"))
    pipeline.swipes(f"{TIME},,,U-zoe,,Office,location", name="b.csv")
    a_day_later(pipeline)
    validation = pipeline.run()
    assert (validation.rechecked, validation.judged) == (0, 1)
    assert states(pipeline) == [
        ("open", "unknown_user", FIRST, FIRST, None),
        ("open", "unknown_user", LATER, LATER, None),
    ]


def test_times_and_used_event_ids_never_heal(pipeline: Pipeline) -> None:
    """No reference data could cure them, so they are not looked at, whatever else was wrong."""
    pipeline.swipes(
        f"{TIME},e1,,U-ann,,Office,location",
        f"{TIME},e1,,U-eve,,Office,location",
        ",e2,,U-eve,,Office,location",
        "soon,e3,,U-eve,,Office,location",
        "malformed",
    )
    pipeline.run()
    before = states(pipeline)
    pipeline.users([*USERS, ("U-eve", None)])
    a_day_later(pipeline)
    pipeline.run()
    assert states(pipeline) == before


def test_a_time_that_lay_ahead_comes(pipeline: Pipeline) -> None:
    """A badge clock that is an hour fast costs an hour, not the day; nothing else has to change for it."""
    pipeline.swipes("2026-10-31T13:00:00Z,e1,,U-ann,,Office,location")
    pipeline.run()
    assert pipeline.outcomes() == ["rejected: future_timestamp"]
    assert pipeline.run().rechecked == 0
    a_day_later(pipeline)
    assert pipeline.run().healed == 1
    assert pipeline.outcomes() == ["valid"]


def test_an_event_that_was_never_sent_follows_the_tables(pipeline: Pipeline) -> None:
    """A dry run shows the wrong person; people.csv is mended before anything was sent, and the right one is sent."""
    pipeline.table("people.csv", "source_user_id,user_id", "b1,U-ann")
    pipeline.table("places.csv", "source_place,location_id,location_type", "gate,Office,location")
    doors(pipeline, f"{TIME},b1,gate")
    pipeline.run()
    assert [row.user_id for row in pipeline.rows()] == ["U-ann"]
    pipeline.table("people.csv", "source_user_id,user_id", "b1,U-bob")
    pipeline.run()
    assert [row.user_id for row in pipeline.rows()] == ["U-bob"]
    assert pipeline.ask("select count(*) from outbox") == [1]


def test_an_event_that_was_sent_stays_as_it_was_sent(pipeline: Pipeline) -> None:
    """Calven may have it: the same event id must not name another person."""
    pipeline.table("people.csv", "source_user_id,user_id", "b1,U-ann")
    pipeline.table("places.csv", "source_place,location_id,location_type", "gate,Office,location")
    doors(pipeline, f"{TIME},b1,gate")
    pipeline.run()
    pipeline.database.connection.execute("update outbox set attempts = 1")
    pipeline.table("people.csv", "source_user_id,user_id", "b1,U-bob")
    pipeline.run()
    assert [row.user_id for row in pipeline.rows()] == ["U-ann"]


def test_what_calven_did_not_know_is_sent_again_with_new_reference_data(pipeline: Pipeline) -> None:
    """A user may have been provisioned since; what Calven refused for another cause waits for a replay."""
    unknown = ["calven_user_not_found", "calven_location_not_found"]
    others = ["calven_rejected", "calven_bad_format"]
    pipeline.swipes(*(f"{TIME},{reason},,U-ann,,Office,location" for reason in [*unknown, *others]))
    pipeline.run()
    refuse(pipeline, *unknown, *others)
    assert pipeline.run().rechecked == 0
    pipeline.users([*USERS, ("U-eve", None)])
    assert pipeline.run().rechecked == len(unknown)
    assert pipeline.ask("select attempts from outbox") == [1] * len(unknown)
    assert pipeline.ask("select reason, status, sent_again from rejections order by row_id") == [
        *((reason, "resolved", 1) for reason in unknown),
        *((reason, "open", 0) for reason in others),
    ]


def test_what_calven_keeps_refusing_is_sent_again_five_times(pipeline: Pipeline) -> None:
    """Reference data changes every day; an event that nobody mends must not be posted for ever.

    Also where its mapping goes, so that the row is ours to reject, and comes back: it is sent again, and that is counted.
    """
    steady, passing = "b1,U-ann", "b2,U-bob"
    pipeline.table("places.csv", "source_place,location_id,location_type", "gate,Office,location")
    pipeline.table("people.csv", "source_user_id,user_id", steady, passing)
    doors(pipeline, f"{TIME},b1,gate", f"{TIME},b2,gate")
    pipeline.run()
    for number in range(6):
        refuse(pipeline, "calven_user_not_found")
        for lines in ((steady,), (steady, passing)):
            pipeline.table("people.csv", "source_user_id,user_id", *lines)
            pipeline.users([*USERS, (f"U-{number}-{len(lines)}", None)])
            pipeline.run()
    assert pipeline.ask("select count(*) from answers group by row_id") == [6, 6]
    assert pipeline.ask("select count(*) from outbox") == [0]
    assert pipeline.ask("select status, sent_again from rejections") == [("open", 5)] * 2


def test_an_event_that_calven_once_took_never_names_another_person(pipeline: Pipeline) -> None:
    """Accepted, replayed, refused, and the badge has another owner by now: only a replay sends it, and as it was."""
    pipeline.table("people.csv", "source_user_id,user_id", "b1,U-ann")
    pipeline.table("places.csv", "source_place,location_id,location_type", "gate,Office,location")
    doors(pipeline, f"{TIME},b1,gate")
    pipeline.run()
    pipeline.database.connection.execute(
        "insert into answers select row_id, 1, true, null, 0, null, 1, now(), nextval('revision'), 'part' from outbox"
    )
    refuse(pipeline, "calven_user_not_found")
    pipeline.table("people.csv", "source_user_id,user_id", "b1,U-bob")
    assert pipeline.run().rechecked == 0
    assert [row.user_id for row in pipeline.rows()] == ["U-ann"]


def test_a_rejection_that_stays_what_it_was_is_no_news(pipeline: Pipeline) -> None:
    """Looked at again each time that Calven's users change, it must not have its file counted and written each time."""
    pipeline.swipes(f"{TIME},,,U-eve,,Office,location", f"{TIME},,,U-zoe,,Office,location")
    pipeline.run()
    before = pipeline.ask("select revision from validated_presence order by row_id")
    pipeline.users([*USERS, ("U-eve", None)])
    assert pipeline.run().rechecked == 2
    after = pipeline.ask("select revision from validated_presence order by row_id")
    assert after[0] > before[0]
    assert after[1] == before[1]


def refuse(pipeline: Pipeline, *reasons: str) -> None:
    """Let Calven's answer to all that waits be a refusal: for these reasons row by row, the last one for all that follow."""
    insert = (
        "insert into answers select row_id, 1, false, $1[least(row_number() over (order by row_id), len($1))], null, null, "
        "attempts + 1, now(), nextval('revision'), null from outbox"
    )
    for statement, values in [
        (insert, [list(reasons)]),
        ("delete from outbox", []),
        (
            "create or replace temp table refused_events as select row_id, answered_at, reason, null as detail, null as correlation_id from answers "
            "qualify row_number() over (partition by row_id order by revision desc) = 1",
            [],
        ),
    ]:
        pipeline.database.connection.execute(statement, values)
    this = {"revision": pipeline.database.value("validation/next_revision")}
    pipeline.database.run("delivery/reopen_rejections", this)
    pipeline.database.run("delivery/add_rejections", this)


def test_healed_rows_enter_the_outbox_once(pipeline: Pipeline) -> None:
    """Also when reference data changes again after; repeats of them stay duplicates."""
    line = f"{TIME},e1,,U-eve,,Office,location"
    pipeline.swipes(line, line)
    pipeline.run()
    assert pipeline.ask("select row_id from outbox") == []
    pipeline.users([*USERS, ("U-eve", None)])
    pipeline.run()
    pipeline.users([*USERS, ("U-eve", "eve@x.example"), ("U-zoe", None)])
    pipeline.swipes(line, name="b.csv")
    pipeline.run()
    pipeline.users([*USERS, ("U-eve", None)])
    pipeline.run()
    assert pipeline.ask("select row_id from outbox") == [1]
    assert pipeline.outcomes() == ["valid", "duplicate", "duplicate"]


def test_a_second_run_with_nothing_new_changes_nothing(pipeline: Pipeline) -> None:
    """Not one row of one table; with every kind of row in the tables, and after a healing."""
    pipeline.table("people.csv", "source_user_id,user_id", "b1,U-ann", "b2,U-eve")
    pipeline.table("places.csv", "source_place,location_id,location_type", "gate,Office,location", "roof,Room-9,space")
    doors(pipeline, f"{TIME},b1,gate", f"{TIME},B1,GATE", f"{TIME},b2,roof", f"{TIME},b3,cellar", "soon,b1,gate", "odd")
    pipeline.run()
    pipeline.users([*USERS, ("U-eve", None)])
    pipeline.run()
    before = everything(pipeline)
    assert before["rejections"]
    a_day_later(pipeline)
    pipeline.run()
    pipeline.close()
    pipeline.run()
    assert everything(pipeline) == before
