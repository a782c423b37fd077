"""Lists: by cursor and by offset the same rows, in the order that is promised, each row once."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from itertools import product
from typing import Any, Final, NamedTuple

import pytest
from sqlalchemy import Connection

from flowledger.domain.kinds.sandboxes import SandboxStatus
from flowledger.domain.kinds.workspaces import WorkspaceStatus
from flowledger.domain.statuses import Status
from flowledger.storage.kinds.executions import ExecutionLogRepository, ExecutionRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.messages import DeliveryRepository, MessageRepository
from flowledger.storage.kinds.sandboxes import SandboxRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.kinds.workspaces import WorkspaceRepository
from flowledger.storage.ledger.dead_letters import ALL, DeadLetterRepository
from flowledger.storage.paging import BadCursor, Page
from flowledger.storage.unit_of_work import Storage
from tests.builders import entries, raw
from tests.storage.recording import record, recorder

IDS: Final = ("z", "B", "a", "é", "\U0001f600", "\ue000", "\x01", "a1", "~", "0")
TIMES: Final = ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000001Z", "2026-01-31T14:00:00+02:00")


class Read(NamedTuple):
    """A list: how it is asked for, what orders it, and how many rows `ledger` has for it."""

    ask: Callable[[Connection], Callable[..., Page[Any]]]
    order: Callable[[Any], Any]
    rows: int
    descending: bool = False


def _with(method: Callable[..., Page[Any]], **filters: Any) -> Callable[..., Page[Any]]:
    return lambda **paging: method(**filters, **paging)


def _of(method: Callable[..., Page[Any]], *key: str) -> Callable[..., Page[Any]]:
    return lambda **paging: method(*key, **paging)


def _created(row: Any) -> Any:
    return row.created_at, row.id


READS: Final = {
    "executions": Read(lambda c: ExecutionRepository(c).newest, _created, 10, descending=True),
    "executions of a workflow": Read(
        lambda c: _with(ExecutionRepository(c).newest, workflow_id="wf"), _created, 5, descending=True
    ),
    "executions in a status": Read(
        lambda c: _with(ExecutionRepository(c).newest, status=Status.PENDING), _created, 9, descending=True
    ),
    "node runs": Read(
        lambda c: _of(ExecutionLogRepository(c).of_execution, "a"), lambda r: (r.iteration, r.attempt, r.node), 18
    ),
    "runs of a node": Read(
        lambda c: _of(ExecutionLogRepository(c).of_node, "a", "é"), lambda r: (r.iteration, r.attempt), 6
    ),
    "tasks": Read(lambda c: TaskRepository(c).newest, _created, 10, descending=True),
    "tasks in a status": Read(
        lambda c: _with(TaskRepository(c).newest, status=Status.PENDING), _created, 10, descending=True
    ),
    "tasks of an execution": Read(lambda c: _of(TaskRepository(c).of_execution, "a"), _created, 5),
    "log of a task": Read(
        lambda c: _of(TaskLogRepository(c).of_task, "a"), lambda r: (r.time, int(r.sequence or -1), r.event_id), 12
    ),
    "log of an execution": Read(
        lambda c: _of(TaskLogRepository(c).of_execution, "a"), lambda r: (r.time, int(r.sequence or -1), r.event_id), 12
    ),
    "messages of a sandbox": Read(lambda c: _of(MessageRepository(c).of_sandbox, "sb_1"), _created, 10),
    "messages of a sandbox that only receives": Read(lambda c: _of(MessageRepository(c).of_sandbox, "é"), _created, 5),
    "messages of a workspace": Read(lambda c: _of(MessageRepository(c).of_workspace, "ws"), _created, 5),
    "messages of a thread": Read(lambda c: _of(MessageRepository(c).of_thread, "th"), _created, 5),
    "deliveries": Read(lambda c: _of(DeliveryRepository(c).of_message, "z"), lambda r: r.to_sandbox_id, 10),
    "workspaces": Read(lambda c: WorkspaceRepository(c).newest, _created, 10, descending=True),
    "workspaces in a status": Read(
        lambda c: _with(WorkspaceRepository(c).newest, status=WorkspaceStatus.ARCHIVED), _created, 5, descending=True
    ),
    "workspaces of a user": Read(
        lambda c: _with(WorkspaceRepository(c).newest, user_id="usr"), _created, 5, descending=True
    ),
    "sandboxes": Read(lambda c: SandboxRepository(c).newest, _created, 10, descending=True),
    "sandboxes in a status": Read(
        lambda c: _with(SandboxRepository(c).newest, status=SandboxStatus.RUNNING), _created, 5, descending=True
    ),
    "sandboxes of a workspace": Read(
        lambda c: _of(SandboxRepository(c).of_workspace, "ws"), _created, 5, descending=True
    ),
    "dead letters": Read(lambda c: _with(DeadLetterRepository(c).oldest, only=ALL), lambda r: (r.first_seen, r.id), 8),
    "open dead letters": Read(lambda c: DeadLetterRepository(c).oldest, lambda r: (r.first_seen, r.id), 8),
    "listed dead letters": Read(lambda c: DeadLetterRepository(c).listed, lambda r: (r.first_seen, r.id), 8),
}


@pytest.fixture(scope="module")
def ledger(common_storage: Storage) -> Storage:
    """Some rows of everything, many of them of one moment, the ids in no order; for tests that only read them."""
    fill(common_storage)
    return common_storage


def fill(storage: Storage) -> None:
    events = []
    for place, id_ in enumerate(IDS):
        shared: dict[str, Any] = {"subject": id_, "time": TIMES[place % 3]}
        some = place % 2 == 0
        events += [
            raw("execution.created", workflow_id="wf" if some else None, **shared),
            raw("task.created", execution_id="a" if some else None, **shared),
            raw(
                "message.sent",
                from_sandbox_id="sb_1",
                to_sandbox_ids=list(IDS) if some else ["sb_2"],
                workspace_id="ws" if some else None,
                thread_id="th" if some else None,
                **shared,
            ),
            raw("workspace.created", user_id="usr" if some else None, **shared),
            raw("sandbox.created", workspace_id="ws" if some else None, **shared),
        ]
        if not some:
            later: dict[str, Any] = {"subject": id_, "time": "2026-02-01T00:00:00Z"}
            events += [raw("workspace.archived", **later), raw("sandbox.started", **later)]
    events.append(raw("execution.started", subject="z"))
    for node, iteration, attempt in product(("n", "é", "N"), (3, 1, 2), (2, 1)):
        events.append(raw("node.started", subject="a", node=node, iteration=iteration, attempt=attempt))
    for sequence, time, type_ in product((None, "10", "9", "2"), TIMES, ("task.logged", "execution.logged")):
        events.append(raw(type_, subject="a", time=time, attributes={"sequence": sequence}))
    record(storage, *events)
    for batch in range(2):
        recorder(storage, shard=batch).record(entries([b"not json"] * 4))


def by_cursor(ask: Callable[..., Page[Any]], limit: int) -> list[Any]:
    """All rows, page after page."""
    page = ask(limit=limit)
    found = list(page.items)
    while page.cursor is not None:
        page = ask(limit=limit, after=page.cursor)
        assert page.items
        found += page.items
    return found


def by_offset(ask: Callable[..., Page[Any]], limit: int) -> list[Any]:
    found: list[Any] = []
    while page := ask(limit=limit, offset=len(found)).items:
        found += page
    return found


@pytest.mark.parametrize("name", READS)
def test_a_list_is_whole_and_in_order(ledger: Storage, name: str) -> None:
    read = READS[name]
    with ledger.reading() as connection:
        page = read.ask(connection)(limit=1000)
    keys = [read.order(row) for row in page.items]
    assert keys == sorted(keys, reverse=read.descending)
    assert (len(set(keys)), page.cursor) == (read.rows, None)


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("limit", [1, 3, 5])
def test_pages_by_cursor_and_by_offset_are_the_list(ledger: Storage, name: str, limit: int) -> None:
    with ledger.reading() as connection:
        ask = READS[name].ask(connection)
        whole = list(ask(limit=1000).items)
        assert by_cursor(ask, limit) == whole
        assert by_offset(ask, limit) == whole


@pytest.mark.parametrize("name", READS)
def test_a_page_that_ends_with_the_list_has_no_cursor(ledger: Storage, name: str) -> None:
    with ledger.reading() as connection:
        ask = READS[name].ask(connection)
        assert ask(limit=READS[name].rows).cursor is None
        assert ask(limit=READS[name].rows - 1).cursor is not None


def test_pages_by_cursor_stay_whole_while_rows_come_in(storage: Storage) -> None:
    fill(storage)
    with storage.reading() as connection:
        before = [row.id for row in by_cursor(ExecutionRepository(connection).newest, 100)]
        first = ExecutionRepository(connection).newest(limit=4)
    record(storage, raw("execution.created", subject="new", time="2027-01-01T00:00:00Z"), start=9000)
    with storage.reading() as connection:
        rest = ExecutionRepository(connection).newest(limit=100, after=first.cursor)
    assert [row.id for row in (*first.items, *rest.items)] == before


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "not a cursor",
        "é",
        "AAAA",
        encoded([]),
        encoded(["one"]),
        encoded([{"time": "2026-01-31T12:00:00+00:00"}, "id", "more"]),
        encoded([{"time": "yesterday"}, "id"]),
        encoded([{"when": "2026-01-31T12:00:00+00:00"}, "id"]),
        encoded([{"time": 5}, "id"]),
        encoded(["2026", "id"]),
        encoded([1, 2]),
        encoded([{"time": "2026-01-31T12:00:00+00:00"}, 5]),
        encoded([{"time": "2026-01-31T12:00:00"}, "id"]),
        encoded([{"time": "2026-01-31T12:00:00+00:00"}, "\x00"]),
        encoded({"time": "2026-01-31T12:00:00+00:00"}),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
    ids=lambda cursor: cursor[:20],
)
def test_a_cursor_that_no_page_gave_is_refused_as_such(ledger: Storage, cursor: str) -> None:
    with ledger.reading() as connection, pytest.raises(BadCursor):
        ExecutionRepository(connection).newest(after=cursor)


def test_the_cursor_of_another_list_is_refused_as_such(ledger: Storage) -> None:
    with ledger.reading() as connection:
        cursor = ExecutionLogRepository(connection).of_execution("a", limit=1).cursor
        with pytest.raises(BadCursor):
            TaskRepository(connection).newest(after=cursor)


@pytest.mark.parametrize("paging", [{"limit": 0}, {"limit": -1}, {"limit": 1001}, {"offset": -1}])
def test_a_limit_or_offset_that_cannot_be_used_is_refused(ledger: Storage, paging: dict[str, Any]) -> None:
    with ledger.reading() as connection, pytest.raises(ValueError, match="must"):
        TaskRepository(connection).newest(**paging)
