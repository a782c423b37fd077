"""Messages between sandboxes, and the delivery of each to each recipient: tables, writes, look-ups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    CompoundSelect,
    ForeignKey,
    Index,
    Select,
    Table,
    Text,
    select,
)

from flowledger.domain import events as say
from flowledger.domain import json_text
from flowledger.domain.envelope import Event
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.events import MESSAGE_TYPES
from flowledger.domain.keys import earliest_key, owner_of
from flowledger.domain.kinds.messages import DELIVERY_RANKS, Delivery, DeliveryStatus, Message
from flowledger.domain.signatures import told
from flowledger.storage.filters import Filter
from flowledger.storage.kinds.kind import Kind, Listed
from flowledger.storage.kinds.parts import moment, part_key, stored
from flowledger.storage.ledger import outbox
from flowledger.storage.merge.conditions import Condition, Relation
from flowledger.storage.merge.groups import CREATED_AT, earliest, group
from flowledger.storage.merge.writes import Each, Write
from flowledger.storage.narrowed import Counted, Narrowed, NarrowingRepository
from flowledger.storage.owned import OwnedRepository
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import SubjectRepository
from flowledger.storage.schema.columns import index_where_given, key, metadata, one_of, status
from flowledger.storage.schema.types import Json, Name, UtcTime

TABLE: Final = Table(
    "messages",
    metadata,
    Column("id", Name, primary_key=True),
    Column("from_sandbox_id", Name),
    Column("workspace_id", Name),
    *one_of("message_type", "message_type", Text(), MESSAGE_TYPES),
    Column("content", Json),
    Column("thread_id", Name),
    Column("in_reply_to", Text),
    Column("execution_id", Name),
    Column("task_id", Name),
    Column("priority", BigInteger),
    Column("expires_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    key("sent_key"),
    key("created_at_key", least=True),
    Index("ix_messages_created_at", "created_at", "id"),
    Index("ix_messages_from_sandbox_id", "from_sandbox_id", "created_at", "id"),
    Index("ix_messages_workspace_id", "workspace_id", "created_at", "id"),
    Index("ix_messages_thread_id", "thread_id", "created_at", "id"),
    *index_where_given("messages", "execution_id", "created_at"),
    *index_where_given("messages", "task_id", "created_at"),
)

DELIVERIES: Final = Table(
    "message_deliveries",
    metadata,
    Column("message_id", Name, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("to_sandbox_id", Name, primary_key=True),
    *status(DeliveryStatus, "delivery_status"),
    Column("sent_at", UtcTime),
    Column("delivered_at", UtcTime),
    Column("reason", Text),
    key("status_key"),
    key("sent_at_key", least=True),
    key("delivered_at_key", least=True),
    Index("ix_message_deliveries_to_sandbox_id", "to_sandbox_id", "message_id"),
)

SENT: Final = group(
    "sent_key", "from_sandbox_id", "workspace_id", "message_type", "content", "thread_id",
    "in_reply_to", "execution_id", "task_id", "priority", "expires_at",
)  # fmt: skip
DELIVERY_STATUS: Final = group("status_key", "status", "reason")
WAITING: Final = (DeliveryStatus.PENDING, DeliveryStatus.SENT)
SENT_AT: Final = earliest("sent_at")
DELIVERED_AT: Final = earliest("delivered_at")

OLDEST_FIRST: Final = Order((TABLE.c.created_at, TABLE.c.id))
BY_MESSAGE: Final = Order((DELIVERIES.c.message_id,))
BY_RECIPIENT: Final = Order((DELIVERIES.c.to_sandbox_id,))


def mention(event: Event, recorded_at: str, *, creates: bool = False) -> Write:
    """Write the row and its `created_at` alone."""
    key_ = earliest_key(event.time, preferred=creates)
    return Write(TABLE, id=event.subject).group(CREATED_AT, key_, created_at=moment(event, recorded_at))


def send(event: Event, recorded_at: str) -> Write:
    """Write the message: its sender, its content and its other fields."""
    assert isinstance(event.data, say.MessageSent)
    said = {name: stored(TABLE, event.data, name) for name in SENT.columns}
    said["content"] = json_text.dumps(event.data.content)
    return mention(event, recorded_at, creates=True).group(SENT, part_key(event), **said)


def belongs_to_its_sender(event: Event) -> Condition:
    """Return the condition that the message's id is not another sender's: it belongs to the first one recorded."""
    assert isinstance(event.data, say.MessageSent)
    return Condition(
        TABLE.name, event.subject, "from_sandbox_id", event.data.from_sandbox_id, Relation.IS_IF_ANY, _of_another
    )


def await_recipients(event: Event, _recorded_at: str) -> Write | None:
    """Write a pending delivery for each recipient that the message names; None for a broadcast, which names none."""
    assert isinstance(event.data, say.MessageSent)
    if event.data.to_sandbox_ids is None:
        return None
    recipients = json_text.dumps(sorted(set(event.data.to_sandbox_ids)))
    write = Write(DELIVERIES, (Each("to_sandbox_id"), recipients), message_id=event.subject)
    return _reach(write, event, DeliveryStatus.PENDING)


def dispatch(event: Event, recorded_at: str) -> Write:
    """Write that the message is in the recipient's inbox."""
    write = _reach(_delivery(event), event, DeliveryStatus.SENT)
    return write.group(SENT_AT, earliest_key(event.time), sent_at=moment(event, recorded_at))


