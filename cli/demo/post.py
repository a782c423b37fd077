"""What became of the messages of a run, as the rows of the ledger tell it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from flowledger.cli.demo import measures
from flowledger.cli.demo.fleet import REVIEWER, Fleet
from flowledger.cli.demo.measures import Latency
from flowledger.domain.kinds.messages import Delivery, Message
from flowledger.storage.kinds.messages import DeliveryRepository


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message between members, by their names; `deliveries` are how many stand at each status."""

    time: datetime
    thread_id: str | None
    sender: str
    recipients: tuple[str, ...]
    message_type: str | None
    text: str
    deliveries: dict[str, int]


@dataclass(frozen=True, slots=True)
class Post:
    """All messages, in figures, and some of them.

    `to_inbox` is the time from when a message was sent until it was put into its recipient's inbox, `to_delivered`
    until the recipient acknowledged it.
    """

    messages: int
    deliveries: dict[str, int]
    to_inbox: Latency
    to_delivered: Latency
    conversation: tuple[Exchange, ...]
    broadcasts: tuple[Exchange, ...]


def read_post(connection: Connection, fleet: Fleet, messages: Sequence[Message]) -> Post:
    """Reads what became of these messages, which are in the order in which they were sent."""
    deliveries = DeliveryRepository(connection).of_messages([message.id for message in messages])
    exchanges = [_exchange(fleet, message, deliveries[message.id]) for message in messages]
    ways = [(message.created_at, delivery) for message in messages for delivery in deliveries[message.id]]
    return Post(
        messages=len(messages),
        deliveries=dict(Counter(delivery.status for _, delivery in ways)),
        to_inbox=measures.between((sent, delivery.sent_at) for sent, delivery in ways),
        to_delivered=measures.between((sent, delivery.delivered_at) for sent, delivery in ways),
        conversation=_conversation_worth_showing(fleet, exchanges),
        broadcasts=tuple(exchange for exchange in exchanges if len(exchange.recipients) > 1),
    )


def _exchange(fleet: Fleet, message: Message, deliveries: Sequence[Delivery]) -> Exchange:
    return Exchange(
        time=message.created_at,
        thread_id=message.thread_id,
        sender=fleet.name_of(message.from_sandbox_id),
        recipients=tuple(sorted(fleet.name_of(delivery.to_sandbox_id) for delivery in deliveries)),
        message_type=message.message_type,
        text=str(message.content["text"] if isinstance(message.content, dict) else message.content),
        deliveries=dict(Counter(delivery.status for delivery in deliveries)),
    )


def _conversation_worth_showing(fleet: Fleet, exchanges: Sequence[Exchange]) -> tuple[Exchange, ...]:
    """The shortest conversation about a package in which somebody asked back."""
    threads: dict[str | None, list[Exchange]] = {}
    for exchange in exchanges:
        threads.setdefault(exchange.thread_id, []).append(exchange)
    found = [tuple(thread) for thread_id, thread in threads.items() if thread_id != fleet.thread_id]
    return max(found, key=lambda thread: (_asks_back(thread), -len(thread)))


def _asks_back(thread: tuple[Exchange, ...]) -> bool:
    return any(one.sender == REVIEWER and one.message_type == "request" for one in thread)
