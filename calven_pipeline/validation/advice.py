"""What to do about each reason, in the words of the README, for screens and pages.

A preview says something else of a few reasons: there the profile itself may be wrong, or the table to mend has a name.
"""

from __future__ import annotations

WHAT_TO_DO = {
    "malformed_row": "mend the row in the export: a changed file is read again",
    "unlisted_outcome": "list the outcome under granted or ignored",
    "missing_timestamp": "mend the export",
    "invalid_timestamp": "mend the export, or timestamp_format and timezone for later files",
    "future_timestamp": "set the clock of the source; the row is sent once its time has come",
    "missing_user": "mend the export, or give its source a people table",
    "unmapped_person": "add the badge to people",
    "unknown_user": "provision the user in Calven, or mend people",
    "email_case_mismatch": "use the suggested address, or set email_case: correct",
    "ambiguous_user": "use user_id, or mend Calven",
    "user_conflict": "mend the export or people",
    "missing_location": "mend the export, or give its source a places table",
    "unmapped_place": "add the door to places",
    "unknown_location": "add the location or desk in Calven, or mend places",
    "invalid_location_type": "use level, location, place, space or zone",
    "location_type_mismatch": "use the suggested type in places or the export",
    "conflicting_event_id": "give the row an id of its own",
    "calven_user_not_found": "provision the user",
    "calven_location_not_found": "check the location in Calven",
    "calven_rejected": "mend the cause",
    "calven_bad_format": "the call was refused with 4xx, and this event was found to be the cause",
}
