"""What people see on a terminal: words and colours of `domain.readable`, JSON, and one place for errors."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, TextIO

from rich.console import Console
from rich.text import Text

from flowledger.domain.readable import duration as duration
from flowledger.domain.readable import safe as safe
from flowledger.domain.readable import time as time
from flowledger.domain.readable_json import json_lines
from flowledger.domain.readable_json import json_words as json_words

out: Final = Console(highlight=False)
err: Final = Console(stderr=True, highlight=False)

STATUS_STYLES: Final = {
    "completed": "green", "delivered": "green", "running": "cyan", "sent": "cyan", "failed": "red", "timed_out": "red",
    "cancelled": "yellow", "expired": "yellow", "paused": "yellow", "retrying": "yellow", "skipped": "dim",
    "active": "green", "archived": "dim", "provisioning": "cyan", "starting": "cyan", "stopping": "yellow",
    "stopped": "dim", "error": "red",
}  # fmt: skip
LEVEL_STYLES: Final = {"debug": "dim", "warning": "yellow", "error": "red", "critical": "bold red"}


def words(value: object, style: str = "", limit: int | None = None) -> Text:
    """Any value as safe text, never read as markup; `limit` cuts it to so many characters of one line."""
    text = "" if value is None else value if isinstance(value, str) else json_words(value)
    text = safe(text)
    if limit is not None:
        text = " ".join(text.split())
        text = text if len(text) <= limit else text[: limit - 1] + "…"
    return Text(text, style=style)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream of this process is a terminal; None is one that is closed."""
    return stream is not None and stream.isatty()


def time_of(seconds: float) -> str:
    """Return the time of day, in UTC, of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")


def status(value: str) -> Text:
    return Text(value, style=STATUS_STYLES.get(value, ""))


def print_json(value: object) -> None:
    """One JSON document on standard output, for programs."""
    print(json_lines(value), flush=True)


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
