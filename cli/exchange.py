"""Messages as an exchange that can be read along: who says what to whom, and what became of it."""

from __future__ import annotations

from typing import Any, Final

from rich.text import Text

from flowledger.cli import screen
from flowledger.domain.limits import RANGES
from flowledger.domain.records import RecordedEvent

_NAME: Final = 40
_CONTENT: Final = 160
_OUTCOMES: Final = {
    "message.dispatched": ("in the inbox of", "cyan"),
    "message.delivered": ("delivered to", "green"),
    "message.failed": ("failed for", "red"),
    "message.expired": ("expired for", "yellow"),
}


def exchange_line(event: RecordedEvent, data: dict[str, Any]) -> Text:
    """`alice → bob, carol  request  "words"  msg_1`, or what became of a message with one of its recipients."""
    if event.type == "message.sent":
        return _sent(event, data)
    words, style = _OUTCOMES.get(event.type, (event.type, ""))
    line = Text.assemble("  ", (words, style), " ", _name(data.get("to_sandbox_id")), "  ", _id(event))
    reason = data.get("reason")
    return line if reason is None else Text.assemble(line, "  ", screen.words(reason, style, limit=_CONTENT))


def _sent(event: RecordedEvent, data: dict[str, Any]) -> Text:
    to = data.get("to_sandbox_ids")
    names = (
        [_name(one) for one in to]
        if isinstance(to, list)
        else [screen.words(f"all of {data.get('workspace_id')}", limit=_NAME)]
    )
    about = data.get("in_reply_to")
    return Text.assemble(
        _name(data.get("from_sandbox_id")), " → ", Text(", ").join(names), "  ",
        screen.words(data.get("message_type"), "cyan"), "  ",
        screen.words(_said(data.get("content")), limit=_CONTENT), "  ",
        _id(event), screen.words("" if about is None else f" to {about}", "dim", limit=RANGES["max_id_bytes"].highest),
    )  # fmt: skip


def _said(content: object) -> object:
    """The texts of an object that holds nothing else (`subject` and `body`, say), else the content as it is."""
    if isinstance(content, dict) and content and all(isinstance(value, str) for value in content.values()):
        return " · ".join(content.values())
    return content


def _name(value: object) -> Text:
    return screen.words(value, "bold", limit=_NAME)


def _id(event: RecordedEvent) -> Text:
    return screen.words(event.subject, "dim", limit=RANGES["max_id_bytes"].highest)
