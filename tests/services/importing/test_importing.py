"""Importing files: the same rows as by the stream, whatever stops it, and whoever records meanwhile."""

from __future__ import annotations

import gzip
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import select

from flowledger.client.publisher import Publisher
from flowledger.domain import streams
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.services.importing.batches import TooManyFail
from flowledger.services.importing.importer import Importer, Report
from flowledger.storage import tables
from flowledger.storage.ledger.checkpoints import CheckpointRepository
from flowledger.storage.unit_of_work import Storage, UnitOfWork
from flowledger.workers.drain import Drain
from flowledger.workers.verify import verify
from tests.builders import event, raw, to_bytes
from tests.rows import HAS_TEXT, as_told
from tests.services.importing.importing import Heard, import_file, import_lines, import_until, written
from tests.storage.recording import all_rows, count, dead_letters, differences, empty
from tests.test_shared_data import EVENTS, lines

BATCH = 50


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few lines are many batches."""
    monkeypatch.setattr("flowledger.services.importing.batches.BATCH", BATCH)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"fuse_entries": BATCH // 2})


def publish(settings: Settings, events: list[bytes]) -> None:
    with Publisher(settings=settings) as publisher:
        publisher.publish_many(publisher.prepare(one) for one in events)


def drain_all(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    quick = settings.model_copy(update={"linger_seconds": 0.0})
    while any(client.xlen(streams.stream(shard)) for shard in range(settings.shards)):
        assert "waiting" not in Drain(quick, client, storage, 0).run()


def journal(storage: Storage) -> dict[tuple[str, str], tuple[str, int]]:
    columns = tables.events.c
    asked = select(columns.source, columns.id, tables.event_texts.c.raw, columns.partition)
    with storage.reading() as connection:
        rows = connection.execute(asked.join_from(tables.events, tables.event_texts, HAS_TEXT))
        return {(row.source, row.id): (row.raw, row.partition) for row in rows}


def buried(storage: Storage) -> set[tuple[bytes, str, str]]:
    return {(letter.raw, letter.reason, letter.field) for letter in dead_letters(storage)}


def created(number: int) -> list[bytes]:
    return [raw("task.created", id=f"n{place}", subject=f"t{place}") for place in range(number)]


# --- the same as the stream


def test_an_import_makes_the_rows_that_publishing_makes(
    settings: Settings, storage: Storage, client: redis.Redis, tmp_path: Path
) -> None:
    """In their order; then shuffled, each three times."""
    events = [event for name in EVENTS for event in [one for one in lines(name) if b'"time"' in one][:50]]
    publish(settings, events)
    drain_all(settings, client, storage)
    published = as_told(all_rows(storage)), journal(storage)
    empty(storage)
    report = import_lines(settings, tmp_path, *events)
    assert (report.recorded, report.repeated, report.dead, report.refused_lines) == (len(events), 0, 0, 0)
    # what was dispatched by the ledger itself was not in the file
    assert journal(storage).items() <= published[1].items()
    assert verify(storage).is_well
    in_order = as_told(all_rows(storage))
    empty(storage)
    shuffled = random.Random(7).sample(3 * events, 3 * len(events))
    report = import_lines(settings, tmp_path, *shuffled)
    assert (report.recorded, report.repeated) == (len(events), 2 * len(events))
    assert as_told(all_rows(storage)) == in_order
    by_stream = published[0] | {"message_deliveries": in_order["message_deliveries"]}
    assert in_order == by_stream, "but for deliveries: by the stream messages went into inboxes"


def test_what_the_stream_buries_an_import_buries_and_what_a_publisher_refuses_it_refuses(
    settings: Settings, storage: Storage, client: redis.Redis, tmp_path: Path
) -> None:
    sent = event("message.sent", id="m", subject="order", from_sandbox_id="sb_1")
    conflicts = [
        raw("task.created", id="c", subject="t", name="another"),
        to_bytes(sent | {"id": "m2", "data": sent["data"] | {"from_sandbox_id": "sb_9"}}),
    ]
    good = [raw("task.created", id="c", subject="t", name="one"), to_bytes(sent)]
    publish(settings, good)
    drain_all(settings, client, storage)
    publish(settings, conflicts)
    drain_all(settings, client, storage)
    by_stream = all_rows(storage)["tasks"], buried(storage)
    empty(storage)
    rubbish = [b"{", b"\xff", b"[]", raw("no.such"), b'{"source":"/s","type":"task.started","subject":"t1"}']
    heard = Heard()
    file = written(tmp_path, good[0], rubbish[0], good[1], *rubbish[1:], *conflicts)
    report = import_file(settings, file, heard=heard)
    assert (report.recorded, report.dead, report.refused_lines) == (2, 2, 5)
    assert (all_rows(storage)["tasks"], buried(storage)) == by_stream
    assert [line.line for line in heard.refused] == [2, 4, 5, 6, 7]
    assert {(one.stream, one.entry_id) for one in dead_letters(storage)} == {
        (f"import:{file}", "8"),
        (f"import:{file}", "9"),
    }
    again = import_file(settings, file)
    assert (again.recorded, again.repeated, again.dead) == (0, 2, 2)
    assert count(storage, "dead_letters") == 2, "the same line again is the same dead letter"
    assert verify(storage).is_well


def test_an_import_needs_no_redis_and_leaves_nothing_but_rows(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    alone = settings.model_copy(update={"redis_url": None})
    assert import_lines(alone, tmp_path, *created(3)).recorded == 3
    assert count(storage, "checkpoints") == 0
    with storage.reading() as connection:
        (row,) = connection.execute(select(tables.drains)).mappings()
    assert (row["recorded"], row["worker"].partition("@")[0], row["why"]) == (3, "import", None)


def test_an_import_beside_drains_of_the_same_events_records_each_once(
    settings: Settings, storage: Storage, client: redis.Redis, tmp_path: Path
) -> None:
    events = [
        raw(type_, subject=f"t{place % 40}") for place in range(200) for type_ in ("task.started", "task.completed")
    ]
    publish(settings, events[:300])
    draining = threading.Thread(target=drain_all, args=(settings, client, storage))
    draining.start()
    report = import_lines(settings, tmp_path, *events[100:])
    draining.join()
    assert report.recorded + report.repeated == 300
    assert count(storage, "events") == 400
    assert (differences(storage), count(storage, "dead_letters")) == ([], 0)


def test_two_imports_of_one_file_at_once_record_each_event_once(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    file = written(tmp_path, *created(6 * BATCH))
    reports: list[Report] = []
    threads = [threading.Thread(target=lambda: reports.append(import_file(settings, file))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.recorded for report in reports) == count(storage, "events") == 6 * BATCH
    assert (differences(storage), count(storage, "checkpoints")) == ([], 0)


# --- what stops it


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
    assert count(storage, "checkpoints") == 0


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
    assert (count(storage, "events"), count(storage, "checkpoints")) == (3 * BATCH, 0)


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
    assert (report.skipped, report.recorded, count(storage, "checkpoints")) == (4, 4, 0)


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
    assert count(storage, "checkpoints") == 0, "once the cause is mended, it begins anew"


def test_a_second_ctrl_c_waits_for_nothing(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a database that does not answer either."""
    flush, answers, answered = UnitOfWork.flush, threading.Event(), threading.Event()

    def slow(unit: UnitOfWork, *given: Any) -> Any:
        answers.wait(20)
        answered.set()
        return flush(unit, *given)

    def interrupts(_report: Report) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(UnitOfWork, "flush", slow)
    before = {*threading.enumerate()}
    importer = Importer(settings, deliver=False, processes=1, watcher=Heard(then=interrupts))
    with pytest.raises(KeyboardInterrupt):
        importer.run([str(written(tmp_path, *created(10)))])
    assert not answered.is_set()
    answers.set()
    for thread in {*threading.enumerate()} - before:
        thread.join(20)


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
        with pytest.raises(TooManyFail, match="by a fault of Flowledger"):
            import_lines(settings, tmp_path, *created(2 * BATCH))
    assert count(storage, "dead_letters") == settings.fuse_entries
    assert import_lines(settings, tmp_path, *created(2 * BATCH)).recorded == 2 * BATCH, "none is lost"
