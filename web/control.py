"""Flower looks, and does not touch, unless it is asked to: its commands answer 403."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from flower.api import BaseApiHandler
from tornado.web import HTTPError, RequestHandler, authenticated, url

from flowledger.web.seams import handler_of, pattern

WORDS: Final = "Flower is read-only here; `flowledger flower --control` (LEDGER_FLOWER_CONTROL=true) lets it control"


class Refused(BaseApiHandler):  # type: ignore[misc]  # Flower has no types
    """A command that is not carried out."""

    @authenticated
    def post(self, *_: str) -> None:
        raise HTTPError(403, WORDS)


def refusing(handlers: Iterable[Any]) -> list[Any]:
    """Return a handler that refuses for each of Flower's that does something: all of its API that take POST."""
    return [
        url(pattern(spec), Refused)
        for spec in handlers
        if pattern(spec).startswith("/api/") and handler_of(spec).post is not RequestHandler.post
    ]
