"""Weeks of texts, log lines, points and audit lines go: what is old enough, and nothing that is held."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from psycopg2 import extensions
from psycopg2.errors import QueryCanceled
from sqlalchemy import Table, delete, insert, text
from sqlalchemy.exc import DBAPIError

from flowledger.domain.errors import InvalidArgument
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.engines.patience import wait_at_most
from flowledger.storage.kinds.audit import AuditLogRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.metrics import MetricRepository
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.replay.scratch import Scratch
from flowledger.storage.retention import weeks as retention_weeks
from flowledger.storage.retention.weeks import Gone, let_go, weeks
from flowledger.storage.schema.partitions import AHEAD_WEEKS
from flowledger.storage.transactions import snapshot
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import recorder
from flowledger.workers.verify import Verification, verify
from tests.builders import raw
from tests.conftest import settings_for
from tests.storage.recording import by_hand, count, dead_letters, differences, record

MONDAY: Final = datetime(2026, 1, 5, tzinfo=UTC)
WEEK: Final = timedelta(days=7)
OF_EVENTS: Final = tuple(tables.metadata.tables[name] for name in ("event_texts", "task_logs", "metrics", "audit_logs"))
LOGS: Final = tables.task_logs
HELD: Final = ("task_1", "exec_1", "held")


def a_week(number: int) -> list[bytes]:
    """Two events of each kind that has lines, one about a subject of `HELD`."""
    return [
        raw(type_, id=f"{type_} {subject} {number}", subject=subject)
        for type_, subjects in {
            "task.logged": ("task_1", "task_2"),
            "execution.logged": ("exec_1", "exec_2"),
            "metric.recorded": ("held", "loose"),
            "audit.logged": ("held", "loose"),
        }.items()
        for subject in subjects
    ]


def at(storage: Storage, moment: datetime, *events: bytes) -> None:
    """Record events at a moment."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(recorder, "now", lambda: moment)
        outcome = record(storage, *events)
    assert (outcome.recorded, outcome.dead) == (len(events), 0)


def three_weeks(storage: Storage) -> None:
    for number in range(3):
        at(storage, MONDAY + number * WEEK + timedelta(days=2), *a_week(number))


def hold(storage: Storage, *subjects: str) -> None:
    by_hand(storage, insert(tables.held).values([{"subject": one} for one in subjects]))


def all_go(storage: Storage, before: datetime, most: int = 3) -> dict[str, Gone]:
    return {table.name: let_go(storage, table, before, most=most) for table in OF_EVENTS}


def counts(storage: Storage) -> dict[str, int]:
    return {table.name: count(storage, table.name) for table in OF_EVENTS}


def partitions(storage: Storage, table: Table = LOGS) -> dict[datetime, int]:
    """The numbers of the partitions that are attached, by their Mondays."""
    with storage.reading() as connection:
        number = text("SELECT CAST(to_regclass(:name) AS oid)::bigint")
        return {
            week.monday: connection.execute(number, {"name": f"{table.name}_{week.monday:%Y%m%d}"}).scalar_one()
            for week in weeks(connection, table)
            if not week.is_detached
        }


@contextmanager
def sessions_of(storage: Storage, number: int) -> Iterator[list[Callable[[str], None]]]:
    """Sessions beside the ledger's: each runs statements, in one transaction that is never committed."""
    connections = [storage.engine.connect() for _ in range(number)]
    try:
        yield [lambda sql, one=one: one.execute(text(sql)) for one in connections]  # type: ignore[misc]
    finally:
        for one in connections:
            one.invalidate()
            one.close()


def test_what_is_old_goes_and_what_is_held_or_young_stays(storage: Storage) -> None:
    three_weeks(storage)
    hold(storage, *HELD)
    before = all_go(storage, MONDAY + 2 * WEEK)
    lines = 2 if storage.engine.dialect.name == "postgresql" else 0
    assert before == {
        "event_texts": Gone(lines, 8, 8),
        "task_logs": Gone(lines, 4, 4),
        "metrics": Gone(lines, 2, 2),
        "audit_logs": Gone(lines, 2, 2),
    }
    assert counts(storage) == {"event_texts": 16, "task_logs": 8, "metrics": 4, "audit_logs": 4}
    assert count(storage, "events") == 24
    with storage.reading() as connection:
        journal = JournalRepository(connection)
        ids = [f"task.logged {subject} {week}" for subject in ("task_1", "task_2") for week in range(3)]
        found = journal.texts([("/tests", id_) for id_ in ids])
        assert [found["/tests", id_] is not None for id_ in ids] == [True, True, True, False, False, True]
        logs = TaskLogRepository(connection)
        assert [len(logs.of_task(one).items) for one in ("task_1", "task_2", "task_3")] == [3, 1, 0]
        assert [len(logs.of_execution(one).items) for one in ("exec_1", "exec_2")] == [3, 1]
        assert len(MetricRepository(connection).of_subject("held").items) == 3
        assert len(AuditLogRepository(connection).of_resource("loose").items) == 1
    report = verify(storage)
    assert (report.gone, report.gone_subjects) == (8, 3)


