"""An import: reads files, gives batches of lines to lanes, and writes down how far each file is done."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Protocol

from flowledger.client.lines import UNREADABLE, BadLine, EventFile
from flowledger.client.pipes import is_pipe
from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable, LedgerError
from flowledger.domain.settings import Settings
from flowledger.domain.times import now, sortable
from flowledger.services.importing.batches import Batch, Outcome, Reading, TooManyFail
from flowledger.services.importing.lanes import Ended, Lane, RecordingProcess
from flowledger.services.importing.patience import RightMissing, Stopping, is_away, needed, patiently
from flowledger.services.importing.places import BEGINNING, Digested, Place, key_of, known_place
from flowledger.services.importing.recording import BatchRecorder
from flowledger.services.importing.report import INTERRUPTED, Report
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.engines.pipeline import CheckpointRow
from flowledger.storage.ledger.checkpoints import CheckpointRepository
from flowledger.storage.ledger.schedule_due import note_imported
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.fuse import Fuse

_LOOK_SECONDS: Final = 0.2
"""How long the reader waits for a lane before it looks at what has ended."""


class Watcher(Protocol):
    """Who is told how an import goes. `waits` comes from the lanes' threads: why one waits, and "" when it goes on."""

    def opens(self, file: str, size: int | None) -> None: ...

    def goes_on(self, file: str, place: Place) -> None: ...

    def comes(self, report: Report, position: int) -> None: ...

    def refuses(self, line: BadLine) -> None: ...

    def warns(self, words: str) -> None: ...

    def waits(self, why: str) -> None: ...


class _Stopped(Exception):
    """The import was stopped while nothing was under way."""


