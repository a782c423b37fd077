"""A round of retention: horizons first, then step by step what is before them (docs/decisions/0059).

Each step works in short transactions, so a round may end anywhere, also by a kill: what is left is too old then as
well. A turn is as much of a round as time allows; the next one goes on from its place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from datetime import datetime
from typing import Final

from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable
from flowledger.domain.keeping import NEVER_HELD, Keeping
from flowledger.services.retention.steps import STEPS, Did, Step, Work
from flowledger.storage.engines.engine import is_timeout, sqlstate
from flowledger.storage.retention import holds, horizons, rounds
from flowledger.storage.retention.maintainer import forbidden
from flowledger.storage.retention.names import clock_of
from flowledger.storage.retention.rounds import Round
from flowledger.storage.retention.wholes import BUSY
from flowledger.storage.schema.partitions import monday_of
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.faults import INTERRUPTIONS, fault

logger = logging.getLogger(__name__)

_LONGEST_REST_SECONDS: Final = 0.25
_ROWS: Final = ("rows", "unfinished")
_IN_WEEKS: Final = ("texts", "logs", "metrics", "audit")
TO_DO: Final = f"run {rounds.COMMAND} with the role of the maintainer (docs/production.md)"


class Maintenance:
    """Does turns of rounds; the caller sees to it that nobody else does (`storage.retention.maintainer`).

    If it `relies_on_others`, it does not look at what its role may not let go while another role does that regularly.
    """

    def __init__(
        self,
        storage: Storage,
        keeping: Keeping,
        *,
        clock: Callable[[], datetime] | None = None,
        is_over: Callable[[], bool] = lambda: False,
        relies_on_others: bool = False,
    ) -> None:
        self._storage = storage
        self._keeping = keeping
        self._clock = clock_of if clock is None else lambda _connection: clock()
        self._is_over = is_over
        self._relies_on_others = relies_on_others
        self._worked_since = 0.0

    def turn(self) -> Round:
        """Begin a round, or go on with one, until all is done or the turn is over. Return it; it is written, too.

        Raises DatabaseUnavailable; then the next turn goes on.
        """
        with self._storage.reading() as connection:
            role = rounds.role_of(connection)
            last_ones = rounds.last_ones(connection)
            now = self._clock(connection)
        last = next((one for one in last_ones if one.role == role), None)
        one = last if last is not None and last.ended_at is None else Round(role=role, began_at=now)
        others = rounds.done_regularly(last_ones, role, now) if self._relies_on_others else set()
        self._work(one, {} if last is None else dict(last.waits), others)
        one.turned_at = one.ended_at or self._now()
        with changing(self._storage) as connection:
            rounds.write(connection, one)
        return one

    def _now(self) -> datetime:
        with self._storage.reading() as connection:
            return self._clock(connection)

    def _work(self, one: Round, known: Mapping[str, str], done_by_others: Collection[str]) -> None:
        wanted = [step for step in STEPS if any(getattr(self._keeping, what) is not None for what in step.what)]
        refused = self._refused(wanted)
        one.steps = [step.name for step in wanted if step.name not in refused]
        steps = [step for step in wanted if step.name in one.steps or step.name not in done_by_others]
        now, stood = self._now_and_horizons()
        at = self._horizons(steps, min(one.began_at, now))  # rows go by the same time as texts, in whatever turn
        moving = {what for step in steps if step.name in one.steps for what in step.what}
        self._move(moving, at, now, begins=one.place is None)
        name, place = one.place or (None, None)
        names = [step.name for step in STEPS]
        for step in steps:
            if name in names and names.index(step.name) < names.index(name):
                continue
            begins = place if step.name == name else None
            work = Work(self._storage, self._clock, now, at, self._goes_on, begins, stood)
            if self._is_over():
                one.place = [step.name, work.place]
                return
            self._worked_since = time.monotonic()
            did = self._looked(step, work, refused[step.name]) if step.name in refused else self._done(step, work)
            self._note(one, step, did, known)
            if not did.is_done:
                one.place = [step.name, did.place]
                return
        one.place = None
        one.ended_at = self._now()

    def _refused(self, steps: Sequence[Step]) -> dict[str, list[str]]:
        """Return the steps that this role may not do, and the tables from which it may not delete."""
        names = list(dict.fromkeys(table for step in steps for table in step.tables))
        with self._storage.reading() as connection:
            missing = {*forbidden(connection, names)}
        found = {step.name: [table.name for table in step.tables if table.name in missing] for step in steps}
        return {name: refused for name, refused in found.items() if refused}

    def _now_and_horizons(self) -> tuple[datetime, dict[str, datetime]]:
        with self._storage.reading() as connection:
            return self._clock(connection), horizons.read(connection)

    def _horizons(self, steps: Sequence[Step], began: datetime) -> dict[str, datetime]:
        """Return the horizons of what these steps let go, in a round that `began` then."""
        whats = dict.fromkeys(what for step in steps for what in step.what)
        return {what: at for what in whats if (at := self._horizon(what, began)) is not None}

    def _horizon(self, what: str, began: datetime) -> datetime | None:
        """Return before when this is due: rows not before what goes by weeks and is kept no longer than they.

        What belongs to an execution is found by its rows. If they went before its texts, nobody could erase these.
        """
        at = self._keeping.horizon(what, began)
        if at is None or what not in _ROWS or self._storage.engine.dialect.name != "postgresql":
            return at
        others = (self._keeping.horizon(one, began) for one in _IN_WEEKS)
        return min([at, *(monday_of(other) for other in others if other is not None and other >= at)])

    def _move(self, whats: Set[str], at: Mapping[str, datetime], now: datetime, *, begins: bool) -> None:
        """Move the horizons of what is about to go, and commit that, before anything goes.

        As a round `begins`, what came into held things since they were held is held as well: it is young. The horizon
        of names moves when what was before it has gone (`storage.retention.names`).
        """
        moving = [what for what in at if what in whats]
        if moving:
            with changing(self._storage) as connection:
                if begins and not NEVER_HELD.issuperset(moving):
                    holds.refresh_if_any(connection)
                for what in moving:
                    if what != "names":
                        horizons.move(connection, what, at[what], at=now)

    def _looked(self, step: Step, work: Work, refused: list[str]) -> Did:
        """Look whether anything is too old that may not go; if this role may not look, or it takes long, nothing is."""
        try:
            is_old = step.are_old(work)
        except DatabaseUnavailable as error:
            if not isinstance(error, DatabaseDenied) and not (is_timeout(error) and self._is_there()):
                raise
            is_old = False
        except INTERRUPTIONS:
            raise
        except Exception as error:  # as below
            return Did({}, waits=f"{rounds.FAULT}: {fault(error)}")
        return Did({}, waits=_not_allowed(refused) if is_old else None)

    def _done(self, step: Step, work: Work) -> Did:
        try:
            return step.run(work)
        except DatabaseUnavailable as error:
            if isinstance(error, DatabaseDenied):
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