def deliver(event: Event, recorded_at: str) -> Write:
    """Write that the recipient acknowledged the message."""
    write = _reach(_delivery(event), event, DeliveryStatus.DELIVERED)
    return write.group(DELIVERED_AT, earliest_key(event.time), delivered_at=moment(event, recorded_at))


def expire(event: Event, _recorded_at: str) -> Write:
    """Write that the recipient did not take the message in time."""
    return _reach(_delivery(event), event, DeliveryStatus.EXPIRED)


def fail(event: Event, _recorded_at: str) -> Write:
    """Write that the recipient refused the message."""
    assert isinstance(event.data, say.MessageFailed)
    return _reach(_delivery(event), event, DeliveryStatus.FAILED, reason=event.data.reason)


def is_waiting(columns: Any) -> ColumnElement[bool]:
    """Return the condition that one of a message's recipients has neither taken nor refused it, in time.

    As a subquery with a limit it is asked of each message by the index, however many deliveries there are.
    """
    delivery = DELIVERIES.alias("waiting")
    waits = delivery.c.status.in_([status.value for status in WAITING])
    return select(1).where(delivery.c.message_id == columns.id, waits).limit(1).scalar_subquery().is_not(None)


class MessageRepository(NarrowingRepository[Message], SubjectRepository[Message]):
    table = TABLE
    record = Message
    listed_by = ("from_sandbox_id", "workspace_id", "thread_id", "execution_id", "task_id")
    told_by = ("message_type", "content")
    most = 5_000  # of each message the deliveries are looked at, too

    def of_sandbox(
        self, sandbox_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Message]:
        """Return a page of the messages that a sandbox sent or that were sent to it, oldest first."""
        return self._page(self._of_sandbox(sandbox_id), OLDEST_FIRST, limit, offset, after)

    def exchanged(
        self, sandbox_id: str | None = None, *, limit: int = 50, after: str | None = None, **of: Any
    ) -> Page[Message]:
        """Return a page of messages as `newest` does; perhaps those that a sandbox sent or was sent."""
        return self._page(self._exchanged(sandbox_id, of), self._by_age(True), limit, 0, after)

    def count_exchanged(self, sandbox_id: str | None = None, *, most: int, **of: Any) -> int:
        """Return the number of messages that `exchanged` lists; no more than `most` are counted."""
        return self._count(self._exchanged(sandbox_id, of), most)

    def waiting(
        self, sandbox_id: str | None = None, *, limit: int = 50, after: str | None = None, **of: Any
    ) -> Narrowed[Message]:
        """Return a page of those of them that wait for a recipient; at most `most` messages are read."""
        return self._narrowed(self._exchanged(sandbox_id, of), is_waiting, self._by_age(True), limit, after)

    def count_waiting(self, sandbox_id: str | None = None, **of: Any) -> Counted:
        """Return how many of the newest messages that `exchanged` lists wait for a recipient."""
        return self._count_narrowed(self._exchanged(sandbox_id, of), is_waiting, self._by_age(True))

    def _exchanged(self, sandbox_id: str | None, of: Mapping[str, Any]) -> Select[Any]:
        listed = self._listed(
            False,
            {name: value for name, value in of.items() if name not in ("since", "until")},
            of.get("since"),
            of.get("until"),
        )
        return listed if sandbox_id is None else listed.where(TABLE.c.id.in_(_ids_of_sandbox(sandbox_id)))

    def _of_sandbox(self, sandbox_id: str) -> Select[Any]:
        return self._select().where(TABLE.c.id.in_(_ids_of_sandbox(sandbox_id)))

    def of_workspace(
        self, workspace_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Message]:
        """Return a page of the messages of a workspace, oldest first."""
        statement = self._select().where(TABLE.c.workspace_id == workspace_id)
        return self._page(statement, OLDEST_FIRST, limit, offset, after)

    def of_thread(self, thread_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None) -> Page[Message]:
        """Return a page of the messages of a thread, oldest first."""
        return self._page(self._select().where(TABLE.c.thread_id == thread_id), OLDEST_FIRST, limit, offset, after)


