"""What all pages have in common: who may see them, their headers, reads off the event loop, errors in words."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar

import redis
from flower.views import BaseHandler
from sqlalchemy import Connection
from tornado.web import HTTPError, authenticated

from flowledger.domain.errors import DatabaseUnavailable, InvalidArgument, LedgerError, UnknownFilter
from flowledger.domain.times import now
from flowledger.storage.paging import BadCursor
from flowledger.web import cells, words
from flowledger.web.ledger import KEY, Ledger
from flowledger.web.sections import SECTIONS

logger = logging.getLogger(__name__)
T = TypeVar("T")

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Scripts and styles come from this server's files alone. Bootstrap's style sheet has pictures in `data:`."""

_FAULTS_OF_THE_ADDRESS: Final = (BadCursor, InvalidArgument, UnknownFilter)


class LedgerHandler(BaseHandler):  # type: ignore[misc]  # Flower has no types
    """A page of the ledger, for whoever has signed in to Flower. Write `page`; nothing else answers a request."""

    section: ClassVar[str] = ""
    """The name of its tab (`web.routes.SECTIONS`)."""
    queries = 0
    """How many statements were sent to the database for this page."""

    @property
    def ledger(self) -> Ledger:
        """What the process knows: settings, database, Redis."""
        found: Ledger = self.settings[KEY]
        return found

    def set_default_headers(self) -> None:
        super().set_default_headers()
        for name, value in HEADERS.items():
            self.set_header(name, value)

    @authenticated
    async def get(self, *names: str) -> None:
        """Answer with the page, or with what is wrong, in words."""
        try:
            await self.page(*names)
        except _FAULTS_OF_THE_ADDRESS as error:
            raise HTTPError(400, words.safe(error)) from error
        except DatabaseUnavailable as error:
            raise HTTPError(503, words.unanswered(error)) from error
        except (redis.RedisError, OSError) as error:
            raise HTTPError(503, f"Redis does not answer: {error}") from error
        except LedgerError as error:
            raise HTTPError(503, str(error)) from error

    async def page(self, *names: Any, **_: Any) -> None:
        """Write the page. `names` are the groups of its URL, decoded; a page takes as many as its pattern has.

        Raise `HTTPError(404, "no such …")` for what there is not.
        """
        raise NotImplementedError

    async def read(self, question: Callable[[Connection], T]) -> T:
        """Answer a question that is asked of a read-only connection, on another thread, and count its statements."""
        answer = await self.ledger.reader.ask(question)
        self.queries += answer.queries
        found: T = answer.value
        return found

    async def work(self, task: Callable[[], T]) -> T:
        """Do something that takes time on another thread."""
        answer = await self.ledger.reader.work(task)
        self.queries += answer.queries
        found: T = answer.value
        return found

    def wanted(self, name: str) -> str | None:
        """Return an argument of the URL exactly, or None if it is missing or empty; templates escape it.

        Tornado's own would strip it, and replace control characters: ids are opaque.
        """
        given = self.request.query_arguments.get(name)
        return (self.decode_argument(given[-1], name) or None) if given else None

    def wanted_all(self, *names: str) -> dict[str, str]:
        """Return those of these arguments that are given."""
        return {name: value for name in names if (value := self.wanted(name)) is not None}

    def url_with(self, **changes: Any) -> str:
        """Return this page's URL with its arguments changed; None takes one away. So filters stick."""
        given = self.wanted_all(*self.request.query_arguments)
        return words.url_with(self.request.path, given, changes)

    def route_to(self, route: str, *names: str) -> str | None:
        """Return the URL of a page by the name of its route; None if there is no such page."""
        try:
            found: str = self.reverse_url(route, *names)
        except KeyError:
            return None
        return found

    def show(self, template: str, **values: Any) -> None:
        """Render `web/templates/ledger/<template>.html`."""
        self.set_header("Server-Timing", f'db;desc="{self.queries} queries"')
        self.render(f"ledger/{template}.html", **values)

    def get_template_namespace(self) -> dict[str, Any]:
        namespace: dict[str, Any] = super().get_template_namespace()
        ours = {
            "section": self.section,
            "sections": SECTIONS,
            "at": now(),
            "url_with": self.url_with,
            "read_only": not self.ledger.control,
        }
        return namespace | words.FUNCTIONS | cells.FUNCTIONS | ours | {"route_to": self.route_to}

    def write_error(self, status_code: int, **given: Any) -> None:
        """Answer with the words of the error; what went wrong inside stays in the log."""
        if status_code == 401:
            super().write_error(status_code, **given)
            return
        error = given.get("exc_info", (None, None))[1]
        said = error.log_message if isinstance(error, HTTPError) and error.log_message else ""
        known = said.replace("%%", "%") or {404: "there is no such page", 405: "pages are only read"}.get(status_code)
        self.set_status(status_code)
        self.current_user = True  # Flower's own way not to ask again while the error is rendered
        self.show("error", status=status_code, words=known or "an error of Flowledger; Flower's log has more")
