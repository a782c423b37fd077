"""The views for queries in SQL: their figures, counted again here; their columns as documented; their plans."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import ProgrammingError

from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds.executions import ExecutionRepository
from flowledger.storage.schema.types import UtcTime
from flowledger.storage.unit_of_work import Storage
from flowledger.storage.views import VIEWS
from tests.builders import ABSENT, raw
from tests.conftest import settings_for
from tests.documented import block
from tests.storage.recording import all_rows, record

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "contract" / "views.md"

_STATUSES: Final = ("queued", "started", "retrying", "completed", "failed", "cancelled", "timed_out")
_TIMES: Final = (
    ABSENT, "2026-01-31T12:00:00Z", "2026-01-31T23:59:59.9999999Z", "2026-02-01T00:00:00.000001Z",
    "2026-02-01T00:30:00+01:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
)  # fmt: skip
_LATER: Final = "2026-02-01T01:00:00.250001Z"
_SEQUENCES: Final = (ABSENT, "7", "007", "a\x01b", "\x00", "12026-01-31 12:00:00.000000")
_AGENTS: Final = ("agent_1", "agent_2", "agent_unknown", None)
_SANDBOXES: Final = ("sb_1", "sb_2", "sb_unknown")


def random_events(chance: Random) -> list[bytes]:
    """Events of some executions, tasks, node runs and messages, of agents and sandboxes of which some are known."""
    pick = chance.choice

    def some(type_: str, subject: str, **data: Any) -> bytes:
        return raw(type_, subject=subject, time=pick(_TIMES), attributes={"sequence": pick(_SEQUENCES)}, **data)

    def report(kind: str, subject: str, **data: Any) -> bytes:
        return some(f"{kind}.{pick(_STATUSES)}", subject, **data)

    found = [raw("agent.created", subject=f"agent_{n}", name=f"Agent {n}") for n in range(4)]
    found += [raw("workflow.created", subject="wf_1", name="the first"), raw("agent.deleted", subject="agent_3")]
    found += [raw("execution.started", subject="e_timed"), raw("execution.failed", subject="e_timed", time=_LATER)]
    found += [raw("sandbox.created", subject=f"sb_{n}", workspace_id="ws", name=f"Box {n}") for n in range(4)]
    for n in range(12):
        found.append(some("execution.created", f"e{n}", workflow_id=pick(("wf_1", "wf_2")), agent_id=pick(_AGENTS)))
        found += [report("execution", f"e{n}") for _ in range(chance.randrange(4))]
    for n in range(40):
        execution = pick((*(f"e{n}" for n in range(6)), "e_unknown", None))
        found.append(some("task.created", f"t{n}", execution_id=execution, agent_id=pick(_AGENTS)))
        found += [report("task", f"t{n}") for _ in range(chance.randrange(4))]
    for _ in range(30):
        type_ = f"node.{pick(('started', 'retrying', 'completed', 'failed', 'skipped'))}"
        found.append(some(type_, pick(("e1", "e2", "e3")), node=pick("abc"), iteration=pick((1, 2)), attempt=1))
    for n in range(25):
        to = sorted(chance.sample(_SANDBOXES, chance.randrange(1, 3)))
        found.append(some("message.sent", f"m{n}", to_sandbox_ids=to))
        for type_ in chance.sample(("dispatched", "delivered", "failed", "expired"), chance.randrange(3)):
            found.append(some(f"message.{type_}", f"m{n}", to_sandbox_id=to[0]))
    chance.shuffle(found)
    return found


@pytest.fixture(params=range(3))
def filled(request: pytest.FixtureRequest, storage: Storage) -> Storage:
    """A database with the rows of random events."""
    record(storage, *random_events(Random(request.param)))
    return storage


def view(storage: Storage, name: str) -> list[dict[str, Any]]:
    """All rows of a view; times are as those of tables."""
    with storage.reading() as connection:
        times = {column: UtcTime for column in columns_of(connection, name) if column.endswith("_at")}
        rows = connection.execute(text(f"SELECT * FROM {name}").columns(**times)).mappings()
        return [dict(row) for row in rows]


def columns_of(connection: Connection, name: str) -> list[str]:
    return list(connection.execute(text(f"SELECT * FROM {name} WHERE 1 = 0")).keys())


def by_status(rows: list[dict[str, Any]], name: str, columns: set[str]) -> dict[str, int]:
    """How many rows there are, and how many in each status, by the name of the view's column."""
    counts = Counter(f"{name}_{row['status']}" for row in rows)
    return {name: len(rows)} | {column: counts[column] for column in columns if column.startswith(f"{name}_")}


def test_the_summary_of_executions_counts_their_tasks_and_node_runs(filled: Storage) -> None:
    rows = all_rows(filled)
    tasks, runs = rows["tasks"].values(), rows["execution_logs"].values()
    names = {key[0]: row["name"] for table in ("workflows", "agents") for key, row in rows[table].items()}
    found = view(filled, "execution_summary")
    columns = set(found[0])
    with filled.reading() as connection:
        took = {row["id"]: _took(connection, row["id"]) for row in found}
    assert {row["id"] for row in found} == {key[0] for key in rows["executions"]}
    for row in found:
        of_tasks = [task for task in tasks if task["execution_id"] == row["id"]]
        of_runs = [run for run in runs if run["execution_id"] == row["id"]]
        execution = rows["executions"][row["id"],]
        wanted = {name: execution[name] for name in ("status", "attempt", "agent_id", "created_at", "finished_at")}
        wanted |= by_status(of_tasks, "tasks", columns) | by_status(of_runs, "node_runs", columns)
        wanted |= {"workflow_name": names.get(execution["workflow_id"]), "agent_name": names.get(row["agent_id"])}
        assert {name: row[name] for name in wanted} == wanted
        assert sum(row[name] for name in columns if name.startswith("tasks_")) == row["tasks"]
        assert sum(row[name] for name in columns if name.startswith("node_runs_")) == row["node_runs"]
        assert row["took_seconds"] == took[row["id"]]
    assert sum(row["tasks"] for row in found) > 10 < sum(row["node_runs"] for row in found)
    assert took["e_timed"] == 46800.250001
    assert None in took.values()


