"""What events cost: processor time by part, bytes on disk by table, bytes of WAL."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import psutil
from sqlalchemy import Engine, text

from bench.servers import Servers

PARTS: Final = ("producer", "Redis", "worker", "PostgreSQL")

# Partitions count as their parent.
_SIZES: Final = text("""
    SELECT coalesce(pg_partition_root(oid), oid)::regclass::text AS name,
        sum(pg_table_size(oid)) AS rows, sum(pg_indexes_size(oid)) AS indexes
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY 1
""")
_WAL: Final = text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used until a moment; or, as a difference, between two."""

    cpu_seconds: dict[str, float] = field(default_factory=dict)
    """By part (`PARTS`), with ended children."""
    bytes: dict[str, int] = field(default_factory=dict)
    """By table: `tasks` for its rows, `tasks, indexes` for all its indexes."""
    wal_bytes: int = 0

    @classmethod
    def now(cls, engine: Engine, servers: Servers, worker_pid: int) -> Usage:
        with engine.connect() as connection:
            sizes = connection.execute(_SIZES).all()
            wal = int(connection.execute(_WAL).scalar_one())
        found = {row.name: int(row.rows) for row in sizes}
        found |= {f"{row.name}, indexes": int(row.indexes) for row in sizes}
        return cls(_cpu(servers, worker_pid), found, wal)

    def since(self, before: Usage) -> Usage:
        """Return the difference; tables that did not grow are left out."""
        grown = {name: size - before.bytes.get(name, 0) for name, size in self.bytes.items()}
        return Usage(
            {part: seconds - before.cpu_seconds[part] for part, seconds in self.cpu_seconds.items()},
            {name: size for name, size in grown.items() if size > 0},
            self.wal_bytes - before.wal_bytes,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a contender: the rate at which it recorded, and what an event cost."""

    events_per_second: float
    cpu_seconds_per_1000: dict[str, float]
    bytes_per_event: dict[str, float]
    wal_bytes_per_event: float

    @classmethod
    def of(cls, events: int, seconds: float, used: Usage) -> Turn:
        return cls(
            events / seconds,
            {part: used.cpu_seconds[part] / events * 1000 for part in PARTS},
            {name: size / events for name, size in sorted(used.bytes.items())},
            used.wal_bytes / events,
        )

    @property
    def cpu(self) -> float:
        """CPU seconds of all parts for 1,000 events."""
        return sum(self.cpu_seconds_per_1000.values())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def _cpu(servers: Servers, worker_pid: int) -> dict[str, float]:
    ours = psutil.Process().cpu_times()
    pids = (servers.redis_pid, worker_pid, servers.postgresql_pid)
    return dict(zip(PARTS, (ours.user + ours.system, *map(cpu_of_tree, pids)), strict=True))


def cpu_of_tree(pid: int) -> float:
    """Return the CPU seconds of a process, its ended children, and its running descendants with theirs."""
    assert pid != os.getpid()
    total = 0.0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return total
    for member in family:
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += float(times.user + times.system + times.children_user + times.children_system)
    return total
