"""Bells of services: once a round for all workers, and not while one is on its way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.workers.drain import Drain
from flowledger.workers.regular_bells import MAINTENANCE, SCHEDULES


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Which database there is does not matter."""
    return sqlite_url


@pytest.fixture
def sent() -> list[str]:
    return []


@pytest.fixture
def ring(settings: Settings, client: redis.Redis, sent: list[str]) -> Callable[[], None]:
    return lambda: SCHEDULES.ring(client, settings.schedule_seconds, lambda: sent.append("sent"))


def test_it_rings_once_a_round(client: redis.Redis, ring: Callable[[], None], sent: list[str]) -> None:
    ring()
    ring()
    assert sent == ["sent"]
    assert 0 < client.pttl(streams.SCHEDULE_ROUND) <= 1_000


def test_it_does_not_ring_again_while_nobody_came_until_it_has_expired(
    client: redis.Redis, ring: Callable[[], None], sent: list[str]
) -> None:
    ring()
    client.delete(streams.SCHEDULE_ROUND)
    ring()
    assert sent == ["sent"]
    client.delete(streams.SCHEDULE_ROUND, streams.SCHEDULE_BELL)
    ring()
    assert sent == ["sent", "sent"]


def test_a_bell_that_cannot_be_sent_is_taken_back(settings: Settings, client: redis.Redis) -> None:
    def fails() -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it has no message
        SCHEDULES.ring(client, settings.schedule_seconds, fails)
    assert not client.exists(streams.SCHEDULE_BELL)


def test_a_drain_that_waits_leaves_its_process_to_a_scheduler(
    settings: Settings, client: redis.Redis, storage: object, ring: Callable[[], None]
) -> None:
    assert not SCHEDULES.is_overdue(client)
    ring()
    assert not SCHEDULES.is_overdue(client), "it may be coming"
    client.pexpire(streams.SCHEDULE_BELL, 8_000)
    assert SCHEDULES.is_overdue(client)
    patient = settings.model_copy(update={"linger_seconds": 60.0, "drain_seconds": 60.0})
    assert Drain(patient, client, storage, 0).run()["seconds"] < 30  # type: ignore[arg-type]
    client.set(streams.SCHEDULER, "somebody", px=60_000)
    assert not SCHEDULES.is_overdue(client)


def test_who_has_more_to_do_is_called_again_at_once(client: redis.Redis, sent: list[str]) -> None:
    def ring() -> None:
        MAINTENANCE.ring(client, 60.0, lambda: sent.append("sent"))

    ring()
    MAINTENANCE.answer(client)
    ring()
    assert sent == ["sent"]
    MAINTENANCE.ring_again(client)
    ring()
    assert sent == ["sent", "sent"]
    client.pexpire(MAINTENANCE.bell, 8_000)
    assert MAINTENANCE.is_overdue(client)
