"""A text that only what is erased holds, in all fields that can hold one; and a search for it, everywhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import redis
from sqlalchemy import inspect, text

from flowledger.storage.unit_of_work import Storage
from tests.builders import raw

CANARY: Final = "canaryqzx"
WORKSPACE: Final = "ws_1"


def run(name: str, said: str, *, tasks: int = 2, workspace: str = WORKSPACE) -> list[bytes]:
    """The events of an execution, of its tasks, and of messages about them; `said` stands in all that can hold it."""
    execution, json = f"exec_{name}", {"said": said}
    events = [
        raw("execution.created", subject=execution, input=json, mode=said, workspace_id=workspace, agent_id="agent_1"),
        raw("execution.started", subject=execution),
        raw("node.started", subject=execution, node=said, input=json),
        raw("node.completed", subject=execution, node=said, output=json, state=json),
        raw("execution.checkpointed", subject=execution, state=json),
        raw("execution.logged", subject=execution, message=said, context=json, logger=said),
        raw("metric.recorded", subject=execution, name=said, value=1, labels=json),
        raw("metric.recorded", subject="agent_1", name="points", value=2, labels=json, execution_id=execution),
        raw("audit.logged", subject=execution, action="looked", details=json, ip_address=said, user_id="usr_1"),
    ]
    for number in range(tasks):
        task, message = f"task_{name}_{number}", f"msg_{name}_{number}"
        events += [
            raw("task.created", subject=task, execution_id=execution, name=said, input=json, workspace_id=workspace),
            raw("task.logged", subject=task, message=said, context=json),
            raw("task.failed", subject=task, error={"message": said}, reason=said),
            raw("message.sent", subject=message, content=json, task_id=task, to_sandbox_ids=["sbx_1", "sbx_2"]),
        ]
    return [*events, raw("execution.failed", subject=execution, error={"message": said}, output=json)]


def ends(name: str, said: str) -> list[bytes]:
    """Entries about an execution that are dead letters: of an event that breaks the contract, and of no event."""
    invalid = raw("task.created", subject=f"task_{name}_0", execution_id=f"exec_{name}", priority=said)
    foreign = raw("metric.recorded", subject="agent_1", execution_id=f"exec_{name}", name="x", value=said)
    return [invalid, foreign, f"{{not JSON exec_{name} {said}".encode()]


def found_in_tables(storage: Storage, said: str = CANARY) -> list[str]:
    """The tables (partitions as well) that hold the text, in any column."""
    return sorted({table for table, row in _rows(storage) if said in row or said.encode().hex() in row})


def found_in_file(storage: Storage, said: str = CANARY) -> list[str]:
    """The files of SQLite that hold it, after VACUUM; none on PostgreSQL."""
    file = storage.engine.url.database
    if storage.engine.dialect.name != "sqlite" or file is None:
        return []
    storage.close()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    from pathlib import Path

    return [str(one) for one in Path(file).parent.glob(f"{Path(file).name}*") if said.encode() in one.read_bytes()]


def found_in_redis(client: redis.Redis, said: str = CANARY) -> list[str]:
    """The keys whose dump holds it: what Redis writes into its files when it rewrites them."""
    compression: Any = client.config_get("rdbcompression")
    client.config_set("rdbcompression", "no")
    try:
        return sorted(key.decode() for key in client.scan_iter() if said.encode() in (client.dump(key) or b""))
    finally:
        client.config_set("rdbcompression", compression["rdbcompression"])


def _rows(storage: Storage) -> Iterator[tuple[str, str]]:
    with storage.reading() as connection:
        for table in filter(is_scanned, inspect(connection).get_table_names()):
            if connection.dialect.name == "postgresql":
                rows = connection.execute(text(f'SELECT one::text FROM "{table}" one'))
                yield from ((table, row) for (row,) in rows)
            else:
                rows = connection.execute(text(f'SELECT * FROM "{table}"'))
                yield from ((table, repr(tuple(row)).lower()) for row in rows)


def is_scanned(table: str) -> bool:
    """Whether SQLite can scan it: it cannot scan its indexes of words, whose pages are searched in the file."""
    return not table.endswith("_search")
