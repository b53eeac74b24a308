"""Who is meant by an id, an address or a badge, and is nobody taken for somebody else?"""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
import pytest

from calven_pipeline.delivery import outbox
from calven_pipeline.delivery.journal import Journal, Note
from calven_pipeline.errors import RequestError
from calven_pipeline.retention.erasure import forget_person
from calven_pipeline.retention.person_export import export_person
from calven_pipeline.retention.persons import Asked, find_person
from calven_pipeline.validation.books import balance
from calven_pipeline.warehouse.snapshot import write_snapshot
from tests.sql.conftest import NOW, Pipeline

PROFILES = """
sources:
  - name: hq
    files: "hq/*.csv"
    columns: &columns {timestamp: time, source_user_id: badge, location_id: desk}
    defaults: {location_type: place}
    people: people.csv
  - name: berlin
    files: "berlin/*.csv"
    columns: *columns
    defaults: {location_type: place}
    people: people-berlin.csv
  - name: desks
    files: "*.csv"
    columns: {timestamp: time, source_user_id: badge, user_id: id, user_email: email, location_id: desk}
    defaults: {location_type: place}
"""
DAY = "2026-10-05T08:"
# What each row is for stands in its minute, which `rows_of` tells.
DESKS = f"""
time,badge,id,email,desk
{DAY}01Z,,U-ann,,Desk-1
{DAY}02Z,,,ann@x.example,Desk-1
{DAY}03Z,,,ANN@x.example,Desk-1
{DAY}04Z,,U-ann,,nowhere
{DAY}05Z,,U-ann,bob@x.example,Desk-1
{DAY}06Z,,,twin@x.example,Desk-1
{DAY}07Z,,U-twin-1,twin@x.example,Desk-1
{DAY}08Z,,,contractor@y.example,Desk-1
{DAY}09Z,12,,contractor@y.example,Desk-1
{DAY}10Z,,,hann@x.example,Desk-1
{DAY}11Z,,,ann@x.example.org,Desk-1
{DAY}12Z,,,bob@x.example,Desk-1
{DAY}13Z,12,ann@x.example,one,field,too many
2026-10-12T08:14Z,12th,ann@x.example.org,one,field,too many
"""
HQ = f"""
time,badge,desk
{DAY}20Z,1001,Desk-1
{DAY}21Z,1001,nowhere
{DAY}22Z,2002,Desk-1
{DAY}23Z,3003,Desk-1
{DAY}24Z,3003,nowhere
"""
BERLIN = f"""
time,badge,desk
{DAY}30Z,1001,Desk-1
{DAY}31Z,2002,Desk-1
"""


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """All of it staged and judged; nothing was sent."""
    pipeline = Pipeline(tmp_path_factory.mktemp("persons") / "data")
    pipeline.users(
        [
            ("U-ann", "ann@x.example"),
            ("U-bob", "bob@x.example"),
            ("U-twin-1", "twin@x.example"),
            ("U-twin-2", "twin@x.example"),
        ]
    )
    pipeline.locations(["Office"])
    pipeline.desks([("Desk-1", None, None)])
    lay_out(pipeline)
    yield pipeline
    pipeline.close()


def lay_out(pipeline: Pipeline) -> None:
    """Badge 3003 is Ann's when its rows are judged, and one of them sent; it is Bob's after."""
    pipeline.profile(PROFILES)
    header, *badges = "source_user_id,user_email", "1001,ann@x.example", "2002,bob@x.example"
    pipeline.table("people.csv", header, *badges, "3003,ann@x.example")
    pipeline.table("people-berlin.csv", header, "2002,ann@x.example")
    pipeline.export("desks.csv", DESKS.lstrip())
    pipeline.export("hq/a.csv", HQ.lstrip())
    pipeline.export("berlin/a.csv", BERLIN.lstrip())
    pipeline.run()
    pipeline.database.connection.execute("update outbox set attempts = 1")
    pipeline.table("people.csv", header, *badges, "3003,bob@x.example")
    pipeline.validate()


