"""What publishing is, apart from how Redis is reached: one code for the sync and the asyncio face.

`publishing` and the others are plans (`client.plans`); the faces in `client.publisher` have them done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from flowledger.client.plans.steps import Command, Plan, publish_error, replies, transaction
from flowledger.client.unknown_names import warn_of_unknown
from flowledger.domain import json_text, streams
from flowledger.domain.envelope import Envelope, parse
from flowledger.domain.errors import LedgerError, NoEvent, PublishError, Reason, Refused
from flowledger.domain.events import EventData
from flowledger.domain.ids import new_id
from flowledger.domain.limits import DEFAULT_LIMITS, Limits
from flowledger.domain.times import now, written_time

Publishable = Envelope | Mapping[str, Any] | str | bytes
"""A typed envelope, a CloudEvent as a dict, or one as JSON text."""

BATCH: Final = 500
_BATCH_BYTES: Final = 4 * 1024 * 1024
_ESCAPED: Final = "backslashreplace"
"""How text that UTF-8 cannot hold travels: Python's escape of a lone surrogate is JSON's, too."""


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


def prepare(event: Publishable, *, shards: int, limits: Limits = DEFAULT_LIMITS) -> Prepared:
    """Check an event as a worker would, and find its shard (CONTRACT §1).

    A dict without an id gets one, and the present time if it has none. With an id of its own each try must be the same
    event, so its time is its caller's. Text is taken as it is. Raises Refused with the field at fault.
    """
    if isinstance(event, str | bytes):
        raw = event.encode("utf-8", _ESCAPED) if isinstance(event, str) else event
    else:
        raw = _text(event).encode("utf-8", _ESCAPED)
    parsed = parse(raw, limits, warn_of_unknown)
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
    say = replies if len(events) == 1 else transaction
    entry_ids, error = yield from say([event.command for event in events], timeout_seconds)
    confirmed = [
        Published(event.id, streams.stream(event.shard), entry_id.decode())
        for event, entry_id in zip(events, entry_ids, strict=False)
    ]
    if error is None:
        return confirmed, None
    return confirmed, publish_error(error, f"{_count(len(events) - len(confirmed))} not confirmed", timeout_seconds)


def counting_backlog(shards: int, timeout_seconds: float) -> Plan[int]:
    """How many events wait to be recorded; raises BrokerUnavailable."""
    commands: list[Command] = [("XLEN", streams.stream(shard)) for shard in range(shards)]
    lengths, error = yield from replies(commands, timeout_seconds)
    if error is not None:
        raise publish_error(error, "the backlog is not known", timeout_seconds)
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


def _count(events: int) -> str:
    return f"{events:,} event{'' if events == 1 else 's'}"


def _text(event: Envelope | Mapping[str, Any]) -> str:
    present: dict[str, Any] = {}
    try:
        present = _attributes(event)
        return json_text.dumps(present)
    except LedgerError:
        raise
    except RecursionError:
        words = "nested deeper than Python can write, and so deeper than LEDGER_MAX_DEPTH allows"
        raise Refused(Reason.NOT_JSON, "", words) from None
    except (TypeError, ValueError) as error:
        raise Refused(Reason.NOT_JSON, json_text.unwritable(present), f"cannot be written as JSON: {error}") from None


def _attributes(event: Envelope | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(event, Envelope):
        return event.attributes()
    if not isinstance(event, Mapping):
        kind = type(event).__name__
        wrap = f": Envelope.of({kind}(…), source=…, subject=…)" if isinstance(event, EventData) else ""
        raise NoEvent(f"an event is an Envelope, a dict, or JSON text; this is of type {kind}{wrap}")
    present = {name: value for name, value in event.items() if value is not None}
    if "id" not in present:
        present = {"id": new_id("evt"), "time": written_time(now())} | present
    return {"specversion": "1.0"} | present
