"""Holds: what must stay, whatever its age (docs/contract/retention.md).

An operator holds a workspace, an execution or a subject. `held` lists the subjects that follow from it, so that whoever
deletes anything need only look there: a row, or a text, stays if its event's subject is among them.

Who adds a hold, and who deletes, wait for each other (`lock_holds`, `lock_held`), each in a transaction of
`storage.transactions.changing`. So what is there when a hold is committed stays.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage.many import owners_of
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Repository
from flowledger.storage.retention.belonging import Ids, in_workspaces, with_owners, with_parts, workspaces_of
from flowledger.storage.schema.columns import metadata, one_of
from flowledger.storage.schema.types import Name, UtcTime


class Held(StrEnum):
    """What a hold may name."""

    WORKSPACE = "workspace"
    EXECUTION = "execution"
    SUBJECT = "subject"


Id = TypeVar("Id", str, ColumnElement[str])
AUDIT_SOURCE: Final = "/flowledger/holds"
"""The source of audit lines about holds, whose resource is `audited_as`."""


HOLDS: Final = Table(
    "holds",
    metadata,
    *one_of("what", "held", Text(), Held, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("why", Text, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", UtcTime, nullable=False),
)
"""What operators hold; not a function of the journal, so `verify` ignores it."""

HELD: Final = Table("held", metadata, Column("subject", Name, primary_key=True))
"""All subjects that are held."""

_OLDEST: Final = Order((HOLDS.c.added_at, HOLDS.c.what, HOLDS.c.id))
_LOCK: Final = func.hashtextextended("ledger_holds", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What is held, why, since when, and by whom."""

    what: str
    id: str
    why: str
    added_by: str
    added_at: datetime


def audited_as(what: str, id_: Id) -> Id:
    """Return the resource of the audit lines about a hold, or about those of a column of ids."""
    return f"{what}/" + id_


def lock_held(connection: Connection) -> None:
    """Let nobody change `held` until this transaction ends; call it, and then look there, before deleting anything.

    Many may delete at a time. On SQLite nobody else writes anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))


def lock_holds(connection: Connection) -> None:
    """Let nobody delete anything by age until this transaction ends; `held` may change."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


class HoldRepository(Repository[Hold]):
    table = HOLDS
    record = Hold

    def add(self, hold: Hold) -> bool:
        """Write a hold. Return False if the same is held already: then its reason, time and author stay."""
        dialect: Any = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        new = dialect.insert(HOLDS).values(**asdict(hold)).on_conflict_do_nothing()
        return self.connection.execute(new).rowcount == 1

    def get(self, what: Held, id_: str) -> Hold | None:
        """Return a hold; None if there is none."""
        return self._one(self._select().where(HOLDS.c.what == what.value, HOLDS.c.id == id_))

    def remove(self, what: Held, id_: str) -> bool:
        """Delete a hold. Return False if there is none."""
        is_it = (HOLDS.c.what == what.value) & (HOLDS.c.id == id_)
        return self.connection.execute(delete(HOLDS).where(is_it)).rowcount == 1

    def oldest(self, *, limit: int = 50, offset: int = 0, after: str | None = None) -> Page[Hold]:
        """Return a page of holds, the oldest first."""
        return self._page(self._select(), _OLDEST, limit, offset, after)

    def read(self, condition: ColumnElement[bool]) -> list[Hold]:
        """Return the holds that fulfil a condition, the oldest first."""
        found = self._select().where(condition).order_by(*_OLDEST.by())
        return [self._record(row) for row in self.connection.execute(found)]


def held_by(connection: Connection, subjects: Collection[str] | Ids) -> list[Hold]:
    """Return the holds for which at least one of these subjects must stay, the oldest first."""
    if isinstance(subjects, Collection):
        subjects = select(owners_of(connection, [*subjects]).c.value)
    owners = with_owners(subjects)
    of_workspace = (HOLDS.c.what == Held.WORKSPACE.value) & HOLDS.c.id.in_(workspaces_of(owners))
    is_named = or_(HOLDS.c.id.in_(select(owners.c.subject)), of_workspace)
    holds = HoldRepository(connection)
    return holds.read(is_named)


def following(connection: Connection, hold: Hold | None = None) -> CTE:
    """Return, as rows `subject`, what must stay for a hold that stands, or for all of them."""
    one = true() if hold is None else (HOLDS.c.what == hold.what) & (HOLDS.c.id == hold.id)
    workspaces = select(HOLDS.c.id).where(HOLDS.c.what == Held.WORKSPACE.value, one)
    ids: Any = workspaces
    if connection.dialect.name == "postgresql":  # it plans by their statistics, which it has of constants alone
        ids = connection.execute(workspaces).scalars().all()
    inside = in_workspaces(lambda workspace: workspace.in_(ids))
    return with_parts(union(select(HOLDS.c.id.label("subject")).where(one), inside))


def extend(connection: Connection) -> None:
    """Have `held` list all that follows from the holds; lock them before. It needs no right to delete."""
    wanted = following(connection)
    is_held = exists().where(HELD.c.subject == wanted.c.subject)
    connection.execute(insert(HELD).from_select(["subject"], select(wanted.c.subject).where(~is_held)))


def refresh(connection: Connection) -> None:
    """Have `held` list what follows from the holds, and nothing else. It waits for whoever is deleting."""
    lock_holds(connection)
    extend(connection)
    wanted = following(connection)
    is_wanted = exists().where(wanted.c.subject == HELD.c.subject)
    connection.execute(delete(HELD).where(~is_wanted))


def refresh_if_any(connection: Connection) -> None:
    """Do the same if anything is held: who deletes does so before, since more may have come to what is held."""
    if is_any_held(connection):
        refresh(connection)


def held_now(connection: Connection) -> CTE | None:
    """Return what is held, as rows `subject`, also what came to it since the last round; None if nothing is."""
    if not is_any_held(connection):
        return None
    return union(select(HELD.c.subject), select(following(connection).c.subject)).cte("held_now")


def is_any_held(connection: Connection) -> bool:
    """Return whether anything is held."""
    found = select(exists().where(HOLDS.c.id.is_not(None)) | exists().where(HELD.c.subject.is_not(None)))
    return bool(connection.execute(found).scalar_one())