def test_weeks_that_have_held_rows_alone_are_left_alone(postgresql_storage: Storage) -> None:
    three_weeks(postgresql_storage)
    hold(postgresql_storage, *HELD)
    first = all_go(postgresql_storage, MONDAY + 3 * WEEK)
    there = partitions(postgresql_storage)
    again = all_go(postgresql_storage, MONDAY + 3 * WEEK)
    assert again == {name: Gone(0, 0, one.kept) for name, one in first.items()}
    assert partitions(postgresql_storage) == there
    by_hand(postgresql_storage, delete(tables.held))
    assert all_go(postgresql_storage, MONDAY + 3 * WEEK)["task_logs"] == Gone(3, 6, 0)
    assert set(counts(postgresql_storage).values()) == {0}
    assert MONDAY not in partitions(postgresql_storage)


def test_rows_that_nobody_holds_go_in_bites_that_begin_where_the_last_one_ended(sqlite_url: str) -> None:
    sqlite_storage = Storage(make_engine(settings_for(sqlite_url)))
    three_weeks(sqlite_storage)
    hold(sqlite_storage, *HELD)
    asked = iter([True, True, False])
    gone = let_go(sqlite_storage, LOGS, MONDAY + 3 * WEEK, most=4, go_on=lambda: next(asked))
    assert gone._replace(place=None) == Gone(0, 4, 4, is_done=False)
    assert let_go(sqlite_storage, LOGS, MONDAY + 3 * WEEK, most=4, place=gone.place) == Gone(0, 2, 2)
    assert let_go(sqlite_storage, LOGS, MONDAY + 3 * WEEK, most=4) == Gone(0, 0, 6)
    sqlite_storage.close()


def test_a_week_that_went_and_gets_an_event_is_made_again(postgresql_storage: Storage) -> None:
    three_weeks(postgresql_storage)
    all_go(postgresql_storage, MONDAY + WEEK)
    at(postgresql_storage, MONDAY + timedelta(days=1), *(raw("task.logged", id="late", subject="task_1"),))
    assert MONDAY in partitions(postgresql_storage)
    assert dead_letters(postgresql_storage) == []
    with postgresql_storage.reading() as connection:
        assert len(TaskLogRepository(connection).of_task("task_1").items) == 3


def test_a_table_that_is_only_called_alike_is_left_alone(postgresql_storage: Storage) -> None:
    three_weeks(postgresql_storage)
    for name in ("task_logs_20260106", "task_logs_20269999"):
        by_hand(postgresql_storage, text(f"CREATE TABLE {name} AS TABLE task_logs"))
    assert let_go(postgresql_storage, LOGS, MONDAY + WEEK, most=1) == Gone(1, 4, 0)
    with postgresql_storage.reading() as connection:
        assert len(weeks(connection, LOGS)) == 2 + AHEAD_WEEKS
        assert connection.execute(text("SELECT count(*) FROM task_logs_20260106")).scalar_one() == 12


def test_a_table_without_weeks_is_refused(storage: Storage) -> None:
    with pytest.raises(InvalidArgument, match="tasks has no weeks that could go"):
        let_go(storage, tables.tasks, MONDAY, most=1)


def test_the_week_of_now_cannot_go(postgresql_storage: Storage) -> None:
    with postgresql_storage.reading() as connection, pytest.raises(DBAPIError, match="a week that is over"):
        connection.execute(text("SELECT ledger_let_go('task_logs', date_trunc('week', now(), 'UTC'))"))


