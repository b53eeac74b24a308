"""Delivery against the sandbox: every answer that Calven can give, and what becomes of the events."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from calven_pipeline.delivery.journal import Journal, Note
from calven_pipeline.errors import (
    AuthenticationError,
    CalvenUnavailableError,
    MissingKeyError,
    PermissionDeniedError,
    RefusedCallError,
    UnreadableAnswerError,
    WorkingDatabaseError,
)
from calven_pipeline.sandbox import SandboxServer
from tests.http.delivering import OpenPipeline, Pipeline, Stock


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Tries follow each other at once, three at most."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def pipeline(tmp_path: Path, stock: Stock, sandbox: SandboxServer) -> Iterator[Pipeline]:
    """250 valid events wait for a sandbox in good health."""
    folder = stock.pipeline(tmp_path / "data", 250, sandbox).data_dir
    with OpenPipeline(folder, sandbox).opened() as pipeline:
        yield pipeline


def test_every_event_is_delivered_once(pipeline: Pipeline) -> None:
    """250 events, three calls, each event received once; a second run sends nothing."""
    delivery = pipeline.publish()
    assert (delivery.accepted, delivery.rejected, delivery.waiting, delivery.calls) == (250, 0, 0, 3)
    assert delivery.problem is None
    assert {event["timesReceived"] for event in pipeline.sandbox.accepted()} == {1}
    again = pipeline.publish()
    assert (again.due, again.calls) == (0, 0)
    assert pipeline.outcomes() == {"accepted": 250}


def test_what_is_sent_has_the_published_shape(pipeline: Pipeline) -> None:
    """Times in UTC to the second, the event's own id, the user's id, and the source id of the profile."""
    pipeline.publish()
    (event,) = [event for event in pipeline.sandbox.accepted() if event["eventId"] == "event-3"]
    assert event["timestamp"] == "2026-10-04T08:00:03Z"
    assert event["sourceId"] == "default"
    assert event["locationType"] == "place"


def test_a_dry_run_posts_nothing(pipeline: Pipeline) -> None:
    """Everything but the POST: the events stay pending, and the next live run delivers them."""
    assert pipeline.publish(publish="dry-run").waiting == 250
    assert pipeline.outcomes() == {"pending": 250}
    assert pipeline.sandbox.stats()["eventsReceived"] == 0
    assert pipeline.publish().accepted == 250


@pytest.mark.parametrize("size", [1, 7, 100])
def test_batches_have_the_size_of_the_setting(pipeline: Pipeline, size: int) -> None:
    """CALVEN_BATCH_SIZE events a call, and a smaller last one."""
    assert pipeline.publish(batch_size=size).calls == -(-250 // size)


def test_readable_answers_settle_every_event(pipeline: Pipeline) -> None:
    """Whatever a readable 2xx leaves out, doubles or adds: an event that it does not report as rejected is loaded."""
    names = ["only-problems", "shuffle", "double-results", "unknown-ids", "no-message", "codes-as-text"]
    faults = one_by_one(names)
    pipeline.sandbox.set_faults(faults)
    delivery = pipeline.publish(concurrency=1, batch_size=40)
    assert (delivery.accepted, delivery.rejected, delivery.waiting, delivery.calls) == (250, 0, 0, 7)
    assert pipeline.sandbox.stats()["faults"] == dict.fromkeys(faults, 1)
    assert pipeline.outcomes() == {"accepted": 250}


def one_by_one(faults: list[str], calls: int = 1) -> list[str]:
    """Each strikes so many calls, after the one before it."""
    return [f"{fault}*{calls}:from={1 + number * calls}" for number, fault in enumerate(faults)]


def test_unreadable_answers_settle_nothing(pipeline: Pipeline) -> None:
    """The events stay pending although Calven has them; once answers can be read again they are sent again."""
    for fault in ["truncate", "html", "empty", "no-results", "wrong-shape=list", "other-source", "redirect"]:
        pipeline.sandbox.set_faults([fault])
        delivery = pipeline.publish()
        assert isinstance(delivery.problem, UnreadableAnswerError), fault
        assert (delivery.accepted, delivery.rejected, delivery.waiting) == (0, 0, 250), fault
    pipeline.sandbox.set_faults([])
    assert pipeline.publish().accepted == 250


def test_what_cannot_be_delivered_stays_pending(pipeline: Pipeline) -> None:
    """The run stops soon, says how many events wait and why, and the next one delivers them."""
    for fault in ["500", "503", "429:retry-after=1", "drop-before-store", "reset-mid-body"]:
        pipeline.sandbox.set_faults([fault])
        delivery = pipeline.publish(concurrency=1, batch_size=10)
        assert isinstance(delivery.problem, CalvenUnavailableError), fault
        assert delivery.waiting == 250, fault
        assert delivery.calls == 9, f"{fault}: three calls of three tries each, then no more"
        assert "250 of 250 events are still pending" in delivery.story, fault
    pipeline.sandbox.set_faults([])
    assert pipeline.publish().accepted == 250


@pytest.mark.parametrize("fault", ["500*2", "429*2:retry-after=0", "drop-after-store*2", "truncate*2", "401*1"])
def test_passing_faults_are_tried_again(pipeline: Pipeline, fault: str) -> None:
    """A fault that passes within the tries of a call is nobody's business."""
    pipeline.sandbox.set_faults([fault])
    delivery = pipeline.publish(concurrency=1)
    assert (delivery.accepted, delivery.problem) == (250, None)


