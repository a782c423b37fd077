"""Totals in memory are those of the tables, whatever commits when."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select, text

from flowledger.domain.measures import Measures
from flowledger.storage import tables
from flowledger.storage.ledger.drains import DrainRepository
from flowledger.storage.ledger.marks import went_back
from flowledger.storage.ledger.totals import DrainTotals, EventTotals, StillCounting
from flowledger.storage.transactions import unhurried
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.storage.recording import record
from tests.storage.test_drains import drain


def counted(storage: Storage) -> dict[str, int]:
    columns = tables.events.c
    with storage.reading() as connection:
        rows = connection.execute(select(columns.type, func.count()).group_by(columns.type))
        return {row[0]: row[1] for row in rows}


def test_totals_of_events_are_those_of_the_journal_while_many_record(storage: Storage) -> None:
    record(storage, raw("task.created"), raw("task.started"), raw("task.created"))
    totals = EventTotals(storage)
    assert totals.look() == {"task.created": 2, "task.started": 1}

    def run(worker: int) -> None:
        for number in range(20):
            kind = ("task.logged", "task.created")[number % 2]
            record(storage, *(raw(kind, id=f"{worker}-{number}-{place}") for place in range(3)), start=number + 1)

    threads = [threading.Thread(target=run, args=(worker,), daemon=True) for worker in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        totals.look()
    assert totals.look() == counted(storage) == {"task.created": 92, "task.started": 1, "task.logged": 90}


def test_only_new_rows_are_read_and_what_expired_stays_counted(storage: Storage) -> None:
    record(storage, raw("task.created", id="1"), raw("task.started", id="2"))
    totals = EventTotals(storage)
    totals.look()
    with storage.writing() as connection:
        connection.execute(delete(tables.events).where(tables.events.c.id == "1"))
    record(storage, raw("task.created", id="3"), start=9)
    assert totals.look() == {"task.created": 2, "task.started": 1}


def test_a_database_in_an_earlier_state_is_counted_anew() -> None:
    assert went_back("100:105:101", "90:104:")
    assert not went_back("100:105:101", "101:105:")
    assert went_back(7, 6)


def test_whoever_finds_a_long_count_under_way_need_not_wait_for_it(storage: Storage) -> None:
    totals = EventTotals(storage)
    with totals.turn(0), pytest.raises(StillCounting):
        totals.look(0.01)
    assert totals.look(0.01) == {}


def test_the_sums_of_drains_are_those_of_their_rows(storage: Storage) -> None:
    totals = DrainTotals(storage)
    assert totals.look().measures == Measures()
    true, entries = Measures(), Counter[str]()
    for number in range(6):
        one = Measures()
        for measures in (one, true):
            measures.latency_seconds.add([0.003 * number, 2.0, 99_999.0])
            measures.batch_entries.add([3])
        row = drain(number, recorded=number, repeated=2, dead=1)
        entries.update(recorded=number, repeated=2, dead=1)
        with unhurried(storage) as connection:
            DrainRepository(connection).add([replace(row, measures=one.to_json())])
        if number % 2:
            totals.look()
    sums = totals.look()
    assert sums.entries == entries
    assert sums.measures.latency_seconds.counts == true.latency_seconds.counts
    assert sums.measures.latency_seconds.sum == pytest.approx(true.latency_seconds.sum)
    assert sums.measures.batch_entries == true.batch_entries
    assert DrainTotals(storage).look().measures.latency_seconds.counts == sums.measures.latency_seconds.counts


def test_a_drain_that_is_committed_late_is_counted_once(postgresql_storage: Storage) -> None:
    totals = DrainTotals(postgresql_storage)
    with unhurried(postgresql_storage) as slow:
        DrainRepository(slow).add([drain(1)])
        with unhurried(postgresql_storage) as quick:
            DrainRepository(quick).add([drain(2)])
        assert totals.look().entries["recorded"] == 2
    assert totals.look().entries["recorded"] == 4
    assert totals.look().entries["recorded"] == 4


def test_new_drains_are_found_by_an_index(postgresql_storage: Storage) -> None:
    fill = (
        "INSERT INTO drains (id, worker, started_at, ended_at, shards, recorded, repeated, dead, measures)"
        " SELECT n, 'w', now(), now(), '[]', 1, 0, 0, '{}' FROM generate_series(1, 20000) n"
    )
    with postgresql_storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(fill))
        connection.execute(text("VACUUM ANALYZE drains"))
    totals = DrainTotals(postgresql_storage)
    assert totals.look().entries["recorded"] == 20_000
    for statement in totals._growth._statements("postgresql", is_all=False):
        compiled = statement.compile(postgresql_storage.engine, compile_kwargs={"literal_binds": True})
        with postgresql_storage.engine.connect() as connection:
            explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}").scalar_one()
        assert "ix_drains_recorded_in" in str(explained)