def test_a_snapshot_that_reads_a_week_is_waited_for_and_recorders_are_not_stopped(postgresql_storage: Storage) -> None:
    """Neither for long: only the table's own lock is one that they need, and it is waited for 100 ms at most."""
    three_weeks(postgresql_storage)
    hold(postgresql_storage, "task_1")
    pauses: list[float] = []
    over = threading.Event()

    def recording() -> None:
        number = 0
        while not over.is_set():
            began = time.monotonic()
            record(postgresql_storage, raw("task.logged", subject="t"), start=1_000 + number)
            pauses.append(time.monotonic() - began)
            number += 1

    thread = threading.Thread(target=recording)
    thread.start()
    try:
        with snapshot(postgresql_storage, LOGS):
            of_reader = let_go(postgresql_storage, LOGS, MONDAY + WEEK, most=1)
        with sessions_of(postgresql_storage, 1) as (session,):
            session("LOCK TABLE ONLY task_logs IN ACCESS SHARE MODE")
            of_table = let_go(postgresql_storage, LOGS, MONDAY + WEEK, most=1)
        over_now = let_go(postgresql_storage, LOGS, MONDAY + WEEK, most=1)
    finally:
        over.set()
        thread.join()
    for gone in (of_reader, of_table):
        assert not gone.is_done
        assert gone.waited is not None
        assert gone.waited.startswith("task_logs_20260105: a transaction of process ")
    assert over_now == Gone(1, 3, 1)
    assert len(pauses) > 10
    assert max(pauses) < 1


def test_a_maintainer_that_is_killed_in_the_middle_leaves_all_as_it_was(postgresql_storage: Storage) -> None:
    three_weeks(postgresql_storage)
    hold(postgresql_storage, *HELD)
    before = counts(postgresql_storage), partitions(postgresql_storage)
    with postgresql_storage.engine.connect() as doomed, postgresql_storage.engine.connect() as other:
        pid = doomed.execute(text("SELECT pg_backend_pid()")).scalar_one()
        assert doomed.execute(text("SELECT is_gone FROM ledger_let_go('task_logs', '2026-01-05+00')")).scalar_one()
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(DBAPIError) as died:
            doomed.execute(text("SELECT 1"))
        assert died.value.connection_invalidated
    assert (counts(postgresql_storage), partitions(postgresql_storage)) == before
    assert verify(postgresql_storage).first == []
    assert let_go(postgresql_storage, LOGS, MONDAY + WEEK, most=1) == Gone(1, 2, 2)


def test_two_maintainers_at_once_lose_nothing_while_others_record(postgresql_storage: Storage) -> None:
    three_weeks(postgresql_storage)
    hold(postgresql_storage, *HELD)
    found: list[Gone] = []
    failed: list[BaseException] = []

    def maintain() -> None:
        try:
            found.extend(all_go(postgresql_storage, MONDAY + 3 * WEEK).values())
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=maintain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(10):
        record(postgresql_storage, *a_week(100 + number), start=1_000 * (number + 1))
    for thread in threads:
        thread.join(60)
    assert failed == []
    all_go(postgresql_storage, MONDAY + 3 * WEEK)
    assert counts(postgresql_storage) == {"event_texts": 92, "task_logs": 46, "metrics": 23, "audit_logs": 23}
    assert sum(one.rows for one in found) <= 24
    assert dead_letters(postgresql_storage) == []


def test_weeks_that_somebody_detached_go_or_come_back(postgresql_storage: Storage) -> None:
    three_weeks(postgresql_storage)
    for day in ("20260105", "20260112", "20260119"):
        by_hand(postgresql_storage, text(f"ALTER TABLE task_logs DETACH PARTITION task_logs_{day}"))
    hold(postgresql_storage, "task_1")
    by_hand(postgresql_storage, text("DELETE FROM task_logs_20260105 WHERE task_id IS DISTINCT FROM 'task_1'"))
    with postgresql_storage.reading() as connection:
        assert [one.monday for one in weeks(connection, LOGS) if one.is_detached] == [
            MONDAY + number * WEEK for number in range(3)
        ]
    assert let_go(postgresql_storage, LOGS, MONDAY + 2 * WEEK, most=1) == Gone(1, 3, 2)
    assert count(postgresql_storage, "task_logs") == 6
    with postgresql_storage.reading() as connection:
        assert not any(one.is_detached for one in weeks(connection, LOGS))


def test_a_detach_that_was_broken_off_is_brought_to_an_end(postgresql_storage: Storage) -> None:
    three_weeks(postgresql_storage)
    with sessions_of(postgresql_storage, 1) as (reader,):
        reader("SELECT count(*) FROM task_logs")
        with postgresql_storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout TO '300ms'"))
            with pytest.raises(DBAPIError) as stopped:
                connection.execute(text("ALTER TABLE task_logs DETACH PARTITION task_logs_20260105 CONCURRENTLY"))
            assert isinstance(stopped.value.orig, QueryCanceled)
            connection.invalidate()
    assert MONDAY not in partitions(postgresql_storage)
    at(postgresql_storage, MONDAY + timedelta(days=1), raw("task.logged", id="late", subject="task_1"))
    assert MONDAY in partitions(postgresql_storage)
    assert let_go(postgresql_storage, LOGS, MONDAY + WEEK, most=1) == Gone(1, 5, 0)


