"""What was sent, as far as the database knows, and has not come to an end: neither delivered, failed nor expired."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, func, select, tuple_

from domain import json_text
from domain.envelope import LEDGER_SOURCE
from domain.events import MessageDispatched
from domain.keys import owner_of
from domain.statuses import DeliveryStatus
from storage import tables
from storage.repositories.messages import reached_by
from storage.tables.columns import FIRST_KEY

_MESSAGES: Final = tables.messages
_DELIVERIES: Final = tables.message_deliveries
_PLACE: Final = (_DELIVERIES.c.to_sandbox_id, _DELIVERIES.c.sent_at, _DELIVERIES.c.message_id)
_SENT: Final = _MESSAGES.join(_DELIVERIES, _DELIVERIES.c.message_id == _MESSAGES.c.id)

Place = tuple[str, datetime, str]
"""Where a page ends: recipient, `sent_at`, message."""


class Undelivered(NamedTuple):
    """A message that one recipient has not taken yet; `sent_by` names the event that sent it, by source and id.

    `is_ours`: the ledger put it into the recipient's inbox. Others were carried by somebody else.
    """

    message_id: str
    to_sandbox_id: str
    sent_at: datetime
    expires_at: datetime | None
    sent_by: tuple[str, str]
    is_ours: bool

    @property
    def place(self) -> Place:
        return self.to_sandbox_id, self.sent_at, self.message_id


class UndeliveredRepository:
    """Messages that were sent and have not come to an end, over a connection that the caller owns."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def count(self, to_sandbox_id: str | None = None) -> int:
        """How many there are, for one recipient or for all; a message to several counts for each."""
        statement = select(func.count()).select_from(_SENT).where(_is_undelivered(to_sandbox_id))
        return self.connection.execute(statement).scalar_one()

    def page(self, after: Place | None, limit: int, to_sandbox_id: str | None = None) -> list[Undelivered]:
        """The first `limit` behind the place `after`, for one recipient or for all.

        Recipient by recipient, the messages of each in the order in which they were put into the inbox first.
        """
        columns = (*_PLACE, _DELIVERIES.c.status_key, _MESSAGES.c.sent_key, _MESSAGES.c.expires_at)
        statement = select(*columns).select_from(_SENT).where(_is_undelivered(to_sandbox_id))
        statement = statement.order_by(*_PLACE).limit(limit)
        if after is not None:
            values = (bindparam(None, value, column.type) for value, column in zip(after, _PLACE, strict=True))
            statement = statement.where(tuple_(*_PLACE) > tuple_(*values))
        rows = self.connection.execute(statement).all()
        ours = self._put_by_the_ledger(rows)
        return [
            Undelivered(
                message_id=row.message_id,
                to_sandbox_id=row.to_sandbox_id,
                sent_at=row.sent_at,
                expires_at=row.expires_at,
                sent_by=owner_of(row.sent_key),
                is_ours=(row.message_id, row.to_sandbox_id) in ours,
            )
            for row in rows
        ]

    def _put_by_the_ledger(self, rows: Iterable[Row[*tuple[Any, ...]]]) -> set[tuple[str, str]]:
        """Those with a `message.dispatched` of the ledger's own, as message and recipient.

        Mostly it is the event that the delivery's status is of. Where somebody else reported the same later, the
        journal is searched for it.
        """
        ours, others = set(), set()
        for row in rows:
            if reached_by(row.status_key)[0] == LEDGER_SOURCE:
                ours.add((row.message_id, row.to_sandbox_id))
            else:
                others.add(row.message_id)
        return ours | self._dispatched(others) if others else ours

    def _dispatched(self, message_ids: Collection[str]) -> set[tuple[str, str]]:
        events = tables.events
        own = (events.c.source == LEDGER_SOURCE) & (events.c.type == MessageDispatched.event_type)
        statement = select(events.c.subject, events.c.raw).where(own, events.c.subject.in_(message_ids))
        rows = self.connection.execute(statement)
        return {(row.subject, json_text.loads(row.raw)["data"]["to_sandbox_id"]) for row in rows}


def _is_undelivered(to_sandbox_id: str | None) -> ColumnElement[bool]:
    """Sent, and of a message whose `message.sent` is recorded."""
    conditions = [_DELIVERIES.c.status == DeliveryStatus.SENT.value, _MESSAGES.c.sent_key != FIRST_KEY]
    if to_sandbox_id is not None:
        conditions.append(_DELIVERIES.c.to_sandbox_id == to_sandbox_id)
    return and_(*conditions)
