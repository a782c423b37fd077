"""What stops an import, and how the next one goes on."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.services.importing.batches import TooManyFail
from flowledger.services.importing.importer import Importer
from flowledger.services.importing.report import Report
from flowledger.storage.ledger.checkpoints import CheckpointRepository
from flowledger.storage.unit_of_work import Storage, UnitOfWork
from tests.builders import raw
from tests.services.importing.importing import (
    BATCH,
    Heard,
    created,
    import_file,
    import_lines,
    import_until,
    journal,
    places,
    written,
)
from tests.storage.recording import count


def test_an_import_that_was_stopped_goes_on_where_it_stopped(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    file = written(tmp_path, *created(5 * BATCH), b"rubbish")
    first = import_until(settings, file, 2 * BATCH)
    assert first.unfinished
    assert 2 * BATCH <= first.lines < 5 * BATCH
    with storage.reading() as connection:
        assert CheckpointRepository(connection).all() == [], "that is none of a stream's"
    file = file.rename(tmp_path / "renamed")
    heard = Heard()
    second = import_file(settings, file, heard=heard)
    assert (second.skipped, second.repeated) == (first.lines, 0)
    assert first.recorded + second.recorded == count(storage, "events") == 5 * BATCH
    assert [line.line for line in heard.refused] == [5 * BATCH + 1]
    assert places(storage) == 0


def test_an_import_can_be_stopped_while_it_reads_what_was_done(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    file = written(tmp_path, *created(5 * BATCH))
    done = import_until(settings, file, 2 * BATCH).lines
    heard = Heard()
    importer = Importer(settings, deliver=False, processes=1, watcher=heard)
    heard.then = lambda _report: importer.stop()
    report = importer.run([str(file)])
    assert (report.unfinished, report.lines, report.skipped) == ("interrupted", 0, 0)
    assert import_file(settings, file).skipped == done


def test_a_file_that_has_grown_goes_on_and_one_that_was_changed_begins_anew(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    events = created(4 * BATCH)
    import_until(settings, written(tmp_path, *events[: 3 * BATCH]), 2 * BATCH)
    changed = [events[0], raw("task.created", id="changed", subject="changed"), *events[2:]]
    heard = Heard()
    report = import_file(settings, written(tmp_path, *changed), heard=heard)
    assert (heard.went_on, report.skipped, report.lines) == ([], 0, 4 * BATCH)
    assert count(storage, "events") == 4 * BATCH + 1
    import_until(settings, written(tmp_path, *events[: 3 * BATCH]), 2 * BATCH)
    assert import_file(settings, written(tmp_path, *events)).skipped >= 2 * BATCH


def test_a_line_that_is_still_being_written_is_recorded_once_it_has_been(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    """The import stopped at a later file, so the place of the first one is where it ended."""
    events = created(3)
    growing, later = tmp_path / "growing.jsonl", written(tmp_path, *created(3 * BATCH)[3:])
    growing.write_bytes(b"\n".join(events)[:-20])
    heard = Heard()
    importer = Importer(settings, deliver=False, processes=1, watcher=heard)
    heard.then = lambda report: importer.stop() if report.lines > BATCH else None
    assert importer.run([str(growing), str(later)]).unfinished
    assert [line.line for line in heard.refused] == [3]
    growing.write_bytes(b"\n".join(events) + b"\n")
    heard = Heard()
    report = Importer(settings, deliver=False, processes=1, watcher=heard).run([str(growing), str(later)])
    assert (heard.refused, heard.went_on[0].line) == ([], 2)
    assert report.skipped > BATCH
    assert (count(storage, "events"), places(storage)) == (3 * BATCH, 0)


def test_an_import_that_goes_on_knows_which_lines_were_not_recorded_before(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    """Those before its place: others come again."""
    events = created(5 * BATCH)
    events[3:4] = [b"rubbish", raw("task.created", id="n0", subject="another")]
    file = written(tmp_path, *events)
    first = import_until(settings, file, 2 * BATCH)
    assert (first.dead, first.refused_lines, first.skipped_bad) == (1, 1, 0)
    second = import_until(settings, file, BATCH)
    assert (second.dead, second.refused_lines, second.skipped_bad, second.is_complete) == (0, 0, 2, False)
    third = import_file(settings, file)
    assert (third.unfinished, third.dead, third.skipped_bad, third.is_complete) == ("", 0, 2, False)
    again = import_file(settings, file)
    assert (again.repeated, again.dead, again.refused_lines) == (5 * BATCH - 1, 1, 1), "from the beginning"
    assert (again.skipped, again.skipped_bad) == (0, 0)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_small_file_that_has_grown_goes_on_and_no_place_stays(
    settings: Settings, storage: Storage, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    events = created(8)
    file = tmp_path / "events"
    file.write_bytes(pack(b"".join(event + b"\n" for event in events[:4])))
    assert import_until(settings, file, 4).unfinished
    file.write_bytes(file.read_bytes() + pack(b"".join(event + b"\n" for event in events[4:])))
    report = import_file(settings, file)
    assert (report.skipped, report.recorded, places(storage)) == (4, 4, 0)


def test_what_is_no_file_begins_anew(settings: Settings, storage: Storage, tmp_path: Path) -> None:
    """It cannot be read twice: a look at what was done before would lose it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for events in (created(3 * BATCH), [raw("task.created", id="another", subject="another")]):
        writing = threading.Thread(target=pipe.write_bytes, args=(b"\n".join(events),))
        writing.start()
        report = import_until(settings, pipe, BATCH)
        assert report.recorded >= 1
        writing.join()
    assert ("/tests", "another") in journal(storage)


