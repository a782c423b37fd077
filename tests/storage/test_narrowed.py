"""Lists narrowed without an index: bounded, complete if one goes on, and counted as far as they were read."""

from __future__ import annotations

import pytest

from flowledger.domain.errors import InvalidArgument
from flowledger.storage.kinds.executions import ExecutionLogRepository, ExecutionRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.messages import MessageRepository
from flowledger.storage.kinds.tasks import TaskCounts, TaskRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.journal_lists import EventFilter, ListedEventRepository
from flowledger.storage.narrowed import Counted
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.storage.recording import record


def at(second: int) -> str:
    return f"2026-01-31T12:{second // 60:02}:{second % 60:02}Z"


@pytest.fixture
def executions(storage: Storage) -> Storage:
    """Forty executions; each tenth runs, and the others have not begun."""
    for number in range(40):
        created = event("execution.created", subject=f"e{number:02}", time=at(number), workflow_id=f"w{number % 2}")
        started = event("execution.started", subject=f"e{number:02}", time=at(number))
        record(storage, created, *([started] if number % 10 == 3 else []), start=number * 10 + 1)
    return storage


def test_a_list_by_status_goes_on_until_all_are_found(executions: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExecutionRepository, "most", 15)
    found: list[str] = []
    looked: list[bool] = []
    with executions.reading() as connection:
        repository, after = ExecutionRepository(connection), None
        while not looked or after is not None:
            page = repository.in_status("running", limit=5, after=after)
            found += [one.id for one in page.items]
            looked.append(page.looked_back_to is not None)
            after = page.cursor
        assert found == ["e33", "e23", "e13", "e03"]
        assert looked == [True, True, False]
        assert repository.count_in_status("running") == Counted(1, 15)


def test_a_full_page_goes_on_behind_its_last_record(executions: Storage) -> None:
    with executions.reading() as connection:
        repository = ExecutionRepository(connection)
        first = repository.in_status(("running", "failed"), limit=3)
        assert [one.id for one in first.items] == ["e33", "e23", "e13"]
        assert first.looked_back_to is None
        rest = repository.in_status(("running", "failed"), limit=3, after=first.cursor)
        assert ([one.id for one in rest.items], rest.cursor) == (["e03"], None)
        oldest = repository.in_status("running", oldest=True, limit=2, workflow_id="w1")
        assert [one.id for one in oldest.items] == ["e03", "e13"]
        with pytest.raises(InvalidArgument):
            repository.in_status("nonsense")


def test_counts_go_no_further_than_asked(executions: Storage) -> None:
    with executions.reading() as connection:
        repository = ExecutionRepository(connection)
        assert repository.count(most=11) == 11
        assert repository.count(most=100) == 40
        assert repository.count(workflow_id="w1", most=100) == 20


def test_a_failure_that_was_mended_is_not_counted(storage: Storage) -> None:
    error = {"message": "no"}
    failed = [event("execution.failed", subject=f"e{number}", error=error) for number in range(3)]
    record(storage, *failed, event("execution.retrying", subject="e1", attempt=2))
    with storage.reading() as connection:
        assert ExecutionRepository(connection).count_last_failed() == Counted(2, 3)


def test_tasks_are_counted_by_execution_and_by_status(storage: Storage) -> None:
    created = [event("task.created", subject=f"t{n}", execution_id=f"e{n % 2}", time=at(n)) for n in range(6)]
    record(storage, *created, event("task.failed", subject="t2", error={"message": "no"}))
    with storage.reading() as connection:
        tasks = TaskRepository(connection)
        assert tasks.counts_of_executions(["e0", "e1", "none"], most=10) == {
            "e0": TaskCounts(3, 1),
            "e1": TaskCounts(3, 0),
        }
        assert tasks.counts_of_executions(["e0"], most=2)["e0"].total == 2
        assert tasks.statuses_of("e0", most=10) == {"pending": 2, "failed": 1}


