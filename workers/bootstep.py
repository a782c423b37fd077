"""The threads of a Celery worker: started and stopped with it."""

from __future__ import annotations

import mmap
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from celery import bootsteps
from celery.worker import state

from flowledger.domain.errors import DatabaseUnfit, ForeignBroker, LedgerError, SettingsError
from flowledger.domain.settings import Settings
from flowledger.workers.authority import guard_of
from flowledger.workers.background import BackgroundThread
from flowledger.workers.checks import UnfitServer, refuse_unfit
from flowledger.workers.health.life import Life
from flowledger.workers.pump import Pump
from flowledger.workers.regular_bells import BELL_MS as REGULAR_BELL_MS
from flowledger.workers.server_watch import ServerWatch
from flowledger.workers.watch import Watch, check_at_start

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

_BELL_SECONDS = 60.0
"""A bell for which no process was free is rung again long before this."""

_stopping = mmap.mmap(-1, 1)
"""One byte that the worker shares with its pool's processes: 1 when it stops. No lock: its holder may be killed."""


def is_stopping() -> bool:
    """Return whether the worker of this process stops. A drain then ends after its batch."""
    return _stopping[0] == 1


def send_drain(app: Any, shard: int) -> None:
    """Send one shard's bell to any worker."""
    app.send_task("ledger.drain", args=[shard], ignore_result=True, retry=False, expires=_BELL_SECONDS)


def send_post(app: Any) -> None:
    """Ask any worker to deliver the messages that wait."""
    app.send_task("ledger.post", ignore_result=True, retry=False, expires=_BELL_SECONDS)


def send_schedules(app: Any) -> None:
    """Ask any worker to fire the schedules that are due (`services.schedules`)."""
    app.send_task("ledger.schedules", ignore_result=True, retry=False, expires=REGULAR_BELL_MS / 1000)


def send_maintain(app: Any) -> None:
    """Ask any worker to let go what is too old (`services.retention`)."""
    app.send_task("ledger.maintain", ignore_result=True, retry=False, expires=REGULAR_BELL_MS / 1000)


def drain_here(app: Any, worker: str) -> Callable[[int], None]:
    """Return the drain that runs in the calling thread, without a bell, in the name of this Celery node."""
    task = app.tasks["ledger.drain"]

    def drain(shard: int) -> None:
        task.push_request(hostname=worker)
        try:
            task.run(shard)
        finally:
            task.pop_request()

    return drain


class PumpStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs the pump, both watches and the signs of life in every worker, as long as its pool runs."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._threads: tuple[BackgroundThread, ...] = ()
        try:
            settings = Settings.load()
            guard_of(settings)  # without its keys a worker would refuse every signed event, or none
            refuse_unfit(settings)
            check_at_start(settings)
        except (SettingsError, ForeignBroker, UnfitServer, DatabaseUnfit) as error:
            sys.exit(f"error: {error}")
        except LedgerError:
            pass  # the database is unavailable or not migrated: drains wait for it, and report it

    def start(self, worker: Any) -> None:
        app = worker.app
        _stopping[0] = 0
        if threading.current_thread() is threading.main_thread():
            _tell_drains_at_the_signal()
        settings = Settings.load()
        pump = Pump(
            settings,
            lambda shard: send_drain(app, shard),
            drain_here(app, worker.hostname),
            lambda: send_post(app),
            lambda: send_schedules(app),
            maintain=lambda: send_maintain(app),
        )
        life = Life(settings, worker.hostname, pump.turns, *_pool_of(worker))
        self._threads = (pump, Watch(settings, lambda _why: _end()), ServerWatch(settings), life)
        for thread in self._threads:
            thread.start()

    def stop(self, _worker: Any) -> None:
        for thread in self._threads:
            thread.ask_to_stop()
        for thread in self._threads:
            thread.stop()
        self._threads = ()

    terminate = stop

    def info(self, _worker: Any) -> dict[str, Any]:
        """Return what the worker adds to its `stats`. No other Celery worker reports `flowledger`."""
        return {"flowledger": {"signatures": Settings.load().signatures}}


def _pool_of(worker: Any) -> tuple[int, str]:
    """Return how many processes, threads or greenlets a worker's pool has, and which kind of pool it is."""
    return int(worker.concurrency or 1), type(worker.pool).__module__.rpartition(".")[2]


def _end() -> None:
    """End this worker with exit status 1: it must take neither events nor bells of another ledger."""
    _stopping[0] = 1
    state.should_stop = 1


def _tell_drains_at_the_signal() -> None:
    """Tell drains of a signal at once. Celery first waits for the tasks under way, and only then stops its steps."""
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler):
            signal.signal(number, _telling(handler))


def _telling(handler: Callable[..., Any]) -> Callable[..., Any]:
    def handle(*arguments: Any) -> Any:
        _stopping[0] = 1
        return handler(*arguments)

    return handle
