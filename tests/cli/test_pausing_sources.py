"""`pause --source`, `resume --source` and what `status` says of sources and of dead letters that are too many."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.alarms import Alarms
from flowledger.workers.connections import connect
from tests.builders import entries, raw
from tests.cli.calling import Ended, Flowledger
from tests.storage.recording import recorder
from tests.workers.draining import add, drain

Run = Callable[..., Ended]


@pytest.fixture
def run(flowledger: Flowledger, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`flowledger …` with the servers of the test."""
    assert settings.redis_url is not None
    assert settings.database_url is not None
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    return flowledger


def test_a_source_is_set_aside_shown_and_resumed(run: Run, settings: Settings, storage: Storage) -> None:
    paused = run("pause", "--source", "/a", "--why", "a look at it", "--by", "Ada")
    assert paused.out == "paused: source '/a'; paused now: source '/a'\n"
    with closing(connect(settings)) as client:
        add(client, raw("task.created", source="/a"), raw("task.created", source="/b"))
        assert drain(settings, client, storage)["recorded"] == 1
        (one,) = json.loads(run("status", "--json").out)["set_aside"]
        assert (one["source"], one["entries"], one["why"], one["by"]) == ("/a", 1, "a look at it", "Ada")
        assert "a look at it" in run("status").out
        assert run("resume").out == "resumed: nothing; paused now: source '/a'\n"
        resumed = json.loads(run("resume", "--source", "/a", "--source", "/unknown", "--json").out)
        assert (resumed["sources"], resumed["set_aside"]) == ({"/a": 1}, [])
        assert drain(settings, client, storage)["recorded"] == 1


def test_dead_letters_that_are_too_many_or_too_large_are_told(
    run: Run, settings: Settings, storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder(storage).record(entries([b"rubbish" * 100] * 3))
    low = {"dead_letter_alarm_bytes": 2_000, "dead_letter_alarm_per_minute": 2}
    with closing(redis.Redis.from_url(settings.redis_url.get_secret_value())) as client:  # type: ignore[union-attr]
        for _ in range(3):
            add(client, b"rubbish")
        quick = settings.model_copy(update=low)
        drain(quick, client, storage)
        client.delete(streams.alarm("looked"))
        Alarms(client, quick, storage).look()
    told = [record.getMessage() for record in caplog.records if "dead letters" in record.getMessage()]
    assert len(told) == 2, "each once"
    assert "3 new dead letters in the last minute; the alarm is at 2 (LEDGER_DEAD_LETTER_ALARM_PER_MINUTE)" in told[0]
    assert "open dead letters take" in told[1]
    for name, value in low.items():
        monkeypatch.setenv(f"LEDGER_{name.upper()}", str(value))
    report = json.loads(run("status", "--json").out)
    assert (report["dead_letter_bytes"], report["dead_letters_per_minute"], len(report["alarms"])) == (2_121, 3, 2)
    assert "stop or mend the producer" in " ".join(run("status").out.split())
