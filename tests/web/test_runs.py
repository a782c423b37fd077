"""The axis of a timeline, what is odd in it, and how it is summed: without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from flowledger.domain.records import ListedEvent
from flowledger.web.runs import oddities, usage
from flowledger.web.runs.axis import Axis, Span
from flowledger.web.runs.listing import Asked
from tests.web.run import BEGIN


def after(seconds: float) -> Any:
    return BEGIN + timedelta(seconds=seconds)


def test_bars_are_placed_in_percent_of_the_axis() -> None:
    axis = Axis.of(after(10), after(0), None, after(50))
    assert axis.begin == after(0)
    assert axis.span(after(10), after(30)) == Span(20, 40)
    assert axis.span(after(40), None) == Span(80, 20)  # no end yet: to the end of the axis
    assert axis.span(after(50), after(50)) == Span(99.75, 0.25)  # a bar can be seen, and stays on the axis
    assert axis.place(after(999)) == 100


@pytest.mark.parametrize("moment", [datetime.min, datetime.max])
def test_an_axis_at_an_end_of_the_calendar_has_a_length(moment: datetime) -> None:
    at = moment.replace(tzinfo=UTC)
    axis = Axis.of(at, at, at)
    assert axis.begin <= at <= axis.end
    assert (axis.seconds, len(axis.ticks()) > 0) == (0.001, True)
    assert Axis.of(at, after(0)).place(at) in (0, 100)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 1 ms"),
        (0.4, "0 100 ms 200 ms 300 ms 400 ms"),
        (25, "0 5 s 10 s 15 s 20 s 25 s"),
        (150, "0 30 s 1 min 1 min 30 s 2 min 2 min 30 s"),
        (3 * 3600, "0 30 min 1 h 1 h 30 min 2 h 2 h 30 min 3 h"),
        (86400 * 30, "0 7 d 14 d 21 d 28 d"),
    ],
)
def test_marks_stand_at_round_distances(seconds: float, words: str) -> None:
    assert " ".join(tick.words for tick in Axis.of(BEGIN, after(seconds)).ticks()) == words


def _part(status: str, started: float | None = None, finished: float | None = None) -> Any:
    times = {"started_at": started, "finished_at": finished}
    return SimpleNamespace(status=status, **{name: None if at is None else after(at) for name, at in times.items()})


@pytest.mark.parametrize(
    ("part", "odd"),
    [
        (_part("pending"), ["never started"]),
        (_part("running", 1), ["no end was reported"]),
        (_part("completed", 1, 5), []),
        (_part("completed", None, 5), ["no start was reported"]),
        (_part("cancelled", None, 5), []),
        (_part("failed", 1, 25), ["ended 5.000 s after the execution"]),
    ],
)
def test_what_is_odd_about_a_part_of_an_execution_that_ended(part: Any, odd: list[str]) -> None:
    assert oddities.of_part(part, _part("completed", 0, 20)) == odd
    if part.finished_at is None:
        assert oddities.of_part(part, _part("running", 0)) == []


def _event(subject: str, late: float, sequence: str | None = None, source: str = "/s") -> ListedEvent:
    return ListedEvent(
        source=source, id=f"{subject}{late}{sequence}", type="task.started", subject=subject, time=after(0),
        sequence=sequence, partition=0, recorded_at=after(late),
    )  # fmt: skip


def test_late_reports_are_marked_unless_all_are_late() -> None:
    some = oddities.of_events([_event("a", 1), _event("a", 2), _event("b", 3600)])
    assert (some.late_events, some.words("a"), some.words("b")) == (1, [], ["reported 1 h 00 min late"])
    assert oddities.of_events([_event("a", 61), _event("b", 61)]).words("a") == []


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ("1 2 4 5 8", ["/s numbers its events 1 to 8; missing here: 3, 6 to 7"]),
        ("0 1 2", []),
        ("5 6 8", []),  # the counter may be the source's, for all executions
        ("1 900", []),
        ("007 5 6", []),
    ],
)
def test_missing_numbers_are_named_if_they_can_be_those_of_the_execution(numbers: str, words: list[str]) -> None:
    events = [_event("a", 1, number) for number in numbers.split()]
    assert oddities.of_events(events).numbers == words
    assert oddities.of_events(events, more=True).numbers == []


def test_usage_is_a_row_for_each_level() -> None:
    table = usage.usage_of({"a": {"tokens": 1200, "model": "m", "ok": True}, "b": {}, "c": {"cost": 0.25}})
    assert table == usage.Usage(("tokens", "cost"), (("a", ("1,200", "")), ("c", ("", "0.25"))))
    assert usage.sums([{"a": 1}, None, {"a": 2.5, "b": "x"}]) == {"a": 3.5}


def test_a_status_that_is_no_failure_leaves_nothing_of_failures() -> None:
    assert Asked(of={}, status="failed", failed=True).statuses == ("failed",)
    assert Asked(of={}, failed=True).by_failure
    assert not Asked(of={"agent_id": "a"}, failed=True).by_failure
