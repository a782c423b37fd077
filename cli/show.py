"""`flowledger show ID`: what is known of one id, and where the lists that belong to it go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from flowledger.cli.conversation import conversation
from flowledger.domain.errors import LedgerError
from flowledger.domain.records import ListedDeadLetter
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.storage.kinds import KINDS, OF_ANY
from flowledger.storage.kinds.kind import Listed
from flowledger.storage.kinds.messages import MessageRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.paging import MAX_LIMIT, BadCursor, Page
from flowledger.storage.retention.erasures import Erasure, ErasureRepository

_LINES: Final = 200
_DEAD_LETTERS: Final = 10
THREAD: Final = "thread"
LISTED: Final = {
    name: tuple(listed for kind in KINDS for listed in kind.lists if listed.name == name)
    for name in dict.fromkeys(listed.name for kind in KINDS for listed in kind.lists)
}
"""Each list that the kinds declare: of several kinds, rows of one table by the ids of several owners."""
LISTS: Final = (*LISTED, THREAD)
Reading = Callable[[Connection, str, int, str | None], Page[Any]]
"""Reads a page of what belongs to an id: how many, and where it goes on."""


class NotFound(LedgerError):
    """Nothing that is recorded has this id (yet): see `flowledger status` for what waits to be recorded."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How much of each list is asked for: the last `lines` of one that only grows, and up to `limit` of the others.

    `after` is where one list goes on, as `Shown.next` says it; then this one alone is asked for.
    """

    limit: int = MAX_LIMIT
    lines: int = _LINES
    after: str | None = None

    def cursor(self, name: str) -> str | None:
        """Where this list goes on; None if it begins."""
        begun, _, cursor = (self.after or "").partition(":")
        return cursor if begun == name else None

    def wants(self, name: str) -> bool:
        """Whether this list is asked for."""
        return self.after is None or self.cursor(name) is not None


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of one id: for each kind the record that has it, and the lists that belong to them, or a part.

    `totals` says how many each list has in all, `next` what to ask for if this is not all of it: the next ones, and, of
    a list that only grows, whose last rows these are, those before. `dead_letters` are about the id: the open ones, or,
    if nothing is recorded of it, all. `erased` tells that, when and why it was erased.
    """

    subject: str
    records: dict[str, Any]
    lists: dict[str, tuple[Any, ...]]
    dead_letters: tuple[ListedDeadLetter, ...] = ()
    totals: dict[str, int] = field(default_factory=dict)
    next: dict[str, str] = field(default_factory=dict)
    erased: Erasure | None = None

    def as_json(self) -> dict[str, Any]:
        """Return one object, with an empty list for each that was not asked for, or has nothing."""
        lists = {name: self.lists.get(name, ()) for name in LISTS}
        rest = {"dead_letters": self.dead_letters, "totals": self.totals, "next": self.next, "erased": self.erased}
        return {"subject": self.subject} | self.records | lists | rest

    @property
    def is_recorded(self) -> bool:
        """Whether there is anything but dead letters."""
        return any(self.lists.values()) or any(record is not None for record in self.records.values())

    @property
    def trouble(self) -> str | None:
        """What is to be said of it as an error: that it was erased, or that nothing is recorded; else None."""
        if self.erased is not None:
            return told_of(self.erased, is_shown=self.is_recorded or bool(self.dead_letters))
        if self.is_recorded:
            return None
        count = self.totals["dead_letters"]
        about = f"{count:,} dead letter{'' if count == 1 else 's'} about it"
        return f"nothing recorded has the id {self.subject!r}, but {about}: {self.dead_letters[0].detail}"


def told_of(erased: Erasure, *, is_shown: bool) -> str:
    """Return what is said of an erased id, of which something is shown, or nothing is left."""
    left = "only what is shown" if is_shown else "nothing"
    return f"{left} is left of {erased.subject!r}: {erased}"


def find(connection: Connection, subject: str, asked: Asked | None = None) -> Shown:
    """Everything under the id `subject`; raises NotFound, and BadCursor for an `after` that no list has."""
    asked = asked or Asked()
    if asked.after is not None and not any(asked.after.startswith(f"{name}:") for name in LISTS):
        raise BadCursor(f"not where a list of `show` goes on: {asked.after[:40]!r}; start again without it")
    kinds = [(kind, kind.repository) for kind in KINDS if kind.repository is not None]
    records = {kind.name: repository(connection).get(subject) for kind, repository in kinds}
    lists = _Lists(connection, subject, asked)
    for kind, _ in kinds:
        if records[kind.name] is not None:
            lists.take_all(kind.lists)
    lists.take_all(OF_ANY)
    lists.take(THREAD, conversation, partial(MessageRepository(connection).count, thread_id=subject))
    letters = DeadLetterRepository(connection)
    is_recorded = any(lists.items.values()) or any(record is not None for record in records.values())
    status = DeadLetterStatus.OPEN if is_recorded else None
    dead = letters.about(subject, limit=_DEAD_LETTERS, status=status)
    erased = ErasureRepository(connection).get(subject)
    if not (is_recorded or dead or erased):
        raise NotFound(f"nothing recorded has the id {subject!r}; `flowledger status` shows what waits to be recorded")
    if dead:
        lists.totals["dead_letters"] = letters.count_about(subject, status=status)
    return Shown(subject, records, lists.items, tuple(dead), lists.totals, lists.next, erased)


class _Lists:
    """Collects a part of each list, how many there are in all, and where it goes on."""

    def __init__(self, connection: Connection, subject: str, asked: Asked) -> None:
        self._connection = connection
        self._subject = subject
        self._asked = asked
        self.items: dict[str, tuple[Any, ...]] = {}
        self.totals: dict[str, int] = {}
        self.next: dict[str, str] = {}

    def take_all(self, some: Iterable[Listed]) -> None:
        """Take one page of each of the lists that kinds declare."""
        for listed in some:
            owner: dict[str, Any] = {listed.column: self._subject}
            count = partial(listed.repository(self._connection).count, **owner)
            self.take(listed.name, listed.page, count, tail=listed.tail)

    def take(self, name: str, read: Reading, count: Callable[[], int], *, tail: bool = False) -> None:
        """Take one page of a list, if none of that name has anything yet; `count` is asked only if there is more."""
        if not self._asked.wants(name) or self.totals.get(name):
            return
        cursor = self._asked.cursor(name)
        limit = self._asked.lines if tail else self._asked.limit
        page = read(self._connection, self._subject, limit, cursor)
        self.items[name] = page.items
        self.totals[name] = count() if page.cursor is not None or cursor is not None else len(page.items)
        if page.cursor is not None:
            self.next[name] = f"{name}:{page.cursor}"
