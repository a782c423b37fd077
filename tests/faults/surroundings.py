"""Somebody else's servers and settings: what a database, a broker or an URL may be set to (row 22)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Case:
    """One surrounding. What comes of it must be right rows, or a clear refusal."""

    name: str
    database: Mapping[str, str] = field(default_factory=dict)
    """What the database is set to: `ALTER DATABASE … SET`."""
    encoding: str = "UTF8"
    query: str = ""
    """Of DATABASE_URL."""
    pooler: str = ""
    """PgBouncer's `pool_mode`; none where empty."""
    broker: Mapping[str, str] = field(default_factory=dict)
    """What the broker is set to: `CONFIG SET`."""
    broker_query: str = ""
    """Of REDIS_URL."""
    told: str = ""
    """A word that log, refusal or `status` must say, for the promise does not hold so (I7); none where empty."""


_STRANGE: Final = {
    "TimeZone": "Europe/Berlin",
    "client_encoding": "LATIN1",
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "extra_float_digits": "-15",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "default_transaction_isolation": "serializable",
    "lc_messages": "C",
}
"""What changes how values go in and come out; all of it is the session's own business."""

SAMPLE: Final = (
    Case("a database in Berlin with old habits", database=_STRANGE),
    Case("a broker that evicts", broker={"maxmemory-policy": "allkeys-lru"}, told="allkeys-lru"),
)
"""As many of them at once as can be right together."""

CASES: Final = (
    *SAMPLE,
    *(Case(f"{name} = {value}", database={name: value}) for name, value in _STRANGE.items()),
    Case("a database in LATIN1", encoding="LATIN1"),
    Case("a database without an encoding", encoding="SQL_ASCII"),
    Case("commits that do not wait for the disk", database={"synchronous_commit": "off"}),
    Case("statements of a tenth of a second", database={"statement_timeout": "100ms", "lock_timeout": "100ms"}),
    Case("transactions that may not idle", database={"idle_in_transaction_session_timeout": "200ms"}),
    Case("a database that may only be read", database={"default_transaction_read_only": "on"}, told="read"),
    Case("repeatable reads", database={"default_transaction_isolation": "repeatable read"}),
    Case("a search path to nowhere", database={"search_path": "nowhere"}),
    Case("a search path in the URL", query="options=-csearch_path%3Dpublic"),
    Case("an option that nobody knows", query="colour=blue", told="colour"),
    Case("a pooler by session", pooler="session"),
    Case("a pooler by session, in Berlin", pooler="session", database={"TimeZone": "Europe/Berlin"}),
    Case("a pooler by transaction", pooler="transaction"),
    Case("a broker without a file", broker={"appendonly": "no"}, told="appendonly"),
    Case("a broker that flushes each second", broker={"appendfsync": "everysec"}, told="appendfsync"),
    Case("RESP3 in the URL", broker_query="protocol=3"),
    Case("text for bytes in the URL", broker_query="decode_responses=True"),
    Case("a short time-out in the URL", broker_query="socket_timeout=1"),
    Case("an option of the broker that nobody knows", broker_query="colour=blue", told="colour"),
)
