"""Values that JSON does not know: what stands for them, and what a producer is told of others."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from flowledger.client.prepared import prepare
from flowledger.domain import json_text
from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import LedgerError, NoEvent, Reason, Refused
from flowledger.domain.events import TaskCompleted, TaskFailed
from flowledger.domain.json_values import json_value
from flowledger.domain.kinds.base import Error

ID = UUID("0b5e0d1a-9f3c-4b7e-8a55-3f1f0f5a9c11")


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Kind(StrEnum):
    LLM = "llm"


@dataclasses.dataclass
class Point:
    x: int
    at: Any


class Model(BaseModel):
    name: str
    id: UUID


class Array:
    """As numpy's own: known by its module and `tolist`."""

    __module__ = "numpy"

    def __str__(self) -> str:
        return "an array"

    def tolist(self) -> list[float]:
        return [1.0, 2.5]


@pytest.mark.parametrize(
    ("value", "stands"),
    [
        (ID, str(ID)),
        (datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=1))), "2026-01-31T11:00:00Z"),
        (date(2026, 1, 31), "2026-01-31"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Kind.LLM, "llm"),
        (PurePosixPath("/a/b"), "/a/b"),
        (Path("a"), "a"),
        (Point(1, [ID]), {"x": 1, "at": [str(ID)]}),
        (Model(name="a", id=ID), {"name": "a", "id": str(ID)}),
        (Array(), [1.0, 2.5]),
        ({"deep": [{"er": Colour.RED}]}, {"deep": [{"er": "red"}]}),
        ({1: Decimal("1e400"), None: {2.5: Decimal(1)}}, {"1": Decimal("1e400"), "null": {"2.5": 1}}),
        ([Decimal("1e400"), Point(2, ID)], [Decimal("1e400"), {"x": 2, "at": str(ID)}]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_stands_for_a_value(value: Any, stands: Any) -> None:
    assert json.loads(json_text.dumps(value), parse_float=Decimal) == json.loads(
        json_text.dumps(stands), parse_float=Decimal
    )


def test_numpys_own_values_are_understood() -> None:
    numpy = pytest.importorskip("numpy")
    assert json_text.dumps([numpy.int64(3), numpy.arange(3), numpy.bool_(True)]) == "[3,[0,1,2],true]"


@pytest.mark.parametrize("form", ["typed", "dict"])
def test_they_travel_in_events(form: str) -> None:
    output = {"id": ID, "where": Path("/tmp/x")}
    event: Any = Envelope.of(TaskCompleted(output=output), source="/s", subject="t")
    if form == "dict":
        event = {"source": "/s", "type": "task.completed", "subject": "t", "data": {"output": output}}
    data = json.loads(prepare(event, shards=8).raw)["data"]
    assert data == {"output": {"id": str(ID), "where": "/tmp/x"}}


@pytest.fixture
def registered() -> Iterator[type]:
    class Money:
        amount = 5

    json_value.register(Money, lambda money: {"amount": money.amount})
    yield Money
    json_value.register(Money, json_value.dispatch(object))


def test_types_of_ones_own_are_registered(registered: type) -> None:
    assert json_text.dumps([registered()]) == '[{"amount":5}]'


@pytest.mark.parametrize(
    ("output", "field"),
    [
        (SimpleNamespace(), "data.output"),
        ({"a": [1, {"b": b"bytes"}]}, "data.output.a.1.b"),
        ({"a": float("nan")}, "data.output.a"),
        ({("a", "b"): 1}, "data.output"),
        ([datetime(2026, 1, 31)], "data.output.0"),
        ([{1, 2}], "data.output.0"),
    ],
    ids=["an unknown type", "bytes", "NaN", "a name that is no text", "a time without a zone", "a set"],
)
def test_what_json_cannot_hold_is_named_with_its_place(output: Any, field: str) -> None:
    event = {"source": "/s", "type": "task.completed", "subject": "t", "data": {"output": output}}
    with pytest.raises(Refused, match="cannot be written as JSON") as refused:
        prepare(event, shards=8)
    assert (refused.value.field, refused.value.reason) == (field, Reason.NOT_JSON)


@pytest.mark.parametrize("first", [1, Decimal("1e400"), ID], ids=["a number", "a Decimal", "a UUID"])
def test_a_value_within_itself_is_refused(first: Any) -> None:
    cycle: list[Any] = [first]
    cycle.append({"again": cycle})
    with pytest.raises(Refused, match="cannot be written as JSON: Circular") as refused:
        prepare({"source": "/s", "type": "task.completed", "subject": "t", "data": {"output": cycle}}, shards=8)
    assert refused.value.field.startswith("data.output.1.again")


def test_a_value_within_itself_is_refused_in_typed_data_too() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(Refused) as refused:
        prepare(Envelope.of(TaskCompleted(output=cycle), source="/s", subject="t"), shards=8)
    assert refused.value.reason is Reason.NOT_JSON


def test_a_value_may_stand_twice_beside_itself() -> None:
    twice = {"at": Decimal("1e400")}
    assert json_text.dumps([twice, twice, [], {}]) == '[{"at":1E+400},{"at":1E+400},[],{}]'


def test_a_time_without_a_zone_is_refused_at_once() -> None:
    with pytest.raises(Refused, match="time: needs a zone") as refused:
        Envelope.of(TaskCompleted(), source="/s", subject="t", time=datetime(2026, 1, 31))
    assert refused.value.field == "time"
    assert Envelope.of(TaskCompleted(), source="/s", subject="t", time=datetime.now(UTC)).time is not None


@pytest.mark.parametrize("thing", [12, None, ["a"], TaskCompleted()], ids=str)
def test_what_is_no_event_is_told(thing: Any) -> None:
    with pytest.raises(NoEvent, match="an event is an Envelope, a dict, or JSON text") as error:
        prepare(thing, shards=8)
    assert isinstance(error.value, LedgerError)
    assert isinstance(error.value, TypeError)
    assert ("Envelope.of(TaskCompleted(…)" in str(error.value)) == isinstance(thing, TaskCompleted)


def test_an_exception_is_an_error() -> None:
    try:
        dict[str, int]()["there is no x"]
    except KeyError as raised:
        error = Error.of(raised)
    assert (error.message, error.type) == ("'there is no x'", "KeyError")
    assert error.traceback is not None
    assert "test_an_exception_is_an_error" in error.traceback
    assert prepare(Envelope.of(TaskFailed(error=error), source="/s", subject="t"), shards=8).raw


def test_an_exception_without_words_is_named_and_its_traceback_bounded() -> None:
    assert Error.of(ValueError()).message == "ValueError"
    assert len(Error.of(ValueError("x" * 10**6)).traceback or "") == 64 * 1024
