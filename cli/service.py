"""The whole service on one machine: servers where none are named, the schema, worker, beat and Flower.

`flowledger up`, the demo, the tests and the benchmark all run this.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import SecretStr

from flowledger.cli import kept, processes
from flowledger.cli.adopting import adopt, meet_broker
from flowledger.cli.asked import STATE_FILE
from flowledger.cli.book import Book, guarded
from flowledger.cli.embedded import EmbeddedPostgres, EmbeddedValkey
from flowledger.cli.processes import Process
from flowledger.cli.schema import migrate
from flowledger.cli.signs import Part, check_redis, file_appeared, page_answers, wait_for_signs
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.workers import checks, sign
from flowledger.workers.authority import guard_of

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
    book: Book

    def url(self, name: str) -> str:
        secret: SecretStr | None = getattr(self.settings, f"{name}_url")
        assert secret is not None
        return secret.get_secret_value()


@contextlib.contextmanager
def running(
    settings: Settings,
    *,
    flower: bool = True,
    concurrency: int | None = None,
    adopt_from: str | None = None,
    tell: Tell = lambda _: None,
) -> Iterator[Running]:
    """Everything started in order, and stopped in the opposite order; `tell` hears of each step.

    `adopt_from` names the ledger that the Redis is taken from. Raises AlreadyRunning, SettingsError where signatures
    are required and there are no keys to check them by, ForeignBroker where Redis is another ledger's, and LedgerError
    where a part does not start.
    """
    guard_of(settings)
    home = settings.home.absolute()
    settings = settings.model_copy(update={"home": home})
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.redis_url is not None:
        check_redis(settings)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_only_one(home))
        book = stack.enter_context(guarded(home, tell))
        (home / STATE_FILE).unlink(missing_ok=True)
        settings = _servers(stack, settings, book, tell)
        checks.refuse_unfit(settings)
        tell("bringing the database to the newest schema")
        migrate(settings)
        if adopt_from is not None:
            tell(adopt(settings, adopt_from).words())
        meet_broker(settings, tell)
        password = flower_password(home) if flower else None
        parts = _parts(settings, password, concurrency, book, tell)
        children = [part.process for part in parts]
        stack.callback(_stop, children)
        stack.callback(tell, "stopping")
        for child in children:
            tell(f"starting {child.name}")
            child.start()
        tell("waiting for a first sign of life of each")
        wait_for_signs(parts)
        url = next((part.url for part in parts if part.url is not None), None)
        service = Running(settings, url, password, home / "logs", tuple(children), book)
        stack.enter_context(_announced(home, service))
        yield service


def flower_password(home: Path) -> str:
    """Of Flower's user `flowledger`."""
    return kept.password(home, "flower")


def _servers(stack: contextlib.ExitStack, settings: Settings, book: Book, tell: Tell) -> Settings:
    urls = {}
    if settings.database_url is None:
        tell("starting PostgreSQL")
        postgres = EmbeddedPostgres(settings.home / "postgresql", private=True)
        stack.callback(postgres.stop)
        postgres.start()
        book.note("postgresql", postgres.pid)
        urls["database_url"] = SecretStr(postgres.url)
    if settings.redis_url is None:
        tell("starting Valkey")
        port, password = kept.port(settings.home, "valkey", tell), kept.password(settings.home, "valkey")
        valkey = EmbeddedValkey(settings.home / "valkey", port, password=password)
        stack.callback(valkey.stop)
        valkey.start()
        book.note("valkey", valkey.pid)
        urls["redis_url"] = SecretStr(valkey.url)
    return settings.model_copy(update=urls)


def _parts(settings: Settings, password: str | None, concurrency: int | None, book: Book, tell: Tell) -> list[Part]:
    logs = settings.home / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)

    def part(name: str, command: list[str], env: dict[str, str]) -> Part:
        file = logs / f"{name}.up"
        process = Process(name, command, env | {sign.VARIABLE: str(file)}, logs / f"{name}.log", book.note)
        return Part(process, file_appeared(file))

    worker = part("worker", processes.worker_command(concurrency), processes.worker_environment(settings))
    schedule = processes.beat_command(settings.home / "beat-schedule")
    parts = [worker, part("beat", schedule, processes.environment(settings))]
    if password is not None:
        port = kept.port(settings.home, "flower", tell)
        url = f"http://127.0.0.1:{port}/"
        env = processes.flower_environment(settings, port, password)
        flower = Process("flower", processes.flower_command(), env, logs / "flower.log", book.note)
        parts.append(Part(flower, page_answers(f"{url}healthcheck"), url))
    return parts


def _stop(children: Sequence[Process]) -> None:
    for child in children:
        child.terminate()
    for child in children:
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
