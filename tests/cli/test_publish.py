"""`flowledger publish` against real servers, as a person uses it."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis

from flowledger.cli.embedded import free_port
from flowledger.domain import streams
from flowledger.domain.likeness import forget_what_was_told
from tests.builders import raw
from tests.cli.calling import Run
from tests.cli.terminal import COMMAND
from tests.waiting import left, wait_until


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; `test_up` runs the same commands on both."""
    return sqlite_url


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
        "warning: LEDGER_SHARD is not a setting, and has no effect; did you mean LEDGER_SHARDS?",
        "warning: data.outputs is no field of task.completed, and stands in the journal alone; "
        "did you mean data.output?",
    ]
    forget_what_was_told()


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
    for bad in (str(tmp_path / "none"), "x" * 300, str(tmp_path)):
        assert (run("publish", bad).code, run("publish", "--spool", bad).code) == (2, 2)
    assert not (tmp_path / "none").exists()


def test_publish_takes_what_comes_through_a_pipe_and_ends_at_a_signal_after_it(redis_url: str, tmp_path: Path) -> None:
    """Nothing that was taken from the pipe is lost: it cannot be read again."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    entries = redis.Redis.from_url(redis_url)
    shard = streams.stream(streams.shard_of("t1", 8))
    for end in (signal.SIGTERM, signal.SIGINT):
        entries.delete(shard)
        command = [*COMMAND, "publish", "--json", str(pipe)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"REDIS_URL": redis_url}) as publishing,
            os.fdopen(os.open(pipe, os.O_RDWR), "wb", buffering=0) as ours,
        ):
            assert publishing.stdout is not None
            ours.write(raw("task.created", subject="t1") + b"\n")
            wait_until(lambda: entries.xlen(shard) == 1, 60)
            ours.write(raw("task.started", subject="t1") + b"\n")
            wait_until(lambda: not left(ours.fileno()), 60)
            publishing.send_signal(end)
            assert publishing.wait(60) == 1
            report = json.loads(publishing.stdout.read())
        assert report["unfinished"] == "interrupted"
        assert report["accepted"] == entries.xlen(shard) == 2


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
