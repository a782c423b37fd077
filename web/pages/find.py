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
    id_: str
    kinds: list[str]
    is_letter: bool
    about: About | None

    def __bool__(self) -> bool:
        return bool(self.kinds or self.is_letter or self.about)


class Find(LedgerHandler):
    """Goes to the one page that an id has, or lists what there is. At most thirteen queries.

    If nothing has the id, and it has blanks around it, which one may have copied with it, the id without them is looked
    for: at most thirteen further queries.
    """

    async def page(self) -> None:
        """Redirect, or write what was found."""
        asked = self.wanted("q")
        if asked is None:
            self.show("found", id_="", kinds=[], about=None, url_of=self.url_of)
            return
        result = await self.read(lambda connection: _found(connection, asked))
        if result.is_letter:
            self.redirect(self.reverse_url("ledger-dead-letter", result.id_))
        elif len(result.kinds) == 1:
            self.redirect(self.url_of(result.kinds[0], plain(result.id_)))
        else:
            self.show("found", id_=result.id_, kinds=result.kinds, about=result.about, url_of=self.url_of)

    def url_of(self, kind: str, id_: str) -> str:
        """Return the URL of the page of a record: its own, or the one for any kind."""
        own = self.route_to(f"ledger-{kind}", id_) if kind in ("execution", "task", "message") else None
        return own or self.reverse_url("ledger-record", kind, id_)


def _found(connection: Connection, asked: str) -> _Found:
    exact, stripped = _find(connection, asked), asked.strip()
    return exact if exact or stripped in ("", asked) else _find(connection, stripped)


def _find(connection: Connection, id_: str) -> _Found:
    if id_.startswith("dead_") and any(one.id == id_ for one in DeadLetterRepository(connection).about(id_, limit=10)):
        return _Found(id_, [], True, None)
    kinds = found.kinds_of(connection, id_)
    if not kinds and is_erased(connection, id_):
        raise missing(connection, "id", id_)
    return _Found(id_, kinds, False, None if len(kinds) == 1 else found.about(connection, id_))


class RecordPage(LedgerHandler):
    """A record of any kind: its fields, the lists that belong to it, dead letters, events. At most fourteen queries."""

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
