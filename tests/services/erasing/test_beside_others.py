"""Erasing beside workers, and after it was killed; on PostgreSQL, with the rights that it has."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import text

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.services.erasing import eraser as erasing
from flowledger.services.erasing import journal
from flowledger.services.erasing.eraser import CannotErase, Eraser
from flowledger.services.erasing.inboxes import ErasedInboxes
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import raw
from tests.documented import grants_of
from tests.erasing.trial import trial
from tests.services.erasing.canaries import CANARY, found_in_redis, found_in_tables, run
from tests.services.erasing.conftest import Scene
from tests.services.test_rights import as_role
from tests.storage.recording import all_rows, count, record


@pytest.mark.leaves("ledger:inbox:sbx_1", "ledger:inbox:sbx_2")
def test_workers_go_on_while_it_erases_and_what_comes_late_is_not_kept(scene: Scene) -> None:
    """A sample of `python -m tests.erasing`."""
    found = trial(scene.settings, scene.storage, scene.client, executions=80, erased=10)
    assert found.is_well, found
    assert found.executions == 70


class Killed(BaseException):
    """As by kill -9: nothing that would clean up knows it."""


_PLACES = [
    (ErasedInboxes, "_take_out"), (erasing, "delete_some"), (journal, "clear"), (journal, "blank"),
    (erasing, "erase_points"), (erasing, "erase_letters"), (ErasureRepository, "finish"),
]  # fmt: skip


@pytest.mark.leaves("ledger:inbox:sbx_1", "ledger:inbox:sbx_2")
def test_it_goes_on_wherever_it_was_killed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.publish(*run("00", CANARY), *run("01", CANARY), *run("02", "kept"))
    scene.drain()
    eraser = Eraser(scene.settings, scene.storage, scene.client)
    eraser.begin(["exec_00", "exec_01"], why="asked for", by="jo")
    for where, name in _PLACES:
        with monkeypatch.context() as patch:
            patch.setattr(where, name, killed)
            with pytest.raises(Killed):
                eraser.go_on()
    eraser.go_on()
    assert found_in_tables(scene.storage) == found_in_redis(scene.client) == []
    assert [key for (key,) in all_rows(scene.storage)["executions"]] == ["exec_02"]
    assert verify(scene.storage).differences == 0


def killed(*_: Any, **__: Any) -> Any:
    raise Killed


def test_a_batch_that_is_being_recorded_is_waited_for(postgresql_storage: Storage, postgresql_eraser: Eraser) -> None:
    """The lock of a batch is taken here by hand, as by a worker that is stopped in the middle of one."""
    record(postgresql_storage, raw("task.created", subject="t", name=CANARY))
    waited, eraser = threading.Event(), postgresql_eraser
    with postgresql_storage.reading() as connection:
        connection.execute(text("SELECT pg_advisory_lock_shared(hashtextextended('ledger_erasures', 0))"))
        thread = threading.Thread(target=lambda: eraser.begin(["t"], why="w", by="jo", waits=lambda _: waited.set()))
        thread.start()
        assert waited.wait(30)
        assert record(postgresql_storage, raw("task.created", subject="other"), start=5).recorded == 1
        assert count(postgresql_storage, "erasures") == 0
        connection.execute(text("SELECT pg_advisory_unlock_all()"))
    thread.join(30)
    assert count(postgresql_storage, "erasures") == 1


def test_no_lock_is_left_after_a_batch_that_failed(postgresql_storage: Storage) -> None:
    record(postgresql_storage, raw("task.created", subject="t"))
    with postgresql_storage.engine.begin() as connection:
        connection.execute(text("ALTER TABLE tasks ADD CONSTRAINT no CHECK (id <> 'bad')"))
    assert record(postgresql_storage, raw("task.created", subject="bad"), start=3).dead == 1
    with postgresql_storage.reading() as connection:
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database"
        assert connection.execute(text(f"{held} WHERE datname = current_database())")).scalar_one() == 0


def test_who_may_not_erase_is_told_what_is_missing_and_nothing_begins(
    postgresql_url: str, postgresql_storage: Storage
) -> None:
    record(postgresql_storage, raw("task.created", subject="t"))
    with as_role(postgresql_url, grants_of("flowledger_worker"), "flowledger_worker") as worker:
        eraser = Eraser.__new__(Eraser)
        eraser._storage = worker
        with pytest.raises(CannotErase, match=r"DELETE on tasks.*UPDATE \(details\) on audit_logs.*nothing was erased"):
            eraser.begin(["t"], why="w", by="jo")
        with pytest.raises(DatabaseUnavailable, match="permission denied"), worker.writing() as connection:
            connection.execute(text("UPDATE erasures SET why = ''"))
    assert count(postgresql_storage, "erasures") == 0
