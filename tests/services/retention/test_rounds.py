"""Rounds: horizons, then what is before them; resumed after a stop; and what they say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from flowledger.domain.keeping import Keeping
from flowledger.domain.records import DeadLetterDeed, DrainRecord
from flowledger.domain.statuses import DeadLetterAction, DeadLetterStatus
from flowledger.services.retention import steps
from flowledger.services.retention.rounds import Maintenance
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.drains import DrainRepository
from flowledger.storage.ledger.totals import DrainTotals
from flowledger.storage.retention import dead_letters as closed
from flowledger.storage.retention import holds, horizons, large, rounds, wholes
from flowledger.storage.retention.rounds import Round
from flowledger.storage.unit_of_work import Storage
from tests.conftest import settings_for
from tests.services.retention.recording import HORIZON, MONDAY, NOW, OLD, YOUNG, execution, hold, ids, recorded, task
from tests.storage.recording import by_hand, count, dead_letters, record

NOTHING = Keeping()
ALL = Keeping(*[30.0] * 10)._replace(names=None)


def go(storage: Storage, keeping: Keeping = ALL, **given: Any) -> Round:
    return Maintenance(storage, keeping, clock=lambda: NOW, **given).turn()


def deed(letter: str, moment: Any) -> DeadLetterDeed:
    return DeadLetterDeed(
        id=f"deed_{letter}_{moment}", dead_letter_id=letter, at=moment, who="me", action=DeadLetterAction.DISCARDED,
        source=None, event_id=None, stream=None, entry_id=None, raw=None, detail="",
    )  # fmt: skip


def last(storage: Storage) -> Round | None:
    with storage.reading() as connection:
        return rounds.read(connection)


def test_each_turn_of_a_long_round_is_dated(storage: Storage) -> None:
    later = NOW + timedelta(days=3)
    begun = go(storage, is_over=lambda: True)
    assert (begun.began_at, begun.turned_at, begun.ended_at) == (NOW, NOW, None)
    turned = Maintenance(storage, ALL, clock=lambda: later, is_over=lambda: True).turn()
    assert (turned.began_at, turned.turned_at, turned.ended_at) == (NOW, later, None)
    assert last(storage) == turned
    done = Maintenance(storage, ALL, clock=lambda: later).turn()
    assert done.turned_at == done.ended_at == done.last_at == later


def test_what_is_kept_for_ever_stays(storage: Storage) -> None:
    execution(storage, OLD)
    assert go(storage, NOTHING).went == {}
    with storage.reading() as connection:
        assert horizons.read(connection) == {}
    assert count(storage, "executions") == 1


def test_a_row_at_which_flowledger_fails_keeps_no_other_step_from_going(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> Any:
        raise RuntimeError("private words")

    task(storage, OLD)
    record(storage, b"one")
    by_hand(storage, tables.dead_letters.update().values(first_seen=OLD, status="discarded"))
    with monkeypatch.context() as patch:
        patch.setattr(wholes, "look_at", failing)
        done = go(storage, Keeping(rows=30.0, dead_letters=30.0))
    assert done.waits["tasks"].startswith("a fault of Flowledger: RuntimeError at test_rounds.py:")
    assert (done.went.get("tasks"), done.went["dead_letters"], done.ended_at) == (None, 1, NOW)
    assert go(storage, Keeping(rows=30.0)).went["tasks"] == 1


def test_a_round_lets_go_all_that_is_too_old_and_tells_it(storage: Storage) -> None:
    execution(storage, OLD)
    task(storage, OLD)
    recorded(storage, OLD, ("metric.recorded", "agent_1", {}), ("audit.logged", "agent_1", {}))
    task(storage, YOUNG, "task_2")
    done = go(storage)
    assert done.went == {
        "event_texts": 8, "task_logs": 1, "metrics": 1, "audit_logs": 1, "executions": 1, "execution_logs": 1,
        "execution_failures": 1, "tasks": 1, "task_failures": 1,
    }  # fmt: skip
    assert (done.began_at, done.ended_at, done.waits, done.place) == (NOW, NOW, {}, None)
    assert last(storage) == done
    whole = MONDAY if storage.engine.dialect.name == "postgresql" else HORIZON
    with storage.reading() as connection:
        assert horizons.read(connection) == dict.fromkeys(set(ALL._fields) - {"names"}, HORIZON) | {
            "rows": whole, "unfinished": whole,
        }  # fmt: skip
    assert ids(storage, "tasks") == {"task_2"}
    assert count(storage, "metric_days") == 1, "sums outlive their points"
    assert go(storage).went == {}


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("hours", [1, 100, 155, 157, 200])
def test_nothing_goes_before_its_texts_and_log_lines(storage: Storage, hours: int, ends: bool) -> None:
    """So that whatever belongs to an execution is found by rows, and can be erased or held."""
    moment = HORIZON - timedelta(hours=hours)
    execution(storage, moment, ends=ends)
    task(storage, moment, execution_id="exec_1", ends=ends)
    go(storage, Keeping(texts=30.0, rows=30.0, unfinished=30.0, logs=30.0))
    is_old = storage.engine.dialect.name == "sqlite" or moment < MONDAY
    assert [count(storage, table) == 0 for table in ("event_texts", "task_logs", "tasks", "executions")] == [is_old] * 4


def test_rows_go_in_time_where_their_texts_have_gone_before(storage: Storage) -> None:
    execution(storage, HORIZON - timedelta(hours=1))
    go(storage, Keeping(texts=20.0, rows=30.0, unfinished=30.0, logs=23.0))
    assert (count(storage, "event_texts"), count(storage, "executions")) == (0, 0)


def test_rows_go_by_the_time_of_the_round_in_whatever_turn(storage: Storage) -> None:
    """Otherwise those that become too old between two turns would go before their texts."""
    keeping, later = Keeping(texts=30.0, rows=30.0, unfinished=30.0, logs=30.0), NOW + timedelta(hours=2)
    execution(storage, HORIZON + timedelta(hours=1))
    assert go(storage, keeping, is_over=iter([False, False, True]).__next__).ended_at is None
    second = Maintenance(storage, keeping, clock=lambda: later)
    assert second.turn().ended_at is not None
    assert (count(storage, "event_texts"), count(storage, "executions")) == (3, 1)
    is_gone = storage.engine.dialect.name == "sqlite"
    assert second.turn().went.get("executions") == (1 if is_gone else None)
    assert (count(storage, "event_texts") == 0) is is_gone


def test_a_stopped_round_goes_on_where_it_was(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholes, "_ROOTS_AT_ONCE", 1)
    for place in range(3):
        execution(storage, OLD + timedelta(minutes=place), f"exec_{place}")
    task(storage, OLD)
    hold(storage, "exec_0")
    turns = 0
    while (
        done := go(storage, ALL._replace(texts=None), is_over=iter([False, False, True] * 99).__next__)
    ).ended_at is None:
        turns += 1
        assert last(storage) == done
        assert turns < 50
    assert turns > 2
    assert done.went["executions"] == 2
    assert (ids(storage, "executions"), count(storage, "tasks")) == ({"exec_0"}, 0)


def test_a_stopped_round_goes_on_inside_a_large_execution(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (wholes, large):
        monkeypatch.setattr(module, "SUBJECTS_AT_ONCE", 2)
    execution(storage, OLD)
    for place in range(6):
        task(storage, OLD, f"task_{place}", execution_id="exec_1")
    left = [6]
    while go(storage, Keeping(rows=30.0), is_over=iter([False, True] * 9).__next__).ended_at is None:
        left.append(count(storage, "tasks"))
        assert len(left) < 20
    assert left[-1] == count(storage, "executions") == 0
    assert {4, 2} <= set(left)


def test_a_stopped_round_goes_on_behind_what_is_held(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_ROWS_AT_ONCE", 1)
    for weeks in range(3):
        recorded(storage, OLD - timedelta(weeks=weeks), ("task.progressed", "task_1", {}))
    hold(storage, "task_1")
    turns = 1
    while go(storage, Keeping(texts=30.0), is_over=iter([False, False, True] * 9).__next__).ended_at is None:
        turns += 1
        assert turns < 9
    assert turns > 2
    assert count(storage, "event_texts") == 3


def test_a_stopped_round_goes_on_behind_dead_letters_that_stay(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closed, "_AT_ONCE", 1)
    record(storage, b"one", b"two", b"three")
    letters = [letter.id for letter in dead_letters(storage)]
    by_hand(storage, tables.dead_letters.update().values(first_seen=OLD))
    with storage.writing() as connection:
        DeadLetterRepository(connection).close(letters, DeadLetterStatus.DISCARDED)
        DeadLetterActionRepository(connection).add([deed(letter, YOUNG) for letter in letters])
    turns = 1
    while go(storage, Keeping(dead_letters=30.0), is_over=iter([False, True] * 9).__next__).ended_at is None:
        turns += 1
        assert turns < 9
    assert turns > 2
    assert count(storage, "dead_letters") == 3


def test_a_killed_round_is_done_again(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in range(3):
        execution(storage, OLD, f"exec_{place}")

    def killed(*_: object) -> bool:
        if count(storage, "executions") < 3:
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(wholes, "_ROOTS_AT_ONCE", 1)
    with pytest.raises(KeyboardInterrupt):
        go(storage, is_over=killed)
    assert count(storage, "executions") == 2
    assert last(storage) is None
    assert go(storage).went["executions"] == 2


def test_what_came_into_a_held_workspace_after_the_hold_is_held_as_well(storage: Storage) -> None:
    with storage.writing() as connection:
        held = holds.Hold(what="workspace", id="ws_1", why="audit", added_by="me", added_at=OLD)
        assert holds.HoldRepository(connection).add(held)
    recorded(storage, OLD, ("task.created", "task_1", {"workspace_id": "ws_1"}), ("task.completed", "task_1", {}))
    task(storage, OLD, "task_2")
    assert go(storage).went["tasks"] == 1
    assert ids(storage, "tasks") == {"task_1"}
    assert count(storage, "event_texts") == 2


def test_drains_go_and_their_sums_stay(storage: Storage) -> None:
    def drain(id_: str, ended: Any, recorded: int) -> DrainRecord:
        histogram = {"counts": {"0.005": recorded}, "sum": 0.5}
        return DrainRecord(
            id=id_, worker="w", started_at=ended, ended_at=ended, shards=[0], recorded=recorded, repeated=1, dead=2,
            why=None, measures={"latency_seconds": histogram},
        )  # fmt: skip

    with storage.writing() as connection:
        DrainRepository(connection).add([drain("1", OLD, 3), drain("2", OLD, 4), drain("3", YOUNG, 5)])
    counting = DrainTotals(storage)
    before = counting.look()
    assert go(storage).went == {"drains": 2}
    assert count(storage, "drains") == 1
    for totals in (counting, DrainTotals(storage)):
        assert totals.look() == before
    with storage.writing() as connection:
        DrainRepository(connection).add([drain("4", NOW, 6)])
    assert counting.look() == DrainTotals(storage).look()
    assert counting.look().entries["recorded"] == 18


def test_the_last_drain_stays_on_sqlite_for_its_number_would_be_given_again(sqlite_url: str) -> None:
    sqlite_storage = Storage(make_engine(settings_for(sqlite_url)))
    row = {"worker": "w", "started_at": OLD, "ended_at": OLD, "shards": [], "repeated": 0, "dead": 0, "measures": {}}
    by_hand(sqlite_storage, *(insert(tables.drains).values(id=id_, recorded=1, **row) for id_ in "123"))
    counting = DrainTotals(sqlite_storage)
    assert counting.look().entries["recorded"] == 3
    assert go(sqlite_storage).went == {"drains": 2}
    by_hand(sqlite_storage, insert(tables.drains).values(id="4", recorded=1, **row))
    assert counting.look().entries["recorded"] == 4
    sqlite_storage.close()


def test_closed_dead_letters_go_by_the_last_action_and_stay_counted(storage: Storage) -> None:
    record(storage, b"one", b"two", b"three", b"four")
    one, two, three, _four = (letter.id for letter in dead_letters(storage))
    seen = {"first_seen": OLD - timedelta(days=1)}
    by_hand(storage, tables.dead_letters.update().values(**seen))

    with storage.writing() as connection:
        letters = DeadLetterRepository(connection)
        letters.close([one, two], DeadLetterStatus.DISCARDED)
        letters.close([three], DeadLetterStatus.REPLAYED)
        acts = [deed(one, OLD), deed(two, OLD), deed(two, HORIZON), deed(three, OLD), deed(three, OLD + timedelta(1))]
        DeadLetterActionRepository(connection).add(acts)
    assert go(storage).went == {"dead_letters": 2}
    assert {letter.entry_id for letter in dead_letters(storage)} == {"2-0", "4-0"}
    assert count(storage, "dead_letter_actions") == 2
    with storage.reading() as connection:
        counts = DeadLetterRepository(connection).counts()
    reason = dead_letters(storage)[0].reason
    assert counts == {(reason, "open"): 1, (reason, "discarded"): 1, (reason, "gone"): 2}


def test_sessions_that_ended_go(storage: Storage) -> None:
    def session(id_: str, **ends: Any) -> Any:
        row = {"user_id": "user_1", "token_hash": id_, "created_at": OLD, **ends}
        return insert(tables.sessions).values(id=id_, **row)

    by_hand(
        storage,
        session("expired", expires_at=OLD),
        session("revoked", expires_at=NOW, revoked_at=OLD),
        session("lately expired", expires_at=YOUNG),
        session("lately revoked", expires_at=NOW, revoked_at=YOUNG),
        session("valid", expires_at=NOW),
    )
    assert go(storage).went == {"sessions": 2}
    assert ids(storage, "sessions") == {"lately expired", "lately revoked", "valid"}


def test_names_go_last_in_the_round_after_their_horizon_was_moved(storage: Storage) -> None:
    task(storage, OLD)
    task(storage, YOUNG, "task_2")
    keeping = ALL._replace(names=30.0)
    assert "events" not in go(storage, keeping).went
    later = Maintenance(storage, keeping, clock=lambda: NOW + timedelta(days=1)).turn()
    assert later.went["events"] == 3
    assert count(storage, "events") == 3


def test_names_that_stay_do_not_keep_a_round_from_its_end(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    keeping = Keeping(names=30.0)
    for place in range(3):
        task(storage, OLD, f"task_{place}")
    go(storage, keeping)
    monkeypatch.setattr(steps, "_NAMES_AT_ONCE", 1)
    monkeypatch.setattr(steps, "_NAMES_SECONDS", 0.0)
    later = Maintenance(storage, keeping, clock=lambda: NOW + timedelta(days=1)).turn()
    assert later.ended_at is not None


def test_names_that_are_too_old_and_stay_for_now_are_told(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def after(minutes: int, days: float = 30.0) -> Round:
        clock = NOW + timedelta(minutes=minutes)
        return Maintenance(storage, ALL._replace(names=days), clock=lambda: clock).turn()

    task(storage, OLD - timedelta(days=3))
    task(storage, YOUNG, "task_2")
    assert after(0, days=300.0).waits == {}, "nothing is too old"
    words = "names go 10 minutes after a round has moved their horizon: they go in another one"
    assert after(11).waits == after(12).waits == {"names": words}
    monkeypatch.setattr(steps, "_NAMES_SECONDS", 0.0)
    assert after(22).waits == {"names": "to look at all of them takes longer than a round: they go in another one"}
    monkeypatch.undo()
    assert after(23).went == {"events": 3}
    assert after(24).waits == {}


def test_names_that_go_in_the_next_daily_round_do_not_wait(storage: Storage) -> None:
    task(storage, HORIZON - timedelta(days=1))
    assert go(storage, ALL._replace(names=30.0)).waits == {}


def test_the_first_round_says_that_names_stay(storage: Storage) -> None:
    task(storage, OLD - timedelta(days=3))
    task(storage, OLD - timedelta(days=3), "task_2", execution_id="none")
    hold(storage, "task_1")
    keeping = ALL._replace(names=30.0)
    assert [*go(storage, keeping).waits] == ["names"]
    hold(storage, "task_2")
    assert go(storage, keeping).waits == {}, "what is held may not go"
