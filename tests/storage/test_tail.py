"""The tail of the journal: each event once, none missed, whatever commits when."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from flowledger.storage import tables
from flowledger.storage.ledger.tail import Tail, Wanted
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import raw
from tests.storage.recording import record

ALL = Wanted()


def seen(tail: Tail) -> list[str]:
    return [event.id for event in tail.look()]


def started(storage: Storage, wanted: Wanted = ALL) -> Tail:
    """A tail that has looked once, so that it gives what comes from now on."""
    tail = Tail(storage, wanted)
    assert seen(tail) == []
    return tail


def row(event_id: str, recorded_at: datetime) -> Any:
    return insert(tables.events).values(
        source="/s", id=event_id, type="t", subject="x", partition=0, meaning=event_id.encode(), recorded_at=recorded_at
    )


def test_what_is_recorded_is_seen_once_and_in_order(storage: Storage) -> None:
    record(storage, raw("task.created", id="before"))
    tail = started(storage)
    record(storage, *(raw("task.created", id=str(number)) for number in range(10)))
    assert seen(tail) == [str(number) for number in range(10)]
    assert seen(tail) == []
    record(storage, raw("task.created", id="3"), raw("task.created", id="new"), start=20)
    assert seen(tail) == ["new"]


def test_what_is_committed_late_or_by_a_slow_clock_is_seen_all_the_same(postgresql_storage: Storage) -> None:
    tail = started(postgresql_storage)
    engine = postgresql_storage.engine
    with engine.connect() as slow, engine.connect() as quick:
        slow.execute(row("slow", datetime.now(UTC) - timedelta(hours=1)))
        quick.execute(row("quick", datetime.now(UTC) + timedelta(hours=1)))
        assert seen(tail) == []
        quick.commit()
        assert seen(tail) == ["quick"]
        assert seen(tail) == []
        slow.commit()
        assert seen(tail) == ["slow"]
        assert seen(tail) == []


def test_each_event_is_seen_once_while_many_record(storage: Storage) -> None:
    tail = started(storage)

    def run(worker: int) -> None:
        for number in range(40):
            record(
                storage, *(raw("task.logged", id=f"{worker}-{number}-{place}") for place in range(3)), start=number + 1
            )

    threads = [threading.Thread(target=run, args=(worker,), daemon=True) for worker in range(3)]
    for thread in threads:
        thread.start()
    found: list[str] = []
    while any(thread.is_alive() for thread in threads):
        found += seen(tail)
    found += seen(tail)
    assert sorted(found) == sorted(f"{w}-{n}-{p}" for w in range(3) for n in range(40) for p in range(3))


def test_since_begins_with_what_was_recorded_from_then_on(storage: Storage) -> None:
    now = datetime.now(UTC)
    with storage.engine.begin() as connection:
        for minutes in (30, 20, 10):
            connection.execute(row(f"{minutes} minutes ago", now - timedelta(minutes=minutes)))
    tail = Tail(storage, ALL, since=now - timedelta(minutes=25))
    assert seen(tail) == ["20 minutes ago", "10 minutes ago"]
    assert seen(tail) == []
    record(storage, raw("task.created", id="now"))
    assert seen(tail) == ["now"]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(types=["task.created"]), ["1"]),
        (Wanted(types=["task.*", "execution.logged"]), ["1", "2", "4"]),
        (Wanted(types=["task_*", "%"]), []),
        (Wanted(sources=["/b"]), ["3"]),
        (Wanted(subjects=["task_1"], sources=["/tests"], types=["*"]), ["1", "2"]),
    ],
)
def test_only_what_is_wanted_is_seen(storage: Storage, wanted: Wanted, ids: list[str]) -> None:
    tail = started(storage, wanted)
    record(
        storage,
        raw("task.created", id="1"),
        raw("task.started", id="2"),
        raw("execution.created", id="3", source="/b"),
        raw("execution.logged", id="4"),
    )
    assert seen(tail) == ids


def test_a_row_of_the_journal_that_is_mended_is_not_new(storage: Storage) -> None:
    record(storage, raw("task.created", id="1"))
    tail = started(storage)
    with storage.engine.begin() as connection:
        connection.execute(update(tables.events).values(type="wrong"))
    assert verify(storage, mend=True).is_well
    assert seen(tail) == []


def test_a_restored_journal_is_not_new(postgresql_storage: Storage) -> None:
    record(postgresql_storage, raw("task.created", id="1"), raw("task.created", id="2"))
    with postgresql_storage.engine.begin() as connection:
        connection.execute(text("UPDATE events SET recorded_in = recorded_in + 4"))
    tail = started(postgresql_storage)
    record(postgresql_storage, *(raw("task.created", id=f"new {number}") for number in range(10)))
    assert seen(tail) == [f"new {number}" for number in range(10)]


def test_a_look_that_is_broken_off_is_done_again(storage: Storage) -> None:
    tail = started(storage)
    record(storage, raw("task.created", id="1"), raw("task.created", id="2"))
    broken = tail.look()
    next(broken)
    broken.close()
    assert seen(tail) == ["1", "2"]


def test_a_look_reads_no_whole_journal(postgresql_storage: Storage) -> None:
    fill = (
        "INSERT INTO events (source, id, type, subject, partition, meaning, recorded_at)"
        " SELECT 's', n, 't', 'x', 0, decode(md5(n::text), 'hex'), now() FROM generate_series(1, 20000) n"
    )
    with postgresql_storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(fill))
        connection.execute(text("VACUUM ANALYZE events"))
    tail = started(postgresql_storage)
    record(postgresql_storage, raw("task.created", id="new"))
    explained: list[Any] = []
    with postgresql_storage.engine.connect() as connection:
        statement = tail.statement("postgresql")
        compiled = statement.compile(postgresql_storage.engine, compile_kwargs={"literal_binds": True})
        explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}").scalar_one()
    assert "ix_events_recorded_in" in str(explained)
    assert seen(tail) == ["new"]
