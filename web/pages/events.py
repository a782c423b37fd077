"""`/ledger/events`: the journal, the last recorded first; one event with its exact text."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from tornado.web import HTTPError

from flowledger.domain.json_pieces import bytes_of, laid_out, text_of
from flowledger.domain.records import ListedEvent
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.ledger.journal_lists import EventFilter, ListedEventRepository
from flowledger.web.handler import LedgerHandler
from flowledger.web.pages.work_lists import QUICK, moment_wanted
from flowledger.web.paging import pages_around
from flowledger.web.runs.listing import Listing, total_of
from flowledger.web.totals import MOST

PAGE: Final = 100
SHOWN: Final = 200_000
"""Characters of a text that the page shows; the whole text is a link away."""


class Events(LedgerHandler):
    """By type, source, subject and time of recording. Two or three queries."""

    section = "events"

    async def page(self) -> None:
        """Write the list."""
        only = EventFilter(
            type=self.wanted("type"),
            source=self.wanted("source"),
            subject=self.wanted("subject"),
            since=moment_wanted(self, "since"),
            until=moment_wanted(self, "until"),
        )
        after = self.wanted("after")
        found = await self.read(lambda connection: _listed(connection, only, after))
        self.show(
            "events",
            found=found,
            given=self.wanted_all("type", "source", "subject", "since", "until"),
            pages=pages_around(self, found.cursor),
            quick=QUICK,
        )


def _listed(connection: Connection, only: EventFilter, after: str | None) -> Listing[ListedEvent]:
    events = ListedEventRepository(connection)
    page = events.newest(only, limit=PAGE, after=after)
    if not only.narrows:
        total = total_of(events.count(only, most=MOST + 1))
        return Listing(items=page.items, cursor=page.cursor, total=total)
    counted = events.count_narrowed(only)
    of_newest = MOST if counted.read > MOST and counted.kept <= MOST else None
    return Listing(
        items=page.items, cursor=page.cursor, total=total_of(counted.kept), of_newest=of_newest,
        looked_back_to=page.looked_back_to,
    )  # fmt: skip


class EventPage(LedgerHandler):
    """One event (`?source=…&id=…`): its text as it was published, and the same set out. Two queries."""

    section = "events"

    async def page(self) -> None:
        """Write the page, or, with `text=1`, the text alone; 404 if there is no such event."""
        source, id_ = self.wanted("source") or "", self.wanted("id") or ""
        event = await self.read(lambda connection: JournalRepository(connection).get(source, id_))
        if event is None:
            raise HTTPError(404, "no event of this source and id is recorded")
        if self.wanted("text") is not None:
            if event.raw is None:
                raise HTTPError(404, "the text of this event is gone")
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.set_header("X-Content-Type-Options", "nosniff")
            self.write(event.raw)
            return
        pretty = None if event.raw is None or len(event.raw) > SHOWN else laid_out(bytes_of(event.raw))
        self.show("event", event=event, pretty=None if pretty is None else text_of(pretty), shown=SHOWN)
