"""Every reason, one row each: what is said of it, what is suggested, and what is kept of the row."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from calven_pipeline.errors import ReferenceDataError
from tests.sql.conftest import COLUMNS, NOW, Pipeline

TIME = "2026-10-01T10:00:00Z"
MAPPED = """
sources:
  - name: doors
    files: "*.csv"
    columns:
      {timestamp: timestamp, event_id: eventId, source_user_id: sourceUserId, user_id: userId, user_email: userEmail,
       location_id: locationId, location_type: locationType, place: door}
    people: people.csv
    places: places.csv
"""


Told = tuple[str, str | None, str | None]
REJECTED: dict[
    str, tuple[str, Told]
] = {  # one row each; then its reasons, and detail and suggestion of the first of them
    "the line is kept": ("only,two", ("malformed_row", "the line does not have the shape of the other rows", None)),
    "no time": (",e1,,U-ann,,Office,location", ("missing_timestamp", "the row has no time", None)),
    "the text of a time is told": (
        "2026-09-31 10:00Z,e2,,U-ann,,Office,location",
        ("invalid_timestamp", "not a time that the source profile can read: 2026-09-31 10:00Z", None),
    ),
    "a badge number alone is nobody where there is no people table": (
        f"{TIME},e3,badge-7,,,Office,location",
        ("missing_user", "the row names neither a user id nor an address", None),
    ),
    "an id that Calven does not know": (
        f"{TIME},e4,,U-eve,,Office,location",
        ("unknown_user", "no Calven user: U-eve", None),
    ),
    "an address that Calven does not know": (
        f"{TIME},e5,,,eve@x.example,Office,location",
        ("unknown_user", "no Calven user: eve@x.example", None),
    ),
    "of two, the id that Calven does not know": (
        f"{TIME},e6,,U-eve,ann@x.example,Office,location",
        ("unknown_user", "no Calven user: U-eve", None),
    ),
    "of two, the address that Calven does not know": (
        f"{TIME},e7,,U-ann,eve@x.example,Office,location",
        ("unknown_user", "no Calven user: eve@x.example", None),
    ),
    "of two that Calven does not know, the id": (
        f"{TIME},e8,,U-eve,eve@x.example,Office,location",
        ("unknown_user", "no Calven user: U-eve", None),
    ),
    "the address as provisioned is suggested": (
        f"{TIME},e9,,,Ann@X.example,Office,location",
        ("email_case_mismatch", "Calven compares addresses with case: Ann@X.example", "ann@x.example"),
    ),
    "an id and an address of two users": (
        f"{TIME},e10,,U-ann,bob@x.example,Office,location",
        ("user_conflict", "the id U-ann and the address bob@x.example are different users", None),
    ),
    "no location": (f"{TIME},e11,,U-ann,,,location", ("missing_location", "the row names no location", None)),
    "a location that Calven does not know": (
        f"{TIME},e12,,U-ann,,Elsewhere,zone",
        ("unknown_location", "no Calven location: Elsewhere", None),
    ),
    "the type that the id has is suggested": (
        f"{TIME},e13,,U-ann,,Desk-1,desk",
        ("invalid_location_type", "not a location type: desk", "place"),
    ),
    "also where none is given": (
        f"{TIME},e14,,U-ann,,Desk-1,",
        ("invalid_location_type", "not a location type: (none)", "place"),
    ),
    "also where another is given": (
        f"{TIME},e15,,U-ann,,ZONE-1,level",
        ("location_type_mismatch", "the id exists, but not as level: ZONE-1", "zone"),
    ),
    "what would pass for the first of the reasons": (
        f"{TIME},e16,,,ANN@x.example,Zone-1,level",
        (
            "email_case_mismatch, location_type_mismatch",
            "Calven compares addresses with case: ANN@x.example",
            "ann@x.example",
        ),
    ),
    "a row with nothing": (
        ",,,,,,",
        ("missing_timestamp, missing_user, missing_location", "the row has no time", None),
    ),
}


@pytest.fixture
def mapped(pipeline: Pipeline) -> Pipeline:
    """A source with people and places tables."""
    pipeline.profile(MAPPED)
    pipeline.table(
        "people.csv", "source_user_id,user_id,user_email", "b1,u-ANN,", "B2,,bob@x.example", "b3,,", "b4,U-x,"
    )
    pipeline.table(
        "places.csv", "source_place,location_id,location_type", "gate,office,Location", "attic,,", "hall,Zone-1,"
    )
    return pipeline


def swipe(pipeline: Pipeline, **values: str) -> None:
    """Drop an export with one row; what is not given is a good value, or missing."""
    swipes(pipeline, values)


def swipes(pipeline: Pipeline, *rows: dict[str, str]) -> None:
    """Drop an export with these rows."""
    header = [*COLUMNS.split(","), "door"]
    lines = [",".join({"timestamp": TIME, **row}.get(name, "") for name in header) for row in rows]
    pipeline.export("a.csv", "\n".join([",".join(header), *lines]) + "\n")


@pytest.fixture(scope="module")
def told(company: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Told, str, str]]:
    """What is said of each of the rows that are to be rejected, its stage, and what is kept of it."""
    pipeline = Pipeline(shutil.copytree(company, tmp_path_factory.mktemp("rejected") / "data"))
    pipeline.swipes(*(line for line, _ in REJECTED.values()))
    pipeline.run()
    found = pipeline.ask("select reasons, detail, suggestion, stage, raw from rejections order by row_id")
    pipeline.close()
    rows = [((", ".join(reasons), detail, suggestion), stage, raw) for reasons, detail, suggestion, stage, raw in found]
    return dict(zip(REJECTED, rows, strict=True))


# Reasons


def test_a_good_row(pipeline: Pipeline) -> None:
    pipeline.swipes(f"{TIME},e1,,U-ann,,Office,location")
    validation = pipeline.run()
    assert (validation.verdicts, validation.reasons, validation.judged) == ({"valid": 1}, {}, 1)
    assert pipeline.outcomes() == ["valid"]
    assert pipeline.ask("select attempts, call_id, tried_in from outbox") == [(0, None, None)]


@pytest.mark.parametrize("name", REJECTED)
def test_what_is_said_of_a_rejected_row(told: dict[str, tuple[Told, str, str]], name: str) -> None:
    """Reasons, detail and suggestion; only a row that could not be read is of the stage of reading."""
    line, expected = REJECTED[name]
    found, stage, raw = told[name]
    assert found == expected
    assert stage == ("read" if expected[0] == "malformed_row" else "validate")
    assert raw == line if stage == "read" else list(json.loads(raw)) == COLUMNS.split(",")


def test_future_timestamp(pipeline: Pipeline) -> None:
    """Ten minutes ahead may be a clock; a second more is not."""
    pipeline.swipes(
        "2026-10-31T12:10:00Z,e1,,U-ann,,Office,location", "2026-10-31T14:10:01+02:00,e2,,U-ann,,Office,location"
    )
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "rejected: future_timestamp"]


def test_unmapped_person(mapped: Pipeline) -> None:
    """Not in the table, or there without a target."""
    swipes(
        mapped, *({"sourceUserId": badge, "locationId": "Office", "locationType": "location"} for badge in ("b9", "b3"))
    )
    mapped.run()
    assert mapped.ask("select reason, detail from rejections order by row_id") == [
        ("unmapped_person", "not in the people table: b9"),
        ("unmapped_person", "not in the people table: b3"),
    ]


def test_no_badge_with_a_people_table_is_missing_user(mapped: Pipeline) -> None:
    swipe(mapped, locationId="Office", locationType="location")
    mapped.run()
    assert mapped.outcomes() == ["rejected: missing_user"]


def test_a_mapping_to_an_unknown_user(mapped: Pipeline) -> None:
    swipe(mapped, sourceUserId="b4", locationId="Office", locationType="location")
    mapped.run()
    assert mapped.ask("select reason, detail from rejections") == [("unknown_user", "no Calven user: U-x")]


def test_email_case_mismatch_beside_an_id(pipeline: Pipeline) -> None:
    """The address of the user whom the id names is suggested, though another user's differs by case alone too."""
    pipeline.users([("U-1", "Ann@x.example"), ("U-2", "ann@x.example")])
    pipeline.swipes(f"{TIME},e1,,U-2,ANN@x.example,Office,location")
    pipeline.run()
    assert pipeline.ask("select reasons, suggestion from rejections") == [(["email_case_mismatch"], "ann@x.example")]


