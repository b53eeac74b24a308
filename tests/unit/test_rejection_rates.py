"""When is a share of rejected rows unusual, and when is it chance?"""

import pytest

from calven_pipeline.checks.rates import Rate


@pytest.mark.parametrize(
    ("rows", "rejected", "usual", "is_unusual"),
    [
        (1000, 900, None, False),  # nobody knows what is usual
        (1000, 100, 0.02, True),
        (1000, 60, 0.02, False),  # 0.04 more than usual is not worth a look
        (100, 8, 0.0, True),
        (100, 5, 0.0, False),
        (100, 12, 0.05, True),
        (100, 11, 0.05, False),  # of so few, six more may be chance
        (10_000, 1050, 0.05, True),
        (1000, 1000, 1.0, False),  # as always
        (100, 0, 0.3, False),
    ],
)
def test_unusual_is_what_neither_chance_nor_habit_explains(rows, rejected, usual, is_unusual):
    assert Rate("badges", rows, rejected, usual).is_unusual is is_unusual


def test_it_says_what_the_share_is_held_against():
    rate = Rate("badges", 1200, 420, 0.04)
    assert rate.story(0.2) == (
        "badges: 35.0% of its 1,200 newest rows are rejected (the limit is 20%, usual is up to 4.0%)"
    )
    assert rate.story(0.5).endswith("(usual is up to 4.0%)")
