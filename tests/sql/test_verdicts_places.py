"""Where a row happened: the places table's key, else its closest pattern, else the profile's fallback."""

from __future__ import annotations

from tests.sql.conftest import Pipeline

TIME = "2026-10-01T10:00:00Z"
HEADER = "source_place,location_id,location_type"
FALLBACK = "    fallback: {location_id: Office, location_type: location}\n"


def doors(pipeline: Pipeline, *doors: str, fallback: str = "", more: str = "    places: places.csv\n") -> None:
    """A profile with a places table and an export in which Ann walks through these doors."""
    pipeline.profile(
        "sources:\n  - name: doors\n    files: '*.csv'\n    columns: {timestamp: t, user_id: u, place: d, location_id: l}\n"
        + more
        + fallback
    )
    if doors:
        pipeline.export("a.csv", "t,u,d,l\n" + "".join(f'{TIME},U-ann,"{door}",\n' for door in doors))


def places(pipeline: Pipeline) -> list[str | None]:
    """Where each row is, or why it is nowhere."""
    return [row.location_id if row.verdict == "valid" else str(row) for row in pipeline.rows()]


DOORS = {
    "hq-220": "Level-1",
    "HQ-21X": "Zone-1",  # more characters of its own
    "hq-2199": "Level-1",  # `?` is one character
    "hq-2": "Level-1",  # `*` may stand for nothing
    "Hq-217": "Desk-1",  # the very key
    "lift 7": "Desk-2",  # as many characters: the first in the file
    "hq-9b": "rejected: unmapped_place",  # a line without a target
    "hqx217": "rejected: unmapped_place",
    "50%": "Office",
    "50%x": "rejected: unmapped_place",
    "a_b\\c-1": "Office",
    "aXb\\c-1": "rejected: unmapped_place",
    "ÉTAGE 2": "Level-1",
    "hq-[0-9]": "rejected: unmapped_place",
    "": "rejected: missing_location",
}
TABLE = (
    HEADER,
    "hq-*,,",
    "HQ-2*,Level-1,level",
    "hq-21?,Zone-1,zone",
    "HQ-217,Desk-1,place",
    "lift ?,Desk-2,place",
    "lift *,Desk-1,place",
    "50%,Office,location",
    "a_b\\c*,Office,location",
    "étage*,Level-1,level",
)


def test_the_closest_entry_decides(pipeline: Pipeline) -> None:
    """The exact key without case, then the pattern with most characters of its own; nothing else is special in a name."""
    doors(pipeline, *DOORS)
    pipeline.table("places.csv", *TABLE)
    pipeline.run()
    assert dict(zip(DOORS, places(pipeline), strict=True)) == DOORS


def test_a_detail_tells_of_the_pattern_s_target(pipeline: Pipeline) -> None:
    doors(pipeline, "hq-2", "hq-3")
    pipeline.table("places.csv", HEADER, "hq-2*,Nowhere,zone", "hq-3*,Zone-1,level")
    pipeline.run()
    assert pipeline.ask("select detail, suggestion from rejections order by row_id") == [
        ("no Calven location: Nowhere", None),
        ("the id exists, but not as level: Zone-1", "zone"),
    ]


def test_the_fallback_serves_doors_that_nobody_mapped(pipeline: Pipeline) -> None:
    """Unknown and missing ones; not those of a line without a target, and not a row that names its location."""
    doors(pipeline, "gate", "roof", "", "cellar-1", "lobby", fallback=FALLBACK)
    pipeline.export("b.csv", f"t,u,d,l\n{TIME},U-bob,roof,Nowhere\n{TIME},U-bob,,Zone-1\n")
    pipeline.table("places.csv", HEADER, "gate,Zone-1,zone", "cellar-*,,", "lobby,,")
    pipeline.run()
    assert places(pipeline) == [
        "Zone-1",
        "Office",
        "Office",
        "rejected: unmapped_place",
        "rejected: unmapped_place",
        "rejected: unknown_location, invalid_location_type",
        "rejected: invalid_location_type",
    ]


def test_a_fallback_needs_no_places_table(pipeline: Pipeline) -> None:
    """And may be a space, which no pull brings; where Calven does not know it, that is said of the fallback."""
    doors(pipeline, "gate", "", fallback="    fallback: {location_id: Room-9, location_type: space}\n", more="")
    pipeline.run()
    assert [(row.location_id, row.location_type) for row in pipeline.rows()] == [("Room-9", "space")] * 2
    doors(pipeline, fallback="    fallback: {location_id: Zone-1, location_type: level}\n", more="")
    pipeline.run()
    assert pipeline.outcomes() == ["rejected: location_type_mismatch"] * 2
    assert set(pipeline.ask("select detail, suggestion from rejections")) == {
        ("the id exists, but not as level: Zone-1", "zone")
    }


def test_a_new_pattern_or_fallback_heals(pipeline: Pipeline) -> None:
    """Open rejections, and events that wait go to the closer place; nothing is looked at when nothing changed."""
    doors(pipeline, "hq-21", "attic")
    pipeline.table("places.csv", HEADER, "hq-*,Level-1,level")
    pipeline.run()
    assert places(pipeline) == ["Level-1", "rejected: unmapped_place"]
    pipeline.table("places.csv", HEADER, "hq-*,Level-1,level", "hq-2?,Zone-1,zone", "at*,Desk-1,place")
    pipeline.run()
    assert places(pipeline) == ["Zone-1", "Desk-1"]
    pipeline.table("places.csv", HEADER, "hq-3,Level-1,level")
    pipeline.run()
    assert places(pipeline) == ["rejected: unmapped_place"] * 2
    doors(pipeline, fallback=FALLBACK)
    assert pipeline.run().healed == 2
    assert places(pipeline) == ["Office", "Office"]
    assert pipeline.run().rechecked == 0


def test_another_source_s_patterns_and_fallback_are_its_own(pipeline: Pipeline) -> None:
    pipeline.profile(
        "".join(
            f"  - name: {name}\n    files: '{name}.csv'\n    columns: {{timestamp: t, user_id: u, place: d}}\n"
            f"    places: {name}-places.csv\n{fallback}"
            for name, fallback in (("one", FALLBACK), ("two", ""))
        ).join(["sources:\n", ""])
    )
    for name in ("one", "two"):
        pipeline.export(f"{name}.csv", f"t,u,d\n{TIME},U-ann,hq-1\n{TIME},U-ann,roof\n")
    pipeline.table("one-places.csv", HEADER, "hq-1*,Desk-1,place")
    pipeline.table("two-places.csv", HEADER, "hq-*,Desk-2,place")
    pipeline.run()
    assert places(pipeline) == ["Desk-1", "Office", "Desk-2", "rejected: unmapped_place"]
