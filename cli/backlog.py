"""`flowledger wait` and `flowledger status`: what is left to record, and how the service does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import redis
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, func, select, text

from flowledger.cli import screen
from flowledger.cli.living_workers import workers
from flowledger.cli.strays import strays, words
from flowledger.domain import streams
from flowledger.domain.errors import ForeignBroker
from flowledger.domain.settings import Settings
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.identity import LedgerRepository
from flowledger.storage.ledger.outbox import OutboxRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import checks
from flowledger.workers.alarms import TO_DO, alarms, per_minute
from flowledger.workers.asides import Asides, Waiting
from flowledger.workers.bond import Bond
from flowledger.workers.checks import Finding, Severity
from flowledger.workers.connections import connect
from flowledger.workers.connections import text as name_of
from flowledger.workers.pauses import Pause, Pauses

_LOOK_SECONDS = 0.05
_ALARM_KEPT: Final = timedelta(days=7)
_LARGE = 2**20
_MAY_NOT_ASK = "not known: this user of Redis may not ask them"
_CHECK_STYLES = {Severity.REFUSE: "bold red", Severity.WARN: "yellow", Severity.UNKNOWN: "dim"}
_OURS = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
)
_SIGNATURES = {"off": "not required", "mixed": "required by some of the workers only: set LEDGER_SIGNATURES alike"}


@dataclass(frozen=True, slots=True)
class Outbox:
    """Recorded messages that are in no inbox yet: how many, one for each recipient, and when the first was recorded.

    `posted_10s` and `posted_60s` are messages a second that were put into inboxes: so fast it falls.
    """

    waiting: int
    since: datetime | None
    posted_10s: float = 0.0
    posted_60s: float = 0.0


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
    it should be.
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
    strays: dict[str, int]
    workers: dict[str, int] | None
    pools: dict[str, str]
    signatures: str | None
    database: dict[str, Any]
    warnings: list[str]
    checks: list[Finding]


def backlog(client: redis.Redis, shards: int) -> dict[int, int]:
    """Entries that wait, per shard: recorded ones are deleted."""
    with client.pipeline(transaction=False) as pipeline:
        for shard in range(shards):
            pipeline.xlen(streams.stream(shard))
        return dict(enumerate(pipeline.execute()))


def wait(settings: Settings, timeout: float | None) -> int:
    """Waits until nothing is left to record; returns what is left, which is 0 unless `timeout` seconds went by."""
    deadline = None if timeout is None else time.monotonic() + timeout
    client = connect(settings)
    left = sum(backlog(client, settings.shards).values())
    if left and (paused := Pauses(client).all()):
        names = ", ".join(sorted(paused))
        screen.err.print(screen.words(f"paused: {names}; what waits there is recorded after `flowledger resume`"))
    with screen.err.status("") as spinner:
        while left and (deadline is None or time.monotonic() < deadline):
            spinner.update(f"{left:,} events wait to be recorded")
            time.sleep(_LOOK_SECONDS)
            left = sum(backlog(client, settings.shards).values())
    return left


def status(settings: Settings) -> Status:
    """Asks Redis, the workers and the database; raises what their clients raise where one does not answer."""
    client = connect(settings, most_bytes=_LARGE)
    waiting = backlog(client, settings.shards)
    at = time.time()
    last = [_counts(client, streams.rate(at - 10 * ago)) for ago in range(1, 7)]
    dead_letters, dead_letter_bytes, outbox, database = _database(settings)
    dying = per_minute(client)
    found = workers(client, settings)
    return Status(
        backlog=waiting,
        oldest_seconds=_oldest(client, waiting, at),
        paused=Pauses(client).all(),
        held=_text_or_none(client.get(streams.HOLD)),
        draining=[shard for shard in waiting if client.exists(streams.lease(shard))],
        totals=_counts(client, streams.COUNTERS),
        rate_10s=_events(last[0]) / 10,
        rate_60s=sum(map(_events, last)) / 60,
        dead_letters=dead_letters,
        outbox=replace(outbox, posted_10s=_posted(last[0]) / 10, posted_60s=sum(map(_posted, last)) / 60),
        strays=strays(client, settings.shards),
        set_aside=Asides(client).all(),
        dead_letter_bytes=dead_letter_bytes,
        dead_letters_per_minute=dying,
        alarms=[*alarms(settings, dying, dead_letter_bytes).values()],
        workers=None if found is None else {name: worker.processes for name, worker in found.items()},
        pools={name: worker.pool for name, worker in (found or {}).items()},
        signatures=_agreed({worker.signatures for worker in (found or {}).values()}),
        database=database,
        warnings=warnings(client, settings),
        checks=checks.of_redis(client) + checks.of_database(settings),
    )


def warnings(client: redis.Redis, settings: Settings) -> list[str]:
    """What people should know of the bond between the ledger and its broker."""
    with Storage(make_engine(settings)) as storage:
        with storage.reading() as connection:
            ledger = LedgerRepository(connection).get()
        found = []
        if ledger.alarm is not None and ledger.alarm_at is not None and now() - ledger.alarm_at < _ALARM_KEPT:
            found.append(f"{screen.time(ledger.alarm_at)}: {ledger.alarm}")
        try:
            Bond(client, settings, storage).check()
        except ForeignBroker as error:
            found.append(str(error))
        return found


def print_status(found: Status) -> None:
    """The status as one screen."""
    for warning in found.warnings:
        screen.out.print(screen.words(warning, "red"), soft_wrap=True)
    shards = Table("shard", "waiting", "oldest", "", title="Backlog", title_justify="left")
    for shard, count in found.backlog.items():
        oldest = found.oldest_seconds.get(shard)
        pause = found.paused.get(str(shard), found.paused.get(streams.ALL))
        state = screen.words("draining" if shard in found.draining else "")
        if pause is not None:
            state = screen.words(f"paused by {pause.by} {pause.at}: {pause.why}", "yellow")
        shards.add_row(str(shard), f"{count:,}", "" if oldest is None else f"{oldest:,.1f} s", state)
    screen.out.print(shards)
    if found.strays:
        screen.out.print(screen.words(words(found.strays, len(found.backlog)), "yellow"), soft_wrap=True)
    if found.held is not None:
        screen.out.print(screen.words(f"nothing is recorded for now: {found.held}", "red"))
    for alarm in found.alarms:
        screen.out.print(screen.words(f"{alarm}; {TO_DO}", "red"), soft_wrap=True)
    if found.set_aside:
        screen.out.print(_set_aside(found.set_aside))
    facts = Table.grid(padding=(0, 2))
    facts.add_row("waiting in all", f"{sum(found.backlog.values()):,}")
    facts.add_row("rate", f"{found.rate_10s:,.1f}/s in the last 10 s, {found.rate_60s:,.1f}/s in the last minute")
    facts.add_row("since the broker began", ", ".join(f"{n:,} {name}" for name, n in found.totals.items()) or "nothing")
    facts.add_row("dead letters", ", ".join(f"{n:,} {name}" for name, n in found.dead_letters.items()) or "none")
    since = "" if found.outbox.since is None else f", the first of them since {screen.time(found.outbox.since)}"
    facts.add_row("outbox", f"{found.outbox.waiting:,} messages wait for an inbox{since}{_pace(found.outbox)}")
    names = ", ".join(f"{name} ({n} {_process(n)}, {found.pools[name]})" for name, n in (found.workers or {}).items())
    none = "none: nothing is recorded until one is started"
    facts.add_row("workers", screen.words(names or (_MAY_NOT_ASK if found.workers is None else none)))
    if found.signatures is not None:
        facts.add_row("signatures", _SIGNATURES.get(found.signatures, found.signatures))
    facts.add_row("database", ", ".join(f"{name} {value}" for name, value in found.database.items()))
    screen.out.print(facts)
    for finding in found.checks:
        screen.out.print(checked(finding), soft_wrap=True)


def checked(finding: Finding) -> Text:
    """What is wrong with a server, as a line."""
    return screen.words(str(finding), _CHECK_STYLES[finding.severity])


def _pace(outbox: Outbox) -> str:
    if not outbox.posted_60s:
        return ""
    return f"; put into one: {outbox.posted_10s:,.1f}/s in the last 10 s, {outbox.posted_60s:,.1f}/s in the last minute"


def _set_aside(waiting: Sequence[Waiting]) -> Table:
    sources = Table("source", "entries", "bytes", "", title="Set aside", title_justify="left")
    for one in waiting:
        why = screen.words(f"by {one.by} {one.since}: {one.why}", "yellow")
        sources.add_row(screen.words(ascii(one.source)[1:-1]), f"{one.entries:,}", f"{one.bytes:,}", why)
    return sources


def _process(count: int) -> str:
    return "process" if count == 1 else "processes"


def _oldest(client: redis.Redis, waiting: dict[int, int], now: float) -> dict[int, float]:
    """How many seconds the first entry of each shard has waited; its id begins with the time it came."""
    found = {}
    for shard in (shard for shard, count in waiting.items() if count):
        first: Any = client.xrange(streams.stream(shard), count=1)
        if first:
            found[shard] = max(0.0, round(now - int(name_of(first[0][0]).partition("-")[0]) / 1000, 1))
    return found


def _text_or_none(reply: Any) -> str | None:
    return None if reply is None else name_of(reply)


def _counts(client: redis.Redis, key: str) -> dict[str, int]:
    return {name_of(name): int(count) for name, count in client.hgetall(key).items()}


def _events(counts: dict[str, int]) -> int:
    return sum(count for name, count in counts.items() if name != "posted")


def _posted(counts: dict[str, int]) -> int:
    return counts.get("posted", 0)


def _agreed(said: set[str]) -> str | None:
    return said.pop() if len(said) == 1 else "mixed" if said else None


def _database(settings: Settings) -> tuple[dict[str, int], int, Outbox, dict[str, Any]]:
    """Dead letters by status, the bytes of open ones, what waits in the outbox, and the facts of `_connections`."""
    engine = make_engine(settings)
    try:
        with engine.connect() as connection:
            outbox = OutboxRepository(connection)
            return (
                _dead_letters(connection),
                DeadLetterRepository(connection).open_bytes(),
                Outbox(outbox.count(), outbox.since()),
                _connections(connection) | {"pool": f"{settings.pool_size}+{settings.pool_max_overflow}"},
            )
    finally:
        engine.dispose()


def _dead_letters(connection: Connection) -> dict[str, int]:
    status = tables.dead_letters.c.status
    by_status = select(status, func.count()).group_by(status)
    counted: dict[str, int] = {row[0]: row[1] for row in connection.execute(by_status)}
    return {name.value: counted[name] for name in DeadLetterStatus if name in counted}


def _connections(connection: Connection) -> dict[str, Any]:
    """The kind of the database, and how many connections Flowledger has of those the server may have."""
    facts: dict[str, Any] = {"kind": connection.dialect.name}
    if connection.dialect.name == "postgresql":
        facts["connections"] = connection.execute(_OURS).scalar_one()
        facts["server_limit"] = int(connection.execute(text("SHOW max_connections")).scalar_one())
    return facts