class DeliveryRepository(OwnedRepository[Delivery]):
    table = DELIVERIES
    record = Delivery
    listed_by = ("message_id", "to_sandbox_id", "status")
    owned_by = (("message_id",), ("to_sandbox_id",))
    in_order = Order((DELIVERIES.c.message_id, DELIVERIES.c.to_sandbox_id))
    told_by = ("sent_at", "delivered_at", "reason")

    def of_message(
        self, message_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Delivery]:
        """Return a page of the deliveries of a message, by recipient."""
        statement = self._select().where(DELIVERIES.c.message_id == message_id)
        return self._page(statement, BY_RECIPIENT, limit, offset, after)

    def of_sandbox(
        self, to_sandbox_id: str, *, status: Filter = None, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Delivery]:
        """Return a page of the deliveries to a sandbox, perhaps those in some statuses, by the ids of the messages."""
        return self._page(
            self._having({"to_sandbox_id": to_sandbox_id, "status": status}), BY_MESSAGE, limit, offset, after
        )

    def first_of_messages(self, message_ids: Sequence[str], *, limit_each: int = 10) -> dict[str, Page[Delivery]]:
        """Return the first deliveries of each of several messages, by recipient, by one query."""
        return self._of_each("message_id", message_ids, BY_RECIPIENT, limit_each)

    def of_messages(self, message_ids: Sequence[str]) -> dict[str, tuple[Delivery, ...]]:
        """Return the deliveries of several messages, by message, each by recipient."""
        statement = self._select().where(DELIVERIES.c.message_id.in_(message_ids))
        rows = self.connection.execute(statement.order_by(DELIVERIES.c.message_id, DELIVERIES.c.to_sandbox_id))
        found = map(self._record, rows)
        return {message: tuple(some) for message, some in groupby(found, key=lambda one: one.message_id)}


KIND: Final = Kind(
    "message",
    tables=(TABLE, DELIVERIES),
    repository=MessageRepository,
    events={
        say.MessageSent: (send, await_recipients, outbox.post),
        say.MessageDelivered: (mention, deliver, outbox.settle),
        say.MessageFailed: (mention, fail, outbox.settle),
        say.MessageDispatched: (mention, dispatch, outbox.settle),
        say.MessageExpired: (mention, expire, outbox.settle),
    },
    conditions={say.MessageSent: (belongs_to_its_sender,)},
    lists=(Listed("deliveries", DeliveryRepository, DeliveryRepository.of_message, "message_id"),),
)


def _of_another(owner: str | None) -> Refused:
    words = f"is the id of a message that {told(owner or '')} has sent: give this one an id of its own"
    return Refused(Reason.CONFLICT, "subject", f"{words} (--set subject=…)")


def _ids_of_sandbox(sandbox_id: str) -> CompoundSelect[Any]:
    """Return the ids of the messages that a sandbox sent, and of those that were sent to it."""
    sent = select(TABLE.c.id).where(TABLE.c.from_sandbox_id == sandbox_id)
    return sent.union(select(DELIVERIES.c.message_id).where(DELIVERIES.c.to_sandbox_id == sandbox_id))


def reached_by(status_key: str) -> tuple[str, str]:
    """Return the source and the id of the event that set the status of a delivery."""
    return owner_of(status_key[1:])


def _delivery(event: Event) -> Write:
    assert isinstance(event.data, say.RecipientData)
    return Write(DELIVERIES, message_id=event.subject, to_sandbox_id=event.data.to_sandbox_id)


def _reach(write: Write, event: Event, status: DeliveryStatus, reason: str | None = None) -> Write:
    """Add the status. The greatest status reached wins: its rank comes first in the key."""
    key = f"{DELIVERY_RANKS[status]}{part_key(event)}"
    return write.group(DELIVERY_STATUS, key, status=status.value, reason=reason)
