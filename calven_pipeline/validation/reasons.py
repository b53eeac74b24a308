"""The reasons a row can be rejected for, in the documented order: our rules first, then Calven's answers."""

OURS = (
    "malformed_row",
    "unlisted_outcome",
    "missing_timestamp",
    "invalid_timestamp",
    "future_timestamp",
    "missing_user",
    "unmapped_person",
    "unknown_user",
    "email_case_mismatch",
    "ambiguous_user",
    "user_conflict",
    "missing_location",
    "unmapped_place",
    "unknown_location",
    "invalid_location_type",
    "location_type_mismatch",
    "conflicting_event_id",
)
CALVENS = ("calven_user_not_found", "calven_location_not_found", "calven_rejected", "calven_bad_format")
REASONS = OURS + CALVENS
