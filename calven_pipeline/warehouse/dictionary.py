"""The analysts' tables, column by column: the one source for their types, the database's comments and the documentation.

What may surprise: the names here become SQL text, so they are constants of this file and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: its name, DuckDB type and what it holds."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Table:
    """One table: its name, its grain as a sentence, and its columns in order."""

    name: str
    comment: str
    columns: tuple[Column, ...]

    def create(self, database: str) -> list[str]:
        """The statements that make the table with its comments in an attached database, where it is not there."""
        target = f"{database}.{self.name}"
        columns = ", ".join(f'"{column.name}" {column.type}' for column in self.columns)
        return [
            f"create table if not exists {target} ({columns})",
            f"comment on table {target} is {_text(self.comment)}",
            *(f'comment on column {target}."{column.name}" is {_text(column.comment)}' for column in self.columns),
        ]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _table(name: str, comment: str, *columns: tuple[str, str, str]) -> Table:
    return Table(name, comment, tuple(Column(*column) for column in columns))


_EXTRA = ("extra", "JSON", "Every other field that Calven sent, as it came.")
_PULLED_AT = ("pulled_at", "TIMESTAMP", "When this row was pulled from Calven, UTC.")
_SOURCE = ("source", "VARCHAR", "Name of the source profile.")
_SOURCE_FILE = ("source_file", "VARCHAR", "Path of the export below exports/.")
_ROW_NUMBER = ("row_number", "BIGINT", "1 for the first row after the header.")
_ROW_ID = (
    "row_id",
    "BIGINT",
    "Our number of the row, the same in presence and rejections; a file that changed and was read again has new ones.",
)
_EVENT_ID = ("event_id", "VARCHAR", "The export's own event id, else derived from source, time, person and place.")
_USER_ID = ("user_id", "VARCHAR", "Calven's id of the user the row was found to mean; else the id in the export.")
_USER_EMAIL = ("user_email", "VARCHAR", "That user's address at the last pull; else the address in the export.")
_LOCATION_ID = ("location_id", "VARCHAR", "Calven's id of the place, as Calven spells it; else the id in the export.")
_LOCATION_TYPE = ("location_type", "VARCHAR", "level, location, place, space or zone; a place is a desk.")
_LOCAL_DATE = (
    "local_date",
    "DATE",
    "The day in the source's time zone; without one, the day as written in the export.",
)
_REASONS = (
    "reasons",
    "VARCHAR[]",
    "Every reason for the rejection, in the order of the documentation; null where none.",
)

TABLES = (
    _table(
        "users",
        "One row per user known to Calven at the last pull.",
        ("user_id", "VARCHAR", "Calven's id of the user (userId); compare without case."),
        ("user_name", "VARCHAR", "userName."),
        ("email", "VARCHAR", "Address as provisioned; Calven compares it with case."),
        ("first_name", "VARCHAR", "firstName."),
        ("last_name", "VARCHAR", "lastName."),
        ("status", "VARCHAR", "active, and others that are not published."),
        ("onboarded", "BOOLEAN", "Whether the user has completed onboarding."),
        ("primary_group_id", "VARCHAR", "primaryGroupId; may be null."),
        ("primary_location_id", "VARCHAR", "primaryLocationId: the user's own office; may be null."),
        _EXTRA,
        _PULLED_AT,
    ),
    _table(
        "locations",
        "One row per location (office) known to Calven at the last pull.",
        ("location_id", "VARCHAR", "Calven's id of the location (locationId); compare without case."),
        _EXTRA,
        _PULLED_AT,
    ),
    _table(
        "desks",
        "One row per desk known to Calven at the last pull.",
        ("desk_id", "VARCHAR", "Calven's id of the desk (deskId), which is a location of type place."),
        ("zone_id", "VARCHAR", "The zone (neighbourhood) the desk stands in."),
        ("level_id", "VARCHAR", "The level (floor) the desk stands on."),
        _EXTRA,
        _PULLED_AT,
    ),
    _table(
        "export_files",
        "One row per export file read; the same content is read once per source.",
        _SOURCE,
        _SOURCE_FILE,
        ("sha256", "VARCHAR", "SHA-256 of the file's bytes, in hex."),
        ("size_bytes", "BIGINT", "Size of the file in bytes."),
        ("row_count", "BIGINT", "Rows read, malformed ones included."),
        ("staged_at", "TIMESTAMP", "When the file was read, UTC."),
    ),
    _table(
        "presence",
        "One row per row read from an export, with what became of it.",
        _EVENT_ID,
        _SOURCE,
        ("source_id", "VARCHAR", "sourceId in the call to Calven."),
        _SOURCE_FILE,
        _ROW_NUMBER,
        ("occurred_at", "TIMESTAMP", "When the person was seen, UTC; null where the time could not be read."),
        _LOCAL_DATE,
        ("source_user_id", "VARCHAR", "The person as the source names them: a badge or employee number."),
        _USER_ID,
        _USER_EMAIL,
        _LOCATION_ID,
        _LOCATION_TYPE,
        ("outcome", "VARCHAR", "accepted, rejected, pending, duplicate or ignored."),
        (
            "reasons",
            "VARCHAR[]",
            "Every reason for the rejection, in the order of the documentation; `collapsed` for an ignored row that stands "
            "beside the event sent for its person, place and day; null where none.",
        ),
        ("attempts", "INTEGER", "How often the event was sent."),
        ("delivered_at", "TIMESTAMP", "When Calven's answer that accepted the event came, UTC."),
        ("result_code", "INTEGER", "Calven's result code in the last answer; null where it did not report the event."),
        ("result_message", "VARCHAR", "Calven's message for the event in the last answer."),
        ("call_id", "INTEGER", "The last call that carried the event, see `calls`; null where none did or none ended."),
        _ROW_ID,
    ),
    _table(
        "rejections",
        "One row per rejected row; resolved ones stay.",
        _EVENT_ID,
        _SOURCE,
        _SOURCE_FILE,
        _ROW_NUMBER,
        ("stage", "VARCHAR", "read, validate or calven: who rejected the row."),
        ("reason", "VARCHAR", "The first reason, in the order of the documentation."),
        _REASONS,
        ("detail", "VARCHAR", "What was found, as a sentence."),
        ("suggestion", "VARCHAR", "What would pass, where that is known."),
        ("raw", "VARCHAR", "The row as it stands in the export."),
        ("status", "VARCHAR", "open or resolved."),
        ("first_rejected_at", "TIMESTAMP", "When the row was first rejected, UTC."),
        ("last_checked_at", "TIMESTAMP", "When the row was last judged, UTC."),
        ("resolved_at", "TIMESTAMP", "When the row passed, was ignored or was dismissed, UTC; null while open."),
        (
            "resolution",
            "VARCHAR",
            "passed, ignored (it turned out to be no presence of its own) or dismissed; null while open.",
        ),
        ("note", "VARCHAR", "Why it was dismissed, in the words of whoever did it."),
        ("sent_again", "INTEGER", "How often the event was sent again after Calven had refused it."),
        (
            "correlation_id",
            "VARCHAR",
            "The correlationId under which Calven refused it last; null where we rejected it.",
        ),
        _ROW_ID,
    ),
    _table(
        "daily_presence",
        "One row per person, location and local day that Calven accepted.",
        _LOCAL_DATE,
        ("user_id", "VARCHAR", "Calven's id of the user."),
        ("user_email", "VARCHAR", "The user's address at the last pull."),
        ("location_id", "VARCHAR", "Calven's id of the place."),
        _LOCATION_TYPE,
        ("first_seen_at", "TIMESTAMP", "First event of the day there, UTC."),
        ("last_seen_at", "TIMESTAMP", "Last event of the day there, UTC."),
        ("events", "BIGINT", "Accepted events of the day there."),
    ),
    _table(
        "calven_presence",
        "One row per row of Presence Details that Calven reported for the days touched, as it came.",
        ("reported_on", "DATE", "The day in the row, as far as it was recognised: Calven does not publish its fields."),
        ("user_id", "VARCHAR", "The user's id in the row, as far as it was recognised; compare without case."),
        ("user_email", "VARCHAR", "The user's address in the row, as far as it was recognised."),
        ("details", "JSON", "The whole row, every field as Calven sent it."),
        ("first_day", "DATE", "The row's own day where it names one; else the first of the days it was pulled with."),
        ("last_day", "DATE", "The row's own day where it names one; else the last of the days it was pulled with."),
        _PULLED_AT,
    ),
    _table(
        "calls",
        "One row per presence call that has ended, with Calven's answer or the problem.",
        ("call_id", "INTEGER", "Our number of the call."),
        ("source_id", "VARCHAR", "sourceId in the call to Calven."),
        ("events", "INTEGER", "Events in the call."),
        ("sent_at", "TIMESTAMP", "When its first try was sent, UTC."),
        ("answered_at", "TIMESTAMP", "When the answer came, or the last try was given up, UTC."),
        ("attempts", "INTEGER", "How often it was tried, all parts together."),
        (
            "status",
            "INTEGER",
            "HTTP status of the last answer, of the last part where it was sent in parts; null without an answer.",
        ),
        (
            "correlation_id",
            "VARCHAR",
            "The correlationId of the last try (see `status`), by which Calven's support finds it.",
        ),
        ("problem", "VARCHAR", "Why its events are not settled; null where they are."),
    ),
    _table(
        "requests",
        "One row per replay or dismissal that somebody asked for.",
        ("requested_at", "TIMESTAMP", "When, UTC."),
        ("kind", "VARCHAR", "replay or dismiss."),
        ("run_id", "VARCHAR", "The Dagster run."),
        ("source", "VARCHAR", "Only rows of this source; null for any."),
        ("source_file", "VARCHAR", "Only rows of this file below exports/; null for any."),
        ("first_date", "DATE", "Only rows from this local day on; null for any."),
        ("last_date", "DATE", "Only rows up to this local day; null for any."),
        ("reasons", "VARCHAR[]", "Only rows rejected for one of these; empty for any."),
        ("outcomes", "VARCHAR[]", "Only rows with one of these outcomes."),
        ("note", "VARCHAR", "The note of a dismissal."),
        ("row_count", "BIGINT", "Rows that were sent or looked at again, or dismissed."),
    ),
)
