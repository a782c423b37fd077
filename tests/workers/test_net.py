"""Whatever one entry does, it is recorded or buried, and the others go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import event, text

from flowledger.domain import streams
from flowledger.domain.envelope import Event, parse
from flowledger.domain.errors import DatabaseFailed
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.engines.pipeline import Flushed, Transaction, Unrecordable
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import burial, recorder
from flowledger.workers.entries import MOST_DEATHS
from tests.builders import raw
from tests.shared import findings
from tests.storage.recording import count, dead_letters, differences, record, record_entry
from tests.workers.draining import SHARD, STREAM, add, created, drain


def zero(spaces: str = "") -> bytes:
    return raw("task.completed", id="zero", subject="zero", output="here").replace(
        b'"here"', f"{spaces}0e99999999999999999999".encode()
    )


def test_a_repeated_event_with_an_odd_number_holds_nobody_up(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    add(client, zero(), *created(3), zero(" "), *created(3, "later"))
    result = drain(settings, client, storage)
    assert (result["recorded"], result["repeated"], result["dead"]) == (7, 1, 0)
    assert client.xlen(STREAM) == 0


def test_numbers_that_were_found(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    for line in findings("numbers.jsonl"):
        add(client, line.encode())
    drain(settings, client, storage)
    assert sorted((letter.reason, letter.field) for letter in dead_letters(storage)) == [
        ("conflict", "id"),
        ("not_json", "data.output"),
    ]
    assert client.xlen(STREAM) == 0
    assert differences(storage) == []


def test_a_fault_in_the_comparison_buries_its_event_alone(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that fails is a fault of our own: the one event is buried, and can be replayed."""
    events = [raw("task.started", id=f"e{place}") for place in range(8)]
    record(storage, *events)

    def conflicting(_: JournalRepository, known: Sequence[Event]) -> list[Event]:
        if any(event.id == "e5" for event in known):
            raise ArithmeticError("odd")
        return []

    monkeypatch.setattr(JournalRepository, "conflicting", conflicting)
    outcome = record(storage, *events, start=100)
    assert (outcome.repeated, outcome.dead) == (7, 1)
    (letter,) = dead_letters(storage)
    assert letter.raw == events[5]
    assert "a fault of Flowledger, not of the event: ArithmeticError at test_net.py" in letter.detail


