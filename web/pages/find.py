"""`/ledger/find?q=ID`: any id goes to its page; `/ledger/record/KIND/ID`: a record that has no page of its own."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NamedTuple

from sqlalchemy import Connection
from tornado.web import HTTPError

from flowledger.domain.json_text import plain
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.web.handler import LedgerHandler
from flowledger.web.missing import is_erased, missing
from flowledger.web.runs import found
from flowledger.web.runs.found import SUBJECTS, About


class _Found(NamedTuple):
    kinds: list[str]
    is_letter: bool
    about: About | None


class Find(LedgerHandler):
    """Goes to the one page that an id has, or lists what there is. At most six queries."""

    async def page(self) -> None:
        """Redirect, or write what was found."""
        id_ = (self.wanted("q") or "").strip()
        if not id_:
            self.show("found", id_=id_, kinds=[], about=None, url_of=self.url_of)
            return
        result = await self.read(lambda connection: _find(connection, id_))
        if result.is_letter:
            self.redirect(self.reverse_url("ledger-dead-letter", id_))
        elif len(result.kinds) == 1:
            self.redirect(self.url_of(result.kinds[0], plain(id_)))
        else:
            self.show("found", id_=id_, kinds=result.kinds, about=result.about, url_of=self.url_of)

    def url_of(self, kind: str, id_: str) -> str:
        """Return the URL of the page of a record: its own, or the one for any kind."""
        own = self.route_to(f"ledger-{kind}", id_) if kind in ("execution", "task", "message") else None
        return own or self.reverse_url("ledger-record", kind, id_)


def _find(connection: Connection, id_: str) -> _Found:
    if id_.startswith("dead_") and any(one.id == id_ for one in DeadLetterRepository(connection).about(id_, limit=10)):
        return _Found([], True, None)
    kinds = found.kinds_of(connection, id_)
    if not kinds and is_erased(connection, id_):
        raise missing(connection, "id", id_)
    return _Found(kinds, False, None if len(kinds) == 1 else found.about(connection, id_))


class RecordPage(LedgerHandler):
    """A record of any kind: its fields, the lists that belong to it, dead letters, events. At most ten queries."""

    async def page(self, kind: str, id_: str) -> None:
        """Write the page; 404 if there is no such record."""
        if kind not in SUBJECTS:
            raise HTTPError(404, "there is no such kind of records")
        self.show("record", **await self.read(lambda connection: self._values(connection, kind, id_)))

    def _values(self, connection: Connection, name: str, id_: str) -> dict[str, Any]:
        kind = SUBJECTS[name]
        record = found.record_of(connection, kind, id_)
        if record is None:
            raise missing(connection, name, id_)
        return {
            "kind": name,
            "record": record,
            "names": [field.name for field in fields(record)],
            "lists": found.lists_of(connection, kind, record.id),
            "about": found.about(connection, record.id),
        }
