"""`flowledger status`, `wait`, `pause` and `resume` against real servers, as a person uses them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.services.webhooks import WebhookReceiver
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.retention import rounds, sizes
from flowledger.storage.retention.rounds import Round
from flowledger.storage.unit_of_work import Storage
from tests.builders import entries, raw
from tests.cli.calling import Run
from tests.services.webhooks.calling import SECRET, Kept, headers, refused, set_up
from tests.storage.recording import recorder


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; `test_up` runs the same commands on both."""
    return sqlite_url


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


def test_status_counts_refused_calls_of_webhooks(run: Run, settings: Settings, storage: Storage) -> None:
    for number in range(6):
        set_up(storage, f"hook_{number}")
    with WebhookReceiver(settings, storage, Kept(current=SECRET)) as receiver:
        for number in range(6):
            refused(receiver, {}, webhook=f"hook_{number}")
        refused(receiver, headers(), webhook="nothing")
        refused(receiver, headers(), webhook="nothing else")
    found = json.loads(run("status", "--json").out)["refused_webhooks"]
    assert found[0] == {"webhook_id": "", "cause": "unknown", "count": 2}
    assert [one["webhook_id"] for one in found[1:]] == [f"hook_{number}" for number in range(6)]
    shown = run("status").out
    assert [word in shown for word in ("unknown ids", "malformed", "hook_3", "hook_4", "and 2 more")] == [
        True, True, True, False, True,
    ]  # fmt: skip


def test_status_tells_how_the_ledger_grows(run: Run, storage: Storage) -> None:
    with storage.writing() as connection:
        size = sizes.measure(connection).parts[sizes.ALL].bytes
        sizes.keep(connection, {sizes.ALL: sizes.Size(size - 5_000_000, None)}, now() - timedelta(days=5))
        rounds.write(connection, Round(began_at=now() - timedelta(days=2), turned_at=now()))
    run("hold", "add", "subject", "t_1", "--why", "case 7")
    found = json.loads(run("status", "--json").out)["growth"]
    assert [part["name"] for part in found["parts"]] == ["all"]
    assert (found["last_day"], found["holds"], found["bytes"] >= size) == (None, 1, True)
    assert 990_000 <= found["last_week"] <= 1_100_000
    assert found["expected_bytes"]["30"] > size + 29_000_000
    assert [*found["alarms"]] == ["round"]
    shown = run("status").out
    for told in ("not known yet", "+97", "KiB", "if nothing goes", " in 365 days", "is not over: more falls due"):
        assert told in shown, told
    assert "dead-letters list" not in shown
