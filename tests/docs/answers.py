"""What the README's questions are answered on the demo's data: counted by hand from `data/samples`, not by the views.

An answer is every row of the query, its first columns where the rest is a time of the run; or a few words that must be printed.
"""

from datetime import date, datetime

MONDAY = date(2026, 11, 2)
TUESDAY = date(2026, 11, 3)

Answer = list[tuple[object, ...]]

ROWS: dict[str, Answer] = {
    "How many people came, day by day?": [
        (MONDAY, 10, datetime.fromisoformat("2026-11-02 05:58")),
        (TUESDAY, 8, datetime.fromisoformat("2026-11-03 06:01")),
    ],
    "How full was each office, against its desks?": [
        (MONDAY, "Harbour office", 9, 20, 8, 0.45),
        (TUESDAY, "Harbour office", 8, 20, 0, 0.4),
    ],
    "Which weekday needs the most desks?": [
        ("Harbour office", "Mon", 9.0, 9, 20),
        ("Harbour office", "Tue", 8.0, 8, 20),
        ("Hill office", "Mon", 1.0, 1, 0),
    ],
    "What is wrong, worst first, and what cures it?": [
        ("conflicting_event_id", 2, ["api-shaped", "desk-sensors"]),
        ("malformed_row", 2, ["badges", "desk-sensors"]),
        ("email_case_mismatch", 1, ["desk-sensors"]),
        ("future_timestamp", 1, ["badges"]),
        ("invalid_location_type", 1, ["api-shaped"]),
        ("invalid_timestamp", 1, ["badges"]),
        ("location_type_mismatch", 1, ["desk-sensors"]),
        ("missing_location", 1, ["desk-sensors"]),
        ("missing_timestamp", 1, ["badges"]),
        ("missing_user", 1, ["badges"]),
        ("unknown_location", 1, ["desk-sensors"]),
        ("unknown_user", 1, ["badges"]),
        ("unmapped_person", 1, ["badges"]),
        ("unmapped_place", 1, ["badges"]),
        ("user_conflict", 1, ["api-shaped"]),
    ],
    "Which doors and badges need mapping, and what would it free?": [
        ("badge", "badges", "B-2001", 1, 1),
        ("door", "badges", "Side door/in", 1, 1),
    ],
    "What became of each file, row for row?": [
        ("api-shaped", "visitors.csv", 5, 2, 3, 0, 0, 0),
        ("badges", "badges/2026-11-02.csv", 16, 6, 8, 0, 1, 1),
        ("badges", "badges/2026-11-03.csv", 10, 8, 0, 0, 2, 0),
        ("desk-sensors", "desks/2026-11-02.jsonl", 14, 8, 6, 0, 0, 0),
    ],
    "How many rows of a file were refused, and why?": [
        ("malformed_row", 1),
        ("missing_timestamp", 1),
        ("invalid_timestamp", 1),
        ("future_timestamp", 1),
        ("missing_user", 1),
        ("unmapped_person", 1),
        ("unknown_user", 1),
        ("unmapped_place", 1),
    ],
    "Is a source late, or silent?": [
        ("api-shaped", "visitors.csv", 0, None, False),
        ("badges", "badges/2026-11-03.csv", 0, None, False),
        ("desk-sensors", "desks/2026-11-02.jsonl", 0, None, False),
    ],
    "What became of one badge?": [
        (MONDAY, datetime.fromisoformat("2026-11-02 06:03"), "badges/2026-11-02.csv", 3, "ignored"),
        (MONDAY, datetime.fromisoformat("2026-11-02 06:03"), "badges/2026-11-02.csv", 4, "accepted"),
        (TUESDAY, datetime.fromisoformat("2026-11-03 06:03"), "badges/2026-11-03.csv", 5, "accepted"),
    ],
    "What waits, and why was it not taken?": [],
    "What to tell Calven's support about events that it refused?": [],
}

# Who came on Monday, by when their first event was; two of them at the same minute are told apart by nothing else.
PRESENT = "Who was present on a day?"
PRESENT_ON_MONDAY = {*(f"person-{number:02}@sandbox.example" for number in range(1, 11) if number != 5)} | {
    "Person-05@sandbox.example"
}

# One day, or two where midnight in UTC falls into the run: calls, tries, failed calls and events taken.
DELIVERY = "How did delivery go?"
DELIVERED = (3, 3, 0, 24)

PANDAS = "At which hour do people arrive, by their own clocks? In pandas, from UTC to the zone of the office:"
ARRIVED = """\
hour        7  8  9
local_date
Monday      1  7  2
Tuesday     0  8  0"""
