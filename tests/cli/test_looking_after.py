"""`verify`, `gaps` and `tail` as a person uses them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from flowledger.domain.errors import DatabaseDenied
from flowledger.storage import tables
from flowledger.storage.ledger.tail import Tail
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Flowledger
from tests.storage.recording import differences, record
from tests.waiting import wait_until

COMMAND = [sys.executable, "-m", "flowledger.cli.main"]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here: what the commands do is tested on both."""
    return sqlite_url


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return os.environ | {"DATABASE_URL": database_url, "LEDGER_HOME": str(tmp_path / "home"), "COLUMNS": "120"}


@pytest.fixture
def run(flowledger: Flowledger, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Flowledger:
    """Runs `flowledger …` against the test's own database."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return flowledger


class Tailing:
    """A running `flowledger tail`, and what it has written so far."""

    def __init__(self, environment: dict[str, str], output: Path, *arguments: str) -> None:
        self._output = output
        with output.open("wb") as written:
            self.process = subprocess.Popen(
                [*COMMAND, "tail", *arguments], env=environment, stdout=written, stderr=subprocess.STDOUT
            )

    def text(self) -> str:
        return self._output.read_text()

    def interrupt(self) -> int:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(15)


@pytest.fixture
def tailing(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Tailing]]:
    """Starts `flowledger tail …`; ended with the test."""
    started: list[Tailing] = []

    def start(*arguments: str) -> Tailing:
        started.append(Tailing(environment, tmp_path / f"tail{len(started)}", *arguments))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def spoil(storage: Storage) -> None:
    with storage.engine.begin() as connection:
        connection.execute(
            update(tables.tasks).where(tables.tasks.c.id == "t1").values(name="\x1b[31m[bold]", priority=7)
        )


def test_verify_says_that_all_is_well(run: Flowledger, storage: Storage) -> None:
    record(storage, raw("task.created", subject="t1"), raw("task.logged", subject="t1"))
    done = run("verify")
    assert (done.code, done.err) == (0, "")
    assert "2 events recomputed, 2 rows compared" in done.out
    assert "every row is what the journal says" in done.out


def test_verify_names_the_row_and_its_columns_and_repair_mends_it(run: Flowledger, storage: Storage) -> None:
    record(storage, raw("task.created", subject="t1", name="report"), raw("task.created", subject="t2"))
    spoil(storage)
    done = run("verify")
    assert done.code == 1
    words = [line.split() for line in done.out.splitlines()]
    assert ["tasks", "t1"] in words
    assert ["name", "is", "\\x1b[31m[bold]", "should", "be", "report"] in words, "nothing that a terminal obeys"
    assert ["priority", "is", "7", "should", "be", "null"] in words
    assert "1 rows differ: 1 in tasks" in done.out
    mended = run("verify", "--repair")
    assert (mended.code, "mended 1 rows" in mended.out) == (0, True)
    assert differences(storage) == []


def test_verify_reports_as_json(run: Flowledger, storage: Storage) -> None:
    record(storage, raw("task.created", subject="t1"))
    spoil(storage)
    done = run("verify", "--json", "--repair")
    report = json.loads(done.out)
    assert done.code == 0
    assert (report["clean"], report["differences"], report["by_table"]) == (False, 1, {"tasks": 1})
    assert report["first"][0]["key"] == ["t1"]
    assert {column["name"]: column["found"] for column in report["first"][0]["columns"]}["priority"] == 7
    assert report["mended"] == {"rows": 1, "left": 0}


def test_verify_ends_with_1_where_the_journal_itself_is_damaged(run: Flowledger, storage: Storage) -> None:
    record(storage, raw("task.created", subject="t1"))
    with storage.engine.begin() as connection:
        connection.execute(update(tables.event_texts).values(raw="{}"))
    done = run("verify", "--repair")
    assert done.code == 1
    assert "the journal is damaged: the text is no event" in done.out
    assert "put back their texts from a backup" in done.out


def test_gaps_names_what_is_missing(run: Flowledger, storage: Storage) -> None:
    record(
        storage, *(raw("task.started", source="/s", attributes={"sequence": str(number)}) for number in (1, 2, 3, 7))
    )
    done = run("gaps")
    assert done.code == 1
    assert "/s: 4 to 6, 3 numbers" in done.out
    report = json.loads(run("gaps", "--json", "--from", "0").out)
    assert report["gaps"] == [
        {"source": "/s", "counter": None, "first": 0, "last": 0},
        {"source": "/s", "counter": None, "first": 4, "last": 6},
    ]


def test_gaps_is_done_where_nothing_is_missing(run: Flowledger, storage: Storage) -> None:
    assert "no event has a number" in run("gaps").out
    record(storage, raw("task.started", attributes={"sequence": "1"}))
    done = run("gaps", "--by", "source")
    assert (done.code, "no number is missing" in done.out) == (0, True)


def test_tail_shows_what_is_recorded_until_it_is_interrupted(tailing: Callable[..., Tailing], storage: Storage) -> None:
    record(storage, raw("task.created", subject="before"))
    tail = tailing("--since", "1h")
    wait_until(lambda: "before" in tail.text(), what="the tail has begun")
    record(storage, raw("task.failed", subject="t1", error={"message": "no \x1b[2J paper"}), start=10)
    wait_until(lambda: "task.failed" in tail.text())
    assert "t1  no \\x1b[2J paper" in tail.text()
    assert tail.interrupt() == 0
    assert "Traceback" not in tail.text()


def test_tail_tells_what_workspaces_and_sandboxes_say(tailing: Callable[..., Tailing], storage: Storage) -> None:
    record(
        storage,
        raw("workspace.created", id="1", subject="ws", name="the lab", user_id="usr"),
        raw("sandbox.created", id="2", subject="sb", workspace_id="ws", agent_id="agent_a"),
        raw("sandbox.started", id="3", subject="sb"),
        raw("sandbox.updated", id="4", subject="sb", health={"status": "unhealthy", "message": "no answer for 3 s"}),
        raw("sandbox.updated", id="5", subject="sb", connection={"host": "h", "port": 80}),
        raw("sandbox.updated", id="6", subject="sb", health={"more": 1}),
        raw("sandbox.failed", id="7", subject="sb", error={"message": "no memory"}),
        raw("workspace.archived", id="8", subject="ws", reason="done"),
    )
    tail = tailing("--since", "1h")
    wait_until(lambda: "workspace.archived" in tail.text())
    lines = [line.split(None, 1)[1].rstrip() for line in tail.text().splitlines()[1:]]
    assert lines == [
        "workspace.created      ws  the lab",
        "sandbox.created        sb  agent_id agent_a",
        "sandbox.started        sb",
        "sandbox.updated        sb  health unhealthy: no answer for 3 s",
        'sandbox.updated        sb  connection {"host": "h", "port": 80}',
        'sandbox.updated        sb  health {"more": 1}',
        "sandbox.failed         sb  no memory",
        "workspace.archived     ws  done",
    ]


def test_tail_gives_rows_of_the_journal_as_json_one_a_line(tailing: Callable[..., Tailing], storage: Storage) -> None:
    pretty = raw("task.created", subject="t1").replace(b",", b",\n")
    record(storage, pretty, raw("task.started", subject="t2"))
    tail = tailing("--json", "--since", "2020-01-01T00:00:00Z", "--subject", "t1")
    wait_until(lambda: tail.text().endswith("\n"))
    (line,) = tail.text().splitlines()
    event = json.loads(line)
    assert (event["subject"], event["raw"], event["time"]) == ("t1", pretty.decode(), "2026-01-31T12:00:00Z")


def test_tail_shows_messages_as_an_exchange(tailing: Callable[..., Tailing], storage: Storage) -> None:
    sent = {"from_sandbox_id": "alice", "to_sandbox_ids": ["bob", "carol"], "content": "are you there?"}
    record(
        storage,
        raw("message.sent", subject="m1", **sent),
        raw("message.delivered", subject="m1", to_sandbox_id="bob"),
        raw("message.failed", subject="m1", to_sandbox_id="carol", reason="asleep"),
        raw("task.created"),
    )
    tail = tailing("--messages", "--since", "1h")
    wait_until(lambda: "asleep" in tail.text())
    lines = [line.partition("  ")[2] for line in tail.text().splitlines()[1:]]
    assert lines == [
        "alice → bob, carol  request  are you there?  m1",
        "  delivered to bob  m1",
        "  failed for carol  m1  asleep",
    ]


def test_tail_ends_well_when_nobody_reads_on(environment: dict[str, str], storage: Storage) -> None:
    record(storage, *(raw("task.created") for _ in range(3)))
    with subprocess.Popen(
        [*COMMAND, "tail", "--json", "--since", "1h"], env=environment, stdout=subprocess.PIPE
    ) as tail:
        assert tail.stdout is not None
        tail.stdout.readline()
        tail.stdout.close()
        record(storage, raw("task.created"), start=10)
        assert tail.wait(15) == 0


@pytest.mark.parametrize(
    "arguments", [("--since", "yesterday"), ("--since", "999999999d"), ("--messages", "--type", "task.*")]
)
def test_tail_says_what_is_wrong_use(run: Flowledger, arguments: tuple[str, ...]) -> None:
    assert run("tail", *arguments).code == 2


def test_an_old_schema_is_said_in_one_line(run: Flowledger, storage: Storage) -> None:
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    for command in ("verify", "tail", "gaps"):
        done = run(command)
        assert done.code == 1
        assert done.err == "error: the database is not at the newest schema: run `flowledger migrate`\n"


@pytest.mark.parametrize("command", [("tail",), ("show", "--follow", "t1"), ("show", "--follow", "--json", "t1")])
def test_who_looks_does_not_wait_for_a_right_to_read(
    run: Flowledger, storage: Storage, monkeypatch: pytest.MonkeyPatch, command: Sequence[str]
) -> None:
    """Also if it is taken away in the middle."""
    record(storage, raw("task.created", subject="t1"))
    looks = [0]

    def denied(_: object) -> Iterator[Any]:
        if looks:
            yield from range(looks.pop())
        else:
            raise DatabaseDenied("permission denied for table events")

    monkeypatch.setattr(Tail, "look", denied)
    done = run(*command)
    assert (done.code, done.err.splitlines()[-1]) == (1, "error: permission denied for table events")
