"""What validation keeps of the source profiles: people and places tables and rules, so that open rejections outlive a profile.

What may surprise: a profile that has no rules leaves none, not empty ones, so that what an earlier version wrote of it still fits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from calven_pipeline.exports.mappings import read_people, read_places
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.warehouse.database import WorkingDatabase


def remember_profiles(database: WorkingDatabase, profiles: Sequence[SourceProfile], data_dir: Path) -> None:
    """Bring the tables `sources`, `people` and `places` up to date; a table that did not change is not read again.

    Raises `SourceProfileError` where a mapping cannot be read.
    """
    known = dict(database.rows("validation/known_mappings"))
    for profile in profiles:
        fingerprint = mappings_sha256(profile, data_dir)
        if known.get(profile.name) != fingerprint:
            _remember_tables(database, profile, data_dir)
        database.run("validation/forget_source", {"source": profile.name})
        database.run(
            "validation/remember_source",
            {
                "source": profile.name,
                "source_id": profile.source_id,
                "has_people": profile.people is not None,
                "has_places": profile.places is not None,
                "corrects_email_case": profile.email_case == "correct",
                "mappings_sha256": fingerprint,
                "rules": rules_of(profile),
            },
        )


def mappings_sha256(profile: SourceProfile, data_dir: Path) -> str:
    """One hash over the people and the places table of a profile: their content, and what says how that is read."""
    digest = hashlib.sha256()
    for path in (profile.people, profile.places):
        digest.update(b"\0" if path is None else hashlib.sha256((data_dir / path).read_bytes()).digest())
    if profile.normalize:
        digest.update(_json(profile.normalize).encode())
    if profile.encoding and (profile.people or profile.places):
        digest.update(profile.encoding.encode())
    return digest.hexdigest()


def rules_of(profile: SourceProfile) -> str | None:
    """The JSON text of what a profile says beside its tables.

    A hash of `granted` and `ignored`, `fallback`, `collapse`, and what `normalize` makes of the tables' keys.
    """
    rules: dict[str, object] = {}
    if profile.granted or profile.ignored:
        rules["outcomes"] = hashlib.sha256(_json([profile.granted, profile.ignored]).encode()).hexdigest()
    if profile.fallback is not None:
        rules["fallback"] = {
            "location_id": profile.fallback.location_id,
            "location_type": profile.fallback.location_type,
        }
    if profile.collapse is not None:
        rules["collapse"] = profile.collapse
    steps = {ours: list(profile.normalize[ours]) for ours in ("source_user_id", "place") if profile.normalize.get(ours)}
    if steps:
        rules["normalize"] = steps
    return _json(rules) if rules else None


def _json(value: object) -> str:
    return json.dumps(value, default=dict, sort_keys=True)


def _remember_tables(database: WorkingDatabase, profile: SourceProfile, data_dir: Path) -> None:
    source = {"source": profile.name}
    database.run("validation/forget_people", source)
    database.run("validation/forget_places", source)
    if profile.people is not None:
        with database.relation("mapped_people", read_people(database.connection, profile, data_dir)):
            database.run("validation/remember_people", source)
    if profile.places is not None:
        with database.relation("mapped_places", read_places(database.connection, profile, data_dir)):
            database.run("validation/remember_places", source)