def test_ambiguous_user(pipeline: Pipeline) -> None:
    """Two users bear the address; their ids tell them apart."""
    pipeline.users([("U-1", "team@x.example"), ("U-2", "team@x.example")])
    pipeline.swipes(f"{TIME},e1,,,team@x.example,Office,location", f"{TIME},e2,,U-2,team@x.example,Office,location")
    pipeline.run()
    assert pipeline.outcomes() == ["rejected: ambiguous_user", "valid"]
    assert pipeline.ask("select detail from rejections") == ["more than one Calven user has the address team@x.example"]


def test_addresses_that_differ_by_case_alone(pipeline: Pipeline) -> None:
    """Each spelling is its own user; a third spelling could be either, so both are suggested."""
    pipeline.users([("U-1", "ann@x.example"), ("U-2", "Ann@x.example")])
    pipeline.swipes(*(f"{TIME},,,,{who}@x.example,Office,location" for who in ("ann", "Ann", "ANN")))
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "valid", "rejected: email_case_mismatch"]
    assert pipeline.ask("select suggestion from rejections") == ["Ann@x.example or ann@x.example"]
    assert [row.user_id for row in pipeline.rows()] == ["U-1", "U-2", None]


def test_unmapped_place(mapped: Pipeline) -> None:
    """Not in the table, or there without a target."""
    swipes(mapped, *({"userId": "U-ann", "door": door} for door in ("roof", "attic")))
    mapped.run()
    assert mapped.ask("select reason, detail from rejections order by row_id") == [
        ("unmapped_place", "not in the places table: roof"),
        ("unmapped_place", "not in the places table: attic"),
    ]


