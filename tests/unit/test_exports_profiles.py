"""Source profiles: what a good `sources.yaml` gives, and the one line that each bad one stops with."""

from __future__ import annotations

from pathlib import Path

import pytest

from calven_pipeline.errors import SourceProfileError
from calven_pipeline.exports import Format, load_profiles

GOOD = """
sources:
  - name: hq-badges
    source_id: "HQ badge readers"
    files: "badges/*.csv"
    format: csv
    timezone: Europe/Athens
    columns:
      timestamp: timestamp
      source_user_id: prox-id
      place: [floor, zone]
    timestamp_format: "%Y-%m-%d %H:%M"
    keep: {type: [fixed-prox]}
    defaults: {location_type: zone}
    people: people.csv
    places: places.csv
"""

SMALL = """
sources:
  - name: doors
    files: "*.csv"
    columns: {timestamp: time, user_email: who, location_id: where}
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text("source_user_id,user_email\n1,ada@example.com\n")
    (tmp_path / "places.csv").write_text("source_place;location_id;location_type\n1/1;L;zone\n")
    return tmp_path


def problem_of(data_dir: Path, text: str | bytes) -> str:
    (data_dir / "sources.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SourceProfileError) as caught:
        load_profiles(data_dir)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith("sources.yaml")
    return message


def test_a_whole_profile(data_dir: Path) -> None:
    """Every key of the README's example arrives as typed."""
    (data_dir / "sources.yaml").write_text(GOOD)
    (profile,) = load_profiles(data_dir)
    assert (profile.name, profile.source_id, profile.files) == ("hq-badges", "HQ badge readers", ("badges/*.csv",))
    assert profile.format is Format.CSV
    assert profile.columns["place"] == ("floor", "zone")
    assert profile.keep == {"type": ("fixed-prox",)}
    assert (profile.people, profile.places, profile.email_case) == (Path("people.csv"), Path("places.csv"), "reject")
    assert not profile.is_default


def test_what_may_be_left_out(data_dir: Path) -> None:
    (data_dir / "sources.yaml").write_text(SMALL)
    (profile,) = load_profiles(data_dir)
    assert (profile.source_id, profile.format, profile.timezone, dict(profile.keep)) == ("doors", None, None, {})


def test_without_a_file_one_default_source(data_dir: Path) -> None:
    (profile,) = load_profiles(data_dir)
    assert profile.is_default
    assert (profile.name, profile.source_id) == ("default", "default")
    assert profile.columns["source_user_id"] == ("sourceUserId",)


