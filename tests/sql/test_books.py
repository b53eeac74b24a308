"""Can the books fail? Each way of breaking them is seen, and said in words; untouched, they balance."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from calven_pipeline.validation.books import Books, balance
from tests.sql.conftest import Pipeline

TIME = "2026-10-30T08:00:00Z"
ANSWER = "insert into answers values ({row}, 1, true, null, 0, null, 1, now(), nextval('revision'), null)"
CALL = "insert into calls values (1, 1, 'x', 1, now(), now(), now(), 1, 200, 'c', null)"


@pytest.fixture(scope="module")
def counted_folder(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files: four rows (one waits, one is answered, one rejected, one a duplicate), then one row; all counted once."""
    pipeline = Pipeline(shutil.copytree(company, tmp_path_factory.mktemp("counted") / "data"))
    valid = f"{TIME},e1,,U-ann,,Office,location"
    pipeline.swipes(valid, f"{TIME},e2,,U-bob,,Office,location", f"{TIME},e3,,U-eve,,Office,location", valid)
    pipeline.run()
    deliver(pipeline, 2)
    pipeline.swipes(f"{TIME},e4,,U-ann,,Desk-1,place", name="b.csv")
    pipeline.run()
    pipeline.close()
    return pipeline.data


@pytest.fixture
def counted(counted_folder: Path, tmp_path: Path) -> Iterator[Pipeline]:
    """The steps on a copy of that folder."""
    pipeline = Pipeline(shutil.copytree(counted_folder, tmp_path / "data"))
    yield pipeline
    pipeline.close()


def deliver(pipeline: Pipeline, row: int) -> None:
    """Let Calven accept a row that waits."""
    for statement in (CALL, ANSWER.format(row=row), f"delete from outbox where row_id = {row}"):
        pipeline.database.connection.execute(statement)


def broken_by(pipeline: Pipeline, *statements: str) -> Books:
    for statement in statements:
        pipeline.database.connection.execute(statement)
    books = balance(pipeline.database)
    assert not books.balanced
    assert books.story.startswith("The books do not balance: ")
    return books


def test_every_row_is_in_one_outcome(counted: Pipeline) -> None:
    """Rows read = accepted + rejected + pending + duplicate + ignored."""
    books = balance(counted.database)
    assert books.balanced
    assert books.outcomes == {"accepted": 1, "rejected": 1, "pending": 2, "duplicate": 1, "ignored": 0}
    assert books.read == 5
    assert books.story == "5 rows read, each in one outcome: 1 accepted, 1 rejected, 2 pending, 1 duplicate, 0 ignored"


def test_only_files_that_changed_are_counted_again(counted: Pipeline) -> None:
    """The cost follows what is new: nothing, then the one file whose row was answered."""
    assert balance(counted.database).files_counted == 0
    deliver(counted, 1)
    books = balance(counted.database)
    assert books.files_counted >= 1
    assert books.outcomes["accepted"] == 2


@pytest.mark.parametrize(
    ("statement", "story"),
    [
        ("delete from staged_presence where row_id = 1", "5 rows were read, but 4 staged"),
        ("delete from validated_presence where row_id = 3", "and 4 judged"),
        ("insert into validated_presence select * from validated_presence where row_id = 3", "and 6 judged"),
        ("delete from outbox where row_id = 5", "2 rows are pending, but 1 wait"),
        ("insert into outbox (row_id, attempts) values (3, 0)", "2 rows are pending, but 3 wait"),
        ("delete from answers", "1 answers are gone"),
        ("update export_files set row_count = 7 where file_id = 1", "were read"),
    ],
)
def test_a_row_that_is_lost_or_doubled_is_seen(counted: Pipeline, statement: str, story: str) -> None:
    """Also where its file was counted long ago."""
    assert story in broken_by(counted, statement).story


@pytest.mark.parametrize("row", [1, 3])
def test_a_file_that_does_not_add_up_is_named(counted: Pipeline, row: int) -> None:
    """A row that changed is looked at with all of its file; here its outcome is gone, or it has two."""
    touch = f"update validated_presence set revision = 999, verdict = 'valid' where row_id = {row}"
    books = broken_by(counted, touch, f"delete from outbox where row_id = {row}")
    assert books.files_wrong == 1
    assert "1 files do not add up, a.csv among them" in books.story


def test_an_accepted_event_needs_an_answer_on_record(counted: Pipeline) -> None:
    """Accepted means that a call was answered with 2xx."""
    deliver(counted, 1)
    assert broken_by(counted, "update calls set status = null").unproven >= 1


def test_answers_of_an_earlier_version_are_taken_as_they_are(counted: Pipeline) -> None:
    """It did not keep how a call in parts ended; whoever upgrades must not be told that the books are broken."""
    for statement in (
        "update calls set status = 400",
        "delete from audits",
        "alter table answers drop column correlation_id",
        "drop table schema_version",
    ):
        counted.database.connection.execute(statement)
    counted.close()
    books = balance(counted.database)
    assert books.balanced, books.story
    assert books.files_counted == 2
    counted.close()
    assert counted.ask("select count(*) from audits") == [2]


def test_a_file_far_from_the_others_is_counted_alone(counted: Pipeline) -> None:
    """The cost follows the files that were touched, not what lies between them."""
    counted.swipes(*(f"{TIME},f{n},,U-ann,,Office,location" for n in range(3)), name="c.csv")
    counted.run()
    counted.database.connection.execute("update validated_presence set revision = 900 where row_id in (1, 8)")
    books = balance(counted.database)
    assert books.balanced, books.story
    assert books.read == 8


def test_broken_books_stay_broken(counted: Pipeline) -> None:
    """A count that failed is no new start: the next one looks at the same rows again."""
    broken_by(
        counted, "delete from outbox where row_id = 5", "update validated_presence set revision = 999 where row_id = 5"
    )
    assert not balance(counted.database).balanced
    counted.database.connection.execute("insert into outbox (row_id, attempts) values (5, 0)")
    assert balance(counted.database).balanced
