"""What an erasure would take, and what it would leave: counted, and nothing done."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, exists, func, or_, select

from flowledger.services.erasing.acts import about_credentials, about_holds, credentials_of, holds_of
from flowledger.services.erasing.passes import letters_about
from flowledger.services.erasing.rows import CLEARED, NAMING, OF_SUBJECTS
from flowledger.storage.engines.erased import BLANK
from flowledger.storage.kinds import KINDS
from flowledger.storage.kinds import owners_of as columns_of_owners
from flowledger.storage.kinds.audit import TABLE as AUDIT
from flowledger.storage.kinds.messages import DELIVERIES
from flowledger.storage.kinds.metrics import TABLE as POINTS
from flowledger.storage.ledger.dead_letters import TABLE as LETTERS
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.many import owners_of
from flowledger.storage.retention.belonging import whole_of, with_parts
from flowledger.storage.retention.erasures import TABLE as ERASURES
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.storage.retention.holds import held_now

CountMessages = Callable[[Collection[str]], int]
"""Returns how many messages would go from inboxes with these subjects (`services.erasing.inboxes`)."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would go with an id: subjects, rows by table, events' texts, dead letters, and messages in inboxes, once for
    each recipient; audit lines lose their content.

    `named_by` are rows that name it, or what goes with it, and stay: by table and column, as far as an index finds
    them. `held` are subjects for which it would be refused.
    """

    subject: str
    subjects: int
    rows: dict[str, int]
    events: int
    dead_letters: int
    messages: int
    audit_lines: int
    named_by: dict[str, int] = field(default_factory=dict)
    held: tuple[str, ...] = ()


class _Passes(NamedTuple):
    """What no index finds, of all subjects: dead letters, points by what they were measured at, credentials; what is
    held; and what counts messages in inboxes.
    """

    letters: Mapping[str, set[str]]
    points: Mapping[str, Counter[str]]
    credentials: Mapping[str, str]
    held: frozenset[str]
    messages: CountMessages


def outlooks(connection: Connection, ids: Sequence[str], messages: CountMessages) -> list[Outlook]:
    """Return what the erasure of each id would take, also of what was erased with it before."""
    wholes = {}
    for id_ in ids:
        before = select(ERASURES.c.subject).where((ERASURES.c.subject == id_) | (ERASURES.c.erased_with == id_))
        whole = whole_of(id_, before)
        wholes[id_] = set(connection.execute(select(whole.c.subject)).scalars())
    passes = _passes(connection, set().union(*wholes.values()), messages)
    return [_outlook(connection, id_, subjects, passes) for id_, subjects in wholes.items()]


def unfinished(connection: Connection, messages: CountMessages) -> list[Outlook]:
    """Return what is left of each erasure that an interrupted run has begun; without what is held, for that stays."""
    root = func.coalesce(ERASURES.c.erased_with, ERASURES.c.subject)
    is_left = ERASURES.c.done_at.is_(None)
    wholes = {}
    for id_ in connection.execute(select(root).where(is_left).distinct().order_by(root)).scalars().all():
        is_root = (ERASURES.c.subject == id_) & ERASURES.c.erased_with.is_(None)
        is_of = is_root | (ERASURES.c.erased_with == id_)  # an index for each, which `root` has not
        whole = with_parts(select(ERASURES.c.subject).where(is_of, is_left))
        is_gone = exists().where(ERASURES.c.subject == whole.c.subject, ERASURES.c.done_at.is_not(None))
        wholes[id_] = set(connection.execute(select(whole.c.subject).where(~is_gone)).scalars())
    if not wholes:
        return []
    passes = _passes(connection, set().union(*wholes.values()), messages)
    return [
        replace(_outlook(connection, id_, subjects.difference(passes.held), passes), held=())
        for id_, subjects in wholes.items()
    ]


def _passes(connection: Connection, subjects: set[str], messages: CountMessages) -> _Passes:
    letters: defaultdict[str, set[str]] = defaultdict(set)
    for letter, about in letters_about(connection, subjects):
        for subject in about:
            letters[subject].add(letter)
    is_wanted = _rows(connection, subjects)
    owner = func.coalesce(POINTS.c.execution_id, POINTS.c.task_id)
    counted = select(owner, POINTS.c.subject, func.count()).where(owner.in_(is_wanted))
    points: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for named, subject, count in connection.execute(counted.group_by(owner, POINTS.c.subject)):
        points[named][subject] += count
    credentials = credentials_of(connection, subjects)
    held = held_now(connection)
    if held is None:
        return _Passes(letters, points, credentials, frozenset(), messages)
    of_these = select(held.c.subject).where(held.c.subject.in_(is_wanted))
    return _Passes(letters, points, credentials, frozenset(connection.execute(of_these).scalars()), messages)


def _outlook(connection: Connection, id_: str, subjects: set[str], passes: _Passes) -> Outlook:
    ids = _rows(connection, subjects)
    rows: Counter[str] = Counter()
    for one in OF_SUBJECTS:
        rows[one.table.name] += _count(connection, one.table, one.table.c[one.column].in_(ids))
    named = (passes.points.get(one, Counter()) for one in subjects)
    points = sum(count for each in named for at, count in each.items() if at not in subjects)
    rows[POINTS.name] += points
    is_cleared = or_(
        *(AUDIT.c[one.column].in_(ids) for one in CLEARED),
        about_holds(_rows(connection, holds_of(subjects))),
        about_credentials(_rows(connection, [one for one, user in passes.credentials.items() if user in subjects])),
    )
    lines = _count(connection, AUDIT, is_cleared & AUDIT.c.resource_id.not_in(ids))
    return Outlook(
        id_,
        len(subjects),
        {name: count for name, count in rows.items() if count},
        _count(connection, EVENTS, EVENTS.c.subject.in_(ids) & (EVENTS.c.meaning != BLANK)) + points + lines,
        len(set().union(*(passes.letters.get(one, ()) for one in subjects))),
        passes.messages(subjects),
        _count(connection, AUDIT, is_cleared),
        dict(_naming(connection, ids)),
        tuple(sorted(subjects & passes.held)),
    )


def _rows(connection: Connection, texts: Iterable[str]) -> Select[Any]:
    """Return texts as the rows of a select."""
    return select(owners_of(connection, sorted(texts)).c.value)


def unknown(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Return those of `ids` of which nothing is known: no record, no event, no dead letter, no erasure."""
    known = set(ErasureRepository(connection).of(ids))
    return [id_ for id_ in ids if id_ not in known and not _is_known(connection, id_)]


def _is_known(connection: Connection, id_: str) -> bool:
    places: list[Any] = [kind.table.c[kind.subject] for kind in KINDS]
    places += [DELIVERIES.c.to_sandbox_id, *(rows.table.c[rows.column] for rows in OF_SUBJECTS)]
    places += [EVENTS.c.subject, LETTERS.c.subject, *(AUDIT.c[one.column] for one in CLEARED)]
    found = [exists().where(place == id_) for place in places]
    found.append(exists().where(about_holds(holds_of([id_]))))
    whole = whole_of(id_)
    parts = exists(select(whole.c.subject).where(whole.c.subject != id_))
    return any(connection.execute(select(one)).scalar() for one in (*found, parts))


def _naming(connection: Connection, ids: Any) -> Iterator[tuple[str, int]]:
    """Yield how many rows of others name one of these ids, by table and column."""
    for table, column in NAMING:
        others = [table.c[name].not_in(ids) | table.c[name].is_(None) for _, name in columns_of_owners(table)]
        if count := _count(connection, table, table.c[column].in_(ids), *others):
            yield f"{table.name}.{column}", count


def _count(connection: Connection, table: Any, *where: Any) -> int:
    return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
