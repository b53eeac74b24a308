"""Which sheet of a workbook to look at: many begin with a summary.

What may surprise: the first sheet with times is taken, and a source reads one sheet. Where others hold times too, a person
is asked.
"""

from __future__ import annotations

from dataclasses import replace

from calven_pipeline.previewing.heads import Head
from calven_pipeline.previewing.samples import Sample, sample_of, sheet_sample
from calven_pipeline.previewing.times import guess_time

MOST_SHEETS = 8  # each is read anew
MOST_BYTES = 20 * 1000**2  # of a workbook whose other sheets are looked at


def sample_to_judge(head: Head) -> Sample:
    """What a file looks like, of a workbook its first sheet with times, else the longest; raises `UnreadableTextError` or `OSError`."""
    first = sample_of(head)
    if not first.sheets[1:] or head.path.stat().st_size > MOST_BYTES:
        return first
    others = [sheet_sample(head.path, name) for name in first.sheets[1:MOST_SHEETS]]
    most = max((first, *others), key=lambda sample: sample.rows)
    timed = [sample for sample in (first, *others) if sample.rows and guess_time(sample)]
    if not timed[1:]:
        return timed[0] if timed else most
    named = ", ".join(f"{sheet_of(sample)!r}" for sample in timed)
    doubt = (
        f"The sheets {named} all hold times, but a source reads one `sheet`: is {sheet_of(timed[0])!r} the right one?"
    )
    return replace(timed[0], doubts=(*timed[0].doubts, doubt))


def sample_as_read(head: Head, sample: Sample, sheet: str | None) -> Sample:
    """The sample of the sheet that a profile names (None: the first)."""
    if (
        not sample.sheets
        or (sheet or sample.sheets[0]) == sheet_of(sample)
        or (sheet or "") not in {"", *sample.sheets}
    ):
        return sample
    return sheet_sample(head.path, sheet)


def sheet_of(sample: Sample) -> str:
    """The name of the sheet that was looked at; only of workbooks."""
    return sample.dialect.sheet or sample.sheets[0]
