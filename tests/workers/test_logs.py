"""The log of a real worker with its pool processes: every line is a record (docs/contract/logs.md)."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import redis

from flowledger.cli import processes
from flowledger.cli.processes import Process
from flowledger.domain.settings import Settings
from tests.builders import raw
from tests.waiting import wait_until
from tests.workers.draining import STREAM, add


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_line_is_a_record_from_start_to_stop(settings: Settings, client: redis.Redis, tmp_path: Path) -> None:
    environment = processes.worker_environment(settings) | {"LEDGER_LOG_FORMAT": "json"}
    worker = Process("worker", processes.worker_command(2), environment, tmp_path / "worker.log")
    worker.start()
    try:
        bad = raw("task.created", id="evt\n1", source="/a b", subject="t", name=5, secret="hunter2")
        add(client, bad, b"\xff hunter2", raw("task.created", subject="t2"))
        wait_until(lambda: not client.xlen(STREAM), 30)
        worker.signal(signal.SIGTERM)
        wait_until(lambda: not worker.is_running(), 20)
    finally:
        worker.kill()
    text = worker.log.read_text()
    records: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message", "worker", "process", "thread"} <= one.keys() for one in records)
    dead = [one for one in records if "dead letter" in one["message"]]
    assert [(one.get("event_id"), one.get("source"), one.get("subject"), one["shard"]) for one in dead] == [
        ("evt\n1", "/a b", "t", 3),
        (None, None, None, 3),
    ]
    assert len({one["celery_id"] for one in dead}) == 1
    assert all(one["process_name"].startswith("ForkPoolWorker-") for one in dead)
    assert {one["message"].partition(" ")[2] for one in records} >= {"ready.", "Cold shutdown"}
    assert "hunter2" not in text
