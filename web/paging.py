"""Pages of a list by keyset, with a way back: the cursors of the pages before stand in the URL."""

from __future__ import annotations

from typing import Final, NamedTuple

from flowledger.web.handler import LedgerHandler

_FIRST: Final = "0"
"""Stands for the first page, which has no cursor."""
_MOST: Final = 30
"""Pages that one may go back; the first page is always one step away."""


class Pages(NamedTuple):
    """The URLs of the pages around this one, or None."""

    first: str | None
    previous: str | None
    next: str | None


def pages_around(handler: LedgerHandler, cursor: str | None, name: str = "after") -> Pages:
    """Return the URLs around this page, whose next one begins behind `cursor`; `name` is the argument with cursors."""
    trail_name = f"{name}-trail"
    here = handler.wanted(name)
    trail = [part for part in (handler.wanted(trail_name) or "").split(".") if part]
    first = previous = following = None
    if here is not None:
        first = handler.url_with(**{name: None, trail_name: None})
        if trail:
            before = None if trail[-1] == _FIRST else trail[-1]
            previous = handler.url_with(**{name: before, trail_name: ".".join(trail[:-1])})
    if cursor is not None:
        trail = [*trail, here or _FIRST][-_MOST:]
        following = handler.url_with(**{name: cursor, trail_name: ".".join(trail)})
    return Pages(first, previous, following)
