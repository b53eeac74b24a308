"""A made-up company of any size, the same for the same seed.

Names say that they are made up: `user-000123@sandbox.example`. A few of everything awkward that is published or
plausible is in it: inactive users, users without a group, a location or an address, addresses with a capital letter
(the comparison is case sensitive), and ids in capitals in one table that stand in small letters in another.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from calven_pipeline.errors import SandboxError
from calven_pipeline.sandbox.world import Row, World

USERS_PER_LOCATION = 750
DESKS_PER_USER = 0.6
USERS_PER_GROUP = 40
MOST_USERS = 1_000_000
_STATUSES = ["active"] * 94 + ["inactive"] * 2 + ["provisioned"] * 2 + ["deprovisioned", "to be deleted"]


def generate_company(users: int, seed: int) -> World:
    """A company with `users` users, at least two locations, and about six desks for ten users."""
    if not 1 <= users <= MOST_USERS:
        raise SandboxError(f"A generated company has 1 to {MOST_USERS} users, not {users}.")
    draw = random.Random(f"company {seed}")
    locations = [
        {"locationId": _new_id(draw).upper(), "locationName": f"Sandbox office {number:03d}", "timeZone": "Etc/UTC"}
        for number in range(1, max(2, -(-users // USERS_PER_LOCATION)) + 1)
    ]
    zones = [zone for location in locations for zone in _zones(location, draw)]
    desks = [_desk(number, zones, draw) for number in range(max(len(zones), round(users * DESKS_PER_USER)))]
    groups = [_new_id(draw) for _ in range(-(-users // USERS_PER_GROUP))]
    return World.of([_user(number, locations, groups, draw) for number in range(1, users + 1)], locations, desks)


def _zones(location: Row, draw: random.Random) -> Iterator[Row]:
    """The location's zones, each with the level it is on."""
    for level in range(1, draw.randint(2, 6) + 1):
        level_fields = {"levelId": _new_id(draw), "levelName": f"Level {level}"}
        for zone in range(1, draw.randint(2, 5) + 1):
            yield {
                "zoneId": _new_id(draw),
                "zoneName": f"Zone {level}.{zone}",
                **level_fields,
                "locationId": location["locationId"].lower(),
                "locationName": location["locationName"],
            }


def _desk(number: int, zones: list[Row], draw: random.Random) -> Row:
    return {"deskId": _new_id(draw), "deskName": f"Desk {number + 1:06d}", **zones[number % len(zones)]}


def _user(number: int, locations: list[Row], groups: list[str], draw: random.Random) -> Row:
    login = f"user-{number:06d}@sandbox.example"
    return {
        "userId": _new_id(draw),
        "userName": login,
        "email": _mostly(draw, 0.995, _mostly(draw, 0.98, login) or login.capitalize()),
        "firstName": _mostly(draw, 0.99, "Sandbox"),
        "lastName": _mostly(draw, 0.99, f"User {number:06d}"),
        "status": draw.choice(_STATUSES),
        "onboarded": _mostly(draw, 0.9, "yes") is not None,
        "primaryGroupId": _mostly(draw, 0.95, draw.choice(groups)),
        "primaryLocationId": _mostly(draw, 0.95, draw.choice(locations)["locationId"].lower()),
    }


def _mostly(draw: random.Random, share: float, text: str) -> str | None:
    """The text in this share of cases, else nothing."""
    return text if draw.random() < share else None


def _new_id(draw: random.Random) -> str:
    """A UUID of version 4, drawn repeatably."""
    digits = f"{draw.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
