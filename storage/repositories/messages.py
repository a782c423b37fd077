"""Messages between sandboxes, and where each stands with each of its recipients."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import select

from flowledger.domain import json_text
from flowledger.domain.envelope import Event
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.events import MessageFailed, MessageSent, RecipientData
from flowledger.domain.keys import earliest_key, event_key, owner_of
from flowledger.domain.records import Delivery, Message
from flowledger.domain.signatures import told
from flowledger.domain.statuses import DELIVERY_RANKS, DeliveryStatus
from flowledger.storage import tables
from flowledger.storage.conditions import Condition
from flowledger.storage.groups import DELIVERED_AT, DELIVERY_STATUS, SENT, SENT_AT
from flowledger.storage.paging import Order, Page
from flowledger.storage.repositories import base
from flowledger.storage.repositories.base import Repository
from flowledger.storage.writes import Each, Write

_TABLE = tables.messages
_DELIVERIES = tables.message_deliveries

OLDEST_FIRST = Order((_TABLE.c.created_at, _TABLE.c.id))
BY_RECIPIENT = Order((_DELIVERIES.c.to_sandbox_id,))


class MessageRepository(Repository[Message]):
    table = _TABLE
    record = Message

    @staticmethod
    def mention(event: Event, recorded_at: str) -> Write:
        return base.mention(_TABLE, event, recorded_at)

    @staticmethod
    def belongs_to_its_sender(event: Event) -> Condition:
        """A message's id is its whose `message.sent` is recorded first: nobody else's is recorded."""
        assert isinstance(event.data, MessageSent)
        return Condition(_TABLE.name, event.subject, "from_sandbox_id", event.data.from_sandbox_id, False, _of_another)

    @staticmethod
    def send(event: Event, recorded_at: str) -> Write:
        data = event.data
        assert isinstance(data, MessageSent)
        write = base.mention(_TABLE, event, recorded_at, creates=True)
        return write.group(
            SENT,
            event_key(data.attempt, 0, event.order),
            from_sandbox_id=data.from_sandbox_id,
            workspace_id=data.workspace_id,
            message_type=data.message_type,
            content=json_text.dumps(data.content),
            thread_id=data.thread_id,
            in_reply_to=data.in_reply_to,
            execution_id=data.execution_id,
            task_id=data.task_id,
            priority=data.priority,
            expires_at=base.time_or_none(data.expires_at),
        )

    def get(self, message_id: str) -> Message | None:
        return self._one(self._select().where(_TABLE.c.id == message_id))

    def of_sandbox(
        self, sandbox_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Message]:
        """What a sandbox sent and what was sent to it, oldest first."""
        sent = select(_TABLE.c.id).where(_TABLE.c.from_sandbox_id == sandbox_id)
        received = select(_DELIVERIES.c.message_id).where(_DELIVERIES.c.to_sandbox_id == sandbox_id)
        statement = self._select().where(_TABLE.c.id.in_(sent.union(received)))
        return self._page(statement, OLDEST_FIRST, limit, offset, after)

    def of_workspace(
        self, workspace_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Message]:
        """The messages of a workspace, oldest first."""
        statement = self._select().where(_TABLE.c.workspace_id == workspace_id)
        return self._page(statement, OLDEST_FIRST, limit, offset, after)

    def of_thread(self, thread_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None) -> Page[Message]:
        """A conversation, oldest first."""
        return self._page(self._select().where(_TABLE.c.thread_id == thread_id), OLDEST_FIRST, limit, offset, after)


class DeliveryRepository(Repository[Delivery]):
    table = _DELIVERIES
    record = Delivery

    @staticmethod
    def await_recipients(event: Event, _recorded_at: str) -> Write | None:
        """A pending delivery for each recipient that the message names; a broadcast names none."""
        assert isinstance(event.data, MessageSent)
        if event.data.to_sandbox_ids is None:
            return None
        recipients = json_text.dumps(sorted(set(event.data.to_sandbox_ids)))
        return _reach(
            Write(_DELIVERIES, (Each("to_sandbox_id"), recipients), message_id=event.subject),
            event,
            DeliveryStatus.PENDING,
        )

    @staticmethod
    def dispatch(event: Event, recorded_at: str) -> Write:
        write = _reach(_delivery(event), event, DeliveryStatus.SENT)
        return write.group(SENT_AT, earliest_key(event.time, recorded_at), sent_at=base.moment(event, recorded_at))

    @staticmethod
    def deliver(event: Event, recorded_at: str) -> Write:
        write = _reach(_delivery(event), event, DeliveryStatus.DELIVERED)
        return write.group(
            DELIVERED_AT, earliest_key(event.time, recorded_at), delivered_at=base.moment(event, recorded_at)
        )

    @staticmethod
    def expire(event: Event, _recorded_at: str) -> Write:
        return _reach(_delivery(event), event, DeliveryStatus.EXPIRED)

    @staticmethod
    def fail(event: Event, _recorded_at: str) -> Write:
        assert isinstance(event.data, MessageFailed)
        return _reach(_delivery(event), event, DeliveryStatus.FAILED, reason=event.data.reason)

    def of_message(
        self, message_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Delivery]:
        """The deliveries of a message, by recipient."""
        statement = self._select().where(_DELIVERIES.c.message_id == message_id)
        return self._page(statement, BY_RECIPIENT, limit, offset, after)

    def of_messages(self, message_ids: Sequence[str]) -> dict[str, tuple[Delivery, ...]]:
        """The deliveries of several messages, by message, each by recipient."""
        statement = self._select().where(_DELIVERIES.c.message_id.in_(message_ids))
        rows = self.connection.execute(statement.order_by(_DELIVERIES.c.message_id, _DELIVERIES.c.to_sandbox_id))
        found = map(self._record, rows)
        return {message: tuple(some) for message, some in groupby(found, key=lambda one: one.message_id)}


def _of_another(owner: str | None) -> Refused:
    words = f"is the id of a message that {told(owner or '')} has sent: give this one an id of its own"
    return Refused(Reason.CONFLICT, "subject", f"{words} (--set subject=…)")


def reached_by(status_key: str) -> tuple[str, str]:
    """The event that the status of a delivery is of, by source and id."""
    return owner_of(status_key[1:])


def _delivery(event: Event) -> Write:
    assert isinstance(event.data, RecipientData)
    return Write(_DELIVERIES, message_id=event.subject, to_sandbox_id=event.data.to_sandbox_id)


def _reach(write: Write, event: Event, status: DeliveryStatus, reason: str | None = None) -> Write:
    """The greatest status reached stands: here the rank comes before all else of the key."""
    key = f"{DELIVERY_RANKS[status]}{event_key(event.data.attempt, 0, event.order)}"
    return write.group(DELIVERY_STATUS, key, status=status.value, reason=reason)