def test_attempts_are_counted(pipeline: Pipeline) -> None:
    """Each event tells how often it was sent, over calls and runs."""
    pipeline.sandbox.set_faults(["500"])
    pipeline.publish(batch_size=100, concurrency=1)
    pipeline.sandbox.set_faults(["500*1"])
    pipeline.publish(batch_size=100, concurrency=1)
    assert pipeline.ask("select attempts, count(*) from presence group by 1 order by 1") == [(4, 150), (5, 100)]


def test_rejected_events_keep_code_and_words(pipeline: Pipeline) -> None:
    """Codes 1, 2 and any other become our reasons; the other events of the call are accepted."""
    pipeline.sandbox.set_faults(["code=1*1", "code=2*1", "code=3*1"])
    delivery = pipeline.publish()
    assert (delivery.accepted, delivery.rejected) == (247, 3)
    assert pipeline.ask(
        "select result_code, reason, stage, raw is not null, detail is not null"
        " from rejections join presence using (row_id) where presence.outcome = 'rejected' order by 1"
    ) == [
        (1, "calven_user_not_found", "calven", True, True),
        (2, "calven_location_not_found", "calven", True, True),
        (3, "calven_rejected", "calven", True, True),
    ]


def test_one_poison_event_is_found(pipeline: Pipeline) -> None:
    """A call refused for one event is halved: that event is rejected with Calven's words, all others are loaded."""
    pipeline.sandbox.set_faults(["poison=event-77"])
    delivery = pipeline.publish()
    assert (delivery.accepted, delivery.rejected, delivery.waiting) == (249, 1, 0)
    assert delivery.calls <= 3 + 2 * 7
    ((event_id, reason, detail, raw, trace),) = pipeline.ask(
        "select event_id, reason, detail, raw, correlation_id from rejections"
    )
    assert trace not in dict(pipeline.ask("select correlation_id, status from calls where status = 200"))
    assert (event_id, reason) == ("event-77", "calven_bad_format")
    assert detail
    assert "event-77" in raw
    assert "event-77" not in {event["eventId"] for event in pipeline.sandbox.accepted()}


