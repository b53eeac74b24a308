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
            *self.describe(database, "table"),
        ]

    def describe(self, database: str, kind: str) -> list[str]:
        """The statements that put the comments on it, a `table` or a `view`, in an attached database."""
        target = f"{database}.{self.name}"
        return [
            f"comment on {kind} {target} is {_text(self.comment)}",
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
_EVENT_ID = (
    "event_id",
    "VARCHAR",
    "The export's own event id, else derived from source, time, person and place; where people are `keys` (see `snapshot`), a derived "
    "one is a pseudonym, the same in every row of the event.",
)
_USER_ID = ("user_id", "VARCHAR", "Calven's id of the user the row was found to mean; else the id in the export.")
_USER_EMAIL = (
    "user_email",
    "VARCHAR",
    "That user's address at the last pull, in rows of earlier days too; else the address in the export.",
)
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
        (
            "first_row_id",
            "BIGINT",
            "`row_id` of its first row; `row_id - row_number + 1` of a row in `presence` is that of its file.",
        ),
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
        ("source_place", "VARCHAR", "The place as the source names it: a door, a reader, an access point."),
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
        "One row per replay, dismissal or erasure that somebody asked for; of an erased person nothing is kept.",
        ("requested_at", "TIMESTAMP", "When, UTC."),
        ("kind", "VARCHAR", "replay, dismiss or forget."),
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
    _table(
        "snapshot",
        "One row: what this database is a snapshot of.",
        ("as_of", "TIMESTAMP", "When everything in it was true, UTC."),
        ("run_id", "VARCHAR", "The Dagster run that wrote it; null outside a run."),
        ("schema_version", "VARCHAR", "Changes when a table or column is added, removed or given another type."),
        ("pipeline_version", "VARCHAR", "The version of calven-pipeline that wrote it."),
        (
            "people",
            "VARCHAR",
            "`named`, or `keys` where names, addresses and free texts are left out, and an id that looks like one is a pseudonym: "
            "`key-` and a hash, the same for the same id.",
        ),
    ),
)

_LOCATION_NAME = (
    "location_name",
    "VARCHAR",
    "Its name, as it came with Calven's offices and desks; null where none came.",
)
_OFFICE_NAME = ("office_name", "VARCHAR", "The name of the office it is in; null where none came.")
_AREA_ID = ("location_id", "VARCHAR", "Calven's id of the office, level or zone.")
_AREA_TYPE = (
    "location_type",
    "VARCHAR",
    "location (office), level or zone; what is inside counts, so add up one type alone.",
)
_DESKS = ("desks", "BIGINT", "Desks there at the last pull.")
_ACCEPTED = ("accepted", "BIGINT", "Rows that Calven took.")
_REJECTED = ("rejected", "BIGINT", "Rows that stand in `rejections`, dismissed ones included.")
_PENDING = ("pending", "BIGINT", "Rows that wait to be sent, or for an answer.")
_DUPLICATE = ("duplicate", "BIGINT", "Rows whose event was seen before.")
_IGNORED = ("ignored", "BIGINT", "Rows that are no presence.")
_WAITING = ("waiting_events", "BIGINT", "Events that wait for this mapping.")
_ALONE = ("waiting_for_this_alone", "BIGINT", "Those of them that have no other reason: mapped, they are sent.")
_DAYS_WAITING = ("days", "BIGINT", "Local days on which they happened.")
_FIRST_SEEN_AT = ("first_seen_at", "TIMESTAMP", "The first of these events, UTC.")
_LAST_SEEN_AT = ("last_seen_at", "TIMESTAMP", "The last of these events, UTC.")

