"""An act and its audit line in one transaction, on both databases (storage.recording)."""

from __future__ import annotations

import pytest

from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.events import AuditLogged, MessageSent, TaskCreated
from flowledger.storage.kinds.audit import AuditLogRepository
from flowledger.storage.recording import record
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import event
from tests.storage import recording

AT = "2026-01-31T12:00:00Z"


def line(subject: str = "x", id_: str | None = None) -> Envelope:
    return Envelope.of(AuditLogged(action="do", details={"n": 1}), source="/flowledger/tests", subject=subject, id=id_)


def record_and_roll_back(storage: Storage) -> None:
    with storage.engine.connect() as connection, connection.begin() as transaction:
        record(connection, line())
        transaction.rollback()


def test_an_event_is_recorded_with_the_act(storage: Storage) -> None:
    with storage.writing() as connection:
        assert record(connection, line("sécret"))
    assert recording.count(storage, "events") == 1
    with storage.reading() as connection:
        (found,) = AuditLogRepository(connection).newest(resource_id="sécret").items
    assert (found.action, found.details, found.success) == ("do", {"n": 1}, True)
    assert verify(storage).differences == 0
    assert recording.differences(storage) == []


def test_nothing_is_recorded_if_the_act_fails(storage: Storage) -> None:
    for _ in range(2):  # the second time the statement is prepared already
        record_and_roll_back(storage)
    assert recording.count(storage, "events") == recording.count(storage, "audit_logs") == 0


def test_the_same_event_is_recorded_once(storage: Storage) -> None:
    with storage.writing() as connection:
        assert record(connection, line(id_="1"))
        assert not record(connection, line(id_="1"))
    with storage.writing() as connection:
        assert not record(connection, line(id_="1"))
        assert record(connection, line(id_="2"))
    assert recording.count(storage, "audit_logs") == 2


def test_recorder_and_acts_share_connections(storage: Storage) -> None:
    """What one of them prepares, or rolls back, does not disturb the other."""
    record_and_roll_back(storage)
    for number in range(3):
        recording.record(storage, event("audit.logged", id=f"{number}"), event("task.created", id=f"t{number}"))
        with storage.writing() as connection:
            assert record(connection, line())
    assert recording.count(storage, "audit_logs") == 6
    assert recording.dead_letters(storage) == []
    assert verify(storage).differences == 0


def test_any_kind_of_event_can_be_recorded(storage: Storage) -> None:
    message = MessageSent(message_type="notification", from_sandbox_id="sb_1", to_sandbox_ids=["sb_2"], content=1)
    with storage.writing() as connection:
        assert record(connection, Envelope.of(TaskCreated(name="n"), source="/tests", subject="t1"))
        assert record(connection, Envelope.of(message, source="/sandboxes/sb_1", subject="sb_1/1"))
        other = MessageSent(message_type="notification", from_sandbox_id="sb_3", to_sandbox_ids=["sb_2"], content=1)
        assert not record(connection, Envelope.of(other, source="/sandboxes/sb_3", subject="sb_1/1"))
    assert recording.count(storage, "tasks") == recording.count(storage, "messages") == 1
    assert verify(storage).differences == 0


def test_a_subject_may_be_as_long_as_a_name(storage: Storage) -> None:
    with storage.writing() as connection:
        record(connection, line("𝄞" * 255))
    assert verify(storage).differences == 0


def test_a_failure_of_the_database_is_told_as_such(storage: Storage) -> None:
    with storage.writing() as connection:
        connection.exec_driver_sql("DROP TABLE audit_logs")
        with pytest.raises(DatabaseUnavailable, match="audit_logs"):
            record(connection, line())
