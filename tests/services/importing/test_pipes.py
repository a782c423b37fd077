"""Pipes: what came through them is recorded soon, and also if the import ends while it waits for more."""

from __future__ import annotations

import gzip
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.services.importing.importer import Importer
from flowledger.services.importing.report import Lost, Report
from flowledger.storage.unit_of_work import Storage, UnitOfWork
from tests.services.importing.importing import BATCH, Heard, created
from tests.storage.recording import count
from tests.waiting import left, wait_until


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Reading is the same for both."""
    return sqlite_url


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    return pipe


@contextmanager
def importing(settings: Settings, pipe: Path, heard: Heard) -> Iterator[tuple[Importer, list[Report]]]:
    """An import of the pipe beside the test, and its report, which comes when it has ended."""
    importer = Importer(settings, deliver=False, processes=1, watcher=heard)
    reports: list[Report] = []
    thread = threading.Thread(target=lambda: reports.append(importer.run([str(pipe)])), daemon=True)
    thread.start()
    yield importer, reports
    thread.join(20)
    assert not thread.is_alive(), "it waits for the pipe"


@contextmanager
def written_to(pipe: Path) -> Iterator[int]:
    """The writing end of a pipe, which waits for nobody who reads; closed afterwards, which ends the pipe."""
    ours = os.open(pipe, os.O_RDWR)
    try:
        yield ours
    finally:
        os.close(ours)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_was_taken_from_a_pipe_is_recorded_before_the_import_ends(
    settings: Settings, storage: Storage, pipe: Path, pack: Callable[[bytes], bytes]
) -> None:
    events, heard = created(3), Heard()
    with written_to(pipe) as ours, importing(settings, pipe, heard) as (importer, reports):
        os.write(ours, pack(b"\n".join(events) + b"\n" + events[0][:20]))
        _wait_until_taken(ours)
        importer.stop()
    (report,) = reports
    assert (report.recorded, report.unfinished, count(storage, "events")) == (3, "interrupted", 3)
    assert [line.line for line in heard.refused] == [4], "of which only a part had come"


def test_all_lines_that_were_taken_from_a_pipe_are_recorded_before_the_import_ends(
    settings: Settings, storage: Storage, pipe: Path
) -> None:
    """Also those of which nobody has made a batch yet."""
    content, heard = b"\n".join(created(3 * BATCH)) + b"\n", Heard()
    with written_to(pipe) as ours:
        os.write(ours, content)
        with importing(settings, pipe, heard) as (importer, reports):
            heard.then = lambda _: importer.stop()
        (report,) = reports
        assert report.recorded == content[: len(content) - left(ours)].count(b"\n") > BATCH
        assert (report.unfinished, count(storage, "events")) == ("interrupted", report.recorded)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set as long as the database is away."""
    flush, away = UnitOfWork.flush, threading.Event()

    def broken(unit: UnitOfWork, *given: Any) -> Any:
        if away.is_set():
            raise DatabaseUnavailable("gone")
        return flush(unit, *given)

    monkeypatch.setattr(UnitOfWork, "flush", broken)
    away.set()
    return away


def test_lines_that_were_taken_and_cannot_be_recorded_are_reported(
    settings: Settings, storage: Storage, pipe: Path, away: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that no batch was made of yet."""
    monkeypatch.setattr("flowledger.services.importing.lanes.LAST_SECONDS", 0.5)
    events, heard = created(5 * BATCH), Heard()
    away.clear()
    with written_to(pipe) as ours, importing(settings, pipe, heard) as (importer, reports):
        os.write(ours, events[0] + b"\n")
        wait_until(lambda: count(storage, "events") == 1)
        away.set()
        os.write(ours, b"\n".join(events[1:3]) + b"\n")
        wait_until(lambda: heard.waited)
        os.write(ours, b"\n".join(events[3:]) + b"\n")
        _wait_until_taken(ours)
        importer.stop()
    (report,) = reports
    assert report.lost == [Lost(str(pipe), 5 * BATCH - 1, 2, 5 * BATCH)]
    assert (report.recorded, report.unfinished, report.is_complete) == (1, "interrupted", False)


def test_an_import_that_is_stopped_still_waits_a_little_for_the_database(
    settings: Settings, storage: Storage, pipe: Path, away: threading.Event
) -> None:
    heard = Heard()
    with written_to(pipe) as ours, importing(settings, pipe, heard) as (importer, reports):
        os.write(ours, b"\n".join(created(3)) + b"\n")
        wait_until(lambda: heard.waited)
        importer.stop()
        away.clear()
    (report,) = reports
    assert (report.recorded, report.lost, report.unfinished) == (3, [], "interrupted")
    assert count(storage, "events") == 3


def test_what_comes_through_a_pipe_is_recorded_while_more_is_waited_for(
    settings: Settings, storage: Storage, pipe: Path
) -> None:
    """Also the last line, which has no end."""
    events = created(BATCH)
    with importing(settings, pipe, Heard()) as (_, reports), written_to(pipe) as ours:
        os.write(ours, b"\n".join(events[:3]) + b"\n")
        wait_until(lambda: count(storage, "events") == 3)
        for event in events[3:5]:
            os.write(ours, event + b"\n")
        wait_until(lambda: count(storage, "events") == 5)
        os.write(ours, b"\n".join(events[5:]))
        _wait_until_taken(ours)
    (report,) = reports
    assert (report.recorded, report.unfinished, count(storage, "events")) == (BATCH, "", BATCH)


def test_what_comes_through_a_pipe_is_recorded_also_if_it_never_pauses(
    settings: Settings, storage: Storage, pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowledger.services.importing.batches.BATCH", 10**6)  # no batch is ever full
    enough = threading.Event()
    sent: list[bytes] = []
    with importing(settings, pipe, Heard()) as (_, reports), written_to(pipe) as ours:

        def write() -> None:
            for event in created(5_000):
                os.write(ours, event + b"\n")
                sent.append(event)
                if enough.wait(0.005):
                    return

        writing = threading.Thread(target=write, daemon=True)
        writing.start()
        wait_until(lambda: count(storage, "events") > 0)
        assert writing.is_alive(), "it has not paused"
        enough.set()
        writing.join()
        _wait_until_taken(ours)
    (report,) = reports
    assert report.recorded == count(storage, "events") == len(sent)


def test_lines_of_a_zipped_pipe_are_recorded_while_more_is_waited_for(
    settings: Settings, storage: Storage, pipe: Path
) -> None:
    """As far as they can be unzipped."""
    events, zipping = created(4), zlib.compressobj(wbits=31)
    with importing(settings, pipe, Heard()) as (_, reports), written_to(pipe) as ours:
        for number, event in enumerate(events, 1):
            os.write(ours, zipping.compress(event + b"\n") + zipping.flush(zlib.Z_SYNC_FLUSH))
            wait_until(partial(_has_events, storage, number))
        os.write(ours, zipping.flush() + gzip.compress(created(5)[4]))
        _wait_until_taken(ours)
    (report,) = reports
    assert (report.recorded, report.unfinished) == (5, "")


def test_an_import_of_a_pipe_that_nobody_writes_to_can_be_stopped(settings: Settings, pipe: Path) -> None:
    with importing(settings, pipe, Heard()) as (importer, reports):
        importer.stop()
    (report,) = reports
    assert (report.lines, report.unfinished) == (0, "interrupted")


def _wait_until_taken(number: int) -> None:
    """Wait until all that was written is taken: what closes a pipe before that drops it, if nobody else has it open."""
    wait_until(lambda: not left(number))


def _has_events(storage: Storage, number: int) -> bool:
    return count(storage, "events") == number
