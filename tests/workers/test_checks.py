"""What servers are set to: told once when it appears and once when it is mended, refused if rows would be wrong."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import text

from flowledger.cli.embedded import embedded_postgres_server, embedded_valkey_server
from flowledger.cli.schema import migrate
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.workers import checks
from flowledger.workers.checks import Severity, UnfitServer
from flowledger.workers.server_watch import ServerWatch
from tests.conftest import settings_for


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[redis.Redis]:
    """A Valkey of the test's own, as it is embedded."""
    with (
        embedded_valkey_server(tmp_path / "valkey") as server,
        contextlib.closing(redis.Redis.from_url(server.url)) as it,
    ):
        yield it


def url_of(client: redis.Redis) -> str:
    return f"redis://127.0.0.1:{client.connection_pool.connection_kwargs['port']}/0"


def found(client: redis.Redis) -> dict[str, tuple[str | None, Severity]]:
    return {finding.setting: (finding.found, finding.severity) for finding in checks.of_redis(client)}


def test_the_embedded_servers_pass(own_redis: redis.Redis, tmp_path: Path) -> None:
    with embedded_postgres_server(tmp_path / "postgresql" / "data") as server:
        settings = settings_for(server.url, url_of(own_redis))
        migrate(settings)
        assert checks.of_all(settings) == []
        checks.refuse_unfit(settings)


@pytest.mark.parametrize(
    ("name", "value", "setting", "severity"),
    [
        ("maxmemory-policy", "allkeys-lfu", "maxmemory_policy", Severity.REFUSE),
        ("maxmemory-policy", "volatile-ttl", "maxmemory_policy", Severity.WARN),
        ("appendonly", "no", "aof_enabled", Severity.WARN),
        ("appendfsync", "everysec", "appendfsync", Severity.WARN),
        ("no-appendfsync-on-rewrite", "yes", "no-appendfsync-on-rewrite", Severity.WARN),
    ],
)
def test_what_redis_is_set_to(own_redis: redis.Redis, name: str, value: str, setting: str, severity: Severity) -> None:
    own_redis.config_set(name, value)
    [(one, (_, seen))] = found(own_redis).items()
    assert (one, seen) == (setting, severity)


def test_evictions_are_counted(own_redis: redis.Redis) -> None:
    own_redis.config_set("maxmemory-policy", "allkeys-random")
    own_redis.config_set("maxmemory", "3mb")
    for place in range(60):
        own_redis.set(f"k{place}", "x" * 100_000)
    own_redis.config_set("maxmemory-policy", "noeviction")
    evicted, severity = found(own_redis)["evicted_keys"]
    assert int(evicted or 0) > 0
    assert severity is Severity.WARN


@pytest.mark.parametrize(("user", "unknown"), [("+@all -config", {"appendfsync"}), ("+@all -info", {"INFO"})])
def test_what_may_not_be_asked_is_said_to_be_unknown(own_redis: redis.Redis, user: str, unknown: set[str]) -> None:
    own_redis.execute_command("ACL", "SETUSER", "u", "on", "nopass", "~*", "&*", *user.split())
    port = own_redis.connection_pool.connection_kwargs["port"]
    with contextlib.closing(redis.Redis(port=port, username="u", password="x")) as client:
        seen = found(client)
    assert unknown <= seen.keys()
    assert {severity for _, severity in seen.values()} == {Severity.UNKNOWN}


def test_an_old_redis_is_refused() -> None:
    facts = {"redis_version": "6.2.14", "role": "master"}
    [old] = checks.judged("redis", checks.REDIS_RULES, facts)
    assert (old.found, old.severity) == ("6.2.14", Severity.REFUSE)


def test_a_database_that_takes_no_writes_is_refused(postgresql_url: str) -> None:
    settings = settings_for(postgresql_url)
    engine = make_engine(settings)
    with engine.begin() as connection:
        name = engine.url.database
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only TO on'))
    engine.dispose()
    refused = [finding for finding in checks.of_database(settings) if finding.severity is Severity.REFUSE]
    assert [finding.setting for finding in refused] == ["transaction_read_only"]
    with pytest.raises(UnfitServer, match="nothing can be written"):
        checks.refuse(refused)


def test_an_unlogged_table_is_told(postgresql_url: str) -> None:
    settings = settings_for(postgresql_url)
    engine = make_engine(settings)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE dead_letter_actions SET UNLOGGED"))
    engine.dispose()
    assert ("unlogged tables", "dead_letter_actions") in {
        (finding.setting, finding.found) for finding in checks.of_database(settings)
    }


def test_a_database_that_is_away_is_no_finding(tmp_path: Path) -> None:
    away = settings_for(f"postgresql://u@/d?host={tmp_path}", f"unix://{tmp_path}/r.sock")
    with pytest.raises(DatabaseUnavailable):
        checks.of_database(away)
    assert checks.of_all(away) == []


def test_a_problem_is_told_once_and_so_is_its_end(
    own_redis: redis.Redis, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ServerWatch(settings_for(sqlite_url, url_of(own_redis)))
    with caplog.at_level(logging.INFO, logger="flowledger.workers.server_watch"):
        watch.look()
        assert caplog.messages == []
        own_redis.config_set("maxmemory-policy", "allkeys-lru")
        watch.look()
        watch.look()
        [told] = caplog.records
        assert told.levelno == logging.ERROR
        assert "maxmemory_policy is allkeys-lru" in told.getMessage()
        own_redis.config_set("maxmemory-policy", "noeviction")
        watch.look()
        watch.look()
    assert caplog.messages[1:] == ["valkey: maxmemory_policy is correct again"]


def test_while_redis_is_away_what_was_known_stands(
    own_redis: redis.Redis, sqlite_url: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    own_redis.config_set("appendfsync", "everysec")
    settings = settings_for(sqlite_url, url_of(own_redis))
    watch = ServerWatch(settings)
    with caplog.at_level(logging.INFO, logger="flowledger.workers.server_watch"):
        watch.look()
        watch.settings = settings.model_copy(update={"redis_url": SecretStr(f"unix://{tmp_path}/no.sock")})
        watch.look()
        watch.settings = settings
        watch.look()
    assert len(caplog.messages) == 1


def test_config_that_is_refused_is_asked_once(own_redis: redis.Redis, sqlite_url: str) -> None:
    """Each refusal stands in the server's log of them."""
    own_redis.execute_command("ACL", "SETUSER", "u", "on", "nopass", "~*", "&*", "+@all", "-config")
    watch = ServerWatch(settings_for(sqlite_url, url_of(own_redis).replace("//", "//u:x@")))
    for _ in range(3):
        watch.look()
    [entry] = own_redis.acl_log()
    assert entry["count"] == 1


def test_settings_load_for_sqlite_has_nothing_to_check(sqlite_url: str) -> None:
    assert checks.of_database(Settings.load(database_url=sqlite_url)) == []
