"""Metrics: a row a point, and sums by hour and day to which each adds itself once (contract, sections 3 to 5)."""

from __future__ import annotations

import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from flowledger.domain.decimals import added, decimal_text
from flowledger.storage.kinds.metrics import (
    DAYS,
    HOURS,
    MetricDayRepository,
    MetricHourRepository,
    MetricRepository,
)
from flowledger.storage.unit_of_work import Storage
from tests.builders import ABSENT, entries, event, raw
from tests.domain.refusing import refusal
from tests.storage.recording import count, differences, empty, record, recorder, row
from tests.storage.test_merge_rule import at, moment

DOUBLES = st.floats(allow_nan=False, allow_infinity=False)


def point(value: Any = 1, **given: Any) -> dict[str, Any]:
    return event("metric.recorded", value=value, **{"subject": "h", "name": "n"} | given)


def sums(storage: Storage) -> list[tuple[Any, ...]]:
    """Count, sum, least and greatest of each hour."""
    with storage.reading() as connection:
        columns = (HOURS.c["count"], HOURS.c["sum"], HOURS.c["min"], HOURS.c["max"])
        return [tuple(found) for found in connection.execute(select(*columns).order_by(*HOURS.primary_key))]


def test_a_point_has_what_its_event_says(storage: Storage) -> None:
    labels = {"region": "", "": "x"}
    record(storage, point(1.5, id="1", source="/s", time=at(1), unit="ms", kind="gauge", labels=labels, task_id="t"))
    assert row(storage, "metrics", "/s", "1") == {
        "source": "/s", "event_id": "1", "subject": "h", "name": "n", "value": 1.5, "unit": "ms", "kind": "gauge",
        "labels": labels, "agent_id": None, "execution_id": None, "task_id": "t", "workspace_id": None,
        "time": moment(1), "recorded_at": ANY,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "double"),
    [(2**53 + 1, 2.0**53), (2**53 + 3, 2.0**53 + 4), (-(2**64) - 1, -(2.0**64)), (10**308, 1e308), (5e-324, 5e-324)],
)
def test_a_value_is_the_nearest_double(storage: Storage, value: Any, double: float) -> None:
    record(storage, point(value, id="1"))
    assert row(storage, "metrics", "/tests", "1")["value"] == double


@pytest.mark.parametrize("literal", ["1e309", "-1e400", "1" + "0" * 309])
def test_a_value_that_is_infinite_as_a_double_is_refused(literal: str) -> None:
    refused = refusal(raw("metric.recorded", value=123321).replace(b"123321", literal.encode()))
    assert refused is not None
    assert refused[1] == "data.value"


@pytest.mark.parametrize("labels", [{"a": None}, {"a": 1}, {"a": {}}, {"a": ["b"]}])
def test_labels_are_texts(labels: dict[str, Any]) -> None:
    refused = refusal(raw("metric.recorded", labels=labels))
    assert refused is not None
    assert refused[1] == "data.labels.a"


def test_a_sum_is_exact_in_any_order(storage: Storage) -> None:
    for values in ([0.1] * 10, [1e16, 1, -1e16], [1, 1e16, -1e16], [0.1, 0.2], [1e300, 1e-300]):
        empty(storage)
        record(storage, *(point(value) for value in values))
        ((counted, total, least, greatest),) = sums(storage)
        assert (counted, least, greatest) == (len(values), min(values), max(values))
        assert Fraction(total) == sum(Fraction(repr(float(value))) for value in values)


@settings(max_examples=30)
@given(values=st.lists(DOUBLES, min_size=1, max_size=8), data=st.data())
def test_any_doubles_are_added_without_rounding(storage: Storage, values: list[float], data: st.DataObject) -> None:
    empty(storage)
    record(storage, *(point(value) for value in data.draw(st.permutations(values))))
    ((counted, total, least, greatest),) = sums(storage)
    assert (counted, least, greatest) == (len(values), min(values), max(values))
    assert Fraction(total) == sum(Fraction(repr(value)) for value in values)


def test_a_repeated_point_is_added_once(storage: Storage) -> None:
    same = point(2)
    for _ in range(3):
        record(storage, same, point(3), same)
    assert sums(storage) == [(4, Decimal(11), 2.0, 3.0)]


