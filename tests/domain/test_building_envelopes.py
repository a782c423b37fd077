"""Typed envelopes, as Python producers build them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from flowledger.domain import json_text
from flowledger.domain.envelope import Envelope, parse
from flowledger.domain.errors import LedgerError, NoEvent, Refused, UnknownField
from flowledger.domain.events import EVENT_TYPES, MessageSent, TaskCompleted, TaskLogged, TaskStarted
from flowledger.domain.statuses import Level
from flowledger.domain.times import now, sortable
from tests.vocabulary import EXAMPLES, FIELDS, OWN_SOURCES

MOMENT = datetime(2026, 1, 31, 14, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=2)))


def travelled(envelope: Envelope) -> Any:
    """The JSON value that arrives."""
    return json_text.loads(parse(envelope.to_json().encode()).raw)


@pytest.mark.parametrize("type_", FIELDS)
def test_typed_data_of_every_type_travels(type_: str) -> None:
    data = {name: EXAMPLES[field.kind] for name, field in FIELDS[type_].items()}
    source = OWN_SOURCES.get(type_, "/s")
    envelope = Envelope.of(EVENT_TYPES[type_].model_validate(data), source=source, subject="x")
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
    with pytest.raises(Refused, match="JSON") as caught:
        Envelope.of(TaskCompleted(output=value), source="/s", subject="t").to_json()
    assert caught.value.field == "data.output"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Refused, match="zone"):
        Envelope.of(TaskStarted(), source="/s", subject="t", time=datetime(2026, 1, 31))
    envelope = replace(Envelope.of(TaskStarted(), source="/s", subject="t"), time=datetime(2026, 1, 31))
    with pytest.raises(Refused, match=r"time: .*zone"):
        envelope.to_json()


@pytest.mark.parametrize(
    ("data", "attributes", "error", "words"),
    [
        (12, {}, NoEvent, "Envelope.of takes an object of `flowledger.events`, not one of type int"),
        ({"output": 1}, {}, NoEvent, "not one of type dict"),
        (TaskStarted, {}, NoEvent, "not the class TaskStarted itself"),
        (
            TaskStarted(),
            {"partition_key": "p"},
            UnknownField,
            "'partition_key'; did you mean partitionkey?",
        ),
        (TaskStarted(), {"tenant": "x"}, UnknownField, "no attribute 'tenant'; other attributes are `extensions`"),
        (TaskStarted(), {"time": "2026-01-31T12:00:00Z"}, Refused, "time: must be a datetime with a zone, not of type"),
    ],
)
def test_what_is_no_envelope_is_refused_in_our_words(
    data: Any, attributes: dict[str, Any], error: type[LedgerError], words: str
) -> None:
    with pytest.raises(error, match=re.escape(words)):
        Envelope.of(data, source="/s", subject="t", **attributes)


@pytest.mark.parametrize(
    ("given", "field"), [({"data": 12}, "data"), ({"data": TaskStarted}, "data"), ({"extensions": 12}, "extensions")]
)
def test_parts_of_another_kind_are_refused_by_name(given: dict[str, Any], field: str) -> None:
    envelope = Envelope(**{"id": "1", "source": "/s", "type": "task.started", "subject": "t", "data": {}} | given)
    with pytest.raises(Refused) as caught:
        envelope.to_json()
    assert caught.value.field == field


def test_an_extension_is_made_of_the_texts_that_are_sent() -> None:
    seen: dict[str, str] = {}

    def value_of(members: Mapping[str, str]) -> str:
        seen.update(members)
        return "made"

    output = {"a": [1.50, Decimal("1e400"), "\ud800é"]}
    envelope = Envelope.of(TaskCompleted(output=output), source="/s", subject="t", extensions={"own": 1})
    extended = envelope.extended("mark", value_of)
    text = extended.to_json()
    assert text == text.encode().decode()
    assert {name: json.loads(member) for name, member in seen.items()} | {"mark": "made"} == json.loads(text)
    assert all(member in text for member in seen.values())
    assert json_text.same(text, replace(envelope, extensions={"own": 1, "mark": "made"}).to_json())
    assert extended == replace(envelope, extensions={"own": 1, "mark": "made"})
    assert "mark" not in replace(extended, extensions={}).to_json()


@pytest.mark.parametrize("attributes", [{"source": ""}, {"subject": ""}, {"id": "x" * 513}, {"subject": "\x00"}])
def test_an_attribute_that_breaks_the_contract_is_refused_by_name(attributes: dict[str, Any]) -> None:
    envelope = Envelope.of(TaskStarted(), **{"source": "/s", "subject": "t"} | attributes)
    with pytest.raises(Refused) as caught:
        parse(envelope.to_json().encode())
    assert caught.value.field in attributes


def test_data_may_be_a_json_object_as_well() -> None:
    envelope = Envelope(id="1", source="/s", type="task.progressed", subject="t", data={"progress": 0.5, "own": None})
    assert travelled(envelope)["data"] == {"progress": 0.5, "own": None}


@pytest.mark.parametrize("own_id", [0, "", False])
def test_an_id_that_is_none_is_refused_and_not_replaced(own_id: Any) -> None:
    with pytest.raises(Refused) as caught:
        travelled(Envelope.of(TaskStarted(), source="/s", subject="t", id=own_id))
    assert caught.value.field == "id"


ENDS = [
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
]


@pytest.mark.parametrize("moment", ENDS, ids=["last", "first"])
def test_a_time_that_is_beyond_the_calendar_in_utc_is_refused_by_name(moment: datetime) -> None:
    words = "is in no year from 1 to 9999 in UTC"
    given: dict[str, Any] = {"source": "/s", "subject": "t"}
    with pytest.raises(Refused, match=f"^time: {moment.isoformat()[:19]}.*{words}"):
        Envelope.of(TaskStarted(), **given, time=moment)
    with pytest.raises(Refused, match=f"^time: .*{words}"):
        replace(Envelope.of(TaskStarted(), **given), time=moment).to_json()
    with pytest.raises(Refused, match=f"^data.output.0: .*{words}"):
        Envelope.of(TaskCompleted(output=[moment]), **given).to_json()
    with pytest.raises(Refused, match=f"^data.expires_at: .*{words}"):
        MessageSent(from_sandbox_id="a", to_sandbox_ids=["b"], message_type="request", content=None, expires_at=moment)
    with pytest.raises(Refused, match=f"^data.output: .*{words}"):
        replace(Envelope.of(TaskStarted(), **given), data={"output": moment}).extended("x", lambda _: "")
