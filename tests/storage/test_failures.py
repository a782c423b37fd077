"""Executions and tasks that are failed are found by the time of their failure, whatever order its reports came in."""

from __future__ import annotations

import itertools
from typing import Any, Final

import pytest
from sqlalchemy import text

from flowledger.domain.errors import InvalidArgument, UnknownFilter
from flowledger.storage.kinds.executions import ExecutionRepository
from flowledger.storage.kinds.failures import FAILING, FailingRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.storage.recording import all_rows, count, differences, empty, record
from tests.storage.test_merge_rule import at, moment
from tests.waiting import wait_until

REPOSITORIES: Final[dict[str, type[FailingRepository[Any]]]] = {
    "execution": ExecutionRepository,
    "task": TaskRepository,
}
ERROR: Final = {"message": "m"}


@pytest.mark.parametrize("kind", REPOSITORIES)
def test_a_report_of_a_status_changes_no_index(postgresql_storage: Storage, kind: str) -> None:
    """PostgreSQL then updates the row in its page alone (HOT)."""
    record(postgresql_storage, event(f"{kind}.created", subject="s", agent_id="a", workspace_id="w", user_id="u"))
    record(postgresql_storage, event(f"{kind}.queued", subject="s"), event(f"{kind}.started", subject="s"), start=9)
    record(postgresql_storage, event(f"{kind}.failed", subject="s", error=ERROR), start=19)
    updates = text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = :table")
    with postgresql_storage.engine.connect() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
    postgresql_storage.close()  # a session tells its numbers at its end, at the latest
    table = REPOSITORIES[kind].table.name
    wait_until(lambda: _one(postgresql_storage, updates, table)[0] >= 3)
    found, hot = _one(postgresql_storage, updates, table)
    assert (found, hot) == (3, 3)


def _one(storage: Storage, statement: Any, table: str) -> tuple[int, int]:
    with storage.reading() as connection:
        updated, hot = connection.execute(statement, {"table": table}).one()
    return updated, hot


def failed(storage: Storage, kind: str, **asked: Any) -> list[str]:
    with storage.reading() as connection:
        return [one.id for one in REPOSITORIES[kind](connection).failed(**asked).items]


@pytest.mark.parametrize("kind", REPOSITORIES)
def test_the_last_failure_is_listed_first(storage: Storage, kind: str) -> None:
    record(
        storage,
        event(f"{kind}.failed", subject="b", time=at(2), error=ERROR),
        event(f"{kind}.timed_out", subject="a", time=at(1)),
        event(f"{kind}.failed", subject="c", time=at(3), error=ERROR),
        event(f"{kind}.cancelled", subject="d", time=at(4)),
        event(f"{kind}.completed", subject="e", time=at(4)),
        event(f"{kind}.created", subject="c", time=at(0), agent_id="agent", workspace_id="w", user_id="u"),
        event(f"{kind}.created", subject="e", time=at(0), agent_id="agent"),
    )
    assert failed(storage, kind) == ["c", "b", "a"]
    assert failed(storage, kind, since=moment(2)) == ["c", "b"]
    assert failed(storage, kind, until=moment(2)) == ["a"]
    assert failed(storage, kind, limit=1, offset=1) == ["b"]
    for of in (
        {"agent_id": "agent"},
        {"workspace_id": "w"},
        {"user_id": "u"},
        {"status": "failed", "agent_id": "agent"},
    ):
        assert failed(storage, kind, **of) == ["c"]
    assert failed(storage, kind, status="timed_out") == ["a"]
    with storage.reading() as connection:
        repository = REPOSITORIES[kind](connection)
        assert (repository.count_failed(), repository.count_failed(since=moment(2), agent_id="agent")) == (3, 1)
        with pytest.raises(UnknownFilter):
            repository.failed(name="n")
        with pytest.raises(InvalidArgument):
            repository.failed(status="faild")


@pytest.mark.parametrize("kind", REPOSITORIES)
def test_failures_of_one_moment_are_walked_by_a_cursor(storage: Storage, kind: str) -> None:
    record(storage, *(event(f"{kind}.failed", subject=f"s{n}", time=at(n // 4), error=ERROR) for n in range(9)))
    found: list[str] = []
    cursor = None
    with storage.reading() as connection:
        while True:
            page = REPOSITORIES[kind](connection).failed(limit=2, after=cursor)
            found += [one.id for one in page.items]
            cursor = page.cursor
            if cursor is None:
                break
    assert found == ["s8", "s7", "s6", "s5", "s4", "s3", "s2", "s1", "s0"]


STORY: Final[tuple[tuple[str, int, int, dict[str, Any]], ...]] = (
    ("failed", 1, 1, {"error": ERROR}),
    ("retrying", 2, 2, {}),
    ("timed_out", 2, 4, {}),
    ("failed", 2, 3, {"error": ERROR}),
)


@pytest.mark.parametrize("last", [(), ("completed", 3, 5, {}), ("failed", 3, 5, {"error": ERROR})], ids=str)
def test_the_report_that_stands_decides_in_any_order(storage: Storage, last: tuple[Any, ...]) -> None:
    """A retry that ends well takes the failure away; a later failure takes its place."""
    told = [
        event(f"task.{type_}", subject="t", time=at(second), id=f"{type_}{attempt}", attempt=attempt, **data)
        for type_, attempt, second, data in (*STORY, *((last,) if last else ()))
    ]
    wanted = {(): moment(4), "failed": moment(5), "completed": None}[last[0] if last else ()]
    for order in itertools.permutations(told):
        empty(storage)
        record(storage, *order, *order[:2])
        assert differences(storage) == []
        assert failed(storage, "task") == ([] if wanted is None else ["t"])
        assert failed(storage, "task", since=moment(4)) == failed(storage, "task")
        if wanted is not None:
            assert all_rows(storage)["task_failures"]["t",]["failed_at"] == wanted


def test_a_failure_that_a_new_attempt_has_overtaken_is_none(storage: Storage) -> None:
    record(storage, event("execution.failed", subject="e", time=at(1), error=ERROR))
    assert failed(storage, "execution") == ["e"]
    record(storage, event("execution.retrying", subject="e", time=at(2), attempt=2))
    assert failed(storage, "execution") == []
    assert count(storage, "execution_failures") == 1


def test_the_listed_are_those_whose_status_is_failing(storage: Storage) -> None:
    ends = ("failed", "completed", "timed_out", "cancelled", "retrying")
    for n, (first, second) in enumerate(itertools.product(ends, repeat=2)):
        for attempt, end in ((1, first), (n % 2 + 1, second)):
            data: dict[str, Any] = {"error": ERROR} if end == "failed" else {}
            attempted = 2 if end == "retrying" else attempt
            record(
                storage,
                event(f"task.{end}", subject=f"t{n}", time=at(n), attempt=attempted, **data),
                start=n * 9 + attempt,
            )
    with storage.reading() as connection:
        repository = TaskRepository(connection)
        wanted = {one.id: one.finished_at for one in repository.newest(status=[*FAILING], limit=100).items}
        assert {one.id: one.finished_at for one in repository.failed(limit=100).items} == wanted
    assert 0 < len(wanted) < len(ends) ** 2
