"""A short sample of the benchmark on real servers with a real worker. No figure is compared with a time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from bench import pgbench, workload
from bench.arrivals import steady
from bench.contenders import Flowledger
from bench.multiply import fill
from bench.parts.throughput import PGBENCH
from bench.servers import Servers, running_servers
from bench.usage import PARTS
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with running_servers() as running:
        yield running


@pytest.fixture(scope="module")
def ours(servers: Servers) -> Iterator[Flowledger]:
    with Flowledger(servers) as contender:
        contender.warm_up(workload.events("warm", 10))
        yield contender


def test_a_turn_has_the_cost_of_each_part_and_the_bytes_of_each_table(ours: Flowledger) -> None:
    before, began = ours.recorded(), time.time()
    turn = ours.throughput(workload.varied("turn", 500))
    assert ours.recorded() == before + 500
    assert ours.recorded(began) == 500
    assert turn.events_per_second > 0
    assert tuple(turn.cpu_seconds_per_1000) == PARTS
    assert turn.cpu == sum(turn.cpu_seconds_per_1000.values()) > 0
    assert {"events", "tasks", "tasks, indexes"} <= set(turn.bytes_per_event)
    assert turn.wal_bytes_per_event > 300  # each event's own text is in the WAL


def test_latency_is_that_of_each_event_by_commit_times(ours: Flowledger) -> None:
    latency = steady(ours, workload.hot("steady", 40), 100.0)
    assert latency is not None
    assert latency["n"] == 40
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]


def test_broadcasts_among_others_reach_all_members(ours: Flowledger) -> None:
    ours.warm_up(workload.sandboxes("ws_test", 3))
    events = [*workload.events("others", 10), workload.broadcast("ws_test", "one")]
    latency = steady(ours, events, 100.0, lambda place: place < 10)
    assert latency is not None
    assert latency["n"] == 10
    recipients = text("SELECT count(*) FROM message_deliveries WHERE message_id = 'sb_ws_test_0/one'")
    with ours.servers.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        wait_until(lambda: connection.execute(recipients).scalar_one() == 3)


def test_copies_of_a_task_are_whole_and_each_has_a_name_of_its_own(ours: Flowledger) -> None:
    ours.warm_up(workload.marked())
    fill(ours.servers, 20)
    with ours.servers.engine().connect() as connection:
        tasks = connection.execute(
            text(
                "SELECT count(*) FROM tasks WHERE id ~ '^task_[0-9a-f]{32}$' AND status = 'completed' "
                "AND execution_id = replace(id, 'task_', 'exec_')"
            )
        ).scalar_one()
        events = connection.execute(
            text(
                "SELECT count(DISTINCT id) FROM events WHERE id ~ '^[0-9a-f]{32}/[1-5]$' "
                "AND subject = 'task_' || split_part(id, '/', 1)"
            )
        ).scalar_one()
    assert (tasks, events) == (20, 20 * workload.EVENTS_PER_TASK)


@pytest.mark.parametrize("name", PGBENCH)
def test_pgbench_records_each_event_of_its_script(servers: Servers, ours: Flowledger, name: str) -> None:
    before = ours.recorded()
    pgbench.execute(servers, PGBENCH[name], "--transactions", "1")
    assert ours.recorded() == before + PGBENCH[name].connections * PGBENCH[name].events
