"""Makes a company and its presence export, of any size and always the same, by SQL."""

from pathlib import Path

import duckdb

USERS = DESKS = 200_000

REFERENCE = f"""
create table users as
select md5('user ' || i)::uuid::varchar as "userId", 'person' || i || '@sandbox.example' as email from range({USERS}) t(i);
create table desks as
select
    md5('desk ' || i)::uuid::varchar as "deskId", md5('zone ' || i // 10)::uuid::varchar as "zoneId",
    md5('level ' || i // 200)::uuid::varchar as "levelId"
from range({DESKS}) t(i);
create table locations as
select md5('office ' || i)::uuid::varchar as "locationId" from range({DESKS} // 2000) t(i);
"""

# Half of the rows name the user by id, half by address. One row in 500 each has an unknown user, an address in the wrong
# case, an unknown place, a place with another type, or no readable time; one in 1,000 repeats the row before.
EXPORT = f"""
copy (
    with numbered as (select case when i % 1000 = 999 then i - 1 else i end as i from range($first, $first + $rows) t(i)),
    rows as (
        select
            i, hash(i // $swipes) % {USERS} + case when i % 500 = 1 then {USERS} else 0 end as user,
            hash(i // $swipes * 7) % {DESKS} + case when i % 500 = 3 then {DESKS} else 0 end as desk
        from numbered
    )
    select
        case when i % 500 = 5 then 'yesterday'
            else strftime($start::timestamp + to_seconds(i * $seconds_apart), '%Y-%m-%dT%H:%M:%SZ') end as timestamp,
        md5('event ' || i)::uuid::varchar as "eventId",
        'badge-' || user as "sourceUserId",
        case when i % 2 = 1 then md5('user ' || user)::uuid::varchar end as "userId",
        case when i % 2 = 0 then case when i % 500 = 2 then 'Person' else 'person' end || user || '@sandbox.example' end
            as "userEmail",
        md5('desk ' || desk)::uuid::varchar as "locationId",
        case when i % 500 = 4 then 'zone' else 'place' end as "locationType"
    from rows order by i
) to '{{path}}' (format csv, header)
"""


def make_reference(folder: Path) -> None:
    """`users.json`, `locations.json` and `desks.json`, as the warehouse endpoints would answer."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(REFERENCE)
        for table in ("users", "locations", "desks"):
            connection.execute(f"copy {table} to '{folder / table}.json' (format json, array true)")


def make_export(
    path: Path, rows: int, *, first: int = 0, start: str = "2026-10-01", seconds_apart: float = 0.5, swipes: int = 1
) -> None:
    """A canonical CSV export with that many rows, numbered from `first`; one in a hundred would be rejected.

    Row 0 is of `start`, and each is so many seconds after the one before. So many `swipes` in a row are of one person at
    one place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        values = {"rows": rows, "first": first, "start": start, "seconds_apart": seconds_apart, "swipes": swipes}
        connection.execute(EXPORT.format(path=path), values)
