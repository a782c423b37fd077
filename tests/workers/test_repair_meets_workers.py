"""Workers that record while it is verified and repaired, also between what a repair reads and what it writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Table, delete, func, insert, text, update

from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.replay import plain
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import recompute, repair
from flowledger.workers.verify import verify
from tests.builders import raw
from tests.storage.recording import by_hand, count, differences, record, row
from tests.waiting import wait_until


class Intruder:
    """Records an event in a thread of its own, and waits until that is done, or waits for a lock."""

    def __init__(self, storage: Storage, event: bytes) -> None:
        self._storage = storage
        self._thread = threading.Thread(target=record, args=(storage, event), kwargs={"start": 100}, daemon=True)
        self.had_to_wait = False

    def intrude(self) -> None:
        if self._thread.ident is None:
            self._thread.start()
            wait_until(lambda: self._waits() or not self._thread.is_alive())
            self.had_to_wait = self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _waits(self) -> bool:
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = :l"
        )
        with self._storage.reading() as connection:
            return bool(connection.execute(waiting, {"l": "Lock"}).scalar_one())


Between = Callable[[Intruder], None]


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Lets the intruder in when the repair has read the journal, before it writes."""

    def install(intruder: Intruder) -> None:
        def read_all(*arguments: Any) -> Iterator[Any]:
            yield from recompute.recompute(*arguments)
            intruder.intrude()

        def remove(*arguments: Any) -> None:
            intruder.intrude()
            plain_remove(*arguments)

        plain_remove = plain.remove
        monkeypatch.setattr(repair, "recompute", read_all)
        monkeypatch.setattr(plain, "remove", remove)

    return install


@pytest.mark.parametrize("harm", ["changed", "deleted", "stray"])
@pytest.mark.parametrize(
    ("table", "wrong", "first", "last", "status"),
    [
        (tables.tasks, "failed", "task.created", "task.started", "running"),
        (tables.workspaces, "archived", "workspace.created", "workspace.archived", "archived"),
        (tables.sandboxes, "stopped", "sandbox.created", "sandbox.failed", "error"),
    ],
    ids=["task", "workspace", "sandbox"],
)
def test_an_event_that_comes_while_its_subject_is_mended_is_not_lost(
    postgresql_storage: Storage,
    between: Callable[[Intruder], None],
    harm: str,
    table: Table,
    wrong: str,
    first: str,
    last: str,
    status: str,
) -> None:
    record(postgresql_storage, raw(first, subject="1", id="a"))
    damage: dict[str, Any] = {
        "changed": update(table).values(status=wrong, status_key="zzz"),
        "deleted": delete(table),
        "stray": insert(table).values(id="2", created_at=func.current_timestamp(), status_key="zzz"),
    }
    by_hand(postgresql_storage, damage[harm])
    subject = "2" if harm == "stray" else "1"
    intruder = Intruder(postgresql_storage, raw(last, subject=subject, id="b"))
    between(intruder)
    assert verify(postgresql_storage, mend=True).is_well
    intruder.join()
    assert intruder.had_to_wait
    assert row(postgresql_storage, table.name, subject)["status"] == status
    assert differences(postgresql_storage) == []
    assert verify(postgresql_storage).first == []


def test_the_event_of_a_log_line_that_had_none_may_come_while_the_line_is_removed(
    postgresql_storage: Storage, between: Callable[[Intruder], None]
) -> None:
    record(postgresql_storage, raw("task.created", subject="t1"))
    line = {"source": "/tests", "event_id": "late", "task_id": "t1", "level": "info", "message": "wrong"}
    with postgresql_storage.engine.begin() as connection:
        connection.execute(
            insert(tables.task_logs).values(
                line | {"order_key": "", "recorded_at": now(), "time": func.current_timestamp()}
            )
        )
    intruder = Intruder(postgresql_storage, raw("task.logged", id="late", subject="t1", message="right"))
    between(intruder)
    assert verify(postgresql_storage, mend=True).is_well
    intruder.join()
    assert row(postgresql_storage, "task_logs", "/tests", "late")["message"] == "right"
    assert verify(postgresql_storage).first == []


def test_a_repair_gives_way_to_a_worker_that_has_written_what_it_wants_to_write(
    postgresql_storage: Storage, between: Callable[[Intruder], None]
) -> None:
    record(postgresql_storage, raw("node.started", subject="e1", node="n"))
    with postgresql_storage.engine.begin() as connection:
        connection.execute(delete(tables.execution_logs))
    intruder = Intruder(postgresql_storage, raw("node.completed", subject="e1", node="n", output=1))
    between(intruder)
    assert verify(postgresql_storage, mend=True).is_well
    intruder.join()
    assert intruder.had_to_wait
    assert row(postgresql_storage, "execution_logs", "e1", "n", 1, 1)["output"] == 1
    assert verify(postgresql_storage).first == []


@contextmanager
def recording(storage: Storage, subjects: int) -> Iterator[None]:
    """Two workers that record events of a few tasks, one after the other, as fast as they can."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def run(worker: int) -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                events = [
                    raw(type_, id=f"{worker}-{number}-{place}", subject=f"t{(number + place) % subjects}")
                    for place, type_ in enumerate(("task.started", "task.logged", "task.progressed", "task.completed"))
                ]
                record(storage, *events, start=number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(worker,), daemon=True) for worker in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert errors == []


def test_workers_may_record_while_it_verifies(storage: Storage) -> None:
    with recording(storage, subjects=50):
        events = wait_until(lambda: count(storage, "events"))
        for _ in range(5):
            report = verify(storage)
            assert report.first == []
            assert report.events > events, "each looks at a later moment"
            events = report.events


def test_workers_may_record_the_same_subjects_while_it_repairs(storage: Storage) -> None:
    """The damage is the worst there is: a key that no event can win against, so that nothing more is written there."""
    tasks, lines = tables.tasks, tables.task_logs
    with recording(storage, subjects=5):
        for turn in range(4):
            wrong = (
                update(tasks).where(tasks.c.id == f"t{turn % 5}").values(status="failed", status_key="zzz", name="x")
            )
            gone = delete(tasks).where(tasks.c.id == f"t{(turn + 1) % 5}")
            by_hand(storage, wrong, gone, delete(lines).where(lines.c.task_id == f"t{turn % 5}"))
            assert verify(storage, mend=True).is_well
    assert verify(storage).first == []
    assert differences(storage) == []
