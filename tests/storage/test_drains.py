"""The table of past drains: added once, listed newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flowledger.domain.measures import Measures
from flowledger.domain.records import DrainRecord
from flowledger.storage.ledger.drains import DrainRepository
from flowledger.storage.transactions import unhurried
from flowledger.storage.unit_of_work import Storage

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def drain(number: int, **given: Any) -> DrainRecord:
    at = NOON + timedelta(seconds=number)
    values: dict[str, Any] = {"worker": "w@one", "shards": [1, 3], "recorded": 2, "repeated": 0, "dead": 0, "why": None}
    whole: dict[str, Any] = (
        {"id": f"drain-{number}", "started_at": at, "ended_at": at + timedelta(seconds=0.5)} | values | given
    )
    return DrainRecord(**whole, measures=Measures().to_json())


def add(storage: Storage, *drains: DrainRecord) -> None:
    with unhurried(storage) as connection:
        DrainRepository(connection).add(drains)


def newest(storage: Storage, **of: Any) -> list[str]:
    with storage.reading() as connection:
        return [found.id for found in DrainRepository(connection).newest(**of).items]


def test_a_drain_is_there_as_it_was_added_and_once(storage: Storage) -> None:
    added = drain(1, why="the database is away\0")
    add(storage, added)
    add(storage, drain(1, recorded=9), drain(2))
    with storage.reading() as connection:
        found = DrainRepository(connection).get("drain-1")
        assert DrainRepository(connection).get("drain-3") is None
    assert found is not None
    assert (found.recorded, found.shards, found.ended_at) == (2, [1, 3], added.ended_at)
    assert found.why == "the database is away\ufffd"
    assert newest(storage) == ["drain-2", "drain-1"]


def test_drains_are_narrowed_by_worker_by_what_they_buried_and_by_why(storage: Storage) -> None:
    add(storage, drain(1), drain(2, worker="w@two"), drain(3, dead=1), drain(4, why="the broker"))
    assert newest(storage, worker="w@two") == ["drain-2"]
    assert newest(storage, dead=True) == ["drain-3"]
    assert newest(storage, waited=True) == ["drain-4"]
    assert newest(storage, waited=True, worker="w@two") == []
    assert newest(storage, since=NOON + timedelta(seconds=2), until=NOON + timedelta(seconds=4)) == [
        "drain-3",
        "drain-2",
    ]


def test_pages_follow_each_other_while_drains_are_added(storage: Storage) -> None:
    add(storage, *map(drain, range(5)))
    with storage.reading() as connection:
        first = DrainRepository(connection).newest(limit=2)
    add(storage, drain(9))
    with storage.reading() as connection:
        second = DrainRepository(connection).newest(limit=3, after=first.cursor)
    assert [found.id for found in (*first.items, *second.items)] == [f"drain-{number}" for number in (4, 3, 2, 1, 0)]
    assert second.cursor is None
