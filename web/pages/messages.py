"""`/ledger/messages`: messages as an exchange, each with the state of its deliveries; one of them with its thread."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from flowledger.domain.kinds.messages import Message
from flowledger.storage.kinds.messages import DeliveryRepository, MessageRepository
from flowledger.web.handler import LedgerHandler
from flowledger.web.missing import missing
from flowledger.web.pages.runs import CONTENT_SHOWN
from flowledger.web.pages.work_lists import QUICK, moment_wanted
from flowledger.web.paging import pages_around
from flowledger.web.runs import exchange
from flowledger.web.runs.exchange import Said
from flowledger.web.runs.listing import Listing, total_of
from flowledger.web.totals import MOST

FILTERS: Final = {"workspace_id": "workspace", "thread_id": "thread", "execution_id": "execution", "task_id": "task"}
_DELIVERIES: Final = 100


class _Found(NamedTuple):
    listing: Listing[Message]
    said: list[Said]


class Messages(LedgerHandler):
    """Newest first, by filters that stand in the URL. At most four queries."""

    section = "messages"

    async def page(self) -> None:
        """Write the list."""
        of: dict[str, Any] = dict(self.wanted_all(*FILTERS))
        of |= {name: moment_wanted(self, name) for name in ("since", "until")}
        sandbox, after, waiting = self.wanted("sandbox"), self.wanted("after"), self.wanted("waiting") is not None
        found = await self.read(lambda connection: _found(connection, sandbox, waiting, after, of))
        self.show(
            "messages",
            found=found.listing,
            said=found.said,
            filters={"sandbox": "sandbox", **FILTERS},
            given=self.wanted_all("sandbox", *FILTERS, "waiting", "since", "until"),
            pages=pages_around(self, found.listing.cursor),
            quick=QUICK,
            cut=CONTENT_SHOWN,
        )


def _found(connection: Connection, sandbox: str | None, waiting: bool, after: str | None, of: dict[str, Any]) -> _Found:
    messages = MessageRepository(connection)
    if waiting:
        page = messages.waiting(sandbox, limit=exchange.PAGE, after=after, **of)
        counted = messages.count_waiting(sandbox, **of)
        of_newest = counted.read if counted.read == messages.most else None
        listing = Listing(
            items=page.items, cursor=page.cursor, total=total_of(counted.kept), of_newest=of_newest,
            looked_back_to=page.looked_back_to,
        )  # fmt: skip
    else:
        plain = messages.exchanged(sandbox, limit=exchange.PAGE, after=after, **of)
        total = total_of(messages.count_exchanged(sandbox, most=MOST + 1, **of))
        listing = Listing(items=plain.items, cursor=plain.cursor, total=total)
    return _Found(listing, exchange.said(connection, listing.items))


class MessagePage(LedgerHandler):
    """One message, its deliveries, and the exchange that it belongs to. At most four queries."""

    section = "messages"

    async def page(self, id_: str) -> None:
        """Write the page; 404 if there is no such message."""
        self.show("message", **await self.read(lambda connection: self._values(connection, id_)), cut=CONTENT_SHOWN)

    def _values(self, connection: Connection, id_: str) -> dict[str, Any]:
        message = MessageRepository(connection).get(id_)
        if message is None:
            raise missing(connection, "message", id_)
        deliveries = DeliveryRepository(connection).of_message(
            message.id, limit=_DELIVERIES, after=self.wanted("deliveries-after")
        )
        thread: list[Said] = []
        cursor: str | None = None
        if message.thread_id is not None:
            thread, cursor = exchange.conversation(connection, message.thread_id, after=self.wanted("thread-after"))
        return {
            "message": message,
            "deliveries": deliveries.items,
            "deliveries_pages": pages_around(self, deliveries.cursor, "deliveries-after"),
            "thread": thread,
            "thread_pages": pages_around(self, cursor, "thread-after"),
        }
