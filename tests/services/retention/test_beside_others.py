"""Rounds beside those who record, beside other maintainers, and killed in the middle: nothing is lost, none doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable
from flowledger.domain.keeping import Keeping
from flowledger.domain.settings import Settings
from flowledger.domain.times import written_time
from flowledger.services.retention import service as service_module
from flowledger.services.retention.rounds import Maintenance
from flowledger.services.retention.service import MaintenanceService, OthersMaintain
from flowledger.storage.retention import subjects, wholes
from flowledger.storage.retention.maintainer import only_one
from flowledger.storage.retention.rounds import Round
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import raw
from tests.conftest import settings_for
from tests.documented import grants_of
from tests.services.retention.recording import NOW, OLD, YOUNG, at, execution, ids, recorded, task
from tests.services.test_rights import as_role
from tests.storage.recording import count, record

ROWS = Keeping(rows=30.0)
_EXECUTIONS = 12
_LATE = 60


def turn(storage: Storage, keeping: Keeping = ROWS) -> Round:
    return Maintenance(storage, keeping, clock=lambda: NOW).turn()


def together(*works: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same time. Return what each returned."""
    found: list[Any] = [None] * len(works)

    def do(place: int) -> None:
        try:
            found[place] = works[place]()
        except BaseException as error:
            found[place] = error

    threads = [threading.Thread(target=do, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert not [one for one in found if isinstance(one, BaseException)]
    return found


def test_late_events_beside_rounds_are_all_recorded_and_have_their_rows(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wholes, "_ROOTS_AT_ONCE", 2)
    for place in range(_EXECUTIONS):
        execution(storage, OLD, f"exec_{place}")
        task(storage, OLD, f"task_{place}", execution_id=f"exec_{place}")
    before = count(storage, "events")
    late = threading.Event()

    def records(own: int) -> None:
        for number in range(own, _LATE, 2):
            kind = ("task.progressed", "node.skipped", "execution.logged")[number % 3]
            subject = f"{'task' if kind.startswith('task') else 'exec'}_{number % (_EXECUTIONS // 2)}"
            data = {"node": "a", "iteration": 1} if kind.startswith("node") else {}
            event = raw(kind, subject=subject, time=written_time(YOUNG), id=f"late_{number}", **data)
            while True:
                try:
                    assert record(storage, event, start=1000 + number).recorded == 1
                    break
                except DatabaseUnavailable:  # a deadlock: a drain tries again as well
                    continue
        late.set()

    def goes() -> None:
        while not late.is_set():
            turn(storage)

    with at(YOUNG):
        together(lambda: records(0), lambda: records(1), goes)
    done = turn(storage)
    assert done.waits == {}
    assert count(storage, "events") == before + _LATE
    touched = {f"exec_{place}" for place in range(_EXECUTIONS // 2)}
    assert ids(storage, "executions") == touched
    assert ids(storage, "tasks") >= {f"task_{number % 6}" for number in range(0, _LATE, 3)}
    report = verify(storage, mend=True)
    assert report.differences == 0
    assert ids(storage, "executions") == touched


def test_two_maintainers_at_once_do_each_thing_once(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholes, "_ROOTS_AT_ONCE", 5)
    recorded(storage, OLD, *(("task.created", f"task_{place}", {}) for place in range(60)))
    recorded(storage, OLD, *(("task.completed", f"task_{place}", {}) for place in range(60)))
    horizons = wholes.Horizons(NOW, None)
    both = together(*[lambda: wholes.let_go(storage, wholes.ROOTS[1], horizons)] * 2)
    left = wholes.let_go(storage, wholes.ROOTS[1], horizons)
    assert sum(walked.went["tasks"] for walked in (*both, left)) == 60
    assert count(storage, "tasks") == 0


def test_a_transaction_that_is_killed_leaves_the_whole(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    execution(storage, OLD)
    task(storage, OLD, execution_id="exec_1")
    delete = subjects.delete_some

    def killed(*given: Any) -> Any:
        delete(*given)
        raise SystemExit

    monkeypatch.setattr(wholes, "delete_some", killed)
    with pytest.raises(SystemExit):
        turn(storage)
    assert (count(storage, "executions"), count(storage, "tasks"), count(storage, "execution_logs")) == (1, 1, 1)
    monkeypatch.undo()
    assert turn(storage).went["executions"] == 1


def test_only_one_is_the_maintainer(postgresql_url: str, postgresql_storage: Storage) -> None:
    settings: Settings = settings_for(postgresql_url)
    service = MaintenanceService(postgresql_storage, settings, threading.Event())
    with only_one(postgresql_storage) as first:
        assert first is not None
        first()
        with only_one(postgresql_storage) as second:
            assert second is None
        with pytest.raises(OthersMaintain):
            service.once(patience_seconds=0)
    assert service.once(patience_seconds=0).ended_at is not None


def test_the_service_does_rounds_until_it_is_stopped(storage: Storage, database_url: str) -> None:
    stopping = threading.Event()
    task(storage, OLD)
    told: list[Round] = []

    def tell(done: Round) -> None:
        told.append(done)
        if len(told) == 2:
            stopping.set()

    settings = settings_for(database_url).model_copy(update={"keep_rows_days": 1.0, "maintain_seconds": 0.01})
    MaintenanceService(storage, settings, stopping).run(tell)
    assert [one.went.get("tasks", 0) for one in told] == [1, 0]


def test_who_waits_for_another_maintainer_can_be_stopped(
    postgresql_url: str, postgresql_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()
    service = MaintenanceService(postgresql_storage, settings_for(postgresql_url), stopping)
    looks = []

    @contextmanager
    def looked(storage: Storage) -> Iterator[Callable[[], object] | None]:
        looks.append(storage)
        stopping.set()
        assert len(looks) < 5, "it asks again and again"
        with only_one(storage) as mine:
            yield mine

    monkeypatch.setattr(service_module, "only_one", looked)
    with only_one(postgresql_storage), pytest.raises(OthersMaintain, match="stopped while"):
        service.once(patience_seconds=100)
    assert len(looks) == 1


def test_the_service_does_not_wait_for_rights_that_its_role_lacks(
    postgresql_url: str, postgresql_storage: Storage
) -> None:
    with as_role(postgresql_url, grants_of("flowledger_flower"), "flowledger_flower") as storage:
        service = MaintenanceService(storage, settings_for(postgresql_url), threading.Event())
        with pytest.raises(DatabaseDenied, match="permission denied for table rounds"):
            service.run(lambda _: None)
