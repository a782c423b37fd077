"""Histograms: each value is in one bucket, and what was stored can be added up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.measures import Histogram, Measures


@given(st.lists(st.floats(-5, 50)))
def test_every_value_is_counted_in_the_first_bucket_that_has_room_for_it(values: list[float]) -> None:
    histogram = Histogram((1.0, 5.0, 10.0))
    histogram.add(values)
    least = [max(0.0, value) for value in values]
    assert histogram.counts == [
        sum(value <= 1 for value in least),
        sum(1 < value <= 5 for value in least),
        sum(5 < value <= 10 for value in least),
        sum(value > 10 for value in least),
    ]
    assert histogram.sum == pytest.approx(sum(least))


@given(st.lists(st.lists(st.floats(0, 100))))
def test_stored_histograms_add_up_to_that_of_all_values(parts: list[list[float]]) -> None:
    of_all, added = Measures(), Measures()
    for values in parts:
        one = Measures()
        for measures in (one, of_all):
            measures.latency_seconds.add(values)
        added.add_json(one.to_json())
    assert added.latency_seconds.counts == of_all.latency_seconds.counts
    assert added.latency_seconds.sum == pytest.approx(of_all.latency_seconds.sum, abs=1e-3)


def test_only_buckets_with_values_are_stored() -> None:
    histogram = Histogram((0.5, 2.0))
    histogram.add([1, 2, 7])
    assert histogram.to_json() == {"counts": {"2.0": 2, "inf": 1}, "sum": 10.0}


def test_what_another_release_stored_counts_in_the_next_greater_bucket() -> None:
    histogram = Histogram((1.0, 5.0))
    histogram.add_json({"counts": {"0.7": 1, "3.0": 2, "5.0": 4, "6.0": 8, "inf": 16}, "sum": 1.5})
    assert histogram.counts == [1, 6, 24]
    measures = Measures()
    measures.add_json({"something_else": {"counts": {"1.0": 1}, "sum": 1.0}})
    assert measures == Measures()
