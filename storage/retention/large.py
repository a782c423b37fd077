"""A whole thing with more parts than go in one transaction: all of it is looked at first, then it goes part by part.

Both are walks over its parts that may end anywhere, and go on from a place. Each transaction looks again at the root
and at the parts that it takes. If one of them stays after all, so does the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Table

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.times import parse_time, written_time
from flowledger.storage.engines.engine import sqlstate
from flowledger.storage.retention.ages import Horizons, Verdict, all_of, look_at
from flowledger.storage.retention.belonging import Key, Member, legs, members, parts_in
from flowledger.storage.retention.holds import lock_held
from flowledger.storage.retention.subjects import BUSY, SUBJECTS_AT_ONCE, Bite, delete_some, lock
from flowledger.storage.transactions import biting
from flowledger.storage.unit_of_work import Storage

_LOOKED_AT_ONCE: Final = 1_000
_NOTHING_WENT: Final = Bite(Counter(), is_more=True)


class Inside(NamedTuple):
    """Where the work on a large whole is: in which leg, and after which part; None: before the first.

    `verdict` is that on all parts that were looked at. `is_going` if those are all, and let it go.
    """

    root: str
    verdict: Verdict
    is_going: bool = False
    leg: int = 0
    after: Key | None = None

    def written(self) -> list[Any]:
        """Return it as JSON."""
        after = None if self.after is None else [written_time(self.after[0]), self.after[1]]
        return [self.root, [*self.verdict], self.is_going, self.leg, after]

    @classmethod
    def read(cls, json: Sequence[Any]) -> Inside:
        """Return what was `written`."""
        root, verdict, is_going, leg, after = json
        return cls(root, Verdict(*verdict), is_going, leg, after and (parse_time(after[0]), after[1]))


class Large:
    """A large whole. `inside` is where to go on; `busy` is 1 if it stays because others are busy with it."""

    def __init__(self, storage: Storage, root: Table, horizons: Horizons, id_: str, inside: Inside | None) -> None:
        self.busy = 0
        self._storage = storage
        self._root = root
        self._horizons = horizons
        self._itself = Member(id_, root.name, id_)
        self._legs = legs(root)
        self.inside = inside or Inside(id_, self._verdict([self._itself]))

    def let_go(self) -> Iterator[Bite]:
        """Look at all of it, if that is not done; then let it go if it may, the root last."""
        if not self.inside.is_going:
            yield from self._look()
            if not self.inside.verdict.goes:
                return
            self.inside = Inside(self.inside.root, self.inside.verdict, is_going=True)
        for parts, behind in self._pages(SUBJECTS_AT_ONCE):
            for begin in range(0, len(parts), SUBJECTS_AT_ONCE):
                if not (yield from self._bites(parts[begin : begin + SUBJECTS_AT_ONCE])):
                    return
            self.inside = behind
        yield from self._bites([self._itself])

    def may_go(self, go_on: Callable[[], bool]) -> bool:
        """Look at all of it, and return whether it may go; False if it may not `go_on` to its end."""
        return all(go_on() for _ in self._look()) and self.inside.verdict.goes

    def _look(self) -> Iterator[Bite]:
        """Look at all parts, or until one of them keeps the whole."""
        if self.inside.verdict.stays:
            return
        for parts, behind in self._pages(_LOOKED_AT_ONCE):
            self.inside = behind._replace(verdict=all_of([behind.verdict, self._verdict(parts)]))
            if self.inside.verdict.stays:
                return
            yield _NOTHING_WENT

    def _verdict(self, parts: Sequence[Member]) -> Verdict:
        with self._storage.reading() as connection:
            return look_at(connection, parts, self._horizons).on(parts)

    def _pages(self, limit: int) -> Iterator[tuple[list[Member], Inside]]:
        """Yield the parts from where the work is, some at a time, and where it is behind them."""
        while self.inside.leg < len(self._legs):
            at = self.inside
            with self._storage.reading() as connection:
                last, parts = parts_in(connection, self._legs[at.leg], at.root, at.after, limit)
            if last is None:
                self.inside = at._replace(leg=at.leg + 1, after=None)
            else:
                yield parts, at._replace(after=last)

    def _bites(self, parts: Sequence[Member]) -> Generator[Bite, None, bool]:
        """Let these parts go, with however many rows of their own. Return whether they went."""
        is_more = True
        while is_more:
            try:
                bite = self._bite(parts)
            except DatabaseUnavailable as error:
                if sqlstate(error) not in BUSY:
                    raise
                self.busy, bite = 1, None
            if bite is None:
                return False
            is_more = bite.is_more
            yield bite._replace(is_more=True)
        return True

    def _bite(self, parts: Sequence[Member]) -> Bite | None:
        """Lock these parts and the root, look again, delete the parts; None if one of them stays.

        The root goes when it is alone. What became part of the whole in the meantime is not locked, so it stays.
        """
        with biting(self._storage) as connection:
            lock_held(connection)
            locked = lock(connection, {*parts, self._itself})
            is_last = [*parts] == [self._itself]
            now = members(connection, self._root, [self._itself.id]) if is_last else [*parts, self._itself]
            found = look_at(connection, now, self._horizons)
            if any(found.know(one) and one not in locked for one in now):
                self.busy = 1
                return None
            verdict = found.on(now)
            goes = verdict.goes_ended if self.inside.verdict.has_ended else verdict.goes_unfinished
            return delete_some(connection, parts) if goes else None
