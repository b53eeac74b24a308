"""Which files of the drop folder a run should read now: a pure rule over one look at the folder and a memory of earlier ones.

What may surprise: no file is opened here, and the working database is not asked, since it belongs to the run that is under
way. A file counts as taken only when a run that was asked to read it has judged its rows. Losing the memory does no
harm: the runs that are asked for then find nothing new.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

SETTLE_S = (
    9.0  # between two looks that saw the same size and time of change; looks come every ten seconds, give or take
)
SETTLE_OPEN_S = (
    300.0  # where somebody still has the file open for writing: a stalled upload, or one that appends all day
)
TELL_AGAIN_S = (
    3_600.0  # what keeps looks from seeing all fails one in an hour: Dagster keeps the stack of each that fails
)
PROBLEMS_TOLD = 3
BATCH = 1_000  # files that share a run
SPLIT = 10  # a batch whose run ended while it read is tried again in so many: who kills his run is soon alone
AGAIN_AFTER_S = (0.0, 60.0, 600.0, 3_600.0, 86_400.0)  # after so many runs that did not get to their end; then each day


class Mark(NamedTuple):
    """What a look sees of a file."""

    size_bytes: int
    modified_ns: int


class State(StrEnum):
    """Where a file stands. Whenever its mark changes, it settles anew."""

    SETTLING = "settling"  # seen; its mark is as it was at `at`
    ASKED = "asked"  # part of the batch that was asked for last
    TAKEN = "taken"  # its run has judged its rows
    REFUSED = "refused"  # it could not be read; tried again when its profile changes
    AGAIN = (
        "again"  # its run did not get to its end, at `at`, or left it: it was still changing, or could not be opened
    )


class Known(NamedTuple):
    """What is remembered of a file.

    `at` in Unix seconds; `tries`: runs that did not get to their end; `share`: how many files may share the next.
    """

    size_bytes: int
    modified_ns: int
    state: State
    at: float = 0.0
    tries: int = 0
    share: int = BATCH

    @property
    def mark(self) -> Mark:
        """As it was seen last."""
        return Mark(self.size_bytes, self.modified_ns)


Files = Mapping[str, Mapping[str, Known]]
FileKey = tuple[str, str]


@dataclass(frozen=True)
class Memory:
    """What earlier looks left: `files` by source and `source_file`.

    `profiles` is the fingerprint of the profiles, `sources` that of each source's, `asked` the key of the run that was asked for, until its end was seen,
    and `was_again` whether its files had been asked for before. `problem` is the fingerprint of profiles that cannot be
    loaded, first seen at `problem_at`, and `problem_told` the last one that a run was asked for to tell of. `unseen` is the
    fingerprint of what a look last failed for, at `unseen_at`.
    """

    id: str
    profiles: str = ""
    asked: str = ""
    was_again: bool = False
    problem: str = ""
    problem_at: float = 0.0
    problem_told: str = ""
    unseen: str = ""
    unseen_at: float = 0.0
    sources: Mapping[str, str] = field(default_factory=dict)
    files: Files = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """One look: files by source; a source whose files could not be listed stands in `unseen` instead, with the reason.

    `profiles` is the fingerprint of the profiles, `sources` that of each source's; where they cannot be loaded, `problem`
    says why, and nothing else was seen. `is_bare`: there is no drop folder, which is no wonder where there never was one.
    `closed` are folders whose files could not be listed, and `problems` says so of them and of single files.
    """

    profiles: str
    problem: str = ""
    files: Mapping[str, Mapping[str, Mark]] = field(default_factory=dict)
    unseen: Mapping[str, str] = field(default_factory=dict)
    is_bare: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ended:
    """How far a run got: `staged` what it could read, and `judged` it.

    `refused` are files that it could not read, `left` those that another run may be able to read as they are.
    """

    staged: bool
    judged: bool
    refused: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()


NOTHING = "No new files."
STORIES = {
    State.ASKED: "are with the run that was asked for",
    State.SETTLING: "may still be changing, or wait for their turn",
    State.AGAIN: "are tried again later: a run for them did not get to its end, found them still changing, or could not open them",
    State.REFUSED: "cannot be read: mend them, or their profiles",
}


@dataclass(frozen=True)
class Noticed:
    """What to do now: a run is wanted where there is a `key`, for the files of the `batch`.

    `problem` is why the profiles cannot be loaded; the run then is for saying so, and has no batch.
    """

    memory: Memory
    key: str = ""
    batch: tuple[str, ...] = ()
    problem: str = ""

    @property
    def story(self) -> str:
        """What is seen, in one line."""
        if self.problem:
            return self.problem
        counts = Counter(known.state for files in self.memory.files.values() for known in files.values())
        return "; ".join(f"{counts[state]} {words}" for state, words in STORIES.items() if counts[state]) or NOTHING


def notice(
    look: Look,
    memory: Memory,
    now: float,
    *,
    settle_s: float = SETTLE_S,
    is_open: Callable[[str], bool] = lambda _: False,
) -> Noticed:
    """The files that a run should read now, and what to remember.

    `now` in Unix seconds; a clock that was set back makes files settle anew. `is_open`: whether somebody has the file
    open for writing; asked only of files that would be taken otherwise. While a run that was asked for has not ended
    (`memory.asked`), files settle, and nothing is asked for.
    """
    if look.problem:
        return replace(_tell_of_problem(look, memory, now, settle_s), problem=look.problem)
    memory = _remember(look, memory, now)
    if memory.asked:
        return Noticed(memory)
    due = {
        (source, name): known
        for source, files in memory.files.items()
        for name, known in files.items()
        if name in look.files.get(source, ())
        and _is_due(known, now, settle_s)
        and not (_is_fresh(known, now) and is_open(name))
    }
    chosen = _choose(due, was_again=memory.was_again)
    if not chosen:
        return Noticed(memory)
    key = _key(memory, chosen)
    marked = _change(memory.files, {file: known._replace(state=State.ASKED) for file, known in chosen.items()})
    was_again = any(known.tries for known in chosen.values())
    return Noticed(replace(memory, files=marked, asked=key, was_again=was_again), key, _names(chosen))


def ask_again(memory: Memory) -> Noticed:
    """The run that was asked for was never made: the same once more, of what is still as it was."""
    asked = _asked(memory)
    if not asked:
        return Noticed(replace(memory, asked="", problem_told=""))
    return Noticed(memory, memory.asked, _names(asked))


def learn(memory: Memory, ended: Ended, now: float) -> Memory:
    """The memory after the run that was asked for has ended."""
    asked = _asked(memory)
    share = BATCH if ended.staged else max(1, len(asked) // SPLIT)
    changes = {
        (source, name): known._replace(state=State.AGAIN, at=now, tries=known.tries + 1, share=share)
        if not ended.judged or name in ended.left
        else Known(*known.mark, State.REFUSED if name in ended.refused else State.TAKEN)
        for (source, name), known in asked.items()
    }
    return replace(memory, asked="", files=_change(memory.files, changes))


def unseen_reasons(look: Look, memory: Memory) -> list[str]:
    """Why files could not be looked for, each reason once; none for a folder that is not there yet."""
    told = [reason for source, reason in look.unseen.items() if not look.is_bare or memory.files.get(source)]
    return list(dict.fromkeys(told))


def tell(memory: Memory, reasons: Sequence[str], now: float) -> tuple[Memory, bool]:
    """Whether the look should fail for these reasons: once in an hour, unless they change."""
    unseen = hashlib.sha256("\0".join(reasons).encode()).hexdigest()[:16]
    if memory.unseen == unseen and 0 <= now - memory.unseen_at < TELL_AGAIN_S:
        return memory, False
    return replace(memory, unseen=unseen, unseen_at=now), True


def story_of(reasons: Sequence[str], look: Look, noticed: Noticed) -> str:
    """What a look that asked for nothing saw, in one line: first what it could not see."""
    problems = look.problems[:PROBLEMS_TOLD]
    more = len(look.problems) - len(problems)
    return "; ".join([*reasons, *problems, *([f"and {more} more like these"] if more else []), noticed.story])


def _tell_of_problem(look: Look, memory: Memory, now: float, settle_s: float) -> Noticed:
    """One run for each way in which the profiles cannot be loaded, once nobody seems to be editing them."""
    if look.profiles != memory.problem or now < memory.problem_at:
        return Noticed(replace(memory, problem=look.profiles, problem_at=now))
    if memory.asked or memory.problem_told == look.profiles or now - memory.problem_at < settle_s:
        return Noticed(memory)
    key = f"{memory.id}-{look.profiles[:16]}"
    return Noticed(replace(memory, asked=key, problem_told=look.profiles), key)


def _remember(look: Look, memory: Memory, now: float) -> Memory:
    """The memory with what this look saw; what is gone is forgotten, except where nobody could look."""
    files = {source: memory.files[source] for source in look.unseen if source in memory.files}
    for source, marks in look.files.items():
        before = memory.files.get(source, {})
        mended = look.sources.get(source) != memory.sources.get(source)
        hidden = {name: known.mark for name, known in before.items() if _is_in(name, look.closed)}
        seen = {**hidden, **marks}
        files[source] = {name: _seen(before.get(name), mark, now, mended=mended) for name, mark in seen.items()}
    sources = {source: (look if source in look.files else memory).sources.get(source, "") for source in files}
    return replace(memory, profiles=look.profiles, sources=sources, problem="", files=files)


def _is_in(name: str, folders: Collection[str]) -> bool:
    """Whether one of the folders is around the file."""
    return any(name.startswith(f"{folder}/") for folder in folders)


def _seen(known: Known | None, mark: Mark, now: float, *, mended: bool) -> Known:
    if known is None or known.mark != mark:
        return Known(*mark, State.SETTLING, now)
    if known.state is State.SETTLING and now < known.at:
        return known._replace(at=now)
    if mended and known.state in {State.REFUSED, State.AGAIN}:
        return known._replace(state=State.AGAIN, tries=0, share=BATCH)
    return known


def _is_due(known: Known, now: float, settle_s: float) -> bool:
    if known.state is State.SETTLING:
        return now - known.at >= settle_s
    wait = AGAIN_AFTER_S[min(known.tries, len(AGAIN_AFTER_S) - 1)]
    return known.state is State.AGAIN and abs(now - known.at) >= wait  # a clock that was set back must not delay it


def _is_fresh(known: Known, now: float) -> bool:
    return known.state is State.SETTLING and now - known.at < SETTLE_OPEN_S


def _choose(due: Mapping[FileKey, Known], *, was_again: bool) -> dict[FileKey, Known]:
    """New files and those that are tried again take turns; of the latter the least tried first, in their smaller batches."""
    again = {known.tries for known in due.values() if known.tries}
    is_new = any(not known.tries for known in due.values()) and (was_again or not again)
    tries = 0 if is_new else min(again, default=0)
    order = sorted((known.share, file) for file, known in due.items() if known.tries == tries)
    return {file: due[file] for _, file in order[: order[0][0]]} if order else {}


def _key(memory: Memory, chosen: Mapping[FileKey, Known]) -> str:
    """Names the inputs: files with their marks, profiles and tries. A new memory has new keys: Dagster makes no second run of one."""
    inputs = [memory.profiles, [[*file, *known.mark, known.tries] for file, known in chosen.items()]]
    return f"{memory.id}-{hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]}"


def _asked(memory: Memory) -> dict[FileKey, Known]:
    return {
        (source, name): known
        for source, files in memory.files.items()
        for name, known in files.items()
        if known.state is State.ASKED
    }


def _change(files: Files, changes: Mapping[FileKey, Known]) -> Files:
    return {
        source: {name: changes.get((source, name), known) for name, known in known_files.items()}
        for source, known_files in files.items()
    }


def _names(files: Mapping[FileKey, Known]) -> tuple[str, ...]:
    return tuple(sorted({name for _, name in files}))
