"""Who reads what: names and addresses left out on demand, and files for their owner or one group alone."""

import grp
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from calven_pipeline.errors import SettingsError
from calven_pipeline.warehouse.snapshot import write_snapshot
from tests.sql.conftest import Pipeline
from tests.sql.test_removal import accept

NAME, ADDRESS = "Planted Name", "planted@x.example"

PLANT = f"""
update users set user_name = '{NAME}', email = '{ADDRESS}', first_name = '{NAME}', last_name = '{NAME}',
    extra = '{{"displayName": "{NAME}"}}' where user_id = 'U-ann';
update locations set extra = '{{"locationName": "Harbour", "contact": "{ADDRESS}"}}';
update desks set extra = '{{"locationId": "Office", "name": "Corner", "deskName": "{ADDRESS}", "bookedBy": "{NAME}"}}';
update reference_pulls set sha256 = 'another';
update rejections set detail = '{NAME} ' || detail, suggestion = '{ADDRESS}', note = 'asked by {NAME}';
insert into answers select row_id, 1, false, 'calven_rejected', 9, 'no such person: {NAME}', 1, now(), 1, null
from validated_presence where verdict = 'valid';
delete from outbox;
insert into requests values (1, 'dismiss', 'run', now(), null, null, null, null, [], [], 'asked by {NAME}', 0);
insert into calven_presence values (current_date, '{ADDRESS}', '{ADDRESS}', '{{"name": "{NAME}"}}', current_date, current_date, now());
insert into reconciliations values (1, 1, 0, 0, 0, 0, now());
"""


