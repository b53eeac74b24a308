"""What the working database reads from the journal of answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from calven_pipeline.delivery.journal import Journal, Note
from calven_pipeline.warehouse.database import WorkingDatabase, open_working_database

NOW = datetime(2026, 10, 31, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[WorkingDatabase]:
    with open_working_database(tmp_path) as database:
        yield database


def noted(database: WorkingDatabase, *notes: Note) -> list[Path]:
    """Write the notes and read them into `noted` and `results`; the files they stand in."""
    with Journal(database.state) as journal:
        for note in notes:
            journal.write(note)
    paths = journal.leftovers()
    read(database, paths[-1])
    return paths


def read(database: WorkingDatabase, path: Path) -> None:
    database.run("delivery/read_journal", {"path": str(path)})
    database.run("delivery/read_results")


def results(database: WorkingDatabase) -> list[tuple[Any, ...]]:
    """What the answers report, by event id."""
    return database.connection.sql("select event_id, code, message, is_rejected from results order by 1").fetchall()


def answered(text: str, call_id: int = 1) -> Note:
    return Note(call_id, 1, NOW, NOW, None, 200, "c-1", text)


def test_a_note_is_one_line_and_comes_back_whole(database: WorkingDatabase) -> None:
    """Every field of it; times keep their microseconds."""
    note = Note(7, 2, NOW, NOW, ["a", 'b"'], 400, "c-1", None, "Ω is\nno id", "RefusedCallError", 3, is_last=False)
    (path,) = noted(database, note)
    assert path.read_bytes().count(b"\n") == 1
    names = [name for name in vars(note) if name != "answer"]
    (row,) = database.connection.sql(f"select {', '.join(names)} from noted").fetchall()
    assert dict(zip(names, row, strict=True)) == {name: getattr(note, name) for name in names}
    assert database.connection.sql("select results from noted").fetchall() == [(None,)]


@pytest.mark.parametrize("line_break", ["", "\n", "\r\n"])
def test_an_answer_stands_as_it_came_whatever_its_line_breaks(database: WorkingDatabase, line_break: str) -> None:
    """JSON may be printed on many lines; a line break within a text is written as backslash and n."""
    text = (
        f'{{{line_break}"results": [{line_break}{{"eventId": "E-1", "resultCode": 0, "message": "a\\nb é \\u03a9"}}]}}'
    )
    (path,) = noted(database, answered(text), answered('{"results":[]}', 2))
    assert path.read_bytes().count(b"\n") == 2
    assert results(database) == [("e-1", "0", "a\nb é Ω", False)]


@pytest.mark.parametrize(
    ("code", "is_rejected"),
    [
        ("0", False),
        ('"0"', False),
        ("0.0", False),
        ("null", False),
        ("1", True),
        ('" 2 "', True),
        ('"NO_BADGE"', True),
        ("true", True),
        ("[0]", True),
        ("1e9999", True),
        ("123456789012345678901234567890", True),
    ],
)
def test_only_0_is_success(database: WorkingDatabase, code: str, is_rejected: bool) -> None:
    """Any other code rejects the event, whatever its type; a missing one reports nothing."""
    noted(database, answered(f'{{"results":[{{"eventId":"e","resultCode":{code}}}]}}'))
    assert [row[-1] for row in results(database)] == [is_rejected]


def test_of_several_results_for_one_event_the_rejection_counts(database: WorkingDatabase) -> None:
    """Ids compare without case; a result without an id, or that is nothing at all, says nothing."""
    noted(
        database,
        answered(
            '{"results":[{"eventId":"A","resultCode":1,"message":"who?"},{"eventId":"a","resultCode":0,"message":"ok"},'
            '{"resultCode":1},null,{"eventId":null,"resultCode":2}]}'
        ),
    )
    assert results(database) == [("a", "1", "who?", True)]


@pytest.mark.parametrize(
    "answer",
    ["null", "[]", "{}", '{"results":null}', '{"results":{}}', '"{\\"results\\":"', '{"sourceId":"x"}', "5"],
)
def test_an_answer_without_a_list_of_results_settles_nothing(database: WorkingDatabase, answer: str) -> None:
    """The client lets no such answer through; were there one, its events would be sent again."""
    noted(database, answered(answer))
    assert database.connection.sql("select call_id, results from noted").fetchall() == [(1, None)]


def test_a_line_that_is_cut_off_proves_nothing(database: WorkingDatabase) -> None:
    """Wherever a crash cuts the last line, those before it are read."""
    (path,) = noted(database, answered('{"results":[]}'), answered('{"results":[{"eventId":"e"}]}', 2))
    content = path.read_bytes()
    first = content.index(b"\n") + 1
    for length in range(first, len(content) - 2):
        path.write_bytes(content[:length])
        read(database, path)
        assert database.connection.sql("select call_id from noted").fetchall() == [(1,)]


def test_notes_of_an_earlier_version_are_read(database: WorkingDatabase, tmp_path: Path) -> None:
    """A journal may be left by a run from before an update, which kept an answer as text: what it does not say is nothing."""
    path = tmp_path / "old.jsonl"
    answer = '{"results": [{"eventId": "E-1", "resultCode": 2, "message": "\\u03a9 \\"where\\"?"}]}'
    path.write_text(json.dumps({"call_id": 1, "attempts": 2, "answer": answer, "is_last": True}) + "\n")
    read(database, path)
    assert database.connection.sql("select attempts, sent_before, len(results) from noted").fetchall() == [(2, 0, 1)]
    assert results(database) == [("e-1", "2", 'Ω "where"?', True)]
