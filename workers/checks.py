"""Which settings of Redis and the database break the promise: named checks, one rule a line.

They are checked at the start of a worker, every minute by each worker (`workers.server_watch`), by `flowledger up` and
by `flowledger status`. Redis is asked by INFO, and by CONFIG GET for what INFO does not show. CONFIG shows passwords,
too, so no role of `flowledger acl` may use it: settings that only CONFIG shows are `unknown` then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from flowledger.domain.errors import DatabaseUnavailable, DatabaseUnfit, LedgerError
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine, words
from flowledger.storage.engines.session import REQUIRED
from flowledger.workers.connections import connect


class UnfitServer(LedgerError):
    """A setting of Redis or the database would lose events or make wrong rows. The message says what to change."""


class Severity(StrEnum):
    """How bad a finding is: a worker does not start; the promise is weaker; it could not be checked."""

    REFUSE = "refuse"
    WARN = "warn"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One setting that is wrong, or that could not be checked (`found` is None).

    `wanted` is empty if the database is unfit as a whole; `words` then say all.
    """

    server: str
    setting: str
    found: str | None
    wanted: str
    severity: Severity
    words: str

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.server}: not checked: {self.setting} (wanted: {self.wanted}); {self.words}"
        if not self.wanted:
            return f"{self.server}: {self.words}"
        return f"{self.server}: {self.setting} is {self.found}, wanted: {self.wanted}; {self.words}"


class _Rule(NamedTuple):
    setting: str
    wanted: str
    is_fit: Callable[[str], bool]
    severity: Severity
    words: str


def _rule(setting: str, wanted: str, severity: Severity, words: str) -> _Rule:
    return _Rule(setting, wanted, wanted.__eq__, severity, words)


_OLDEST_REDIS: Final = 7
_REFUSE, _WARN, _UNKNOWN = Severity.REFUSE, Severity.WARN, Severity.UNKNOWN

REDIS_RULES: Final = (
    _Rule(
        "redis_version", "7.0 or newer", lambda found: _first_number(found) >= _OLDEST_REDIS, _REFUSE,
        "scripts that write while memory is full need it; Valkey 7.2 or newer does as well",
    ),
    _rule("role", "master", _REFUSE, "a replica takes no writes: name its primary in REDIS_URL"),
    _rule("cluster_enabled", "0", _REFUSE, "Redis Cluster is not supported: name a server that stands alone"),
    _Rule(
        "maxmemory_policy", "noeviction", lambda found: not found.startswith("allkeys"), _REFUSE,
        "when memory is full Redis evicts events that it has accepted: CONFIG SET maxmemory-policy noeviction",
    ),
    _Rule(
        "maxmemory_policy", "noeviction", lambda found: not found.startswith("volatile"), _WARN,
        "when memory is full Redis evicts marks and leases, so messages may come twice: "
        "CONFIG SET maxmemory-policy noeviction",
    ),
    _rule("evicted_keys", "0", _WARN, "Redis has evicted keys since it started, and events may be among them"),
    _rule("aof_enabled", "1", _WARN, "a restart of Redis loses what it had accepted: CONFIG SET appendonly yes"),
    _rule("aof_last_write_status", "ok", _WARN, "Redis cannot write its append-only file: see its log"),
    _rule("aof_last_bgrewrite_status", "ok", _WARN, "its append-only file grows: see its log"),
    _rule("rdb_last_bgsave_status", "ok", _WARN, "it may refuse writes: see its log"),
)  # fmt: skip
"""Settings that INFO shows."""

CONFIG_RULES: Final = (
    _rule("appendfsync", "always", _WARN, "a power cut loses what was accepted last: CONFIG SET appendfsync always"),
    _rule(
        "no-appendfsync-on-rewrite", "no", _WARN,
        "a power cut during a rewrite loses what was accepted: CONFIG SET no-appendfsync-on-rewrite no",
    ),
)  # fmt: skip
"""What only CONFIG GET says; without an append-only file it does not matter."""

