"""A round of retention: horizons first, then step by step what is before them (docs/decisions/0059).

Each step works in short transactions, so a round may end anywhere, also by a kill: what is left is too old then as
well. A turn is as much of a round as time allows; the next one goes on from its place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.keeping import Keeping
from flowledger.services.retention.steps import STEPS, Did, Step, Work
from flowledger.storage.engines.engine import is_timeout, sqlstate
from flowledger.storage.retention import holds, horizons, rounds
from flowledger.storage.retention.maintainer import forbidden
from flowledger.storage.retention.names import clock_of
from flowledger.storage.retention.rounds import Round
from flowledger.storage.retention.wholes import BUSY
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.faults import INTERRUPTIONS, fault

logger = logging.getLogger(__name__)

_FORBIDDEN: Final = "42501"
_NEVER_HELD: Final = {"drains", "dead_letters", "sessions"}
_LONGEST_REST_SECONDS: Final = 0.25
TO_DO: Final = f"run {rounds.COMMAND} with the role of the maintainer (docs/production.md)"


class Maintenance:
    """Does turns of rounds; the caller sees to it that nobody else does (`storage.retention.maintainer`)."""

    def __init__(
        self,
        storage: Storage,
        keeping: Keeping,
        *,
        clock: Callable[[], datetime] | None = None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._storage = storage
        self._keeping = keeping
        self._clock = clock_of if clock is None else lambda _connection: clock()
        self._is_over = is_over
        self._worked_since = 0.0

    def turn(self) -> Round:
        """Begin a round, or go on with one, until all is done or the turn is over. Return it; it is written, too.

        Raises DatabaseUnavailable; then the next turn goes on.
        """
        with self._storage.reading() as connection:
            last = rounds.read(connection)
            now = self._clock(connection)
        one = last if last is not None and last.ended_at is None else Round(began_at=now)
        self._work(one, {} if last is None else dict(last.waits))
        with changing(self._storage) as connection:
            rounds.write(connection, one)
        return one

    def _now(self) -> datetime:
        with self._storage.reading() as connection:
            return self._clock(connection)

    def _work(self, one: Round, known: Mapping[str, str]) -> None:
        steps = self._permitted(one, known)
        at = self._move_horizons(steps, begins=one.place is None)
        name, place = one.place or (None, None)
        names = [step.name for step in STEPS]
        for step in steps:
            if name in names and names.index(step.name) < names.index(name):
                continue
            work = Work(self._storage, self._clock, at, self._goes_on, place if step.name == name else None)
            if self._is_over():
                one.place = [step.name, work.place]
                return
            self._worked_since = time.monotonic()
            did = self._done(step, work)
            self._note(one, step, did, known)
            if not did.is_done:
                one.place = [step.name, did.place]
                return
        one.place = None
        one.ended_at = self._now()

    def _permitted(self, one: Round, known: Mapping[str, str]) -> list[Step]:
        """Return the steps that have something to do, and may. Of the others, note why not."""
        wanted = [step for step in STEPS if any(getattr(self._keeping, what) is not None for what in step.what)]
        names = list(dict.fromkeys(table for step in wanted for table in step.tables))
        with self._storage.reading() as connection:
            missing = {*forbidden(connection, names)}
        permitted = []
        for step in wanted:
            refused = [table.name for table in step.tables if table.name in missing]
            if refused:
                self._note(one, step, Did({}, waits=_not_allowed(refused)), known)
            else:
                permitted.append(step)
        return permitted

    def _move_horizons(self, steps: list[Step], *, begins: bool) -> dict[str, datetime]:
        """Move the horizons of what is about to go, and commit that, before anything goes. Return them.

        As a round `begins`, what came into held things since they were held is held as well: it is young. The horizon
        of names moves when what was before it has gone (`storage.retention.names`).
        """
        now = self._now()
        whats = dict.fromkeys(what for step in steps for what in step.what)
        at = {what: at for what in whats if (at := self._keeping.horizon(what, now)) is not None}
        if at:
            with changing(self._storage) as connection:
                if begins and not at.keys() <= _NEVER_HELD:
                    holds.refresh_if_any(connection)
                for what, horizon in at.items():
                    if what != "names":
                        horizons.move(connection, what, horizon, at=now)
        return at

    def _done(self, step: Step, work: Work) -> Did:
        try:
            return step.run(work)
        except DatabaseUnavailable as error:
            if sqlstate(error) == _FORBIDDEN:
                return Did(work.went, waits=_not_allowed([table.name for table in step.tables]))
            if sqlstate(error) in BUSY:
                return Did(work.went, waits="others held a lock")
            if is_timeout(error) and self._is_there():
                return Did(work.went, waits=f"{error}: {rounds.COMMAND} waits for longer")
            raise
        except INTERRUPTIONS:
            raise
        except Exception as error:  # one row's fault must not keep the other steps from going, round after round
            return Did(work.went, waits=f"{rounds.FAULT}: {fault(error)}")

    def _is_there(self) -> bool:
        """Return True if the database replies at all: then other steps go on. Raises DatabaseUnavailable."""
        self._now()
        return True

    def _note(self, one: Round, step: Step, did: Did, known: Mapping[str, str]) -> None:
        """Count what went, and log it. Tell why something stays, but not again while it is the same."""
        one.add(did.went)
        for table, rows in did.went.items():
            level = logging.INFO if rows else logging.DEBUG
            logger.log(level, "retention: %s rows of %s went", f"{rows:,}", table)
        if did.waits is not None:
            level = logging.DEBUG if known.get(step.name) == did.waits else logging.WARNING
            logger.log(level, "retention of %s waits: %s", step.name, did.waits)
            one.waits[step.name] = did.waits

    def _goes_on(self) -> bool:
        """Rest for as long as the last transaction took, so that others get half of the time. Return whether to go on.

        SQLite's waiting writers look only now and then whether the database is free.
        """
        time.sleep(min(time.monotonic() - self._worked_since, _LONGEST_REST_SECONDS))
        self._worked_since = time.monotonic()
        return not self._is_over()


def _not_allowed(names: list[str]) -> str:
    return f"this role has no right to delete rows of {', '.join(names)}: {TO_DO}"