def test_one_id_may_have_several_types(pipeline: Pipeline) -> None:
    pipeline.desks([("Same", "Same", "Level-1")])
    pipeline.swipes(*(f"{TIME},,,U-ann,,same,{kind}" for kind in ("place", "zone", "level")))
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "valid", "rejected: location_type_mismatch"]


def test_conflicting_event_id(pipeline: Pipeline) -> None:
    """The earlier row stands; letter case makes no other id, and no other content where ids are concerned."""
    pipeline.swipes(
        f"{TIME},E1,,U-ann,,Office,location",
        f"{TIME},e1,,U-bob,,Office,location",
        f"{TIME},e1,,u-ANN,,OFFICE,Location",
    )
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "rejected: conflicting_event_id", "duplicate"]
    assert pipeline.ask("select detail, suggestion from rejections") == [
        ("the event id was used before for another event", None)
    ]


def test_whatever_differs_makes_another_event(pipeline: Pipeline) -> None:
    """Also a value that is missing in one of the two, and also in a later run."""
    first = "{time},{id},7,U-ann,ann@x.example,Office,location"
    others = [
        "2026-10-01T10:00:01Z,{id},7,U-ann,ann@x.example,Office,location",
        "{time},{id},8,U-ann,ann@x.example,Office,location",
        "{time},{id},,U-ann,ann@x.example,Office,location",
        "{time},{id},7,,ann@x.example,Office,location",
        "{time},{id},7,U-ann,,Office,location",
        "{time},{id},7,U-ann,ann@x.example,Desk-2,location",
        "{time},{id},7,U-ann,ann@x.example,Office,space",
    ]
    for name, lines in (("a.csv", [first] * len(others)), ("b.csv", others)):
        pipeline.swipes(*(line.format(time=TIME, id=f"e{number}") for number, line in enumerate(lines)), name=name)
        pipeline.run()
    found = [row.reasons[-1:] for row in pipeline.rows()]
    assert found == [()] * len(others) + [("conflicting_event_id",)] * len(others)


def test_event_ids_are_shared_by_all_sources(pipeline: Pipeline) -> None:
    """An id names one event, whoever exports it."""
    columns = "columns: {timestamp: t, event_id: e, user_id: u, location_id: l, location_type: k}"
    pipeline.profile(
        f"sources:\n  - name: a\n    files: a.csv\n    {columns}\n  - name: b\n    files: b.csv\n    {columns}\n"
    )
    for name in "ab":
        pipeline.export(f"{name}.csv", f"t,e,u,l,k\n{TIME},e1,U-ann,Office,location\n")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "duplicate"]


