"""Rows as records: the same Python values from either database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from flowledger.domain.kinds.executions import Execution
from flowledger.domain.kinds.messages import Message
from flowledger.domain.kinds.sandboxes import Sandbox
from flowledger.domain.kinds.tasks import Task
from flowledger.domain.kinds.workspaces import Workspace
from flowledger.domain.records import RecordedEvent
from flowledger.storage.kinds.executions import ExecutionLogRepository, ExecutionRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.messages import DeliveryRepository, MessageRepository
from flowledger.storage.kinds.sandboxes import SandboxRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.kinds.workspaces import WorkspaceRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.paging import Page
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.entries import Entry
from tests.builders import ABSENT, raw
from tests.storage.recording import record, recorder, row

MOMENT: Final = datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)
VALUES: Final[list[Any]] = [
    None, True, False, 0, 1, -1, 2**63, 10**400, -(10**4299), 0.1, -1.5, 1e-300, 5e-324, "", "text",
    "é\U0001f600", "\x01", "\\u0000", [], {}, [None], {"b": 1, "a": {"": [True, 1, None]}},
]  # fmt: skip


def task(storage: Storage, id_: str = "task_1") -> Task:
    with storage.reading() as connection:
        found = TaskRepository(connection).get(id_)
    assert found is not None
    return found


@pytest.mark.parametrize("value", VALUES, ids=lambda value: ascii(value)[:30])
def test_a_json_value_comes_back_as_it_was(storage: Storage, value: Any) -> None:
    record(storage, raw("task.completed", output=value, usage={"in": value}))
    found = task(storage)
    assert (found.output, type(found.output), found.usage) == (value, type(value), {"in": value})


@pytest.mark.parametrize("literal", ["1e400", "-2.5e1000", "1e5000", "1e131071", "1e-400", "1e-16383"])
def test_a_number_that_no_double_holds_comes_back_as_it_was(storage: Storage, literal: str) -> None:
    record(storage, raw("task.completed", output="here").replace(b'"here"', f"[{literal}]".encode()))
    output = task(storage).output
    assert [Decimal(number) for number in output] == [Decimal(literal)]


@pytest.mark.parametrize(
    "text", ["", "a", "é\U0001f600\uffff", "\x01\x7f\x85", "%s %(x)s", "'; DROP TABLE tasks; --", "\\x00"]
)
def test_a_text_comes_back_as_it_was(storage: Storage, text: str) -> None:
    record(storage, raw("task.cancelled", reason=text), raw("task.created", name=text, kind=text))
    found = task(storage)
    assert (found.reason, found.name, found.kind) == (text, text, text)


@pytest.mark.parametrize("id_", ["x" * 512, "é" * 256, "\x01", "%s", "'", "\\", " "])
def test_an_id_of_any_text_finds_its_row(storage: Storage, id_: str) -> None:
    record(storage, raw("task.created", subject=id_, id=id_, source=id_))
    assert task(storage, id_).id == id_
    with storage.reading() as connection:
        assert JournalRepository(connection).get(id_, id_) is not None


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-31T12:00:00.123456Z", MOMENT),
        ("2026-01-31T12:00:00.1234569Z", MOMENT),
        ("2026-01-31T05:30:00.123456-06:30", MOMENT),
        ("2026-01-31T12:00:00Z", MOMENT.replace(microsecond=0)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_a_time_comes_back_in_utc_to_the_microsecond(storage: Storage, written: str, moment: datetime) -> None:
    record(
        storage, raw("task.created", time=written), raw("task.started", time=written), raw("task.failed", time=written)
    )
    found = task(storage)
    for time in (found.created_at, found.started_at, found.finished_at):
        assert time is not None
        assert (time, time.utcoffset()) == (moment, timedelta(0))


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, -(2**63)])
def test_numbers_of_64_bits_come_back(storage: Storage, number: int) -> None:
    record(storage, raw("task.created", priority=number), raw("execution.checkpointed", iterations=number))
    assert task(storage).priority == number
    assert row(storage, "executions", "exec_1")["iterations"] == number


@pytest.mark.parametrize("progress", [0, 1, 0.1, 1e-300, 1 / 3])
def test_progress_comes_back_exactly(storage: Storage, progress: float) -> None:
    record(storage, raw("task.progressed", progress=progress))
    found = task(storage).progress
    assert (found, type(found)) == (progress, float)


def test_an_error_comes_back_with_all_its_parts(storage: Storage) -> None:
    error = {"message": "m", "type": "T", "traceback": "t\n", "code": 7, "more": {"a": None}}
    record(storage, raw("execution.failed", error=error, final_state={"s": [1]}))
    with storage.reading() as connection:
        found = ExecutionRepository(connection).get("exec_1")
    assert isinstance(found, Execution)
    assert (found.error, found.final_state) == (error, {"s": [1]})


def test_the_journal_has_the_event_exactly_as_it_came(storage: Storage) -> None:
    body = raw("task.completed", id="1", output="\x00\ud800", time="2026-01-31T14:00:00.1234569+02:00").replace(
        b": ", b" :\t"
    )
    recorder(storage, shard=5).record([Entry("1-0", [b"event", body])])
    with storage.reading() as connection:
        found = JournalRepository(connection).get("/tests", "1")
    assert isinstance(found, RecordedEvent)
    assert (found.raw or "").encode() == body
    assert (found.type, found.subject, found.partition, found.sequence) == ("task.completed", "task_1", 5, None)
    assert found.time == MOMENT
    assert abs(found.recorded_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_message_comes_back_with_all_it_says(storage: Storage) -> None:
    record(storage, raw("message.sent", time="2026-01-31T12:00:00.123456Z", from_sandbox_id="a", content=[1, None],
                        message_type="command", workspace_id="ws", thread_id="th", in_reply_to="m0", execution_id="e",
                        task_id="t", expires_at="2026-01-31T14:00:00.123456+02:00", priority=-3))  # fmt: skip
    with storage.reading() as connection:
        assert MessageRepository(connection).get("msg_1") == Message(
            id="msg_1",
            from_sandbox_id="a",
            workspace_id="ws",
            message_type="command",
            content=[1, None],
            thread_id="th",
            in_reply_to="m0",
            execution_id="e",
            task_id="t",
            priority=-3,
            expires_at=MOMENT,
            created_at=MOMENT,
        )


def test_a_workspace_comes_back_with_all_it_says(storage: Storage) -> None:
    moment = "2026-01-31T12:00:00.123456Z"
    record(
        storage,
        raw("workspace.created", time=moment, name="n", description="d", user_id="u", settings={"a": [1, None]}),
        raw("workspace.archived", time=moment, id="~", reason="done"),
    )
    with storage.reading() as connection:
        assert WorkspaceRepository(connection).get("ws_1") == Workspace(
            id="ws_1",
            status="archived",
            name="n",
            description="d",
            user_id="u",
            settings={"a": [1, None]},
            reason="done",
            created_at=MOMENT,
            archived_at=MOMENT,
        )


def test_a_sandbox_comes_back_with_all_it_says(storage: Storage) -> None:
    """What is known in its objects is checked, and stands there as it was said, with what is not known."""
    said: dict[str, Any] = {
        "agent_config": {"model": "m", "temperature": 0.5, "tools": ["t", {"a": None}], "more": 10**400},
        "resource_limits": {"cpu": 2, "memory_bytes": 2**63 - 1, "gpu": {"kind": "none"}},
        "connection": {"host": "h", "port": 80, "url": None, "path": "/"},
    }
    health = {"status": "well", "checked_at": "2026-01-31T14:00:00.1234569+02:00", "more": [1]}
    names: dict[str, Any] = {
        "workspace_id": "w",
        "name": "n",
        "description": "d",
        "agent_id": "a",
        "user_id": "u",
        "container_id": "c",
    }
    moment = "2026-01-31T12:00:00.123456Z"
    record(
        storage,
        raw("sandbox.created", time=moment, health=health, **said, **names),
        raw("sandbox.started", time=moment),
        raw("sandbox.failed", time=moment, id="~", error={"message": "m", "code": 7}),
    )
    with storage.reading() as connection:
        assert SandboxRepository(connection).get("sb_1") == Sandbox(
            id="sb_1",
            status="error",
            **names,
            **said,
            health=health | {"checked_at": "2026-01-31T12:00:00.123456Z"},
            error={"message": "m", "code": 7},
            reason=None,
            created_at=MOMENT,
            started_at=MOMENT,
            status_at=MOMENT,
        )


def test_what_is_not_there_is_none(storage: Storage) -> None:
    with storage.reading() as connection:
        found: list[object] = [
            TaskRepository(connection).get("x"),
            ExecutionRepository(connection).get("x"),
            MessageRepository(connection).get("x"),
            WorkspaceRepository(connection).get("x"),
            SandboxRepository(connection).get("x"),
            DeadLetterRepository(connection).get("x"),
            JournalRepository(connection).get("x", "x"),
        ]
        lists: list[Page[Any]] = [
            TaskRepository(connection).of_execution("x"),
            TaskLogRepository(connection).of_task("x"),
            ExecutionLogRepository(connection).of_node("x", "y"),
            DeliveryRepository(connection).of_message("x"),
            WorkspaceRepository(connection).newest(user_id="x"),
            SandboxRepository(connection).of_workspace("x"),
        ]
    assert found == [None] * len(found)
    assert [(page.items, page.cursor) for page in lists] == [((), None)] * len(lists)


def test_the_number_of_rows_is_told(storage: Storage) -> None:
    record(
        storage, raw("task.logged", subject="t1"), raw("task.logged", subject="t1"), raw("task.logged", subject="t2")
    )
    with storage.reading() as connection:
        assert (TaskRepository(connection).count(), TaskLogRepository(connection).count()) == (2, 3)


TWO_SECONDS_LATER: Final = (MOMENT + timedelta(seconds=2)).isoformat()


@pytest.mark.parametrize(
    ("began", "ended", "took"),
    [
        (MOMENT.isoformat(), TWO_SECONDS_LATER, 2.0),
        (MOMENT.isoformat(), MOMENT.isoformat(), 0.0),
        (TWO_SECONDS_LATER, MOMENT.isoformat(), None),
        (ABSENT, TWO_SECONDS_LATER, None),
        (MOMENT.isoformat(), ABSENT, None),
        (ABSENT, ABSENT, None),
    ],
)
def test_how_long_it_took_is_known_from_two_times_alone(
    storage: Storage, began: Any, ended: Any, took: float | None
) -> None:
    for kind, data in (("task", {}), ("execution", {}), ("node", {"node": "n"})):
        record(
            storage,
            raw(f"{kind}.started", subject="s", time=began, attributes={"sequence": 7}, **data),
            raw(f"{kind}.completed", subject="s", time=ended, attributes={"sequence": "a\x01"}, **data),
        )
    with storage.reading() as connection:
        task, execution = TaskRepository(connection).get("s"), ExecutionRepository(connection).get("s")
        (node,) = ExecutionLogRepository(connection).of_execution("s").items
    assert task is not None
    assert execution is not None
    assert [one.took_seconds for one in (task, execution, node)] == [took] * 3


def test_what_has_not_ended_took_no_time_yet(storage: Storage) -> None:
    record(storage, raw("task.started"))
    assert task(storage).took_seconds is None
