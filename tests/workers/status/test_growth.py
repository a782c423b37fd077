"""The growth of the ledger as `status` tells it: sizes, weeks, the last round, and where growth outruns retention."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import text, update

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.retention import rounds, sizes
from flowledger.storage.retention.rounds import Round
from flowledger.storage.retention.sizes import Size
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import growth as looking
from flowledger.workers.connections import connect
from flowledger.workers.status.growth import Growth, growth
from tests.builders import raw
from tests.services.test_rights import as_role
from tests.storage.recording import by_hand, record

DAY = timedelta(days=1)


def found(storage: Storage, at: datetime | None = None, **settings: Any) -> Growth:
    with storage.reading() as connection:
        return growth(connection, Settings.load(**settings), lambda: at or now())


def ended(storage: Storage, ago: timedelta, **of: Any) -> None:
    """A round that ended some time ago, or goes on."""
    with storage.writing() as connection:
        at = now() - ago
        rounds.write(connection, Round(**{"began_at": at, "ended_at": at, **of}))


def sampled(storage: Storage, ago: timedelta, **parts: int) -> None:
    with storage.writing() as connection:
        sizes.keep(connection, {part: Size(size, None) for part, size in parts.items()}, now() - ago)


def test_a_new_ledger_has_sizes_and_no_alarm(storage: Storage) -> None:
    told = found(storage)
    assert told.alarms == {}
    assert told.bytes == sum(part.bytes for part in told.parts)
    assert (told.last_day, told.last_week, told.expected_bytes, told.holds) == (None, None, {}, 0)
    assert [one.name for one in told.weeks] == ["texts", "logs", "metrics", "audit"]


def test_growth_is_measured_and_expected_to_go_on(storage: Storage) -> None:
    before = found(storage)
    part = before.parts[0]
    sampled(storage, 2 * DAY, **{part.name: part.bytes - 1_000_000})
    told = found(storage)
    (same,) = (one for one in told.parts if one.name == part.name)
    assert same.last_day is None
    assert same.last_week == pytest.approx(500_000, rel=0.1)
    assert told.bytes is not None
    assert told.expected_bytes == {
        30: pytest.approx(told.bytes + 15_000_000, rel=0.1), 365: pytest.approx(told.bytes + 182_500_000, rel=0.1)
    }  # fmt: skip
    assert found(storage, keep_texts_days=30).expected_bytes == {}


def test_partitions_that_run_out_are_an_alarm(postgresql_storage: Storage) -> None:
    at = max(one for one in _mondays(postgresql_storage)) + timedelta(hours=1)
    told = found(postgresql_storage, at - DAY)
    assert "partitions" not in told.alarms
    assert told.weeks[0].ahead_days == pytest.approx(8 - 1 / 24)
    told = found(postgresql_storage, at)
    assert told.alarms["partitions"].startswith("partitions of texts, logs, metrics, audit are there for 7.0 more days")
    assert found(postgresql_storage, at + 7 * DAY).weeks[0].ahead_days == 0


def test_a_gap_ends_what_is_ahead(postgresql_storage: Storage) -> None:
    monday = _mondays(postgresql_storage)[1]
    by_hand(postgresql_storage, text(f"ALTER TABLE event_texts DETACH PARTITION event_texts_{monday:%Y%m%d}"))
    told = found(postgresql_storage)
    ahead = {one.name: one.ahead_days for one in told.weeks}
    assert ahead["texts"] is not None
    assert ahead["texts"] <= 7 < 28 <= (ahead["logs"] or 0)
    assert told.alarms["partitions"].startswith("partitions of texts are there")


def _mondays(storage: Storage) -> list[datetime]:
    with storage.reading() as connection:
        return sizes.measure(connection).weeks["texts"]


def test_what_should_have_gone_is_an_alarm_unless_something_is_held(storage: Storage) -> None:
    record(storage, raw("task.created"))
    ended(storage, timedelta())
    days = {"postgresql": 40, "sqlite": 32}[storage.engine.dialect.name]  # a week goes when all of it is old enough
    at = now() + days * DAY
    told = found(storage, at, keep_texts_days=30)
    assert told.weeks[0].late_days > 1
    assert told.alarms["late"].startswith("texts should have gone ")
    assert "late" not in found(storage, now() + 30.5 * DAY, keep_texts_days=30).alarms
    assert "late" not in found(storage, at).alarms
    by_hand(
        storage,
        tables.holds.insert().values(what="subject", id="x", why="y", added_by="z", added_at=now()),
    )
    told = found(storage, at, keep_texts_days=30)
    assert (told.holds, told.weeks[0].late_days, "late" in told.alarms) == (1, 0.0, False)


def test_a_round_that_does_not_come_is_an_alarm(storage: Storage) -> None:
    assert found(storage).alarms == {}
    by_hand(storage, update(tables.ledger).values(created_at=now() - timedelta(hours=2)))
    assert "no round of retention has begun" in found(storage).alarms["round"]
    never = {f"keep_{what}_days": None for what in ("drains", "sessions")}
    assert found(storage, **never).alarms == {}
    ended(storage, timedelta(minutes=50))
    assert found(storage).alarms == {}
    ended(storage, timedelta(hours=2))
    assert "the last round of retention was at 20" in found(storage).alarms["round"]
    assert found(storage, maintain_seconds=3600).alarms == {}


def test_a_round_that_does_not_end_is_an_alarm(storage: Storage) -> None:
    ended(storage, timedelta(hours=23), ended_at=None, turned_at=now())
    assert found(storage).alarms == {}
    ended(storage, timedelta(hours=25), ended_at=None, turned_at=now())
    assert "is not over: more falls due than goes" in found(storage).alarms["round"]
    ended(storage, timedelta(days=9), role="worker", ended_at=None, turned_at=now(), steps=["tasks"])
    ended(storage, timedelta(minutes=1), role="other")
    assert "is not over: more falls due than goes" in found(storage).alarms["round"]


def test_a_round_with_which_nobody_goes_on_is_an_alarm(storage: Storage) -> None:
    for ago in (timedelta(hours=3), timedelta(days=3)):
        ended(storage, ago, ended_at=None, turned_at=now() - timedelta(minutes=50))
        assert "what is too old does not go" not in found(storage).alarms.get("round", "")
        ended(storage, ago, ended_at=None, turned_at=now() - timedelta(hours=2))
        assert "what is too old does not go: the last round" in found(storage).alarms["round"]


def test_what_may_not_go_is_an_alarm(storage: Storage) -> None:
    waits = {"texts": "a lock of another", "executions": "this role may not delete: run `flowledger maintain` with …"}
    ended(storage, timedelta(), went={"drains": 3}, waits=waits)
    assert found(storage).alarms == {"refused": f"executions cannot go: {waits['executions']}"}


def test_what_one_role_may_not_do_is_an_alarm_unless_another_does_it(storage: Storage) -> None:
    refused = {"drains": "run `flowledger maintain` with …"}
    ended(storage, timedelta(hours=20), role="cron", steps=["drains"], went={"drains": 3})
    assert [*found(storage).alarms] == ["round"]
    ended(storage, timedelta(minutes=1), role="worker")
    assert found(storage).alarms == {}
    ended(storage, timedelta(minutes=1), role="worker", waits=refused)
    assert found(storage).alarms == {}, "the next one of cron lets them go"
    ended(storage, timedelta(hours=50), role="cron", steps=["drains"])
    assert [*found(storage).alarms] == ["refused"]
    ended(storage, timedelta(hours=3), role="worker", waits=refused)
    ended(storage, timedelta(), role="other", steps=["drains"])
    assert found(storage).alarms == {}, "a role that is not used any more"


@pytest.mark.parametrize(
    "why", ["a fault of Flowledger: RuntimeError at wholes.py:1", "a time-out: `flowledger maintain` waits for longer"]
)
def test_what_fails_in_a_daily_round_is_an_alarm_until_the_next_one(storage: Storage, why: str) -> None:
    fault = {"tasks": why}
    ended(storage, timedelta(hours=20), role="cron", steps=["tasks"], waits=fault)
    ended(storage, timedelta(minutes=1), role="worker")
    assert found(storage).alarms == {"refused": f"tasks cannot go: {why}"}
    ended(storage, timedelta(minutes=1), role="cron", steps=["tasks"])
    assert found(storage).alarms == {}
    ended(storage, timedelta(hours=50), role="cron", steps=["tasks"], waits=fault)
    assert found(storage).alarms == {}, "a role that is not used any more"


def test_the_round_that_is_shown_may_do_most_of_those_that_come_regularly(storage: Storage) -> None:
    def shown() -> str:
        with storage.reading() as connection:
            one = rounds.read(connection)
        return "" if one is None else one.role

    assert shown() == ""
    ended(storage, timedelta(hours=20), role="cron", steps=["drains", "texts"])
    ended(storage, timedelta(minutes=1), role="worker")
    ended(storage, timedelta(hours=2), role="cleaner", steps=["drains"])
    assert shown() == "cron"
    ended(storage, timedelta(hours=50), role="cron", steps=["drains", "texts"])
    assert shown() == "cleaner"
    ended(storage, timedelta(hours=60), role="cleaner", steps=["drains"])
    assert shown() == "worker"


def test_an_erasure_that_was_broken_off_is_an_alarm(storage: Storage) -> None:
    of = {"why": "asked for", "erased_by": "somebody", "erased_at": now() - timedelta(hours=2)}
    by_hand(
        storage,
        tables.erasures.insert().values(subject="task_1", done_at=now(), **of),
        tables.erasures.insert().values(subject="task_2", done_at=None, **of | {"erased_at": now()}),
    )
    assert found(storage).alarms == {}, "somebody may be erasing it now"
    assert "`flowledger erase` goes on" in found(storage, now() + timedelta(hours=1)).alarms["erasure"]
    by_hand(storage, update(tables.erasures).values(done_at=now()))
    assert "erasure" not in found(storage, now() + timedelta(hours=1)).alarms


def test_a_missing_right_breaks_nothing(postgresql_url: str, postgresql_storage: Storage) -> None:
    sampled(postgresql_storage, 2 * DAY, texts=1)
    with as_role(postgresql_url, "GRANT SELECT ON events TO nobody_much", "nobody_much") as storage:
        told = found(storage, now() + 400 * DAY)
    assert told.bytes == found(postgresql_storage).bytes
    assert (told.holds, told.last_week) == (None, None)
    assert [*told.alarms] == ["partitions"]


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with closing(connect(settings)) as connected:
        yield connected


def test_a_worker_keeps_samples_and_logs_an_alarm_once(
    client: redis.Redis, settings: Settings, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    looking.look(client, settings, storage)
    ended(storage, timedelta(days=2))
    for _ in range(2):
        looking.look(client, settings, storage)
    errors = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert len(errors) == 1
    assert "the last round of retention was at" in errors[0]
    assert 0 < client.ttl(streams.alarm("round")) <= 3600
    with storage.reading() as connection:
        assert {one.part for one in sizes.samples(connection, now() - DAY)} == {
            part.name for part in growth(connection, settings).parts
        }
