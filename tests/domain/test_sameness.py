"""The same event is judged by what it means, and by the same reading as its key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowledger.domain.envelope import parse
from flowledger.domain.sameness import same_event
from tests.shared import findings

BASE = {
    "specversion": "1.0", "id": "r1", "source": "/retry", "type": "task.completed", "subject": "task_r",
    "time": "2026-01-31T12:00:00Z", "sequence": 1000, "data": {"output": {"cost": 1.0, "none": None}},
}  # fmt: skip
TEXT = json.dumps(BASE)


def said(**attributes: Any) -> str:
    return json.dumps(BASE | attributes)


SAME = [
    said(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate="a=b"),
    said(baggage="a=1"),
    said(datacontenttype=None, partitionkey=None, causationid=None, further=None),
    said(datacontenttype="application/json; charset=utf-8"),
    said(signature="v1:new:" + "0" * 64),
    said(time="2026-01-31T13:00:00.000+01:00"),
    said(sequence="1000"),
    said(data={"output": {"none": None, "cost": 1}, "usage": None, "further": None, "attempt": None}),
    TEXT.replace("1.0}", "100e-2}").replace(", ", ",\n  "),
]
OTHER = [
    TEXT.replace("1000", "1e3"),
    TEXT.replace("1000", "1000.0"),
    said(sequence=None),
    said(time="2026-01-31T12:00:00.000001Z"),
    said(time=None),
    said(correlationid="c"),
    said(further=1),
    said(subject="task_s"),
    said(type="task.updated"),
    said(data={"output": {"cost": 1}}),
    said(data={"output": None}),
    said(data={}),
    said(data=None),
]


@pytest.mark.parametrize("other", SAME)
def test_what_means_the_same_is_the_same_event(other: str) -> None:
    assert same_event(TEXT, other)
    assert same_event(other, TEXT)


@pytest.mark.parametrize("other", OTHER)
def test_what_means_something_else_is_another_event(other: str) -> None:
    assert not same_event(TEXT, other)
    assert not same_event(other, TEXT)


def test_null_is_a_value_where_the_type_says_so() -> None:
    cleared = json.dumps(BASE | {"type": "task.updated", "data": {"name": None}})
    assert not same_event(cleared, json.dumps(BASE | {"type": "task.updated", "data": {}}))


@pytest.mark.parametrize("zero", ["0e99999999999999999999", "-0", "0.000", "0E-99999999999999999999", "-0.0e+7"])
def test_a_zero_is_a_zero_however_it_is_written(zero: str) -> None:
    text = TEXT.replace('"cost": 1.0', f'"cost": {zero}')
    assert parse(text.encode()).raw == text
    assert same_event(text, TEXT.replace('"cost": 1.0', '"cost": 0'))
    assert same_event(text, text + " ")
    assert not same_event(text, TEXT)


def test_second_tries_that_were_seen() -> None:
    first, *rest = findings("same_again.jsonl")
    assert [same_event(first, again) for again in rest] == [True, True, True, False, True]
