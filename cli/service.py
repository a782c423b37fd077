"""The whole service on one machine: servers where none are named, the schema, worker, scheduler and Flower.

`flowledger up`, the demo, the tests and the benchmark all run this.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from pydantic import SecretStr

import migrations
from cli import processes
from cli.embedded import EmbeddedPostgres, EmbeddedValkey, free_port
from cli.processes import Process
from domain.errors import LedgerError, SettingsError
from domain.settings import Settings
from storage.engine import make_engine
from workers import checks
from workers.authority import guard_of

STATE_FILE: Final = "servers.json"
Tell = Callable[[str], None]


class AlreadyRunning(LedgerError):
    """A service runs on the same folder: one is enough. Stop it, or give another LEDGER_HOME."""


@dataclass(frozen=True, slots=True)
class Running:
    """Where everything of a running service is."""

    settings: Settings
    flower_url: str | None
    flower_password: str | None
    logs: Path
    processes: tuple[Process, ...]

    def url(self, name: str) -> str:
        secret: SecretStr | None = getattr(self.settings, f"{name}_url")
        assert secret is not None
        return secret.get_secret_value()


@contextlib.contextmanager
def running(
    settings: Settings, *, flower: bool = True, concurrency: int | None = None, tell: Tell = lambda _: None
) -> Iterator[Running]:
    """Everything started in order, and stopped in the opposite order; `tell` hears of each step.

    Raises AlreadyRunning, SettingsError where signatures are required and there are no keys to check them by, and
    LedgerError where a part does not start.
    """
    guard_of(settings)
    home = settings.home
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_only_one(home))
        _stop_leftovers(home, tell)
        settings = _servers(stack, settings, tell)
        checks.refuse_unfit(settings)
        tell("bringing the database to the newest schema")
        migrate(settings)
        password = flower_password(home) if flower else None
        children = _children(settings, password, concurrency)
        stack.callback(_stop, children)
        stack.callback(tell, "stopping")
        for child, _ in children:
            tell(f"starting {child.name}")
            child.start()
        url = next((url for child, url in children if child.name == "flower"), None)
        service = Running(settings, url, password, home / "logs", tuple(child for child, _ in children))
        stack.enter_context(_announced(home, service))
        yield service


def migrate(settings: Settings) -> None:
    """Brings the named database to the newest schema; raises UnfitServer if it cannot be written, or not rightly."""
    checks.refuse(checks.of_database(settings))
    engine = make_engine(settings)
    try:
        migrations.upgrade(engine)
    finally:
        engine.dispose()


def check_schema(settings: Settings) -> None:
    """Raises LedgerError where the database is not at the newest schema, SQLAlchemyError where it does not answer."""
    engine = make_engine(settings)
    try:
        if migrations.current(engine) != migrations.newest(engine):
            raise LedgerError("the database is not at the newest schema: run `flowledger migrate`")
    finally:
        engine.dispose()


def find_running(settings: Settings, *needed: str) -> Settings:
    """`settings` with the URLs of the running embedded servers where the environment does not name those `needed`.

    Raises SettingsError where there is nothing to find.
    """
    if all(getattr(settings, name) is not None for name in needed):
        return settings
    try:
        state: dict[str, Any] = json.loads((settings.home / STATE_FILE).read_text())
    except (OSError, ValueError):
        variables = " and ".join(name.upper() for name in needed)
        raise SettingsError(f"no servers: start `flowledger up`, or set {variables}") from None
    urls = {name: SecretStr(state[name]) for name in ("redis_url", "database_url") if getattr(settings, name) is None}
    return settings.model_copy(update=urls)


def flower_password(home: Path) -> str:
    """The password made at the first start, readable by its owner alone."""
    file = home / "flower-password"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as created:
            created.write(secrets.token_urlsafe(16))
    return file.read_text().strip()


def _servers(stack: contextlib.ExitStack, settings: Settings, tell: Tell) -> Settings:
    urls = {}
    if settings.database_url is None:
        tell("starting PostgreSQL")
        postgres = EmbeddedPostgres(settings.home / "postgresql")
        stack.callback(postgres.stop)
        postgres.start()
        urls["database_url"] = SecretStr(postgres.url)
    if settings.redis_url is None:
        tell("starting Valkey")
        valkey = EmbeddedValkey(settings.home / "valkey")
        stack.callback(valkey.stop)
        valkey.start()
        urls["redis_url"] = SecretStr(valkey.url)
    return settings.model_copy(update=urls)


def _children(settings: Settings, password: str | None, concurrency: int | None) -> list[tuple[Process, str | None]]:
    logs = settings.home / "logs"
    worker = Process(
        "worker", processes.worker_command(concurrency), processes.worker_environment(settings), logs / "worker.log"
    )
    schedule = settings.home / "beat-schedule"
    scheduler = Process(
        "scheduler", processes.beat_command(schedule), processes.environment(settings), logs / "scheduler.log"
    )
    children: list[tuple[Process, str | None]] = [(worker, None), (scheduler, None)]
    if password is not None:
        port = free_port()
        env = processes.flower_environment(settings, port, password)
        flower = Process("flower", processes.flower_command(), env, logs / "flower.log")
        children.append((flower, f"http://127.0.0.1:{port}/"))
    return children


def _stop(children: list[tuple[Process, str | None]]) -> None:
    for child, _ in children:
        child.terminate()
    for child, _ in children:
        child.wait()


@contextlib.contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"a service runs in {home} already; stop it, or set LEDGER_HOME to another folder"
            ) from None
        yield


@contextlib.contextmanager
def _announced(home: Path, service: Running) -> Iterator[None]:
    """While the service runs, a file says where: for commands without URLs, and for whoever starts after a crash."""
    file = home / STATE_FILE
    file.touch(mode=0o600)
    state = {
        "redis_url": service.url("redis"),
        "database_url": service.url("database"),
        "flower_url": service.flower_url,
        "processes": {child.pid: psutil.Process(child.pid).create_time() for child in service.processes},
    }
    file.write_text(json.dumps(state))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _stop_leftovers(home: Path, tell: Tell) -> None:
    """Ends what a service that was killed has left running; its servers hold the folders we need."""
    try:
        state = json.loads((home / STATE_FILE).read_text())
    except (OSError, ValueError):
        state = {"processes": {}}
    for pid, created in state["processes"].items():
        if psutil.pid_exists(int(pid)) and psutil.Process(int(pid)).create_time() == created:
            tell("stopping a process that was left running")
            processes.kill_session(int(pid))
    for process in psutil.process_iter(["cmdline"]):
        if str(home / "valkey") in (process.info["cmdline"] or []):
            tell("stopping a Valkey that was left running")
            process.terminate()
            process.wait(30)
    (home / STATE_FILE).unlink(missing_ok=True)
