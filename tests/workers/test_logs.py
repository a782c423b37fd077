"""The log of a real worker with its pool processes, and the spans that they export (docs/contract: logs, traces)."""

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

TRACED = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
EXPORTER = """
import os
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

class Exporter(SpanExporter):
    def export(self, spans):
        with open(os.environ["SPANS_FILE"], "a") as file:
            file.writelines(span.to_json(indent=None) + "\\n" for span in spans)
        return SpanExportResult.SUCCESS
"""


@pytest.fixture
def exporter(tmp_path: Path) -> Path:
    """A folder with a package of an exporter of spans, as others would install one."""
    package = tmp_path / "exporter"
    names = package / "to_file-1.dist-info"
    names.mkdir(parents=True)
    (package / "to_file.py").write_text(EXPORTER)
    (names / "METADATA").write_text("Metadata-Version: 2.1\nName: to-file\nVersion: 1\n")
    (names / "entry_points.txt").write_text("[opentelemetry_traces_exporter]\nto_file = to_file:Exporter\n")
    return package


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_line_is_a_record_and_spans_arrive_from_start_to_stop(
    settings: Settings, client: redis.Redis, tmp_path: Path, exporter: Path
) -> None:
    environment = processes.worker_environment(settings) | {
        "LEDGER_LOG_FORMAT": "json", "OTEL_TRACES_EXPORTER": "to_file", "SPANS_FILE": str(tmp_path / "spans"),
        "PYTHONPATH": str(exporter),
    }  # fmt: skip
    worker = Process("worker", processes.worker_command(2), environment, tmp_path / "worker.log")
    worker.start()
    try:
        bad = raw("task.created", id="evt\n1", source="/a b", subject="t", name=5, secret="hunter2")
        add(client, bad, b"\xff hunter2", raw("task.created", subject="t2", attributes=TRACED))
        wait_until(lambda: not client.xlen(STREAM), 30)
        worker.signal(signal.SIGTERM)
        wait_until(lambda: not worker.is_running(), 20)
    finally:
        worker.kill()
    check_log(worker.log.read_text())
    spans = [json.loads(line) for line in (tmp_path / "spans").read_text().splitlines()]
    assert {one["name"] for one in spans} == {"record ledger:events", "process ledger:events"}
    (record,) = (one for one in spans if one["parent_id"])
    assert (record["context"]["trace_id"], record["attributes"]["cloudevents.event_subject"]) == (
        f"0x{TRACED['traceparent'][3:35]}",
        "t2",
    )
    assert record["resource"]["attributes"]["service.name"] == "flowledger"


def check_log(text: str) -> None:
    records: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message", "worker", "process", "thread"} <= one.keys() for one in records)
    dead = [one for one in records if "dead letter" in one["message"]]
    assert [(one.get("event_id"), one.get("source"), one.get("subject"), one["shard"]) for one in dead] == [
        ("evt\n1", "/a b", "t", 3),
        (None, None, None, 3),
    ]
    assert len({one["celery_id"] for one in dead}) == 1
    assert all(one["process_name"].startswith("ForkPoolWorker-") for one in dead)
    ready, stops = (one["message"] for one in records if one["message"].endswith((" ready.", "Cold shutdown")))
    assert (ready, stops) == (f"{records[-1]['worker']} ready.", "the worker stops: Cold shutdown")
    assert "hunter2" not in text