def _took(connection: Connection, id_: str) -> float | None:
    execution = ExecutionRepository(connection).get(id_)
    assert execution is not None
    return execution.took_seconds


def test_what_agents_did_is_counted_also_of_those_that_nobody_described(filled: Storage) -> None:
    rows = all_rows(filled)
    found = {row["agent_id"]: row for row in view(filled, "agent_activity")}
    columns = set(next(iter(found.values())))
    work = {name: [row for row in rows[name].values() if row["agent_id"]] for name in ("executions", "tasks")}
    assert found.keys() == {key[0] for key in rows["agents"]} | {
        row["agent_id"] for some in work.values() for row in some
    }
    for id_, row in found.items():
        its = {name: [one for one in some if one["agent_id"] == id_] for name, some in work.items()}
        wanted: dict[str, Any] = by_status(its["executions"], "executions", columns) | by_status(
            its["tasks"], "tasks", columns
        )
        moments = [
            one["finished_at"] or one["started_at"] or one["created_at"] for some in its.values() for one in some
        ]
        wanted["last_activity_at"] = max(moments, default=None)
        agent = rows["agents"].get((id_,), {})
        wanted |= {name: agent.get(name) for name in ("name", "status", "deleted_at")}
        assert {name: row[name] for name in wanted} == wanted
    assert found["agent_0"]["executions"] == 0 < found["agent_unknown"]["tasks"]


def test_the_queues_of_sandboxes_have_what_waits(filled: Storage) -> None:
    rows = all_rows(filled)
    found = {row["sandbox_id"]: row for row in view(filled, "sandbox_queue")}
    deliveries = rows["message_deliveries"].values()
    assert found.keys() == {key[0] for key in rows["sandboxes"]} | {one["to_sandbox_id"] for one in deliveries}
    for id_, row in found.items():
        its = [one for one in deliveries if one["to_sandbox_id"] == id_]
        statuses = Counter(one["status"] for one in its)
        waiting = [rows["messages"][one["message_id"],] for one in its if one["status"] in ("pending", "sent")]
        wanted: dict[str, Any] = {"messages": len(its), "waiting": len(waiting)}
        wanted |= {name: statuses[name] for name in ("pending", "sent", "delivered", "failed", "expired")}
        wanted["oldest_waiting_at"] = min((one["created_at"] for one in waiting), default=None)
        wanted["last_delivered_at"] = max((one["delivered_at"] for one in its if one["delivered_at"]), default=None)
        wanted["name"] = rows["sandboxes"].get((id_,), {}).get("name")
        assert {name: row[name] for name in wanted} == wanted
    assert found["sb_0"]["messages"] == 0 < found["sb_unknown"]["messages"]


def test_the_days_have_their_counts(filled: Storage) -> None:
    rows = all_rows(filled)
    wanted: Counter[tuple[str, str, str | None]] = Counter()
    for kind in ("execution", "task"):
        wanted.update((str(row["created_at"].date()), kind, row["status"]) for row in rows[f"{kind}s"].values())
    days = {key[0]: str(row["created_at"].date()) for key, row in rows["messages"].items()}
    wanted.update((day, "message", None) for day in days.values())
    wanted.update((days[row["message_id"]], "delivery", row["status"]) for row in rows["message_deliveries"].values())
    found = view(filled, "daily_counts")
    assert {(str(row["day"]), row["kind"], row["status"]): row["count"] for row in found} == wanted
    assert len(found) == len(wanted)


@pytest.mark.parametrize("name", VIEWS)
def test_an_empty_ledger_has_empty_views(storage: Storage, name: str) -> None:
    assert view(storage, name) == []


@pytest.mark.parametrize("name", VIEWS)
def test_every_column_of_a_view_is_documented(storage: Storage, name: str) -> None:
    section = DOCUMENT.read_text().partition(f"## `{name}`")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    documented = [column for cell in cells for column in re.findall(r"`(\w+)`", cell)]
    with storage.reading() as connection:
        assert sorted(documented) == sorted(columns_of(connection, name))


@pytest.fixture
def reader_url(postgresql_url: str) -> Iterator[str]:
    """The database for the role of people who query, which the operations page tells an operator to make."""
    url = make_url(postgresql_url)
    reader = f"reader_{url.database}"[:60]
    engine = make_engine(settings_for(postgresql_url))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {reader} LOGIN"))
        grants = block("docs/operations.md", "sql", "flowledger_dashboards")
        connection.exec_driver_sql(grants.replace("flowledger_dashboards", reader))
    yield url.set(username=reader).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {reader}"))
        connection.execute(text(f"DROP ROLE {reader}"))
    engine.dispose()


def test_a_role_may_read_the_views_alone(reader_url: str) -> None:
    with Storage(make_engine(settings_for(reader_url))) as storage:
        assert [view(storage, name) for name in VIEWS] == [[] for _ in VIEWS]
        for statement in ("SELECT id FROM executions", "SELECT raw FROM event_texts"):
            with storage.engine.connect() as connection, pytest.raises(ProgrammingError):
                connection.execute(text(statement))
