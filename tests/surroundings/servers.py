"""Servers of Debian beside the embedded ones: PostgreSQL 15, Redis 7.0, PgBouncer, and certificates for TLS."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg2
import pytest
import redis
from sqlalchemy import make_url

from flowledger.cli.embedded import free_port
from tests.surroundings.ground import Ground, is_root
from tests.waiting import wait_until

START_SECONDS: Final = 60.0
_USER: Final = "postgres"


def needed(found: Any, what: str) -> Any:
    """What is not installed is skipped, and said."""
    if found is None:
        pytest.skip(f"{what} is not installed")
    return found


def debian_postgresql() -> Path | None:
    """The folder of the programs of the newest PostgreSQL that Debian's packages have brought, if any."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parts[4]))
    return folders[-1].parent if folders else None


def program(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def redis_server(binary: str, folder: Path, *options: str, port: int | None = None) -> Iterator[int]:
    """A server of its own, as safe as the embedded one unless `options` say otherwise; gives its port."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "yes",
        "--appendfsync", "always", "--maxmemory-policy", "noeviction", *options,
    ]  # fmt: skip
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(port, server, folder), START_SECONDS, "an answer of Redis")
        yield port
    finally:
        server.terminate()
        server.wait(START_SECONDS)


def _answers(port: int, server: subprocess.Popen[bytes], folder: Path) -> bool:
    assert server.poll() is None, (folder / "server.log").read_text()
    with contextlib.closing(redis.Redis(port=port)) as client:
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False


@contextlib.contextmanager
def postgresql_server(binaries: Path, folder: Path, settings: Mapping[str, str], base: str = "") -> Iterator[str]:
    """A server of Debian's on a port of 127.0.0.1; `base` is the URL of a primary of which it is a standby."""
    port = free_port()
    folder.mkdir(parents=True)
    data = folder / "data"
    user = _USER if is_root() else None
    if user is not None:
        shutil.chown(folder, user, user)
    if base:
        make = ["pg_basebackup", "--pgdata", str(data), "--write-recovery-conf", "--dbname", base]
    else:
        make = [
            "initdb",
            "--pgdata",
            str(data),
            "--username",
            _USER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--no-sync",
        ]
    made = subprocess.run([binaries / make[0], *make[1:]], capture_output=True, text=True, user=user, check=False)
    assert made.returncode == 0, made.stderr
    given = {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": "", **settings}
    options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen([binaries / "postgres", "-D", data, *options], stdout=log, stderr=log, user=user)
    url = f"postgresql://{_USER}@127.0.0.1:{port}/postgres"
    try:
        wait_until(lambda: _is_up(url, server, folder), START_SECONDS, "an answer of PostgreSQL")
        yield url
    finally:
        server.send_signal(2)
        server.wait(START_SECONDS)


def _is_up(url: str, server: subprocess.Popen[bytes], folder: Path) -> bool:
    assert server.poll() is None, (folder / "server.log").read_text()
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


@contextlib.contextmanager
def pgbouncer(binary: str, folder: Path, ground: Ground, *lines: str) -> Iterator[Ground]:
    """PgBouncer before the database of `ground`; the service goes through it."""
    port = free_port()
    folder.mkdir(parents=True)
    url = make_url(ground.database_url)
    host = url.query.get("host", url.host)
    (folder / "users.txt").write_text(f'"{url.username}" "{url.password}"\n')
    (folder / "pgbouncer.ini").write_text(
        "\n".join(
            [
                "[databases]", f"{url.database} = host={host} port={url.port or 5432} dbname={url.database}",
                "[pgbouncer]", "listen_addr = 127.0.0.1", f"listen_port = {port}", "unix_socket_dir =",
                "auth_type = trust", f"auth_file = {folder / 'users.txt'}", f"logfile = {folder / 'pgbouncer.log'}",
                "default_pool_size = 20", *lines, "",
            ]
        )
    )  # fmt: skip
    user = _USER if is_root() else None
    if user is not None:
        for file in (folder, *folder.iterdir()):
            shutil.chown(file, user, user)
    command = [binary, "--quiet", str(folder / "pgbouncer.ini")]
    pooler = subprocess.Popen(command, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pooled = url.set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)
    try:
        wait_until(lambda: _is_listening(port), START_SECONDS, "PgBouncer listens")
        yield ground.at(database_url=pooled)
    finally:
        pooler.terminate()
        pooler.wait(START_SECONDS)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def give_to_server(file: Path) -> None:
    """A key must belong to who runs PostgreSQL, and to nobody else."""
    file.chmod(0o600)
    if is_root():
        shutil.chown(file, _USER, _USER)


def certificates(folder: Path) -> dict[str, Path]:
    """A certificate for this machine that signs itself, `cert`, and its `key`; and `other`, which signs nothing."""
    folder.mkdir(parents=True)
    files = {"cert": folder / "cert.pem", "key": folder / "key.pem", "other": folder / "other.pem"}
    for cert, key in ((files["cert"], files["key"]), (files["other"], folder / "other-key.pem")):
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert,
            ],
            check=True, capture_output=True,
        )  # fmt: skip
    return files
