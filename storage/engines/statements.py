"""The prepared statements of transactions on PostgreSQL (`storage.engines.postgresql`)."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Text, bindparam, exists, false, func, literal_column, select
from sqlalchemy.dialects import postgresql

from flowledger.storage.engines.pipeline import Transaction
from flowledger.storage.ledger import event_texts
from flowledger.storage.ledger.journal import COLUMNS
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.merge.conditions import ConditionShape, binds, clause
from flowledger.storage.merge.writes import Shape, built

REPEATED: Final = "flowledger.repeated"
"""A setting of the session, in which a batch collects which of its events were known: this writes nothing, and one
query at the end reads it. (psycopg2 returns only the result of the last statement of a round trip.)"""


class Statement(NamedTuple):
    """The prepared statement of one combination of writes; its parameters are in the order of `values`."""

    name: str
    sql: str
    types: str

    @property
    def prepare(self) -> str:
        return f"PREPARE {self.name} ({self.types}) AS {self.sql}"

    @staticmethod
    def values(transaction: Transaction, position: int) -> list[Any]:
        """Return all values of a transaction; `position` is what it reports if its event is known."""
        values: list[Any] = []
        if transaction.journal is not None:
            *row, raw = transaction.journal
            values = [*row, f"{position} "] if raw is None else [*row, raw, f"{position} "]
        for condition in transaction.conditions:
            values += condition.values
        for write in transaction.writes:
            values += write.values
        return values


def statement_of(transaction: Transaction) -> Statement:
    """Return the prepared statement for a transaction's combination of writes."""
    return _statement(
        0 if transaction.journal is None else 1 if transaction.journal[-1] is None else 2,
        tuple([condition.shape for condition in transaction.conditions]),
        tuple([write.shape for write in transaction.writes]),
    )


@lru_cache(maxsize=4096)
def _statement(journal: int, conditions: tuple[ConditionShape, ...], shapes: tuple[Shape, ...]) -> Statement:
    """Build the statement with SQLAlchemy; its parameters are renumbered in the order of the collected values.

    `journal`: 0 without a row of the journal, 1 with the row alone, 2 with its text as well.
    """
    given = () if journal == 0 else COLUMNS if journal == 1 else (*COLUMNS, "raw")
    names = [*(f"journal_{column}" for column in given), *(["position"] if given else [])]
    names += [name for place in range(len(conditions)) for name in binds(f"c{place}_")]
    new = _journal_insert(conditions) if given else None
    writes = [_text_insert(new)] if "raw" in given else []
    for place, shape in enumerate(shapes):
        prefix = f"w{place}_"
        write = built(shape)
        names += [prefix + bind for bind in write.binds]
        writes.append(write.postgresql(prefix, new).cte(f"w{place}"))
    told = select(literal_column("1")) if new is None else _tell_repeated(new)
    compiled = told.add_cte(*writes).compile(dialect=_DIALECT)
    numbers = {name: place for place, name in enumerate(names, 1)}
    order = [numbers[name] for name in compiled.positiontup or ()]
    sql = re.sub(r"\$(\d+)", lambda match: f"${order[int(match[1]) - 1]}", str(compiled))
    types = ", ".join(_type(compiled.binds[name].type) for name in names)
    # Named after its content: if this name is prepared in the session already, it is the same statement.
    name = hashlib.sha256(f"{types};{sql}".encode()).hexdigest()[:32]
    return Statement(f"ledger_{name}", sql, types)


def _journal_insert(conditions: tuple[ConditionShape, ...]) -> Any:
    values = [bindparam(f"journal_{column}", type_=EVENTS.c[column].type) for column in COLUMNS]
    row = select(*values).where(*(clause(shape, f"c{place}_") for place, shape in enumerate(conditions)))
    insert = postgresql.insert(EVENTS).from_select(COLUMNS, row).on_conflict_do_nothing()
    return insert.returning(literal_column("1").label("one")).cte("new")


def _text_insert(new: Any) -> Any:
    table, names = event_texts.TABLE, event_texts.COLUMNS
    row = select(*(bindparam(f"journal_{name}", type_=table.c[name].type) for name in names)).select_from(new)
    return postgresql.insert(table).from_select(names, row).cte("text")


def _tell_repeated(new: Any) -> Any:
    position = bindparam("position", type_=Text())
    setting: ColumnElement[str] = literal_column(f"'{REPEATED}'", Text())
    told = func.set_config(setting, func.current_setting(setting, type_=Text()).concat(position), false())
    return select(told).where(~exists(select(literal_column("1")).select_from(new)))


def _type(type_: Any) -> str:
    return str(type_.compile(dialect=_DIALECT)).partition(" COLLATE")[0]


_DIALECT: Final = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
