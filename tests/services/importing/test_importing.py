"""Importing files: the same rows as by the stream, whatever stops it, and whoever records meanwhile."""

from __future__ import annotations

import json
import os
import random
import threading
from pathlib import Path

import redis
from sqlalchemy import select

from flowledger.client.publisher import Publisher
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.services.importing.importer import Importer
from flowledger.services.importing.report import Report
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.drain import Drain
from flowledger.workers.verify import verify
from tests.builders import event, raw, to_bytes
from tests.rows import as_told
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
from tests.storage.recording import all_rows, count, dead_letters, differences, empty
from tests.test_shared_data import EVENTS, lines


def publish(settings: Settings, events: list[bytes]) -> None:
    with Publisher(settings=settings) as publisher:
        publisher.publish_many(publisher.prepare(one) for one in events)


def drain_all(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    quick = settings.model_copy(update={"linger_seconds": 0.0})
    while any(client.xlen(streams.stream(shard)) for shard in range(settings.shards)):
        assert "waiting" not in Drain(quick, client, storage, 0).run()


def buried(storage: Storage) -> set[tuple[bytes, str, str]]:
    return {(letter.raw, letter.reason, letter.field) for letter in dead_letters(storage)}


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
    assert places(storage) == 0
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
    assert (differences(storage), places(storage)) == ([], 0)


def test_a_file_whose_name_is_not_utf_8_has_dead_letters_as_any_other(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    name = os.fsdecode(b"\xff.jsonl")
    import_lines(settings, tmp_path, *created(3 * BATCH))
    others = [raw("task.created", id="n0", subject="other"), *created(3 * BATCH)]
    file = written(tmp_path, *others, b"{", name=name)
    heard = Heard()
    report = import_until(settings, file, BATCH)
    rest = import_file(settings, file, heard=heard)
    assert (report.dead, rest.skipped, [line.file for line in heard.refused]) == (1, report.lines, [str(file)])
    assert [letter.stream for letter in dead_letters(storage)] == [f"import:{tmp_path}/\ufffd.jsonl"]
    import_file(settings, file)
    assert count(storage, "dead_letters") == 1


def test_a_file_that_is_named_twice_is_read_once(settings: Settings, storage: Storage, tmp_path: Path) -> None:
    file = written(tmp_path, *created(3))
    (tmp_path / "link").symlink_to(file)
    importer = Importer(settings, deliver=False, processes=1, watcher=Heard())
    report = importer.run([str(file), str(file), str(tmp_path / "link"), f"{tmp_path}/./{file.name}"])
    assert (report.recorded, report.repeated, report.skipped) == (3, 0, 0)


def test_an_event_with_line_breaks_is_recorded_whole_as_it_is(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    text = json.dumps(json.loads(created(1)[0]), indent=2).replace("\n", "\r\n").encode()
    file = written(tmp_path, text)
    assert import_file(settings, file).refused_lines > 1
    assert import_file(settings, file, whole=True).recorded == 1
    assert [body for body, _ in journal(storage).values()] == [text.decode()]
    assert import_file(settings, written(tmp_path, b"", b""), whole=True).lines == 0
    large = settings.model_copy(update={"max_event_bytes": 1024})
    report = import_file(large, written(tmp_path, b"{\n", b" \n" * 2**20, b"}"), whole=True)
    assert [(line.line, line.reason) for line in report.refused] == [(1, "too_large")]
    assert (places(storage), verify(storage).is_well) == (0, True)
