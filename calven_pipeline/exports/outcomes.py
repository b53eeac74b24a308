"""What counts: `granted` and `ignored` judge the outcomes of a row; what neither lists is set aside, never sent.

What may surprise: the entry that is closest to a value decides, whichever list it stands in: an exact one before a
pattern, then the pattern with more characters of its own; where both lists have one alike, the row is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from duckdb import CaseExpression, ConstantExpression, Expression, FunctionExpression

from calven_pipeline.exports.profiles import SourceProfile

GRANTED, UNLISTED, IGNORED = "granted", "unlisted", "ignored"
WORDS = (GRANTED, UNLISTED, IGNORED)  # a row is what the last in this order of its columns is
ANY_TEXT = "*"
MISSING = ""
ESCAPE = "\\"


def outcome_columns(profile: SourceProfile) -> tuple[str, ...]:
    """Their columns that `granted` and `ignored` judge, in the order of the profile."""
    return tuple(dict.fromkeys([*profile.granted, *profile.ignored]))


def outcome_expression(profile: SourceProfile, values: Mapping[str, Expression]) -> Expression:
    """`granted`, `ignored` or `unlisted` for a row; `granted` where the profile lists nothing.

    `values` must have the trimmed text (or NULL, a missing value) of each of `outcome_columns`.
    """
    ranks = [_rank(profile, theirs, values[theirs]) for theirs in outcome_columns(profile)]
    if not ranks:
        return ConstantExpression(GRANTED)
    rank = ranks[0] if len(ranks) == 1 else FunctionExpression("greatest", *ranks)
    words = FunctionExpression("list_value", *(ConstantExpression(word) for word in WORDS))
    return FunctionExpression("list_extract", words, rank)


def _rank(profile: SourceProfile, theirs: str, value: Expression) -> Expression:
    """The position in `WORDS` (from 1) of what one column says."""
    lists = ((IGNORED, profile.ignored.get(theirs, ())), (GRANTED, profile.granted.get(theirs, ())))
    folded = FunctionExpression("lower", value)
    rank = CaseExpression(value.isnull(), _place(_of_missing(lists)))
    for word, entries in lists:
        exact = [_lower(entry) for entry in entries if ANY_TEXT not in entry and entry != MISSING]
        if exact:
            rank = rank.when(folded.isin(*exact), _place(word))
    for pattern, word in _closest_first(lists):
        rank = rank.when(_is_like(folded, pattern), _place(word))
    return rank.otherwise(_place(UNLISTED))


def _of_missing(lists: Sequence[tuple[str, Sequence[str]]]) -> str:
    return next((word for word, entries in lists if MISSING in entries), UNLISTED)


def _closest_first(lists: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, str]]:
    """The patterns with their words, more literal characters first, and `ignored` first among equals."""
    patterns = [(entry, word) for word, entries in lists for entry in entries if ANY_TEXT in entry]
    return sorted(patterns, key=lambda pair: -len(pair[0].replace(ANY_TEXT, "")))


def _place(word: str) -> Expression:
    return ConstantExpression(WORDS.index(word) + 1)


def _lower(entry: str) -> Expression:
    return FunctionExpression("lower", ConstantExpression(entry))


def _is_like(folded: Expression, pattern: str) -> Expression:
    literal = pattern
    for special in (ESCAPE, "%", "_"):
        literal = literal.replace(special, ESCAPE + special)
    like = _lower(literal.replace(ANY_TEXT, "%"))
    return FunctionExpression("like_escape", folded, like, ConstantExpression(ESCAPE))
