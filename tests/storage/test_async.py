"""Look-ups from an event loop: the same records, refusals and errors as without one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, make_url, select, text

from flowledger.domain.errors import DatabaseUnavailable, DatabaseUnfit, InvalidArgument, SettingsError
from flowledger.domain.settings import Settings
from flowledger.storage.async_storage import AsyncReading, AsyncStorage
from flowledger.storage.engines.async_engine import make_async_engine
from flowledger.storage.kinds import MERGED
from flowledger.storage.kinds.executions import ExecutionRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import event, raw
from tests.plans.catalogue import LOOK_UPS
from tests.postgresql import PostgresqlServer
from tests.storage.recording import record
from tests.storage.test_reads import VALUES
from tests.vocabulary import EXAMPLES, FIELDS


def on_loop(url: str, use: Callable[[AsyncStorage], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with AsyncStorage.open(url) as storage:
            return await use(storage)

    return asyncio.run(run())


def read_on_loop(url: str, read: Callable[[Connection], Any]) -> Any:
    async def use(storage: AsyncStorage) -> Any:
        async with storage.reading() as reading:
            return await reading.run(read)

    return on_loop(url, use)


def with_query(url: str, **query: str) -> str:
    return make_url(url).update_query_dict(query).render_as_string(hide_password=False)


def test_all_columns_of_all_kinds_have_the_same_values(storage: Storage, database_url: str) -> None:
    for number, type_ in enumerate(FIELDS):
        whole = {name: EXAMPLES[field.kind] for name, field in FIELDS[type_].items() if name != "broadcast"}
        record(storage, raw(type_, time="2026-01-31T12:00:00.123456Z", **whole), raw(type_), start=number * 2 + 1)
    many = [raw("task.completed", subject=f"v{n}", output=value) for n, value in enumerate(VALUES)]
    times = [
        raw("task.created", subject=f"m{n}", time=at, priority=n * 2**62)
        for n, at in enumerate(("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"))
    ]
    record(storage, *many, *times, start=1000)

    def rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in MERGED
        }

    with storage.reading() as connection:
        wanted = rows(connection)
    assert all(wanted.values())
    found = read_on_loop(database_url, rows)
    assert found == wanted
    assert [[list(map(type, row)) for row in found[name]] for name in found] == [
        [list(map(type, row)) for row in wanted[name]] for name in wanted
    ]


def test_all_look_ups_give_the_same_records(storage: Storage, database_url: str) -> None:
    for number, type_ in enumerate(FIELDS):
        whole = {
            name: "i7" if field.kind == "id" else "n7" if field.kind in ("name", "label") else EXAMPLES[field.kind]
            for name, field in FIELDS[type_].items()
            if name != "broadcast"
        }
        record(storage, raw(type_, subject="i7", time="2026-01-01T01:30:00Z", **whole), start=number + 1)

    def results(connection: Connection) -> dict[str, Any]:
        return {one.name: one.read(connection) for one in LOOK_UPS if one.method != "copy"}

    with storage.reading() as connection:
        wanted = results(connection)
    assert read_on_loop(database_url, results) == wanted
    assert sum(bool(getattr(found, "items", found)) for found in wanted.values()) > len(wanted) / 2


def test_a_transaction_sees_one_connection_and_ends(storage: Storage, database_url: str) -> None:
    record(storage, event("task.created", subject="t"))

    async def use(opened: AsyncStorage) -> None:
        async with opened.reading() as read:
            pages = await asyncio.gather(*(read.run(lambda c: TaskRepository(c).newest()) for _ in range(9)))
            assert {page.items[0].id for page in pages} == {"t"}
            assert opened.engine.pool.checkedout() == 1  # type: ignore[attr-defined]
        assert opened.engine.pool.checkedout() == 0  # type: ignore[attr-defined]

    on_loop(database_url, use)


def test_an_error_of_the_caller_is_the_caller_s(database_url: str) -> None:
    async def use(opened: AsyncStorage) -> None:
        async with opened.reading() as read:
            with pytest.raises(InvalidArgument):
                await read.run(lambda c: TaskRepository(c).newest(status="faild"))
            assert (await read.run(lambda c: TaskRepository(c).newest())).items == ()
        with pytest.raises(FileNotFoundError):
            async with opened.reading():
                raise FileNotFoundError

    on_loop(database_url, use)


def test_an_error_of_the_database_is_told_without_the_statement(database_url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as refused:
        read_on_loop(database_url, lambda c: c.execute(text("SELECT secret_thing FROM tasks")))
    assert "SELECT" not in str(refused.value)


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/x", "sqlite:////nowhere/at/all.db"])
def test_a_database_that_is_not_there_is_unavailable(url: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        read_on_loop(url, lambda c: ExecutionRepository(c).newest())


def test_a_wrong_password_is_not_shown(postgresql_url: str) -> None:
    url = make_url(postgresql_url).set(username="nobody", password="canary-1f2e").render_as_string(hide_password=False)
    with pytest.raises(DatabaseUnavailable) as refused:
        read_on_loop(url, lambda c: ExecutionRepository(c).newest())
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:////x.db?a=b", "postgresql://u@h/d?options=x"])
def test_a_url_is_refused_as_everywhere(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        AsyncStorage.open(url)


def test_a_parameter_that_has_no_effect_is_refused(postgresql_url: str) -> None:
    with pytest.raises(SettingsError, match="channel_binding has no effect"):
        AsyncStorage.open(with_query(postgresql_url, channel_binding="require"))


def test_sessions_are_set_up_as_those_of_workers(postgresql_url: str) -> None:
    url = with_query(
        postgresql_url, options="-c timezone=Europe/Berlin -c statement_timeout=1234ms", application_name="a b"
    )
    names = ("timezone", "row_security", "default_transaction_isolation", "statement_timeout", "application_name")

    def settings(connection: Connection) -> list[str]:
        return [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]

    assert read_on_loop(url, settings) == ["UTC", "off", "read committed", "1234ms", "a b"]
    assert read_on_loop(postgresql_url, settings)[-1] == "flowledger"


def test_a_database_that_cannot_hold_every_text_is_refused(postgresql_server: PostgresqlServer) -> None:
    name = f"{postgresql_server.prefix}_latin"
    with postgresql_server.admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE \"{name}\" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))
    try:
        with pytest.raises(DatabaseUnfit, match="encoding LATIN1"):
            read_on_loop(postgresql_server.url_of(name), lambda c: ExecutionRepository(c).newest())
    finally:
        postgresql_server.drop(name)


def test_a_read_that_is_cancelled_gives_its_connection_back(postgresql_url: str) -> None:
    async def use(opened: AsyncStorage) -> None:
        async def sleep() -> None:
            async with opened.reading() as read:
                await read.run(lambda c: c.execute(text("SELECT pg_sleep(60)")))

        task = asyncio.create_task(sleep())
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active'"
        await _until(opened, asleep, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert opened.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        await _until(
            opened, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active'", 0
        )

    on_loop(postgresql_url, use)


def test_a_server_that_does_not_reply_in_time_is_unavailable(postgresql_url: str) -> None:
    settings = Settings.load(database_url=SecretStr(postgresql_url), answer_timeout_seconds=0.2)

    async def run() -> None:
        async with AsyncStorage(make_async_engine(settings)) as opened:
            began = time.monotonic()
            with pytest.raises(DatabaseUnavailable):
                async with opened.reading() as read:
                    await read.run(lambda c: c.execute(text("SELECT pg_sleep(60)")))
            assert time.monotonic() - began < 30
            async with opened.reading() as read:
                assert await read.run(lambda c: JournalRepository(c).get("s", "1")) is None

    asyncio.run(run())


def test_a_connection_that_the_server_closed_is_replaced(postgresql_url: str) -> None:
    end = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )

    async def use(opened: AsyncStorage) -> None:
        async with opened.reading() as one:
            assert (await one.run(lambda c: TaskRepository(c).newest())).items == ()
        async with AsyncStorage.open(postgresql_url) as other, other.reading() as read:
            await read.run(lambda c: c.execute(end).all())
        async with opened.reading() as again:
            assert (await again.run(lambda c: TaskRepository(c).newest())).items == ()

    on_loop(postgresql_url, use)


def test_a_file_of_sqlite_is_set_up_as_everywhere(sqlite_url: str) -> None:
    def pragmas(connection: Connection) -> list[Any]:
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("foreign_keys", "journal_mode")]

    assert read_on_loop(sqlite_url, pragmas) == [1, "wal"]
    assert Path(make_url(sqlite_url).database or "").exists()


async def _until(storage: AsyncStorage, query: str, wanted: int) -> None:
    async with asyncio.timeout(30):
        while True:
            async with storage.reading() as read:
                if await _counted(read, query) == wanted:
                    return
            await asyncio.sleep(0.02)


async def _counted(read: AsyncReading, query: str) -> int:
    other = f"{query} AND pid <> pg_backend_pid()"
    return int(await read.run(lambda c: c.execute(text(other)).scalar_one()))
