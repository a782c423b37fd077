"""Names of events go last: when they are before the horizon, and neither their texts nor their rows are there any more.

Names go before a horizon that has stood for a while: whoever records knows it by then (`storage.retention.beyond`).
They are walked by `recorded_at`, in bites of a transaction each. At the end of a walk the horizon is moved, and when
that has stood for a while, the next walk begins. The place of a walk is a checkpoint: so it comes to its end, however
short a round is, and however many names must stay. Beside the place stands up to when the last walk went that ended.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, delete, func, literal, select, tuple_

from flowledger.domain import json_text
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.owners import is_told_at_another_time
from flowledger.storage.kinds import MERGED, kind_of
from flowledger.storage.ledger.checkpoints import NAMES, CheckpointRepository
from flowledger.storage.ledger.event_texts import key_of, present
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.ledger.marks import is_not_last
from flowledger.storage.many import is_one_of
from flowledger.storage.retention import departed, horizons
from flowledger.storage.retention.holds import HELD, lock_held
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage

SETTLED: Final = timedelta(minutes=10)
"""How long a horizon stands before names go: longer than a batch that is under way at the database may take."""

LATE: Final = timedelta(days=2)
"""For so long names that are too old may be there without a word: with a round a day, they go in the next one."""

_PLACE: Final = (EVENTS.c.recorded_at, EVENTS.c.source, EVENTS.c.id)
_BEGINNING: Final = (datetime(1, 1, 1, tzinfo=UTC), "", "")

_OF_EVENTS: Final = tuple(table for table in MERGED if {"source", "event_id"} <= set(table.primary_key.columns.keys()))
"""The tables whose rows are those of one event each."""

Name = tuple[str, str]
"""Source and id of an event."""
Place = tuple[datetime, str, str]
"""`recorded_at`, source and id of the last name that was looked at."""


class _Walk(NamedTuple):
    """Where the walk is, and up to when the last one that ended has looked; None: none has."""

    place: Place = _BEGINNING
    done_until: datetime | None = None

    def written(self) -> str:
        at, source, id_ = self.place
        until = None if self.done_until is None else self.done_until.isoformat()
        return json_text.dumps([at.isoformat(), source, id_, until])

    @classmethod
    def read(cls, connection: Connection) -> _Walk:
        checkpoint = CheckpointRepository(connection).get(NAMES)
        if checkpoint is None:
            return cls()
        at, source, id_, until = json_text.loads(checkpoint.entry_id)
        return cls((datetime.fromisoformat(at), source, id_), until and datetime.fromisoformat(until))


class NamesGone(NamedTuple):
    """How many names are gone, and whether the walk has come to the horizon."""

    names: int = 0
    is_done: bool = True


def let_go_names(
    storage: Storage,
    wanted: datetime,
    *,
    most: int,
    clock: Callable[[Connection], datetime],
    go_on: Callable[[], bool] = lambda: True,
    settled: timedelta = SETTLED,
) -> NamesGone:
    """Delete names before the horizon that stands, then move it forward to the one that is `wanted`.

    At most `most` names are looked at in a transaction; `go_on` is asked before each. A walk may last: the `clock` is
    read in the transaction that moves the horizon. May be called by many at once. Raises DatabaseUnavailable.
    """
    with storage.reading() as connection:
        stands = connection.execute(select(horizons.TABLE).where(horizons.TABLE.c.what == "names")).one_or_none()
        walk = _Walk.read(connection)
        now = clock(connection)
    if stands is not None and stands.moved_at + settled > now:
        return NamesGone()
    names = 0
    place: Place | None = walk.place
    while stands is not None and place is not None:
        if not go_on():
            return NamesGone(names, is_done=False)
        with changing(storage) as connection:
            lock_held(connection)
            until = min(stands.horizon, wanted)
            went, place = _let_some_go(connection, until, place, most)
            names += went
            walk = _Walk(done_until=until) if place is None else walk._replace(place=place)
            CheckpointRepository(connection).put(NAMES, walk.written(), now)
    with changing(storage) as connection:
        horizons.move(connection, "names", wanted, at=clock(connection))
    return NamesGone(names)


def are_late(storage: Storage, wanted: datetime, *, most: int, go_on: Callable[[], bool]) -> bool:
    """Return whether names are still there that should have gone `LATE` before, by the horizon that is `wanted`.

    It looks behind what was walked over, as long as it may `go_on`: at `most` names in any case.
    """
    until = wanted - LATE
    with storage.reading() as connection:
        walk = _Walk.read(connection)
    place = walk.place
    if place == _BEGINNING and walk.done_until is not None:
        place = walk.done_until, "", ""
    while place[0] < until:
        with storage.reading() as connection:
            rows = _bite(connection, until, place, most)
            if next(_that_may_go(connection, rows, until), None) is not None:
                return True
        if len(rows) < most or not go_on():
            return False
        place = rows[-1].recorded_at, rows[-1].source, rows[-1].id
    return False


def _let_some_go(connection: Connection, horizon: datetime, after: Place, most: int) -> tuple[int, Place | None]:
    """Look at the next names. Return how many are gone, and the place of the last one; None if they were all."""
    rows = _bite(connection, horizon, after, most)
    went = _delete(connection, [*_that_may_go(connection, rows, horizon)])
    return went, (rows[-1].recorded_at, rows[-1].source, rows[-1].id) if len(rows) == most else None


def _bite(connection: Connection, horizon: datetime, after: Place, most: int) -> Sequence[Any]:
    """Return the next names that were recorded before the horizon, in order."""
    at, *_ = after
    rows = select(*_PLACE, EVENTS.c.type, EVENTS.c.subject, EVENTS.c.time, EVENTS.c.meaning)
    is_next = tuple_(*_PLACE) > tuple_(*(literal(one, column.type) for one, column in zip(after, _PLACE, strict=True)))
    rows = rows.where(
        EVENTS.c.recorded_at >= at,
        EVENTS.c.recorded_at < horizon,
        is_next,
        is_not_last(EVENTS, connection.dialect.name),
    )
    return connection.execute(rows.order_by(*_PLACE).limit(most)).all()


def _that_may_go(connection: Connection, rows: Sequence[Any], horizon: datetime) -> Iterator[Any]:
    old = [row for row in rows if row.time is not None and row.time < horizon and _goes_by_age(row.source)]
    texts = present(connection, {key_of(row) for row in old})
    held = set(connection.execute(_of(HELD, "subject", {row.subject for row in old})).scalars())
    left = [
        row for row in old
        if row.meaning not in texts and row.subject not in held and row.type in EVENT_TYPES
    ]  # fmt: skip
    with_row = {*_with_subjects(connection, left), *_with_own_rows(connection, left)}
    yield from (row for row in left if _name(row) not in with_row)


def _goes_by_age(source: str) -> bool:
    """Return whether a repeated event of this source has the `time` of the first one, so the horizon stops it."""
    return not is_told_at_another_time(source)


def _with_subjects(connection: Connection, rows: Sequence[Any]) -> Iterator[Name]:
    """Yield the names of those events whose subject has a row."""
    by_kind: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_kind[kind_of(EVENT_TYPES[row.type]).name].append(row)
    for some in by_kind.values():
        kind = kind_of(EVENT_TYPES[some[0].type])
        if kind.repository is not None:
            of_kind = _of(kind.table, kind.subject, {row.subject for row in some})
            subjects = set(connection.execute(of_kind).scalars())
            yield from (_name(row) for row in some if row.subject in subjects)


def _with_own_rows(connection: Connection, rows: Sequence[Any]) -> Iterator[Name]:
    """Yield the names of those events that have a row of their own; partitions are found by constants.

    Each table is asked about all of them, whatever their kinds are: a line of a log may be a task's or an execution's.
    """
    if not rows:
        return
    moments = sorted({row.recorded_at for row in rows})
    for table in _OF_EVENTS:
        key = (table.c.source, table.c.event_id)
        found = select(*key).where(is_one_of(connection, key, [_name(row) for row in rows]))
        if "recorded_at" in table.c:
            found = found.where(table.c.recorded_at.in_(moments))
        yield from ((row.source, row.event_id) for row in connection.execute(found))


def _name(row: Any) -> Name:
    return row.source, row.id


def _of(table: Table, column: str, values: Collection[str]) -> Any:
    return select(table.c[column]).where(table.c[column].in_(values))


def _delete(connection: Connection, rows: Sequence[Any]) -> int:
    """Delete these names, and count them as departed. Return how many nobody else has deleted meanwhile."""
    if not rows:
        return 0
    key = (EVENTS.c.source, EVENTS.c.id)
    is_one = is_one_of(connection, key, sorted((row.source, row.id) for row in rows))
    gone = Counter(connection.execute(delete(EVENTS).where(is_one).returning(EVENTS.c.type)).scalars())
    departed.add(connection, EVENTS, gone)
    return gone.total()


def clock_of(connection: Connection) -> datetime:
    """Return the database's time: a wrong clock of one worker must not let anything go too early."""
    if connection.dialect.name != "postgresql":
        return datetime.now(UTC)
    at: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return at