def test_plain_values_are_text(data_dir: Path) -> None:
    """A YAML truth value, number or octal number is the text that stands in the file."""
    extra = "    keep: {granted: [true, 1, 007], 5: yes}\n    source_id: 12\n    email_case: correct\n"
    (data_dir / "sources.yaml").write_text(SMALL + extra)
    (profile,) = load_profiles(data_dir)
    assert profile.keep == {"granted": ("true", "1", "007"), "5": ("yes",)}
    assert (profile.source_id, profile.email_case) == ("12", "correct")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("timezone: Europe/Athens", "timezone: Europe/Atens", ["hq-badges", "`timezone`", "Europe/Athens"]),
        ("timezone:", "time_zone:", ["`time_zone`", "'timezone'"]),
        ("  - name: hq-badges\n    source_id", "  - source_id", ["source 1", "`name`", "missing"]),
        ('    files: "badges/*.csv"\n', "", ["`files`", "missing"]),
        ('files: "badges/*.csv"', 'files: "/etc/*.csv"', ["`files`", "data folder"]),
        ('files: "badges/*.csv"', 'files: ["a.csv", "../*.csv"]', ["`files`", "data folder"]),
        ('files: "badges/*.csv"', "files: []", ["`files`", "empty"]),
        ('files: "badges/*.csv"', "files: {a: b}", ["`files`", "text"]),
        ("people: people.csv", "people: ../people.csv", ["`people`", "data folder"]),
        ("people: people.csv", "people: nobody.csv", ["`people`", "nobody.csv", "No such file"]),
        ("people: people.csv", "people: places.csv", ["`people`", "source_user_id"]),
        ("places: places.csv", "places: people.csv", ["`places`", "source_place"]),
        ("    people: people.csv\n", "", ["gives no user", "`columns`"]),
        ("    places: places.csv\n", "", ["`columns.place`", "`places`"]),
        ("      source_user_id: prox-id\n", "", ["`people`", "columns.source_user_id"]),
        ("      place: [floor, zone]\n", "", ["`places`", "columns.place"]),
        ("      timestamp: timestamp\n", "", ["`columns.timestamp`", "missing"]),
        ("place: [floor, zone]", "place: []", ["`columns.place`", "empty list"]),
        ("place: [floor, zone]", "placed: [floor, zone]", ["`columns`", "'placed'", "'place'"]),
        ("place: [floor, zone]", "place: {a: b}", ["`columns.place`", "text"]),
        ("place: [floor, zone]", "place: ~", ["`columns.place`", "text"]),
        ("columns:\n", "columns: 5\n    oops:\n", ["`oops`"]),
        ("format: csv", "format: cvs", ["`format`", "'csv'"]),
        ('timestamp_format: "%Y-%m-%d %H:%M"', 'timestamp_format: "%Q"', ["`timestamp_format`", "'%Q'"]),
        ('timestamp_format: "%Y-%m-%d %H:%M"', 'timestamp_format: "dd/MM/yyyy"', ["`timestamp_format`", "date"]),
        ("keep: {type: [fixed-prox]}", "keep: {type: []}", ["`keep.type`", "empty list"]),
        ("keep: {type: [fixed-prox]}", "keep: [type]", ["`keep`", "mapping"]),
        ("{location_type: zone}", "{location_type: zone, timestamp: now}", ["`defaults.timestamp`"]),
        ("{location_type: zone}", '{location_type: " "}', ["`defaults.location_type`", "empty"]),
        ("defaults: {", "email_case: upper\n    defaults: {", ["`email_case`", "correct"]),
        ("defaults: {", "is_default: true\n    defaults: {", ["`is_default`", "no key"]),
        ("format: csv", "format: csv\n    format: json", ["line 7", "'format'", "twice"]),
        ("format: csv", "format: [csv", ["line 7"]),
        ("format: csv", "format: !!python/name:os.system", ["line", "constructor"]),
        ("format: csv", "? [a]\n    : b", ["key must be a text"]),
        ("sources:", "source:", ["`source`", "'sources'"]),
    ],
)
def test_one_line_names_what_to_mend(data_dir: Path, old: str, new: str, words: list[str]) -> None:
    assert old in GOOD
    message = problem_of(data_dir, GOOD.replace(old, new, 1))
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "text", ["", "sources:", "sources: []", "- name: x", "sources: [x]", b"\xff\xfes", "a: &a [*a]"]
)
def test_what_is_no_list_of_sources(data_dir: Path, text: str | bytes) -> None:
    problem_of(data_dir, text)


def test_doubled_names(data_dir: Path) -> None:
    message = problem_of(data_dir, SMALL + SMALL.replace("sources:", "").replace("doors", "Doors"))
    assert "'Doors'" in message
    assert "`name`" in message


def test_a_link_out_of_the_data_folder(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "people.csv"
    outside.write_text("source_user_id,user_email\n")
    (data_dir / "people.csv").unlink()
    (data_dir / "people.csv").symlink_to(outside)
    assert "`people`" in problem_of(data_dir, GOOD)


def test_a_profile_file_that_is_a_folder(data_dir: Path) -> None:
    (data_dir / "sources.yaml").mkdir()
    with pytest.raises(SourceProfileError, match=r"sources\.yaml"):
        load_profiles(data_dir)


def test_people_need_a_target(data_dir: Path) -> None:
    (data_dir / "people.csv").write_text("source_user_id,name\n1,Ada\n")
    message = problem_of(data_dir, GOOD)
    assert "user_email or user_id" in message


def test_a_table_in_another_encoding(data_dir: Path) -> None:
    """It is told as an export's is; what is no text at all is refused."""
    (data_dir / "sources.yaml").write_text(GOOD)
    for encoding in ("utf-16", "utf-8-sig"):
        (data_dir / "people.csv").write_bytes("source_user_id\tuser_email\n".encode(encoding))
        assert load_profiles(data_dir)
    (data_dir / "people.csv").write_bytes(b"source_user_id,user_email\0\0\n")
    assert "`people`" in problem_of(data_dir, GOOD)
