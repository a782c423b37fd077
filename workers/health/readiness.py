"""Whether events published now would be recorded, and if not, why: asked of both servers at once, in bounded time.

Nothing is written, and no worker is asked: a user of Redis who may only read can ask, every few seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from flowledger import migrations
from flowledger.domain import streams
from flowledger.domain.errors import DatabaseUnavailable, ForeignBroker, LedgerError
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import BEGIN_IMMEDIATE, make_engine, words
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import checks
from flowledger.workers.bond import Bond
from flowledger.workers.bond_words import servers
from flowledger.workers.checks import Finding, Severity
from flowledger.workers.connections import connect, impatient
from flowledger.workers.connections import text as text_of
from flowledger.workers.health.alive import Alive, alive
from flowledger.workers.pauses import Pause, Pauses

_TRY: Final = "#!lua\nreturn 1"
"""A script that may write, and does not: Redis refuses it whenever it would refuse an event."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why events are not recorded now: `what` is one word for programs, `words` what to tell people."""

    what: str
    words: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """The reasons why events published now would not be recorded, none if they would; and the workers that live.

    `notes` are what people should know although events are recorded: sources that are set aside.
    """

    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]
    workers: tuple[Alive, ...]

    @property
    def is_ready(self) -> bool:
        """Whether events published now would be recorded."""
        return not self.reasons


