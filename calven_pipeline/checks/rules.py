"""Every rule by name: what holds, what to do where it does not, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rule:
    """A rule of one asset: `holds` says what is so where all is well, `what_to_do` what a person does where it is not.

    `blocking`: nothing that reads the asset is made where it does not hold; else it is a warning.
    """

    asset: str
    name: str
    holds: str
    what_to_do: str
    blocking: bool = False

    @property
    def description(self) -> str:
        """Both, as one text."""
        return f"{self.holds} Where it fails: {self.what_to_do}."


@dataclass(frozen=True)
class Finding:
    """What a look found: one line without people, and numbers under the same names each time.

    `about` names what does not hold (doors, sources, tables; nobody), so that more of it is told as news.
    """

    rule: Rule
    passed: bool
    story: str
    numbers: dict[str, float] = field(default_factory=dict)
    about: tuple[str, ...] = ()


def fit_to_judge_by(resource: str) -> Rule:
    """The rule of `users`, `locations` and `desks`."""
    return Rule(
        resource,
        "fit_to_judge_by",
        "The table is not empty, no id stands in it twice (ids compare without case), and it has not lost over half of the "
        "rows of the last pull that was taken. Nothing is judged by a table that does not fit: it would reject rows by the "
        "thousand.",
        "pull it again with the job refresh_reference; if Calven really has so few, materialise it once with the config "
        "allow_shrink: true",
        blocking=True,
    )


NO_SOURCE_SILENT = Rule(
    "staged_presence",
    "no_source_silent",
    "No source has brought no new file for more days than nine in ten of its gaps; said of sources with at least four days "
    "of files, once these span a fortnight.",
    "see why the system drops no files; take a source that has ended out of sources.yaml",
)
REFERENCE_FRESH = Rule(
    "validated_presence",
    "reference_fresh",
    "Users, locations and desks were pulled at most `CALVEN_REFERENCE_MAX_AGE_HOURS` ago.",
    "launch refresh_reference, or switch on that schedule: new people and desks are rejected until then",
)
NO_BADGE_LOST = Rule(
    "validated_presence",
    "no_badge_lost",
    "No badge that stood for somebody in the last eight weeks stands for nobody in a row that is rejected now.",
    "look whether the people table of its source lost rows, and put them back: the rows heal. Where the badge is nobody's "
    "any more, dismiss its rejections",
)
NO_DOOR_LOST = Rule(
    "validated_presence",
    "no_door_lost",
    "No door that stood for a place in the last eight weeks stands for none in a row that is rejected now.",
    "look whether the places table of its source lost that door, and put it back: the rows heal. Where the door is gone, "
    "dismiss its rejections",
)
REJECTION_RATE_USUAL = Rule(
    "rejections",
    "rejection_rate_usual",
    "Of no source's newest rows is a larger share rejected than `CALVEN_REJECTION_RATE_LIMIT` allows, or than nine in ten of "
    "its days keep to. Duplicate and ignored rows do not count; with fewer than 100 rows nothing is said.",
    "see which reasons `rejections` holds for that source and mend what they say; a limit that its files never keep to is "
    "set by CALVEN_REJECTION_RATE_LIMIT",
)
CLOCK_AGREES = Rule(
    "published_presence",
    "clock_agrees",
    "This machine's clock and Calven's, as its last answer to a presence call told, are at most a minute apart.",
    "set this machine's clock (NTP): until then Calven may refuse keys, and times are judged by a wrong one",
)
