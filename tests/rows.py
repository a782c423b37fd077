"""The rows that stand in a database, in the form in which the oracle gives them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, or_, select

from flowledger.storage import tables
from flowledger.storage.kinds import MERGED
from tests import oracle

TABLES: Final = tuple(table.name for table in MERGED)

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
Span = tuple[str, str | None]
"""Subjects from one (left out) to another (with it), in the order of code points; None is the end of all."""
_ALL: Final[Span] = ("", None)

_SUBJECTS: Final = {
    "execution_failures": ("execution_id",),
    "execution_logs": ("execution_id",),
    "task_failures": ("task_id",),
    "task_logs": ("task_id", "execution_id"),
    "message_deliveries": ("message_id",),
    "workflow_versions": ("workflow_id",),
    "metrics": ("subject",),
    "metric_hours": ("subject",),
    "metric_days": ("subject",),
    "audit_logs": ("resource_id",),
}
"""The columns that name the subject, where it is not `id`."""


def rows(connection: Connection, span: Span = _ALL) -> Rows:
    """The rows of the tables that the merge rule fills, about these subjects, by primary key, with the contract's
    columns alone."""
    return {name: _table(connection, tables.metadata.tables[name], span) for name in TABLES}


def as_told(found: Rows) -> Rows:
    """Rows as the events tell them: without when these were recorded."""
    return {
        table: {key: {name: value for name, value in row.items() if name != "recorded_at"} for key, row in of.items()}
        for table, of in found.items()
    }


HAS_TEXT: Final = (tables.events.c.recorded_at == tables.event_texts.c.recorded_at) & (
    tables.events.c.meaning == tables.event_texts.c.meaning
)
JOURNAL: Final = select(tables.event_texts.c.raw, tables.events.c.recorded_at).join_from(
    tables.events, tables.event_texts, HAS_TEXT
)
"""The texts of the events in the journal, and when each was recorded."""


def expected(journal: Iterable[oracle.Recorded]) -> Rows:
    """What the oracle makes of events."""
    computed = oracle.tables(journal)
    return {name: computed[name] for name in TABLES}


def differences(connection: Connection, span: Span = _ALL) -> list[str]:
    """In words, how the rows differ from what the merge rule makes of the journal; empty where they do not."""
    journal = connection.execute(JOURNAL.where(_is_in(tables.events.c.subject, span))).all()
    return compare(rows(connection, span), expected(oracle.Recorded(row.raw, row.recorded_at) for row in journal))


def compare(actual: Rows, wanted: Rows) -> list[str]:
    """In words, how some rows differ from others."""
    found: list[str] = []
    for name in TABLES:
        found += [f"{name} {key}: missing" for key in wanted[name].keys() - actual[name].keys()]
        found += [f"{name} {key}: unexpected" for key in actual[name].keys() - wanted[name].keys()]
        for key in wanted[name].keys() & actual[name].keys():
            for column, value in wanted[name][key].items():
                if not _same(actual[name][key][column], value):
                    found.append(f"{name} {key} {column}: {actual[name][key][column]!r}, expected {value!r}")
    return found


def _table(connection: Connection, table: Table, span: Span) -> dict[tuple[Any, ...], dict[str, Any]]:
    key = [column.name for column in table.primary_key if column.name != "recorded_at"]
    return {
        tuple(row[part] for part in key): dict(row) for row in connection.execute(_selection(table, span)).mappings()
    }


@lru_cache
def _selection(table: Table, span: Span) -> Select[Any]:
    """To make a statement takes longer than to ask it."""
    columns = [column for column in table.c if not column.name.endswith(("_key", "_keys"))]
    subjects = [table.c[name] for name in _SUBJECTS.get(table.name, ("id",))]
    return select(*columns).where(or_(*(_is_in(one, span) for one in subjects)))


def _is_in(subject: ColumnElement[str], span: Span) -> ColumnElement[bool]:
    after, until = span
    return subject > after if until is None else and_(subject > after, subject <= until)


def _same(one: Any, other: Any) -> bool:
    """Equality of values that tells true from 1, but not 1 from 1.0: PostgreSQL's jsonb does not, either."""
    left = [(one, other)]
    while left:
        a, b = left.pop()
        if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
            left += [(a[name], b[name]) for name in a]
        elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            left += zip(a, b, strict=True)
        elif isinstance(a, bool) or isinstance(b, bool):
            if a is not b:
                return False
        elif a != b and not (
            isinstance(a, int | float | Decimal) and isinstance(b, int | float | Decimal) and _double(a) == _double(b)
        ):
            return False
    return True


def _double(number: float | Decimal) -> float:
    """The double that stands for a number, infinity if it is beyond all."""
    try:
        return float(number)
    except OverflowError:  # of an int; a Decimal gives infinity
        return math.inf if number > 0 else -math.inf
