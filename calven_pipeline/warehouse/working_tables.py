"""The tables between the exports and what analysts read, column by column, in the words that the UI shows.

What may surprise: `exports` is no table. Its columns are what a source profile makes of any export, whatever it calls them.
The other two are made in `sql/tables/`, for size and speed; a test holds this page against the working database.
"""

from __future__ import annotations

from calven_pipeline.warehouse.dictionary import Column, Table


def _table(name: str, comment: str, *columns: tuple[str, str, str]) -> Table:
    return Table(name, comment, tuple(Column(*column) for column in columns))


EXPORTS = _table(
    "exports",
    "One row per row of an export, under the names that source profiles give its columns.",
    ("source_file", "VARCHAR", "Path of the export below exports/; it decides which source profile reads it."),
    ("row", "VARCHAR", "The whole row, as it stands in the export."),
    (
        "outcome",
        "VARCHAR",
        "The columns that `keep`, `granted` and `ignored` look at, such as access granted or denied.",
    ),
    ("timestamp", "VARCHAR", "When the person was seen, as the source writes it."),
    ("event_id", "VARCHAR", "The source's own id of the event, where it has one."),
    ("source_user_id", "VARCHAR", "The person as the source names them: a badge or employee number."),
    ("user_id", "VARCHAR", "Calven's id of the user, where the source knows it."),
    ("user_email", "VARCHAR", "The person's address, where the source knows it."),
    ("location_id", "VARCHAR", "Calven's id of the place, where the source knows it."),
    ("location_type", "VARCHAR", "What kind of place that is: level, location, place, space or zone."),
    ("place", "VARCHAR", "The place as the source names it: a door, a reader, an access point."),
)

STAGED_PRESENCE = _table(
    "staged_presence",
    "One row per row of every export file.",
    ("row_id", "BIGINT", "Our number of the row, over all files."),
    ("file_id", "INTEGER", "Our number of the file it was read from."),
    ("kept", "BOOLEAN", "Whether it may be presence, as `keep` and `ignored` of the profile say."),
    ("occurred_at", "TIMESTAMP", "When the person was seen, UTC; null where the time could not be read."),
    ("local_date", "DATE", "The day in the source's time zone; without one, the day as written in the export."),
    ("timestamp_text", "VARCHAR", "The time as it stands in the export, only where it could not be read."),
    ("event_key", "UUID", "128 bits for the event: its own id, else derived from source, time, person and place."),
    ("event_id", "VARCHAR", "The export's own event id, only where it is not the text of `event_key`."),
    ("has_own_event_id", "BOOLEAN", "Whether the export gave an event id."),
    ("source_user_id", "VARCHAR", "The person as the source names them: a badge or employee number."),
    ("user_id", "VARCHAR", "Calven's id of the user, as the export has it."),
    ("user_email", "VARCHAR", "The person's address, as the export has it."),
    ("location_id", "VARCHAR", "Calven's id of the place, as the export has it."),
    ("location_type", "VARCHAR", "The type of the place, as the export or the profile has it, in small letters."),
    ("place", "VARCHAR", "The place as the source names it: a door, a reader, an access point."),
    ("malformed", "VARCHAR", "The line, only where it does not have the shape of the others."),
    ("unlisted", "VARCHAR", "The outcomes of the row (JSON), only where the profile lists them nowhere."),
)

VALIDATED_PRESENCE = _table(
    "validated_presence",
    "One row per staged row, with its verdict.",
    ("row_id", "BIGINT", "The staged row."),
    ("verdict", "VARCHAR", "valid, rejected, duplicate or ignored."),
    ("reasons", "VARCHAR[]", "Every reason for the rejection, in the order of the documentation; null where none."),
    ("user_key", "INTEGER", "Our number of the user that the row means; null where it was not accepted as valid."),
    ("location_key", "INTEGER", "Our number of the place that the row means; null where it was not accepted as valid."),
    ("sends_email", "BOOLEAN", "Whether the user is sent as an address, not as an id; null where nothing is sent."),
    ("revision", "INTEGER", "The number of the step that gave the verdict."),
)

WORKING_TABLES = (STAGED_PRESENCE, VALIDATED_PRESENCE)
