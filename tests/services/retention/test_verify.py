"""What went by age is neither damage nor brought back."""

from __future__ import annotations

from datetime import timedelta

from flowledger.domain.keeping import Keeping
from flowledger.services.retention.rounds import Maintenance
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.services.retention.recording import NOW, OLD, YOUNG, execution, message, recorded, task
from tests.storage.recording import all_rows, by_hand

ROWS = Keeping(rows=30.0, logs=30.0, metrics=30.0, audit=30.0)


def test_rows_that_went_while_their_texts_are_kept_are_counted_and_left_alone(storage: Storage) -> None:
    execution(storage, OLD)
    task(storage, OLD, execution_id="exec_1")
    message(storage, OLD, task_id="task_1")
    recorded(storage, OLD, ("metric.recorded", "agent_1", {}), ("audit.logged", "agent_1", {}))
    task(storage, YOUNG, "task_2")
    assert Maintenance(storage, ROWS, clock=lambda: NOW).turn().went["executions"] == 1
    recorded(storage, YOUNG, ("execution.logged", "exec_1", {}), ("task.logged", "task_1", {}))
    before = all_rows(storage)
    report = verify(storage, mend=True)
    # execution, failure, node run; task, failure, log line; message, delivery; point, audit line
    assert (report.differences, report.aged, report.gone) == (0, 10, 0)
    assert all_rows(storage) == before


def test_other_damage_is_found_and_mended_beside_them(storage: Storage) -> None:
    task(storage, OLD)
    recorded(storage, OLD, ("metric.recorded", "agent_1", {}))
    task(storage, YOUNG, "task_2")
    Maintenance(storage, ROWS, clock=lambda: NOW).turn()
    before = all_rows(storage)
    by_hand(
        storage,
        tables.tasks.update().where(tables.tasks.c.id == "task_2").values(name="wrong"),
        tables.metadata.tables["metric_days"].update().values(count=7),
    )
    report = verify(storage, mend=True)
    assert (report.by_table, report.is_well) == ({"tasks": 1, "metric_days": 1}, True)
    assert all_rows(storage) == before, "the point that went stays gone"


def test_a_row_that_went_after_verify_has_looked_is_not_brought_back(storage: Storage) -> None:
    task(storage, OLD)
    by_hand(storage, tables.tasks.update().values(name="wrong"))

    def goes(phase: str, _done: int, _total: int) -> None:
        if phase == "repair":
            Maintenance(storage, ROWS, clock=lambda: NOW + timedelta(days=1)).turn()

    verify(storage, mend=True, tell=goes)
    assert all_rows(storage)["tasks"] == {}