def minutes(pipeline: Pipeline) -> list[int]:
    """The rows that were found to be theirs, by their minutes."""
    return pipeline.ask(
        "select coalesce(minute(occurred_at), regexp_extract(malformed, ':([0-9]+)Z', 1)::integer) as minute "
        "from person_rows join staged_presence using (row_id) where is_theirs order by minute"
    )


ANN, BOB = [1, 2, 3, 4, 5, 13, 20, 21, 23, 31], [5, 12, 22, 24]


@pytest.mark.parametrize(
    ("asked", "rows", "counts"),
    [
        (
            Asked(user_id="u-ANN"),
            ANN,
            {"rows_left": 1, "rows_naming_others": 1, "malformed_rows": 1, "badges_shared": 1},
        ),
        (Asked(email="Ann@X.example"), ANN, {"rows_left": 1}),
        (Asked(badge="1001"), ANN, {"rows_left": 2, "badges_shared": 2}),
        (Asked(badge="1001", source="berlin"), [30], {"rows_left": 0}),
        (Asked(badge="2002", source="hq"), BOB, {"rows_left": 0, "rows_naming_others": 1, "badges_shared": 1}),
        (Asked(user_id="U-twin-1"), [7], {"rows_left": 1, "addresses_shared": 1}),
        (Asked(email="contractor@y.example"), [8, 9], {"rows_left": 0}),
        (Asked(badge="12"), [9, 13], {"rows_left": 0}),
        (Asked(user_id="U-twin-2"), [], {"rows_left": 1, "addresses_shared": 1}),
    ],
    ids=str,
)
def test_rows_are_theirs_who_stand_behind_them_alone(
    read: Pipeline, asked: Asked, rows: list[int], counts: dict[str, int]
) -> None:
    """What stands for several people is nobody's, and counted."""
    found = find_person(read.database, asked)
    assert minutes(read) == rows
    assert found.rows == len(rows)
    assert {name: found.counts[name] for name in counts} == counts


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(email="twin@x.example"), "more than one user"),
        (Asked(badge="2002"), "different people in the sources berlin, hq"),
        (Asked(user_id="U-nobody"), "Nobody was found by that user id"),
        (Asked(badge="1001", source="desks"), "Nobody was found by that badge number"),
    ],
    ids=str,
)
def test_who_cannot_be_told_from_others_is_refused(read: Pipeline, asked: Asked, message: str) -> None:
    """Rather than one of several."""
    with pytest.raises(RequestError, match=message):
        find_person(read.database, asked)


def test_a_badge_is_found_as_its_profile_writes_it_today(pipeline: Pipeline) -> None:
    """It was read with its zeros, before the profile dropped them."""
    pipeline.profile(PROFILES)
    pipeline.table("people.csv", "source_user_id,user_email", "00077,nobody@x.example")
    pipeline.table("people-berlin.csv", "source_user_id,user_email", "1,nobody@x.example")
    pipeline.export("hq/a.csv", f"time,badge,desk\n{DAY}01Z,00077,nowhere\n")
    pipeline.run()
    steps = '    normalize: {source_user_id: [leading_zeros]}\n    files: "hq/*.csv"'
    pipeline.profile(PROFILES.replace('    files: "hq/*.csv"', steps))
    pipeline.table("people.csv", "source_user_id,user_email", "77,ann@x.example")
    pipeline.validate()
    for asked in (Asked(badge="77"), Asked(badge="00077"), Asked(user_id="U-ann")):
        assert find_person(pipeline.database, asked).rows == 1, asked