@pytest.fixture(params=["one journal", "a journal for each note"])
def journals(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker may fold the journal between any two notes of a call: what they tell must not depend on it."""
    write = Journal.write

    def write_and_close(journal: Journal, note: Note) -> None:
        write(journal, note)
        journal.close()

    if request.param != "one journal":
        monkeypatch.setattr(Journal, "write", write_and_close)


@pytest.mark.usefixtures("journals")
def test_tries_of_a_call_in_parts_are_counted_for_each_event(pipeline: Pipeline) -> None:
    """Of four events with one at fault: it and its neighbour are sent three times, the other half twice; five calls."""
    pipeline.sandbox.set_faults(["poison=event-77"])
    delivery = pipeline.publish(batch_size=4, concurrency=1)
    assert (delivery.accepted, delivery.rejected) == (249, 1)
    assert pipeline.ask("select attempts, count(*) from presence group by 1 order by 1") == [(1, 246), (2, 2), (3, 2)]
    assert pipeline.ask("select attempts from presence where event_id = 'event-77'") == [(3,)]
    with pipeline.database() as database:
        tries = database.connection.sql("select attempts, count(*) from calls group by 1 order by 1").fetchall()
    assert tries == [(1, 62), (5, 1)]


@pytest.mark.usefixtures("journals")
def test_tries_of_a_call_in_parts_are_counted_where_it_fails(pipeline: Pipeline) -> None:
    """Refused as a whole, then the first half unavailable: its two events were sent four times, and wait."""
    pipeline.export("four.csv", 4, first=1000)
    pipeline.publish()
    pipeline.judge()
    pipeline.sandbox.set_faults(["400*1", "500*3:from=2"])
    delivery = pipeline.publish(batch_size=4, concurrency=1)
    assert (delivery.accepted, delivery.waiting) == (2, 2)
    with pipeline.database() as database:
        assert database.connection.sql("select attempts from outbox").fetchall() == [(4,), (4,)]
        calls = database.connection.sql(
            "select attempts, status, problem is null from calls order by call_id desc limit 1"
        )
        assert calls.fetchall() == [(5, 200, False)]


def test_when_every_call_is_refused_we_stop(pipeline: Pipeline) -> None:
    """It is us, not the data: few calls, nothing rejected, everything pending."""
    pipeline.sandbox.set_faults(["400"])
    delivery = pipeline.publish()
    assert isinstance(delivery.problem, RefusedCallError)
    assert delivery.calls < 40
    assert (delivery.rejected, delivery.waiting) == (0, 250)
    assert "Every call has failed since" in delivery.story
    with pipeline.database() as database:
        told = database.connection.sql("select distinct problem from calls").fetchall()
    assert told == [("Calven refused the call itself with a 4xx other than 401, 403, 408 and 429",)]


@pytest.mark.parametrize("concurrency", [1, 8, 40])
def test_however_many_calls_are_refused_we_stop_soon(pipeline: Pipeline, concurrency: int) -> None:
    """Of 125 calls only so many are tried: it is us, not the data."""
    pipeline.sandbox.set_faults(["400"])
    delivery = pipeline.publish(batch_size=2, concurrency=concurrency)
    assert isinstance(delivery.problem, RefusedCallError)
    assert delivery.calls <= 3 * max(20, concurrency) + 20 + concurrency
    assert (delivery.rejected, delivery.waiting) == (0, 250)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_events_at_fault_in_every_call_are_found(pipeline: Pipeline, concurrency: int) -> None:
    """The first event of each of ten calls: each is found, and the others are loaded, in one run."""
    pipeline.sandbox.set_faults([f"poison=event-{n}" for n in range(0, 250, 25)])
    delivery = pipeline.publish(batch_size=25, concurrency=concurrency)
    assert delivery.problem is None
    assert (delivery.accepted, delivery.rejected, delivery.waiting) == (240, 10, 0)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(2, 6))])
def test_events_at_fault_at_random_are_found(pipeline: Pipeline, seed: int) -> None:
    """One in ten of a thousand, in one run."""
    pipeline.publish()
    pipeline.export("odd.csv", 1000, first=1000)
    pipeline.judge()
    bad = random.Random(seed).sample(range(1000, 2000), 100)
    pipeline.sandbox.set_faults([f"poison=event-{n}" for n in bad])
    delivery = pipeline.publish()
    assert (delivery.accepted, delivery.rejected, delivery.waiting, delivery.problem) == (900, 100, 0, None)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_call_that_is_at_fault_throughout_holds_up_no_other(pipeline: Pipeline, concurrency: int) -> None:
    """All of the first call is refused: the others are loaded at once, and each run finds more of those at fault."""
    pipeline.publish()
    pipeline.export("odd.csv", 100, first=1000)
    pipeline.export("rest.csv", 100, first=500)
    pipeline.judge()
    pipeline.sandbox.set_faults(["poison=event-10"])
    delivery = pipeline.publish(concurrency=concurrency)
    assert delivery.accepted == 100
    found = delivery.rejected
    assert found > 0
    for n in range(3):
        pipeline.export(f"rest-{n}.csv", 1, first=700 + n)
        pipeline.judge()
        delivery = pipeline.publish(concurrency=concurrency)
        assert delivery.accepted == 1
        assert delivery.rejected > 0
        found += delivery.rejected
    assert found + delivery.waiting == 100


def test_an_interrupted_call_counts_as_sent(pipeline: Pipeline) -> None:
    """Ctrl-C while Calven has stored what it has not answered: those events are known as sent, the planned ones are not."""
    pipeline.sandbox.set_faults(["slow-drip=2s"])
    interrupt = threading.Thread(target=interrupt_when_stored, args=(pipeline, 20))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        pipeline.publish(batch_size=10, concurrency=2)
    interrupt.join()
    with pipeline.database() as database:
        tries = database.connection.sql("select attempts, call_id, count(*) from outbox group by all order by 1")
        assert tries.fetchall() == [(0, None, 230), (1, None, 20)]


def interrupt_when_stored(pipeline: Pipeline, events: int) -> None:
    """As Ctrl-C does."""
    until = time.monotonic() + 20
    while len(pipeline.sandbox.accepted()) < events and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)


def test_an_answer_that_cannot_be_kept_counts_as_sent(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: the events of that call are known as sent, and the run says what happened."""

    def refuse(journal: Journal, note: Note) -> None:
        raise WorkingDatabaseError("No space is left.")

    with monkeypatch.context() as full:
        full.setattr(Journal, "write", refuse)
        assert isinstance(pipeline.publish(batch_size=10, concurrency=1).problem, WorkingDatabaseError)
    with pipeline.database() as database:
        tries = database.connection.sql("select attempts, count(*) from outbox group by all order by 1")
        assert tries.fetchall() == [(0, 240), (1, 10)]


def test_a_handful_that_is_refused_throughout_is_not_their_fault(pipeline: Pipeline) -> None:
    """Each of five events is refused alone too, and nothing was loaded: they wait. Once a call is loaded, they are at fault."""
    pipeline.publish()
    pipeline.export("odd.csv", 5, first=1000)
    pipeline.judge()
    pipeline.sandbox.set_faults(["poison=event-100"])
    delivery = pipeline.publish()
    assert isinstance(delivery.problem, RefusedCallError)
    assert (delivery.rejected, delivery.waiting, delivery.calls) == (0, 5, 9)
    assert delivery.failing_since is not None
    pipeline.export("good.csv", 1, first=500)
    pipeline.judge()
    delivery = pipeline.publish(batch_size=5)
    assert (delivery.accepted, delivery.rejected, delivery.waiting) == (1, 5, 0)


def test_a_source_that_is_refused_throughout_keeps_no_other_waiting(pipeline: Pipeline) -> None:
    """The first run meets nothing but refused calls and stops; the next one begins with what was never tried."""
    pipeline.publish()
    pipeline.export("bad.csv", 100, first=7000)
    pipeline.export("good.csv", 10, first=500)
    pipeline.judge()
    pipeline.sandbox.set_faults(["poison=event-70"])
    assert pipeline.publish(batch_size=2, concurrency=1).accepted == 0
    assert pipeline.publish(batch_size=2, concurrency=1).accepted == 0
    assert pipeline.publish(batch_size=2, concurrency=1).accepted == 10


def test_an_event_that_is_refused_alone_is_at_fault(pipeline: Pipeline) -> None:
    """One event that nobody else waits with must not fail every run from now on."""
    pipeline.publish()
    pipeline.export("odd.csv", 1, first=1000)
    pipeline.judge()
    pipeline.sandbox.set_faults(["poison=event-1000"])
    assert pipeline.publish().rejected == 1


def test_how_a_refused_call_was_taken_apart_is_told(pipeline: Pipeline) -> None:
    """The run's log says what finding the events at fault has cost: of 64, the same wherever the event stands."""
    told: list[str] = []
    pipeline.sandbox.set_faults(["poison=event-77"])
    pipeline.publish(log=told.append, batch_size=64)
    (line,) = [line for line in told if "refused" in line]
    assert line == "a call of 64 events was refused (400) and sent in 13 parts; events at fault: 1"


def test_an_outage_is_told_with_its_beginning(pipeline: Pipeline) -> None:
    """Over several runs, until a call comes through."""
    pipeline.sandbox.set_faults(["503"])
    first, second = pipeline.publish(), pipeline.publish()
    assert first.failing_since is not None
    assert second.failing_since == first.failing_since
    assert f"Every call has failed since {first.failing_since:%Y-%m-%d %H:%M} UTC" in second.story
    assert (second.waiting, second.tried) == (250, 250)
    pipeline.sandbox.set_faults([])
    assert pipeline.publish().failing_since is None


def test_calls_are_on_record_with_what_support_asks_for(pipeline: Pipeline) -> None:
    """Correlation id and status of each, answered or not; an event leads to the call that carried it last."""
    pipeline.sandbox.set_faults(["503*3"])
    pipeline.publish(concurrency=1)
    assert pipeline.ask(
        "select status, problem, count(*) from calls where correlation_id is not null group by all order by 1"
    ) == [
        (200, None, 2),
        (503, "Calven could not be reached, or answered 429 or 5xx until the retries were used up", 1),
    ]
    assert pipeline.ask(
        "select p.outcome, c.status, count(*) from presence p join calls c using (call_id) group by all order by 1"
    ) == [("accepted", 200, 150), ("pending", 503, 100)]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        (
            {"events_api_key": "sandbox-warehouse", "events_api_secret": "sandbox-warehouse-secret"},
            PermissionDeniedError,
        ),
        ({"events_api_key": "nobody", "events_api_secret": "x"}, AuthenticationError),
        ({"api_key": None, "api_secret": None}, MissingKeyError),
    ],
)
def test_a_key_that_cannot_post_stops_the_run_at_once(
    pipeline: Pipeline, settings: dict[str, str], error: type[Exception]
) -> None:
    """One or a few calls, everything pending, and the error says which key."""
    delivery = pipeline.publish(**settings)
    assert isinstance(delivery.problem, error)
    assert delivery.waiting == 250
    assert delivery.calls <= 8
    assert "CALVEN_EVENTS_API_KEY" in str(delivery.problem)


def test_one_call_that_fails_does_not_stop_the_others(pipeline: Pipeline) -> None:
    """The events of the other calls are accepted; the failed ones wait for the next run, and the run says so."""
    pipeline.sandbox.set_faults(["500*3"])
    delivery = pipeline.publish(concurrency=1)
    assert (delivery.accepted, delivery.waiting) == (150, 100)
    assert isinstance(delivery.problem, CalvenUnavailableError)
    assert pipeline.publish().accepted == 100


def test_a_token_that_is_forgotten_is_renewed_once(pipeline: Pipeline) -> None:
    """Mid-run 401s cost a token, not an event."""
    pipeline.sandbox.set_faults(["forget-tokens*1:from=3"])
    assert pipeline.publish(batch_size=10).accepted == 250
    assert pipeline.most_repeats() == 0
