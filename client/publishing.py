"""What publishing is, apart from how Redis is reached: one code for the sync and the asyncio face.

`publishing` is a generator, a plan: it yields what to do next (`Say` commands, `Wait`, `Do` work), is sent the answers,
and returns what was published. The faces in `client.publisher` do as it says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from redis import exceptions as redis_errors

from domain import json_text, streams
from domain.envelope import Envelope, parse
from domain.errors import BrokerFull, BrokerUnavailable, PublishError, Reason, Refused
from domain.ids import new_id
from domain.limits import DEFAULT_LIMITS, Limits

Command = tuple[str | bytes, ...]
Result = TypeVar("Result")
Publishable = Envelope | Mapping[str, Any] | str | bytes
"""A typed envelope, a CloudEvent as a dict, or one as JSON text."""

BATCH: Final = 500
_BATCH_BYTES: Final = 4 * 1024 * 1024
_ESCAPED: Final = "backslashreplace"
"""How text that UTF-8 cannot hold travels: Python's escape of a lone surrogate is JSON's, too."""
_TRANSIENT: Final = (redis_errors.ConnectionError, redis_errors.TimeoutError, OSError)
_FIRST_WAIT_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 1.0


class Prepared(NamedTuple):
    """An event ready to travel: its id is fixed, so that it may be sent any number of times."""

    id: str
    shard: int
    raw: bytes

    @property
    def command(self) -> Command:
        """What is said to Redis."""
        return "XADD", streams.stream(self.shard), "*", streams.FIELD, self.raw


class Published(NamedTuple):
    """An event that was accepted: its id, its stream, and the entry it stands in, once Redis has confirmed it."""

    id: str
    stream: str
    entry_id: str | None

    @property
    def spooled(self) -> bool:
        """Whether it waits on this machine's disk, in the publisher's spool, because Redis did not take it yet."""
        return self.entry_id is None


@dataclass(frozen=True, slots=True)
class Say:
    """Do: all commands, in one round trip. Answer: for each, its reply or its error; or the error of them all."""

    commands: Sequence[Command]


@dataclass(frozen=True, slots=True)
class Wait:
    """Do: nothing, for so long. Answer: whether the plan should end, for its publisher is closed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Do:
    """Do: this work, which may wait for the disk. Answer: what it returns, or the LedgerError that it raises."""

    work: Callable[[], Any]


Step = Say | Wait | Do
Plan = Generator[Step, Any, Result]


def prepare(event: Publishable, *, shards: int, limits: Limits = DEFAULT_LIMITS) -> Prepared:
    """Checks an event as a worker would, gives it an id where it has none, and finds its shard (CONTRACT §1).

    Raises Refused with the field at fault.
    """
    if isinstance(event, str | bytes):
        raw = event.encode("utf-8", _ESCAPED) if isinstance(event, str) else event
    else:
        raw = _text(event).encode("utf-8", _ESCAPED)
    parsed = parse(raw, limits)
    return Prepared(parsed.id, streams.shard_of(parsed.partition_key, shards), raw)


def publishing(events: Iterable[Prepared], timeout_seconds: float) -> Plan[list[Published]]:
    """Publishes `events` in order, some hundred in a round trip, each within `timeout_seconds`.

    Raises BrokerUnavailable or BrokerFull; what was not confirmed may have arrived all the same: publish it again, as
    it is, and nothing is doubled.
    """
    published: list[Published] = []
    for batch in batches(events):
        confirmed, error = yield from adding(batch, timeout_seconds)
        published += confirmed
        if error is not None:
            error.accepted = len(published)
            raise error
    return published


