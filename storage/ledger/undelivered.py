"""Messages that the database knows as sent and that have not ended: neither delivered, failed nor expired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, exists, func, select, tuple_

from flowledger.domain import json_text
from flowledger.domain.envelope import LEDGER_SOURCE
from flowledger.domain.events import MessageDispatched, MessageSent
from flowledger.domain.kinds.messages import DeliveryStatus
from flowledger.storage.kinds.messages import DELIVERIES, reached_by
from flowledger.storage.kinds.messages import TABLE as MESSAGES
from flowledger.storage.ledger.event_texts import with_texts
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.retention.erasures import TABLE as ERASURES
from flowledger.storage.schema.columns import FIRST_KEY

_PLACE: Final = (DELIVERIES.c.to_sandbox_id, DELIVERIES.c.sent_at, DELIVERIES.c.message_id)
_SENT: Final = MESSAGES.join(DELIVERIES, DELIVERIES.c.message_id == MESSAGES.c.id)

SentBy = tuple[str, str]
"""An event, by source and id."""
NOBODY: Final[SentBy] = ("", "")
GONE: Final[SentBy] = ("", "gone")
"""Stands for an event that is not known any more, because the text that named it is gone."""
Reached = tuple[str, str]
"""A message and one of its recipients."""
Place = tuple[str, datetime, str]
"""The end of a page: recipient, `sent_at`, message."""


class Undelivered(NamedTuple):
    """A message that one recipient has not acknowledged yet.

    `sent_by` names the event that the ledger put into the recipient's inbox, by source and id: if a message is sent in
    several events, each delivery belongs to one of them. `NOBODY` if somebody else delivered it, `GONE` if the text
    that named it is gone.
    """

    message_id: str
    to_sandbox_id: str
    sent_at: datetime
    expires_at: datetime | None
    sent_by: SentBy

    @property
    def place(self) -> Place:
        return self.to_sandbox_id, self.sent_at, self.message_id


class UndeliveredRepository:
    """Messages that were sent and have not ended, over a connection that the caller owns."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def count(self, to_sandbox_id: str | None = None) -> int:
        """Return the number of messages, for one recipient or for all; one to several recipients counts for each."""
        statement = select(func.count()).select_from(_SENT).where(_is_undelivered(to_sandbox_id))
        return self.connection.execute(statement).scalar_one()

    def page(self, after: Place | None, limit: int, to_sandbox_id: str | None = None) -> list[Undelivered]:
        """Return the first `limit` messages after the place `after`, for one recipient or for all.

        They are in order of recipient, then of the time at which they were first put into the inbox.
        """
        columns = (*_PLACE, DELIVERIES.c.status_key, MESSAGES.c.expires_at)
        statement = select(*columns).select_from(_SENT).where(_is_undelivered(to_sandbox_id))
        statement = statement.order_by(*_PLACE).limit(limit)
        if after is not None:
            values = (bindparam(None, value, column.type) for value, column in zip(after, _PLACE, strict=True))
            statement = statement.where(tuple_(*_PLACE) > tuple_(*values))
        rows = self.connection.execute(statement).all()
        made_by = self._made_by(rows)
        return [
            Undelivered(
                message_id=row.message_id,
                to_sandbox_id=row.to_sandbox_id,
                sent_at=row.sent_at,
                expires_at=row.expires_at,
                sent_by=made_by.get((row.message_id, row.to_sandbox_id), NOBODY),
            )
            for row in rows
        ]

    def _made_by(self, rows: Iterable[Row[*tuple[Any, ...]]]) -> dict[Reached, SentBy]:
        """Return, for each message and recipient, the event that the ledger's own `message.dispatched` names.

        Mostly that `message.dispatched` set the delivery's status. If somebody else reported the same later, the
        journal is searched for it.
        """
        rows = list(rows)
        own, others = [], set()
        for row in rows:
            reached = reached_by(row.status_key)
            if reached[0] == LEDGER_SOURCE:
                own.append(reached)
            else:
                others.add(row.message_id)
        found = self._dispatched(_is_one_of(own)) if own else {}
        if others:
            by_ledger = (EVENTS.c.source == LEDGER_SOURCE) & (EVENTS.c.type == MessageDispatched.event_type)
            found = self._dispatched(by_ledger & EVENTS.c.subject.in_(others)) | found
        gone = {message for message, recipient in found if recipient is None}
        unknown = {(row.message_id, row.to_sandbox_id): GONE for row in rows if row.message_id in gone}
        known = {(message, to): sent_by for (message, to), sent_by in found.items() if to is not None}
        return unknown | self._sent(known)

    def _dispatched(self, condition: ColumnElement[bool]) -> dict[tuple[str, str | None], SentBy]:
        """Return the events named by the journal's `message.dispatched` events that fulfil the condition.

        If a text is gone, its message stands there with the recipient None.
        """
        found: dict[tuple[str, str | None], SentBy] = {}
        columns = (EVENTS.c.subject, EVENTS.c.recorded_at, EVENTS.c.meaning)
        rows = self.connection.execute(select(*columns).where(condition)).all()
        for row, raw in with_texts(self.connection, rows):
            if raw is None:
                found[row.subject, None] = GONE
                continue
            data = json_text.loads(raw)["data"]
            if "event_source" in data and "event_id" in data:
                found[row.subject, data["to_sandbox_id"]] = (data["event_source"], data["event_id"])
        return found

    def _sent(self, made_by: Mapping[Reached, SentBy]) -> dict[Reached, SentBy]:
        """Return those that name a `message.sent` of the message."""
        if not made_by:
            return {}
        is_one = _is_one_of(made_by.values()) & (EVENTS.c.type == MessageSent.event_type)
        rows = self.connection.execute(select(EVENTS.c.source, EVENTS.c.id, EVENTS.c.subject).where(is_one))
        subjects = {(row.source, row.id): row.subject for row in rows}
        return {reached: sent_by for reached, sent_by in made_by.items() if subjects.get(sent_by) == reached[0]}


def _is_one_of(names: Iterable[SentBy]) -> ColumnElement[bool]:
    return tuple_(EVENTS.c.source, EVENTS.c.id).in_(sorted(set(names)))


def _is_undelivered(to_sandbox_id: str | None) -> ColumnElement[bool]:
    """Return the condition: the delivery is sent, its `message.sent` is recorded, its recipient is not erased."""
    conditions = [DELIVERIES.c.status == DeliveryStatus.SENT.value, MESSAGES.c.sent_key != FIRST_KEY]
    conditions.append(~exists().where(ERASURES.c.subject == DELIVERIES.c.to_sandbox_id))
    if to_sandbox_id is not None:
        conditions.append(DELIVERIES.c.to_sandbox_id == to_sandbox_id)
    return and_(*conditions)
