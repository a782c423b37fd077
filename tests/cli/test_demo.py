"""The demo, run as a person runs it: what it says is true, and it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from flowledger.cli.demo import measures, reading
from flowledger.cli.demo.fleet import AGENTS, YOU
from flowledger.domain import streams
from flowledger.domain.errors import LedgerError
from tests.waiting import wait_until

MEMBERS = (YOU, *AGENTS)
NOT_FOR_THE_DEMO = {
    "REDIS_URL": "redis://redis.invalid:6379/0",
    "DATABASE_URL": "postgresql://me@database.invalid/ledger",
    "LEDGER_HOME": "/proc/no/such/folder",
    "LEDGER_SIGNATURES": "required",
    "LEDGER_KEY_FILE": "/no/such/file",
    "LEDGER_SHARDS": "3",
    "LEDGER_MAX_DEPTH": "8",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "CELERY_BROKER_URL": "redis://redis.invalid:6379/0",
}
"""What a shell may export: the demo has servers and settings of its own."""


@pytest.fixture
def temporary_files() -> Iterator[Path]:
    """A folder of temporary files for the demo alone, with a path short enough for its sockets."""
    with tempfile.TemporaryDirectory(prefix="fl-", dir="/tmp") as folder:
        yield Path(folder)


def start(temporary_files: Path) -> subprocess.Popen[bytes]:
    """`flowledger demo --json`, which keeps all it has in `temporary_files`."""
    return subprocess.Popen(
        [sys.executable, "-m", "flowledger.cli.main", "demo", "--json"],
        env=os.environ | NOT_FOR_THE_DEMO | {"TMPDIR": str(temporary_files)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def left_running(temporary_files: Path) -> list[list[str]]:
    """The command lines of all processes that the demo in this folder started, or that work in it."""
    found = []
    for process in psutil.process_iter():
        try:
            traces = [*process.cmdline(), process.environ().get("TMPDIR", "")]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if any(str(temporary_files) in trace for trace in traces):
            found.append(process.cmdline())
    return found


def test_the_demo_records_all_its_agents_do_and_leaves_nothing(temporary_files: Path) -> None:
    demo = start(temporary_files)
    output, errors = demo.communicate(timeout=110)

    assert demo.returncode == 0, errors.decode()
    assert left_running(temporary_files) == []
    assert list(temporary_files.glob("flowledger-demo-*")) == []
    check_summary(json.loads(output))


def check_summary(summary: dict[str, Any]) -> None:
    """All of it was recorded and came to its end, as the summary of the same data says."""
    figures = summary["measures"]
    assert figures["recorded"] == figures["published"] > 1000
    assert figures["dead_letters"] == 0
    assert figures["events_per_second"] > 0
    for latency in (figures["latency_at_work"], figures["latency_at_rest"]):
        assert 0 < latency["p50_ms"] <= latency["p99_ms"]
        assert latency["probes"] > 0

    packages = reading.packages()
    project, *reviews = summary["executions"]
    assert {review["name"] for review in reviews} == set(packages)
    assert {each["execution"]["status"] for each in summary["executions"]} == {"completed"}
    assert {review["execution"]["parent_execution_id"] for review in reviews} == {project["execution"]["id"]}
    for review in reviews:
        runs = [run["node"] for run in review["nodes"] if run["status"] in ("completed", "skipped")]
        assert runs.count("survey") == runs.count("review") == review["execution"]["iterations"] > 0
        assert len(runs) == len(review["nodes"])
        final = review["execution"]["final_state"]
        assert final == review["execution"]["current_state"]
        assert final["reviewed"] + final["failed"] == len(packages[review["name"]])
        # a survey and a review of each file that is Python, a survey alone of each other, and a summary
        assert sum(review["tasks"].values()) == 2 * final["reviewed"] + final["failed"] + 1
        assert review["tasks"].get("failed", 0) == final["failed"]

    assert summary["shown_task"]["log"]
    check_post(summary["post"])
    assert summary["sandboxes"] == {"stopped": len(MEMBERS)}
    assert summary["workspace"] == "archived"


def check_post(post: dict[str, Any]) -> None:
    """Each message went by the ledger's inboxes and was acknowledged, and what was said to all has reached all."""
    assert {exchange["message_type"] for exchange in post["conversation"]} == {"request", "response"}
    begins, ends = post["broadcasts"]
    assert (begins["message_type"], ends["message_type"]) == ("notification", "command")
    for broadcast in (begins, ends):
        assert sorted(broadcast["recipients"]) == sorted(MEMBERS)
        assert broadcast["deliveries"] == {"delivered": len(MEMBERS)}
    assert post["deliveries"] == {"delivered": post["messages"] - 2 + 2 * len(MEMBERS)}
    for latency in (post["to_inbox"], post["to_delivered"]):
        assert 0 < latency["p50_ms"] <= latency["p99_ms"]
        assert latency["probes"] == post["deliveries"]["delivered"]
    assert post["to_inbox"]["p50_ms"] < post["to_delivered"]["p50_ms"]


def agents_at_their_mailboxes(temporary_files: Path) -> bool:
    """Whether each sandbox of the demo in this folder has a consumer that reads its inbox."""
    for state in temporary_files.glob("flowledger-demo-*/servers.json"):
        if text := state.read_text():  # it is made, then written
            with closing(redis.Redis.from_url(json.loads(text)["redis_url"])) as client:
                return len(list(client.scan_iter(streams.consumers("*")))) == len(MEMBERS)
    return False


def test_ctrl_c_ends_the_demo_and_leaves_nothing(temporary_files: Path) -> None:
    demo = start(temporary_files)
    wait_until(lambda: agents_at_their_mailboxes(temporary_files), 60, "each agent at its mailbox")
    demo.send_signal(signal.SIGINT)
    output, errors = demo.communicate(timeout=60)

    assert demo.returncode != 0
    assert output == b""
    assert b"Traceback" not in errors
    assert left_running(temporary_files) == []
    assert list(temporary_files.glob("flowledger-demo-*")) == []


def test_percentiles_are_values_that_were_measured() -> None:
    found = measures.latency([float(value) for value in range(1, 101)])
    assert (found.probes, found.p50_ms, found.p99_ms) == (100, 50.0, 99.0)


def test_no_latency_is_made_up() -> None:
    with pytest.raises(LedgerError, match="no latency"):
        measures.latency([])


def test_what_has_not_ended_has_no_latency() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    found = measures.between([(began, None), (began, began + timedelta(milliseconds=7))])
    assert (found.probes, found.p50_ms) == (1, 7.0)


def test_a_review_finds_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROOT", tmp_path)
    body = "\n".join(["    pass"] * reading.LONG_FUNCTION)
    words = '"TODO in a text is none"'
    (tmp_path / "one.py").write_text(
        f"import os.path\n\ndef long():\n{body}\n\ndef _short():\n    {words}\n\n# TODO: mend\n"
    )

    module = reading.read("one.py")

    assert module.imports == ("os",)
    assert [(each.name, each.lines, each.documented) for each in module.definitions] == [
        ("long", reading.LONG_FUNCTION + 1, False),
        ("_short", 2, True),
    ]
    assert [each.kind for each in reading.findings(module)] == ["long function", "to do", "no docstring"]


def test_what_is_not_python_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROOT", tmp_path)
    (tmp_path / "page.py.mako").write_text("${imports}\n")
    with pytest.raises(SyntaxError):
        reading.read("page.py.mako")
