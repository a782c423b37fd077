"""How the service does, asked of Redis, the workers and the database."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import redis
from sqlalchemy import Connection, func, select

from flowledger.domain import readable, streams
from flowledger.domain.errors import ForeignBroker
from flowledger.domain.settings import Settings
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.identity import LedgerRepository
from flowledger.storage.ledger.outbox import OutboxRepository
from flowledger.storage.retention import rounds
from flowledger.storage.retention.rounds import Round
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import checks
from flowledger.workers.alarms import alarms, per_minute
from flowledger.workers.asides import Asides, Waiting
from flowledger.workers.bond import Bond
from flowledger.workers.checks import Finding
from flowledger.workers.connections import connect
from flowledger.workers.connections import text as name_of
from flowledger.workers.pauses import Pause, Pauses
from flowledger.workers.status.backlog import backlog, oldest_seconds
from flowledger.workers.status.growth import Growth, growth
from flowledger.workers.status.living_workers import workers
from flowledger.workers.status.refused_webhooks import Refusals, refusals
from flowledger.workers.status.schedules import Schedules, schedules
from flowledger.workers.status.sessions import sessions
from flowledger.workers.status.strays import strays

_ALARM_KEPT: Final = timedelta(days=7)
_LARGE: Final = 2**20


@dataclass(frozen=True, slots=True)
class Outbox:
    """Recorded messages that are in no inbox yet: how many, one for each recipient, and when the first was recorded.

    `posted_10s` and `posted_60s` are messages a second that were put into inboxes: so fast it falls.
    """

    waiting: int
    since: datetime | None
    posted_10s: float
    posted_60s: float


@dataclass(frozen=True, slots=True)
class Status:
    """How the service does. Rates are events a second over the last whole ten seconds and the last minute.

    `oldest_seconds` says how long the oldest entry of each shard with a backlog has waited; `held` why nothing is
    recorded for now; `paused` what somebody, or a fuse, has paused; `strays` which streams look like shards and are
    read by nobody, with how many entries they have; `set_aside` the sources whose entries wait until they are resumed.
    `dead_letter_bytes` is the size of the open dead letters; `alarms` say what is too much. `workers` are Flowledger's
    own, and how many processes each has; None if this user of Redis may not ask them (`flowledger acl reader`). `pools`
    says how each works: `prefork`, `solo`, `4 threads`. `signatures` is what they ask for: `off`, `required`, or
    `mixed` if they do not agree; None if none answers. `warnings` say that Redis is not this ledger's, and,
    for a week, that Redis or the database was found to have lost something. `checks` says what of the servers is not as
    it should be. `refused_webhooks` counts the calls of webhooks that were refused in the last 24 hours. `retention` is
    the last round that let go what is too old; None if there was none. `growth` says how large the ledger is, how it
    grows, and where that outruns retention.
    """

    backlog: dict[int, int]
    oldest_seconds: dict[int, float]
    draining: list[int]
    paused: dict[str, Pause]
    held: str | None
    totals: dict[str, int]
    rate_10s: float
    rate_60s: float
    dead_letters: dict[str, int]
    set_aside: list[Waiting]
    dead_letter_bytes: int
    dead_letters_per_minute: int
    alarms: list[str]
    outbox: Outbox
    schedules: Schedules
    strays: dict[str, int]
    workers: dict[str, int] | None
    pools: dict[str, str]
    signatures: str | None
    database: dict[str, Any]
    warnings: list[str]
    checks: list[Finding]
    refused_webhooks: list[Refusals]
    retention: Round | None
    growth: Growth


class OfRedis(NamedTuple):
    """What Redis tells in a moment; `last` are the counts of the last six periods of ten seconds, the newest first."""

    backlog: dict[int, int]
    oldest_seconds: dict[int, float]
    draining: list[int]
    paused: dict[str, Pause]
    held: str | None
    totals: dict[str, int]
    last: list[dict[str, int]]
    strays: dict[str, int]
    set_aside: list[Waiting]
    dying: int

    @property
    def rate_10s(self) -> float:
        """Events a second in the last whole ten seconds."""
        return events_in(self.last[0]) / 10

    @property
    def rate_60s(self) -> float:
        """Events a second in the last minute."""
        return sum(map(events_in, self.last)) / 60


class OfDatabase(NamedTuple):
    """What the database tells in a moment; `waiting` and `since` are of the outbox."""

    dead_letters: dict[str, int]
    dead_letter_bytes: int
    waiting: int
    since: datetime | None
    schedules: Schedules
    database: dict[str, Any]
    retention: Round | None


def status(settings: Settings) -> Status:
    """Ask Redis, the workers and the database; raises what their clients raise if one does not answer."""
    with closing(connect(settings, most_bytes=_LARGE)) as client, Storage(make_engine(settings)) as storage:
        return gathered(settings, client, storage)


def gathered(settings: Settings, client: redis.Redis, storage: Storage) -> Status:
    """Return the same by connections that the caller keeps; those of Redis read at most 1 MiB a reply."""
    broker, ledger = of_redis(settings, client), of_database(settings, storage)
    found = workers(client, settings)
    return Status(
        backlog=broker.backlog,
        oldest_seconds=broker.oldest_seconds,
        paused=broker.paused,
        held=broker.held,
        draining=broker.draining,
        totals=broker.totals,
        rate_10s=broker.rate_10s,
        rate_60s=broker.rate_60s,
        dead_letters=ledger.dead_letters,
        outbox=outbox_of(broker, ledger),
        schedules=ledger.schedules,
        strays=broker.strays,
        set_aside=broker.set_aside,
        dead_letter_bytes=ledger.dead_letter_bytes,
        dead_letters_per_minute=broker.dying,
        alarms=[*alarms(settings, broker.dying, ledger.dead_letter_bytes).values()],
        workers=None if found is None else {name: worker.processes for name, worker in found.items()},
        pools={name: worker.pool for name, worker in (found or {}).items()},
        signatures=_agreed({worker.signatures for worker in (found or {}).values()}),
        database=ledger.database,
        warnings=warnings_of(client, settings, storage),
        checks=checks.of_redis(client) + checks.of_database(settings),
        refused_webhooks=refusals(client),
        retention=ledger.retention,
        growth=growth_of(settings, storage),
    )


def of_redis(settings: Settings, client: redis.Redis) -> OfRedis:
    """Ask Redis what costs it little. Raises redis.RedisError if it does not answer."""
    waiting = backlog(client, settings.shards)
    at = time.time()
    return OfRedis(
        backlog=waiting,
        oldest_seconds=oldest_seconds(client, waiting, at),
        draining=[shard for shard in waiting if client.exists(streams.lease(shard))],
        paused=Pauses(client).all(),
        held=_text_or_none(client.get(streams.HOLD)),
        totals=_counts(client, streams.COUNTERS),
        last=[_counts(client, streams.rate(at - streams.RATE_SECONDS * ago)) for ago in range(1, 7)],
        strays=strays(client, settings.shards),
        set_aside=Asides(client).all(),
        dying=per_minute(client),
    )


def of_database(settings: Settings, storage: Storage) -> OfDatabase:
    """Ask the database. Raises what SQLAlchemy raises if it does not answer."""
    with storage.engine.connect() as connection:
        rows = OutboxRepository(connection)
        return OfDatabase(
            dead_letters=_dead_letters(connection),
            dead_letter_bytes=DeadLetterRepository(connection).open_bytes(),
            waiting=rows.count(),
            since=rows.since(),
            schedules=schedules(connection),
            database=sessions(connection) | {"pool": f"{settings.pool_size}+{settings.pool_max_overflow}"},
            retention=rounds.read(connection),
        )


def growth_of(settings: Settings, storage: Storage) -> Growth:
    """Return how the ledger grows. Raises what SQLAlchemy raises if the database does not answer."""
    with storage.engine.connect() as connection:
        return growth(connection, settings)


def outbox_of(broker: OfRedis, ledger: OfDatabase) -> Outbox:
    """Return how the outbox does: the database knows its rows, Redis how fast they leave."""
    posted = [counts.get("posted", 0) for counts in broker.last]
    return Outbox(ledger.waiting, ledger.since, posted[0] / 10, sum(posted) / 60)


def warnings_of(client: redis.Redis, settings: Settings, storage: Storage) -> list[str]:
    """Return what people should know of the bond between the ledger and its broker."""
    with storage.reading() as connection:
        ledger = LedgerRepository(connection).get()
    found = []
    if ledger.alarm is not None and ledger.alarm_at is not None and now() - ledger.alarm_at < _ALARM_KEPT:
        found.append(f"{readable.time(ledger.alarm_at)}: {ledger.alarm}")
    try:
        Bond(client, settings, storage).check()
    except ForeignBroker as error:
        found.append(str(error))
    return found


def _text_or_none(reply: Any) -> str | None:
    return None if reply is None else name_of(reply)


def _counts(client: redis.Redis, key: str) -> dict[str, int]:
    return {name_of(name): int(count) for name, count in client.hgetall(key).items()}


def events_in(counts: dict[str, int]) -> int:
    """Return how many events were recorded, repeated or buried among the counts of a period."""
    return sum(count for name, count in counts.items() if name != "posted")


def _agreed(said: set[str]) -> str | None:
    return said.pop() if len(said) == 1 else "mixed" if said else None


def _dead_letters(connection: Connection) -> dict[str, int]:
    status = tables.dead_letters.c.status
    by_status = select(status, func.count()).group_by(status)
    counted: dict[str, int] = {row[0]: row[1] for row in connection.execute(by_status)}
    return {name.value: counted[name] for name in DeadLetterStatus if name in counted}
