"""What is on its way from the database to the inboxes (docs/decisions/0019)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from sqlalchemy import Connection, bindparam, delete, func, or_, select, true, tuple_

from flowledger.domain import json_text
from flowledger.domain.envelope import Event
from flowledger.domain.events import MessageSent, RecipientData
from flowledger.domain.statuses import DeliveryStatus
from flowledger.storage import tables
from flowledger.storage.repositories import base
from flowledger.storage.writes import Each, Removal, Write

_TABLE: Final = tables.outbox
_COLUMNS: Final = [
    _TABLE.c.id,
    _TABLE.c.message_id,
    _TABLE.c.to_sandbox_id,
    _TABLE.c.source,
    _TABLE.c.event_id,
    _TABLE.c.expires_at,
]


Expiry = tuple[datetime, int]
"""Where some messages that have expired end: `expires_at`, and the row."""


class Outgoing(Protocol):
    """A message on its way to one recipient."""

    @property
    def message_id(self) -> str: ...

    @property
    def expires_at(self) -> datetime | None: ...

    @property
    def sent_by(self) -> tuple[str, str]:
        """The event that sent it: its source and its id."""


class Waiting(NamedTuple):
    """A message that waits for a recipient; `source` and `event_id` name the event that sent it.

    `is_open` is False where it needs no inbox any more: it was delivered, or failed, in another way.
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


class OutboxRepository:
    """Messages that wait, over a connection that the caller owns."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @staticmethod
    def post(event: Event, _recorded_at: str) -> Write:
        """A row for each recipient that the message names, or, of a broadcast, that its workspace has now."""
        data = event.data
        assert isinstance(data, MessageSent)
        if data.to_sandbox_ids is None:
            assert data.workspace_id is not None
            each = Each("to_sandbox_id", of_workspace=True), data.workspace_id
        else:
            each = Each("to_sandbox_id"), json_text.dumps(sorted(set(data.to_sandbox_ids)))
        expires_at = base.time_or_none(data.expires_at)
        return Write(
            _TABLE,
            each,
            message_id=event.subject,
            source=event.source,
            event_id=event.id,
            expires_at=expires_at,
        )

    @staticmethod
    def settle(event: Event, _recorded_at: str) -> Removal:
        """Nothing waits any more: the message is in the inbox, or has come to its end."""
        assert isinstance(event.data, RecipientData)
        return Removal.of(_TABLE, message_id=event.subject, to_sandbox_id=event.data.to_sandbox_id)

    def count(self) -> int:
        """How much waits: a message to several counts for each of its recipients."""
        return self.connection.execute(select(func.count()).select_from(_TABLE)).scalar_one()

    def since(self) -> datetime | None:
        """When what waits longest was recorded; None where nothing waits."""
        events = tables.events
        sent_by = (events.c.source == _TABLE.c.source) & (events.c.id == _TABLE.c.event_id)
        statement = select(events.c.recorded_at).select_from(_TABLE).join(events, sent_by).order_by(_TABLE.c.id)
        return self.connection.execute(statement.limit(1)).scalar_one_or_none()

    def first(self, recipients: Collection[str], after: int, limit: int) -> list[Waiting]:
        """The first `limit` messages behind the row `after` that wait for any of `recipients`, in their order."""
        deliveries = tables.message_deliveries
        is_open = or_(deliveries.c.status.is_(None), deliveries.c.status == DeliveryStatus.PENDING.value)
        same = (deliveries.c.message_id == _TABLE.c.message_id) & (deliveries.c.to_sandbox_id == _TABLE.c.to_sandbox_id)
        statement = (
            select(*_COLUMNS, is_open.label("is_open"))
            .outerjoin(deliveries, same)
            .where(_TABLE.c.to_sandbox_id.in_(recipients), _TABLE.c.id > after)
            .order_by(_TABLE.c.id)
            .limit(limit)
        )
        return [Waiting._make(row) for row in self.connection.execute(statement)]

    def expired(self, moment: datetime, after: Expiry | None, limit: int) -> list[Waiting]:
        """Messages whose time was over at `moment`, the longest over first, behind the place `after`."""
        place = (_TABLE.c.expires_at, _TABLE.c.id)
        statement = select(*_COLUMNS, true()).where(_TABLE.c.expires_at <= moment).order_by(*place).limit(limit)
        if after is not None:
            values = (bindparam(None, value, column.type) for value, column in zip(after, place, strict=True))
            statement = statement.where(tuple_(*place) > tuple_(*values))
        return [Waiting._make(row) for row in self.connection.execute(statement)]

    def recipients(self, after: str, limit: int) -> list[str]:
        """For whom anything waits, some at a time, in order, behind `after`: each found by one look into the index."""
        name = _TABLE.c.to_sandbox_id
        found = select(func.min(name).label("name")).where(name > after).cte("found", recursive=True)
        following = select(func.min(name)).where(name > found.c.name).scalar_subquery()
        found = found.union_all(select(following).where(found.c.name.is_not(None)))
        statement = select(found.c.name).where(found.c.name.is_not(None)).limit(limit)
        return list(self.connection.execute(statement).scalars())

    def recipients_of(self, message_ids: Collection[str], limit: int) -> set[str]:
        """For whom these messages wait; `limit` of them at the most."""
        statement = select(_TABLE.c.to_sandbox_id).where(_TABLE.c.message_id.in_(message_ids)).distinct().limit(limit)
        return set(self.connection.execute(statement).scalars())

    def texts(self, sent_by: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """The texts of events, as they came, by source and id."""
        events = tables.events
        of_keys = tuple_(events.c.source, events.c.id).in_(sorted(set(sent_by)))
        rows = self.connection.execute(select(events.c.source, events.c.id, events.c.raw).where(of_keys))
        return {(row.source, row.id): row.raw for row in rows}

    def remove(self, ids: Sequence[int]) -> None:
        """Takes rows away, in the caller's transaction."""
        self.connection.execute(delete(_TABLE).where(_TABLE.c.id.in_(ids)))
