-- One row per reason that a row can be rejected for, in the order of the documentation. Reads nothing.
-- The words are those of `validation/advice.py`; a test holds one against the other.
select *
from (
    values
        (1, 'read', 'malformed_row', 'mend the row in the export: a changed file is read again'),
        (2, 'validate', 'unlisted_outcome', 'list the outcome under granted or ignored'),
        (3, 'validate', 'missing_timestamp', 'mend the export'),
        (4, 'validate', 'invalid_timestamp', 'mend the export, or timestamp_format and timezone for later files'),
        (5, 'validate', 'future_timestamp', 'set the clock of the source; the row is sent once its time has come'),
        (6, 'validate', 'missing_user', 'mend the export, or give its source a people table'),
        (7, 'validate', 'unmapped_person', 'add the badge to people'),
        (8, 'validate', 'unknown_user', 'provision the user in Calven, or mend people'),
        (9, 'validate', 'email_case_mismatch', 'use the suggested address, or set email_case: correct'),
        (10, 'validate', 'ambiguous_user', 'use user_id, or mend Calven'),
        (11, 'validate', 'user_conflict', 'mend the export or people'),
        (12, 'validate', 'missing_location', 'mend the export, or give its source a places table'),
        (13, 'validate', 'unmapped_place', 'add the door to places'),
        (14, 'validate', 'unknown_location', 'add the location or desk in Calven, or mend places'),
        (15, 'validate', 'invalid_location_type', 'use level, location, place, space or zone'),
        (16, 'validate', 'location_type_mismatch', 'use the suggested type in places or the export'),
        (17, 'validate', 'conflicting_event_id', 'give the row an id of its own'),
        (18, 'calven', 'calven_user_not_found', 'provision the user'),
        (19, 'calven', 'calven_location_not_found', 'check the location in Calven'),
        (20, 'calven', 'calven_rejected', 'mend the cause'),
        (21, 'calven', 'calven_bad_format', 'the call was refused with 4xx, and this event was found to be the cause')
) as reasons (number, stage, reason, what_to_do)