@contextmanager
def refusing(storage: Storage, monkeypatch: pytest.MonkeyPatch, culprit: str, error: Exception) -> Iterator[list[int]]:
    """A pipeline that fails as a whole where a transaction of this subject is in it; how large the failed ones were."""
    run, failed = storage._pipeline.run, list[int]()

    def refuse(transactions: list[Transaction], *rest: Any) -> Flushed:
        if any(one.journal is not None and culprit in one.journal for one in transactions):
            failed.append(len(transactions))
            raise error
        return run(transactions, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(storage._pipeline, "run", refuse)
        yield failed


def test_what_the_database_refuses_is_found_by_halving(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [raw("task.created", subject=f"t{place}") for place in range(64)]
    with refusing(storage, monkeypatch, "t41", Unrecordable("odd")) as failed:
        outcome = record(storage, *events)
    assert failed == [64, 32, 16, 8, 4, 2, 1]
    assert outcome.dead == 1
    assert len(outcome.entries) == 64
    assert count(storage, "tasks") == 63
    assert [letter.detail for letter in dead_letters(storage)] == ["the database refuses it: odd"]


def test_a_fault_of_our_own_at_one_transaction_is_found_by_halving(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refusing(storage, monkeypatch, "t3", TypeError("odd")):
        outcome = record(storage, *(raw("task.created", subject=f"t{place}") for place in range(8)))
    assert (outcome.recorded + outcome.repeated, outcome.dead) == (7, 1)
    assert [letter.detail.partition(":")[0] for letter in dead_letters(storage)] == [
        "a fault of Flowledger, not of the event"
    ]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_error_of_the_database_that_comes_again_and_again_is_one_entrys(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    """A trigger of the operator's own raises at one row: neither a permanent class, nor the database's own state."""
    with storage.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 'odd' THEN "
                "RAISE 'not this one' USING ERRCODE = 'XX000'; END IF; RETURN NEW; END $$"
            )
        )
        connection.execute(text("CREATE TRIGGER odd BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION odd()"))
    try:
        add(client, *created(20), raw("task.created", subject="odd"), *created(20, "later"))
        result = drain(settings, client, storage)
    finally:
        with storage.engine.begin() as connection:
            connection.execute(text("DROP TRIGGER odd ON tasks"))
            connection.execute(text("DROP FUNCTION odd"))
    assert "waiting" not in result
    assert count(storage, "tasks") == 40
    (letter,) = dead_letters(storage)
    assert letter.detail == "the database breaks off at it, again and again: not this one"


@pytest.mark.parametrize(("error", "tries"), [(TypeError("odd"), 2), (DatabaseFailed("odd", "XX000"), 5)])
def test_errors_of_one_kind_are_tried_again_a_few_times_only(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, error: Exception, tries: int
) -> None:
    """A bad release, or a trigger that fails at everything, comes to the fuse at once."""
    with refusing(storage, monkeypatch, "task.created", error) as failed:
        assert record(storage, *(raw("task.created", subject=f"t{place}") for place in range(32))).dead == 32
    assert len(failed) == 63 + 3 * (tries - 1), "a batch of 32 has 63 parts; the first three entries were tried again"


def test_a_dead_letter_of_our_own_fault_can_be_found_by_its_names(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what people look for when the fault is mended, to replay it."""

    def broken(*_: object) -> Transaction:
        raise KeyError("no such column")

    monkeypatch.setattr(recorder, "transaction_of", broken)
    record(storage, raw("task.created", id="a", source="/x", subject="t"), b"rubbish")
    letter, rubbish = dead_letters(storage)
    assert (letter.type, letter.source, letter.event_id, letter.subject) == ("task.created", "/x", "a", "t")
    assert rubbish.source is None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_the_session_cannot_encode_is_kept_in_a_plain_form(settings: Settings, storage: Storage) -> None:
    """The burial would fail for the same text as the event: so it goes without names, its bytes as they came."""
    with Storage(make_engine(settings)) as latin:

        @event.listens_for(latin.engine, "connect")
        def _latin(connection: Any, _record: object) -> None:
            connection.set_client_encoding("LATIN1")

        healthy = [raw("task.created", subject=f"t{place}") for place in range(9)]
        odd = raw("task.created", source="/東京", subject="odd")
        assert record(latin, *healthy[:4], odd, b'"\xe6\x9d\xb1"', *healthy[4:]).dead == 2
    assert count(storage, "tasks") == 9
    letters = {letter.raw: letter for letter in dead_letters(storage)}
    assert letters[odd].source is None
    assert letters[odd].detail.isascii()
    assert "SHA-256" in letters[odd].detail


def test_a_plain_dead_letter_is_bounded(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burial, "_PLAIN_BYTES", 1_000)
    run = storage._pipeline.run
    large = raw("task.created", name="n" * 5_000)

    def refuse(transactions: list[Transaction], *rest: Any) -> Flushed:
        if any(large in write.values or one.journal is not None for one in transactions for write in one.writes):
            raise Unrecordable("odd")
        return run(transactions, *rest)

    monkeypatch.setattr(storage._pipeline, "run", refuse)
    assert record(storage, large).dead == 1
    (letter,) = dead_letters(storage)
    assert letter.raw == large[:1_000]
    assert f"kept in part: {len(large):,} bytes, SHA-256 " in letter.detail


def test_names_and_words_of_dead_letters_are_bounded(storage: Storage) -> None:
    long = "x" * 100_000
    record(storage, raw("task.failed", error={"message": 1}, source=long), raw(long))
    record_entry(storage, long.encode(), b"value", entry_id="9-0")
    letters = dead_letters(storage)
    assert len(letters) == 3
    assert all(len(part or "") < 3_000 for letter in letters for part in (letter.detail, letter.source, letter.field))
    assert all(len(letter.type or "") < 3_000 for letter in letters)


@pytest.mark.parametrize("interruption", [SoftTimeLimitExceeded(), MemoryError()])
def test_one_interruption_buries_nothing(
    settings: Settings,
    client: redis.Redis,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    interruption: Exception,
) -> None:
    add(client, *created(9))

    def interrupt(*_: object) -> None:
        raise interruption

    with monkeypatch.context() as interrupted:
        interrupted.setattr("flowledger.workers.recorder.parse", interrupt)
        assert "interrupted" in drain(settings, client, storage)["waiting"]
    assert client.exists(streams.lease(SHARD)) == 0, "nobody waits for the lease to run out"
    result = drain(settings, client, storage)
    assert (result["recorded"], result["dead"]) == (9, 0)


def test_what_interrupts_drains_again_and_again_is_buried(
    settings: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = raw("task.created", subject="odd")
    add(client, *created(9), odd, *created(9, "later"))
    drains = 0

    def interrupt(body: bytes, *rest: Any) -> Any:
        if body == odd:
            raise MemoryError
        return parse(body, *rest)

    monkeypatch.setattr("flowledger.workers.recorder.parse", interrupt)
    while client.xlen(STREAM):
        drain(settings, client, storage)
        drains += 1
        assert drains < 50
    assert drains > MOST_DEATHS
    assert count(storage, "tasks") == 18
    (letter,) = dead_letters(storage)
    assert letter.raw == odd


def test_a_signal_in_the_middle_of_a_look_buries_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its handler raises: the entry is looked at again."""
    raised = list[str]()

    def once(body: bytes, *rest: Any) -> Any:
        if not raised:
            raised.append("a handler's own")
            raise InterruptedError
        return parse(body, *rest)

    monkeypatch.setattr("flowledger.workers.recorder.parse", once)
    assert record(storage, raw("task.created")).recorded == 1
    assert raised
