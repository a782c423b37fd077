"""What people see: text made safe for a terminal, times, durations, JSON values, and one place for errors."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.text import Text

out: Final = Console(highlight=False)
err: Final = Console(stderr=True, highlight=False)

STATUS_STYLES: Final = {
    "completed": "green", "delivered": "green", "running": "cyan", "sent": "cyan", "failed": "red", "timed_out": "red",
    "cancelled": "yellow", "expired": "yellow", "paused": "yellow", "retrying": "yellow", "skipped": "dim",
    "active": "green", "archived": "dim", "provisioning": "cyan", "starting": "cyan", "stopping": "yellow",
    "stopped": "dim", "error": "red",
}  # fmt: skip
LEVEL_STYLES: Final = {"debug": "dim", "warning": "yellow", "error": "red", "critical": "bold red"}


def safe(text: str) -> str:
    """Text that cannot move the cursor, change colours or hide: each control character is written out (`\\x1b`)."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode() for char in text
    )


def words(value: object, style: str = "", limit: int | None = None) -> Text:
    """Any value as safe text, never read as markup; `limit` cuts it to so many characters of one line."""
    text = "" if value is None else value if isinstance(value, str) else json_words(value)
    text = safe(text)
    if limit is not None:
        text = " ".join(text.split())
        text = text if len(text) <= limit else text[: limit - 1] + "…"
    return Text(text, style=style)


def status(value: str) -> Text:
    return Text(value, style=STATUS_STYLES.get(value, ""))


def time(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def duration(seconds: float | None) -> str:
    """How long it took, as people say it; nothing if it is not known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.3f} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {left:02} s"


def json_words(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def print_json(value: object) -> None:
    """One JSON document on standard output, for programs."""
    print(json.dumps(value, indent=2, default=_plain))


def print_error(message: str) -> None:
    """One clear line on standard error."""
    err.print(Text.assemble(("error: ", "bold red"), " ".join(safe(message).split())), soft_wrap=True)


def print_warning(message: str) -> None:
    """The same for what is no error."""
    err.print(Text.assemble(("warning: ", "yellow"), " ".join(safe(message).split())), soft_wrap=True)


@contextlib.contextmanager
def log_lines(name: str) -> Iterator[None]:
    """What the logger of that name has to say, warnings and worse, as lines on standard error."""
    handler = _Lines(logging.WARNING)
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        err.print(Text.assemble((f"{record.levelname.lower()}: ", "yellow"), safe(record.getMessage())), soft_wrap=True)


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