def test_usage_is_summed_by_name_whatever_else_is_in_it(storage: Storage) -> None:
    usages = (
        {"tokens": 1, "cost": 0.5},
        {"tokens": 2, "model": "m", "parts": {"tokens": 9}, "none": None},
        {"tokens": -3.5},
    )
    for number, usage in enumerate(usages):
        created = event("task.created", subject=f"t{number}", execution_id="e")
        record(storage, created, event("task.completed", subject=f"t{number}", usage=usage), start=number * 10 + 1)
    record(storage, event("node.completed", subject="e", node="n", usage={"tokens": 10**20}), start=100)
    with storage.reading() as connection:
        assert TaskRepository(connection).used_by("e", most=10) == {"tokens": -0.5, "cost": 0.5}
        assert ExecutionLogRepository(connection).used_by("e", most=10) == {"tokens": 1e20}
        assert ExecutionLogRepository(connection).used_by("none", most=10) == {}


def test_lines_of_an_execution_and_its_tasks_are_read_in_one_order(storage: Storage) -> None:
    lines = [
        event("task.logged" if n % 2 else "execution.logged", subject=f"t{n % 3}" if n % 2 else "e", time=at(n),
              message=str(n), level="error" if n == 4 else "info")
        for n in range(9)
    ]  # fmt: skip
    record(storage, *lines)
    with storage.reading() as connection:
        logs = TaskLogRepository(connection)
        tasks = ("t0", "t1", "t2")
        last = logs.of_run("e", tasks, last=True, limit=4)
        assert ([line.message for line in last.items], last.more) == (["5", "6", "7", "8"], True)
        before = logs.of_run("e", tasks, last=True, limit=10, after=last.first)
        assert ([line.message for line in before.items], before.more) == (["0", "1", "2", "3", "4"], False)
        assert [line.message for line in logs.of_run("e", tasks, after=before.last).items] == ["5", "6", "7", "8"]
        assert [line.message for line in logs.of_run("e", ()).items] == ["0", "2", "4", "6", "8"]
        assert [line.message for line in logs.of_run(None, ("t1",)).items] == ["1", "7"]
        assert [line.message for line in logs.of_run("e", tasks, level=("error",)).items] == ["4"]
        assert logs.of_run("none", ()).items == ()
        ends = {
            id_: page.items[0].message for id_, page in logs.last_of_tasks(tasks, limit_each=1).items() if page.items
        }
        assert ends == {"t0": "3", "t1": "7", "t2": "5"}


def test_messages_that_wait_are_found_without_an_index(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [
        event("message.sent", subject=f"m{n}", time=at(n), from_sandbox_id="a", to_sandbox_ids=["b"]) for n in range(6)
    ]
    taken = [event("message.delivered", subject=f"m{n}", to_sandbox_id="b") for n in range(1, 6)]
    record(storage, *sent, *taken)
    monkeypatch.setattr(MessageRepository, "most", 4)
    with storage.reading() as connection:
        messages = MessageRepository(connection)
        first = messages.waiting("b")
        assert first.items == ()
        assert first.looked_back_to is not None
        assert [one.id for one in messages.waiting("b", after=first.cursor).items] == ["m0"]
        assert messages.count_waiting() == Counted(0, 4)
        assert messages.count_exchanged("a", most=100) == 6
        assert messages.count_exchanged("c", most=100) == 0


def test_the_journal_is_listed_by_subject_type_and_source(storage: Storage) -> None:
    record(storage, event("task.created", subject="t"), event("task.started", subject="t", source="/other"))
    record(storage, event("execution.created", subject="e"), start=10)
    with storage.reading() as connection:
        events = ListedEventRepository(connection)

        def types(**only: str) -> set[str]:
            return {one.type for one in events.newest(EventFilter(**only)).items}  # type: ignore[arg-type]

        assert types() == {"task.created", "task.started", "execution.created"}
        assert types(subject="t") == {"task.created", "task.started"}
        assert types(type="task.*", source="/other") == {"task.started"}
        assert types(type="task.%") == set()
        assert events.count(EventFilter(subject="t"), most=10) == 2
        assert events.count_narrowed(EventFilter(type="task.*")) == Counted(2, 3)
        assert {one.subject for one in events.of_subjects(["t", "e"]).items} == {"t", "e"}


def test_dead_letters_are_found_by_several_subjects(storage: Storage) -> None:
    broken = [event("task.progressed", subject=f"t{n}", progress=7) for n in range(3)]
    record(storage, *broken)
    with storage.reading() as connection:
        found = DeadLetterRepository(connection).about_subjects(["t0", "t2"], limit=10)
    assert {letter.subject for letter in found} == {"t0", "t2"}
