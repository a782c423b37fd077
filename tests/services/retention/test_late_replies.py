"""Rounds while PostgreSQL does not reply in time: what takes too long waits, and the rest goes."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg2 import extensions
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.keeping import Keeping
from flowledger.services.retention.rounds import Maintenance
from flowledger.storage import tables
from flowledger.storage.engines.patience import AnswerTimeout, wait_at_most
from flowledger.storage.retention import ages, wholes
from flowledger.storage.unit_of_work import Storage
from tests.services.retention.recording import NOW, OLD, task
from tests.storage.recording import by_hand, record


def late_reply() -> DatabaseUnavailable:
    """The error of a statement that took longer than a worker waits."""
    cause = OperationalError("SELECT", {}, AnswerTimeout("PostgreSQL has not answered within 30 s"))
    error = DatabaseUnavailable(str(cause.orig))
    error.__cause__ = cause
    return error


def test_a_step_that_takes_too_long_does_not_keep_others_from_going(
    postgresql_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = postgresql_storage
    monkeypatch.setattr(wholes, "_ROOTS_AT_ONCE", 1)
    task(storage, OLD, "task_1")
    task(storage, OLD, "task_2")
    record(storage, b"one")
    by_hand(storage, tables.dead_letters.update().values(first_seen=OLD, status="discarded"))
    look_at = ages.look_at

    def slow(connection: Any, parts: Any, horizons: Any) -> Any:
        if any(one.id == "task_2" for one in parts):
            connection.execute(text("SELECT pg_sleep(9)"))
        return look_at(connection, parts, horizons)

    monkeypatch.setattr(wholes, "look_at", slow)
    wait_at_most(1, 5)
    try:
        done = Maintenance(storage, Keeping(rows=30.0, dead_letters=30.0), clock=lambda: NOW).turn()
    finally:
        extensions.set_wait_callback(None)
    assert done.waits == {"tasks": "PostgreSQL has not answered within 1 s: `flowledger maintain` waits for longer"}
    assert (done.went["tasks"], done.went["dead_letters"], done.ended_at) == (1, 1, NOW)


def test_a_round_ends_if_the_database_does_not_reply_at_all(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_reply(*_: Any) -> Any:
        monkeypatch.setattr(Storage, "reading", no_reply)
        raise late_reply()

    task(storage, OLD)
    monkeypatch.setattr(wholes, "look_at", no_reply)
    with pytest.raises(DatabaseUnavailable):
        Maintenance(storage, Keeping(rows=30.0)).turn()
