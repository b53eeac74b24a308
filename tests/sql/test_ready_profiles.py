"""Does every ready profile make of its sample, row by row, what the sample's `expected.csv` says?

All systems lie in one data folder and are staged and validated once, as a company with sixteen systems would.
"""

import csv
import json
import re
import shutil
from datetime import UTC, datetime

import duckdb
import pytest

from calven_pipeline.exports.outcomes import outcome_columns, outcome_expression
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.exports.ready import READY_FOLDER, ready_names, ready_profile, ready_summary, ready_text
from calven_pipeline.project import samples_folder
from tests.sql.conftest import Pipeline

SYSTEMS = samples_folder() / "systems"
TABLES = {"people.csv", "places.csv", "expected.csv"}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOT_PRESENCE = (
    "Access denied",
    "Access refused",
    "Access restricted",
    "was denied entry",
    "was unable to unlock Main door",
    "Main door could not be unlocked",
    "Main door was not unlocked",
    "unlocked Main door remotely",
    "was granted exit from Main hall",
    "was granted access through Main hall",
    "Access Granted - Exit",
    "Local Grant - OUT",
    "Main door (Out)",
    "Main door (Out) 2",
    "Main door (In) (Out)",
    "Main door (Exit)",
    "Main door OUT",
    "Main door",
    "Out",
    "Exit",
    "Guest",
    "Visitors",
)
KEYS_OF_A_SOURCE = {"name", "source_id", "files", "people", "places", "fallback", "profile", "local_timezone"}

ROWS = """
    select
        (s.row_id - f.first_row_id + 1)::varchar,
        case v.verdict when 'valid' then 'pending' else v.verdict end,
        coalesce(v.reasons[1], ''),
        coalesce(regexp_replace(s.occurred_at::varchar, '(\\.\\d*?)0+$', '\\1'), ''),
        coalesce(u.user_email, ''), coalesce(l.location_id, ''), coalesce(l.location_type, '')
    from staged_presence s
        join export_files f using (file_id)
        join validated_presence v using (row_id)
        left join known_users u using (user_key)
        left join known_locations l using (location_key)
    where f.source = ?
    order by f.source_file, s.row_id
"""


def names():
    return sorted(path.name for path in SYSTEMS.iterdir() if path.is_dir())


def world(name):
    return json.loads((samples_folder() / "world" / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """The rows of each system as they came out of validation, by name."""
    data = tmp_path_factory.mktemp("systems") / "data"
    shutil.copytree(SYSTEMS, data, ignore=shutil.ignore_patterns("expected.csv"))
    for path in SYSTEMS.glob("*/*"):
        if path.name not in TABLES:
            (data / "exports" / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, data / "exports" / path.parent.name / path.name)
    pipeline = Pipeline(data, now=NOW)
    pipeline.users((user["userId"], user["email"]) for user in world("users"))
    pipeline.locations(location["locationId"] for location in world("locations"))
    pipeline.desks((desk["deskId"], desk["zoneId"], desk["levelId"]) for desk in world("desks"))
    pipeline.run()
    connection = pipeline.database.connection
    yield {name: connection.execute(ROWS, [name]).fetchall() for name in names()}
    pipeline.close()


def test_every_ready_profile_has_a_sample_and_every_sample_a_profile():
    assert list(ready_names()) == names()
    profiles = [profile.name for profile in load_profiles(SYSTEMS)]
    assert sorted(profiles) == names()


@pytest.mark.parametrize("name", names())
def test_what_becomes_of_every_row(judged, name):
    with (SYSTEMS / name / "expected.csv").open(newline="") as file:
        _, *expected = [tuple(row) for row in csv.reader(file)]
    assert judged[name] == expected


def test_every_sample_has_rows_of_all_kinds(judged):
    """Who reads it should see what is sent, what is not, and what is set aside."""
    for name in names():
        outcomes = {row[1] for row in judged[name]}
        assert outcomes >= ({"pending", "rejected"} if name == "worklytics" else {"pending", "ignored", "rejected"}), (
            name
        )
        assert name == "worklytics" or "unlisted_outcome" in {row[2] for row in judged[name]}, name


@pytest.mark.parametrize("name", ready_names())
def test_a_ready_profile_reads_well_and_leaves_the_source_to_its_owner(name):
    text = ready_text(name)
    assert re.match(r"# \S.*, (CSV|JSON|text|one JSON)", text), "the first line says which system and which file"
    assert all(f"\n# {word} " in text for word in ("Reads", "Check", "Add"))
    assert ready_summary(name) == text.splitlines()[0][2:]
    assert not KEYS_OF_A_SOURCE & set(ready_profile(name))
    assert max(map(len, text.splitlines())) <= 122


@pytest.mark.parametrize("profile", load_profiles(SYSTEMS), ids=lambda profile: profile.name)
def test_no_word_of_refusal_or_leaving_is_presence(profile):
    """In none of the columns that a profile judges, though the other columns say granted.

    Kisi's `message` once counted unless it held one of five words, and Net2's door unless it ended in "(Out)".
    """
    granted = {
        theirs: duckdb.ConstantExpression(entries[0].replace("*", " x ").strip() or None)
        for theirs, entries in profile.granted.items()
    }
    with duckdb.connect() as connection:
        words = connection.sql("select unnest($words) as word", params={"words": NOT_PRESENCE})
        for theirs in outcome_columns(profile):
            outcome = outcome_expression(profile, {**granted, theirs: duckdb.ColumnExpression("word")})
            as_listed = outcome_expression(profile, granted)
            said = words.select("word", outcome, as_listed).fetchall()
            assert {listed for _, _, listed in said} == {"granted"}
            assert [word for word, outcome, _ in said if outcome == "granted"] == [], theirs


def test_where_a_ready_profile_takes_whatever_stands_there():
    """Only where nothing means well: no reject code, and a reader of Verkada's whose door has no way out."""
    anything = {
        (name, theirs, entry)
        for name in ready_names()
        for theirs, entries in ready_profile(name).get("granted", {}).items()
        for entry in entries
        if not entry.strip("*")
    }
    assert anything == {("ccure-9000", "RejectCode", ""), ("verkada", "direction", "")}


def test_no_ready_profile_makes_one_badge_of_two():
    """123:4567 and 124:4567 are two people; where there is one facility, its owner may say so."""
    assert not [name for name in ready_names() if "facility" in json.dumps(ready_profile(name).get("normalize", {}))]


def test_nothing_sensitive_is_read():
    for name in ready_names():
        assert not re.search(r"ssn", json.dumps(ready_profile(name)), re.IGNORECASE), name


def test_a_name_that_is_none():
    with pytest.raises(KeyError):
        ready_profile("../sandbox/nothing")
    assert (READY_FOLDER / "kisi.yaml").is_file()
