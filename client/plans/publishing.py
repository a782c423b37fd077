"""Publishing events: in order, in batches, each batch all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from flowledger.client.plans.commands import replies, transaction
from flowledger.client.plans.redis_errors import publish_error
from flowledger.client.plans.steps import Command, Plan
from flowledger.client.prepared import Prepared
from flowledger.domain import streams
from flowledger.domain.errors import PublishError
from flowledger.domain.traces import EVENTS

BATCH: Final = 500
_BATCH_BYTES: Final = 4 * 1024 * 1024


class Published(NamedTuple):
    """An event that was accepted: its id, its stream, and the id of its entry once Redis has confirmed it."""

    id: str
    stream: str
    entry_id: str | None

    @property
    def spooled(self) -> bool:
        """Whether the event waits in the publisher's spool, on this machine's disk, because Redis did not accept it."""
        return self.entry_id is None


def attributes_of(published: Sequence[Published]) -> dict[str, str | int]:
    """Return what the span of a publication says of it (OpenTelemetry's conventions for messaging)."""
    if len(published) != 1:
        return {"messaging.destination.name": EVENTS, "messaging.batch.message_count": len(published)}
    one = published[0]
    given: dict[str, str | int] = {"messaging.destination.name": one.stream, "cloudevents.event_id": one.id}
    return given if one.entry_id is None else given | {"messaging.message.id": one.entry_id}


def publishing(events: Iterable[Prepared], timeout_seconds: float) -> Plan[list[Published]]:
    """Publish `events` in order, some hundred in a round trip, each within `timeout_seconds`.

    Raises BrokerUnavailable or BrokerFull. An event that was not confirmed may have arrived: publish the same again,
    and nothing is doubled.
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
    """Add `events` in one round trip; return those that Redis confirmed, from the first on, and the error of the rest.

    Several are a transaction: a server that is full might refuse one and accept the next, out of order.
    """
    send = replies if len(events) == 1 else transaction
    entry_ids, error = yield from send([event.command for event in events], timeout_seconds)
    confirmed = [
        Published(event.id, streams.stream(event.shard), entry_id.decode())
        for event, entry_id in zip(events, entry_ids, strict=False)
    ]
    if error is None:
        return confirmed, None
    return confirmed, publish_error(error, f"{_count(len(events) - len(confirmed))} not confirmed", timeout_seconds)


def counting_backlog(shards: int, timeout_seconds: float) -> Plan[int]:
    """Return how many events wait to be recorded; raises BrokerUnavailable."""
    commands: list[Command] = [("XLEN", streams.stream(shard)) for shard in range(shards)]
    lengths, error = yield from replies(commands, timeout_seconds)
    if error is not None:
        raise publish_error(error, "the backlog is not known", timeout_seconds)
    return sum(lengths)


def batches(events: Iterable[Prepared]) -> Iterator[list[Prepared]]:
    """Yield as many events as are sent in one round trip: some hundred, fewer if they are large.

    If `events` raise an error, as for an event that breaks the contract, yield those before it first.
    """
    batch: list[Prepared] = []
    size = 0
    error: Exception | None = None
    events = iter(events)
    while True:
        try:
            event = next(events, None)
        except Exception as raised:
            error, event = raised, None
        if event is None:
            break
        if batch and (len(batch) == BATCH or size + len(event.raw) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += len(event.raw)
    if batch:
        yield batch
    if error is not None:
        raise error


def _count(events: int) -> str:
    return f"{events:,} event{'' if events == 1 else 's'}"
