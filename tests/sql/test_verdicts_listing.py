"""An outcome that nobody listed is set aside until somebody does; then its rows are judged as if they came now."""

from __future__ import annotations

from tests.sql.conftest import Pipeline

TIME = "2026-10-01T10:00:00Z"
SET_ASIDE = "rejected: unlisted_outcome"
USERS = [("U-ann", "ann@x.example"), ("U-bob", "bob@x.example")]


def doors(pipeline: Pipeline, granted: str, ignored: str = "Denied*", name: str = "doors") -> None:
    """A profile that grants and ignores these outcomes; who goes out is ignored."""
    pipeline.profile(
        f"sources:\n  - name: {name}\n    files: '{name}*.csv'\n"
        "    columns: {timestamp: t, user_id: u, location_id: l, event_id: e}\n    defaults: {location_type: location}\n"
        f'    granted: {{"What/~ happened": [{granted}], side: ["*", ""]}}\n'
        f'    ignored: {{"What/~ happened": [{ignored}], side: [Out]}}\n'
    )


def swipes(pipeline: Pipeline, *lines: str, name: str = "doors.csv") -> None:
    """Time, user, event id, outcome and side of each row."""
    rows = [line.split(",") for line in lines]
    text = "\n".join(f"{t},{u},Office,{e},{what},{side}" for t, u, e, what, side in rows)
    pipeline.export(name, f"t,u,l,e,What/~ happened,side\n{text}\n")


def open_rejections(pipeline: Pipeline) -> list[tuple[str, str, str | None]]:
    return pipeline.ask("select status, reason, resolution from rejections order by row_id")


def test_what_nobody_listed_is_set_aside(pipeline: Pipeline) -> None:
    """Alone of all reasons, since the row may be no presence at all; ignored wins, and the detail names what was found."""
    doors(pipeline, "Granted")
    pipeline.export(
        "doors.csv",
        "t,u,l,e,What/~ happened,side\n"
        f"{TIME},U-ann,Office,,granted ,In\n"
        f"{TIME},U-ann,Office,,Denied: wrong door,In\n"
        f"{TIME},U-ann,Office,,Door forced,In\n"
        f"{TIME},U-ann,Office,,Door forced,out\n"
        "soon,U-eve,Office,,Door held,\n"
        "too,few\n",
    )
    validation = pipeline.run()
    assert pipeline.outcomes() == ["valid", "ignored", SET_ASIDE, "ignored", SET_ASIDE, "rejected: malformed_row"]
    assert validation.reasons == {"unlisted_outcome": 2, "malformed_row": 1}
    assert pipeline.ask("select stage, detail from rejections where reason = 'unlisted_outcome' order by row_id") == [
        ("validate", "not listed under granted or ignored: What/~ happened = Door forced, side = In"),
        ("validate", "not listed under granted or ignored: What/~ happened = Door held, side = (none)"),
    ]


def test_a_listed_outcome_heals(pipeline: Pipeline) -> None:
    """To presence, to what is ignored, or to what else was wrong with the row; another one stays, and is not looked at."""
    doors(pipeline, "Granted")
    swipes(
        pipeline,
        f"{TIME},U-ann,,Door forced,In",
        f"{TIME},U-eve,,Door forced,In",
        f"{TIME},U-bob,,Duress,In",
        f"{TIME},U-bob,,Door held,In",
    )
    pipeline.run()
    assert pipeline.outcomes() == [SET_ASIDE] * 4
    doors(pipeline, "Granted, Door f*", "Denied*, Duress")
    validation = pipeline.run()
    assert (validation.rechecked, validation.healed) == (3, 2)
    assert pipeline.outcomes() == ["valid", "rejected: unknown_user", "ignored", SET_ASIDE]
    assert open_rejections(pipeline) == [
        ("resolved", "unlisted_outcome", "passed"),
        ("open", "unknown_user", None),
        ("resolved", "unlisted_outcome", "ignored"),
        ("open", "unlisted_outcome", None),
    ]
    assert pipeline.ask("select row_id from outbox") == [1]
    pipeline.users([*USERS, ("U-eve", None)])
    assert pipeline.run().healed == 1
    assert pipeline.outcomes()[1] == "valid"