@pytest.fixture
def planted(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Rows, good and bad ones, with a name and an address in every field that may hold one."""
    monkeypatch.setenv("CALVEN_PARQUET", "parquet")
    pipeline.users([("U-ann", ADDRESS), ("U-bob", "bob@x.example")])
    pipeline.swipes(
        "2026-10-12T08:00:00Z,e1,4711,U-ann,,Desk-1,place",
        f"2026-10-12T08:00:00Z,e2,badge-9,,{ADDRESS},Desk-1,place",
        f"2026-10-12T08:00:00Z,e3,{NAME},{ADDRESS},,{ADDRESS},place",
        f"{NAME},{ADDRESS},'{NAME}','{NAME}',,'{NAME}',{ADDRESS}",
    )
    pipeline.run()
    pipeline.database.connection.execute(PLANT)
    return pipeline


def holding(data_dir: Path) -> set[str]:
    """Where the name or the address stands: columns of the tables, and files, in whose bytes it is looked for too."""
    found = set()
    with duckdb.connect(str(data_dir / "calven.duckdb"), read_only=True) as snapshot:
        for schema, table, columns in snapshot.sql(
            "select schema_name, table_name, list(column_name) from duckdb_columns() "
            "where not internal and (schema_name, table_name) in (select schema_name, table_name from duckdb_tables()) group by all"
        ).fetchall():
            counts = ", ".join(f"count(*) filter (\"{column}\"::varchar ilike '%planted%')" for column in columns)
            held = snapshot.sql(f'from {schema}."{table}" select {counts}').fetchall()[0]
            found |= {f"{table}.{column}" for column, count in zip(columns, held, strict=True) if count}
    for path in (data_dir / "calven.duckdb", *(data_dir / "parquet").rglob("*.parquet")):
        if b"lanted" in path.read_bytes():
            found.add(path.name)
    return found


def snapshot(pipeline: Pipeline) -> None:
    write_snapshot(pipeline.database, pipeline.data)


def test_keys_leave_out_names_and_addresses(planted: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither tables nor the bytes of any file hold them, also where they did before; ids stay, and come back with names."""
    snapshot(planted)
    named = holding(planted.data)
    assert {"calven.duckdb", "presence.parquet", "users.parquet"} <= named
    assert {"users.first_name", "users.extra", "desks.extra", "locations.extra", "requests.note"} <= named
    assert {
        "presence.source_user_id",
        "presence.user_email",
        "presence.result_message",
        "presence.location_id",
    } <= named
    assert {"rejections.raw", "rejections.detail", "rejections.suggestion", "rejections.note"} <= named
    assert {"calven_presence.user_id", "calven_presence.details"} <= named
    monkeypatch.setenv("CALVEN_SNAPSHOT_PEOPLE", "keys")
    snapshot(planted)
    assert holding(planted.data) == set()
    with duckdb.connect(str(planted.data / "calven.duckdb"), read_only=True) as keyed:
        assert keyed.sql("select people from snapshot").fetchall() == [("keys",)]
        found = keyed.sql("select source_user_id, user_id, location_id from presence order by row_id").fetchall()
        assert found[:2] == [("4711", "U-ann", "Desk-1"), ("badge-9", "U-ann", "Desk-1")]
        assert all(str(key).startswith("key-") for row in found[2:] for key in row)
        assert keyed.sql("select distinct extra from desks").fetchall() == [
            ('{"name":"Corner","locationId":"Office"}',)
        ]
        assert keyed.sql("select extra from locations").fetchall() == [('{"locationName":"Harbour"}',)]
    monkeypatch.setenv("CALVEN_SNAPSHOT_PEOPLE", "named")
    snapshot(planted)
    assert holding(planted.data) == named


GUESS = """
select count(*) from presence
where event_id = md5(concat_ws(chr(31), 'swipe', source, epoch_us(occurred_at)::varchar, '', ?, '', '', lower(location_id), location_type))::uuid::varchar
"""


def test_keys_count_people_whose_ids_are_addresses(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are two, in capitals too, and one in every table; an id of an office stays; nobody tests a guess on what was derived."""
    pipeline.users([("ann@x.example", None), ("bob@x.example", None)])
    pipeline.locations(["HQ, Main Street"])
    pipeline.swipes(
        *(f'2026-10-05T08:00:00Z,,,{user},,"HQ, Main Street",location' for user in ("ann@x.example", "bob@x.example")),
        '2026-10-05T09:00:00Z,own 1,,ANN@x.example,,"HQ, Main Street",location',
    )
    pipeline.run()
    accept(pipeline)
    write_snapshot(pipeline.database, pipeline.data)
    with duckdb.connect(str(pipeline.data / "calven.duckdb"), read_only=True) as named:
        assert named.execute(GUESS, ["bob@x.example"]).fetchall() == [(1,)]
    monkeypatch.setenv("CALVEN_SNAPSHOT_PEOPLE", "keys")
    write_snapshot(pipeline.database, pipeline.data)
    with duckdb.connect(str(pipeline.data / "calven.duckdb"), read_only=True) as keyed:
        assert keyed.sql("select location_id, people, events from presence_by_day").fetchall() == [
            ("HQ, Main Street", 2, 3)
        ]
        assert keyed.sql("select count(*) from people_by_day semi join users using (user_id)").fetchall() == [(2,)]
        assert keyed.execute(GUESS, ["bob@x.example"]).fetchall() == [(0,)]
        assert keyed.sql("select count(distinct event_id), count(event_id) from presence").fetchall() == [(3, 3)]


def test_every_row_of_a_person_shows_the_address_of_today(pipeline: Pipeline) -> None:
    """Rows of earlier days as well, without being sent or judged anew, as if the file were made anew; others' stay."""
    pipeline.swipes(
        "2026-10-05T08:00:00Z,e1,,U-ann,,Office,location",
        "2026-10-05T08:00:00Z,e2,,U-bob,,Office,location",
        "2026-10-05T08:00:00Z,e3,,U-eve,ann@x.example,Office,location",
    )
    pipeline.run()
    accept(pipeline)
    write_snapshot(pipeline.database, pipeline.data)
    pipeline.users([("U-ann", "ann.new@x.example"), ("U-bob", "bob@x.example"), ("U-nobody", None)])
    assert write_snapshot(pipeline.database, pipeline.data).rows_changed == 1
    with duckdb.connect(str(pipeline.data / "calven.duckdb"), read_only=True) as taken_in:
        addresses = taken_in.sql("select event_id, user_email from presence order by all").fetchall()
        assert addresses == [("e1", "ann.new@x.example"), ("e2", "bob@x.example"), ("e3", "ann@x.example")]
        daily = taken_in.sql("select user_email from daily_presence order by all").fetchall()
        assert daily == [("ann.new@x.example",), ("bob@x.example",)]
    (pipeline.data / "state" / "analytics.duckdb").unlink()
    write_snapshot(pipeline.database, pipeline.data)
    with duckdb.connect(str(pipeline.data / "calven.duckdb"), read_only=True) as anew:
        assert anew.sql("select event_id, user_email from presence order by all").fetchall() == addresses


def modes(data_dir: Path) -> Iterator[tuple[str, int, int]]:
    """Rights and group of what analysts are given."""
    for path in (data_dir / "calven.duckdb", data_dir / "parquet", *(data_dir / "parquet").rglob("*")):
        yield path.name, path.stat().st_mode & 0o777, path.stat().st_gid


def test_files_are_the_owners_and_one_groups(planted: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else's, whatever the umask; our own file stays the owner's. An unknown group changes nothing."""
    group = next((number for number in os.getgroups() if number != os.getgid()), os.getgid())
    before = os.umask(0)
    try:
        snapshot(planted)
        assert {mode for _, mode, _ in modes(planted.data)} == {0o400, 0o700}
        monkeypatch.setenv("CALVEN_SNAPSHOT_GROUP", grp.getgrgid(group).gr_name)
        snapshot(planted)
    finally:
        os.umask(before)
    for name, mode, gid in modes(planted.data):
        assert mode == (0o440 if name.endswith((".duckdb", ".parquet")) else 0o750), name
        assert gid == group, name
    assert (planted.data / "state" / "analytics.duckdb").stat().st_mode & 0o777 == 0o600
    number = (planted.data / "calven.duckdb").stat().st_ino
    monkeypatch.setenv("CALVEN_SNAPSHOT_GROUP", "no-such-group")
    with pytest.raises(SettingsError, match="no group no-such-group"):
        snapshot(planted)
    assert (planted.data / "calven.duckdb").stat().st_ino == number
