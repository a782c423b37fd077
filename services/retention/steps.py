"""The steps of a round of retention, in order: what each lets go, from which tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table

from flowledger.domain.times import parse_time, written_time
from flowledger.storage import tables
from flowledger.storage.kinds import audit, metrics
from flowledger.storage.retention import dead_letters, drains, sessions, weeks, wholes
from flowledger.storage.retention.gone import Gone
from flowledger.storage.retention.names import SETTLED, are_late, let_go_names
from flowledger.storage.retention.wholes import Horizons, Inside
from flowledger.storage.unit_of_work import Storage

_ROWS_AT_ONCE: Final = 500
"""Rows of one transaction where weeks go row by row, on SQLite."""
_NAMES_AT_ONCE: Final = 500
_NAMES_SECONDS: Final = 300.0
"""How long names are looked at in a round: a walk over many that stay must not keep weeks and rows from going."""
_SETTLING: Final = f"names go {SETTLED.seconds // 60} minutes after a round has moved their horizon"
_LOOK_SECONDS: Final = 1.0
"""How long it is looked whether something too old is there that the step does not let go."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a step works with: the horizons by the time `now`, when to stop, and where to go on (None: at the begin).

    `stood` are the horizons that stood before. `went` counts what a step reports at once, not at its end: if it is
    broken off, that is known.
    """

    storage: Storage
    clock: Callable[[Connection], datetime]
    now: datetime
    horizons: Mapping[str, datetime]
    go_on: Callable[[], bool]
    place: Any = None
    stood: Mapping[str, datetime] = field(default_factory=dict)
    went: Counter[str] = field(default_factory=Counter)

    def look_on(self) -> Callable[[], bool]:
        """Return what tells whether a look at what is too old, which begins now, may go on."""
        until = monotonic() + _LOOK_SECONDS
        return lambda: monotonic() < until and self.go_on()


class Did(NamedTuple):
    """How many rows went, by table; whether all is done, else where to go on; and why something stays for now."""

    went: Mapping[str, int]
    is_done: bool = True
    place: Any = None
    waits: str | None = None


class Step(NamedTuple):
    """A step: its name, what it lets go (any one suffices), the tables from which it deletes, and how.

    `are_old` tells, for who may not delete, whether anything is there that should go.
    """

    name: str
    what: tuple[str, ...]
    tables: tuple[Table, ...]
    run: Callable[[Work], Did]
    are_old: Callable[[Work], bool]


def _weeks(table: Table, what: str, work: Work) -> Did:
    horizon = work.horizons[what]
    gone = weeks.let_go(work.storage, table, horizon, most=_ROWS_AT_ONCE, go_on=work.go_on, place=work.place)
    # A lock that others hold is no reason to begin again at once: the rest of the round goes on.
    return Did({table.name: gone.rows}, gone.place is None, gone.place, gone.waited)


def _old_weeks(table: Table, what: str, work: Work) -> bool:
    return weeks.are_old(work.storage, table, work.horizons[what], work.stood.get(what))


def _horizons(work: Work) -> Horizons:
    return Horizons(work.horizons.get("rows"), work.horizons.get("unfinished"), work.now)


def _old_wholes(root: Table, work: Work) -> bool:
    return wholes.are_old(work.storage, root, _horizons(work), go_on=work.look_on())


def _wholes(root: Table, work: Work) -> Did:
    horizons = _horizons(work)
    created_at, id_, *inside = work.place or (None, "")
    walked = wholes.let_go(
        work.storage,
        root,
        horizons,
        after=(parse_time(created_at), id_) if created_at else None,
        inside=Inside.read(inside[0]) if inside else None,
        went=work.went,
        go_on=work.go_on,
    )
    busy = f"{walked.busy:,} {root.name} were being changed" if walked.busy else None
    if walked.is_done:
        return Did(walked.went, waits=busy)
    at, last = walked.place or (None, "")
    place = [at and written_time(at), last, *([walked.inside.written()] if walked.inside else [])]
    return Did(walked.went, is_done=False, place=place, waits=busy)


def _of_gone(table: Table, let_go: Callable[[Work], Gone], work: Work) -> Did:
    gone = let_go(work)
    return Did({table.name: gone.rows}, gone.is_done, gone.place)


def _names(work: Work) -> Did:
    used, began = work.place or 0.0, monotonic()
    gone = let_go_names(
        work.storage,
        work.horizons["names"],
        most=_NAMES_AT_ONCE,
        clock=work.clock,
        go_on=lambda: used + monotonic() - began < _NAMES_SECONDS and work.go_on(),
    )
    used += monotonic() - began
    is_late = used >= _NAMES_SECONDS
    if not gone.is_done and not is_late:
        return Did({tables.events.name: gone.names}, is_done=False, place=used)
    why = "to look at all of them takes longer than a round" if not gone.is_done else _SETTLING
    return Did({tables.events.name: gone.names}, waits=f"{why}: they go in another one" if _are_late(work) else None)


def _are_late(work: Work) -> bool:
    return are_late(work.storage, work.horizons["names"], most=_NAMES_AT_ONCE, go_on=work.look_on())


def _of_rows(root: Table) -> Step:
    whats = ("rows", "unfinished")
    return Step(root.name, whats, wholes.tables_of(root), partial(_wholes, root), partial(_old_wholes, root))


def _of_weeks(table: Table, what: str) -> Step:
    return Step(table.name, (what,), (table,), partial(_weeks, table, what), partial(_old_weeks, table, what))


STEPS: Final[tuple[Step, ...]] = (
    _of_weeks(tables.event_texts, "texts"),
    _of_weeks(tables.task_logs, "logs"),
    _of_weeks(metrics.TABLE, "metrics"),
    _of_weeks(audit.TABLE, "audit"),
    *map(_of_rows, wholes.ROOTS),
    Step(
        "drains",
        ("drains",),
        (tables.drains,),
        partial(_of_gone, tables.drains, lambda work: drains.let_go(
            work.storage, work.horizons["drains"], go_on=work.go_on
        )),
        lambda work: drains.are_old(work.storage, work.horizons["drains"]),
    ),
    Step(
        "dead_letters",
        ("dead_letters",),
        (tables.dead_letter_actions, tables.dead_letters),
        partial(_of_gone, tables.dead_letters, lambda work: dead_letters.let_go(
            work.storage, work.horizons["dead_letters"], go_on=work.go_on, place=work.place
        )),
        lambda work: dead_letters.are_old(work.storage, work.horizons["dead_letters"]),
    ),
    Step(
        "sessions",
        ("sessions",),
        (tables.sessions,),
        partial(_of_gone, tables.sessions, lambda work: sessions.let_go(
            work.storage, work.horizons["sessions"], go_on=work.go_on
        )),
        lambda work: sessions.are_old(work.storage, work.horizons["sessions"]),
    ),
    Step("names", ("names",), (tables.events,), _names, _are_late),
)  # fmt: skip
"""Names go last; they move their horizon themselves, for whoever records must have seen it before."""