def test_an_answer_that_a_killed_run_left_is_taken_in_first(pipeline: Pipeline) -> None:
    """What Calven took counts as accepted, and a later run does not meet an answer to nobody's event."""
    pipeline.swipes(f"{DAY}01Z,,,U-ann,,Desk-1,place", f"{DAY}02Z,,,U-ann,,Desk-1,place")
    pipeline.run()
    leave_an_answer(pipeline)
    export = export_person(pipeline.data, Asked(user_id="U-ann"), run_id="1")
    rows = json.loads(export.path.read_text())["tables"]["validated_presence"]
    assert [row["outcome"] for row in rows] == ["accepted", "pending"]
    leave_an_answer(pipeline)
    erasure = forget_person(pipeline.data, Asked(user_id="U-ann"), launch="2", run_id="2")
    assert erasure.removal.outcomes == {"accepted": 2}
    assert list((pipeline.data / "state" / "answers").glob("*")) == []
    assert pipeline.ask("select count(*) from outbox") == pipeline.ask("select count(*) from answers") == [0]
    assert pipeline.ask("select user_id from known_users") == ["U-bob", "U-nobody"]
    assert balance(pipeline.database).outcomes["accepted"] == 2


def leave_an_answer(pipeline: Pipeline) -> None:
    """Calven takes the next event that is due, and the run is killed before the answer reaches the working database."""
    (call,) = outbox.plan(pipeline.database, 9, batch_size=1, calls=1)
    with Journal(pipeline.database.state) as journal:
        journal.write(Note(call.call_id, 1, NOW, NOW, None, 200, "c-1", '{"results": []}'))
    pipeline.close()


def test_rows_that_nobody_judged_yet_are_not_passed_over(pipeline: Pipeline) -> None:
    """The run that read them ended in between."""
    pipeline.swipes(f"{DAY}01Z,,,U-ann,,Desk-1,place")
    pipeline.stage()
    pipeline.close()
    with pytest.raises(RequestError, match="1 rows were read and not judged yet"):
        forget_person(pipeline.data, Asked(user_id="U-ann"), launch="1", run_id="1")
    assert pipeline.ask("select count(*) from users") == [3]


def test_others_are_not_named_by_what_is_left(pipeline: Pipeline) -> None:
    """A full name goes out of others' texts where nobody else bears it; numbers and longer addresses stay."""
    pipeline.swipes(f"{DAY}01Z,,,U-bob,,nowhere,place")
    pipeline.run()
    connection = pipeline.database.connection
    connection.execute("update users set first_name = 'Ann', last_name = 'Example' where user_id = 'U-ann'")
    connection.execute(
        "update rejections set raw = 'host=Ann  Example, ann@x.example; ann@x.example. hann@x.example ann@x.example.org', "
        "detail = 'Example, Ann'"
    )
    connection.execute("""update desks set extra = '{"assignedTo": {"mail": "ann@x.example"}, "number": 7}'""")
    pipeline.close()
    assert forget_person(pipeline.data, Asked(email="ann@x.example"), launch="1", run_id="1").texts == 3
    assert pipeline.ask("select raw, detail from rejections") == [
        ("host=(removed), (removed); (removed). hann@x.example ann@x.example.org", "(removed)")
    ]
    assert pipeline.ask("select distinct extra::varchar from desks") == [
        '{"assignedTo": {"mail": "(removed)"}, "number": 7}'
    ]


def test_whom_calven_still_has_comes_back_with_the_next_pull(pipeline: Pipeline) -> None:
    """Also for analysts, where Calven's answer is word for word the one before."""
    users = [("U-ann", "ann@x.example"), ("U-bob", "bob@x.example")]
    pipeline.users(users)
    pipeline.swipes(f"{DAY}00:00Z,e1,b1,U-ann,,Office,location")
    pipeline.run()
    pipeline.close()
    forget_person(pipeline.data, Asked.of(user_id="U-ann"), launch="launch", run_id="run")
    seen = []
    for _ in range(2):
        with duckdb.connect(str(pipeline.data / "calven.duckdb"), read_only=True) as snapshot:
            seen.append(snapshot.sql("select user_id from users order by all").fetchall())
        pipeline.users(users)
        write_snapshot(pipeline.database, pipeline.data)
        pipeline.close()
    assert seen == [[("U-bob",)], [("U-ann",), ("U-bob",)]]
