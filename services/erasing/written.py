"""Writing down what is erased, with what belongs to it; what is held of it; and when recorders know of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain, repeat
from typing import Any, Final

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

from flowledger.services.erasing.acts import owned
from flowledger.storage.retention.belonging import ATTACHED, parts_of, whole_of
from flowledger.storage.retention.erasures import LOCK
from flowledger.storage.retention.erasures import TABLE as ERASURES
from flowledger.storage.retention.holds import Held, audited_as, held_now
from flowledger.storage.schema.types import Name, UtcTime
from flowledger.storage.vault.credentials import TABLE as CREDENTIALS

_LOCK_MS: Final = (250, 500, 1000, 2000)
"""How long to wait for the lock: recorders wait behind. The last one is for every further try."""
_LOCK_NOT_AVAILABLE: Final = "55P03"


def reopen(connection: Connection, which: ColumnElement[bool]) -> None:
    """Have these erased again, except what belongs to an id of which some is not gone yet: that goes on."""
    whole = func.coalesce(ERASURES.c.erased_with, ERASURES.c.subject)
    going = select(whole).where(which, ERASURES.c.done_at.is_(None)).correlate(None)
    connection.execute(update(ERASURES).where(which, whole.not_in(going)).values(done_at=None))


def add(connection: Connection, id_: str, why: str, by: str, at: datetime) -> int:
    """Write down that an id is erased, with what belongs to it. Return how many subjects are new."""
    subject = whole_of(id_).c.subject
    whole = case((subject == id_, null()), else_=literal(id_, Name))
    return len(add_rows(connection, select(subject, whole, literal(why), literal(by), literal(at, UtcTime()))))


def parts(at: datetime, held: CTE | None) -> Iterator[Select[Any]]:
    """Yield selects of the rows of what belongs to unfinished erasures, and is not held."""
    of = ERASURES.alias("of")
    whole = func.coalesce(of.c.erased_with, of.c.subject)
    for ids in _left(of):
        rows = ids.add_columns(whole, of.c.why, of.c.erased_by, literal(at, UtcTime()))
        yield rows if held is None else rows.where(ids.selected_columns[0].not_in(select(held.c.subject)))


def _left(of: Any) -> Iterator[Select[Any]]:
    """Yield selects of the ids of what belongs to unfinished ones among the erasures `of`, and is not erased."""
    for ids in parts_of(of, of.c.subject):
        part = ids.selected_columns[0]
        yield ids.where(of.c.done_at.is_(None), ~exists().where(ERASURES.c.subject == part))


def count_held(connection: Connection, held: CTE | None) -> int:
    """Return how many parts of unfinished erasures stay since they are held."""
    if held is None:
        return 0
    left = union(*_left(ERASURES.alias("of"))).subquery()
    found = select(func.count()).select_from(left).where(left.c[0].in_(select(held.c.subject)))
    return connection.execute(found).scalar_one()


def add_rows(connection: Connection, rows: Select[Any]) -> list[str]:
    """Write rows of erasures. Return the subjects of those that are new."""
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    names = ["subject", "erased_with", "why", "erased_by", "erased_at"]
    new = dialect.insert(ERASURES).from_select(names, rows.where(true())).on_conflict_do_nothing()
    return list(connection.execute(new.returning(ERASURES.c.subject)).scalars())


def held_of(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    """Return what is held of these erasures, in words, and whose rows that would go are held."""
    held = held_now(connection)
    if held is None:
        return []
    found = select(held.c.subject, ERASURES.c.erased_with).join(ERASURES, ERASURES.c.subject == held.c.subject)
    rows = connection.execute(found.where(which).order_by(held.c.subject)).all()
    words = [row.subject if row.erased_with is None else f"{row.subject} (of {row.erased_with})" for row in rows]
    for what, subject, named in (*ATTACHED, owned(connection)):
        of_held = select(subject, named.label("named")).join(held, held.c.subject == subject).distinct()
        of_held = of_held.join(ERASURES, ERASURES.c.subject == named).where(which, subject != named)
        words += [f"{row[0]} ({what} of it names {row.named})" for row in connection.execute(of_held)]
    named = ERASURES.c.subject.label("named")
    own_acts = [
        select(held.c.subject, named).join(ERASURES, held.c.subject == audited_as(kind, ERASURES.c.subject))
        for kind in Held
    ]
    credentials = select(held.c.subject, named).join(CREDENTIALS, CREDENTIALS.c.id == held.c.subject)
    own_acts.append(credentials.join(ERASURES, ERASURES.c.subject == CREDENTIALS.c.user_id))
    for of_held in own_acts:
        of_it = connection.execute(of_held.where(which))
        words += [f"{row[0]} (an audit line of it names {row.named})" for row in of_it]
    return list(dict.fromkeys(words))


def lock_out_recorders(connection: Connection, waits: Callable[[str], None]) -> None:
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
