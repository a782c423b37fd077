"""Rows of owners are listed as records of subjects are, but never all of them at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from flowledger.domain.errors import InvalidArgument, UnknownFilter
from flowledger.storage.kinds import LISTED
from flowledger.storage.kinds.executions import ExecutionLogRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.messages import DeliveryRepository
from flowledger.storage.owned import OwnedRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.storage.recording import record

OWNED: Final = [kind for kind in LISTED.values() if issubclass(kind, OwnedRepository)]


def moment(number: int) -> str:
    return f"2026-01-31T12:00:{number:02}Z"


LINES: Final = [
    raw("task.logged", subject="t", message=str(n), time=moment(n), level=("info", "error")[n % 2]) for n in range(9)
]


def messages(rows: Any) -> str:
    return "".join(row.message for row in rows)


def test_rows_are_listed_in_order_or_the_last_first_page_by_page(storage: Storage) -> None:
    record(storage, *LINES, raw("task.logged", subject="other", message="x"))
    with storage.reading() as connection:
        log = TaskLogRepository(connection)
        assert messages(log.oldest(task_id="t").items) == "012345678"
        seen, after = "", None
        for _ in range(3):
            page = log.newest(task_id="t", limit=4, after=after)
            seen, after = seen + messages(page.items), page.cursor
        assert (seen, after) == ("876543210", None)


def test_filters_and_times_leave_some_and_the_count_is_theirs(storage: Storage) -> None:
    record(storage, *LINES)
    since, until = (datetime(2026, 1, 31, 12, 0, second, tzinfo=UTC) for second in (1, 6))
    with storage.reading() as connection:
        log = TaskLogRepository(connection)
        assert messages(log.oldest(task_id="t", level="error", since=since, until=until).items) == "135"
        assert log.count(task_id="t", level="error", since=since, until=until) == 3
        assert log.count(task_id="t") == log.count() == 9


def test_rows_of_several_owners_are_all_there(storage: Storage) -> None:
    record(storage, *(raw("node.started", subject=one, node=node) for one in "efg" for node in "ab"))
    with storage.reading() as connection:
        runs = ExecutionLogRepository(connection)
        seen: list[tuple[str, str]] = []
        after = None
        for _ in range(4):
            page = runs.oldest(execution_id=("e", "f"), limit=1, after=after)
            seen, after = [*seen, *((run.execution_id, run.node) for run in page.items)], page.cursor
        assert sorted(seen) == [("e", "a"), ("e", "b"), ("f", "a"), ("f", "b")]
        assert after is None


@pytest.mark.parametrize("kind", OWNED, ids=lambda kind: str(kind.table.name))
def test_without_an_owner_nothing_is_listed(storage: Storage, kind: type[OwnedRepository[Any]]) -> None:
    with storage.reading() as connection:
        repository: Any = kind(connection)
        for read in (repository.newest, repository.oldest):
            with pytest.raises(InvalidArgument, match=f"{kind.table.name} are listed of an owner: give"):
                read()
            with pytest.raises(InvalidArgument, match="of an owner"):
                read(**dict.fromkeys(kind.owned_by[0]))


def test_rows_without_a_time_are_not_asked_for_by_time(storage: Storage) -> None:
    with storage.reading() as connection, pytest.raises(UnknownFilter, match="not by 'since'"):
        DeliveryRepository(connection).newest(message_id="m", since=datetime(2026, 1, 1, tzinfo=UTC))
