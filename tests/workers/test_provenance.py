"""Who owns what, and who lost: the owner is the one that the oracle names, for all kinds, on both databases."""

from __future__ import annotations

import os
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from flowledger.storage import kinds as storage_kinds
from flowledger.storage import tables
from flowledger.storage.kinds import MERGED
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.damage import has_one_event
from flowledger.workers.provenance.owners import Group, OwnedRow, Wanted, provenance
from flowledger.workers.recompute import Kind
from tests.builders import ABSENT, histories, raw
from tests.oracle.events import Recorded
from tests.oracle.owners import owners
from tests.rows import JOURNAL
from tests.storage.recording import by_hand, empty, record, without_text
from tests.vocabulary import FIELDS

EXAMPLES: Final = int(os.environ.get("PROVENANCE_EXAMPLES", "1"))
"""Histories of each kind on each database."""
KINDS: Final = [*dict.fromkeys(type_.partition(".")[0] for type_ in FIELDS)][:-2]
"""All but metrics and audit lines, of which nobody owns anything."""
ON_POSTGRESQL: Final = KINDS if EXAMPLES > 1 else ("execution", "node", "message", "agent")
"""In the short sample PostgreSQL has one kind of each sort; `make provenance` has all."""
ALL: Final = Wanted([table.name for table in MERGED], limit=1000)


def rows_of(storage: Storage, subject: str, wanted: Wanted = ALL) -> dict[str, OwnedRow]:
    """The rows by their tables; of several, the last."""
    return {row.table.name: row for row in provenance(storage, subject, wanted).rows}


def group(storage: Storage, table: str, column: str) -> Group:
    """The group of a column of the one row of `task_1` or `s`."""
    subject = "task_1" if table.startswith("task") else "s"
    return next(one for one in rows_of(storage, subject)[table].groups if column in one.columns)


def lost(storage: Storage, table: str, column: str) -> list[tuple[str, str]]:
    return [(one.event.teller.id, one.reason) for one in group(storage, table, column).lost]


@pytest.mark.parametrize(
    ("database_url", "kind"),
    [*(("sqlite", kind) for kind in KINDS), *(("postgresql", kind) for kind in ON_POSTGRESQL)],
    indirect=["database_url"],
)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_the_owner_is_the_one_that_the_oracle_names(storage: Storage, kind: str, data: st.DataObject) -> None:
    empty(storage)
    kinds = ("execution", "node") if kind == "node" else (kind,)
    types = [type_ for type_ in FIELDS if type_.startswith(tuple(f"{one}." for one in kinds))]
    history = data.draw(histories(min_size=2, max_size=10, types=types, subjects=("",)))
    record(storage, *history)
    with storage.reading() as connection:
        journal = connection.execute(JOURNAL).all()
        subject = connection.execute(select(tables.events.c.subject).limit(1)).scalar_one()
    expected = owners(Recorded(row.raw, row.recorded_at) for row in journal)
    (of_kind,) = (one for one in storage_kinds.KINDS if one.name == kinds[0])
    told = provenance(storage, subject, Wanted([table.name for table in of_kind.tables], limit=1000))
    assert (told.events, told.unreadable) == (len(history), ())
    unnamed = dict(expected)
    for row in told.rows:
        assert row.difference is None
        for one in row.groups:
            places = [(row.table.name, row.key, column) for column in one.columns]
            judged = [unnamed.pop(place) for place in places if place in unnamed]
            if one.owner is None or has_one_event(row.table):
                assert judged == []
                continue
            names = [
                (claim.teller.source, claim.teller.id) for claim in (one.owner, *(lost.event for lost in one.lost))
            ]
            assert names[0] in judged[0]
            assert len(set(names)) == len(names)
    assert unnamed == {}


def test_who_lost_is_told_the_first_part_of_the_key_that_differs(storage: Storage) -> None:
    early, late = "2026-01-31T11:00:00Z", "2026-01-31T13:00:00Z"
    record(
        storage,
        raw("task.failed", id="owner", attempt=2, attributes={"sequence": "9"}, source="/b"),
        raw("task.failed", id="attempt", attempt=1, time=late),
        raw("task.started", id="rank", attempt=2),
        raw("task.failed", id="none", attempt=2),
        raw("task.failed", id="number", attempt=2, attributes={"sequence": "08"}),
        raw("task.failed", id="time", attempt=2, attributes={"sequence": "9"}, time=early),
        raw("task.failed", id="without", attempt=2, attributes={"sequence": "009"}, time=ABSENT),
        raw("task.failed", id="source", attempt=2, attributes={"sequence": "9"}, source="/a"),
        raw("task.failed", id="a", attempt=2, attributes={"sequence": "9"}, source="/b"),
    )
    assert lost(storage, "tasks", "error") == [
        ("a", "id 'a' is before 'owner' in the order of code points"),
        ("source", "source '/a' is before '/b' in the order of code points"),
        ("time", "time 2026-01-31 11:00:00.000000 is before 2026-01-31 12:00:00.000000"),
        ("without", "the owner has a time, 2026-01-31 12:00:00.000000"),
        ("number", "sequence '08' is before '9'"),
        ("none", "the owner has a sequence, '9'"),
        ("rank", "`running` (rank 3) is below `failed` (rank 4)"),
        ("attempt", "attempt 1 is less than 2"),
    ]


