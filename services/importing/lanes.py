"""Lanes: each records its batches one after the other, in a process of its own or in this one."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple, Protocol

from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.services.importing.batches import Batch, Outcome
from flowledger.services.importing.patience import LAST_SECONDS, Stopping, patiently
from flowledger.services.importing.recording import BatchRecorder
from flowledger.storage.engines.patience import wait_at_most
from flowledger.workers.faults import fault

_AHEAD: Final = 1
"""Batches that wait for a lane, so that it need not wait for the reader."""
_END_SECONDS: Final = 30.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
WARNERS: Final = ("flowledger.client", "flowledger.domain", "flowledger.workers")
"""Loggers whose warnings are for whoever started the import."""


class RecordsBatches(Protocol):
    def record(self, batch: Batch) -> Outcome: ...

    def close(self) -> None: ...


class Ended(NamedTuple):
    """A batch that a lane has done with: its outcome, or the error at which the lane gave up."""

    batch: Batch
    outcome: Outcome | BaseException


class Lane:
    """A thread that gives batches to a recorder, and waits for a database that is away as long as it takes; if the
    import is to end, only with lines of a pipe, and not for long.

    `waits` is told why it waits, once each time, and "" when the database is back. What has ended is put into `ended`.
    """

    def __init__(
        self,
        recorder: RecordsBatches,
        ended: queue.SimpleQueue[Ended],
        stopping: Stopping,
        waits: Callable[[str], None],
    ) -> None:
        self._recorder = recorder
        self._ended = ended
        self._stopping = stopping
        self._waits = waits
        self._batches: queue.Queue[Batch | None] = queue.Queue(_AHEAD)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def offer(self, batch: Batch, seconds: float) -> bool:
        """Give the lane a batch. Return False if it had no room for it so long."""
        with suppress(queue.Full):
            self._batches.put(batch, timeout=seconds)
            return True
        return False

    def close(self) -> None:
        """End after the batch that is being recorded, and those that wait."""
        self._batches.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            try:
                record = partial(self._recorder.record, batch)
                seconds = LAST_SECONDS if batch.of_pipe else 0.0
                outcome: Outcome | BaseException = patiently(record, self._stopping, self._waits, seconds)
            except BaseException as error:
                outcome = error
            self._ended.put(Ended(batch, outcome))
        self._recorder.close()


class RecordingProcess:
    """A process that records: a `BatchRecorder` on the other side of a pipe. It ends when this process does.

    SIGINT and SIGTERM do not end it: a terminal, `timeout` or a supervisor sends them to all processes, and the one
    that reads ends the import after the batches that are under way.
    """

    def __init__(self, settings: Settings, *, deliver: bool, beyond_horizon: bool = False) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pipe, its = spawning.Pipe()
        self._process = spawning.Process(target=_serve, args=(its, settings, deliver, beyond_horizon), daemon=True)
        with _blocked_signals():
            self._process.start()
        atexit.register(self._process.kill)  # multiprocessing would wait for it, if it was not closed
        its.close()

    def record(self, batch: Batch) -> Outcome:
        """Record a batch as `BatchRecorder.record` does. Raises LedgerError if the process has ended."""
        try:
            self._pipe.send(batch)
            reply: Any = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(_END_SECONDS)
            lines = f"lines {batch.lines[0].number:,} to {batch.lines[-1].number:,} of {batch.file}"
            raise LedgerError(
                f"the process that recorded {lines} ended (exit code {self._process.exitcode})"
            ) from error
        if isinstance(reply, Exception):
            raise reply
        assert isinstance(reply, Outcome)
        return reply

    def close(self) -> None:
        """Let the process end, which finds the pipe closed."""
        self._pipe.close()
        self._process.join(_END_SECONDS)


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Block signals here for a while. A process that is started meanwhile has them blocked from its beginning to its
    end.
    """
    resource_tracker.ensure_running()  # its start unblocks them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection[Any, Any], settings: Settings, deliver: bool, beyond_horizon: bool) -> None:
    """Record what comes through the pipe, until its other side is closed, or its process has died."""
    wait_at_most(settings.answer_timeout_seconds, settings.connect_timeout_seconds)
    recorder = BatchRecorder(settings, deliver=deliver, beyond_horizon=beyond_horizon)
    with recorder, suppress(EOFError, OSError):
        while True:
            batch = pipe.recv()
            pipe.send(_reply(recorder, batch))


def _reply(recorder: BatchRecorder, batch: Batch) -> Outcome | Exception:
    try:
        with _warnings() as found:
            outcome = recorder.record(batch)
        outcome.warnings = found
        return outcome
    except LedgerError as error:
        return error
    except Exception as error:
        return LedgerError(f"a fault of Flowledger: {fault(error)}")


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Collect what is logged as a warning or worse: the process at the terminal reports it."""
    found: list[str] = []
    handler = _Collecting(found)
    loggers = [logging.getLogger(name) for name in WARNERS]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield found
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


class _Collecting(logging.Handler):
    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.append(f"{record.levelname.lower()}: {record.getMessage()}")
