"""Texts stand in a table of their own: names stay when they go, and their partitions are there when they are needed."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text

from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.events import AuditLogged
from flowledger.domain.times import now
from flowledger.storage import recording, tables
from flowledger.storage.ledger.event_texts import texts
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.schema.partitions import AHEAD_WEEKS, make_partitions
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import recorder
from flowledger.workers.partitions import make_ahead
from tests.builders import raw
from tests.storage.recording import by_hand, count, dead_letters, differences, record, without_text

_PARTITIONS = text(
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'event_texts'::regclass ORDER BY 1"
)


def partitions(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return list(connection.execute(_PARTITIONS).scalars())


def without_partitions(storage: Storage) -> None:
    """Nobody made partitions ahead."""
    by_hand(storage, *(text(f"DROP TABLE {name}") for name in partitions(storage)))


def test_a_repeated_event_is_told_from_another_one_when_its_text_is_gone(storage: Storage) -> None:
    first, again = raw("task.completed", id="1", output=1.0), raw("task.completed", id="1", output=1)
    record(storage, first, raw("task.created", id="2"))
    by_hand(storage, without_text("1"))
    outcome = record(storage, again, raw("task.completed", id="1", output=2), start=10)
    assert (outcome.recorded, outcome.repeated, outcome.dead) == (0, 1, 1)
    assert [letter.reason for letter in dead_letters(storage)] == ["conflict"]
    with storage.reading() as connection:
        journal = JournalRepository(connection)
        found = journal.get("/tests", "1"), journal.get("/tests", "2")
        told = journal.texts([("/tests", "1"), ("/tests", "2"), ("/tests", "3")])
    assert [one is not None and one.raw is None for one in found] == [True, False]
    assert told == {("/tests", "1"): None, ("/tests", "2"): raw("task.created", id="2").decode()}


def test_the_partitions_of_the_coming_weeks_are_there_from_the_beginning(postgresql_storage: Storage) -> None:
    assert len(partitions(postgresql_storage)) == AHEAD_WEEKS
    make_ahead(postgresql_storage)
    assert len(partitions(postgresql_storage)) == AHEAD_WEEKS


def test_a_missing_partition_is_made_while_its_batch_waits(
    postgresql_storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    events = [raw("task.created", subject=f"t{place}", id=str(place)) for place in range(20)]
    record(postgresql_storage, *events[:10])
    without_partitions(postgresql_storage)
    outcome = record(postgresql_storage, *events, start=100)
    assert (outcome.recorded, outcome.repeated, outcome.dead) == (10, 10, 0)
    assert len(partitions(postgresql_storage)) == 1
    (said,) = [one.message for one in caplog.records if one.levelno >= logging.WARNING]
    assert said == 'no partition of relation "event_texts" found for row: 1 were made while the batch waited'
    assert count(postgresql_storage, "event_texts") == 10


@pytest.mark.parametrize("year", [1970, 2025, 2099, 9998])
def test_a_wrong_clock_does_no_harm(postgresql_storage: Storage, monkeypatch: pytest.MonkeyPatch, year: int) -> None:
    monkeypatch.setattr(recorder, "now", lambda: datetime(year, 3, 2, 23, 59, 59, 999_999, tzinfo=UTC))
    lines = [raw("task.logged"), raw("execution.logged"), raw("metric.recorded"), raw("audit.logged")]
    assert record(postgresql_storage, raw("task.created"), *lines).recorded == 5
    monkeypatch.undo()
    assert record(postgresql_storage, raw("task.started"), start=10).recorded == 1
    assert dead_letters(postgresql_storage) == []
    assert differences(postgresql_storage) == []
    assert len(partitions(postgresql_storage)) == AHEAD_WEEKS + 1


def test_many_may_make_partitions_at_once_while_others_record(postgresql_storage: Storage) -> None:
    without_partitions(postgresql_storage)
    failed: list[BaseException] = []

    def do(work: Any) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    works = [lambda: make_ahead(postgresql_storage)] * 3 + [
        lambda place=place: record(postgresql_storage, raw("task.created", id=str(place)), start=place)
        for place in range(1, 4)
    ]
    threads = [threading.Thread(target=do, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert len(partitions(postgresql_storage)) == AHEAD_WEEKS
    assert count(postgresql_storage, "event_texts") == count(postgresql_storage, "events") == 3


def test_a_maker_that_is_killed_leaves_nothing_half_done(postgresql_storage: Storage) -> None:
    without_partitions(postgresql_storage)
    with postgresql_storage.engine.connect() as connection:
        assert make_partitions(connection, now(), 2) == 2
        connection.rollback()
    assert partitions(postgresql_storage) == []
    assert record(postgresql_storage, raw("task.created")).recorded == 1


def test_a_partition_that_was_detached_is_attached_again_with_its_texts(postgresql_storage: Storage) -> None:
    record(postgresql_storage, raw("task.created", id="1"))
    (first, *_) = partitions(postgresql_storage)
    by_hand(postgresql_storage, text(f"ALTER TABLE event_texts DETACH PARTITION {first}"))
    record(postgresql_storage, raw("task.created", id="2"), start=10)
    assert count(postgresql_storage, "event_texts") == 2


def test_an_event_of_an_open_transaction_gets_its_partition(postgresql_storage: Storage) -> None:
    without_partitions(postgresql_storage)
    line = Envelope.of(AuditLogged(action="user.sign_in"), source="/flowledger", subject="u1")
    with postgresql_storage.writing() as connection:
        assert recording.record(connection, line)
        assert not recording.record(connection, line)
    assert count(postgresql_storage, "event_texts") == count(postgresql_storage, "audit_logs") == 1


def test_a_partition_that_cannot_be_made_lets_events_wait(postgresql_storage: Storage) -> None:
    without_partitions(postgresql_storage)
    by_hand(postgresql_storage, text("DROP FUNCTION ledger_make_partitions"))
    with pytest.raises(DatabaseUnavailable, match="found for row, and it cannot be made"):
        record(postgresql_storage, raw("task.created"))
    assert count(postgresql_storage, "events") == count(postgresql_storage, "dead_letters") == 0


def test_a_look_up_opens_the_partitions_in_question_alone(postgresql_storage: Storage) -> None:
    record(postgresql_storage, raw("task.created"), raw("task.started"))
    with postgresql_storage.writing() as connection:
        make_partitions(connection, now(), 60)
    events = tables.events.c
    locked = text(
        "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation::regclass::text ~ '_[0-9]{8}$'"
    )
    with postgresql_storage.reading() as connection:
        keys = [tuple(row) for row in connection.execute(select(events.recorded_at, events.meaning))]
        assert len(texts(connection, keys)) == 2
        assert connection.execute(locked).scalar_one() == 1