def adding(events: Sequence[Prepared], timeout_seconds: float) -> Plan[tuple[list[Published], PublishError | None]]:
    """Adds `events` in one round trip: those that Redis has confirmed, from the first on, and why not the others.

    Several go as a transaction: a server that is full might refuse one and have room for the next, out of order.
    """
    commands = [event.command for event in events]
    if len(commands) == 1:
        replies, error = yield from _replies(commands, timeout_seconds)
    else:
        replies, error = yield from _replies([("MULTI",), *commands, ("EXEC",)], timeout_seconds)
        replies = [] if error is not None else replies[-1]
        error = error or next((reply for reply in replies if isinstance(reply, Exception)), None)
        replies = replies[: replies.index(error)] if error in replies else replies
    confirmed = [
        Published(event.id, streams.stream(event.shard), reply.decode())
        for event, reply in zip(events, replies, strict=False)
    ]
    if error is None:
        return confirmed, None
    return confirmed, _publish_error(error, f"{_count(len(events) - len(confirmed))} not confirmed", timeout_seconds)


def counting_backlog(shards: int, timeout_seconds: float) -> Plan[int]:
    """How many events wait to be recorded; raises BrokerUnavailable."""
    commands: list[Command] = [("XLEN", streams.stream(shard)) for shard in range(shards)]
    lengths, error = yield from _replies(commands, timeout_seconds)
    if error is not None:
        raise _publish_error(error, "the backlog is not known", timeout_seconds)
    return sum(lengths)


def batches(events: Iterable[Prepared]) -> Iterator[list[Prepared]]:
    """As many events as travel in one round trip: some hundred, fewer where they are large."""
    batch: list[Prepared] = []
    size = 0
    for event in events:
        if batch and (len(batch) == BATCH or size + len(event.raw) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += len(event.raw)
    if batch:
        yield batch


def _replies(commands: Sequence[Command], timeout_seconds: float) -> Plan[tuple[list[Any], Exception | None]]:
    """The replies up to the first that is an error, and that; tries again while Redis is away, for so long."""
    deadline = time.monotonic() + timeout_seconds
    wait = _FIRST_WAIT_SECONDS
    while True:
        replies = yield Say(commands)
        place = next((place for place, reply in enumerate(replies) if isinstance(reply, Exception)), None)
        if place is None:
            return list(replies), None
        if not isinstance(replies[place], _TRANSIENT) or time.monotonic() + wait > deadline:
            return replies[:place], replies[place]
        yield Wait(wait)
        wait = min(2 * wait, _LONGEST_WAIT_SECONDS)


def _publish_error(error: Exception, what: str, timeout_seconds: float) -> PublishError:
    kind, why, to_do = _understood(error, timeout_seconds)
    found = kind(f"{what}: {why}{to_do}", why)
    found.__cause__ = error
    return found


def _understood(error: Exception, timeout_seconds: float) -> tuple[type[PublishError], str, str]:
    """The kind of error, why in words, and what to do."""
    if isinstance(error, redis_errors.OutOfMemoryError) or str(error).startswith("OOM"):
        to_do = "; publish again when the backlog is recorded, or give Redis more memory"
        return BrokerFull, "Redis is full (its maxmemory is used up)", to_do
    if str(error).startswith("MISCONF"):
        return BrokerFull, f"Redis cannot write to its disk: {error}", "; publish again when it has room"
    if isinstance(error, _TRANSIENT):
        within = f" within {timeout_seconds:g} s" if timeout_seconds else ""
        why = f"Redis did not answer{within} ({type(error).__name__})"
        return BrokerUnavailable, why, "; publish again with the same ids, nothing is doubled"
    return PublishError, f"Redis refuses: {error}", ""


def _count(events: int) -> str:
    return f"{events:,} event{'' if events == 1 else 's'}"


def _text(event: Envelope | Mapping[str, Any]) -> str:
    try:
        if isinstance(event, Envelope):
            return event.to_json()
        present = {name: value for name, value in event.items() if value is not None}
        return json_text.dumps({"specversion": "1.0", "id": new_id("evt")} | present)
    except RecursionError:
        words = "nested deeper than Python can write, and so deeper than LEDGER_MAX_DEPTH allows"
        raise Refused(Reason.NOT_JSON, "", words) from None
    except (TypeError, ValueError) as error:
        raise Refused(Reason.NOT_JSON, "", f"cannot be written as JSON: {error}") from None