class _Asked:
    """What one server is asked, in a thread, so that one that hangs delays nobody."""

    def __init__(self, what: str, server: str, ask: Callable[[_Asked], None]) -> None:
        self.what = what
        self.server = server
        self.reasons: list[Reason] = []
        self.notes: list[str] = []
        self.workers: list[Alive] = []
        self._thread = threading.Thread(target=self._run, args=(ask,), daemon=True)
        self._thread.start()

    def no(self, what: str, words_: str) -> None:
        """Note a reason."""
        self.reasons.append(Reason(what, words_))

    def done_by(self, deadline: float, seconds: float) -> list[Reason]:
        """Return the reasons as soon as all is asked, or when the time is over."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            return [*self.reasons, Reason(self.what, f"{self.server} did not answer within {seconds:g} s")]
        return self.reasons

    def _run(self, ask: Callable[[_Asked], None]) -> None:
        try:
            ask(self)
        except Exception as error:  # whatever it is, the answer is not yes
            self.no(self.what, f"{self.server} does not answer: {_first_line(error)}")


def readiness(settings: Settings, seconds: float = 5.0) -> Readiness:
    """Ask both servers, and answer within about `seconds`. Raises SettingsError if one is not named."""
    patience = {"connect_timeout_seconds": max(1, int(seconds)), "pool_timeout_seconds": seconds / 2}
    settings = settings.model_copy(update=patience)
    redis_url, database = servers(settings)
    deadline = time.monotonic() + seconds
    opened = impatient(connect(settings, socket_timeout=seconds))
    with closing(opened) as client, Storage(make_engine(settings)) as storage:
        of_redis = _Asked("redis_away", "Redis", lambda one: _ask_redis(one, client, redis_url, settings.shards))
        of_database = _Asked(
            "database_away", "the database", lambda one: _ask_database(one, settings, storage, database)
        )
        reasons = [*of_redis.done_by(deadline, seconds), *of_database.done_by(deadline, seconds)]
        if not {"redis_away", "database_away", "not_migrated"} & {reason.what for reason in reasons}:
            of_both = _Asked("foreign_broker", "a server", lambda one: _ask_bond(one, client, settings, storage))
            reasons += of_both.done_by(deadline + seconds, seconds)
    return Readiness(tuple(reasons), tuple(of_redis.notes), tuple(of_redis.workers))


def _ask_redis(asked: _Asked, client: redis.Redis, where: str, shards: int) -> None:
    try:
        _grave(asked, "redis_unfit", checks.of_redis(client, with_config=False))
        _try_to_write(asked, client)
        _paused(asked, Pauses(client).all(), shards)
        held: Any = client.get(streams.HOLD)
        asked.workers = alive(client)
        aside = client.hlen(streams.ASIDE)
    except redis.RedisError as error:
        asked.no("redis_away", f"Redis does not answer at {where}: {_first_line(error)}")
        return
    if held is not None:
        asked.no("held", f"nothing is recorded for now: {text_of(held)}")
    if not asked.workers:
        asked.no("no_worker", "no worker of this ledger is alive: start `flowledger worker`, or `flowledger up`")
    if aside:
        asked.notes.append(f"the entries of {aside:,} sources are set aside: flowledger status")


def _try_to_write(asked: _Asked, client: redis.Redis) -> None:
    """Note that Redis refuses writes. Who may not run scripts asks INFO, which tells of memory and of its disk."""
    try:
        client.eval(_TRY, 0)
    except redis.exceptions.NoPermissionError:
        _look_at_memory(asked, client)
    except redis.ResponseError as error:
        asked.no("redis_refuses_writes", f"Redis refuses writes: {_first_line(error)}")


def _look_at_memory(asked: _Asked, client: redis.Redis) -> None:
    try:
        facts: Any = client.info()
    except redis.exceptions.NoPermissionError:
        return
    most, used = int(facts.get("maxmemory", 0)), int(facts.get("used_memory", 0))
    if 0 < most < used - int(facts.get("mem_not_counted_for_evict", 0)):
        asked.no("redis_refuses_writes", f"Redis refuses writes: it uses {used:,} bytes of {most:,} (maxmemory)")
    if facts.get("aof_enabled") == 1 and facts.get("aof_last_write_status", "ok") != "ok":
        asked.no("redis_refuses_writes", "Redis refuses writes: it cannot write its append-only file")


def _paused(asked: _Asked, paused: dict[str, Pause], shards: int) -> None:
    known = {name: pause for name, pause in paused.items() if name == streams.ALL or int(name) < shards}
    for name, pause in sorted(known.items()):
        what = "all shards are" if name == streams.ALL else f"shard {name} is"
        since = f" since {pause.at}" if pause.at else ""
        asked.no("paused", f"{what} paused by {pause.by}{since}: {pause.why}; go on: flowledger resume")


def _ask_database(asked: _Asked, settings: Settings, storage: Storage, where: str) -> None:
    is_sqlite, file = storage.engine.dialect.name == "sqlite", storage.engine.url.database
    if is_sqlite and file and not Path(file).exists():  # to connect would make it
        asked.no("not_migrated", f"there is no database at {where}: run `flowledger migrate`")
        return
    try:
        _grave(asked, "database_unfit", checks.of_database(settings))
        if asked.reasons:
            return
        if is_sqlite:
            _begin_to_write(asked, storage)
        if migrations.current(storage.engine) != migrations.newest(storage.engine):
            asked.no("not_migrated", "the database is not at the newest schema: run `flowledger migrate`")
    except (SQLAlchemyError, DatabaseUnavailable) as error:
        message = words(error) if isinstance(error, SQLAlchemyError) else _first_line(error)
        asked.no("database_away", f"the database does not answer at {where}: {message}")


def _begin_to_write(asked: _Asked, storage: Storage) -> None:
    """Note that the file cannot be written. A writer of a moment delays this, and is no reason."""
    try:
        with storage.engine.connect().execution_options(**{BEGIN_IMMEDIATE: True}) as connection:
            connection.execute(text("SELECT 1"))
            connection.rollback()
    except SQLAlchemyError as error:
        if "locked" not in words(error):
            asked.no("database_unfit", f"the database cannot be written: {words(error)}")


def _ask_bond(asked: _Asked, client: redis.Redis, settings: Settings, storage: Storage) -> None:
    try:
        Bond(client, settings, storage).check()
    except ForeignBroker as error:
        asked.no("foreign_broker", str(error))
    except LedgerError as error:
        asked.no("database_unfit", str(error))


def _grave(asked: _Asked, what: str, findings: Iterable[Finding]) -> None:
    for finding in findings:
        if finding.severity is Severity.REFUSE:
            asked.no(what, str(finding))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
