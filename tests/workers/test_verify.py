"""`workers.verify`: every row is what the journal says, or is named, and mended."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Table, delete, func, insert, select, text, update
from sqlalchemy.types import Boolean, Double, Integer

from flowledger.domain.times import sortable
from flowledger.storage import tables
from flowledger.storage.kinds import (
    MERGED,
    agents,
    audit,
    collaborations,
    custom_nodes,
    executions,
    knowledge,
    mcp_servers,
    metrics,
    schedules,
    tasks,
    users,
    webhooks,
    workflows,
)
from flowledger.storage.merge.description import KEY, KEYS
from flowledger.storage.schema.columns import OWNER as OWNED
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recompute import Difference, Kind
from flowledger.workers.verify import Report, verify
from tests.builders import histories, raw
from tests.storage.recording import all_rows, by_hand, differences, empty, record, record_batches, text_of
from tests.test_shared_data import batches, lines

EXAMPLES: Final = 6

STORY: Final = (
    raw("execution.created", subject="e1", id="1", workflow_id="w"),
    raw("execution.logged", subject="e1", id="2"),
    raw("node.started", subject="e1", id="3", input=[1, 2.5, "x"]),
    raw("task.created", subject="t1", id="4", input={"b": 1, "a": [True, None]}),
    raw("task.started", subject="t1", id="5"),
    raw("task.progressed", subject="t1", id="6"),
    raw("task.logged", subject="t1", id="7", context={"a": 1}),
    raw("message.sent", subject="m1", id="8"),
    raw("message.delivered", subject="m1", id="9", to_sandbox_id="sb_2"),
    raw("workspace.created", subject="w1", id="10", settings={"a": 1}),
    raw("sandbox.created", subject="s1", id="11", workspace_id="w1", connection={"port": 80}),
    raw("sandbox.failed", subject="s1", id="12"),
    raw("agent.created", subject="a1", id="13", capabilities=["read"]),
    raw("workflow.created", subject="f1", id="14", tags=["x"]),
    raw("workflow.versioned", subject="f1", id="15"),
    raw("user.created", subject="u1", id="16", email="ada@example.org"),
    raw("custom_node.created", subject="c1", id="17", config={"a": 1}),
    raw("mcp_server.connected", subject="p1", id="18", tool_count=3),
    raw("webhook.created", subject="h1", id="19", allowed_ips=["::1"]),
    raw("schedule.fired", subject="d1", id="20"),
    raw("collaboration.created", subject="co1", id="21", member_ids=["a1"]),
    raw("knowledge.created", subject="k1", id="22", tags=["x"]),
    raw("metric.recorded", subject="me1", id="23", unit="ms", kind="gauge", labels={"a": "b"}),
    raw("metric.recorded", subject="me1", id="24", unit="ms", kind="gauge", value=0.2),
    raw("audit.logged", subject="t1", id="25", user_id="u1", success=False),
    raw("execution.failed", subject="e1", id="26"),
    raw("task.timed_out", subject="t1", id="27"),
)
"""A row and more in every table."""


STATUSES: Final = {
    "workspaces": "archived", "sandboxes": "starting", "agents": "retired", "workflows": "archived",
    "users": "inactive", "custom_nodes": "disabled", "mcp_servers": "error", "webhooks": "disabled",
    "schedules": "disabled",
}  # fmt: skip
WORDS: Final = {"visibility": "private", "role": "viewer", "transport": "sse", "missed": "all"}


def the_one(report: Report) -> Difference:
    assert report.differences == 1, report.first
    return report.first[0]


def another(column: Column[Any]) -> Any:
    """A value that no test gives the column, and that its constraints allow."""
    if column.name == "status":
        return STATUSES.get(column.table.name, "failed")
    if column.name == "kind" and column.table.name == "metrics":
        return "counter"
    words = {"level": "critical", "message_type": "command"} | WORDS
    typed = {
        tables.UtcTime: text("'1999-01-01 00:00:00.000000'"),
        tables.JsonText: {"changed": "by hand"},
        tables.DecimalText: Decimal("12345678901234567890.5"),
        Boolean: True,
        Double: 0.123,
        Integer: 77,
    }
    of_type = (value for type_, value in typed.items() if isinstance(column.type, type_))
    return words.get(column.name) or next(of_type, "changed by hand")


def changeable(table: Table) -> list[str]:
    """Columns outside the key that no other table must agree with, and in which every value says something."""
    free = [
        column.name for column in table.c if not (column.primary_key or column.foreign_keys or OWNED in column.info)
    ]
    return [name for name in free if name not in (KEY, KEYS)]


@settings(max_examples=EXAMPLES)
@given(history=histories())
def test_what_was_recorded_verifies(storage: Storage, history: list[bytes]) -> None:
    empty(storage)
    record(storage, *history)
    report = verify(storage)
    assert report.first == []
    assert (report.events, report.is_well) == (len(history), True)


@settings(max_examples=EXAMPLES)
@given(history=histories(), data=st.data())
def test_any_value_changed_by_hand_is_named_and_mended(
    storage: Storage, history: list[bytes], data: st.DataObject
) -> None:
    empty(storage)
    record(storage, *history)
    before = all_rows(storage)
    table = tables.metadata.tables[data.draw(st.sampled_from([name for name in before if before[name]]))]
    key = data.draw(st.sampled_from(sorted(before[table.name], key=repr)))
    column = data.draw(st.sampled_from(changeable(table)))
    named = [part for part in table.primary_key if part.name != "recorded_at"]
    is_row = [part == value for part, value in zip(named, key, strict=True)]
    with storage.reading() as connection:
        if connection.execute(select(table.c[column]).where(*is_row)).scalar_one() == another(table.c[column]):
            return
    by_hand(storage, update(table).where(*is_row).values({column: another(table.c[column])}))
    found = the_one(verify(storage))
    plain_key = tuple(sortable(part) if isinstance(part, datetime) else part for part in key)
    assert (found.table, found.key[: len(key)], found.kind) == (table.name, plain_key, Kind.DIFFERENT)
    assert [changed.name for changed in found.columns] == [column]
    mended = verify(storage, mend=True)
    assert mended.is_well
    assert mended.mended is not None
    assert mended.mended.rows == 1
    assert verify(storage).differences == 0
    assert all_rows(storage) == before
    assert differences(storage) == []


@pytest.mark.parametrize("table", MERGED, ids=lambda table: str(table.name))
def test_rows_that_are_gone_are_missed_and_made_again(storage: Storage, table: Table) -> None:
    record(storage, *STORY)
    before = all_rows(storage)
    by_hand(storage, delete(table))
    report = verify(storage, mend=True)
    assert {found.kind for found in report.first} == {Kind.MISSING}
    assert report.by_table[table.name] == len(before[table.name])
    assert report.is_well
    assert all_rows(storage) == before
    assert verify(storage).differences == 0


STRAY_SUM: Final = {
    "subject": "stray", "name": "n", "unit": "", "kind": "", "count": 1, "sum": Decimal("0.1"), "min": 0.1, "max": 0.1
}  # fmt: skip
STRAY_LINE: Final = {
    "source": "/s", "event_id": "x", "task_id": "t1", "level": "info", "message": "", "order_key": ""
}  # fmt: skip
STRAYS: Final[dict[Table, dict[str, Any]]] = {
    tables.executions: {"id": "stray"},
    executions.FAILURES.table: {"execution_id": "e2"},
    tasks.FAILURES.table: {"task_id": "t2"},
    tables.execution_logs: {"execution_id": "e1", "node": "stray", "iteration": 1, "attempt": 1},
    tables.tasks: {"id": "stray"},
    tables.task_logs: STRAY_LINE,
    tables.messages: {"id": "stray"},
    tables.message_deliveries: {"message_id": "m1", "to_sandbox_id": "stray"},
    tables.workspaces: {"id": "stray"},
    tables.sandboxes: {"id": "stray"},
    agents.TABLE: {"id": "stray"},
    workflows.TABLE: {"id": "stray"},
    workflows.VERSIONS: {"workflow_id": "f1", "version": 9, "definition": {}},
    users.TABLE: {"id": "stray"},
    custom_nodes.TABLE: {"id": "stray"},
    mcp_servers.TABLE: {"id": "stray"},
    webhooks.TABLE: {"id": "stray"},
    schedules.TABLE: {"id": "stray"},
    collaborations.TABLE: {"id": "stray"},
    knowledge.TABLE: {"id": "stray"},
    metrics.TABLE: {"source": "/s", "event_id": "x", "subject": "me1", "name": "n", "value": 1.5},
    metrics.HOURS: STRAY_SUM,
    metrics.DAYS: STRAY_SUM,
    audit.TABLE: {"source": "/s", "event_id": "x", "resource_id": "stray", "action": "a", "success": True},
}


@pytest.mark.parametrize("table", MERGED, ids=lambda table: str(table.name))
def test_a_row_without_an_event_is_named_and_deleted(storage: Storage, table: Table) -> None:
    record(storage, *STORY, raw("execution.created", subject="e2"), raw("task.created", subject="t2"))
    before = all_rows(storage)
    times = {
        name: func.current_timestamp()
        for name in ("created_at", "updated_at", "recorded_at", "time", "start", "failed_at")
        if name in table.c
    }
    by_hand(storage, insert(table).values(STRAYS[table] | times))
    report = verify(storage, mend=True)
    found = the_one(report)
    assert (found.table, found.kind) == (table.name, Kind.UNEXPECTED)
    assert report.is_well
    assert all_rows(storage) == before
    assert verify(storage).differences == 0


OWNER: Final = raw("task.updated", subject="t1", id="owner", name="new", priority=None)


@pytest.mark.parametrize(
    "changed",
    [
        {KEY: "1changed by hand"},
        {KEYS: None},
        {KEYS: {"name": "1another"}},
        {KEYS: {"kind": "1another"}},
    ],
)
def test_another_owner_of_a_field_is_found_and_mended(storage: Storage, changed: dict[str, Any]) -> None:
    record(storage, *STORY, OWNER)
    by_hand(storage, update(tables.tasks).values(changed))
    assert the_one(verify(storage)).kind is Kind.DIFFERENT
    assert verify(storage, mend=True).is_well
    assert verify(storage).differences == 0


def test_in_which_column_an_owner_stands_does_not_matter(storage: Storage) -> None:
    """As it depends on the order of arrival."""
    record(storage, OWNER, *STORY)
    with storage.reading() as connection:
        first = connection.execute(select(tables.tasks.c[KEY], tables.tasks.c[KEYS])).one()
    empty(storage)
    record(storage, *STORY, OWNER)
    with storage.reading() as connection:
        other = connection.execute(select(tables.tasks.c[KEY], tables.tasks.c[KEYS])).one()
    assert first != other
    by_hand(storage, update(tables.tasks).values({KEY: first[0], KEYS: first[1]}))
    assert verify(storage).differences == 0


def test_a_log_line_that_was_given_to_a_stray_task_comes_home(storage: Storage) -> None:
    record(storage, *STORY)
    before = all_rows(storage)
    by_hand(
        storage,
        insert(tables.tasks).values(id="a_stray", created_at=func.current_timestamp()),
        update(tables.task_logs).where(tables.task_logs.c.task_id == "t1").values(task_id="a_stray"),
    )
    assert verify(storage, mend=True).is_well
    assert all_rows(storage) == before


@pytest.mark.parametrize("column", ["type", "subject", "time", "sequence"])
def test_a_column_of_the_journal_is_mended_from_the_text_beside_it(storage: Storage, column: str) -> None:
    record(storage, *STORY)
    events = tables.events
    by_hand(storage, update(events).where(events.c.id == "5").values({column: another(events.c[column])}))
    found = the_one(verify(storage))
    assert (found.table, found.key, found.columns[0].name) == ("events", ("/tests", "5"), column)
    assert verify(storage, mend=True).is_well
    assert verify(storage).differences == 0


@pytest.mark.parametrize("damage", ["{}", "not json", raw("task.started", id="other").decode()])
def test_a_row_is_not_computed_from_a_damaged_journal(storage: Storage, damage: str) -> None:
    record(storage, *STORY)
    by_hand(
        storage,
        update(tables.event_texts).where(text_of("5")).values(raw=damage),
        update(tables.executions).values(mode="changed"),
    )
    before = all_rows(storage)["tasks"]
    report = verify(storage, mend=True)
    assert [found.kind for found in report.first] == [Kind.DAMAGED, Kind.DIFFERENT, Kind.UNDECIDED]
    assert not report.is_well
    assert all_rows(storage)["tasks"] == before, "what the lost event said still stands"
    assert verify(storage).by_table == {"events": 1, "tasks": 1}, "the rest is mended"


@pytest.mark.parametrize("value", ["1e400", "1e23", "-0.0", "1" * 4300, "0.1", "1e-400", "123456789012345678901.5"])
def test_numbers_are_the_same_on_both_sides(storage: Storage, value: str) -> None:
    record(storage, raw("task.completed", output="OUTPUT").replace(b'"OUTPUT"', b"[%b]" % value.encode()))
    assert verify(storage).first == []


def test_rows_are_walked_in_the_order_of_code_points_on_both_sides(storage: Storage) -> None:
    ids = ["B", "a", "\ue000", "\U0001f600", "\ufffd", "é", "\x01", "~", "\ud7ff"]
    record(storage, *(raw("task.created", subject=one) for one in ids))
    assert verify(storage).first == []
    by_hand(storage, delete(tables.tasks).where(tables.tasks.c.id.in_(["\U0001f600", "a"])))
    assert [found.key for found in verify(storage).first] == [("a",), ("\U0001f600",)]


def test_only_so_many_differences_are_shown_but_all_are_counted_and_mended(storage: Storage) -> None:
    record(storage, *(raw("task.created", subject=f"t{number}") for number in range(550)))
    by_hand(storage, update(tables.tasks).values(name="x"))
    report = verify(storage, most=3)
    assert (report.differences, len(report.first)) == (550, 3)
    mended = verify(storage, mend=True).mended
    assert mended is not None
    assert mended.rows == 550
    assert verify(storage).differences == 0


def test_what_sqlite_lets_stand_in_a_column_is_no_end_of_the_verification(sqlite_url: str) -> None:
    from flowledger.storage.engines.engine import make_engine
    from tests.conftest import settings_for

    with Storage(make_engine(settings_for(sqlite_url))) as storage:
        record(storage, *STORY)
        by_hand(
            storage,
            text("UPDATE tasks SET created_at = 'never', input = 'not json', priority = 'high'"),
            text("UPDATE execution_logs SET iteration = 'first'"),
        )
        assert verify(storage).by_table == {"tasks": 1, "execution_logs": 2}
        assert verify(storage, mend=True).is_well
        assert verify(storage).differences == 0


@pytest.mark.parametrize("name", ["relay.jsonl", "temporal.jsonl"])
def test_real_records_verify(storage: Storage, name: str) -> None:
    events = lines(name)
    record_batches(storage, batches(events))
    report = verify(storage)
    assert report.first == []
    assert report.events == len(events)
