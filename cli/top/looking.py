"""What `flowledger top` asks, each server in a thread of its own: one that hangs delays neither the other nor a key.

Redis and the database are asked each second; a look that took long is followed by a longer pause, so that watching is
never more than a fifth of a server's work. Workers are not asked: they tell by themselves that they live.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import redis
from sqlalchemy.exc import SQLAlchemyError

from flowledger.cli.top.seen import Away, FromChecks, FromDatabase, FromRedis
from flowledger.domain import streams
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine, words
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.tail import Tail, Wanted
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import checks
from flowledger.workers.background import BackgroundThread
from flowledger.workers.connections import connect, impatient
from flowledger.workers.health.alive import alive
from flowledger.workers.status.gather import events_in, of_database, of_redis, warnings_of

_Told = TypeVar("_Told")

_LOOK_SECONDS: Final = 1.0
_CHECK_SECONDS: Final = 15.0
_SHARE: Final = 4
"""A pause is at least this many times as long as the look before it."""
_ANSWER_SECONDS: Final = 3.0
_MOST_BYTES: Final = 2**20
_WINDOW_SECONDS: Final = 10.0
_LETTERS: Final = 50
_BUSY: Final = {streams.POSTMAN: "postman", streams.SCHEDULER: "scheduler"}


class Looker(BackgroundThread, Generic[_Told]):
    """Asks again and again; `told` is the last answer."""

    def __init__(self, name: str, ask: Callable[[], _Told], seconds: float, changed: threading.Event) -> None:
        super().__init__(f"top {name}", self._run, join_seconds=0.0)
        self.name = name
        self.told: _Told | None = None
        self._away: Away | None = None
        self._asked_at: float | None = None
        self._ask = ask
        self._seconds = seconds
        self._changed = changed

    @property
    def away(self) -> Away | None:
        """Why there is no newer answer: the error, or that the server is silent; None if it answers."""
        asked_at = self._asked_at
        if self._away is None and asked_at is not None and time.time() - asked_at > _ANSWER_SECONDS:
            return Away(asked_at, "it is silent")
        return self._away

    def look(self) -> None:
        """Ask once."""
        began = self._asked_at = time.time()
        try:
            self.told = self._ask()
            self._away = None
        except (redis.RedisError, OSError, SQLAlchemyError, LedgerError) as error:
            self._away = Away(began if self._away is None else self._away.since, _words(error))
        finally:
            self._asked_at = None

    def _run(self, stopping: threading.Event) -> None:
        pause = 0.0
        while not stopping.wait(pause):
            began = time.monotonic()
            self.look()
            self._changed.set()
            pause = max(self._seconds, _SHARE * (time.monotonic() - began))


def of_servers(settings: Settings, changed: threading.Event) -> tuple[Looker[Any], ...]:
    """Return what asks Redis, the database, and both for what changes seldom."""
    settings = settings.model_copy(
        update={"connect_timeout_seconds": int(_ANSWER_SECONDS), "pool_size": 2, "pool_max_overflow": 2}
    )
    broker, ledger = _Redis(settings), _Database(settings)
    return (
        Looker("Redis", broker.ask, _LOOK_SECONDS, changed),
        Looker("the database", ledger.ask, _LOOK_SECONDS, changed),
        Looker("checks", lambda: _checked(settings, ledger.storage), _CHECK_SECONDS, changed),
    )


class _Redis:
    """Asks Redis; of the history only the newest periods are read again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = impatient(connect(settings, socket_timeout=_ANSWER_SECONDS, most_bytes=_MOST_BYTES))
        self._periods: dict[int, float] = {}

    def ask(self) -> FromRedis:
        now = of_redis(self._settings, self._client)
        busy = [name for key, name in _BUSY.items() if self._client.exists(key)]
        return FromRedis(now, alive(self._client), self._history(), busy)

    def _history(self) -> list[float]:
        this = int(time.time()) // streams.RATE_SECONDS
        wanted = range(this - streams.RATE_KEPT_SECONDS // streams.RATE_SECONDS + 1, this)
        missing = [period for period in wanted if period not in self._periods]
        with self._client.pipeline(transaction=False) as pipeline:
            for period in missing:
                pipeline.hgetall(streams.rate(period * streams.RATE_SECONDS))
            counts: list[dict[bytes, bytes]] = pipeline.execute()
        for period, found in zip(missing, counts, strict=True):
            named = {name.decode(): int(count) for name, count in found.items()}
            self._periods[period] = events_in(named) / streams.RATE_SECONDS
        self._periods = {period: self._periods[period] for period in wanted}
        return [*self._periods.values()]


class _Database:
    """Asks the database; the types are those of events recorded since the look before."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.storage = Storage(make_engine(settings))
        self._tail = Tail(self.storage, Wanted())
        self._window: deque[tuple[float, dict[str, int]]] = deque()

    def ask(self) -> FromDatabase:
        with self.storage.reading() as connection:
            letters = DeadLetterRepository(connection).newest(limit=_LETTERS).items
        return FromDatabase(of_database(self._settings, self.storage), self._by_type(), list(letters))

    def _by_type(self) -> dict[str, float]:
        now = time.monotonic()
        self._window.append((now, self._tail.by_type()))
        while self._window[0][0] < now - _WINDOW_SECONDS:
            self._window.popleft()
        (began, _), *looks = self._window
        total: Counter[str] = Counter()
        for _, found in looks:
            total.update(found)
        return {type_: count / max(now - began, _LOOK_SECONDS) for type_, count in total.most_common()}


def _checked(settings: Settings, storage: Storage) -> FromChecks:
    client = impatient(connect(settings, socket_timeout=_ANSWER_SECONDS))
    findings, warnings = [], []
    try:
        with suppress(redis.RedisError, OSError):
            findings += checks.of_redis(client, with_config=False)
        with suppress(LedgerError):
            findings += checks.of_database(settings)
        with suppress(redis.RedisError, OSError, LedgerError):
            warnings = warnings_of(client, settings, storage)
    finally:
        client.close()
    return FromChecks(findings, warnings)


def _words(error: Exception) -> str:
    text = words(error) if isinstance(error, SQLAlchemyError) else str(error)
    return (text.splitlines() or [""])[0] or type(error).__name__