DATABASE_RULES: Final = (
    _rule("in_recovery", "off", _REFUSE, "a standby takes no writes: name the primary in DATABASE_URL"),
    _rule(
        "transaction_read_only", "off", _REFUSE,
        "nothing can be written: default_transaction_read_only of the role, the database or the server is on",
    ),
    _rule("timezone", REQUIRED["timezone"], _REFUSE, "each session is set to it: something on the way changes it"),
    _rule("client_encoding", "UTF8", _REFUSE, "each session is set to it: something on the way changes it"),
    _rule("fsync", "on", _WARN, "a power cut may destroy the database: ALTER SYSTEM SET fsync TO on"),
    _rule("full_page_writes", "on", _WARN, "a power cut may destroy pages: ALTER SYSTEM SET full_page_writes TO on"),
    _rule(
        "session_replication_role", "origin", _WARN,
        "references between rows are not checked: ALTER ROLE … RESET session_replication_role",
    ),
    _rule("unlogged tables", "none", _WARN, "a crash empties them: ALTER TABLE … SET LOGGED"),
)  # fmt: skip

_FACTS: Final = text("""
    SELECT lower(name), setting FROM pg_settings WHERE lower(name) = ANY(CAST(:settings AS text[]))
    UNION ALL SELECT 'in_recovery', CASE WHEN pg_is_in_recovery() THEN 'on' ELSE 'off' END
    UNION ALL SELECT 'unlogged tables', coalesce(string_agg(relname, ', '), 'none') FROM pg_class
        WHERE relpersistence = 'u' AND oid = ANY(SELECT to_regclass(name) FROM unnest(CAST(:tables AS text[])) AS name)
""")
_ASKED: Final = {"settings": [rule.setting for rule in DATABASE_RULES], "tables": list(tables.metadata.tables)}


def of_redis(client: redis.Redis, *, with_config: bool = True) -> list[Finding]:
    """Return what is wrong with Redis. Raises redis.RedisError if it does not answer."""
    try:
        facts: Any = client.info()
    except redis.exceptions.NoPermissionError:
        why = "this user of Redis may not ask INFO: see `flowledger acl`"
        return [Finding("redis", "INFO", None, "that it may be asked", _UNKNOWN, why)]
    name = str(facts.get("server_name", "redis"))
    found = judged(name, REDIS_RULES, facts)
    if with_config and str(facts.get("aof_enabled")) == "1":
        found += _configured(name, client)
    return found


def _configured(name: str, client: redis.Redis) -> list[Finding]:
    asked = [rule.setting for rule in CONFIG_RULES]
    try:
        facts: Any = {setting: value for one in asked for setting, value in client.config_get(one).items()}
    except redis.ResponseError:
        why = "only CONFIG GET tells, which this user of Redis may not ask"
        return [Finding(name, rule.setting, None, rule.wanted, _UNKNOWN, why) for rule in CONFIG_RULES]
    return judged(name, CONFIG_RULES, facts)


def of_database(settings: Settings) -> list[Finding]:
    """Return what is wrong with the database. Raises DatabaseUnavailable if it does not answer."""
    engine = make_engine(settings)
    try:
        if engine.dialect.name != "postgresql":
            return []
        with engine.connect() as connection:
            facts = {row[0]: row[1] for row in connection.execute(_FACTS, _ASKED)}
        return judged("postgresql", DATABASE_RULES, facts)
    except DatabaseUnfit as error:
        return [Finding("postgresql", "session", "unfit", "", _REFUSE, str(error))]
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(words(error)) from error
    finally:
        engine.dispose()


def of_all(settings: Settings) -> list[Finding]:
    """Return what is wrong with both servers, as far as they answer."""
    found: list[Finding] = []
    client = connect(settings)
    try:
        found += of_redis(client)
    except redis.RedisError:
        pass  # reported by the code that needs it
    finally:
        client.close()
    try:
        return found + of_database(settings)
    except DatabaseUnavailable:
        return found


def refuse_unfit(settings: Settings) -> None:
    """Raise UnfitServer if a server's settings would lose events or make wrong rows; not if a server is unavailable."""
    refuse(of_all(settings))


def refuse(findings: Iterable[Finding]) -> None:
    """Raise UnfitServer if a worker must not start with one of these findings."""
    if grave := [str(finding) for finding in findings if finding.severity is _REFUSE]:
        raise UnfitServer(". ".join(grave))


def _first_number(version: str) -> int:
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0


def judged(server: str, rules: Iterable[_Rule], facts: Mapping[str, Any]) -> list[Finding]:
    """Return the findings of these rules. A setting that a server does not report, as an old one, is not checked."""
    known = [(rule, str(facts[rule.setting])) for rule in rules if rule.setting in facts]
    return [
        Finding(server, rule.setting, found, rule.wanted, rule.severity, rule.words)
        for rule, found in known
        if not rule.is_fit(found)
    ]
