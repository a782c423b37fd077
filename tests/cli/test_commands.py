"""The command line against real servers, as a person uses it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from flowledger.cli.embedded import free_port
from flowledger.cli.filters import warn_of_types
from flowledger.domain import streams
from flowledger.domain.likeness import forget_what_was_told
from flowledger.domain.settings import Settings
from flowledger.storage.repositories import JournalRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import entries, raw
from tests.cli.calling import Ended, Flowledger
from tests.storage.recording import recorder

Run = Callable[..., Ended]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; `test_up` runs the same commands on both."""
    return sqlite_url


@pytest.fixture
def run(flowledger: Flowledger, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `flowledger …` against the test's own servers."""
    assert settings.redis_url is not None
    assert settings.database_url is not None
    servers = {
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "DATABASE_URL": settings.database_url.get_secret_value(),
    }
    monkeypatch.setenv("LEDGER_HOME", str(tmp_path / "home"))

    def run(*arguments: str, input: bytes = b"", **other_servers: str | None) -> Ended:
        for name, value in (servers | other_servers).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        return flowledger(*arguments, input=input)

    return run


def test_publish_takes_files_names_bad_lines_and_publishes_the_good_ones(
    run: Run, redis_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    good = [raw("task.created", subject="t1"), raw("task.started", subject="t1")]
    file.write_bytes(b"\n".join([good[0], b'{"specversion":"1.0"}', b"", good[1], b"\xff"]) + b"\n")
    done = run("publish", str(file))
    assert done.code == 1
    assert "2 events accepted, 2 lines refused" in done.out
    assert f"{file}:2: id: is missing" in done.err
    assert f"{file}:5: not UTF-8" in done.err
    shard = streams.shard_of("t1", 8)
    found: Any = redis.Redis.from_url(redis_url).xrange(streams.stream(shard))
    kept = [fields[b"event"] for _, fields in found]
    assert kept == good, "the exact bytes, in order"


def test_publish_reads_standard_input_and_gzip(run: Run, redis_url: str, tmp_path: Path) -> None:
    zipped = tmp_path / "events.jsonl.gz"
    zipped.write_bytes(gzip.compress(raw("task.created") + b"\n" + raw("task.created")))
    assert "2 events accepted" in run("publish", str(zipped)).out
    assert "1 events accepted" in run("publish", "-", input=raw("task.created")).out
    assert "1 events accepted" in run("publish", "-", input=gzip.compress(raw("task.created"))).out


def test_publish_does_not_ask_for_the_version_of_the_envelope(run: Run, redis_url: str, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    lines = [
        b'{"id":"1","source":"/s","type":"task.started","subject":"t1", "sequence": 1.50e3}',
        b'{"specversion":null,"id":"2","source":"/s","type":"task.started","subject":"t1"}',
        b'{"specversion":"0.3","id":"3","source":"/s","type":"task.started","subject":"t1"}',
    ]
    file.write_bytes(b"\n".join(lines))
    done = run("publish", str(file))
    assert (done.code, "2 events accepted, 1 lines refused" in done.out) == (1, True)
    assert f"{file}:3: specversion: is '0.3'" in done.err
    found: Any = redis.Redis.from_url(redis_url).xrange(streams.stream(streams.shard_of("t1", 8)))
    bodies = [fields[b"event"] for _, fields in found]
    assert [json.loads(body)["specversion"] for body in bodies] == ["1.0", "1.0"]
    assert b'"sequence": 1.50e3' in bodies[0], "all else as it was"


def test_publish_says_why_a_line_needs_an_id(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"source":"/s","type":"task.started","subject":"t1"}\n')
    done = run("publish", str(file))
    assert done.code == 1
    assert f"{file}:1: id: is missing; give each line an id of its own" in done.err
    assert "if the file is sent again" in done.err


def test_the_sample_line_of_publish_can_be_published(run: Run) -> None:
    (sample,) = (line for line in run("publish", "--help").out.splitlines() if line.strip().startswith('{"id"'))
    assert "1 events accepted" in run("publish", "-", input=sample.encode()).out


def test_a_typo_in_a_setting_or_in_an_event_is_one_line_of_warning(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_what_was_told()
    monkeypatch.setenv("LEDGER_SHARD", "4")
    lines = b"\n".join(raw("task.completed", outputs=1) for _ in range(3))
    done = run("publish", "-", input=lines)
    assert done.code == 0
    assert done.err.splitlines() == [
        "warning: LEDGER_SHARD is no setting, and does nothing; did you mean LEDGER_SHARDS?",
        "warning: data.outputs is no field of task.completed, and stands in the journal alone; "
        "did you mean data.output?",
    ]
    forget_what_was_told()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("task.complete", "did you mean task.completed?"),
        ("taks.*", "did you mean task.*?"),
        ("task", "did you mean task.*?"),
        ("nothing.like.it", "no event type is called 'nothing.like.it'"),
        ("task.*", ""),
        ("task.completed", ""),
        ("*", ""),
    ],
)
def test_a_type_that_no_event_can_have_is_told(capfd: pytest.CaptureFixture[str], asked: str, told: str) -> None:
    warn_of_types([asked])
    err = capfd.readouterr().err
    assert told in err
    assert bool(err) == bool(told)


def test_a_filter_of_dead_letters_is_told_of_only_if_it_finds_none(run: Run, storage: Storage) -> None:
    assert "did you mean task.completed?" in run("dead-letters", "list", "--type", "task.complete").err
    assert "did you mean task.completed?" in run("dead-letters", "discard", "--all", "--type", "task.complete").err
    recorder(storage).record(entries([raw("task.complete")]))
    assert run("dead-letters", "list", "--type", "task.complete").err == ""


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a server that is not there; what `run` is made after it does not wait for it long."""
    monkeypatch.setenv("LEDGER_PUBLISH_TIMEOUT_SECONDS", "0.3")
    return f"redis://127.0.0.1:{free_port()}/0"


def test_publish_says_which_line_was_the_first_that_redis_did_not_take(
    run: Run, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"rubbish\n" + raw("task.created", subject="full") + b"\n")
    stream = streams.stream(streams.shard_of("full", 8))
    redis.Redis.from_url(redis_url).set(stream, "not a stream")
    done = run("publish", str(file))
    assert done.code == 1
    assert f"(0 events were accepted before; the first that was not is {file}:2)" in done.err


def test_publish_with_a_spool_keeps_events_while_redis_is_away_and_sends_them_later(
    away: str, run: Run, redis_url: str, tmp_path: Path
) -> None:
    spool = str(tmp_path / "spool.jsonl")
    events = [raw("task.created", subject="t", name=str(number)) for number in range(3)]
    kept = run("publish", "--spool", spool, "-", input=b"\n".join(events[:2]), REDIS_URL=away)
    assert kept.code == 0
    assert f"0 events accepted, 2 wait in {spool}, 0 lines refused" in kept.out
    assert f"warning: 2 events wait in the spool {spool}: the next publisher that has it sends them" in kept.err
    assert run("publish", "--spool", spool, REDIS_URL=away).code == 1
    sent = run("publish", "--json", "--spool", spool, "-", input=events[2])
    assert (sent.code, json.loads(sent.out)["accepted"], json.loads(sent.out)["spooled"]) == (0, 3, 0)
    found: Any = redis.Redis.from_url(redis_url).xrange(streams.stream(streams.shard_of("t", 8)))
    assert [fields[b"event"] for _, fields in found] == events


def test_publish_sends_what_a_spool_holds_and_names_its_damaged_lines(run: Run, tmp_path: Path) -> None:
    spool = tmp_path / "spool.jsonl"
    spool.write_bytes(raw("task.created") + b"\n" + raw("task.created")[:40])
    done = run("publish", "--spool", str(spool))
    assert done.code == 1
    assert f"1 events accepted, 0 wait in {spool}, 1 damaged lines put aside" in done.out
    assert f"put aside into {spool}.refused: not JSON" in done.err


def test_publish_without_a_file_or_with_a_spool_that_is_not_there_is_wrong_use(run: Run, tmp_path: Path) -> None:
    assert run("publish").code == 2
    assert run("publish", "--spool", str(tmp_path / "none")).code == 2
    assert not (tmp_path / "none").exists()


def test_text_with_other_line_ends_stays_one_event(run: Run) -> None:
    event = raw("task.created", name="one\u2028two\u0085three").decode()
    unescaped = json.dumps(json.loads(event), ensure_ascii=False).encode()
    assert b"\xc2\x85" in unescaped
    assert run("publish", "-", input=unescaped + b"\n").code == 0


def test_publish_reports_as_json(run: Run) -> None:
    done = run("publish", "--json", "-", input=b"[]\n" + raw("task.created") + b"\n")
    report = json.loads(done.out)
    assert report["accepted"] == 1
    assert [(bad["line"], bad["reason"]) for bad in report["refused"]] == [(1, "invalid_envelope")]


def test_wait_gives_up_when_time_is_over(run: Run) -> None:
    run("publish", "-", input=raw("task.created"))
    done = run("wait", "--timeout", "0.2")
    assert done.code == 1
    assert "1 events still wait" in done.err


def test_wait_returns_when_nothing_is_left(run: Run) -> None:
    assert run("wait", "--timeout", "5").code == 0


def test_status_tells_backlog_dead_letters_and_that_nobody_works(run: Run, storage: Storage) -> None:
    run("publish", "-", input=raw("task.created"))
    recorder(storage).record(entries([b"rubbish"]))
    report = json.loads(run("status", "--json").out)
    assert sum(report["backlog"].values()) == 1
    assert report["dead_letters"] == {"open": 1}
    assert report["outbox"] == {"waiting": 0, "since": None, "posted_10s": 0, "posted_60s": 0}
    assert report["workers"] == {}
    assert "none: nothing is recorded" in run("status").out


def test_status_tells_how_many_messages_wait_for_inboxes_and_since_when(run: Run, storage: Storage) -> None:
    recorder(storage).record(entries([raw("message.sent", id="1", to_sandbox_ids=["bob", "carol"])]))
    recorder(storage).record(entries([raw("message.sent", id="2", subject="another", to_sandbox_ids=["bob"])], start=2))
    with storage.reading() as connection:
        first = JournalRepository(connection).get("/tests", "1")
    assert first is not None
    since = first.recorded_at.isoformat().replace("+00:00", "Z")
    outbox = json.loads(run("status", "--json").out)["outbox"]
    assert outbox == {"waiting": 3, "since": since, "posted_10s": 0, "posted_60s": 0}
    assert "3 messages wait for an inbox, the first of them since 2" in run("status").out


def test_pause_and_resume_are_shown_by_status(run: Run, redis_url: str) -> None:
    run("publish", "-", input=raw("task.created", subject="t1"))
    shard = str(streams.shard_of("t1", 8))
    assert "paused: shard" in run("pause", "--shard", shard, "--why", "the disk is full", "--by", "Ada").out
    assert "the disk is full" in run("status").out
    report = json.loads(run("status", "--json").out)
    assert (report["paused"][shard]["why"], report["paused"][shard]["by"]) == ("the disk is full", "Ada")
    assert report["oldest_seconds"][shard] >= 0
    assert f"paused: {shard}" in run("wait", "--timeout", "0.1").err
    resumed = json.loads(run("resume", "--json").out)
    assert resumed == {"done": "resumed", "shards": [shard], "sources": {}, "paused": {}, "set_aside": []}
    assert json.loads(run("pause", "--json").out)["shards"] == ["all"]
    assert "resumed: all shards; paused now: nothing" in run("resume").out


def test_a_shard_that_is_not_there_cannot_be_paused(run: Run) -> None:
    done = run("pause", "--shard", "8")
    assert done.code == 2
    assert "0 to 7" in done.err


@pytest.mark.parametrize(
    "type_", ["execution.created", "task.created", "message.sent", "workspace.created", "sandbox.created"]
)
def test_show_shows_each_kind(run: Run, storage: Storage, type_: str) -> None:
    recorder(storage).record(entries([raw(type_, subject="the_one")]))
    assert "the_one" in run("show", "the_one").out
    shown = json.loads(run("show", "--json", "the_one").out)
    assert shown[type_.partition(".")[0]]["id"] == "the_one"


def test_show_shows_a_conversation_and_what_became_of_each_message(run: Run, storage: Storage) -> None:
    asked = {"from_sandbox_id": "alice", "to_sandbox_ids": ["bob", "carol"], "content": "are you\nthere?"}
    answered = {"from_sandbox_id": "bob", "to_sandbox_ids": ["alice"], "content": {"text": "yes"}, "in_reply_to": "m1"}
    sent = [
        raw("message.sent", subject="m1", thread_id="talk", **asked),
        raw("message.sent", subject="m2", thread_id="talk", time="2026-01-31T12:00:05Z", **answered),
        raw("message.delivered", subject="m1", to_sandbox_id="bob", time="2026-01-31T12:00:03Z"),
        raw("message.failed", subject="m1", to_sandbox_id="carol", reason="asleep"),
    ]
    recorder(storage).record(entries(sent))
    shown = [" ".join(line.strip(" │").split()) for line in run("show", "talk").out.splitlines()]
    assert shown[0].startswith("╭─ conversation talk, 2 messages")
    assert shown[1:-1] == [
        "2026-01-31 UTC",
        "12:00:00.000 alice request m1",
        "are you",
        "there?",
        "→ bob delivered 12:00:03.000",
        "→ carol failed asleep",
        "12:00:05.000 bob request to m1 m2",
        "yes",
        "→ alice pending",
    ]
    thread = json.loads(run("show", "--json", "talk").out)["thread"]
    assert [(one["message"]["id"], len(one["deliveries"])) for one in thread] == [("m1", 2), ("m2", 1)]


def test_show_shows_a_workspace_with_its_sandboxes(run: Run, storage: Storage) -> None:
    healthy = {"status": "healthy", "checked_at": "2026-01-31T12:00:00Z"}
    recorder(storage).record(entries([
        raw("workspace.created", subject="ws", name="the lab"),
        raw("sandbox.created", subject="sb_old", workspace_id="ws", name="Ada", time="2026-01-31T11:00:00Z"),
        raw("sandbox.started", subject="sb_old", time="2026-01-31T11:00:05Z"),
        raw("sandbox.created", subject="sb_new", workspace_id="ws", agent_id="agent_b", health=healthy),
        raw("sandbox.created", subject="sb_other", workspace_id="elsewhere"),
    ]))  # fmt: skip
    shown = run("show", "ws").out
    assert "the lab" in shown
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "sb_" in line]
    assert rows == [
        ["sb_new", "", "provisioning", "2026-01-31 12:00:00.000", "agent_b", "healthy"],
        ["sb_old", "Ada", "running", "2026-01-31 11:00:05.000", "", ""],
    ]
    document = json.loads(run("show", "--json", "ws").out)
    assert [sandbox["id"] for sandbox in document["sandboxes"]] == ["sb_new", "sb_old"]


def test_show_shows_a_sandbox_and_what_it_says_of_itself(run: Run, storage: Storage) -> None:
    recorder(storage).record(entries([
        raw("sandbox.created", subject="sb", connection={"host": "h", "port": 8080}, resource_limits={"cpu": 0.5}),
        raw("sandbox.failed", subject="sb", time="2026-01-31T12:00:01Z", error={"type": "Oom", "message": "no memory"}),
    ]))  # fmt: skip
    shown = run("show", "sb").out
    assert "sandbox sb error" in shown
    facts = [line.strip("│ \n").split(None, 1) for line in shown.splitlines()[1:-1]]
    assert facts == [
        ["resource_limits", '{"cpu": 0.5}'],
        ["connection", '{"host": "h", "port": 8080}'],
        ["error", "Oom: no memory"],
        ["created_at", "2026-01-31 12:00:00.000"],
        ["status_at", "2026-01-31 12:00:01.000"],
    ]


def test_show_cannot_be_used_to_write_to_a_terminal(run: Run, storage: Storage) -> None:
    event = raw("task.created", subject="t", name="\x1b[31mred\x1b]0;title\x07 [bold]markup[/bold]")
    recorder(storage).record(entries([event]))
    shown = run("show", "t").out
    assert "\x1b" not in shown
    assert "\\x1b[31mred" in shown
    assert "[bold]markup[/bold]" in shown


def test_what_is_not_there_is_said_in_one_line(run: Run) -> None:
    done = run("show", "nobody")
    assert done.code == 1
    assert done.err.startswith("error: nothing recorded has the id 'nobody'")
    assert done.err.count("\n") == 1


def test_wrong_use_is_exit_2(run: Run) -> None:
    assert run("publish", "no-such-file").code == 2
    assert run("bogus").code == 2
    assert run("wait", "--timeout", "soon").code == 2


def test_without_servers_it_says_what_to_do(run: Run) -> None:
    done = run("publish", "-", REDIS_URL=None, DATABASE_URL=None)
    assert done.code == 1
    assert "start `flowledger up`, or set REDIS_URL" in done.err


@pytest.mark.parametrize("command", ["publish -", "status", "show x", "migrate", "worker", "wait --timeout 1"])
def test_a_password_in_a_url_is_in_no_error(run: Run, command: str) -> None:
    done = run(
        *command.split(),
        input=raw("task.created"),
        REDIS_URL="redis://:hunter2@127.0.0.1:1/0",
        DATABASE_URL="postgresql://user:hunter2@127.0.0.1:1/none",
    )
    assert done.code == 1
    assert "hunter2" not in done.out + done.err
    assert done.err.startswith("error: ")


def test_migrate_and_a_worker_before_it(run: Run, tmp_path: Path) -> None:
    new = f"sqlite:///{tmp_path}/new.db"
    early = run("worker", DATABASE_URL=new)
    assert early.code == 1
    assert "flowledger migrate" in early.err
    for _ in range(2):
        done = run("migrate", DATABASE_URL=new)
        assert done.code == 0
        assert "the newest" in done.out


def test_it_runs_as_a_process_of_its_own(run: Run) -> None:
    command = [sys.executable, "-m", "flowledger.cli.main", "bogus"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'bogus'" in done.stderr