def test_a_column_that_was_not_judged_when_the_row_was_read_says_nothing(pipeline: Pipeline) -> None:
    """It is not a missing value: a profile that grants one would send what nobody has looked at."""
    doors(pipeline, "Granted")
    swipes(pipeline, f"{TIME},U-ann,,Door forced,")
    pipeline.run()
    doors(pipeline, "Granted, Door forced")
    profile = (pipeline.data / "sources.yaml").read_text()
    pipeline.profile(profile.replace('side: ["*", ""]', 'u: ["*", ""]').replace("side: [Out]", "u: [nobody]"))
    pipeline.run()
    assert pipeline.outcomes() == [SET_ASIDE]
    pipeline.profile(profile)
    pipeline.run()
    assert pipeline.outcomes() == ["valid"]


def test_reference_data_looks_at_no_unlisted_row(pipeline: Pipeline) -> None:
    """A new user cannot list an outcome, and these rows may be many."""
    doors(pipeline, "Granted")
    swipes(pipeline, f"{TIME},U-eve,,Door forced,In", f"{TIME},U-eve,,Granted,In")
    pipeline.run()
    pipeline.users([*USERS, ("U-eve", None)])
    assert pipeline.run().rechecked == 1
    doors(pipeline, "Granted, Duress")
    assert pipeline.run().rechecked == 1  # the event that waits
    assert pipeline.run().rechecked == 0


def test_the_list_decides_until_the_event_is_sent(pipeline: Pipeline) -> None:
    """A refusal was listed as presence by mistake, in a dry run: mended before anything was sent, nothing is. And back again."""
    doors(pipeline, "Granted")
    swipes(pipeline, f"{TIME},U-ann,,Access refused,In", f"{TIME},U-ann,,Duress,In")
    pipeline.run()
    for granted, ignored, verdict, rejection in (
        ("Granted, Access*", "Denied", "valid", ("resolved", "passed")),
        ("Granted", "Access refused", "ignored", ("resolved", "ignored")),
        ("Granted, Access refused", "Denied", "valid", ("resolved", "passed")),
        ("Granted", "Denied", SET_ASIDE, ("open", None)),
    ):
        doors(pipeline, granted, ignored)
        assert pipeline.run().rechecked == 1
        assert pipeline.outcomes() == [verdict, SET_ASIDE]
        assert pipeline.ask("select row_id from outbox") == [1] * (verdict == "valid")
        assert pipeline.ask("select status, resolution from rejections where row_id = 1") == [rejection]
    assert pipeline.run().rechecked == 0


def test_what_was_sent_or_read_as_listed_stays(pipeline: Pipeline) -> None:
    """Calven has it, or may have it; what was listed when it was read is not told apart. A refusal is no reason to send it again."""
    doors(pipeline, "Granted, Door forced")
    swipes(pipeline, *(f"{TIME},U-ann,e{n},Duress,In" for n in range(3)), f"{TIME},U-ann,,Door forced,In")
    pipeline.run()
    doors(pipeline, "Granted, Duress")
    pipeline.run()
    sent = pipeline.database.connection.execute
    sent(
        "insert into answers select row_id, 1, row_id = 1, null, 0, null, 1, now(), nextval('revision'), 'part' from outbox where row_id < 3"
    )
    sent("delete from outbox where row_id < 3")
    sent("update rejections set stage = 'calven', reason = 'calven_rejected', status = 'open' where row_id = 2")
    sent("update outbox set attempts = 1, last_call_id = 2 where row_id = 3")
    doors(pipeline, "Granted", "Duress")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "ignored", "valid", "valid"]
    assert pipeline.ask("select row_id from outbox order by 1") == [3, 4]