def test_a_repeat_of_a_rejected_row_is_a_duplicate(pipeline: Pipeline) -> None:
    """The first one heals, and stands for both."""
    pipeline.swipes(f"{TIME},e1,,U-eve,,Office,location", f"{TIME},e1,,U-eve,,Office,location")
    pipeline.run()
    assert pipeline.outcomes() == ["rejected: unknown_user", "duplicate"]


def test_several_reasons_keep_their_order(pipeline: Pipeline) -> None:
    """Time, user, location, event id; `reason` is the first, and tells the detail."""
    pipeline.swipes(f"{TIME},e1,,U-ann,,Office,location", "soon,e1,,U-ann,BOB@x.example,Nowhere,desk")
    pipeline.run()
    assert pipeline.outcomes()[1] == (
        "rejected: invalid_timestamp, email_case_mismatch, user_conflict, unknown_location, invalid_location_type, "
        "conflicting_event_id"
    )
    assert pipeline.ask("select reason, stage, suggestion from rejections") == [
        ("invalid_timestamp", "validate", "bob@x.example")
    ]


# Whom and where


def test_a_space_is_not_checked(pipeline: Pipeline) -> None:
    """Space ids cannot be pulled, so Calven judges; as exported first, since nobody knows its spelling."""
    pipeline.swipes(f"{TIME},,,U-ann,,Room-9,Space", f"{TIME},,,U-bob,,ROOM-9,space", f"{TIME},,,U-bob,,Room-9,zone")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "valid", "rejected: unknown_location"]
    assert [(row.location_id, row.location_type) for row in pipeline.rows()[:2]] == [("Room-9", "space")] * 2


def test_ids_are_sent_in_calvens_spelling(pipeline: Pipeline) -> None:
    """Ids compare without case; where id and address agree, the id alone is sent."""
    pipeline.swipes(f"{TIME},,,u-ANN,,oFFICE,LOCATION", f"{TIME},,,U-BOB,bob@x.example,desk-1,Place")
    pipeline.run()
    first, second = pipeline.rows()
    assert (first.user_id, first.sends_email, first.location_id, first.location_type) == (
        "U-ann",
        False,
        "Office",
        "location",
    )
    assert (second.user_id, second.sends_email, second.location_id, second.location_type) == (
        "U-bob",
        False,
        "Desk-1",
        "place",
    )


def test_an_address_is_sent_as_an_address(pipeline: Pipeline) -> None:
    pipeline.swipes(f"{TIME},,,,bob@x.example,Office,location")
    pipeline.run()
    (row,) = pipeline.rows()
    assert (row.user_id, row.user_email, row.sends_email) == ("U-bob", "bob@x.example", True)


def test_email_case_correct(mapped: Pipeline) -> None:
    """The address as provisioned is sent instead; an address that two users could mean is still nobody's."""
    mapped.users([("U-ann", "ann@x.example"), ("U-1", "Team@x.example"), ("U-2", "team@x.example")])
    mapped.profile(MAPPED + "    email_case: correct\n")
    emails = ("ANN@x.example", "TEAM@x.example", "eve@x.example")
    swipes(mapped, *({"userEmail": email, "locationId": "Office", "locationType": "location"} for email in emails))
    mapped.run()
    first, *others = mapped.rows()
    assert (str(first), first.user_email, first.sends_email) == ("valid", "ann@x.example", True)
    assert [str(row) for row in others] == ["rejected: ambiguous_user", "rejected: unknown_user"]


def test_email_case_correct_does_not_hide_a_conflict(mapped: Pipeline) -> None:
    mapped.profile(MAPPED + "    email_case: correct\n")
    swipe(mapped, userId="U-ann", userEmail="BOB@x.example", locationId="Office", locationType="location")
    mapped.run()
    assert mapped.outcomes() == ["rejected: user_conflict"]