def test_an_import_waits_for_a_database_that_is_away(
    settings: Settings, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush, calls = UnitOfWork.flush, iter([False, True, True])

    def broken(unit: UnitOfWork, *given: Any) -> Any:
        if next(calls, False):
            raise DatabaseUnavailable("gone for a while")
        return flush(unit, *given)

    monkeypatch.setattr(UnitOfWork, "flush", broken)
    heard = Heard()
    report = import_file(settings, written(tmp_path, *created(3 * BATCH)), heard=heard)
    assert (report.recorded, report.unfinished) == (3 * BATCH, "")
    assert heard.waited == ["gone for a while", ""]
    assert count(storage, "events") == 3 * BATCH


def test_an_import_can_be_stopped_while_the_database_is_away(
    settings: Settings, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_unit: UnitOfWork, *_given: Any) -> Any:
        raise DatabaseUnavailable("gone")

    heard = Heard()
    importer = Importer(settings, deliver=False, processes=1, watcher=heard)
    heard.then = lambda _report: importer.stop() if heard.waited else None
    file = written(tmp_path, *created(10))
    with monkeypatch.context() as patched:
        patched.setattr(UnitOfWork, "flush", broken)
        report = importer.run([str(file)])
    assert (report.recorded, report.unfinished) == (0, "interrupted")
    assert import_file(settings, file).recorded == 10


def test_a_file_of_dead_letters_is_not_imported_to_its_end(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    import_lines(settings, tmp_path, *created(4 * BATCH))
    others = [raw("task.created", id=f"n{place}", subject="other") for place in range(4 * BATCH)]
    with pytest.raises(TooManyFail, match="became dead letters"):
        import_lines(settings, tmp_path, *others)
    assert 0 < count(storage, "dead_letters") < 4 * BATCH
    assert places(storage) == 0, "once the cause is mended, it begins anew"


def test_a_second_ctrl_c_waits_for_nothing(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a database that does not answer either."""
    flush, answers, answered = UnitOfWork.flush, threading.Event(), threading.Event()

    def slow(unit: UnitOfWork, *given: Any) -> Any:
        answers.wait(20)
        try:
            return flush(unit, *given)
        finally:
            answered.set()

    def interrupts(_report: Report) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(UnitOfWork, "flush", slow)
    importer = Importer(settings, deliver=False, processes=1, watcher=Heard(then=interrupts))
    with pytest.raises(KeyboardInterrupt):
        importer.run([str(written(tmp_path, *created(10)))])
    assert not answered.is_set()
    answers.set()
    assert answered.wait(20)


@pytest.mark.parametrize("bad", [10, 8, 7, 6])
def test_a_file_of_which_most_lines_are_dead_letters_is_not_imported_to_its_end(
    settings: Settings, storage: Storage, tmp_path: Path, bad: int
) -> None:
    """However good and bad lines alternate, and whatever the size of a batch is to that of the fuse."""
    settings = settings.model_copy(update={"fuse_entries": BATCH * 2 // 5})
    import_lines(settings, tmp_path, *created(BATCH))
    lines = [
        raw("task.created", id=f"n{place % BATCH}", subject="other" if place % 10 < bad else f"t{place % BATCH}")
        for place in range(8 * BATCH)
    ]
    with pytest.raises(TooManyFail, match="lines became dead letters"):
        import_lines(settings, tmp_path, *lines)
    assert count(storage, "dead_letters") < 8 * BATCH * bad / 10


def test_a_file_of_which_fewer_lines_are_dead_letters_is_imported_to_its_end(
    settings: Settings, tmp_path: Path
) -> None:
    import_lines(settings, tmp_path, *created(BATCH))
    lines = [
        raw("task.created", id=f"n{place % BATCH}", subject="other" if place % 5 >= 3 else f"t{place % BATCH}")
        for place in range(4 * BATCH)
    ]
    report = import_lines(settings, tmp_path, *lines)
    assert (report.repeated, report.dead) == (4 * BATCH * 3 // 5, 4 * BATCH * 2 // 5)


def test_a_fault_of_ours_stops_the_import_before_many_are_buried(
    settings: Settings, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("flowledger.workers.recorder.conditions_of", fails)
        importer = Importer(settings, deliver=False, processes=1, watcher=Heard())
        with pytest.raises(TooManyFail, match="by a fault of Flowledger"):
            importer.run([str(written(tmp_path, *created(2 * BATCH)))])
    assert count(storage, "dead_letters") == importer.report.dead == settings.fuse_entries
    assert import_lines(settings, tmp_path, *created(2 * BATCH)).recorded == 2 * BATCH, "none is lost"
