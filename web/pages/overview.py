"""`/ledger`: how the service does, at a glance; `/ledger/live` is its part that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, NamedTuple

import redis
from sqlalchemy import Connection

from flowledger.domain import readable, streams
from flowledger.domain.errors import LedgerError
from flowledger.storage.ledger.dead_letter_groups import DeadLetterGroup, groups
from flowledger.web import charts, words
from flowledger.web.handler import LedgerHandler
from flowledger.web.history import History, history, quantile
from flowledger.web.reading import Answer
from flowledger.web.troubles import Trouble, troubles
from flowledger.workers.status.gather import Status, gathered
from flowledger.workers.status.inboxes import Inboxes, inboxes

_STATUS_SECONDS: Final = 2.0
_HISTORY_SECONDS: Final = 10.0
_MOST_SHARDS: Final = 16
_PATIENCE_SECONDS: Final = 3.0
"""What takes longer is found by a later refresh: the overview is looked at when something is slow."""


class Now(NamedTuple):
    """What is so at this moment; it is found out by one thread."""

    status: Status
    inboxes: Inboxes | None


class Shard(NamedTuple):
    """A line of the backlog."""

    number: int
    waiting: int
    oldest: float | None
    state: str
    look: str


class Live(LedgerHandler):
    """The part of the overview that changes. Its answers are shared by all who look."""

    section = "overview"
    template = "overview_live"

    async def page(self) -> None:
        """Write it. Whatever does not answer is told as a trouble, and the rest is shown."""
        fresh, reader = self.ledger.fresh, self.ledger.reader
        here, past, letters = await asyncio.gather(
            _tried("the service", fresh.get("now", _STATUS_SECONDS, lambda: reader.work(self._now))),
            _tried("the database", fresh.get("history", _HISTORY_SECONDS, lambda: reader.ask(history))),
            _tried("the database", fresh.get("letters", _STATUS_SECONDS, lambda: reader.ask(_letters))),
        )
        answers = (here, past, letters)
        self.queries = sum(answer.queries for answer in answers if isinstance(answer, Answer))
        failed = {str(answer): answer for answer in answers if isinstance(answer, Trouble)}  # each of them once
        found: Now | None = here.value if isinstance(here, Answer) else None
        self.show(
            self.template,
            troubles=[*failed.values(), *(troubles(found.status) if found else ())],
            status=None if found is None else found.status,
            inboxes=None if found is None else found.inboxes,
            shards=shards(found.status) if found else [],
            more_shards=max(0, len(found.status.backlog) - _MOST_SHARDS) if found else 0,
            charts=drawn(past.value) if isinstance(past, Answer) else None,
            groups=letters.value if isinstance(letters, Answer) else None,
        )

    def _now(self) -> Now:
        settings, client, storage = self.ledger.settings, self.ledger.redis, self.ledger.reader.storage
        return Now(gathered(settings, client, storage), inboxes(client))


class Overview(Live):
    """Backlog, rates, dead letters, deliveries, workers, schedules, and what is wrong."""

    template = "overview"


async def _tried(what: str, asked: Awaitable[Answer]) -> Answer | Trouble:
    try:
        return await asyncio.wait_for(asked, _PATIENCE_SECONDS)
    except TimeoutError:
        return Trouble("warn", f"{what} has not answered within {_PATIENCE_SECONDS:.0f} s; the next refresh asks again")
    except (LedgerError, redis.RedisError, OSError) as error:
        name = "Redis" if isinstance(error, redis.RedisError | OSError) else what
        return Trouble("bad", words.unanswered(error, name))


def _letters(connection: Connection) -> list[DeadLetterGroup]:
    return groups(connection)


def shards(status: Status) -> list[Shard]:
    """Return the shards with the most to say: those that are paused, then those with the largest backlog."""
    found = [_shard(status, number) for number in status.backlog]
    first = sorted(found, key=lambda shard: (shard.look != "warn", -shard.waiting, shard.number))[:_MOST_SHARDS]
    return sorted(first)


def _shard(status: Status, number: int) -> Shard:
    pause = status.paused.get(str(number), status.paused.get(streams.ALL))
    state, look = ("draining", "busy") if number in status.draining else ("", "")
    if pause is not None:
        state, look = f"paused by {pause.by}", "warn"
    elif not state and status.backlog[number]:
        state, look = ("held", "warn") if status.held else ("waits", "")
    return Shard(number, status.backlog[number], status.oldest_seconds.get(number), state, look)


def drawn(past: History) -> dict[str, Any]:
    """Return the charts of the last hour, and their highest values in words."""
    minutes = past.minutes
    median, late = ([quantile(minute.latency, share) for minute in minutes] for share in (0.5, 0.99))
    rates = [
        f"{minute.begins:%H:%M} UTC: {minute.recorded / 60:,.1f} events/s, {minute.dead:,} dead" for minute in minutes
    ]
    times = [
        f"{minute.begins:%H:%M} UTC: half within {_span(one)}, 99 % within {_span(other)}"
        for minute, one, other in zip(minutes, median, late, strict=True)
    ]
    recorded = charts.Series("recorded", "ledger-bar", [minute.recorded for minute in minutes])
    dead = charts.Series("dead letters", "ledger-bar-bad", [minute.dead for minute in minutes])
    return {
        "rate": charts.bars([recorded, dead], rates, "events recorded a minute in the last hour"),
        "most_rate": max(minute.recorded + minute.dead for minute in minutes) / 60,
        "latency": charts.lines(
            [charts.Series("99 %", "ledger-line-late", late), charts.Series("half", "ledger-line", median)],
            times,
            "from Redis to the commit, in the last hour",
        ),
        "most_latency": _span(max((value for value in late if value is not None), default=None)),
        "recorded": sum(minute.recorded for minute in minutes),
        "dead": sum(minute.dead for minute in minutes),
        "is_cut": past.is_cut,
    }


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "–"  # noqa: RUF001 - a dash, as in tables
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else readable.duration(seconds)
