"""The same event is judged by what it means, and by the same reading as its key."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Refused
from flowledger.domain.limits import WIDEST
from tests.oracle import sameness
from tests.shared import findings

BASE = {
    "specversion": "1.0", "id": "r1", "source": "/retry", "type": "task.completed", "subject": "task_r",
    "time": "2026-01-31T12:00:00Z", "sequence": 1000, "data": {"output": {"cost": 1.0, "none": None}},
}  # fmt: skip
TEXT = json.dumps(BASE)


def same_event(one: str, other: str) -> bool:
    """Whether the digests say so; as the oracle does, which compares the texts."""
    same = parse(one.encode(), WIDEST).meaning == parse(other.encode(), WIDEST).meaning
    assert same == sameness.same_event(one, other)
    return same


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


NUMBERS = [
    "0", "-0", "0.0", "-0.0", "0e5", "1", "1.0", "1.00", "10e-1", "1E0", "-1", "0.5", "5e-1", "0.50", "0.1", "1e-7",
    "0.1000000000000000055511151231257827", "0.0000001", "100", "1e2", "1e22", "10000000000000000000000", "1e400",
    "2.5", "1.0e400", "9007199254740993", "9007199254740993.0", "9007199254740992.0", "25e-1", "1" + "0" * 400,
    "7" * 4400, "7" * 4400 + ".0",
]  # fmt: skip
TEXTS = st.sampled_from(["", "a", "1", "0.5", "true", "null", "\u00e9", "\ud800", "\x00", '"', "\\", "\U0001f600"])
LEAVES = st.sampled_from([*NUMBERS, "true", "false", "null"]) | TEXTS.map(json.dumps)
NAMES = st.sampled_from(["a", "b", "A", "\u00e9", "attempt", "number"])


class Written(dict[str, Any]):
    """An object whose leaves are JSON texts."""


VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3).map(Written),
    max_leaves=6,
)


def spelled(value: Any, draw: Callable[[Any], Any]) -> str:
    """One of the texts of a value: any order of names, spaces, escapes; a number as it stands, or as an equal one."""
    blank = draw(st.sampled_from(["", " ", "\n"]))
    if isinstance(value, dict):
        members = [f"{_text(json.dumps(name), draw)}{blank}:{spelled(part, draw)}" for name, part in value.items()]
        return "{" + f"{blank},".join(draw(st.permutations(members))) + "}"
    if isinstance(value, list):
        return f"[{f',{blank}'.join(spelled(part, draw) for part in value)}]"
    return _text(value, draw)


def _text(leaf: str, draw: Callable[[Any], Any]) -> str:
    """A text with its characters or with escapes for them."""
    if not leaf.startswith('"'):
        return leaf
    plain = json.dumps(json.loads(leaf), ensure_ascii=False)
    with suppress(UnicodeEncodeError):
        plain.encode()
        return str(draw(st.sampled_from([leaf, plain])))
    return leaf


@given(VALUES, VALUES, st.data())
@settings(max_examples=150)
def test_digests_are_the_same_exactly_if_the_texts_mean_the_same(one: Any, other: Any, data: st.DataObject) -> None:
    value = data.draw(st.sampled_from([one, other]))
    texts = []
    for part in (one, value):
        event: dict[str, Any] = {name: json.dumps(given) for name, given in BASE.items()}
        event |= {"data": Written(output=part, usage="null"), "further": part}
        texts.append(spelled(event, data.draw))
    same_event(*texts)


@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), st.sampled_from(["1000", "1.0"]))
@settings(max_examples=150)
def test_numbers_are_compared_exactly(one: str, other: str, written: str) -> None:
    texts = [TEXT.replace(written, number) for number in (one, other)]
    with suppress(Refused):  # a sequence may have other rules than a number of the data
        same_event(*texts)
