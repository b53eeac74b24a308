"""Which files does a look at the drop folder ask a run to read, and what does it remember?"""

from dataclasses import replace

import pytest

from calven_pipeline.exports.noticing import (
    AGAIN_AFTER_S,
    BATCH,
    SETTLE_OPEN_S,
    SETTLE_S,
    Ended,
    Look,
    Mark,
    Memory,
    Noticed,
    State,
    ask_again,
    learn,
    notice,
    tell,
    unseen_reasons,
)

NIGHT = 1_800_000_000.0
GOOD = Ended(staged=True, judged=True)
DIED = Ended(staged=False, judged=False)
REFUSED = Ended(staged=True, judged=True, refused=frozenset({"bad"}))
A, B = Mark(100, 1), Mark(200, 2)


class Folder:
    """A drop folder that is looked at every ten seconds; each look goes on from the memory that the last one left."""

    def __init__(self, **files: Mark) -> None:
        self.files = {"hq": dict(files)}
        self.profiles = "profiles"
        self.problem = ""
        self.open: set[str] = set()
        self.unseen: dict[str, str] = {}
        self.sources = {"hq": "badges"}
        self.closed: set[str] = set()
        self.now = NIGHT
        self.memory = Memory("m")
        self.noticed = Noticed(self.memory)

    def look(self, after_s: float = SETTLE_S) -> tuple[str, ...]:
        self.now += after_s
        files = {} if self.problem else self.files
        closed = frozenset(self.closed)
        seen = Look(self.profiles, self.problem, files, self.unseen, sources=self.sources, closed=closed)
        self.noticed = notice(seen, self.memory, self.now, is_open=self.open.__contains__)
        self.memory = self.noticed.memory
        return self.noticed.batch

    def ended(self, how: Ended = GOOD) -> None:
        self.memory = learn(self.memory, how, self.now)

    def taken(self) -> "Folder":
        """All that lies there was read."""
        self.look()
        assert self.look()
        self.ended()
        return self

    def state(self, name: str, source: str = "hq") -> State:
        return self.memory.files[source][name].state


def test_a_file_is_taken_once_two_looks_far_enough_apart_saw_the_same():
    folder = Folder(a=A)
    assert [folder.look(), folder.look(4), folder.look(4.9), folder.look(0.1)] == [(), (), (), ("a",)]
    assert folder.look() == (), "its run is under way"
    folder.ended()
    assert [folder.look(), folder.look(100_000)] == [(), ()]
    assert folder.state("a") is State.TAKEN


def test_a_file_that_grows_is_left_until_it_has_stopped():
    folder = Folder()
    for size in range(5):
        folder.files["hq"] = {"a": Mark(size, size), "b": A}
        assert folder.look() == (("b",) if size == 1 else ())
    folder.ended()
    assert folder.look() == ("a",)


def test_a_file_that_somebody_writes_is_left_until_it_is_closed():
    """An upload that stalls. One that is held open all day is taken when it was quiet for five minutes."""
    folder = Folder(a=A, b=A)
    folder.open = {"a", "b"}
    assert [folder.look(), folder.look(), folder.look(60)] == [(), (), ()]
    folder.open = {"b"}
    assert folder.look() == ("a",)
    folder.ended()
    assert folder.look(SETTLE_OPEN_S) == ("b",)


@pytest.mark.parametrize("mark", [Mark(100, 9), Mark(9, 1)], ids=["touched or rewritten", "other size"])
def test_a_file_is_taken_again_when_its_size_or_time_changes(mark):
    folder = Folder(a=A, b=A).taken()
    folder.files["hq"]["a"] = mark
    assert [folder.look(), folder.look()] == [(), ("a",)]


def test_a_file_that_changes_during_its_run_is_taken_again():
    folder = Folder(a=A, b=A)
    folder.look()
    folder.look()
    folder.files["hq"]["a"] = B
    assert [folder.look(), folder.look(), folder.look()] == [(), (), ()]
    folder.ended()
    assert folder.look() == ("a",), "it has settled meanwhile"
    assert folder.state("b") is State.TAKEN


def test_files_that_go_are_forgotten_and_one_that_moves_is_new():
    """Staging knows a moved file by its content; one that comes back is asked for once more."""
    folder = Folder(a=A, b=A, c=A).taken()
    del folder.files["hq"]["a"]
    folder.files["hq"]["moved"] = folder.files["hq"].pop("b")
    assert [folder.look(), folder.look()] == [(), ("moved",)]
    assert set(folder.memory.files["hq"]) == {"c", "moved"}
    del folder.files["hq"]["moved"]  # while its run is under way
    folder.look()
    folder.ended(DIED)
    assert folder.look(100_000) == ()
    folder.files["hq"]["a"] = A
    assert [folder.look(), folder.look()] == [(), ("a",)]


