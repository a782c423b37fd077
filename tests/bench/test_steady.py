"""Steady loads: an event counts from when it was due, whatever the contender does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

import pytest
from rich.console import Console

from bench import arrivals, workload
from bench.contender import Contender
from bench.parts import loads
from bench.run import Run
from bench.servers import Servers
from bench.tables import BEHIND, tables


class Stalling(Contender):
    """Commits an event when it was published, at once; but the first time, `publish` takes `stall` seconds."""

    name = title = "stalling"

    def __init__(self, stall: float = 0.0, *, loses: bool = False) -> None:
        self._stall, self._loses = stall, loses
        self._committed: list[float] = []
        self.batches: list[int] = []

    def __enter__(self) -> Stalling:
        return self

    def __exit__(self, *_: object) -> None: ...

    def begin_anew(self) -> None:
        self._committed.clear()

    def recorded(self, since: float = 0.0) -> int:
        return sum(at >= since for at in self._committed)

    def publish(self, events: list[Any]) -> None:
        time.sleep(self._stall)
        self._stall = 0.0
        self.batches.append(len(events))
        self._committed += [time.time()] * len(events)

    def warm_up(self, events: Sequence[bytes]) -> None:
        self.publish(self.prepare(events))

    def wait_for(self, count: int, seconds: float = 0.0, *, since: float = 0.0) -> None:
        if self._loses or self.recorded(since) < count:
            raise TimeoutError

    def committed(self, events: Sequence[bytes]) -> list[float]:
        return self._committed[-len(events) :]


def test_events_that_were_due_while_another_was_sent_have_waited() -> None:
    stalling = Stalling(stall=0.5)
    latency = arrivals.steady(stalling, workload.events("stall", 100), 100.0)
    assert latency is not None
    assert latency["n"] == 100
    assert latency["p50"] < latency["p99"]
    assert latency["max"] >= 490  # the first: it was due when the stall began
    assert stalling.batches[1] >= 49  # all that were due meanwhile, together


def test_half_of_the_events_due_in_a_stall_waited_half_of_it() -> None:
    latency = arrivals.steady(Stalling(stall=0.5), workload.events("half", 50), 100.0)
    assert latency is not None
    assert latency["p50"] >= 240


def test_only_the_events_that_count_are_in_the_figures() -> None:
    latency = arrivals.steady(Stalling(), workload.events("some", 20), 1000.0, lambda place: place % 4 == 0)
    assert latency is not None
    assert latency["n"] == 5


def test_a_contender_that_does_not_record_all_falls_behind() -> None:
    assert arrivals.steady(Stalling(loses=True), workload.events("lost", 5), 1000.0) is None


def test_a_producer_that_is_too_late_falls_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "PATIENCE_SECONDS", 0.05)
    assert arrivals.steady(Stalling(stall=0.2), workload.events("late", 100), 1000.0) is None


def test_no_load_is_tried_after_one_that_was_too_great() -> None:
    stalling = Stalling(loses=True)
    found = loads.under_loads(_run(Stalling()), stalling, "l", [("low", 100.0), ("high", 1_000.0)])
    assert found == {"low": None, "high": None}
    assert sum(stalling.batches) == 11  # one to warm up, and the low load


def test_the_table_says_who_does_not_keep_up() -> None:
    stalling = Stalling()
    run = _run(stalling)
    run.note_rate(stalling, 500.0)
    (table,) = tables({"loads": loads.measure(run)})
    shown = Console(width=200)
    with shown.capture() as captured:
        shown.print(table)
    rows = {line.split("│")[2].strip(): line for line in captured.get().splitlines() if line.startswith("│")}
    assert BEHIND in rows["4,000 events/s"]
    assert BEHIND not in rows["200 events/s"]
    assert BEHIND not in rows["58% of the recorded rate"]


def _run(contender: Contender) -> Run:
    return Run(
        servers=cast("Servers", None),
        contenders=[contender],
        rounds=1,
        load_seconds=0.1,
        events={contender.name: 10},
        warm_up=1,
        members=1,
        rows=0,
        pgbench_seconds=1,
        console=Console(quiet=True),
    )
