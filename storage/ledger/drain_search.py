"""Drains as Flower's table of tasks asks for them: searched, sorted by any column, by number of row.

No index serves all that, so it is asked of the newest 10,000 drains alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    String,
    Text,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.sql.selectable import NamedFromClause

from flowledger.storage.ledger.drains import TABLE

MOST: Final = 10_000
NAME: Final = "ledger.drain"
"""Celery's name of the task."""
_WORDS: Final = {"success": "recorded", "failure": "buried", "retry": "waited"}
"""Celery's states that a drain which is over may be asked for by, and how such a drain is called."""


class DrainSearch:
    """Searches and sorts the newest drains, over a connection that the caller owns."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._drains = _newest()

    def has(self, field: str | None, value: str) -> ColumnElement[bool]:
        """Return the condition of a term of Flower's search: a whole state, or a part of a field or of any text."""
        drains, wanted = self._drains.c, value.casefold()
        if field == "state":
            return literal(_WORDS.get(wanted, wanted)) == _state(self._drains)
        places: dict[str | None, tuple[ColumnElement[Any], ...]] = {
            None: (drains.id, drains.worker, drains.why, literal(NAME, String)),
            "name": (literal(NAME, String),),
            "worker": (drains.worker,),
            "args": (cast(drains.shards, Text),),
            "result": (drains.why,),
        }
        return or_(false(), *(place.icontains(wanted, autoescape=True) for place in places.get(field, ())))

    def count(self, condition: ColumnElement[bool] | None = None) -> int:
        """Return how many of the newest drains fulfil the condition."""
        statement = select(func.count()).select_from(self._drains)
        found: int = self._connection.execute(_where(statement, condition)).scalar_one()
        return found

    def rows(
        self, condition: ColumnElement[bool] | None, sort_by: str, *, descending: bool, offset: int, limit: int
    ) -> Sequence[Row[Any]]:
        """Return some drains in this order; an unknown `sort_by` is the time of the start."""
        drains = self._drains.c
        by: ColumnElement[Any] = {
            "state": _state(self._drains),
            "runtime": drains.ended_at - drains.started_at if self._is_postgresql else _seconds(self._drains),
            "worker": drains.worker,
        }.get(sort_by, drains.started_at)
        order = (by.desc(), drains.id.desc()) if descending else (by.asc(), drains.id.asc())
        statement = _where(select(*drains), condition).order_by(*order).offset(offset).limit(limit)
        return self._connection.execute(statement).all()

    @property
    def _is_postgresql(self) -> bool:
        return self._connection.dialect.name == "postgresql"


def _newest() -> NamedFromClause:
    names = ("id", "worker", "started_at", "ended_at", "shards", "recorded", "repeated", "dead", "why")
    newest = select(*(TABLE.c[name] for name in names)).order_by(TABLE.c.ended_at.desc(), TABLE.c.id.desc())
    return newest.limit(MOST).subquery("newest")


def _state(drains: NamedFromClause) -> ColumnElement[str]:
    return case((drains.c.dead > 0, "buried"), (drains.c.why.is_not(None), "waited"), else_="recorded")


def _seconds(drains: NamedFromClause) -> ColumnElement[float]:
    return func.julianday(drains.c.ended_at, type_=Float) - func.julianday(drains.c.started_at, type_=Float)


def _where(statement: Select[Any], condition: ColumnElement[bool] | None) -> Select[Any]:
    return statement if condition is None else statement.where(condition)