def test_the_tables_tell_whom_and_where(mapped: Pipeline) -> None:
    """Badges and doors are looked up without case; a target by id is sent as an id, one by address as an address."""
    swipes(mapped, *({"sourceUserId": badge, "door": "GATE"} for badge in ("B1", "b2")))
    mapped.run()
    found = [(row.user_id, row.sends_email, row.location_id, row.location_type) for row in mapped.rows()]
    assert found == [("U-ann", False, "Office", "location"), ("U-bob", True, "Office", "location")]


def test_what_a_row_says_itself_counts_more_than_the_tables(mapped: Pipeline) -> None:
    swipe(mapped, sourceUserId="b1", userEmail="bob@x.example", door="gate", locationId="Desk-2", locationType="place")
    mapped.run()
    (row,) = mapped.rows()
    assert (row.user_id, row.location_id, row.location_type) == ("U-bob", "Desk-2", "place")


def test_a_place_without_a_type_has_the_rows(mapped: Pipeline) -> None:
    row = {"userId": "U-ann", "door": "hall"}
    swipes(mapped, {**row, "locationType": "zone"}, row)
    mapped.run()
    assert mapped.outcomes() == ["valid", "rejected: invalid_location_type"]


def test_a_mapped_space(mapped: Pipeline) -> None:
    mapped.table("places.csv", "source_place,location_id,location_type", "gate,Room-9,space")
    swipe(mapped, userId="U-ann", door="gate")
    mapped.run()
    assert [(str(row), row.location_id, row.location_type) for row in mapped.rows()] == [("valid", "Room-9", "space")]


def test_a_source_that_left_before_its_rows_were_judged(mapped: Pipeline) -> None:
    """Such rows once got no verdict at all: they are judged without tables."""
    swipe(mapped, userId="U-ann", locationId="Office", locationType="location")
    mapped.stage()
    swipe(mapped, sourceUserId="b1", door="gate")
    mapped.stage()
    mapped.profile(MAPPED.replace("doors", "gates").replace("*.csv", "none"))
    mapped.validate()
    assert mapped.outcomes() == ["valid", "rejected: missing_user, missing_location"]


def test_nothing_is_judged_without_reference_data(tmp_path: Path) -> None:
    """Every row would be rejected; the message names what is missing and the way out."""
    pipeline = Pipeline(tmp_path)
    pipeline.users([])
    pipeline.stage()
    with pytest.raises(ReferenceDataError, match=r"desks, locations were pulled.*refresh_reference"):
        pipeline.validate()
    pipeline.close()


# What is kept of a rejected row


def test_row_numbers_count_from_the_header(pipeline: Pipeline) -> None:
    """Blank lines are no rows; each file counts for itself."""
    pipeline.swipes(f"{TIME},,,U-ann,,Office,location", "", f"{TIME},,,U-eve,,Office,location", name="a.csv")
    pipeline.swipes(f"{TIME},,,U-eva,,Office,location", "odd", name="b.csv")
    pipeline.run()
    bad = [(row.source_file, row.row_number) for row in pipeline.rows() if row.verdict == "rejected"]
    assert bad == [("a.csv", 2), ("b.csv", 1), ("b.csv", 2)]


def test_raw_of_csv(pipeline: Pipeline) -> None:
    """The row as a JSON object of all its columns, also of those that no profile names; read rows keep no text."""
    header = f"{COLUMNS},remark"
    pipeline.export(
        "a.csv", f"{header}\n{TIME},,7,U-eve,,Office,location,left door\n{TIME},,,U-ann,,Office,location,x\n"
    )
    pipeline.run()
    (raw,) = pipeline.ask("select raw from rejections")
    assert json.loads(raw) == {
        "timestamp": TIME,
        "eventId": None,
        "sourceUserId": "7",
        "userId": "U-eve",
        "userEmail": None,
        "locationId": "Office",
        "locationType": "location",
        "remark": "left door",
    }


def test_raw_of_csv_with_quotes_and_odd_rows(pipeline: Pipeline) -> None:
    """Each text stands beside its own row, also after rows over two lines and rows that are malformed."""
    rows = ['"2026-10-01T10:00:00Z",,"a\nb",U-eve,,Office,location', "odd", f'{TIME},,,U-eva,,"Of,fice",location']
    pipeline.swipes(*rows)
    pipeline.run()
    first, second, third = pipeline.ask("select raw from rejections order by row_id")
    assert json.loads(first)["sourceUserId"] == "a\nb"
    assert second == "odd"
    assert (json.loads(third)["userId"], json.loads(third)["locationId"]) == ("U-eva", "Of,fice")