VIEWS = (
    _table(
        "reasons",
        "One row per reason that a row can be rejected for, with what to do about it.",
        (
            "number",
            "INTEGER",
            "Its place in the documented order; of several reasons of a row the lowest is the first.",
        ),
        ("stage", "VARCHAR", "read, validate or calven: who rejects the row."),
        ("reason", "VARCHAR", "As in `rejections`."),
        ("what_to_do", "VARCHAR", "What cures it."),
    ),
    _table(
        "all_locations",
        "One row per office, level, zone and desk known to Calven at the last pull, with its name and what it is in.",
        ("location_id", "VARCHAR", "Calven's id of it; compare without case."),
        ("location_type", "VARCHAR", "location (office), level, zone or place (desk)."),
        _LOCATION_NAME,
        ("zone_id", "VARCHAR", "The zone it is, or is in; null for a level and an office."),
        ("level_id", "VARCHAR", "The level it is, or is on; null for an office."),
        ("office_id", "VARCHAR", "The office it is, or is in; null where Calven's desks do not name their office."),
        _OFFICE_NAME,
        ("desks", "BIGINT", "Desks there at the last pull; 1 for a desk."),
    ),
    _table(
        "people_by_day",
        "One row per person and local day on which Calven accepted an event of theirs, wherever it was.",
        _LOCAL_DATE,
        ("user_id", "VARCHAR", "Calven's id of the user."),
        ("user_email", "VARCHAR", "The user's address at the last pull."),
        ("first_seen_at", "TIMESTAMP", "The person's first event of the day, UTC."),
        ("last_seen_at", "TIMESTAMP", "The person's last event of the day, UTC."),
        ("locations", "BIGINT", "Locations, desks included, where they were seen on the day."),
        ("events", "BIGINT", "Accepted events of the person on the day."),
    ),
    _table(
        "presence_by_day",
        "One row per local day and location where Calven accepted events, with those inside it: a desk counts for its zone, level and "
        "office, a zone for its level and office, a level for its office.",
        _LOCAL_DATE,
        ("location_type", "VARCHAR", "location (office), level, zone, place (desk) or space; add up one type alone."),
        ("location_id", "VARCHAR", "Calven's id of it."),
        _LOCATION_NAME,
        _OFFICE_NAME,
        ("people", "BIGINT", "Different people there on the day; whoever was in two zones is one person in each."),
        ("events", "BIGINT", "Accepted events there on the day."),
        ("first_seen_at", "TIMESTAMP", "First event there on the day, UTC."),
        ("last_seen_at", "TIMESTAMP", "Last event there on the day, UTC."),
    ),
    _table(
        "presence_by_weekday",
        "One row per weekday and office, level or zone where anybody was ever seen on such a weekday.",
        ("weekday", "INTEGER", "Of the local day: 1 for Monday to 7 for Sunday."),
        ("weekday_name", "VARCHAR", "Mon to Sun."),
        _AREA_TYPE,
        _AREA_ID,
        _LOCATION_NAME,
        _OFFICE_NAME,
        ("days", "BIGINT", "Local days of that weekday on which anybody was seen anywhere."),
        ("people_per_day", "DOUBLE", "People there per such day, as a mean; a day without any counts as 0."),
        ("most_people", "BIGINT", "People there on the fullest of these days."),
        _DESKS,
        ("people_per_desk", "DOUBLE", "`people_per_day` by `desks`; null without desks."),
    ),
    _table(
        "desk_use_by_day",
        "One row per local day on which anybody was seen anywhere, and office, level or zone with desks: its people against its desks.",
        _LOCAL_DATE,
        _AREA_TYPE,
        _AREA_ID,
        _LOCATION_NAME,
        _OFFICE_NAME,
        _DESKS,
        ("desks_used", "BIGINT", "Desks with an event on the day: only an event at a desk uses one."),
        (
            "people",
            "BIGINT",
            "Different people there on the day, at a desk or not, as in `presence_by_day`; 0 where nobody was.",
        ),
        ("people_per_desk", "DOUBLE", "`people` by `desks`; over 1 where more people came than there are desks."),
    ),
    _table(
        "outcomes_by_day",
        "One row per source and local day, with what became of its rows; rows whose time could not be read have no day.",
        ("local_date", "DATE", "The day in the source's time zone; null for rows whose time could not be read."),
        _SOURCE,
        ("row_count", "BIGINT", "Rows of the day: the sum of the five outcomes."),
        _ACCEPTED,
        _REJECTED,
        _PENDING,
        _DUPLICATE,
        _IGNORED,
    ),
    _table(
        "outcomes_by_file",
        "One row per export file read, with what became of its rows.",
        _SOURCE,
        _SOURCE_FILE,
        ("staged_at", "TIMESTAMP", "When the file was read, UTC."),
        ("rows_read", "BIGINT", "Rows read, malformed ones included: the sum of the five outcomes and `rows_gone`."),
        _ACCEPTED,
        _REJECTED,
        _PENDING,
        _DUPLICATE,
        _IGNORED,
        ("rows_gone", "BIGINT", "Rows that are not in `presence`: not judged yet, or removed since."),
    ),
    _table(
        "rejections_by_reason",
        "One row per source and reason for which rows were rejected, the most frequent open ones first; a row counts for its first reason.",
        _SOURCE,
        ("stage", "VARCHAR", "read, validate or calven: who rejected the rows."),
        ("reason", "VARCHAR", "The first reason of the rows."),
        ("open_rows", "BIGINT", "Rows that are rejected still."),
        ("resolved_rows", "BIGINT", "Rows that passed, were ignored or were dismissed since."),
        ("open_files", "BIGINT", "Files with open ones."),
        ("open_since_at", "TIMESTAMP", "When the oldest open one was first rejected, UTC."),
        ("last_checked_at", "TIMESTAMP", "When one of them was last judged, UTC."),
        ("what_to_do", "VARCHAR", "What cures it."),
    ),
    _table(
        "unmapped_badges",
        "One row per source and badge that its people table does not map, the most waiting events first.",
        _SOURCE,
        ("source_user_id", "VARCHAR", "The badge, as `people` wants it."),
        _WAITING,
        _ALONE,
        _DAYS_WAITING,
        _FIRST_SEEN_AT,
        _LAST_SEEN_AT,
    ),
    _table(
        "unmapped_doors",
        "One row per source and door that its places table does not map, the most waiting events first.",
        _SOURCE,
        ("source_place", "VARCHAR", "The door, as `places` wants it."),
        _WAITING,
        _ALONE,
        (
            "people",
            "BIGINT",
            "Different people among them, told apart by badge, else by id, else by address; these are not there where people are `keys`.",
        ),
        _DAYS_WAITING,
        _FIRST_SEEN_AT,
        _LAST_SEEN_AT,
    ),
    _table(
        "source_health",
        "One row per source that ever brought a file: its delay, its silence and what is open, when the snapshot was written.",
        _SOURCE,
        ("files", "BIGINT", "Files read."),
        ("rows_read", "BIGINT", "Rows read."),
        ("last_file", "VARCHAR", "Path of its newest file below exports/."),
        ("last_file_at", "TIMESTAMP", "When that was read, UTC."),
        ("last_event_at", "TIMESTAMP", "Its newest event that is not in the future, UTC."),
        ("silent_days", "BIGINT", "UTC days since its last file, up to `as_of`."),
        (
            "usual_days",
            "BIGINT",
            "Days from one day with files to the next, as a median; null with less than four such days, or before these span a fortnight.",
        ),
        ("longest_usual_days", "BIGINT", "What nine in ten of these gaps keep to."),
        (
            "is_silent",
            "BOOLEAN",
            "Whether `silent_days` is over that, also of a source that is no longer in `sources.yaml`.",
        ),
        (
            "delay_p50_hours",
            "DOUBLE",
            "From an event to the reading of its file, as a median, over its last 30 days; null without new events.",
        ),
        ("delay_p95_hours", "DOUBLE", "The same, kept to by 95 in 100 events."),
        _PENDING,
        _REJECTED,
        ("as_of", "TIMESTAMP", "When the snapshot was written, UTC."),
    ),
    _table(
        "delivery_history",
        "One row per UTC day and source id: the calls whose first try was sent on that day.",
        ("utc_date", "DATE", "The day in UTC: no local day."),
        ("source_id", "VARCHAR", "sourceId in the calls."),
        ("calls", "BIGINT", "Calls."),
        ("attempts", "BIGINT", "How often they were tried, all parts together."),
        ("calls_tried_again", "BIGINT", "Calls that took more than one try."),
        ("failed_calls", "BIGINT", "Calls that settled not all of their events; those were sent again."),
        ("events", "BIGINT", "Events in the calls; one that was sent again counts each time."),
        (
            "accepted",
            "BIGINT",
            "Rows in `presence` that Calven took and whose last call is one of these; rows removed since count no more.",
        ),
        (
            "rejected",
            "BIGINT",
            "Rows in `presence` that Calven refused and whose last call is one of these; rows removed since count no more.",
        ),
        ("duration_p50_s", "DOUBLE", "From a call's first try to its last answer, as a median, in seconds."),
        ("duration_p95_s", "DOUBLE", "The same, kept to by 95 in 100 calls."),
    ),
)