def test_an_event_finds_another_row_when_its_own_counts_no_more(pipeline: Pipeline) -> None:
    """Of the same file or a later one, of the same run or an earlier one; what differed from the first is held against the next."""
    doors(pipeline, "Granted")
    swipes(
        pipeline,
        f"{TIME},U-ann,e1,Duress,In",
        f"{TIME},U-bob,e2,Duress,In",
        f"{TIME},U-bob,e3,Duress,In",
        f"{TIME},U-ann,e3,Duress,In",
    )
    pipeline.run()
    doors(pipeline, "Granted, Duress")
    pipeline.run()
    swipes(
        pipeline,
        f"{TIME},U-bob,e1,Granted,In",
        f"{TIME},U-ann,e1,Granted,In",
        f"{TIME},U-bob,e1,Granted,In",
        name="doors-2.csv",
    )
    pipeline.run()
    differs = "rejected: conflicting_event_id"
    assert pipeline.outcomes() == ["valid", "valid", "valid", differs, differs, "duplicate", differs]
    doors(pipeline, "Granted", "Duress")
    swipes(pipeline, f"{TIME},U-bob,e1,Granted,Out", f"{TIME},U-bob,e2,Granted,In", name="doors-3.csv")
    swipes(pipeline, f"{TIME},U-bob,e1,Granted,", f"{TIME},U-bob,e2,Granted,", name="doors-4.csv")
    pipeline.run()
    assert pipeline.outcomes() == [
        *("ignored", "ignored", "ignored", "ignored"),
        *("valid", differs, "duplicate"),
        *("ignored", "valid", "duplicate", "duplicate"),
    ]
    assert pipeline.ask("select row_id from outbox order by 1") == [5, 9]


def test_the_profile_of_the_judging_decides(pipeline: Pipeline) -> None:
    """Reading went through, judging could not; the outcome was listed before the next try."""
    doors(pipeline, "Granted")
    swipes(pipeline, f"{TIME},U-ann,,Door forced,In", f"{TIME},U-ann,,Duress,In", f"{TIME},U-bob,,Duress,Out")
    pipeline.stage()
    doors(pipeline, "Granted, Door forced", "Duress")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "ignored", "ignored"]
    assert open_rejections(pipeline) == []


def test_a_source_that_left_keeps_its_last_word(pipeline: Pipeline) -> None:
    doors(pipeline, "Granted")
    swipes(pipeline, f"{TIME},U-ann,,Door forced,In", f"{TIME},U-bob,,Duress,In", f"{TIME},U-eve,,Duress,In")
    pipeline.run()
    doors(pipeline, "Granted, Duress")
    pipeline.run()
    doors(pipeline, "'*'", name="others")
    pipeline.users([*USERS, ("U-eve", None)])
    pipeline.run()
    assert pipeline.outcomes() == [SET_ASIDE, "valid", "valid"]


def test_an_unlisted_row_is_no_event(pipeline: Pipeline) -> None:
    """The same person, door and second with another outcome, in either order, in one file or in two, with an own event id or
    without: the granted row is sent, once, also after the other heals.
    """
    forced, granted = "Door forced", "Granted"
    swipe = f"{TIME},U-ann,e1", f"{TIME},U-bob,", f"{TIME},U-ann,e2", f"{TIME},U-bob,e3"
    first = [
        f"{swipe[0]},{forced},In",
        f"{swipe[0]},{granted},In",
        f"{swipe[1]},{granted},In",
        f"{swipe[1]},{forced},In",
    ]
    second = [f"{swipe[2]},{forced},In", f"{swipe[3]},{granted},In"]
    third = [f"{swipe[2]},{granted},In", f"{swipe[3]},{forced},In"]
    doors(pipeline, granted)
    swipes(pipeline, *first, *second)
    pipeline.run()
    swipes(pipeline, *third, name="doors-2.csv")
    pipeline.run()
    assert pipeline.outcomes() == [SET_ASIDE, "valid", "valid", SET_ASIDE, SET_ASIDE, "valid", "valid", SET_ASIDE]
    doors(pipeline, f"{granted}, {forced}")
    pipeline.run()
    assert pipeline.outcomes() == [
        *("duplicate", "valid", "valid", "duplicate", "duplicate", "valid", "valid", "duplicate")
    ]
    swipes(pipeline, *third, *second, *first, name="doors-3.csv")
    pipeline.run()
    assert pipeline.outcomes()[8:] == ["duplicate"] * 8
    assert pipeline.ask("select count(*) from outbox") == [4]


