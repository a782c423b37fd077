"""Sizes of the ledger's parts, from the catalogue, and their samples of each hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from flowledger.domain.keeping import KEPT
from flowledger.storage.retention import sizes
from flowledger.storage.retention.sizes import ALL, OTHERS, PARTS, SLOTS, Size
from flowledger.storage.schema.columns import metadata
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.storage.recording import record

AT = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def keep(storage: Storage, at: datetime, **parts: int) -> None:
    with storage.writing() as connection:
        sizes.keep(connection, {part: Size(size, None) for part, size in parts.items()}, at)


def grown(storage: Storage, over: timedelta, **parts: int) -> dict[str, float]:
    with storage.reading() as connection:
        known = sizes.samples(connection, AT - timedelta(days=8))
    return sizes.bytes_a_day(known, {part: Size(size, None) for part, size in parts.items()}, AT, over)


def test_every_part_has_a_size_and_they_are_all(postgresql_storage: Storage) -> None:
    record(postgresql_storage, *(raw("task.created", subject=f"t{number}") for number in range(50)))
    with postgresql_storage.reading() as connection:
        whole = connection.execute(text("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
                                        " AND relnamespace = 'public'::regnamespace")).scalar_one()  # fmt: skip
        found = sizes.measure(connection)
    assert set(found.parts) == {*PARTS.values(), OTHERS}
    assert sum(part.bytes for part in found.parts.values()) == whole
    assert set(PARTS.values()) <= set(KEPT)
    assert set(PARTS) <= set(metadata.tables)


def test_rows_are_about_right_before_any_analysis_and_after_it(postgresql_storage: Storage) -> None:
    record(postgresql_storage, *(raw("task.created", subject=f"t{number}") for number in range(50)))
    with postgresql_storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE events"))
        connection.execute(text("ANALYZE event_texts"))
        found = sizes.measure(connection)
    assert (found.parts["names"].rows, found.parts["texts"].rows) == (50, 50)


def test_weeks_are_the_attached_partitions(postgresql_storage: Storage) -> None:
    with postgresql_storage.writing() as connection:
        connection.execute(text("CREATE TABLE somebodys PARTITION OF event_texts DEFAULT"))
        before = sizes.measure(connection)
        texts = before.weeks["texts"]
        assert {name: len(weeks) for name, weeks in before.weeks.items()} == dict.fromkeys(before.weeks, 5)
        connection.execute(text(f"ALTER TABLE event_texts DETACH PARTITION event_texts_{texts[1]:%Y%m%d}"))
        after = sizes.measure(connection)
    assert after.weeks["texts"] == [texts[0], *texts[2:]]
    assert all(monday.weekday() == 0 for monday in texts)
    assert after.parts["texts"].bytes == before.parts["texts"].bytes  # what is detached takes room as well


def test_of_a_sqlite_file_the_whole_is_known(sqlite_url: str, storage: Storage) -> None:
    if storage.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite")
    with storage.reading() as connection:
        before = sizes.measure(connection)
    record(storage, *(raw("task.created", subject=f"t{number}") for number in range(200)))
    with storage.reading() as connection:
        after = sizes.measure(connection)
    assert ([*after.parts], after.weeks) == ([ALL], {})
    assert after.parts[ALL].bytes > before.parts[ALL].bytes > 100_000


def test_a_sample_is_kept_once_an_hour_and_for_a_week(storage: Storage) -> None:
    keep(storage, AT, texts=1)
    keep(storage, AT + timedelta(minutes=20), texts=2)
    keep(storage, AT + HOUR, texts=3)
    with storage.reading() as connection:
        assert [(one.at, one.bytes) for one in sizes.samples(connection, AT)] == [(AT, 1), (AT + HOUR, 3)]
        assert len(sizes.samples(connection, AT + HOUR)) == 1
    keep(storage, AT + SLOTS * HOUR, texts=4)
    with storage.reading() as connection:
        assert [one.bytes for one in sizes.samples(connection, AT)] == [3, 4]
        assert connection.execute(select(func.count()).select_from(sizes.TABLE)).scalar_one() == 2


def test_growth_is_of_the_time_that_is_known(storage: Storage) -> None:
    assert grown(storage, timedelta(days=1), texts=100) == {}
    keep(storage, AT - timedelta(minutes=50), texts=10)
    assert grown(storage, timedelta(days=1), texts=100) == {}
    keep(storage, AT - 6 * HOUR, texts=40, rows=7)
    assert grown(storage, timedelta(days=1), texts=100) == {"texts": 240.0}
    keep(storage, AT - 48 * HOUR, texts=300)
    assert grown(storage, timedelta(days=1), texts=100) == {"texts": 240.0}
    assert grown(storage, timedelta(days=7), texts=100) == {"texts": -100.0}
