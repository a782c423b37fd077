"""How the ledger grows, and whether what is too old goes: sizes, weeks, alarms.

All of it is read from the catalogue and from small tables. What a role may not read is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from flowledger.domain import readable
from flowledger.domain.keeping import Keeping
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.storage.kinds import audit, logs, metrics
from flowledger.storage.ledger import event_texts
from flowledger.storage.ledger.identity import LedgerRepository
from flowledger.storage.retention import rounds, sizes
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.storage.retention.holds import HOLDS
from flowledger.storage.retention.sizes import Sample, Sizes

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_LEAST_AHEAD_DAYS: Final = 7
_LATE_DAYS: Final = 1
_ROUND: Final = timedelta(hours=1)
_LONG_ROUND: Final = timedelta(days=1)
_LONG_ERASURE: Final = timedelta(hours=1)
_EXPECTED_DAYS: Final = (30, 365)
_WEEKLY: Final = {
    "texts": event_texts.TABLE, "logs": logs.TABLE, "metrics": metrics.TABLE, "audit": audit.TABLE
}  # fmt: skip
_NO_LONG_LOCKS: Final = text("SET LOCAL lock_timeout TO '1s'")

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the ledger: its bytes with indexes, about how many rows, and by how many bytes a day it grows.

    `last_day` is measured over the last day, `last_week` over the last seven, or since the first sample. None: it is
    not known (yet).
    """

    name: str
    bytes: int
    rows: int | None
    last_day: float | None
    last_week: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weeks:
    """What stands in weeks: since when there is any, for how many days there are partitions, and how late it goes.

    `ahead_days` is None on SQLite, which has no partitions. `late_days` counts from when the oldest should have gone;
    it is 0 while anything is held, for that stays.
    """

    name: str
    oldest: datetime | None
    ahead_days: float | None
    late_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How the ledger grows. `alarms` say where growth outruns retention, by a short name.

    `expected_bytes` is how large it will be in so many days if it grows on like this; empty if texts or rows go by age,
    or if that is not known yet.
    """

    bytes: int | None
    last_day: float | None
    last_week: float | None
    parts: list[Part]
    weeks: list[Weeks]
    holds: int | None
    expected_bytes: dict[int, int]
    alarms: dict[str, str]


def growth(connection: Connection, settings: Settings, clock: Callable[[], datetime] = now) -> Growth:
    """Return how the ledger grows. Raises what SQLAlchemy raises if the database does not answer."""
    at = clock()
    both = _tried(connection, lambda c: (sizes.measure(c), _noted(c, at)), None)
    measured, noted = both or (
        _tried(connection, sizes.measure, Sizes({}, {})),
        _tried(connection, lambda c: _noted(c, at), _Noted([], None, None, [], at)),
    )
    day, week = (sizes.bytes_a_day(noted.samples, measured.parts, at, over) for over in (_DAY, _WEEK))
    parts = [
        Part(name=name, bytes=size.bytes, rows=size.rows, last_day=day.get(name), last_week=week.get(name))
        for name, size in sorted(measured.parts.items(), key=lambda one: -one[1].bytes)
    ]
    none: dict[str, datetime] = {}
    firsts = none if measured.weeks else _tried(connection, _firsts, none)
    weeks = [
        _weeks(name, measured.weeks.get(name), firsts.get(name), settings.keeping, at, is_held=noted.holds != 0)
        for name in _WEEKLY
    ]
    in_all = sum(size.bytes for size in measured.parts.values()) if measured.parts else None
    last_week = _sum(week)
    return Growth(
        bytes=in_all,
        last_day=_sum(day),
        last_week=last_week,
        parts=parts,
        weeks=weeks,
        holds=noted.holds,
        expected_bytes=_expected(in_all, last_week, settings.keeping),
        alarms=_alarms(weeks, noted, settings, at),
    )


def _tried(connection: Connection, ask: Callable[[Connection], Found], other: Found) -> Found:
    """Return the answer, or `other` if the database refuses it: a right is missing, or others hold a lock."""
    try:
        with connection.begin_nested():
            if connection.dialect.name == "postgresql":
                connection.execute(_NO_LONG_LOCKS)
            return ask(connection)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return other


class _Noted(NamedTuple):
    """What small tables tell.

    `erasure` is when the first of what is erased and not all gone was erased; `rounds` are the last ones of retention,
    the newest first; `began` is when the ledger was made.
    """

    samples: list[Sample]
    holds: int | None
    erasure: datetime | None
    rounds: list[rounds.Round]
    began: datetime


def _noted(connection: Connection, at: datetime) -> _Noted:
    return _Noted(
        sizes.samples(connection, at - _WEEK - timedelta(hours=1)),
        connection.execute(select(func.count()).select_from(HOLDS)).scalar_one(),
        ErasureRepository(connection).first_unfinished(),
        rounds.last_ones(connection),
        LedgerRepository(connection).get().created_at,
    )


def _firsts(connection: Connection) -> dict[str, datetime]:
    """Return when the oldest row of each was recorded; those without a row are missing."""
    columns = {name: table.c.recorded_at for name, table in _WEEKLY.items()}
    firsts = (select(one).order_by(one).limit(1).scalar_subquery().label(name) for name, one in columns.items())
    found = connection.execute(select(*firsts)).mappings().one()
    return {name: first for name, first in found.items() if first is not None}


def _weeks(
    name: str, mondays: list[datetime] | None, first: datetime | None, keeping: Keeping, at: datetime, *, is_held: bool
) -> Weeks:
    oldest = mondays[0] if mondays else first
    horizon = keeping.horizon(name, at)
    late = 0.0
    if oldest is not None and horizon is not None and not is_held:
        late = max(0.0, (horizon - oldest - (_WEEK if mondays else timedelta())) / _DAY)
    ahead = None if mondays is None else _ahead(mondays, at)
    return Weeks(name=name, oldest=oldest, ahead_days=ahead, late_days=late)


def _ahead(mondays: list[datetime], at: datetime) -> float:
    """Return for how many days from now there is a partition of each week."""
    until = at
    for monday in mondays:
        if monday <= until < monday + _WEEK:
            until = monday + _WEEK
    return (until - at) / _DAY


def _sum(grown: Mapping[str, float]) -> float | None:
    return sum(grown.values()) if grown else None


def _expected(in_all: int | None, a_day: float | None, keeping: Keeping) -> dict[int, int]:
    goes = keeping.texts is not None or keeping.rows is not None
    if goes or in_all is None or a_day is None or a_day <= 0:
        return {}
    return {days: round(in_all + a_day * days) for days in _EXPECTED_DAYS}


def _alarms(weeks: list[Weeks], noted: _Noted, settings: Settings, at: datetime) -> dict[str, str]:
    found: dict[str, str] = {}
    short = [one for one in weeks if one.ahead_days is not None and one.ahead_days < _LEAST_AHEAD_DAYS]
    if short:
        days = min(one.ahead_days or 0 for one in short)
        found["partitions"] = (
            f"partitions of {_names(short)} are there for {days:.1f} more days: workers make them, "
            "or `flowledger migrate`; see the workers' logs"
        )
    late = [one for one in weeks if one.late_days > _LATE_DAYS]
    if late:
        days = max(one.late_days for one in late)
        found["late"] = f"{_names(late)} should have gone {days:.1f} days ago: growth outruns retention"
    if noted.erasure is not None and at - noted.erasure > _LONG_ERASURE:
        erased = readable.time(noted.erasure)
        found["erasure"] = f"what was erased at {erased} is not all gone yet: `flowledger erase` goes on"
    if not settings.keeping.is_for_ever:
        found |= _of_rounds(noted.rounds, settings, at, noted.began)
    return found


def _of_rounds(last: list[rounds.Round], settings: Settings, at: datetime, began: datetime) -> dict[str, str]:
    found: dict[str, str] = {}
    longest = max(_ROUND, timedelta(seconds=10 * settings.maintain_seconds))
    most = rounds.telling(last)
    if most is None:
        if at - began > longest:
            found["round"] = "nothing that is too old goes: no round of retention has begun; see the workers' logs"
        return found
    newest = last[0]
    if refused := rounds.refused(last, longest):
        found["refused"] = f"{', '.join(refused)} cannot go: {next(iter(refused.values()))}"
    if most.ended_at is None and at - most.began_at > _LONG_ROUND:
        since = readable.time(most.began_at)
        found["round"] = f"the round of retention of {since} is not over: more falls due than goes"
    if at - newest.last_at > longest:  # nobody goes on with it, so this is the reason if both are true
        last_at = readable.time(newest.last_at)
        found["round"] = (
            f"what is too old does not go: the last round of retention was at {last_at}; see the workers' logs"
        )
    return found


def _names(some: list[Weeks]) -> str:
    return ", ".join(one.name for one in some)
