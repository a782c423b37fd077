"""Rounds of roles: what may not delete tells what is too old, and does not hide who lets it go."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from flowledger.domain.keeping import Keeping
from flowledger.domain.settings import Settings
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.services.holds import Holds
from flowledger.services.retention.rounds import Maintenance
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.retention import holds, horizons, rounds, wholes
from flowledger.storage.retention.rounds import Round
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.status.growth import growth
from tests.conftest import settings_for
from tests.documented import grants_of
from tests.services.retention.recording import NOW, OLD, YOUNG, execution, hold, message, recorded, task
from tests.services.retention.test_rounds import ALL
from tests.services.test_rights import as_role
from tests.storage.recording import by_hand, count, dead_letters, record
from tests.storage.test_audit import worker_url

__all__ = ["worker_url"]

KEEPING = ALL._replace(names=30.0)


@pytest.fixture
def worker(worker_url: str) -> Iterator[Storage]:
    """The ledger as workers see it."""
    with Storage(make_engine(settings_for(worker_url))) as storage:
        yield storage


@pytest.fixture
def maintainer(postgresql_url: str, postgresql_storage: Storage) -> Iterator[Storage]:
    """The ledger as `flowledger maintain` sees it."""
    with as_role(postgresql_url, grants_of("flowledger_maintainer"), "flowledger_maintainer") as storage:
        yield storage


def go(storage: Storage, later: timedelta = timedelta(), keeping: Keeping = KEEPING, **given: Any) -> Round:
    """A turn, as a worker does it."""
    return Maintenance(storage, keeping, clock=lambda: NOW + later, **{"relies_on_others": True, **given}).turn()


def some_of_each(storage: Storage, moment: Any) -> None:
    """Something of each kind that goes, of this age."""
    of = f"{moment:%d}"
    execution(storage, moment, f"exec_{of}")
    task(storage, moment, f"task_{of}")
    message(storage, moment, f"msg_{of}")
    recorded(storage, moment, ("metric.recorded", "agent_1", {}), ("audit.logged", "agent_1", {}))
    drain = {"started_at": moment, "ended_at": moment, "shards": [], "recorded": 1, "repeated": 0, "dead": 0}
    session = {"user_id": "user_1", "token_hash": of, "created_at": moment, "expires_at": moment}
    record(storage, f"no event, {of}".encode(), start=int(of) * 100)
    with storage.writing() as connection:
        letters = [letter.id for letter in dead_letters(storage)]
        DeadLetterRepository(connection).close(letters, DeadLetterStatus.DISCARDED)
    by_hand(
        storage,
        insert(tables.drains).values(id=of, worker="w", measures={}, **drain),
        insert(tables.sessions).values(id=of, **session),
        tables.dead_letters.update().where(tables.dead_letters.c.id.in_(letters)).values(first_seen=moment),
    )


def alarms(storage: Storage, later: timedelta = timedelta()) -> dict[str, str]:
    """The alarms, without those of partitions, of which the clock of the tests knows nothing."""
    with storage.reading() as connection:
        found = growth(connection, Settings.load(), lambda: NOW + later).alarms
    return {name: words for name, words in found.items() if name != "partitions"}


def seen(storage: Storage) -> Round | None:
    with storage.reading() as connection:
        return rounds.read(connection)


def test_without_the_right_to_delete_what_is_too_old_is_told_once_and_stays(
    postgresql_storage: Storage, worker: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    some_of_each(postgresql_storage, OLD)
    with caplog.at_level(logging.DEBUG):
        done = go(worker)
        again = go(worker)
    warned = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    said = [words for words in warned if words.startswith("retention of")]
    assert set(done.waits) == {
        "event_texts", "task_logs", "metrics", "audit_logs", "executions", "tasks", "messages", "drains",
        "dead_letters",
    }, "and sessions, which it may not read, are not told"  # fmt: skip
    assert len(said) == len(set(said)) == len(done.waits)
    assert again.waits == done.waits
    assert done.waits["drains"] == (
        "this role has no right to delete rows of drains: run `flowledger maintain` with the role of the maintainer "
        "(docs/production.md)"
    )
    assert (done.steps, done.went, done.ended_at) == ([], {}, NOW)
    with postgresql_storage.reading() as connection:
        assert horizons.read(connection) == {}
    assert count(postgresql_storage, "executions") == 1
    assert seen(postgresql_storage) == again
    assert [*alarms(postgresql_storage)] == ["refused"]


def test_a_look_at_which_flowledger_fails_keeps_no_other_step_from_its_turn(
    postgresql_storage: Storage, worker: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise RuntimeError("private words")

    some_of_each(postgresql_storage, OLD)
    with monkeypatch.context() as patch:
        patch.setattr(wholes, "are_old", failing)
        done = go(worker)
    assert done.waits["tasks"].startswith("a fault of Flowledger: RuntimeError at test_rights.py:")
    assert "no right to delete rows of drains" in done.waits["drains"]
    assert done.ended_at == NOW
    assert "no right" in go(worker).waits["tasks"]


def test_without_the_right_to_delete_nothing_is_told_while_nothing_is_too_old(
    postgresql_storage: Storage, worker: Storage
) -> None:
    assert go(worker).waits == {}
    some_of_each(postgresql_storage, YOUNG)
    execution(postgresql_storage, OLD, "exec_held")
    hold(postgresql_storage, "exec_held")
    by_hand(postgresql_storage, tables.event_texts.delete().where(tables.event_texts.c.recorded_at < YOUNG))
    assert go(worker).waits == {}
    assert go(worker, timedelta(days=3)).waits == {}
    assert alarms(worker, timedelta(days=3)) == {}


@pytest.mark.parametrize(
    ("old", "told"), [(timedelta(days=1), []), (timedelta(days=3), ["names"])], ids=["lately", "for days"]
)
def test_old_names_are_told_without_the_right_to_delete_them(
    postgresql_storage: Storage, worker: Storage, old: timedelta, told: list[str]
) -> None:
    task(postgresql_storage, NOW - timedelta(days=30) - old)
    tables_ = ("event_texts", "task_logs", "task_failures", "tasks")
    by_hand(postgresql_storage, *(tables.metadata.tables[name].delete() for name in tables_))
    assert [*go(worker).waits] == told


def test_a_worker_does_not_hide_a_round_that_comes_once_a_day(
    postgresql_storage: Storage, worker: Storage, maintainer: Storage
) -> None:
    some_of_each(postgresql_storage, OLD)
    minute, day = timedelta(minutes=1), timedelta(days=1)
    assert "executions" in go(worker, keeping=ALL).waits
    done = go(maintainer, keeping=ALL)
    assert (done.waits, len(done.steps)) == ({}, 10)
    assert done.went["executions"] == done.went["sessions"] == done.went["drains"] == 1
    some_of_each(postgresql_storage, OLD + day)
    for later in (minute, day - minute, 2 * day - minute):
        assert go(worker, later, ALL).waits == {}
        assert seen(postgresql_storage) == done
        assert alarms(worker, later) == {}
    by_hand_ = go(worker, day, ALL, relies_on_others=False)
    assert "drains" in by_hand_.waits, "`maintain --once` with a role that may not delete does not say that all is well"
    assert alarms(worker, day) == {}
    told = go(worker, 2 * day, ALL)
    assert "drains" in told.waits
    assert seen(worker) == told
    cannot, _why = alarms(worker, 2 * day)["refused"].split(" cannot go: ")
    assert {*cannot.split(", ")} == {"executions", "tasks", "messages", "drains", "dead_letters"}
    assert go(maintainer, 2 * day, ALL).went["executions"] == 1
    assert go(worker, 2 * day + minute, ALL).waits == {}
    assert alarms(worker, 2 * day + minute) == {}


def test_a_worker_does_not_go_on_with_the_round_of_a_maintainer(
    postgresql_storage: Storage, worker: Storage, maintainer: Storage
) -> None:
    execution(postgresql_storage, OLD)
    begun = go(maintainer, is_over=iter([False] * 3 + [True] * 9).__next__)
    assert begun.ended_at is None
    half = go(worker, is_over=iter([False, False, True]).__next__)
    assert half.place != begun.place
    assert go(worker).ended_at is not None
    assert seen(postgresql_storage) == begun
    assert go(maintainer).went["executions"] == 1


def test_a_role_that_may_delete_some_of_it_tells_the_rest(postgresql_url: str, postgresql_storage: Storage) -> None:
    some_of_each(postgresql_storage, OLD)
    grants = (
        "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO some_rights;"
        "GRANT DELETE ON drains, sessions TO some_rights"
    )
    with as_role(postgresql_url, grants, "some_rights") as storage:
        done = go(storage)
    assert done.steps == ["drains", "sessions"]
    assert done.went == {"drains": 1, "sessions": 1}
    assert {"executions", "dead_letters"} <= done.waits.keys()
    with postgresql_storage.reading() as connection:
        assert horizons.read(connection).keys() == {"drains", "sessions"}


def test_the_documented_role_may_do_all_of_it(postgresql_url: str, postgresql_storage: Storage) -> None:
    execution(postgresql_storage, OLD)
    task(postgresql_storage, OLD)
    with as_role(postgresql_url, grants_of("flowledger_maintainer"), "flowledger_maintainer") as storage:
        first = go(storage)
        later = go(storage, timedelta(days=1))
        assert ([*first.waits], later.waits, later.went) == (["names"], {}, {"events": 6})
        service = Holds(storage)
        service.add(holds.Held.SUBJECT, ["task_1"], why="case 7", by="me")
        assert service.remove(holds.Held.SUBJECT, ["task_1"], by="me").subjects == 1
    assert count(postgresql_storage, "audit_logs") == 2
