"""What publishing is, apart from how Redis is reached: one code for the sync and the asyncio face.

`publishing` is a generator: it yields what to do next (`Add` entries, or `Wait`), is sent the replies, and returns what
was published. The faces in `client.publisher` do as it says.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
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
    """An event that Redis has confirmed: its id, and the stream and entry it stands in."""

    id: str
    stream: str
    entry_id: str


@dataclass(frozen=True, slots=True)
class Say:
    """Do: all commands, in one round trip. Answer: for each, its reply or its error; or the error of them all."""

    commands: Sequence[Command]


@dataclass(frozen=True, slots=True)
class Wait:
    """Do: nothing, for so long. Answer: None."""

    seconds: float


Plan = Generator[Say | Wait, Any, Result]


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
    for batch in _batches(events):
        what = f"{len(batch)} event{'s' if len(batch) > 1 else ''} not confirmed"
        entry_ids = yield from _confirmed([event.command for event in batch], what, timeout_seconds)
        published += [
            Published(event.id, streams.stream(event.shard), entry_id.decode())
            for event, entry_id in zip(batch, entry_ids, strict=True)
        ]
    return published


def counting_backlog(shards: int, timeout_seconds: float) -> Plan[int]:
    """How many events wait to be recorded; raises BrokerUnavailable."""
    commands: list[Command] = [("XLEN", streams.stream(shard)) for shard in range(shards)]
    lengths = yield from _confirmed(commands, "the backlog is not known", timeout_seconds)
    return sum(lengths)


def _confirmed(commands: Sequence[Command], what: str, timeout_seconds: float) -> Plan[list[Any]]:
    """All replies; tries again while Redis is away, until `timeout_seconds` are over. `what` is told where it fails."""
    deadline = time.monotonic() + timeout_seconds
    wait = _FIRST_WAIT_SECONDS
    while True:
        replies = yield Say(commands)
        error = next((reply for reply in replies if isinstance(reply, Exception)), None)
        if error is None:
            return list(replies)
        if not isinstance(error, _TRANSIENT) or time.monotonic() + wait > deadline:
            raise _publish_error(error, what, timeout_seconds) from error
        yield Wait(wait)
        wait = min(2 * wait, _LONGEST_WAIT_SECONDS)


def _publish_error(error: Exception, what: str, timeout_seconds: float) -> PublishError:
    if isinstance(error, redis_errors.OutOfMemoryError) or str(error).startswith("OOM"):
        return BrokerFull(f"{what}: Redis is full; publish again when the backlog is recorded")
    if isinstance(error, _TRANSIENT):
        return BrokerUnavailable(
            f"{what}: Redis did not answer within {timeout_seconds:g} s ({type(error).__name__}); "
            "publish again with the same ids, nothing is doubled"
        )
    return PublishError(f"{what}: Redis refuses: {error}")


def _text(event: Envelope | Mapping[str, Any]) -> str:
    try:
        if isinstance(event, Envelope):
            return event.to_json()
        present = {name: value for name, value in event.items() if value is not None}
        return json_text.dumps({"specversion": "1.0", "id": new_id("evt")} | present)
    except (TypeError, ValueError) as error:
        raise Refused(Reason.NOT_JSON, "", f"cannot be written as JSON: {error}") from None


def _batches(events: Iterable[Prepared]) -> Iterator[list[Prepared]]:
    iterator = iter(events)
    while batch := list(islice(iterator, BATCH)):
        yield batch
