"""Holds: what follows from them, and how who adds one and who deletes wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select

from flowledger.storage.retention import holds
from flowledger.storage.retention.holds import HELD, Held, Hold, HoldRepository, held_by, lock_held, lock_holds, refresh
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.storage.recording import record

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

IN_WORKSPACE = {"ws_1", "sb_1", "agent_1", "ex_1", "t_1", "t_2", "m_1", "m_2", "m_3", "t_alone", "m_alone"}
"""The workspace, what names it, and the tasks and messages of these, which name none."""


@pytest.fixture
def recorded(storage: Storage) -> Storage:
    """A workspace with something of everything, and beside it the same in small."""
    record(
        storage,
        raw("workspace.created", subject="ws_1"),
        raw("sandbox.created", subject="sb_1", workspace_id="ws_1"),
        raw("agent.created", subject="agent_1", workspace_id="ws_1"),
        raw("execution.created", subject="ex_1", workspace_id="ws_1"),
        raw("task.created", subject="t_1", execution_id="ex_1"),
        raw("task.created", subject="t_2", execution_id="ex_1", workspace_id="ws_other"),
        raw("message.sent", subject="m_1", execution_id="ex_1"),
        raw("message.sent", subject="m_2", task_id="t_1"),
        raw("message.sent", subject="m_3", workspace_id="ws_1", execution_id="ex_other"),
        raw("task.created", subject="t_alone", workspace_id="ws_1"),
        raw("message.sent", subject="m_alone", task_id="t_alone"),
        raw("execution.created", subject="ex_2", workspace_id="ws_2"),
        raw("task.created", subject="t_3", execution_id="ex_2"),
        raw("message.sent", subject="m_4", task_id="t_3"),
        raw("message.sent", subject="m_5", task_id="t_1", execution_id="ex_2"),
        raw("user.created", subject="usr_1"),
    )
    return storage


def hold(what: Held, id_: str) -> Hold:
    return Hold(what=what, id=id_, why="case 7", added_by="ada", added_at=AT)


def hold_all(storage: Storage, *asked: tuple[Held, str]) -> None:
    with storage.writing() as connection:
        for what, id_ in asked:
            HoldRepository(connection).add(hold(what, id_))
        refresh(connection)


def held(storage: Storage) -> set[str]:
    with storage.reading() as connection:
        return set(connection.execute(select(HELD.c.subject)).scalars())


@pytest.mark.parametrize(
    ("what", "id_", "kept"),
    [
        (Held.WORKSPACE, "ws_1", IN_WORKSPACE),
        (Held.EXECUTION, "ex_1", {"ex_1", "t_1", "t_2", "m_1", "m_2"}),
        (Held.EXECUTION, "ex_2", {"ex_2", "t_3", "m_4", "m_5"}),
        (Held.SUBJECT, "t_1", {"t_1", "m_2"}),
        (Held.SUBJECT, "ex_2", {"ex_2", "t_3", "m_4", "m_5"}),
        (Held.SUBJECT, "usr_1", {"usr_1"}),
        (Held.SUBJECT, "ws_1", {"ws_1"}),
        (Held.EXECUTION, "not yet", {"not yet"}),
    ],
)
def test_what_belongs_to_it_is_held_with_it(recorded: Storage, what: Held, id_: str, kept: set[str]) -> None:
    hold_all(recorded, (what, id_))
    assert held(recorded) == kept


def test_what_comes_later_is_held_and_what_no_hold_keeps_is_not(recorded: Storage) -> None:
    hold_all(recorded, (Held.EXECUTION, "ex_2"), (Held.WORKSPACE, "ws_2"), (Held.SUBJECT, "t_1"))
    record(
        recorded,
        raw("task.created", subject="t_new", execution_id="ex_2"),
        raw("execution.created", subject="ex_new", workspace_id="ws_2"),
        start=100,
    )
    hold_all(recorded)
    assert held(recorded) == {"ws_2", "ex_2", "t_3", "m_4", "m_5", "t_new", "ex_new", "t_1", "m_2"}

    with recorded.writing() as connection:
        assert HoldRepository(connection).remove(Held.WORKSPACE, "ws_2")
        assert not HoldRepository(connection).remove(Held.WORKSPACE, "ws_2")
        refresh(connection)
    assert held(recorded) == {"ex_2", "t_3", "m_4", "m_5", "t_new", "t_1", "m_2"}


def test_a_hold_that_stands_stays_as_it_was(storage: Storage) -> None:
    with storage.writing() as connection:
        repository = HoldRepository(connection)
        first = hold(Held.SUBJECT, "x")
        assert repository.add(first)
        assert not repository.add(Hold(what="subject", id="x", why="another", added_by="bob", added_at=AT))
        assert repository.get(Held.SUBJECT, "x") == first
        assert repository.get(Held.WORKSPACE, "x") is None
        page = repository.oldest(limit=1)
        assert (page.items, page.cursor) == ((first,), None)


@pytest.mark.parametrize("subject", sorted(IN_WORKSPACE))
def test_whoever_erases_is_told_the_hold_of_a_workspace(recorded: Storage, subject: str) -> None:
    hold_all(recorded, (Held.WORKSPACE, "ws_1"))
    with recorded.reading() as connection:
        assert held_by(connection, ["usr_1", subject]) == [hold(Held.WORKSPACE, "ws_1")]


def test_whoever_erases_is_told_all_holds_and_no_others(recorded: Storage) -> None:
    hold_all(recorded, (Held.SUBJECT, "t_3"), (Held.EXECUTION, "ex_2"), (Held.SUBJECT, "m_1"), (Held.WORKSPACE, "ws_9"))
    with recorded.reading() as connection:
        assert held_by(connection, ["m_4"]) == [hold(Held.EXECUTION, "ex_2"), hold(Held.SUBJECT, "t_3")]
        assert held_by(connection, select(HELD.c.subject).where(HELD.c.subject == "m_1")) == [hold(Held.SUBJECT, "m_1")]
        assert held_by(connection, ["ex_1", "t_1", "m_2", "ws_1", "usr_1", "nobody"]) == []
        assert held_by(connection, []) == []


@contextmanager
def _beside(storage: Storage, act: object) -> Iterator[threading.Thread]:
    """Do something in a transaction of another thread."""

    def run() -> None:
        with storage.writing() as connection:
            act(connection)  # type: ignore[operator]

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield thread
    thread.join(10)
    assert not thread.is_alive()


def test_who_deletes_waits_for_a_hold_and_then_sees_it(storage: Storage) -> None:
    seen: list[list[str]] = []

    def look(connection: object) -> None:
        lock_held(connection)  # type: ignore[arg-type]
        seen.append(list(connection.execute(select(HELD.c.subject)).scalars()))  # type: ignore[attr-defined]

    with storage.writing() as connection:
        lock_holds(connection)
        with _beside(storage, look) as thread:
            HoldRepository(connection).add(hold(Held.SUBJECT, "x"))
            refresh(connection)
            thread.join(0.1)
            assert not seen
            connection.commit()
    assert seen == [["x"]]


def test_a_hold_waits_for_those_who_delete_and_these_not_for_each_other(postgresql_storage: Storage) -> None:
    storage = postgresql_storage
    with storage.writing() as one, storage.writing() as other:
        lock_held(one)
        lock_held(other)
        one.execute(insert(HELD).values(subject="gone with it"))
        with _beside(storage, refresh) as thread:
            thread.join(0.1)
            assert thread.is_alive()
            one.commit()
            other.commit()
    assert held(storage) == set()


def test_no_table_is_read_whole_for_a_hold(postgresql_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workspaces are constants: PostgreSQL has no statistics of the table `holds`, and would guess."""
    with postgresql_storage.writing() as connection:
        HoldRepository(connection).add(hold(Held.WORKSPACE, "ws_1"))
        text = str(holds.following(connection).compile(connection, compile_kwargs={"literal_binds": True}))
    assert "workspace_id IN ('ws_1')" in text
