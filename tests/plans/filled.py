"""Rows for plans, made by PostgreSQL itself: every table gets as many as wanted, in the order of their numbers `n`.

What a column holds follows from its name and its type, so a new table is filled without a line here. `SAMPLES` are the
values that look-ups ask for: each is in about one row of two hundred, a rare status in one of a hundred.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Connection, Double, Integer, LargeBinary, Table, text

from flowledger.storage import tables
from flowledger.storage.schema.columns import VALUES
from flowledger.storage.schema.partitions import make_partitions
from flowledger.storage.schema.types import DecimalText, JsonText, UtcTime, Words

GROUPS: Final = 200
MOMENT: Final = "timestamptz '2026-01-01' + n * interval '1 second'"
HOUR: Final = "timestamptz '2026-01-01' + n * interval '1 hour'"

SAMPLE_ID: Final = "i7"
SAMPLE_NAME: Final = "n7"

_GROUP: Final = f"'i' || n % {GROUPS} + 1"
_SOME_NAME: Final = f"'n' || n % {GROUPS}"
_MEANING: Final = "decode(md5(n::text), 'hex')"
_NONCE: Final = "decode(repeat('00', 12), 'hex')"
_OWN: Final[dict[tuple[str, str], str]] = {
    ("agents", "capabilities"): "jsonb_build_array('n' || n % 300, 'c' || n % 7)",
    ("audit_logs", "resource_id"): _GROUP,
    ("collaborations", "member_ids"): "jsonb_build_array('i' || n % 300, 's' || n % 7)",
    ("credentials", "nonce"): _NONCE,
    ("credentials", "service_type"): "'n' || n % 9",
    ("dead_letter_actions", "action"): "'replayed'",
    ("dead_letter_actions", "dead_letter_id"): "'dead_d' || n",
    ("dead_letter_actions", "entry_id"): "n",
    ("dead_letter_actions", "id"): "'act' || n",
    ("dead_letter_actions", "stream"): "'s'",
    ("dead_letters", "id"): "'dead_d' || n",
    ("dead_letters", "reason"): "'not_json'",
    ("dead_letters", "status"): "'open'",
    ("drains", "dead"): "CASE WHEN n % 100 = 0 THEN 1 ELSE 0 END",
    ("drains", "why"): "CASE WHEN n % 100 = 1 THEN 'the database is away' END",
    ("drains", "worker"): _GROUP,
    ("erasures", "subject"): "'i' || n",
    ("event_texts", "meaning"): _MEANING,
    ("events", "id"): "n",
    ("events", "meaning"): _MEANING,
    ("events", "subject"): _GROUP,
    ("held", "subject"): "'i' || n",
    ("knowledge", "tags"): "jsonb_build_array('n' || n % 300)",
    ("messages", "sent_key"): "n",
    ("metric_days", "start"): HOUR,
    ("metric_hours", "start"): HOUR,
    ("outbox", "expires_at"): f"CASE WHEN n % 9 = 0 THEN {MOMENT} END",
    ("outbox", "id"): "n",
    ("outbox", "message_id"): "'i' || n",
    ("sandboxes", "description_key"): "'100s' || chr(1) || n",
    ("schedule_due", "next_due_at"): MOMENT,
    ("secrets", "name"): "'n' || n",
    ("secrets", "nonce"): _NONCE,
    ("task_logs", "execution_id"): f"CASE WHEN n % 2 = 0 THEN {_GROUP} END",
    ("task_logs", "task_id"): f"CASE WHEN n % 2 = 1 THEN {_GROUP} END",
    ("users", "email"): "'U' || n || '@example.org'",
    ("workspaces", "archived_at"): "NULL",
}
_NAMES: Final = {
    "category": _SOME_NAME, "full_name": _SOME_NAME, "kind": _SOME_NAME, "name": _SOME_NAME, "node": "'n' || n % 7",
    "subject": _GROUP, "source": "'s'", "event_id": "n", "status_key": "'k' || n", "iteration": "n", "version": "n",
}  # fmt: skip
_EMPTY: Final = frozenset({"checkpoints", "horizons", "sizes"})
_RARE: Final = 100


def fill(connection: Connection, rows: int, tell: Callable[[str], None] = lambda _: None) -> None:
    """Fill every table of a migrated database; `tell` is told the name of each before."""
    make_partitions(connection, "2026-01-01", 20)
    for table in tables.metadata.sorted_tables:
        if table.name not in _EMPTY and "one" not in table.c:
            tell(table.name)
            values = {column.name: _value(column) for column in table.c}
            given = {name: value for name, value in values.items() if value is not None}
            statement = f"INSERT INTO {table.name} ({', '.join(given)}) SELECT {', '.join(given.values())}"
            connection.execute(text(f"{statement} FROM generate_series(1, :rows) n{_which(table)}"), {"rows": rows})


def _which(table: Table) -> str:
    """Few executions and tasks fail."""
    return " WHERE n % 20 = 0" if table.name.endswith("_failures") else ""


def _value(column: Column[Any]) -> str | None:
    """Return the expression of a column in the row `n`; None for its default."""
    own = _OWN.get((column.table.name, column.name))
    if own is not None:
        return own
    if column.info.get(VALUES):
        first, *_, last = column.info[VALUES]
        return f"CASE WHEN n % {_RARE} = 0 THEN '{last}' ELSE '{first}' END"
    if column.name in _NAMES and column.table.name != "dead_letters":
        return _cast(column, _NAMES[column.name])
    if column.type is Words:
        return f"({_SOME_NAME} || ' all')::tsvector"
    if column.name == "id" or (column.primary_key and _is_alone(column)):
        return "'i' || n"
    if column.name.endswith("_id"):
        return "'i' || n" if column.primary_key and column.name == "message_id" else _GROUP
    return _by_type(column)


def _is_alone(column: Column[Any]) -> bool:
    return len(column.table.primary_key) == 1 and column.name.endswith("_id")


def _cast(column: Column[Any], value: str) -> str:
    return value if isinstance(column.type, BigInteger | Integer) else f"({value})::text"


def _by_type(column: Column[Any]) -> str | None:
    if column.nullable or column.server_default is not None:
        return None
    if isinstance(column.type, UtcTime):
        return MOMENT
    if isinstance(column.type, Boolean):
        return "true"
    if isinstance(column.type, BigInteger | Integer | Double | DecimalText):
        return "n"
    if isinstance(column.type, JsonText):
        return "'{}'"
    return "''" if isinstance(column.type, LargeBinary) else "n::text"
