"""What an id names: records of any kind, dead letters about it, events, measurements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, literal, select, union_all

from flowledger.domain.json_text import plain
from flowledger.domain.records import ListedDeadLetter, ListedEvent
from flowledger.storage.kinds import KINDS, OF_ANY
from flowledger.storage.kinds.kind import Kind, Listed
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.journal_lists import EventFilter, ListedEventRepository
from flowledger.storage.paging import Page

SUBJECTS: Final = {kind.name: kind for kind in KINDS if kind.repository is not None}
"""The kinds whose records are named by one id."""
_MEASURED: Final = tuple(listed for kind in KINDS if kind.repository is None for listed in kind.lists)
"""Metrics and audit lines."""
PAGE: Final = 50


def kinds_of(connection: Connection, id_: str) -> list[str]:
    """Return the kinds of which a record has this id. One query."""
    id_ = plain(id_)
    looks = [
        select(literal(name).label("kind")).where(select(kind.table.c.id).where(kind.table.c.id == id_).exists())
        for name, kind in SUBJECTS.items()
    ]
    return list(connection.execute(union_all(*looks)).scalars())


@dataclass(frozen=True, slots=True)
class About:
    """What is known about an id, beside the records of subjects; some of each."""

    letters: list[ListedDeadLetter]
    events: tuple[ListedEvent, ...]
    lists: dict[str, Page[Any]]

    def __bool__(self) -> bool:
        return bool(self.letters or self.events or any(page.items for page in self.lists.values()))


def about(connection: Connection, id_: str) -> About:
    """Return dead letters, the last events, what was measured and done there, and the log. At most eight queries."""
    letters = DeadLetterRepository(connection).about(id_, limit=10)
    events = ListedEventRepository(connection).newest(EventFilter(subject=id_), limit=PAGE)
    return About(letters, events.items, _pages(connection, id_, OF_ANY))


def measured(connection: Connection, id_: str) -> dict[str, Page[Any]]:
    """Return the metrics that were measured at a subject, and the audit lines about it, by name of the list."""
    return _pages(connection, id_, _MEASURED)


def _pages(connection: Connection, id_: str, lists: Iterable[Listed]) -> dict[str, Page[Any]]:
    """Return the first page of each of these lists; of several with one name, the first that has anything."""
    found: dict[str, Page[Any]] = {}
    for one in lists:
        if one.name not in found or not found[one.name].items:
            found[one.name] = one.page(connection, id_, PAGE, None)
    return found


def record_of(connection: Connection, kind: Kind, id_: str) -> Any:
    """Return the record of a kind, or None."""
    assert kind.repository is not None
    return kind.repository(connection).get(id_)


def lists_of(connection: Connection, kind: Kind, id_: str) -> dict[Listed, Page[Any]]:
    """Return the first page of each list that belongs to a record. One query each."""
    return {listed: listed.page(connection, id_, PAGE, None) for listed in kind.lists}