def test_raw_of_json_lines(pipeline: Pipeline) -> None:
    """The line itself."""
    lines = [f'{{"timestamp": "{TIME}",  "userId": "U-eve", "more": [1]}}', "{broken", "[1]"]
    pipeline.export("a.jsonl", "\n".join(lines) + "\n")
    pipeline.run()
    assert pipeline.ask("select raw from rejections order by row_id") == lines
    assert pipeline.ask("select reason from rejections order by row_id") == ["unknown_user", *["malformed_row"] * 2]


def test_raw_when_the_file_is_gone(pipeline: Pipeline) -> None:
    """Rebuilt from what was staged, in our names; a malformed row's text was kept."""
    path = pipeline.swipes("soon,E-1,7,U-eve,,Office,location", f"{TIME},,,U-eve,,Office,location", "odd")
    pipeline.stage()
    path.unlink()
    pipeline.validate()
    first, second, third = pipeline.ask("select raw from rejections order by row_id")
    assert {key: value for key, value in json.loads(first).items() if value} == {
        "timestamp": "soon",
        "event_id": "E-1",
        "source_user_id": "7",
        "user_id": "U-eve",
        "location_id": "Office",
        "location_type": "location",
    }
    assert (json.loads(second)["timestamp"], json.loads(second)["event_id"], third) == (TIME, None, "odd")


def test_raw_when_the_file_holds_something_else_by_now(pipeline: Pipeline) -> None:
    """Another row's text never stands beside a row."""
    pipeline.swipes(f"{TIME},,,U-eve,,Office,location")
    pipeline.stage()
    pipeline.swipes(f"{TIME},,,U-other,,Office,location", f"{TIME},,,U-third,,Office,location")
    pipeline.validate()
    assert [json.loads(raw)["user_id"] for raw in pipeline.ask("select raw from rejections")] == ["U-eve"]


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_raw_when_the_file_is_damaged(pipeline: Pipeline, name: str) -> None:
    """Same size, same time, other bytes: a failing disk once kept every row from ever being judged."""
    path = pipeline.data / "exports" / name
    path.parent.mkdir()
    pipeline.swipes(f"{TIME},,,U-eve,,Office,location", "soon,,,U-ann,,Office,location", name="b.csv")
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select 'soon ' || i as timestamp, 'U-eve' as \"userId\" from range(9) r(i)) to '{path}'"
        )
    pipeline.stage()
    status = path.stat()
    path.write_bytes(bytes(byte ^ 0x5A for byte in path.read_bytes()))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    pipeline.validate()
    found = [json.loads(raw) for raw in pipeline.ask("select raw from rejections order by row_id")]
    assert found[-2]["userId"] == "U-eve"
    if name == "a.parquet":
        assert [row["user_id"] for row in found[:-2]] == ["U-eve"] * 9


def test_raw_when_the_profile_names_other_columns_by_now(pipeline: Pipeline) -> None:
    """Rebuilt from what was staged."""
    columns = "timestamp: {0}, user_id: u, location_id: l"
    pipeline.profile("sources:\n  - name: a\n    files: a.csv\n    columns: {" + columns.format("t") + "}\n")
    pipeline.export("a.csv", f"t,u,l\n{TIME},U-eve,Office\n")
    pipeline.stage()
    pipeline.profile("sources:\n  - name: a\n    files: a.csv\n    columns: {" + columns.format("time") + "}\n")
    pipeline.validate()
    (raw,) = pipeline.ask("select raw from rejections")
    assert json.loads(raw)["user_id"] == "U-eve"


def test_when_a_rejection_stood_first(pipeline: Pipeline) -> None:
    """Times are those of the run, in UTC."""
    pipeline.swipes(f"{TIME},,,U-eve,,Office,location")
    pipeline.run()
    now = NOW.replace(tzinfo=None)
    assert pipeline.ask("select status, stage, first_rejected_at, last_checked_at, resolved_at from rejections") == [
        ("open", "validate", now, now, None)
    ]
