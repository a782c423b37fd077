"""One trial: the service does its work on a ground, through its own commands, and what came of it is judged.

A setting counts as bearable only if `migrate`, a worker with Celery, `publish`, `verify` and `status` all bear it; each
is a process of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis
from sqlalchemy import select

import flowledger.cli.main
import flowledger.cli.publish
import flowledger.cli.service
import flowledger.cli.status_shown
import flowledger.cli.verify
from flowledger.cli import processes
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds import MERGED
from flowledger.workers.app import app
from tests.surroundings.ground import Ground, admin_of

PATIENCE_SECONDS: Final = 120.0

_TEXT: Final = "it's \"a\\b\" \\' \\x41 %s {} ${x} \t\r\n é ß 漢字 🎉 \u202e \u00a0 '; --"
_TASK: Final = {"source": "/surroundings", "subject": "task_1"}
EVENTS: Final[tuple[dict[str, Any], ...]] = (
    {"type": "execution.created", "source": "/surroundings", "subject": "exec_1",
     "time": "2026-03-29T02:30:00.123456+05:45",
     "data": {"name": _TEXT, "input": {"deep": [[[{"t": _TEXT}]]], "none": None, "empty": ["", {}, []]}}},
    {"type": "task.created", **_TASK, "time": "2026-10-25T02:30:00+02:00", "data": {"name": _TEXT}},
    {"type": "task.started", **_TASK, "time": "2026-10-25T01:30:00Z", "data": {"worker": "w\\1"}},
    {"type": "task.progressed", **_TASK, "time": "2026-10-25T01:30:00.000001Z", "data": {"progress": 0.1}},
    {"type": "task.completed", **_TASK, "time": "2026-10-25T02:30:00.5Z",
     "data": {"output": [0.1, 1e-7, 12345678901234567890123, 3.141592653589793, 1e22, True, "NULL"]}},
    {"type": "task.logged", **_TASK, "time": "0001-01-01T00:00:00Z", "data": {"level": "info", "message": _TEXT}},
    {"type": "task.logged", **_TASK, "time": "1999-12-31T23:59:59Z", "data": {"level": "info", "message": _TEXT}},
    {"type": "workspace.created", "source": "/surroundings", "subject": "ws_1", "time": "2026-01-01T00:00:00Z",
     "data": {"name": _TEXT}},
    {"type": "sandbox.created", "source": "/surroundings", "subject": "sb_1", "time": "2026-01-01T00:00:00+14:00",
     "data": {"workspace_id": "ws_1"}},
)  # fmt: skip
"""Texts, times and numbers that a setting could change on the way."""
ENTRIES: Final[tuple[dict[Any, Any], ...]] = (
    {b"event": b"\xff\x00 it's \\ no JSON \xf0\x9f\x8e\x89"},
    {b"one": b"\x80", b"two": b"\\x41"},
    {b"event": json.dumps({"specversion": "1.0", "id": "e", "source": "/s", "type": "x.y", "subject": _TEXT}).encode()},
)
"""Entries that become dead letters, byte for byte."""

_OWN: Final = {"recorded_at", "recorded_in", "first_seen", "entry_id", "partition"}
"""Columns that differ from run to run; so do the ids of dead letters, which are made of the entries' ids."""
Rows = Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Seen:
    """What came of a trial: `refused` `by` a command, with its line; or the rows, and the checks of `status`."""

    refused: str = ""
    by: str = ""
    rows: Rows | None = None
    told: tuple[str, ...] = ()
    seconds: float = 0.0


class Broken(AssertionError):
    """Neither right rows nor a clear refusal."""


def try_out(ground: Ground, folder: Path) -> Seen:
    """Migrates, records, verifies, asks for the status; raises Broken if a command ends in other than clear words."""
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    worker = _Worker(ground, folder)
    try:
        if refused := _run(ground, folder, "migrate"):
            return Seen(refused, "migrate")
        worker.start()
        if refused := _run(ground, folder, "publish", str(_file(folder))):
            return Seen(refused, "publish")
        with admin_of(ground) as client:
            _add_entries(client, ground)
            if refused := _wait(client, ground, worker):
                return Seen(refused, "worker")
        if refused := _run(ground, folder, "verify"):
            raise Broken(f"verify: {refused}")
        told = json.loads(_run(ground, folder, "status", "--json", wanted=0))["checks"]
    finally:
        worker.kill()
    words = tuple(f"{check['setting']} {check['found'] or 'not checked'}" for check in told)
    return Seen(rows=rows_of(ground.direct_url), told=words, seconds=time.monotonic() - began)