def test_times_and_descriptions_have_reasons_of_their_own(storage: Storage) -> None:
    late = "2026-01-31T13:00:00Z"
    record(
        storage,
        raw("agent.updated", id="u", subject="s", name=None, time=late),
        raw("agent.created", id="c", subject="s", name="one"),
        raw("agent.created", id="same", subject="s", kind="k"),
        raw("agent.activated", id="timeless", subject="s", time=ABSENT),
    )
    assert lost(storage, "agents", "name") == [("c", "any `updated` goes over any `created`")]
    assert group(storage, "agents", "name").owner is not None
    assert dict(lost(storage, "agents", "created_at")) == {
        "same": "states the same",
        "u": "another type than `agent.created`, whose time goes first",
        "timeless": "it has no time of its own",
    }
    assert dict(lost(storage, "agents", "updated_at"))["c"].endswith("is before 2026-01-31 13:00:00.000000")


def test_messages_counts_and_due_times_have_them_too(storage: Storage) -> None:
    due = {"due_at": "2026-01-31T12:00:00Z", "execution_id": "e"}
    record(
        storage,
        raw("message.delivered", id="d", subject="m", to_sandbox_id="sb"),
        raw("message.dispatched", id="i", subject="m", to_sandbox_id="sb", attempt=3),
        raw("execution.checkpointed", id="low", subject="s", state={}, iterations=2),
        raw("execution.completed", id="high", subject="s", iterations=3),
        raw("schedule.fired", id="one", subject="t", **due),
        raw("schedule.fired", id="two", subject="t", **due | {"due_at": "2026-01-31T11:00:00Z"}),
    )
    (status,) = (one for one in rows_of(storage, "m")["message_deliveries"].groups if one.name == "status")
    assert [one.reason for one in status.lost] == ["`message.delivered` reaches further than `message.dispatched`"]
    assert lost(storage, "executions", "iterations") == [("low", "2 is less than 3")]
    (fired,) = (one for one in rows_of(storage, "t")["schedules"].groups if one.name == "fired")
    assert [one.reason for one in fired.lost] == [
        "it fired for an earlier due time, or for an execution with a lesser id"
    ]


def test_of_versions_the_first_one_stands(storage: Storage) -> None:
    for number in (1, 2):
        record(storage, raw("workflow.versioned", id=f"v{number}", subject="s", attributes={"sequence": number}))
    assert lost(storage, "workflow_versions", "note") == [("v2", "sequence '2' is after '1'")]


def test_sums_have_all_their_events_and_lines_have_one(storage: Storage) -> None:
    record(storage, *(raw("metric.recorded", id=f"p{number}", subject="s") for number in range(3)))
    found = rows_of(storage, "s")
    (sums,) = found["metric_hours"].groups
    assert (sums.name, sums.owner, [one.teller.id for one in sums.adds]) == ("sums", None, ["p0", "p1", "p2"])
    (point,) = found["metrics"].groups
    assert point.owner is not None
    assert found["metrics"].key[:2] == (point.owner.teller.source, point.owner.teller.id)


def test_only_the_wanted_rows_are_computed(storage: Storage) -> None:
    record(storage, *(raw("node.started", subject="s", node=f"n{n}", iteration=n) for n in range(1, 5)))
    assert [row.table.name for row in provenance(storage, "s").rows] == ["executions"]
    nodes = provenance(storage, "s", Wanted(["execution_logs"], limit=2)).rows
    assert [row.key[1] for row in nodes] == ["n1", "n2"]
    one = provenance(storage, "s", Wanted(["execution_logs"], {"iteration": "3"})).rows
    assert [row.key for row in one] == [("s", "n3", 3, 1)]


def test_a_row_that_differs_is_told(storage: Storage) -> None:
    record(storage, raw("task.completed", output=1))
    by_hand(storage, update(tables.tasks).values(output=2, status="failed"))
    row = rows_of(storage, "task_1")["tasks"]
    assert row.difference is not None
    assert sorted(column.name for column in row.difference.columns) == ["output", "status"]
    by_hand(storage, delete(tables.tasks))
    gone = rows_of(storage, "task_1")["tasks"]
    assert gone.difference is not None
    assert gone.difference.kind is Kind.MISSING
    record(storage, raw("agent.created", subject="s"))
    by_hand(storage, delete(tables.events))
    strange = rows_of(storage, "s")["agents"]
    assert strange.difference is not None
    assert (strange.difference.kind, {one.owner for one in strange.groups}) == (Kind.UNEXPECTED, {None})


def test_without_the_text_of_an_event_the_owner_is_only_known_by_its_key(storage: Storage) -> None:
    record(storage, raw("task.completed", id="c"), raw("task.created", id="d", name="n"))
    by_hand(storage, without_text("c"))
    told = provenance(storage, "task_1", ALL)
    assert told.unreadable == (("/tests", "c"),)
    (row,) = told.rows
    by_column = {one.columns[0]: one for one in row.groups}
    assert by_column["status"].owner is None
    assert by_column["name"].owner is not None
