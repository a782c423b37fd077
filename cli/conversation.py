"""A conversation: the messages of a thread as an exchange to read, with times and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from rich.text import Text
from sqlalchemy import Connection

from flowledger.cli import screen
from flowledger.cli.layout import Row, indented, print_box
from flowledger.domain.kinds.messages import Delivery, Message
from flowledger.storage.kinds.messages import DeliveryRepository, MessageRepository
from flowledger.storage.paging import Page

_LINE: Final = 2000
"""Characters of a message's content."""
_INDENT: Final = 14


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


def print_conversation(thread_id: str, said: Sequence[Said], total: int) -> None:
    """Print the exchange, one day after the other; `total` is how many messages the thread has."""
    rows: list[Row] = []
    for day, messages in groupby(said, key=lambda one: screen.time(one.message.created_at)[:10]):
        rows.append(indented(Text(f"{day} UTC", style="dim"), 0))
        for one in messages:
            time = Text(f"{screen.time(one.message.created_at)[11:]:12}  ", style="dim")
            rows.append(Row(time, _head(one.message)))
            rows += [indented(text, _INDENT) for text in (_content(one.message), *map(_outcome, one.deliveries))]
    of = "" if len(said) == total else f"{len(said):,} of "
    count = f"{of}{total:,} message{'' if total == 1 else 's'}"
    print_box(Text.assemble("conversation ", (screen.safe(thread_id), "bold"), f", {count}"), rows)


def _head(message: Message) -> Text:
    kind = message.message_type or "not sent yet"
    return Text.assemble(
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
