"""The outbox: messages that wait in the database for inboxes (docs/decisions/0019)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    bindparam,
    delete,
    func,
    or_,
    select,
    true,
    tuple_,
)

from flowledger.domain import json_text
from flowledger.domain.envelope import Event
from flowledger.domain.events import MessageSent, RecipientData
from flowledger.domain.kinds.messages import DeliveryStatus
from flowledger.domain.times import sortable
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.merge.writes import Each, Removal, Write
from flowledger.storage.schema.columns import index_where_given, metadata
from flowledger.storage.schema.types import Name, UtcTime

TABLE: Final = Table(
    "outbox",
    metadata,
    # Counts up: messages of one sender are recorded one after the other, so later ones have greater ids.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("message_id", Name, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("to_sandbox_id", Name, nullable=False),
    Column("source", Name, nullable=False),
    Column("event_id", Name, nullable=False),
    Column("expires_at", UtcTime),
    Index("ix_outbox_message_id", "message_id", "to_sandbox_id", unique=True),
    Index("ix_outbox_to_sandbox_id", "to_sandbox_id", "id"),
    *index_where_given("outbox", "expires_at"),
)
"""Messages to put into inboxes (docs/decisions/0019): not a function of the journal, so `verify` ignores them."""


_COLUMNS: Final = [
    TABLE.c.id,
    TABLE.c.message_id,
    TABLE.c.to_sandbox_id,
    TABLE.c.source,
    TABLE.c.event_id,
    TABLE.c.expires_at,
]


Expiry = tuple[datetime, int]
"""The place of the last of some expired messages: `expires_at`, and the row."""


class Outgoing(Protocol):
    """A message to put into the inbox of one recipient."""

    @property
    def message_id(self) -> str: ...

    @property
    def expires_at(self) -> datetime | None: ...

    @property
    def sent_by(self) -> tuple[str, str]:
        """The event that sent it: its source and its id."""


class Waiting(NamedTuple):
    """A message that waits for a recipient; `source` and `event_id` name the event that sent it.

    `is_open` is False if it needs no inbox any more: it was delivered, or failed, in another way.
    """

    id: int
    message_id: str
    to_sandbox_id: str
    source: str
    event_id: str
    expires_at: datetime | None
    is_open: bool

    @property
    def sent_by(self) -> tuple[str, str]:
        """The event that sent it: its source and its id."""
        return self.source, self.event_id


def post(event: Event, _recorded_at: str) -> Write:
    """Write a row for each recipient that the message names, or, for a broadcast, that its workspace has now."""
    data = event.data
    assert isinstance(data, MessageSent)
    if data.to_sandbox_ids is None:
        assert data.workspace_id is not None
        each = Each("to_sandbox_id", where=("sandboxes", "workspace_id")), data.workspace_id
    else:
        each = Each("to_sandbox_id"), json_text.dumps(sorted(set(data.to_sandbox_ids)))
    return Write(
        TABLE,
        each,
        message_id=event.subject,
        source=event.source,
        event_id=event.id,
        expires_at=None if data.expires_at is None else sortable(data.expires_at),
    )


def settle(event: Event, _recorded_at: str) -> Removal:
    """Remove the row of a message that is in the inbox, or has ended."""
    assert isinstance(event.data, RecipientData)
    return Removal.of(TABLE, message_id=event.subject, to_sandbox_id=event.data.to_sandbox_id)


class OutboxRepository:
    """Messages that wait, over a connection that the caller owns."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def count(self) -> int:
        """Return how many messages wait; a message to several recipients counts once for each."""
        return self.connection.execute(select(func.count()).select_from(TABLE)).scalar_one()

    def since(self) -> datetime | None:
        """Return when the message that waits longest was recorded; None if no message waits."""
        sent_by = (EVENTS.c.source == TABLE.c.source) & (EVENTS.c.id == TABLE.c.event_id)
        statement = select(EVENTS.c.recorded_at).select_from(TABLE).join(EVENTS, sent_by).order_by(TABLE.c.id)
        return self.connection.execute(statement.limit(1)).scalar_one_or_none()

    def first(self, recipients: Collection[str], after: int, limit: int) -> list[Waiting]:
        """Return the first `limit` messages after the row `after` that wait for any of `recipients`, in order."""
        deliveries = metadata.tables["message_deliveries"]  # by name: its file imports this one
        is_open = or_(deliveries.c.status.is_(None), deliveries.c.status == DeliveryStatus.PENDING.value)
        same = (deliveries.c.message_id == TABLE.c.message_id) & (deliveries.c.to_sandbox_id == TABLE.c.to_sandbox_id)
        statement = (
            select(*_COLUMNS, is_open.label("is_open"))
            .outerjoin(deliveries, same)
            .where(TABLE.c.to_sandbox_id.in_(recipients), TABLE.c.id > after)
            .order_by(TABLE.c.id)
            .limit(limit)
        )
        return [Waiting._make(row) for row in self.connection.execute(statement)]

    def expired(self, moment: datetime, after: Expiry | None, limit: int) -> list[Waiting]:
        """Return messages that had expired at `moment`, the earliest first, after the place `after`."""
        place = (TABLE.c.expires_at, TABLE.c.id)
        statement = select(*_COLUMNS, true()).where(TABLE.c.expires_at <= moment).order_by(*place).limit(limit)
        if after is not None:
            values = (bindparam(None, value, column.type) for value, column in zip(after, place, strict=True))
            statement = statement.where(tuple_(*place) > tuple_(*values))
        return [Waiting._make(row) for row in self.connection.execute(statement)]

    def recipients(self, after: str, limit: int) -> list[str]:
        """Return recipients for whom messages wait, in order, those after `after`; each costs one index look-up."""
        name = TABLE.c.to_sandbox_id
        found = select(func.min(name).label("name")).where(name > after).cte("found", recursive=True)
        following = select(func.min(name)).where(name > found.c.name).scalar_subquery()
        found = found.union_all(select(following).where(found.c.name.is_not(None)))
        statement = select(found.c.name).where(found.c.name.is_not(None)).limit(limit)
        return list(self.connection.execute(statement).scalars())

    def recipients_of(self, message_ids: Collection[str], limit: int) -> set[str]:
        """Return the recipients for whom these messages wait, at most `limit`."""
        statement = select(TABLE.c.to_sandbox_id).where(TABLE.c.message_id.in_(message_ids)).distinct().limit(limit)
        return set(self.connection.execute(statement).scalars())

    def remove(self, ids: Sequence[int]) -> None:
        """Delete rows, in the caller's transaction."""
        self.connection.execute(delete(TABLE).where(TABLE.c.id.in_(ids)))