def rows_of(url: str) -> Rows:
    """All rows that the events made, but for what differs from run to run."""
    engine = make_engine(Settings.load(database_url=url))
    try:
        with engine.connect() as connection:
            found = {}
            for table in (tables.events, tables.dead_letters, *MERGED):
                own = _OWN | ({"id"} if table is tables.dead_letters else set())
                rows = connection.execute(select(*(column for column in table.c if column.name not in own)))
                found[table.name] = sorted((dict(row) for row in rows.mappings()), key=repr)
            return found
    finally:
        engine.dispose()


def _environment(ground: Ground, folder: Path) -> dict[str, str]:
    urls = {"DATABASE_URL": ground.database_url, "REDIS_URL": ground.redis_url, "LEDGER_HOME": str(folder / "home")}
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LEDGER_", "CELERY_"))}
    quick = {"LEDGER_LINGER_SECONDS": "1", "LEDGER_POLL_SECONDS": "0.2", "LEDGER_DRAIN_SECONDS": "1"}
    return outside | quick | urls | dict(ground.environment)


def _run(ground: Ground, folder: Path, *arguments: str, wanted: int | None = None) -> str:
    """Its refusal, one line, or nothing; with `wanted` its output."""
    code, out, err = _called(_environment(ground, folder), folder, arguments)
    if wanted is not None and code == wanted:
        return out
    return "" if code == 0 else _one_line(arguments[0], err or out)


def _called(environment: Mapping[str, str], folder: Path, arguments: tuple[str, ...]) -> tuple[int, str, str]:
    """A command in a process of its own; its exit status and what it printed."""
    sys.argv = ["flowledger", *arguments]
    out, err = folder / "out", folder / "err"
    _, status = os.waitpid(_forked(environment, out, err, flowledger.cli.main.main), 0)
    return os.waitstatus_to_exitcode(status), out.read_text(), err.read_text()


class _Worker:
    """A worker with Celery and one process, as `flowledger worker` starts it."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._environment = _environment(ground, folder) | {"REMAP_SIGTERM": "SIGQUIT"}
        self._log = folder / "worker.log"
        self._pid = 0

    @property
    def log(self) -> str:
        return self._log.read_text()

    def start(self) -> None:
        command = processes.worker_command(1)
        arguments = command[command.index("worker") :]
        self._pid = _forked(self._environment, self._log, self._log, lambda: app.worker_main(arguments))

    def has_ended(self) -> bool:
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0
        return self._pid == 0

    def kill(self) -> None:
        if not self.has_ended():
            os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _forked(environment: Mapping[str, str], out: Path, err: Path, work: Callable[[], object]) -> int:
    """Starts a process in a session of its own; forked, for to import everything anew takes longer than the work."""
    sys.stdout.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: those of pytest hold no locks
        child = os.fork()
    if child:
        return child
    code: str | int | None = 1
    try:
        os.setsid()
        warnings.simplefilter("default")  # pytest makes errors of them
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(PATIENCE_SECONDS))
        for place, file in enumerate((out, err), 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o644), place)
        os.environ.clear()
        os.environ.update(environment)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        work()
        code = 0
    except SystemExit as ended:
        code = ended.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code or 0))


def _one_line(command: str, said: str) -> str:
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    if "Traceback" in said or len(lines) != 1:
        raise Broken(f"{command} ends without clear words: {said[-2000:]}")
    return lines[0].removeprefix("error: ")


def _file(folder: Path) -> Path:
    file = folder / "events.jsonl"
    lines = (json.dumps({"specversion": "1.0", "id": str(place), **event}) for place, event in enumerate(EVENTS))
    file.write_text("\n".join(lines) + "\n")
    return file


def _add_entries(client: redis.Redis, ground: Ground) -> None:
    for fields in ENTRIES:
        client.xadd(streams.stream(0), {**fields})


def _wait(client: redis.Redis, ground: Ground, worker: _Worker) -> str:
    """Waits until nothing is left, or the worker has ended: its refusal."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(client.xlen(streams.stream(shard)) for shard in range(Settings.load().shards)):
        if worker.has_ended():
            return _one_line("worker", worker.log)
        if time.monotonic() > deadline:
            raise Broken(f"nothing is recorded; the worker's log: {worker.log[-2000:]}")
        time.sleep(0.1)
    return ""
