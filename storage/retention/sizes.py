"""How large the parts of the ledger are, from the database's catalogue, and a sample of that for each hour of a week.

No table is read, and no right on a table is needed. Sizes are with indexes; rows are PostgreSQL's estimates. Of a
SQLite file only the whole is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, select, text
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage.kinds import MERGED
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.partitions import is_partition
from flowledger.storage.schema.types import Name, UtcTime

TABLE: Final = Table(
    "sizes",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("part", Name, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
"""The size of each part once an hour. A slot is an hour of the last `SLOTS`, and is written again after that time."""

SLOTS: Final = 8 * 24
ALL: Final = "all"
_HOUR: Final = timedelta(hours=1)
_WEEKS: Final = {"event_texts": "texts", "task_logs": "logs", "metrics": "metrics", "audit_logs": "audit"}
PARTS: Final[Mapping[str, str]] = {
    **{table.name: "rows" for table in MERGED},
    **_WEEKS,
    "events": "names",
    "drains": "drains",
    "dead_letters": "dead_letters",
    "dead_letter_actions": "dead_letters",
}
"""The part to which a table belongs, by the names of `domain.keeping.KEPT`; others are `others`."""
OTHERS: Final = "others"

_RELATIONS: Final = text("""
    SELECT c.relname AS name, p.relname AS parent, coalesce(pg_total_relation_size(c.oid), 0) AS bytes,
        greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0) AS rows
    FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND NOT i.inhdetachpending
    LEFT JOIN pg_class p ON p.oid = i.inhparent
    WHERE c.relkind = 'r' AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('events'))
""")


class Size(NamedTuple):
    """The bytes of a part, and about how many rows it has; None if that is not known."""

    bytes: int
    rows: int | None


class Sizes(NamedTuple):
    """The sizes of the parts by name, and of each part that stands in weeks the Mondays of those, in order."""

    parts: dict[str, Size]
    weeks: dict[str, list[datetime]]


class Sample(NamedTuple):
    """The size of a part at a time."""

    part: str
    at: datetime
    bytes: int


def measure(connection: Connection) -> Sizes:
    """Return the sizes of now."""
    if connection.dialect.name != "postgresql":
        pages, free, size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        )
        return Sizes({ALL: Size((pages - free) * size, None)}, {})
    parts: dict[str, Size] = {}
    weeks: dict[str, list[datetime]] = {part: [] for part in _WEEKS.values()}
    for row in connection.execute(_RELATIONS):
        table = row.parent or (row.name[:-9] if is_partition(row.name) else row.name)
        part = PARTS.get(table, OTHERS)
        known = parts.get(part, Size(0, 0))
        parts[part] = Size(known.bytes + row.bytes, (known.rows or 0) + row.rows)
        if row.parent in _WEEKS and is_partition(row.name):
            weeks[part].append(datetime.strptime(row.name[-8:], "%Y%m%d").replace(tzinfo=UTC))
    return Sizes(parts, {part: sorted(mondays) for part, mondays in weeks.items()})


def keep(connection: Connection, parts: Mapping[str, Size], at: datetime) -> None:
    """Write the sample of this hour, unless it is there."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    slot = int(hour.timestamp()) // 3600 % SLOTS
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [{"slot": slot, "part": part, "at": at, "bytes": size.bytes} for part, size in parts.items()]
    new = dialect.insert(TABLE)
    new = new.on_conflict_do_update(
        index_elements=["slot", "part"],
        set_={"at": new.excluded.at, "bytes": new.excluded.bytes},
        where=TABLE.c.at < hour,
    )
    connection.execute(new, rows)


def samples(connection: Connection, since: datetime) -> list[Sample]:
    """Return the samples since a time, the oldest first."""
    columns = (TABLE.c.part, TABLE.c.at, TABLE.c.bytes)
    rows = connection.execute(select(*columns).where(TABLE.c.at >= since).order_by(TABLE.c.at))
    return [Sample(*row) for row in rows]


def bytes_a_day(known: Iterable[Sample], parts: Mapping[str, Size], now: datetime, over: timedelta) -> dict[str, float]:
    """Return by how many bytes a day each part has grown since its first sample within the time `over`.

    A part that has no sample older than an hour has no growth yet.
    """
    found: dict[str, float] = {}
    for sample in known:
        if sample.part in parts and sample.part not in found and _HOUR <= now - sample.at <= over + _HOUR:
            days = (now - sample.at) / timedelta(days=1)
            found[sample.part] = (parts[sample.part].bytes - sample.bytes) / days
    return found