def test_a_week_that_takes_longer_than_a_worker_waits_is_left(
    postgresql_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_weeks(postgresql_storage)
    slow = "SELECT pg_sleep(9), CAST(:parent AS text), CAST(:monday AS text)"
    monkeypatch.setattr(retention_weeks, "_LET_GO", text(slow))
    wait_at_most(1, 5)
    try:
        gone = let_go(postgresql_storage, LOGS, MONDAY + WEEK, most=1)
    finally:
        extensions.set_wait_callback(None)
    why = "task_logs_20260105: PostgreSQL has not answered within 1 s: `flowledger maintain` waits for longer"
    assert gone == Gone(is_done=False, waited=why)


def test_no_week_goes_while_holds_change(postgresql_storage: Storage) -> None:
    three_weeks(postgresql_storage)
    with postgresql_storage.engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('ledger_holds', 0))"))
        gone = let_go(postgresql_storage, LOGS, MONDAY + WEEK, most=1)
        connection.execute(insert(tables.held).values(subject="task_2"))
    assert gone == Gone(is_done=False, waited="task_logs_20260105: holds were being changed, or partitions made")
    assert let_go(postgresql_storage, LOGS, MONDAY + WEEK, most=1) == Gone(1, 3, 1)


def test_a_reader_of_a_subject_opens_the_weeks_of_its_events_alone(postgresql_storage: Storage) -> None:
    three_weeks(postgresql_storage)
    lines = [raw(type_, id=type_, subject="one") for type_ in ("task.logged", "metric.recorded", "audit.logged")]
    at(postgresql_storage, MONDAY + WEEK, *lines)
    is_ours = "pid = pg_backend_pid() AND relation::regclass::text ~ '_[0-9]{8}$'"
    opened = text(f"SELECT relation::regclass::text FROM pg_locks WHERE {is_ours}")
    reads: dict[str, Callable[..., object]] = {
        "of_task": lambda c: TaskLogRepository(c).of_task("one"),
        "last_of_task": lambda c: TaskLogRepository(c).last_of_task("one"),
        "of_tasks": lambda c: TaskLogRepository(c).of_tasks(["one", "two"]),
        "of_run": lambda c: TaskLogRepository(c).of_run("none", ["one"]),
        "newest": lambda c: TaskLogRepository(c).newest(task_id="one", level="info"),
        "count": lambda c: TaskLogRepository(c).count(task_id="one"),
        "series": lambda c: MetricRepository(c).series("one", "n"),
        "points": lambda c: MetricRepository(c).newest(subject=["one", "two"]),
        "point": lambda c: MetricRepository(c).get("/tests", "metric.recorded"),
        "of_resource": lambda c: AuditLogRepository(c).of_resource("one"),
        "line": lambda c: AuditLogRepository(c).get("/tests", "audit.logged"),
    }  # fmt: skip
    found: dict[str, set[str]] = {}
    for name, read in reads.items():
        with postgresql_storage.reading() as connection:
            assert read(connection)
            found[name] = {one[-8:] for one in connection.execute(opened).scalars()}
    assert found == {name: {"20260112"} for name in reads}


def test_a_line_that_is_of_another_time_than_its_event_is_found_and_mended(storage: Storage) -> None:
    record(storage, raw("task.logged", id="1", subject="t"), raw("audit.logged", id="2", subject="t"))
    moved = text("'2026-01-06 00:00:00.000000'")
    for table in (LOGS, tables.metadata.tables["audit_logs"]):
        with storage.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT ledger_make_partitions('2026-01-06+00', 1)"))
            connection.execute(table.update().values(recorded_at=moved))
    assert verify(storage).differences == 4
    assert verify(storage, mend=True).is_well
    assert differences(storage) == []
    assert verify(storage).first == []


def test_a_verification_holds_few_locks_however_many_weeks_there_are(postgresql_storage: Storage) -> None:
    """By default PostgreSQL has 6,400: ten years of four tables with their indexes are more."""
    three_weeks(postgresql_storage)
    of_indexes = "pid = pg_backend_pid() AND relation::regclass::text ~ '_[0-9]{8}_'"
    locked = text(f"SELECT count(*) FROM pg_locks WHERE {of_indexes}")
    with Scratch() as scratch, snapshot(postgresql_storage, *OF_EVENTS) as connection:
        verification = Verification(scratch, 1, lambda *_: None)
        verification.recompute(connection)
        before = connection.execute(locked).scalar_one()
        verification.compare(connection)
        assert connection.execute(locked).scalar_one() == before
        report = verification.report()
    assert (report.events, report.differences) == (24, 0)
    assert report.rows > 24
