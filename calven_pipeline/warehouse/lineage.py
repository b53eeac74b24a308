"""Which columns each column is made of, from the exports and Calven's reference tables to what analysts read.

A column that is missing here is made of no column: a number of ours, a time of ours, or Calven's answer. Whoever changes
what a statement in `sql/` reads changes it here too; that the columns exist and lie upstream is tested.
"""

from __future__ import annotations

from collections.abc import Mapping

Columns = Mapping[str, tuple[str, ...]]  # column -> `asset.column`, ...


def _same(asset: str, *columns: str) -> dict[str, tuple[str, ...]]:
    """Columns that are taken over under their names."""
    return {column: (f"{asset}.{column}",) for column in columns}


_PERSON = ("source_user_id", "user_id", "user_email")
_PLACE = ("place", "location_id", "location_type")
_USERS = ("users.user_id", "users.email")
_PLACES = ("locations.location_id", "desks.desk_id", "desks.zone_id", "desks.level_id")

_STAGED_PERSON = tuple(f"staged_presence.{column}" for column in _PERSON)
_STAGED_PLACE = tuple(f"staged_presence.{column}" for column in _PLACE)
_STAGED_EVENT = ("staged_presence.event_id", "staged_presence.event_key")
_JUDGED_BY = (
    *(
        f"staged_presence.{column}"
        for column in ("file_id", "kept", "malformed", "unlisted", "occurred_at", "timestamp_text", "event_key")
    ),
    *_STAGED_PERSON,
    *_STAGED_PLACE,
    *_USERS,
    *_PLACES,
)
_WHICH_ROW: Columns = {
    "event_id": _STAGED_EVENT,
    "source": ("staged_presence.file_id",),
    "source_file": ("staged_presence.file_id",),
    "row_number": ("staged_presence.row_id", "staged_presence.file_id"),
    "row_id": ("validated_presence.row_id",),
}

LINEAGE: Mapping[str, Columns] = {
    "staged_presence": {
        "file_id": ("exports.source_file",),
        "kept": ("exports.outcome",),
        "occurred_at": ("exports.timestamp",),
        "local_date": ("exports.timestamp",),
        "timestamp_text": ("exports.timestamp",),
        "event_key": tuple(
            f"exports.{column}" for column in ("source_file", "event_id", "timestamp", *_PERSON, *_PLACE)
        ),
        "event_id": ("exports.event_id",),
        "has_own_event_id": ("exports.event_id",),
        **_same("exports", *_PERSON, *_PLACE),
        "malformed": ("exports.row",),
        "unlisted": ("exports.outcome",),
    },
    "validated_presence": {
        **_same("staged_presence", "row_id"),
        "verdict": _JUDGED_BY,
        "reasons": _JUDGED_BY,
        "user_key": (*_STAGED_PERSON, *_USERS),
        "location_key": (*_STAGED_PLACE, *_PLACES),
        "sends_email": (*_STAGED_PERSON, *_USERS),
    },
    "published_presence": {
        **_WHICH_ROW,
        "source_id": ("staged_presence.file_id",),
        **_same("staged_presence", "occurred_at", "local_date", "source_user_id"),
        "source_place": ("staged_presence.place",),
        "user_id": ("validated_presence.user_key", "users.user_id", "staged_presence.user_id"),
        "user_email": ("validated_presence.user_key", "users.email", "staged_presence.user_email"),
        "location_id": ("validated_presence.location_key", *_PLACES, "staged_presence.location_id"),
        "location_type": ("validated_presence.location_key", "staged_presence.location_type"),
        "outcome": ("validated_presence.verdict",),
        "reasons": ("validated_presence.reasons",),
    },
    "rejections": {
        **_WHICH_ROW,
        "stage": ("validated_presence.reasons",),
        "reason": ("validated_presence.reasons",),
        "reasons": ("validated_presence.reasons",),
        "detail": (
            "validated_presence.reasons",
            "staged_presence.timestamp_text",
            "staged_presence.unlisted",
            *_STAGED_PERSON,
            *_STAGED_PLACE,
        ),
        "suggestion": ("validated_presence.reasons", *_STAGED_PERSON, *_STAGED_PLACE, *_USERS, *_PLACES),
        "raw": ("exports.row",),
        "status": ("validated_presence.verdict",),
        "resolution": ("validated_presence.verdict",),
    },
}