def test_a_conflicting_point_is_not_added(storage: Storage) -> None:
    record(storage, point(2, id="1"))
    assert record(storage, point(3, id="1")).dead == 1
    assert sums(storage) == [(1, Decimal(2), 2.0, 2.0)]


def test_two_workers_at_once_add_each_point_once(storage: Storage) -> None:
    points = [point(n) for n in range(200)]
    threads = [threading.Thread(target=recorder(storage, shard).record, args=(entries(points),)) for shard in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums(storage) == [(200, Decimal(sum(range(200))), 0.0, 199.0)]
    assert differences(storage) == []


def test_sums_are_told_apart_by_hour_day_unit_and_kind_but_not_by_labels(storage: Storage) -> None:
    record(
        storage,
        point(1, time="2026-01-31T23:59:59.999999Z"),
        point(2, time="2026-02-01T00:00:00Z", labels={"a": "b"}),
        point(3, time="2026-02-01T02:00:00+02:00"),
        point(4, time="2026-02-01T00:00:00Z", unit="s"),
        point(5, time="2026-02-01T00:00:00Z", unit="s", kind="counter"),
        point(6, time="2026-02-01T05:00:00Z"),
    )
    assert count(storage, "metric_hours") == 5
    with storage.reading() as connection:
        days = MetricDayRepository(connection).series("h", "n").items
        assert [(one.start.isoformat(), one.unit, one.kind, one.count, int(one.sum)) for one in days] == [
            ("2026-01-31T00:00:00+00:00", None, None, 1, 1),
            ("2026-02-01T00:00:00+00:00", None, None, 3, 11),
            ("2026-02-01T00:00:00+00:00", "s", None, 1, 4),
            ("2026-02-01T00:00:00+00:00", "s", "counter", 1, 5),
        ]


def test_a_point_without_a_time_counts_when_it_was_recorded(storage: Storage) -> None:
    record(storage, point(1, id="1", time=ABSENT))
    time = row(storage, "metrics", "/tests", "1")["time"]
    with storage.reading() as connection:
        (hour,) = MetricHourRepository(connection).series("h", "n").items
    assert hour.start == time.replace(minute=0, second=0, microsecond=0)


def test_points_and_sums_between_two_times_are_listed_in_pages(storage: Storage) -> None:
    hours = [f"2026-01-31T{hour:02d}:30:00Z" for hour in range(5)]
    record(storage, *(point(n, id=f"{n}", time=time) for n, time in enumerate(hours)), point(7, subject="other"))
    since, until = (moment(0).replace(hour=hour) for hour in (1, 4))
    with storage.reading() as connection:
        points = MetricRepository(connection)
        assert [one.event_id for one in points.series("h", "n", since=since, until=until).items] == ["1", "2", "3"]
        first = points.series("h", "n", limit=3)
        assert [one.event_id for one in points.series("h", "n", after=first.cursor).items] == ["3", "4"]
        assert [one.event_id for one in points.newest(subject="h", limit=2).items] == ["4", "3"]
        assert points.series("h", "N").items == ()
        by_hour = MetricHourRepository(connection)
        assert [one.sum for one in by_hour.series("h", "n", since=since, until=until).items] == [1, 2, 3]
        begun = by_hour.series("h", "n", limit=2)
        assert [one.sum for one in by_hour.series("h", "n", limit=2, after=begun.cursor).items] == [2, 3]


def test_a_sum_outlives_its_points(storage: Storage) -> None:
    record(storage, point(1), point(2))
    with storage.engine.begin() as connection:
        connection.execute(MetricRepository.table.delete())
    record(storage, point(3))
    assert sums(storage) == [(3, Decimal(6), 1.0, 3.0)]
    assert count(storage, DAYS.name) == 1


@given(values=st.lists(DOUBLES, max_size=6))
def test_decimal_texts_add_up_to_one_text_of_the_sum(values: list[float]) -> None:
    total = "0"
    for value in values:
        total = added(total, decimal_text(value))
    back = "0"
    for value in reversed(values):
        back = added(back, decimal_text(value))
    assert Fraction(total) == sum(Fraction(repr(value)) for value in values)
    assert (total, "e" in total.lower()) == (back, False)


@pytest.mark.parametrize("written", ["by hand", "", "NaN", "-Infinity"])
def test_what_is_no_decimal_counts_as_0(written: str) -> None:
    assert added(written, "1.50") == "1.5"
