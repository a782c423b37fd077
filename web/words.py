"""What templates call by name: values as people read them, as HTML that is escaped already, or text that will be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from tornado.escape import xhtml_escape

from flowledger.domain import readable
from flowledger.domain.errors import DatabaseDenied
from flowledger.domain.readable_json import json_words
from flowledger.domain.times import now
from flowledger.web.totals import Total

_BIDI: Final = {
    ord(mark): f"\\u{ord(mark):04x}"
    for mark in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
}
"""Marks that reorder the text around them are written out, so that no content can make a page say something else."""


def safe(value: object) -> str:
    """Return text in which each control character and each mark of direction is written out; templates escape it."""
    return "" if value is None else readable.safe(str(value)).translate(_BIDI)


def unanswered(error: Exception, what: str = "the database") -> str:
    """Return why `what` gave no answer: a right that is missing is no silence."""
    if isinstance(error, DatabaseDenied):
        return f"Flower lacks a right in the database: {error}"
    return f"{what} does not answer: {error}"


def ago(value: datetime, at: datetime | None = None) -> str:
    """Return how long ago, or in how long, a time is, in one unit."""
    seconds = ((at or now()) - value).total_seconds()
    words = _span(abs(seconds))
    return f"in {words}" if seconds < 0 else f"{words} ago"


def _span(seconds: float) -> str:
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def when(value: datetime | None) -> str:
    """Return HTML (`{% raw when(…) %}`): a time in UTC, with how long ago it is as its title; a dash for none."""
    if value is None:
        return '<span class="ledger-none">&ndash;</span>'
    utc = value.astimezone(UTC)
    words = readable.time(utc)
    return f'<time datetime="{utc.isoformat()}" title="{xhtml_escape(ago(value))}">{words}</time>'


def many(total: Total | int) -> str:
    """Return a number with its thousands apart, or "more than 10,000"."""
    if isinstance(total, int):
        return f"{total:,}"
    return f"more than {total.count:,}" if total.is_more else f"{total.count:,}"


def grown(size: float | None) -> str:
    """Return by how many bytes something has grown; a dash if that is not known."""
    return "–" if size is None else f"{'+' if size > 0 else ''}{readable.size(size)}"  # noqa: RUF001 - as in tables


def url_with(path: str, arguments: Mapping[str, str], changes: Mapping[str, Any]) -> str:
    """Return `path` with these arguments, changed; None or "" takes one away."""
    merged = {**arguments, **changes}
    kept = {name: value for name, value in merged.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


def subject_route(type_: str | None, subject: str | None) -> tuple[str, str] | None:
    """Return the route, and the id that it takes, of the page about an event's subject; None if there is none."""
    kind = (type_ or "").partition(".")[0]
    return (f"ledger-{kind}", subject) if subject and kind in ("execution", "task", "message") else None


FUNCTIONS: Final[dict[str, Callable[..., str]]] = {
    "safe": safe,
    "when": when,
    "ago": ago,
    "many": many,
    "duration": readable.duration,
    "size": readable.size,
    "grown": grown,
    "json_words": json_words,
    "urlencode": urlencode,
}
"""By these names in each template of `web/templates/ledger`."""
