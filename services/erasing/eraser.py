"""An erasure from its beginning to its end: first it is written down, then everything goes, in small steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import redis
from sqlalchemy import Connection, text

from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.services.erasing import journal, written
from flowledger.services.erasing.acts import SAYS_OWNER, about_credentials, credentials_of
from flowledger.services.erasing.inboxes import ErasedInboxes
from flowledger.services.erasing.outlook import Outlook, outlooks, unfinished, unknown
from flowledger.services.erasing.passes import erase_letters, erase_points
from flowledger.services.erasing.rows import OF_SUBJECTS, delete_some, missing_rights
from flowledger.storage.retention import horizons
from flowledger.storage.retention.erasures import TABLE as ERASURES
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.storage.retention.holds import held_now, lock_held
from flowledger.storage.schema.fts5 import tidy
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage

_SUBJECTS_AT_ONCE: Final = 100
_ROWS_AT_ONCE: Final = 500
_READ_AT_ONCE: Final = 10_000
_ROUNDS: Final = 3
"""Parts that come while others go are erased in another round; after these, by the next command."""
_BITE: Final = "SET LOCAL enable_seqscan TO off; SET LOCAL synchronous_commit TO off"

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
    rows_gone_before: datetime | None = None
    """As `storage.retention.horizons.rows_gone_before`: such parts are not found."""


class Eraser:
    """Erases subjects; several may do so at once, and workers go on.

    Its methods raise DatabaseUnavailable and redis.RedisError. Whatever ends it, `go_on` continues.
    """

    def __init__(self, settings: Settings, storage: Storage, client: redis.Redis) -> None:
        self._storage = storage
        self._inboxes = ErasedInboxes(client, settings, storage)

    def check(self, ids: Sequence[str]) -> None:
        """Raise CannotErase if nothing is known of one of these, the database's role lacks a right, or Redis is away.

        A dry run is refused as well: it says what would happen.
        """
        with self._storage.reading() as connection:
            if missing := missing_rights(connection):
                role = connection.execute(text("SELECT current_user")).scalar_one()
                raise CannotErase(
                    f"the database's role {role} may not erase, it lacks: {', '.join(missing)}; let DATABASE_URL name "
                    "the role that owns the tables (docs/contract/erase.md); nothing was erased"
                )
            if strange := unknown(connection, ids):
                raise CannotErase(f"nothing is known of {', '.join(strange)}; nothing was erased")
        try:
            self._inboxes.check()
        except redis.RedisError as error:
            is_away = isinstance(error, redis.ConnectionError | redis.TimeoutError)
            what = "Redis does not answer" if is_away else "Redis refuses it"
            raise CannotErase(f"{what}: {str(error).rstrip('.')}; nothing was erased") from error

    def outlooks(self, ids: Sequence[str] = ()) -> list[Outlook]:
        """Return what would go with each of these; without ids, what an interrupted run has left.

        Raises CannotErase as `check` does.
        """
        self.check(ids)
        with self._storage.reading() as connection:
            count = self._inboxes.count
            return outlooks(connection, ids, count) if ids else unfinished(connection, count)

    def rows_gone_before(self) -> datetime | None:
        """Return before when parts may have been recorded that are not found: their rows went by age, texts did not."""
        with self._storage.reading() as connection:
            return horizons.rows_gone_before(connection)

    def begin(self, ids: Sequence[str], *, why: str, by: str, waits: Callable[[str], None] = lambda _: None) -> int:
        """Write down that these are erased, with what belongs to them. Return how many subjects are new among them.

        From then on nothing about them is recorded but names. What is gone is erased again: more may have come, such as
        dead letters that could not be read. Raises CannotErase if one of them is held. `waits` is told while a batch
        that is being recorded is waited for.
        """
        self.check(ids)
        at = now()
        with changing(self._storage) as connection:
            lock_held(connection)
            is_of_these = ERASURES.c.subject.in_(ids) | ERASURES.c.erased_with.in_(ids)
            written.reopen(connection, is_of_these)
            added = sum(written.add(connection, id_, why, by, at) for id_ in ids)
            if held := written.held_of(connection, is_of_these & ERASURES.c.done_at.is_(None)):
                raise CannotErase(f"held: {', '.join(held)}; see `flowledger hold list`; nothing was erased")
            if added:
                written.lock_out_recorders(connection, waits)
        return added

    def go_on(self, tell: Tell = lambda _what, _done, _total: None) -> Erased:
        """Erase all of what is written down and not gone."""
        erased = Erased(rows_gone_before=self.rows_gone_before())
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
        self._clear_credentials(wanted, erased)  # before their rows go, which say whose they are
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
            written.lock_out_recorders(connection, lambda _: None)  # then all that did not know of them is committed
        while True:
            with changing(self._storage) as connection:
                lock_held(connection)
                held = held_now(connection)
                found = [part for rows in written.parts(now(), held) for part in written.add_rows(connection, rows)]
                if not found:
                    erased.held = written.count_held(connection, held)
                    return wanted
                written.lock_out_recorders(connection, lambda _: None)
            wanted.update(found)

    def _erase(self, ids: Collection[str], erased: Erased) -> None:
        """Erase all of some subjects. Messages leave the inboxes first, while the rows say whose they are."""
        erased.messages += self._inboxes.erase(ids)
        erased.rows += self._delete_rows(ids)
        self._clear(journal.audit_lines(self._storage, ids), erased)
        for names in journal.batched(journal.names_of(self._storage, ids), journal.AT_ONCE):
            with self._changing() as connection:
                erased.events += journal.blank(connection, names)
        with changing(self._storage) as connection:
            ErasureRepository(connection).finish(ids, now())

    def _clear_credentials(self, wanted: set[str], erased: Erased) -> None:
        """Clear audit lines about credentials of these users; last those that say whose they are."""
        with self._storage.reading() as connection:
            found = credentials_of(connection, wanted)
        for ids in journal.batched(sorted(found), _SUBJECTS_AT_ONCE):
            is_about = about_credentials(ids)
            for is_last in (~SAYS_OWNER, SAYS_OWNER):
                self._clear(journal.lines_that(self._storage, is_about & is_last), erased)

    def _clear(self, found: Iterable[list[journal.Name]], erased: Erased) -> None:
        for lines in found:
            with self._changing() as connection:
                cleared, events = journal.clear(connection, lines)
            erased.audit_lines += cleared
            erased.events += events

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
