"""The company that the sandbox pretends to serve: its users, locations and desks.

A world is loaded from a folder with `users.json`, `locations.json` and `desks.json`, or generated. Level, zone and
place ids are those that `desks.json` names. Any user that is listed is known, whatever the status: what Calven does
with inactive users is not published.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from calven_pipeline.errors import SandboxError

Row = dict[str, Any]
REFERENCE_TABLES = {"users": "userId", "locations": "locationId", "desks": "deskId"}
_DESK_FIELD_OF_TYPE = {"level": "levelId", "zone": "zoneId", "place": "deskId"}
LOCATION_TYPES = ("level", "location", "place", "space", "zone")


class World:
    """Reference data as answers, serialised once, and as indexes to judge events by."""

    def __init__(self, answers: Mapping[str, bytes], tables: Mapping[str, Sequence[Row]]) -> None:
        self.answers = dict(answers)
        self.counts = {name: len(rows) for name, rows in tables.items()}
        self._user_of_id = {row["userId"].lower(): row["userId"] for row in tables["users"]}
        self._user_of_email = {row["email"]: row["userId"] for row in reversed(tables["users"]) if row.get("email")}
        self._ids_of_type = {
            "location": _ids(row["locationId"] for row in tables["locations"]),
            **{kind: _ids(row.get(field) for row in tables["desks"]) for kind, field in _DESK_FIELD_OF_TYPE.items()},
        }

    @classmethod
    def of(cls, users: Sequence[Row], locations: Sequence[Row], desks: Sequence[Row]) -> World:
        """A world of the given rows."""
        tables = {"users": users, "locations": locations, "desks": desks}
        return cls({name: json.dumps(rows).encode() for name, rows in tables.items()}, tables)

    @classmethod
    def load(cls, folder: Path) -> World:
        """The world in `folder`; raises SandboxError that names the file which is missing or wrong."""
        texts = {name: _read_text(folder / f"{name}.json") for name in REFERENCE_TABLES}
        tables = {
            name: _read_rows(texts[name], folder / f"{name}.json", id_field)
            for name, id_field in REFERENCE_TABLES.items()
        }
        return cls({name: text.encode() for name, text in texts.items()}, tables)

    def rows(self, table: str) -> list[Row]:
        """The rows of `users`, `locations` or `desks`, parsed anew: the world itself keeps only the bytes."""
        rows: list[Row] = json.loads(self.answers[table])
        return rows

    def find_user(self, user_id: str | None, user_email: str | None) -> str | None:
        """The user's id as provisioned. Ids compare without case, addresses with case."""
        if user_id is not None:
            return self._user_of_id.get(user_id.lower())
        return self._user_of_email.get(user_email or "")

    def find_location(self, location_type: str, location_id: str) -> str | None:
        """The id as listed, if it exists with that type. Space ids cannot be known, so every space is taken."""
        if location_type == "space":
            return location_id
        return self._ids_of_type[location_type].get(location_id.lower())


def _ids(values: Iterable[str | None]) -> dict[str, str]:
    return {value.lower(): value for value in values if value}


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        needed = ", ".join(f"{name}.json" for name in REFERENCE_TABLES)
        raise SandboxError(f"{path} is missing: a world is a folder with {needed}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SandboxError(f"{path} cannot be read as UTF-8 text: {error}") from error


def _read_rows(text: str, path: Path, id_field: str) -> list[Row]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SandboxError(f"{path} is not JSON: {error}") from error
    if not isinstance(rows, list):
        raise SandboxError(f"{path} must hold a JSON array, as the warehouse endpoint answers.")
    for position, row in enumerate(rows):
        _check_row(row, f"{path}: item {position}", id_field)
    return rows


def _check_row(row: object, where: str, id_field: str) -> None:
    if not isinstance(row, dict):
        raise SandboxError(f"{where} is not an object.")
    if not isinstance(row.get(id_field), str) or not row[id_field]:
        raise SandboxError(f"{where} has no {id_field}.")
    for field in ("email", "levelId", "zoneId"):
        if not isinstance(row.get(field), str | None):
            raise SandboxError(f"{where}: {field} must be text or null.")