def test_many_files_become_few_runs():
    folder = Folder(**{f"{number:04}.csv": A for number in range(2_500)})
    folder.look()
    batches = []
    while batch := folder.look():
        batches.append(batch)
        folder.ended()
    assert [len(batch) for batch in batches] == [1_000, 1_000, 500]
    assert sorted(name for batch in batches for name in batch) == sorted(folder.files["hq"])


def test_a_file_of_two_sources_is_named_once_and_one_of_a_new_source_is_new():
    folder = Folder(a=A)
    folder.files["wifi"] = {"a": A}
    folder.look()
    assert folder.look() == ("a",)
    folder.ended()
    folder.files["desks"] = {"a": A}
    assert [folder.look(), folder.look()] == [(), ("a",)]


def test_a_clock_that_is_set_back_or_forth_delays_nothing_for_long():
    """Set back, a file settles anew, and one that was to be tried again is tried now."""
    folder = Folder(a=A)
    folder.look()
    assert [folder.look(-7_200), folder.look(4), folder.look(5)] == [(), (), ("a",)]
    folder.ended(DIED)
    assert [folder.look(1), folder.look(-7_200)] == [(), ("a",)]


def test_a_run_that_dies_is_asked_for_again_ever_later_and_under_another_key():
    """Dagster makes no second run of a key. Nothing is given up: a disk may be full for a night."""
    folder = Folder(a=A)
    folder.look()
    keys, waits = [], []
    for _ in range(6):
        start = folder.now
        while not folder.look():
            pass
        waits.append(folder.now - start)
        keys.append(folder.noticed.key)
        folder.ended(DIED)
    assert waits == pytest.approx([10, *AGAIN_AFTER_S[1:], AGAIN_AFTER_S[-1]], abs=SETTLE_S)
    assert len(set(keys)) == 6


def test_a_file_that_kills_its_run_is_soon_alone():
    """A thousand others go through with the next thirty runs, and a few in a minute."""
    folder = Folder(**{f"{number:03}": A for number in range(BATCH)})
    folder.look()
    runs, start = [], folder.now
    while {name for name in folder.files["hq"] if folder.state(name) is not State.TAKEN} != {"500"}:
        if batch := folder.look():
            runs.append(len(batch))
            folder.ended(DIED if "500" in batch else GOOD)
    assert runs == [1_000] + [100] * 10 + [10] * 10 + [1] * 10
    assert folder.now - start < sum(AGAIN_AFTER_S[:4]) + len(runs) * SETTLE_S

    few = Folder(bad=A, good=A)
    few.look()
    few.look()
    few.ended(DIED)
    assert few.look(AGAIN_AFTER_S[1]) == ("bad",)
    few.ended(DIED)
    assert few.look() == ("good",)


def test_a_run_that_read_but_did_not_judge_is_asked_for_again_as_a_whole():
    """As before the first pull of reference data: no file is to blame."""
    folder = Folder(a=A, b=A)
    folder.look()
    folder.look()
    folder.ended(Ended(staged=True, judged=False))
    assert folder.look(AGAIN_AFTER_S[1]) == ("a", "b")


def test_new_files_and_those_tried_again_take_turns():
    """Neither a stream of new files nor a crowd of failed ones keeps the others waiting."""
    folder = Folder(a=A, b=A)
    folder.look()
    folder.look()
    folder.ended(DIED)
    folder.files["hq"] |= {"new1": A}
    folder.look()
    order = [*folder.look(100)]
    for number in range(2, 4):
        folder.ended()
        folder.files["hq"][f"new{number}"] = A
        order += folder.look()
    assert order == ["a", "new1", "b"]


def test_an_unreadable_file_is_left_until_it_or_the_profiles_change():
    folder = Folder(bad=A, good=A)
    folder.look()
    folder.look()
    folder.ended(REFUSED)
    assert folder.look(100_000) == ()
    assert folder.noticed.story == "1 cannot be read: mend them, or their profiles"
    folder.files["hq"]["bad"] = B
    assert [folder.look(), folder.look()] == [(), ("bad",)]
    folder.ended(REFUSED)
    first = folder.noticed.key
    folder.profiles, folder.sources = "mended", {"hq": "badges", "wifi": "mended"}
    assert folder.look() == (), "another source was mended"
    folder.unseen, folder.files = {"hq": "away"}, {}
    folder.sources = {"hq": "mended"}
    assert folder.look() == ()
    folder.unseen, folder.files = {}, {"hq": {"bad": B, "good": A}}
    assert folder.look() == ("bad",), "what was read well is not read again"
    assert folder.noticed.key != first
    folder.ended()
    folder.sources = {"hq": "changed"}
    assert folder.look() == ()


def test_what_a_run_left_is_asked_for_again_alone():
    """It was still changing, or its rights or its disk are to be mended, which changes nothing that a look sees."""
    folder = Folder(a=A, b=A)
    folder.look()
    folder.look()
    folder.ended(Ended(staged=True, judged=True, left=frozenset({"b"}), refused=frozenset({"b"})))
    assert [folder.look(), folder.look(AGAIN_AFTER_S[1])] == [(), ("b",)]


