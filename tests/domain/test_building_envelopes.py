"""Typed envelopes, as Python producers build them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from flowledger.domain import json_text
from flowledger.domain.envelope import Envelope, parse
from flowledger.domain.errors import Refused
from flowledger.domain.events import EVENT_TYPES, MessageSent, TaskCompleted, TaskLogged, TaskStarted
from flowledger.domain.statuses import Level
from flowledger.domain.times import now, sortable
from tests.vocabulary import EXAMPLES, FIELDS

MOMENT = datetime(2026, 1, 31, 14, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=2)))


def travelled(envelope: Envelope) -> Any:
    """The JSON value that arrives."""
    return json_text.loads(parse(envelope.to_json().encode()).raw)


@pytest.mark.parametrize("type_", FIELDS)
def test_typed_data_of_every_type_travels(type_: str) -> None:
    data = {name: EXAMPLES[field.kind] for name, field in FIELDS[type_].items()}
    envelope = Envelope.of(EVENT_TYPES[type_].model_validate(data), source="/s", subject="x")
    arrived = parse(envelope.to_json().encode())
    assert arrived.type == type_
    assert arrived.data == EVENT_TYPES[type_].model_validate(data)


def test_an_event_has_an_id_and_the_present_time_where_none_are_given() -> None:
    before = now()
    envelope = Envelope.of(TaskStarted(), source="/s", subject="task_1")
    assert envelope.id.startswith("evt_")
    assert envelope.time is not None
    assert before <= envelope.time <= now()


def test_what_is_given_stands() -> None:
    given: dict[str, Any] = {"id": "1", "sequence": 7, "partitionkey": "p", "correlationid": "c"}
    started = TaskStarted(worker="w")
    arrived = travelled(Envelope.of(started, source="/s", subject="t", time=MOMENT, extensions={"own": [1]}, **given))
    named = {"specversion": "1.0", "source": "/s", "subject": "t", "type": "task.started", "data": {"worker": "w"}}
    assert arrived == named | given | {"time": "2026-01-31T12:00:00.250000Z", "own": [1]}


def test_what_is_not_given_does_not_travel() -> None:
    arrived = travelled(Envelope.of(TaskStarted(), source="/s", subject="task_1"))
    assert arrived.keys() == {"specversion", "id", "source", "type", "subject", "time", "data"}
    assert arrived["data"] == {}


def test_null_travels_where_it_was_given() -> None:
    assert travelled(Envelope.of(TaskCompleted(output=None), source="/s", subject="t"))["data"] == {"output": None}


def test_the_time_is_written_in_rfc_3339() -> None:
    envelope = Envelope.of(TaskStarted(), source="/s", subject="t", time=MOMENT.astimezone(UTC))
    assert travelled(envelope)["time"] == "2026-01-31T12:00:00.250000Z"


@pytest.mark.parametrize("zone", [timezone(timedelta(minutes=19, seconds=32)), timezone(timedelta(seconds=-1))])
def test_a_zone_with_seconds_travels_as_the_same_moment(zone: timezone) -> None:
    """Amsterdam's was +00:19:32 until 1937; RFC 3339 has no such zones."""
    moment = datetime(1930, 1, 1, tzinfo=zone)
    arrived = parse(Envelope.of(TaskStarted(), source="/s", subject="t", time=moment).to_json().encode())
    assert arrived.time == sortable(moment.astimezone(UTC))


def test_levels_and_times_of_data_travel() -> None:
    assert travelled(Envelope.of(TaskLogged(message="m", level=Level.WARNING), source="/s", subject="t"))["data"] == {
        "message": "m",
        "level": "warning",
    }
    message = MessageSent(
        from_sandbox_id="a", to_sandbox_ids=["b"], message_type="request", content=None, expires_at=MOMENT
    )
    arrived = parse(Envelope.of(message, source="/s", subject="m").to_json().encode())
    assert arrived.data == message


@pytest.mark.parametrize("value", [Decimal("1e400"), Decimal("0.1"), 2**70, 1e300, "\x00", "é", {"a": [None, True]}])
def test_any_value_travels_as_it_is(value: Any) -> None:
    envelope = Envelope.of(TaskCompleted(output=value), source="/s", subject="t")
    assert json_text.same(json_text.dumps(travelled(envelope)["data"]["output"]), json_text.dumps(value))


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), object(), b"\xff"], ids=["NaN", "infinity", "object", "bytes"]
)
def test_a_value_that_json_does_not_have_is_refused_and_not_changed(value: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"JSON"):
        Envelope.of(TaskCompleted(output=value), source="/s", subject="t").to_json()


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Refused, match="zone"):
        Envelope.of(TaskStarted(), source="/s", subject="t", time=datetime(2026, 1, 31))
    envelope = replace(Envelope.of(TaskStarted(), source="/s", subject="t"), time=datetime(2026, 1, 31))
    with pytest.raises(ValueError, match="zone"):
        envelope.to_json()


@pytest.mark.parametrize("attributes", [{"source": ""}, {"subject": ""}, {"id": "x" * 513}, {"subject": "\x00"}])
def test_an_attribute_that_breaks_the_contract_is_refused_by_name(attributes: dict[str, Any]) -> None:
    envelope = Envelope.of(TaskStarted(), **{"source": "/s", "subject": "t"} | attributes)
    with pytest.raises(Refused) as caught:
        parse(envelope.to_json().encode())
    assert caught.value.field in attributes


def test_data_may_be_a_json_object_as_well() -> None:
    envelope = Envelope(id="1", source="/s", type="task.progressed", subject="t", data={"progress": 0.5, "own": None})
    assert travelled(envelope)["data"] == {"progress": 0.5, "own": None}
