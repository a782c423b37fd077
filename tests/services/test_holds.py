"""Holds are added and removed: what was held, what had gone, what goes again, and the audit line of each act."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from flowledger.domain.errors import InvalidArgument
from flowledger.domain.limits import Limits
from flowledger.domain.times import now
from flowledger.services.holds import Holds, Released, UnknownHold
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.retention import horizons
from flowledger.storage.retention.holds import Held
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.conftest import settings_for
from tests.services.test_rights import is_refused
from tests.services.test_vault import lines
from tests.storage.recording import by_hand, record, without_text
from tests.storage.test_audit import worker_url

__all__ = ["worker_url"]


@pytest.fixture
def holds(storage: Storage) -> Holds:
    record(
        storage,
        raw("execution.created", subject="ex_1", id="evt_a"),
        raw("execution.completed", subject="ex_1", id="evt_b"),
        raw("task.created", subject="t_1", execution_id="ex_1"),
        raw("task.created", subject="t_2"),
    )
    return Holds(storage)


def move(storage: Storage, horizon: datetime, *what: str) -> None:
    with storage.writing() as connection:
        for one in what:
            horizons.move(connection, one, horizon, at=horizon)


def test_a_hold_says_what_it_keeps(holds: Holds, storage: Storage) -> None:
    one, two = holds.add(Held.EXECUTION, ["ex_1", "ex_9", "ex_1"], why="case 7", by="ada")
    assert (one.is_new, one.is_recorded, one.subjects, one.texts_gone) == (True, True, 2, 0)
    assert (two.is_new, two.is_recorded, two.subjects, two.texts_gone) == (True, False, 1, 0)
    (again,) = holds.add(Held.EXECUTION, ["ex_1"], why="case 8", by="bob")
    assert (again.is_new, again.hold) == (False, one.hold)
    assert [(one.what, one.id, one.why, one.added_by) for one in holds.list().items] == [
        ("execution", "ex_1", "case 7", "ada"), ("execution", "ex_9", "case 7", "ada")
    ]  # fmt: skip
    assert lines(storage) == [
        ("hold.added", "execution/ex_1", None, {"by": "ada", "what": "execution", "id": "ex_1", "why": "case 7"}),
        ("hold.added", "execution/ex_9", None, {"by": "ada", "what": "execution", "id": "ex_9", "why": "case 7"}),
    ]


@pytest.mark.parametrize(("what", "id_"), [(Held.WORKSPACE, "ex_1"), (Held.EXECUTION, "t_2"), (Held.SUBJECT, "x")])
def test_an_id_of_something_else_is_not_taken_for_recorded(holds: Holds, what: Held, id_: str) -> None:
    (added,) = holds.add(what, [id_], why="case 7", by="ada")
    assert not added.is_recorded


def test_what_had_gone_before_is_counted(holds: Holds, storage: Storage) -> None:
    by_hand(storage, without_text("evt_a"))
    move(storage, now(), "texts")
    (added,) = holds.add(Held.SUBJECT, ["ex_1"], why="case 7", by="ada")
    assert added.texts_gone == 1


def test_the_end_of_a_hold_says_what_goes(holds: Holds, storage: Storage) -> None:
    by_hand(storage, without_text("evt_a"))
    holds.add(Held.EXECUTION, ["ex_1"], why="case 7", by="ada")
    holds.add(Held.SUBJECT, ["t_1", "t_2"], why="case 8", by="ada")
    move(storage, now(), "drains", "dead_letters", "sessions")  # by default: no hold keeps them
    assert holds.remove(Held.SUBJECT, ["t_2"], by="bob") == Released(subjects=1, texts=0, rows=0, goes=False)
    move(storage, now(), "texts", "rows")
    assert holds.remove(Held.EXECUTION, ["ex_1"], by="bob") == Released(subjects=1, texts=1, rows=1, goes=True)
    assert holds.remove(Held.SUBJECT, ["t_1"], by="bob") == Released(subjects=1, texts=1, rows=1, goes=True)
    assert holds.list().items == ()
    removed = {"by": "bob", "what": "subject", "id": "t_1", "why": "case 8"}
    assert lines(storage)[-1] == ("hold.removed", "subject/t_1", None, removed)


def test_what_had_events_after_the_horizon_does_not_go(holds: Holds, storage: Storage) -> None:
    move(storage, now() - timedelta(days=1), "texts", "rows")
    holds.add(Held.SUBJECT, ["t_2"], why="case 7", by="ada")
    assert holds.remove(Held.SUBJECT, ["t_2"], by="bob") == Released(subjects=1, texts=0, rows=0, goes=True)


def test_all_of_some_holds_end_or_none(holds: Holds) -> None:
    holds.add(Held.SUBJECT, ["t_2"], why="case 7", by="ada")
    for unknown in ("t_9", "a\0b", "\ud800", ""):
        with pytest.raises(UnknownHold, match="there is no hold of the subject"):
            holds.remove(Held.SUBJECT, ["t_2", unknown], by="bob")
    with pytest.raises(UnknownHold):
        holds.remove(Held.EXECUTION, ["t_2"], by="bob")
    assert len(holds.list().items) == 1


@pytest.mark.parametrize(
    ("id_", "why"), [("", "case 7"), (" ", "case 7"), ("a\0b", "case 7"), ("x", ""), ("x", " \n"), ("x", "\ud800")]
)
def test_a_hold_has_an_id_and_a_reason(holds: Holds, id_: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match="not white space"):
        holds.add(Held.SUBJECT, ["t_1", id_], why=why, by="ada")
    assert holds.list().items == ()


def test_an_id_that_can_never_be_recorded_cannot_be_held(storage: Storage) -> None:
    holds = Holds(storage, limits=Limits(max_id_bytes=64))
    for what in Held:
        words = f"{what} '.*' cannot be held: nothing of it is recorded, nor can be: the id has 65 bytes of UTF-8; the"
        with pytest.raises(InvalidArgument, match=rf"{words} limit is 64 \(LEDGER_MAX_ID_BYTES\); nothing is held"):
            holds.add(what, ["x", "x" * 63 + "é"], why="case 7", by="ada")
    for number in (1_015, 5_000):
        with pytest.raises(InvalidArgument, match="nor can be"):
            holds.add(Held.WORKSPACE, ["x" * number], why="case 7", by="ada")
    assert (holds.list().items, lines(storage)) == ((), [])
    assert holds.add(Held.SUBJECT, ["x" * 64], why="case 7", by="ada")[0].is_new


@pytest.mark.parametrize("what", Held)
def test_what_was_recorded_under_a_higher_limit_can_be_held(storage: Storage, what: Held) -> None:
    id_ = "x" * 100
    record(storage, raw("task.created", subject="t", execution_id=id_, workspace_id=id_))
    record(storage, raw("execution.created", subject=id_), start=9)
    assert Holds(storage, limits=Limits(max_id_bytes=64)).add(what, [id_], why="case 7", by="ada")[0].is_recorded


def test_a_worker_s_role_adds_holds_and_neither_changes_nor_ends_them(
    worker_url: str, postgresql_storage: Storage
) -> None:
    begun = {"subject": "u", "why": "asked for", "erased_by": "jo", "erased_at": now()}
    by_hand(postgresql_storage, tables.erasures.insert().values(begun))
    with Storage(make_engine(settings_for(worker_url))) as storage:
        Holds(storage).add(Held.SUBJECT, ["t_1"], why="case 7", by="ada")
        for statement in ("UPDATE holds SET id = 'x'", "DELETE FROM holds", "UPDATE held SET subject = 'x'"):
            assert is_refused(storage.engine, statement)
    assert len(Holds(postgresql_storage).list().items) == 1