def test_healed_rows_are_one_event(pipeline: Pipeline) -> None:
    """Two unlisted rows of one swipe, one of another content under its event id, and a repeat that comes while they heal."""
    doors(pipeline, "Granted")
    swipes(
        pipeline,
        f"{TIME},U-ann,e1,Door forced,In",
        f"{TIME},U-ann,e1,Door forced,In",
        f"{TIME},U-bob,e1,Door forced,In",
        f"{TIME},U-bob,e2,Door forced,In",
    )
    pipeline.run()
    doors(pipeline, "Granted, Door forced")
    swipes(pipeline, f"{TIME},U-bob,e2,Granted,In", f"{TIME},U-ann,E1,Granted,In", name="doors-2.csv")
    pipeline.run()
    assert pipeline.outcomes() == [
        "duplicate",
        "duplicate",
        "rejected: conflicting_event_id",
        "duplicate",
        "valid",
        "valid",
    ]
    swipes(pipeline, f"{TIME},U-bob,e1,Granted,In", f"{TIME},U-bob,e3,Door forced,In", name="doors-3.csv")
    pipeline.run()
    assert pipeline.outcomes()[6:] == ["rejected: conflicting_event_id", "valid"]


def test_a_repeat_of_a_healed_row_is_a_duplicate(pipeline: Pipeline) -> None:
    doors(pipeline, "Granted")
    swipes(pipeline, f"{TIME},U-ann,,Door forced,In", f"{TIME},U-bob,,Duress,In")
    pipeline.run()
    doors(pipeline, "Granted, Door forced", "Duress")
    pipeline.run()
    swipes(pipeline, f"{TIME},U-ann,,Granted,In", f"{TIME},U-bob,,Granted,In", name="doors-2.csv")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "ignored", "duplicate", "valid"]


def test_a_dismissed_outcome_stays_dismissed(pipeline: Pipeline) -> None:
    doors(pipeline, "Granted")
    swipes(pipeline, f"{TIME},U-ann,,Door forced,In")
    pipeline.run()
    pipeline.database.connection.execute("update rejections set status = 'resolved', resolution = 'dismissed'")
    doors(pipeline, "Granted, Door forced")
    assert pipeline.run().rechecked == 0
    assert open_rejections(pipeline) == [("resolved", "unlisted_outcome", "dismissed")]


def test_an_outcome_is_judged_once(pipeline: Pipeline) -> None:
    """Not once for each row, and not again while the profile lists the same."""
    doors(pipeline, "Granted")
    swipes(pipeline, *(f"{TIME},U-ann,e{n},Door forced,In" for n in range(50)))
    pipeline.run()
    assert pipeline.ask("select listing from unlisted_outcomes") == ["unlisted"]
    swipes(pipeline, f"{TIME},U-ann,e50,Door forced,In", name="doors-2.csv")
    pipeline.run()
    assert pipeline.ask("select * from outcomes_to_judge") == []
    doors(pipeline, "Granted, Duress")
    pipeline.run()
    assert pipeline.ask("select unlisted, is_known from outcomes_to_judge") == [
        ('{"What/~ happened":"Door forced","side":"In"}', True)
    ]