def test_a_request_that_dagster_lost_is_repeated_as_it_was():
    folder = Folder(a=A, b=A)
    folder.look()
    folder.look()
    assert ask_again(folder.memory) == replace(folder.noticed, memory=folder.memory)
    folder.files["hq"] = {}
    folder.look()
    assert ask_again(folder.memory) == Noticed(replace(folder.memory, asked=""))


def test_broken_profiles_are_told_once_for_each_way_in_which_they_are_broken():
    folder = Folder(a=A).taken()
    before = folder.memory.files
    told = []
    for content in ("broken", "otherwise", "otherwise", "otherwise", "otherwise", "broken", "broken"):
        folder.profiles, folder.problem = content, f"{content}: mend it"
        assert folder.look() == ()
        assert folder.noticed.story == folder.problem
        told.append(bool(folder.noticed.key))
        if folder.noticed.key:
            folder.ended(DIED)
    assert told == [False, False, True, False, False, False, True]
    assert folder.memory.files == before
    folder.profiles, folder.problem = "profiles", ""
    assert folder.look() == ()
    assert folder.memory.files == before


def test_broken_profiles_are_not_told_while_somebody_is_typing():
    folder = Folder()
    folder.profiles, folder.problem = "broken", "mend it"
    for _ in range(2):
        folder.look(5)
        assert not folder.noticed.key
    folder.look(5)
    assert folder.noticed.key


def test_a_request_to_tell_of_broken_profiles_that_dagster_lost_is_made_anew():
    folder = Folder()
    folder.profiles, folder.problem = "broken", "mend it"
    folder.look()
    folder.look()
    assert folder.noticed.key
    folder.memory = ask_again(folder.memory).memory
    folder.look()
    assert folder.noticed.key


def test_a_source_that_cannot_be_listed_keeps_its_memory():
    """A share that is away for an hour must not make its files new."""
    folder = Folder(a=A).taken()
    folder.files, folder.unseen = {"wifi": {"b": A}}, {"hq": "away"}
    assert [folder.look(), folder.look()] == [(), ("b",)]
    folder.ended()
    folder.files, folder.unseen = {"hq": {"a": A}}, {}
    assert [folder.look(), folder.look()] == [(), ()]
    assert set(folder.memory.files) == {"hq"}, "a source that is gone is forgotten"


def test_a_folder_that_cannot_be_listed_hides_its_files_and_no_others():
    """They are neither new nor asked for, until it can be listed."""
    folder = Folder(a=A, **{"in/b": A}).taken()
    folder.files["hq"]["in/c"] = A
    folder.look()
    folder.files, folder.closed = {"hq": {"a": A, "d": A}}, {"in"}
    assert [folder.look(), folder.look()] == [(), ("d",)]
    folder.ended()
    assert set(folder.memory.files["hq"]) == {"a", "d", "in/b", "in/c"}
    folder.files, folder.closed = {"hq": {"a": A, "d": A, "in/b": A, "in/c": A}}, set()
    assert folder.look() == ("in/c",)


def test_a_look_fails_once_in_an_hour_for_the_same_reason():
    memory, told = Memory("m"), []
    for after_s, reason in [
        (0, "away"),
        (10, "away"),
        (20, "refused"),
        (30, "refused"),
        (3_630, "refused"),
        (0, "refused"),
    ]:
        memory, fails = tell(memory, [reason], NIGHT + after_s)
        told.append(fails)
    assert told == [True, False, True, False, True, True]


def test_no_drop_folder_is_a_reason_only_where_there_was_one():
    look = Look("profiles", unseen={"hq": "gone", "wifi": "gone"}, is_bare=True)
    assert unseen_reasons(look, Memory("m")) == []
    assert unseen_reasons(look, Folder(a=A).taken().memory) == ["gone"]
    assert unseen_reasons(replace(look, is_bare=False), Memory("m")) == ["gone"]


def test_the_key_names_what_goes_in():
    """The same files at the same state under the same profiles are one run; anything else is another."""

    def key(memory: str = "m", profiles: str = "profiles", **files: Mark) -> str:
        folder = Folder(**files)
        folder.memory, folder.profiles = Memory(memory), profiles
        folder.look()
        folder.look()
        return folder.noticed.key

    assert key(a=A, b=B) == key(b=B, a=A)
    assert len({key(a=A), key(a=B), key(b=A), key(a=A, b=A), key("lost", a=A), key(profiles="p2", a=A)}) == 6


def test_the_story_counts():
    folder = Folder(a=A, b=A)
    assert folder.noticed.story == "No new files."
    folder.look()
    assert folder.noticed.story == "2 may still be changing, or wait for their turn"
    folder.look()
    folder.files["hq"]["c"] = A
    folder.look()
    assert folder.noticed.story.startswith("2 are with the run that was asked for; 1 may still be changing")
