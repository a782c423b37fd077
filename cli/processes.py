"""The processes of a running service: worker, scheduler and Flower, each in a session of its own, with a log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from flowledger.domain.settings import Settings

STOP_SECONDS = 15.0
ROOT = Path(__file__).parents[2]
"""Where the package is installed. Celery looks for modules in the current folder first, and the user's may have others
of the same names."""
_LAST_BYTES = 8192
_PYTHON = (sys.executable, "-P")
_CELERY = (*_PYTHON, "-m", "celery", "--quiet", "-A", "flowledger.workers.app")


def environment(settings: Settings) -> dict[str, str]:
    """The environment that gives a child process the same settings, whatever its current folder is."""
    given = {}
    for name in settings.model_fields_set - {"redis_url", "database_url", "pg_options"}:
        value = getattr(settings, name)
        given[f"LEDGER_{name.upper()}"] = str(value.absolute() if isinstance(value, Path) else value)
    if settings.redis_url is not None:
        given["REDIS_URL"] = settings.redis_url.get_secret_value()
    if settings.database_url is not None:
        given["DATABASE_URL"] = _absolute(settings.database_url.get_secret_value())
    return os.environ | given


def _absolute(database_url: str) -> str:
    """A SQLite file named from here, as it is named from anywhere."""
    scheme, slashes, file = database_url.partition(":///")
    if not scheme.startswith("sqlite") or not file or file.startswith(("/", ":memory:", "file:")):
        return database_url
    return f"{scheme}{slashes}{Path(file).absolute()}"


def worker_command(concurrency: int | None = None) -> list[str]:
    """Celery's worker. Its node name tells it from others on the same host.

    Workers need not know of each other; and Celery's gossip, started again after the broker was away, may end a worker
    (celery/kombu#582).
    """
    command = [
        *_CELERY,
        "worker",
        "--task-events",
        "--without-gossip",
        "--without-mingle",
        "--hostname",
        f"ledger-{os.urandom(3).hex()}@%h",
    ]
    return command if concurrency is None else [*command, "--concurrency", str(concurrency)]


def worker_environment(settings: Settings) -> dict[str, str]:
    """A worker's environment: SIGTERM ends it after the drains under way, not after the whole backlog."""
    return environment(settings) | {"REMAP_SIGTERM": "SIGQUIT"}


def beat_command(schedule: Path) -> list[str]:
    """Celery's scheduler; it keeps what it did last in `schedule`."""
    return [*_CELERY, "beat", "--schedule", str(schedule), "--pidfile", ""]


def flower_command() -> list[str]:
    """Flower; where and for whom is said by `flower_environment`."""
    return [*_PYTHON, "-m", "flowledger.cli.main", "flower"]


def flower_environment(settings: Settings, port: int, password: str) -> dict[str, str]:
    """Flower's settings go by its environment: a password on a command line can be read by everyone on the machine."""
    return environment(settings) | {
        "FLOWER_ADDRESS": "127.0.0.1",
        "FLOWER_PORT": str(port),
        "FLOWER_BASIC_AUTH": f"flowledger:{password}",
    }


class Process:
    """A child process that can be started again; what it prints goes to `log`. `started` hears of each start.

    `folder` is its current folder.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        env: Mapping[str, str],
        log: Path,
        started: Callable[[str, int], None] = lambda _name, _pid: None,
        *,
        folder: Path = ROOT,
    ) -> None:
        self.name = name
        self.log = log
        self._started = started
        self._command = command
        self._env = env
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,
                cwd=self._folder,
            )
        self._started(self.name, self.pid)

    def last_words(self, lines: int = 5) -> str:
        """The end of its log."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - _LAST_BYTES))
                text = log.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process alone; nothing, where it has ended."""
        if self.is_running():
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks the process to end; `wait` waits for it."""
        self.signal(signal.SIGTERM)

    def wait(self, seconds: float = STOP_SECONDS) -> None:
        """Waits for the end; after `seconds` the process and its children are killed."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """kill -9 of the process and all its children, also where it has ended before them."""
        if self._process is None:
            return
        if self.is_running() or not psutil.pid_exists(self.pid):  # its number may be another's by now
            kill_session(self.pid)
        self._process.wait(STOP_SECONDS)

    def stop(self) -> None:
        self.terminate()
        self.wait()


def kill_session(leader: int) -> None:
    """kill -9 of a whole session's process group; nothing, where it has ended."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