class Importer:
    """Imports files, one after the other, with several lanes (`processes`; 1: in this process). With `whole`, each file
    is one event.

    `report` says what has become of their lines so far, also if `run` raises.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        deliver: bool,
        processes: int,
        watcher: Watcher,
        beyond_horizon: bool = False,
        whole: bool = False,
    ) -> None:
        self._settings = settings
        self._deliver = deliver
        self._beyond_horizon = beyond_horizon
        self._whole = whole
        self._watcher = watcher
        self.report = Report()
        self._fuse = Fuse(settings.fuse_entries)
        self._stopping = Stopping()
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._processes = processes
        self._lanes: list[Lane] = []
        self._under_way = 0
        self._reading: Reading | None = None
        self._keys: list[str] = []
        self._is_bad = False
        self._storage = Storage(make_engine(settings))

    def run(self, files: Sequence[str]) -> Report:
        """Import files, once. Raises LedgerError, which says how far it came, if a file cannot be read or recording is
        at fault; KeyboardInterrupt at once, without waiting for what is under way.
        """
        began = time.monotonic()
        self.report.unfinished = INTERRUPTED
        try:
            self._run(files)
        except LedgerError as error:
            self.report.unfinished = str(error)
            raise
        finally:
            self.report.seconds = round(time.monotonic() - began, 3)
        return self.report

    def stop(self) -> None:
        """End after the batches that are under way. May be called from any thread, and by a handler of signals."""
        self._stopping.set()

    def _run(self, files: Sequence[str]) -> None:
        with ExitStack() as stack:
            stack.callback(self._storage.close)
            stack.callback(self._forget_if_bad)  # after the lanes have closed: each batch leaves a place
            stack.callback(self._close_lanes)
            try:
                self._open_lanes()
                self._import(files)
            except TooManyFail:
                self._is_bad = True
                raise
            except _Stopped:
                pass
            except KeyboardInterrupt:
                self._lanes.clear()  # nobody waits for them, or for what they record
                raise
            except DatabaseDenied as error:
                raise RightMissing(f"{error}: {needed(self._settings)} ({self._so_far()})") from error
            except DatabaseUnavailable:
                if not self._stopping.is_set():
                    raise
            finally:
                self._stopping.set()

    def _import(self, files: Sequence[str]) -> None:
        for file in _once(files):
            self._import_file(file)
            if self._stopping.is_set():
                return
        patiently(self._finish, self._stopping, self._watcher.waits)
        self.report.unfinished = ""

    def _open_lanes(self) -> None:
        for _ in range(self._processes):
            recording = BatchRecorder if self._processes == 1 else RecordingProcess
            recorder = recording(self._settings, deliver=self._deliver, beyond_horizon=self._beyond_horizon)
            self._lanes.append(Lane(recorder, self._ended, self._stopping, self._watcher.waits))

    def _close_lanes(self) -> None:
        while self._lanes:
            self._lanes.pop().close()
        while not self._ended.empty():  # of an import that has failed
            if isinstance(outcome := self._ended.get().outcome, Outcome):
                self.report.add(outcome)

    def _import_file(self, file: str) -> None:
        try:
            key = key_of(file, deliver=self._deliver, beyond_horizon=self._beyond_horizon, whole=self._whole)
            self._keys.append(key)
            with EventFile(file, Digested, self._goes_on_reading, whole=self._whole) as events:
                self._watcher.opens(file, events.size)
                place = self._skipped(events, key)
                if place is not None:
                    self._import_rest(events, key, place)
                    return
            with EventFile(file, Digested) as events:  # it is another file, which begins like that one
                self._import_rest(events, key, BEGINNING)
        except UNREADABLE as error:
            raise LedgerError(f"cannot read {file}: {error} ({self._so_far()})") from error

    def _skipped(self, events: EventFile, key: str) -> Place | None:
        """Skip what an unfinished import has done of a file. Return up to where; None if that was another file.

        What is no file cannot be read a second time, so nothing of it is skipped; nor is a part of an event.
        """
        if events.is_pipe or self._whole:
            return BEGINNING
        place = patiently(lambda: known_place(self._storage, key), self._stopping, self._watcher.waits)
        plain = events.plain
        assert isinstance(plain, Digested)
        if place.offset == 0:
            return BEGINNING
        if not plain.skip_to(place, lambda: self._skips(events)):
            return None
        events.number = place.line
        self.report.skip(place)
        self._watcher.goes_on(events.name, place)
        return place

    def _skips(self, events: EventFile) -> None:
        self._watcher.comes(self.report, events.position)
        if self._stopping.is_set():
            raise _Stopped

    def _import_rest(self, events: EventFile, key: str, place: Place) -> None:
        most_bytes = self._settings.limits.max_event_bytes
        reading = self._reading = Reading(events, key, len(self._lanes), self._settings.shards, most_bytes)
        reading.bad = place.bad
        try:
            self._record(reading)
        except Exception:
            self._write_down(key, reading.done)
            raise
        self._reading = None
        self._write_down(key, reading.done)
        if reading.damage is not None and not self._stopping.is_set():  # a pipe that was left ends in the middle
            raise reading.damage

    def _record(self, reading: Reading) -> None:
        """Give the lanes all batches of a file, and wait until they are recorded.

        If the import is stopped, a file is left where it is; what was taken from a pipe is recorded first, or reported.
        """
        for lane, batch in reading.batches():
            self._give(reading, lane, batch)
            if self._stopping.is_set() and not reading.events.is_pipe:
                break
        while self._under_way:
            self._look(reading, seconds=_LOOK_SECONDS)

    def _goes_on_reading(self) -> bool:
        """Record what has come through a pipe, while more is waited for. Return whether to go on."""
        if self._reading is not None:
            for lane, batch in self._reading.old_batches():
                self._give(self._reading, lane, batch)
            self._look(self._reading)
        return not self._stopping.is_set()

    def _give(self, reading: Reading, lane: int, batch: Batch) -> None:
        while not self._lanes[lane].offer(batch, _LOOK_SECONDS):
            self._look(reading)
        self._under_way += 1
        self._look(reading)

    def _look(self, reading: Reading, seconds: float | None = None) -> None:
        """Count what has ended; wait so long for the first of it. Raises what a lane gave up at."""
        try:
            while True:
                batch, outcome = self._ended.get(timeout=seconds) if seconds else self._ended.get_nowait()
                seconds = None
                self._under_way -= 1
                if isinstance(outcome, BaseException):
                    if batch.of_pipe and is_away(outcome):
                        self.report.lose(batch)  # the import is to end, and goes on with the rest of what was taken
                        continue
                    raise outcome
                if not outcome.too_many_fail:
                    reading.ended(batch, outcome.bad)
                self._count(outcome)
        except queue.Empty:
            self._watcher.comes(self.report, reading.events.position)

    def _count(self, outcome: Outcome) -> None:
        self.report.add(outcome)
        for words in outcome.warnings:
            self._watcher.warns(words)
        for line in outcome.refused:
            self._watcher.refuses(line)
        if outcome.too_many_fail:
            raise TooManyFail(f"{outcome.too_many_fail} ({self._so_far()})")
        for died in outcome.died:
            self._fuse.count(dead=bool(died))
            if died and not self._fuse.allows_dead_letter():
                raise TooManyFail(
                    f"{self._fuse.dead:,} of the last {self._fuse.seen:,} lines became dead letters: see `flowledger "
                    "dead-letters list`, mend the cause, then import again; LEDGER_FUSE_ENTRIES=0 imports in spite of "
                    f"it ({self._so_far()})"
                )

    def _write_down(self, key: str, place: Place) -> None:
        """Write how far a file is done. If the database is away, the place before this one stands."""
        with suppress(DatabaseUnavailable):
            self._storage.unit_of_work().flush([CheckpointRow(key, str(place), sortable(now()))])

    def _forget_if_bad(self) -> None:
        """Let the next import begin anew: what became dead letters may be recorded then."""
        if self._is_bad:
            with suppress(DatabaseUnavailable), changing(self._storage) as connection:
                CheckpointRepository(connection).forget(self._keys)

    def _finish(self) -> None:
        """Let the scheduler look at schedules, now that all their events are there, and forget the places."""
        with changing(self._storage) as connection:
            if not self._deliver:
                note_imported(connection)
            CheckpointRepository(connection).forget(self._keys)

    def _so_far(self) -> str:
        return f"by then {self.report.taken}"


def _once(files: Sequence[str]) -> Iterator[str]:
    """Yield the names without those of files that were named before, in any way; a pipe has more each time."""
    seen = set()
    for file in files:
        with suppress(OSError):  # which reading reports
            if not is_pipe(file):
                found = Path(file).stat()
                if (found.st_dev, found.st_ino) in seen:
                    continue
                seen.add((found.st_dev, found.st_ino))
        yield file
