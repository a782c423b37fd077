"""An erasure from its beginning to its end: first it is written down, then everything goes, in small steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from typing import Any, Final

import redis
from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Select,
    case,
    exists,
    func,
    literal,
    null,
    select,
    text,
    true,
    union,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.services.erasing import journal
from flowledger.services.erasing.inboxes import ErasedInboxes
from flowledger.services.erasing.outlook import unknown
from flowledger.services.erasing.passes import erase_letters, erase_points
from flowledger.services.erasing.rows import OF_SUBJECTS, delete_some, missing_rights
from flowledger.storage.retention.belonging import ATTACHED, parts_of, whole_of
from flowledger.storage.retention.erasures import LOCK, ErasureRepository
from flowledger.storage.retention.erasures import TABLE as ERASURES
from flowledger.storage.retention.holds import held_now, lock_held
from flowledger.storage.schema.fts5 import tidy
from flowledger.storage.schema.types import Name, UtcTime
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage

_SUBJECTS_AT_ONCE: Final = 100
_ROWS_AT_ONCE: Final = 500
_READ_AT_ONCE: Final = 10_000
_ROUNDS: Final = 3
"""Parts that come while others go are erased in another round; after these, by the next command."""
_LOCK_MS: Final = (250, 500, 1000, 2000)
"""How long to wait for the lock: recorders wait behind. The last one is for every further try."""
_BITE: Final = "SET LOCAL enable_seqscan TO off; SET LOCAL synchronous_commit TO off"
_LOCK_NOT_AVAILABLE: Final = "55P03"

Tell = Callable[[str, int, int], None]
"""Hears of progress: what goes now, how many subjects are done, and how many there are."""


class CannotErase(LedgerError):
    """The erasure did not begin; nothing has gone."""


@dataclass(slots=True)
class Erased:
    """What went, in this run: of what an interrupted run erased nothing is counted again."""

    subjects: int = 0
    rows: int = 0
    events: int = 0
    audit_lines: int = 0
    dead_letters: int = 0
    messages: int = 0
    """Messages taken out of inboxes, once for each recipient."""
    unfinished: int = 0
    """Parts that came meanwhile, and are left for another run."""
    held: int = 0
    """Parts that were held when they were found, and stay."""


class Eraser:
    """Erases subjects; several may do so at once, and workers go on.

    Its methods raise DatabaseUnavailable and redis.RedisError. Whatever ends it, `go_on` continues.
    """

    def __init__(self, settings: Settings, storage: Storage, client: redis.Redis) -> None:
        self._storage = storage
        self._inboxes = ErasedInboxes(client, settings, storage)

    def check(self, ids: Sequence[str]) -> None:
        """Raise CannotErase if nothing is known of one of these, or the role of the database lacks a right."""
        with self._storage.reading() as connection:
            if missing := missing_rights(connection):
                role = connection.execute(text("SELECT current_user")).scalar_one()
                raise CannotErase(
                    f"the database's role {role} may not erase, it lacks: {', '.join(missing)}; let DATABASE_URL name "
                    "the role that owns the tables (docs/contract/erase.md); nothing was erased"
                )
            if strange := unknown(connection, ids):
                raise CannotErase(f"nothing is known of {', '.join(strange)}; nothing was erased")

    def begin(self, ids: Sequence[str], *, why: str, by: str, waits: Callable[[str], None] = lambda _: None) -> int:
        """Write down that these are erased, with what belongs to them. Return how many subjects are new among them.

        From then on nothing about them is recorded but names. What is gone is erased again: more may have come, such as
        dead letters that could not be read. Raises CannotErase if one of them is held. `waits` is
        told while a batch that is being recorded is waited for.
        """
        self.check(ids)
        at = now()
        with changing(self._storage) as connection:
            lock_held(connection)
            is_of_these = ERASURES.c.subject.in_(ids) | ERASURES.c.erased_with.in_(ids)
            connection.execute(update(ERASURES).where(is_of_these).values(done_at=None))
            added = sum(_add(connection, id_, why, by, at) for id_ in ids)
            if held := _held(connection, is_of_these):
                raise CannotErase(f"held: {', '.join(held)}; see `flowledger hold list`; nothing was erased")
            if added:
                _lock_out_recorders(connection, waits)
        return added

    def go_on(self, tell: Tell = lambda _what, _done, _total: None) -> Erased:
        """Erase all of what is written down and not gone."""
        erased = Erased()
        for _ in range(_ROUNDS):
            if not (total := self._count_unfinished()):
                break
            self._round(erased, total, tell)
        erased.unfinished = self._count_unfinished()
        if self._storage.engine.dialect.name == "sqlite":  # also after a run that was killed before it did so
            tell("indexes of words", erased.subjects, erased.subjects)
            with self._storage.looking() as connection:
                tidy(connection.connection.driver_connection)
        return erased

    def _count_unfinished(self) -> int:
        with self._storage.looking() as connection:
            return ErasureRepository(connection).count_unfinished()

    def _round(self, erased: Erased, total: int, tell: Tell) -> None:
        """Erase the subjects that are unfinished now, with their parts.

        Those that come meanwhile are for another round: what belongs to them may still be under way.
        """
        tell("parts", 0, total)
        wanted = self._with_parts(self._unfinished(), erased)
        tell("points", 0, len(wanted))
        points = erase_points(self._storage)
        erased.rows += points
        erased.events += points
        tell("dead letters", 0, len(wanted))
        erased.dead_letters += erase_letters(self._storage, wanted)
        for ids in journal.batched(sorted(wanted), _SUBJECTS_AT_ONCE):
            self._erase(ids, erased)
            erased.subjects += len(ids)
            tell("subjects", erased.subjects, max(erased.subjects, total))

    def _unfinished(self) -> set[str]:
        ids: set[str] = set()
        after = ""
        while True:
            with self._storage.looking() as connection:
                some = ErasureRepository(connection).unfinished(_READ_AT_ONCE, after)
            if not some:
                return ids
            ids.update(some)
            after = some[-1]

    def _with_parts(self, wanted: set[str], erased: Erased) -> set[str]:
        """Write down what belongs to these and is neither erased yet nor held. Return all of them.

        It was recorded meanwhile, or before it was known what it belongs to.
        """
        with changing(self._storage) as connection:
            _lock_out_recorders(connection, lambda _: None)  # then all that did not know of them is committed
        while True:
            with changing(self._storage) as connection:
                lock_held(connection)
                held = held_now(connection)
                parts = [part for rows in _parts(now(), held) for part in _add_rows(connection, rows)]
                if not parts:
                    erased.held = _count_held(connection, held)
                    return wanted
                _lock_out_recorders(connection, lambda _: None)
            wanted.update(parts)

    def _erase(self, ids: Collection[str], erased: Erased) -> None:
        """Erase all of some subjects. Messages leave the inboxes first, while the rows say whose they are."""
        erased.messages += self._inboxes.erase(ids)
        erased.rows += self._delete_rows(ids)
        for lines in journal.audit_lines(self._storage, ids):
            with self._changing() as connection:
                cleared, events = journal.clear(connection, lines)
            erased.audit_lines += cleared
            erased.events += events
        for names in journal.batched(journal.names_of(self._storage, ids), journal.AT_ONCE):
            with self._changing() as connection:
                erased.events += journal.blank(connection, names)
        with changing(self._storage) as connection:
            ErasureRepository(connection).finish(ids, now())

    def _delete_rows(self, ids: Collection[str]) -> int:
        deleted = 0
        for rows in OF_SUBJECTS:
            some = _ROWS_AT_ONCE
            while some == _ROWS_AT_ONCE:
                with self._changing() as connection:
                    some = delete_some(connection, rows, ids, _ROWS_AT_ONCE)
                deleted += some
        return deleted

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """Yield a transaction that finds rows by indexes, and whose commit waits for no disk: `finish` does."""
        with changing(self._storage) as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(_BITE)
            yield connection


def _add(connection: Connection, id_: str, why: str, by: str, at: datetime) -> int:
    """Write down that an id is erased, with what belongs to it. Return how many subjects are new."""
    subject = whole_of(id_).c.subject
    whole = case((subject == id_, null()), else_=literal(id_, Name))
    return len(_add_rows(connection, select(subject, whole, literal(why), literal(by), literal(at, UtcTime()))))


def _parts(at: datetime, held: CTE | None) -> Iterator[Select[Any]]:
    """Yield selects of the rows of what belongs to unfinished erasures, and is not held."""
    of = ERASURES.alias("of")
    whole = func.coalesce(of.c.erased_with, of.c.subject)
    for parts in _left(of):
        rows = parts.add_columns(whole, of.c.why, of.c.erased_by, literal(at, UtcTime()))
        yield rows if held is None else rows.where(parts.selected_columns[0].not_in(select(held.c.subject)))


def _left(of: Any) -> Iterator[Select[Any]]:
    """Yield selects of the ids of what belongs to unfinished ones among the erasures `of`, and is not erased."""
    for parts in parts_of(of, of.c.subject):
        part = parts.selected_columns[0]
        yield parts.where(of.c.done_at.is_(None), ~exists().where(ERASURES.c.subject == part))


def _count_held(connection: Connection, held: CTE | None) -> int:
    """Return how many parts of unfinished erasures stay since they are held."""
    if held is None:
        return 0
    left = union(*_left(ERASURES.alias("of"))).subquery()
    found = select(func.count()).select_from(left).where(left.c[0].in_(select(held.c.subject)))
    return connection.execute(found).scalar_one()


def _add_rows(connection: Connection, rows: Select[Any]) -> list[str]:
    """Write rows of erasures. Return the subjects of those that are new."""
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    names = ["subject", "erased_with", "why", "erased_by", "erased_at"]
    new = dialect.insert(ERASURES).from_select(names, rows.where(true())).on_conflict_do_nothing()
    return list(connection.execute(new.returning(ERASURES.c.subject)).scalars())


def _held(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    """Return what is held of these erasures, in words, and whose rows that would go are held."""
    held = held_now(connection)
    if held is None:
        return []
    found = select(held.c.subject, ERASURES.c.erased_with).join(ERASURES, ERASURES.c.subject == held.c.subject)
    rows = connection.execute(found.where(which).order_by(held.c.subject)).all()
    words = [row.subject if row.erased_with is None else f"{row.subject} (of {row.erased_with})" for row in rows]
    for what, subject, named in ATTACHED:
        of_held = select(subject, named.label("named")).join(held, held.c.subject == subject).distinct()
        of_held = of_held.join(ERASURES, ERASURES.c.subject == named).where(which, subject != named)
        words += [f"{row[0]} ({what} of it names {row.named})" for row in connection.execute(of_held)]
    return list(dict.fromkeys(words))


def _lock_out_recorders(connection: Connection, waits: Callable[[str], None]) -> None:
    """Wait until no batch is being recorded that may not know of an erasure; later ones wait for this commit.

    A batch that takes long does not hold up others for longer than the time limit of a try, nor for most of the time.
    """
    if connection.dialect.name == "sqlite":
        return  # nobody else writes until the end
    for milliseconds in chain(_LOCK_MS, repeat(_LOCK_MS[-1])):
        connection.execute(text("SELECT set_config('lock_timeout', :ms, true)"), {"ms": f"{milliseconds}ms"})
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
                return
        except OperationalError as error:
            if getattr(error.orig, "pgcode", None) != _LOCK_NOT_AVAILABLE:
                raise
        waits("a batch is being recorded")
        time.sleep(2 * milliseconds / 1000)  # recorders go on for longer than they have waited
