"""`flowledger maintain`: one round, and what it says."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta

import pytest

from flowledger.cli import maintained
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.storage.unit_of_work import Storage
from tests.cli.calling import Run
from tests.services.retention.recording import execution


def test_one_round_is_reported_for_people_and_programs(storage: Storage, run: Run) -> None:
    execution(storage, now() - timedelta(days=40))
    done = run("maintain", "--once", "--json", LEDGER_KEEP_ROWS_DAYS="30", REDIS_URL=None)
    assert done.code == 0
    assert done.json["went"]["executions"] == 1
    assert done.json["ended_at"] is not None
    again = run("maintain", "--once", LEDGER_KEEP_ROWS_DAYS="30", REDIS_URL=None)
    assert (again.code, again.out) == (0, "nothing that is old enough was there\n")


def test_the_first_ctrl_c_ends_a_round_and_the_second_does_not_wait(
    storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck:
        def __init__(self, _storage: Storage, _settings: Settings, stopping: threading.Event) -> None:
            self.stopping = stopping

        def once(self) -> None:
            signal.raise_signal(signal.SIGINT)
            assert self.stopping.is_set()
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(maintained, "MaintenanceService", Stuck)
    with pytest.raises(KeyboardInterrupt):
        maintained.maintain_once(settings)
    assert signal.getsignal(signal.SIGINT) is before
