"""A conversation: the messages of a thread as an exchange to read, with times and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text
from sqlalchemy import Connection

from flowledger.cli import screen
from flowledger.domain.kinds.messages import Delivery, Message
from flowledger.storage.kinds.messages import DeliveryRepository, MessageRepository
from flowledger.storage.paging import Page

_LINE = 2000
"""Characters of a message's content."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a conversation, and where it stands with each of its recipients."""

    message: Message
    deliveries: tuple[Delivery, ...]


def conversation(connection: Connection, thread_id: str, limit: int, after: str | None = None) -> Page[Said]:
    """The messages of a thread, oldest first, up to `limit` behind a cursor."""
    page = MessageRepository(connection).of_thread(thread_id, limit=limit, after=after)
    deliveries = DeliveryRepository(connection).of_messages([message.id for message in page.items])
    said = tuple(Said(message, deliveries.get(message.id, ())) for message in page.items)
    return Page(said, page.cursor)


def panel(thread_id: str, said: Sequence[Said], total: int) -> Panel:
    """The exchange, a day after the other; `total` is how many messages the thread has."""
    parts: list[RenderableType] = []
    for day, messages in groupby(said, key=lambda one: screen.time(one.message.created_at)[:10]):
        parts.append(Text(f"{day} UTC", style="dim"))
        for one in messages:
            parts += [_head(one.message), Padding(_content(one.message), (0, 0, 0, 14))]
            parts += [Padding(_outcome(delivery), (0, 0, 0, 14)) for delivery in one.deliveries]
    count = f"{total:,} messages" if len(said) == total else f"{len(said):,} of {total:,} messages"
    title = Text.assemble("conversation ", (screen.safe(thread_id), "bold"), f", {count}")
    return Panel(Group(*parts), title=title, title_align="left")


def _head(message: Message) -> Text:
    kind = message.message_type or "not sent yet"
    return Text.assemble(
        (screen.time(message.created_at)[11:], "dim"), "  ",
        screen.words(message.from_sandbox_id or "somebody", "bold"), "  ", (kind, "cyan"),
        screen.words("" if message.in_reply_to is None else f" to {message.in_reply_to}", "dim"), "  ",
        screen.words(message.id, "dim"),
    )  # fmt: skip


def _content(message: Message) -> Text:
    content = message.content
    if isinstance(content, dict) and content and all(isinstance(value, str) for value in content.values()):
        content = "\n".join(content.values())
    text = content if isinstance(content, str) else screen.json_words(content)
    return screen.words(text if len(text) <= _LINE else f"{text[:_LINE]}…")


def _outcome(delivery: Delivery) -> Text:
    """`→ bob  delivered  12:00:00.900`"""
    ended = delivery.delivered_at or delivery.sent_at
    return Text.assemble(
        ("→ ", "dim"), screen.words(delivery.to_sandbox_id), "  ", screen.status(delivery.status), "  ",
        ("" if ended is None else screen.time(ended)[11:], "dim"), screen.words(delivery.reason, "red", limit=_LINE),
    )  # fmt: skip
