"""Messages as an exchange: each with the state of its delivery to each recipient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from flowledger.domain.kinds.messages import Delivery, Message
from flowledger.storage.kinds.messages import DeliveryRepository, MessageRepository
from flowledger.storage.paging import Page

PAGE: Final = 50
_RECIPIENTS: Final = 20
"""Deliveries of a message that a list shows."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message and its deliveries; `more` says that a message to many has further ones."""

    message: Message
    deliveries: tuple[Delivery, ...]
    more: bool


def said(connection: Connection, messages: Sequence[Message]) -> list[Said]:
    """Return messages with their deliveries, by one query."""
    if not messages:
        return []
    found = DeliveryRepository(connection).first_of_messages([one.id for one in messages], limit_each=_RECIPIENTS)
    pages = ((one, found.get(one.id, Page((), None))) for one in messages)
    return [Said(one, page.items, page.cursor is not None) for one, page in pages]


def conversation(connection: Connection, thread_id: str, *, after: str | None = None) -> tuple[list[Said], str | None]:
    """Return the messages of a thread, oldest first, and where it goes on. Two queries."""
    page = MessageRepository(connection).of_thread(thread_id, limit=PAGE, after=after)
    return said(connection, page.items), page.cursor
