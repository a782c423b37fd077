"""The data of each event type (contract, section 4), held to the contract's table as `builders.FIELDS` has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from flowledger.domain.envelope import parse
from flowledger.domain.errors import LedgerError, Reason, Refused, UnknownField
from flowledger.domain.events import (
    EVENT_TYPES,
    AgentConfig,
    Error,
    EventData,
    MessageSent,
    SandboxCreated,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskLogged,
    TaskProgressed,
)
from tests.builders import ABSENT, event, parsed, raw, to_bytes
from tests.domain import governed_values
from tests.domain.refusing import refusal
from tests.vocabulary import EXAMPLES, FIELDS

ACCEPTED: Final[dict[str, list[Any]]] = {
    "str": ["", "x", "\x00", "\ud800", "x" * 10_000],
    "id": ["x", "x" * 512, "é" * 256, "\x01", " "],
    "any": [True, False, 0, -1.5, "", "x", [], {}, [None], {"a": None}],
    "object": [{}, {"a": {"b": [1, None]}}],
    "int": [0, -1, 2**63 - 1, -(2**63)],
    "attempt": [1, 2, 2**63 - 1],
    "seconds": [0, 0.0, 0.25, 3, 1e300],
    "fraction": [0, 1, 0.0, 1.0, 0.5, 1e-300],
    "error": [{"message": ""}, {"message": "m", "type": "T", "traceback": "t", "code": 7, "cause": {"a": None}}],
    "level": ["info", "INFO"],
    "ids": [["sb"], ["sb_1", "sb_2", "sb_1"]],
    "message_type": ["request", "response", "notification", "command"],
    "time": ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456789+02:00"],
    "name": ["x", " ", "\x00", "\ud800", "x" * 255, "\U0001f600" * 255],
    "label": ["x", " x ", "\x00", "\ud800", "x" * 255, "\U0001f600" * 255],
    "tags": [[], ["a", "a"], [" "], ["\x00"], ["é" * 64], ["a"] * 64],
    "visibility": ["public", "private"],
    "version": [1, 2, 2**63 - 1],
    "some_ids": [[], ["x"], ["x", "y", "x"], ["x" * 512], ["\x01"]],
    "number": [0, -1, 1.5, 2**53 + 1, -(2**70), 10**308, 1e300, 5e-324, -0.0],
    "metric_kind": ["gauge", "counter"],
    "labels": [{}, {"a": ""}, {"": "b", "\x00": "\ud800"}],
    "bool": [True, False],
    "definition": [{}, {"nodes": 1, "edges": [None]}, EXAMPLES["definition"]],
    "agent_config": [{}, {"model": None}, {"more": {"a": [None]}}, EXAMPLES["agent_config"]],
    "resource_limits": [{}, {"cpu": None}, {"more": {"a": [None]}}, EXAMPLES["resource_limits"]],
    "connection": [{}, {"host": None}, {"more": {"a": [None]}}, EXAMPLES["connection"]],
    "health": [{}, {"status": None}, {"more": {"a": [None]}}, EXAMPLES["health"]],
    **governed_values.ACCEPTED,
}
REFUSED: Final[dict[str, list[Any]]] = {
    "str": [1, 1.5, True, [], ["x"], {}],
    "id": ["", "x" * 513, "é" * 257, "\x00", "a\x00", "\ud800", "a\udfff", 1, True, ["x"], {}],
    "any": [],
    "object": ["x", "{}", 1, True, [], [{}]],
    "int": ["1", 1.0, 1.5, 1e300, True, 2**63, -(2**63) - 1, 10**400, [], {}],
    "attempt": ["1", 1.0, 0, -1, True, 2**63, []],
    "seconds": ["1", -1, -0.001, True, [], {}],
    "fraction": ["0.5", -0.001, 1.001, 2, True, []],
    "error": ["boom", [], 1, {}, {"type": "T"}, {"message": 1}, {"message": "m", "type": 1}],
    "level": ["", "verbose", "information", 20, True, ["info"]],
    "ids": ["sb_1", [], [1], [""], ["x" * 513], ["\x00"], [None], [["sb_1"]], {}],
    "message_type": ["", "question", "REQUEST", 1, ["request"]],
    "time": ["", "soon", "2026-01-31", "2026-01-31T12:00:00", 0, True],
    "name": ["", "x" * 256, 1, True, ["x"], {}],
    "label": ["", " ", "\t\u3000", "x" * 256, 1, True, ["x"], {}],
    "tags": ["a", [1], [""], ["x" * 65], ["a"] * 65, [None], {}],
    "visibility": ["", "PUBLIC", "secret", True, ["public"]],
    "version": [0, -1, 1.0, "1", True, 2**63, []],
    "some_ids": ["x", [1], [""], ["x" * 513], ["\x00"], [None], [["x"]], {}],
    "number": ["1", True, 10**400, -(10**400), [], {}],
    "metric_kind": ["", "Gauge", "histogram", 1, ["gauge"]],
    "labels": ["x", 1, True, [], {"a": None}, {"a": 1}, {"a": True}, {"a": {"b": "c"}}],
    "bool": ["true", 0, 1, [], {}],
    "definition": ["{}", 1, True, [], [{}]],
    "agent_config": ["m", 1, True, [], [{}]],
    "resource_limits": ["1 GiB", 1, True, [], [{}]],
    "connection": ["localhost:80", 80, True, [], [{}]],
    "health": ["healthy", 1, True, [], [{}]],
    **governed_values.REFUSED,
}


SENT: Final[dict[str, Any]] = {
    "from_sandbox_id": "sb_1",
    "to_sandbox_ids": ["sb_2"],
    "message_type": "request",
    "content": None,
}
"""The least of a `MessageSent`."""


_OF_IDS: Final = ("id", "ids", "some_ids")
"""How long an id may be, and of what, is a matter of settings: an object does not know them."""


def of_each(type_: str, values: dict[str, list[Any]]) -> Iterator[tuple[str, Any]]:
    """Each field of the type with each of the values of its kind."""
    return ((name, value) for name, field in FIELDS[type_].items() for value in values[field.kind])


def required(type_: str) -> list[str]:
    return [name for name, field in FIELDS[type_].items() if field.required]


def optional(type_: str) -> list[str]:
    return [name for name, field in FIELDS[type_].items() if not field.required]


def fault(type_: str, **data: Any) -> tuple[Reason, str] | None:
    """The reason and the field of `data` at fault, without what is inside that field."""
    told = refusal(raw(type_, **data))
    return told and (told[0], ".".join(told[1].split(".")[:2]))


def test_the_vocabulary_is_the_contracts() -> None:
    assert EVENT_TYPES.keys() == FIELDS.keys()


@pytest.mark.parametrize("type_", FIELDS)
def test_a_type_knows_the_fields_of_the_contract_and_no_others(type_: str) -> None:
    beside = {"broadcast"} if type_ == "message.sent" else set()
    assert set(EVENT_TYPES[type_].model_fields) == FIELDS[type_].keys() | beside


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        ("created", "pending"),
        ("queued", "queued"),
        ("started", "running"),
        ("paused", "paused"),
        ("resumed", "running"),
        ("retrying", "retrying"),
        ("completed", "completed"),
        ("failed", "failed"),
        ("cancelled", "cancelled"),
        ("timed_out", "timed_out"),
        ("skipped", "skipped"),
        ("updated", None),
        ("checkpointed", None),
        ("progressed", None),
        ("logged", None),
    ],
)
def test_an_event_says_the_status_of_the_table(verb: str, status: str | None) -> None:
    said = {
        model.status
        for type_, model in EVENT_TYPES.items()
        if type_.partition(".")[2] == verb and type_.partition(".")[0] in ("execution", "node", "task")
    }
    assert said == {status}


@pytest.mark.parametrize("verb", ["sent", "delivered", "failed", "dispatched", "expired"])
def test_the_events_of_a_message_say_no_status(verb: str) -> None:
    assert EVENT_TYPES[f"message.{verb}"].status is None


@pytest.mark.parametrize("type_", FIELDS)
def test_the_least_data_of_a_type_is_taken(type_: str) -> None:
    assert refusal(raw(type_)) is None


@pytest.mark.parametrize("type_", FIELDS)
def test_a_field_takes_what_the_contract_says(type_: str) -> None:
    told = {(name, to_bytes(value)): fault(type_, **{name: value}) for name, value in of_each(type_, ACCEPTED)}
    assert told == dict.fromkeys(told)


@pytest.mark.parametrize("type_", FIELDS)
def test_a_field_refuses_all_else_and_is_named(type_: str) -> None:
    told = {(name, to_bytes(value)): fault(type_, **{name: value}) for name, value in of_each(type_, REFUSED)}
    assert told == {(name, value): (Reason.INVALID_DATA, f"data.{name}") for name, value in told}


@pytest.mark.parametrize("type_", FIELDS)
def test_a_required_field_must_be_there(type_: str) -> None:
    # Of a message's two kinds of recipients either will do: at fault is "data".
    named = {name: "data" if name == "to_sandbox_ids" else f"data.{name}" for name in required(type_)}
    told = {name: fault(type_, **{name: ABSENT}) for name in named}
    assert told == {name: (Reason.INVALID_DATA, field) for name, field in named.items()}


@pytest.mark.parametrize("type_", FIELDS)
def test_null_is_no_value_for_a_required_field_but_any(type_: str) -> None:
    told = {name: fault(type_, **{name: None}) is not None for name in required(type_)}
    assert told == {name: FIELDS[type_][name].kind != "any" for name in required(type_)}


@pytest.mark.parametrize("type_", FIELDS)
def test_an_optional_field_may_be_null(type_: str) -> None:
    told = {name: fault(type_, **{name: None}) for name in optional(type_)}
    assert told == dict.fromkeys(optional(type_))


@pytest.mark.parametrize("type_", FIELDS)
def test_null_counts_as_there_in_updates_and_where_any_value_is_allowed_outside_created(type_: str) -> None:
    verb = type_.partition(".")[2]
    told = {name: name in parsed(type_, **{name: None}).data.model_fields_set for name in optional(type_)}
    assert told == {
        name: name != "attempt" and (verb == "updated" or (FIELDS[type_][name].kind == "any" and verb != "created"))
        for name in optional(type_)
    }


@pytest.mark.parametrize("type_", FIELDS)
@pytest.mark.parametrize("value", [None, 1, "x", [], {"a": "\x00"}], ids=ascii)
def test_unknown_fields_are_ignored(type_: str, value: Any) -> None:
    assert parsed(type_, id="1", nobody_knows=value).data == parsed(type_, id="1").data


@pytest.mark.parametrize("type_", [type_ for type_, fields in FIELDS.items() if not fields["attempt"].required])
def test_the_attempt_is_1_where_nothing_is_said(type_: str) -> None:
    assert [parsed(type_).data.attempt, parsed(type_, attempt=None).data.attempt] == [1, 1]


@pytest.mark.parametrize("literal", ["1.0", "1e0", "1E0", "10e-1", "-0.0"])
@pytest.mark.parametrize(("type_", "name"), [("task.created", "priority"), ("execution.completed", "iterations")])
def test_an_int_is_written_without_fraction_and_exponent(type_: str, name: str, literal: str) -> None:
    body = raw(type_, **{name: 123321}).replace(b"123321", literal.encode())
    assert refusal(body) == (Reason.INVALID_DATA, f"data.{name}")


@pytest.mark.parametrize(("literal", "accepted"), [("1e400", False), ("1" + "0" * 400, False), ("1e-400", True)])
def test_a_fraction_that_no_double_holds_is_judged_by_its_value(literal: str, accepted: bool) -> None:
    body = raw("task.progressed", progress=0.123321).replace(b"0.123321", literal.encode())
    assert refusal(body) == (None if accepted else (Reason.INVALID_DATA, "data.progress"))


@pytest.mark.parametrize("literal", ["1e400", "1" + "0" * 400, "1" + "0" * 400 + ".5", "1e-400"])
@pytest.mark.parametrize(("type_", "name"), [("task.timed_out", "timeout_seconds"), ("task.retrying", "delay_seconds")])
def test_seconds_may_be_a_number_that_no_double_holds(type_: str, name: str, literal: str) -> None:
    body = raw(type_, **{name: 0.123321}).replace(b"0.123321", literal.encode())
    assert refusal(body) is None


@pytest.mark.parametrize(
    ("written", "stands"),
    [
        ("trace", "debug"),
        ("debug", "debug"),
        ("info", "info"),
        ("warn", "warning"),
        ("warning", "warning"),
        ("error", "error"),
        ("fatal", "critical"),
        ("critical", "critical"),
    ],
)
def test_a_level_stands_as_one_of_five_in_any_case(written: str, stands: str) -> None:
    cases = (written, written.upper(), written.title())
    assert [parsed("task.logged", level=level).data.model_dump()["level"] for level in cases] == [stands] * 3


@pytest.mark.parametrize("type_", ["task.logged", "execution.logged"])
@pytest.mark.parametrize("level", [ABSENT, None])
def test_a_log_line_is_info_where_nothing_is_said(type_: str, level: Any) -> None:
    assert parsed(type_, level=level).data.model_dump()["level"] == "info"


@pytest.mark.parametrize("type_", [type_ for type_ in FIELDS if type_.startswith("node.")])
def test_a_node_run_is_of_iteration_1_where_nothing_is_said(type_: str) -> None:
    assert parsed(type_).data.model_dump()["iteration"] == 1


def test_the_log_line_of_an_execution_has_no_iteration_where_nothing_is_said() -> None:
    assert parsed("execution.logged").data.model_dump()["iteration"] is None


@pytest.mark.parametrize("part", ["type", "traceback"])
def test_the_parts_of_an_error_are_named_with_their_path(part: str) -> None:
    assert refusal(raw("task.failed", error={"message": "m", part: 1})) == (Reason.INVALID_DATA, f"data.error.{part}")
    assert refusal(raw("task.failed", error={part: "x"})) == (Reason.INVALID_DATA, "data.error.message")


def test_further_keys_of_an_error_and_of_usage_are_kept() -> None:
    error, usage = {"message": "m", "code": 7, "more": {"a": None}}, {"model": "m", "cost": 0.1, "cached": [1]}
    data = parsed("task.failed", error=error, usage=usage).data.model_dump(exclude_unset=True)
    assert (data["error"], data["usage"]) == (error, usage)


def sent(**data: Any) -> tuple[Reason, str] | None:
    """What is said against a message that is sent with this, and to nobody yet."""
    return refusal(to_bytes(event("message.sent", **{"to_sandbox_ids": ABSENT} | data)))


@pytest.mark.parametrize("broadcast", [ABSENT, None, False])
def test_a_message_may_go_to_sandboxes_by_name(broadcast: Any) -> None:
    assert sent(to_sandbox_ids=["sb_1"], broadcast=broadcast) is None


@pytest.mark.parametrize("to", [ABSENT, None])
def test_a_message_may_go_to_all_of_a_workspace(to: Any) -> None:
    assert sent(broadcast=True, workspace_id="ws_1", to_sandbox_ids=to) is None


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"broadcast": False},
        {"broadcast": False, "workspace_id": "ws_1"},
        {"broadcast": True},
        {"broadcast": True, "workspace_id": None},
        {"broadcast": True, "workspace_id": "ws_1", "to_sandbox_ids": ["sb_1"]},
    ],
)
def test_a_message_to_nobody_or_to_both_is_refused(data: dict[str, Any]) -> None:
    assert sent(**data) == (Reason.INVALID_DATA, "data")


@pytest.mark.parametrize("value", ["true", 1, [], {}])
def test_broadcast_is_true_or_false(value: Any) -> None:
    assert sent(broadcast=value, workspace_id="ws_1") == (Reason.INVALID_DATA, "data.broadcast")


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (TaskCompleted, {"outputs": 1}, "TaskCompleted has no field 'outputs'; did you mean output?"),
        (TaskCompleted, {"Output": 1}, "did you mean output?"),
        (SandboxCreated, {"workspaceId": "w"}, "did you mean workspace_id?"),
        (MessageSent, {"from_sandbox": "a"}, "did you mean from_sandbox_id?"),
        (TaskCompleted, {"colour": 1}, "it has attempt, output, usage"),
        (TaskCompleted, {"output": 1, "outputs": 1}, "it has attempt, output, usage"),
    ],
)
def test_whoever_writes_a_field_that_there_is_not_is_told(model: Any, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UnknownField) as caught:
        model(**fields)
    assert words in str(caught.value)
    assert isinstance(caught.value, LedgerError)


@pytest.mark.parametrize("type_", FIELDS)
def test_every_typed_class_refuses_what_it_does_not_have(type_: str) -> None:
    data = {name: EXAMPLES[field.kind] for name, field in FIELDS[type_].items()}
    with pytest.raises(UnknownField):
        EVENT_TYPES[type_](**data, unheard_of=1)


@pytest.mark.parametrize("type_", FIELDS)
def test_what_is_read_may_have_fields_that_nobody_knows(type_: str) -> None:
    data = {name: EXAMPLES[field.kind] for name, field in FIELDS[type_].items()}
    assert parsed(type_, **data, unheard_of=1).data == EVENT_TYPES[type_].model_validate(data)


def test_open_objects_take_any_field() -> None:
    error = Error.model_validate({"message": "no", "code": 3})
    assert TaskFailed(error=error, usage={"pages": 1}).error.model_dump()["code"] == 3
    config: Any = AgentConfig
    assert config(colour="red").model_dump(exclude_unset=True) == {"colour": "red"}


# --- typed data


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (TaskCreated, {"name": 3}, "data.name: must be a string, not 3"),
        (TaskCreated, {"attempt": 0}, "data.attempt: must be at least 1, not 0"),
        (TaskProgressed, {}, "data.progress: is missing"),
        (TaskProgressed, {"progress": "half"}, "data.progress: must be a number, not this string"),
        (TaskProgressed, {"progress": 1.5}, "data.progress: must be at most 1, not 1.5"),
        (
            TaskCreated,
            {"priority": 2**64},
            "data.priority: must be at most 9223372036854775807, not one of more than 64 bits",
        ),
        (TaskLogged, {"message": None}, "data.message: must be a string, not null"),
        (TaskLogged, {"message": "m", "level": "loud"}, "data.level: must be one of debug, info, warning, error, "),
        (TaskFailed, {"error": "boom"}, "data.error: must be a JSON object, not this string"),
        (TaskFailed, {"error": {}}, "data.error.message: is missing"),
        (Error, {"message": ["m"]}, "message: must be a string, not a list"),
        (SandboxCreated, {"name": ""}, "data.name: must not be empty"),
        (SandboxCreated, {"name": "x" * 256}, "data.name: must have 255 characters at most"),
        (MessageSent, SENT | {"to_sandbox_ids": []}, "data.to_sandbox_ids: must not be empty"),
        (MessageSent, SENT | {"to_sandbox_ids": ("a",)}, "data.to_sandbox_ids: must be a list, not of type tuple"),
        (MessageSent, SENT | {"message_type": "shout"}, "data.message_type: must be 'request', 'response', "),
        (MessageSent, SENT | {"broadcast": True}, "data: give to_sandbox_ids or broadcast, not both"),
        (MessageSent, SENT | {"expires_at": 3}, "data.expires_at: must be a time with a zone, not 3"),
        (MessageSent, SENT | {"priority": {}}, "data.priority: must be a whole number, not an object"),
    ],
)
def test_typed_data_that_breaks_the_contract_is_refused_in_our_words(
    model: type[EventData | Error], fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused) as caught:
        model(**fields)
    assert caught.value.reason is Reason.INVALID_DATA
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("type_", FIELDS)
def test_typed_data_are_refused_in_the_same_words_as_data_that_are_read(type_: str) -> None:
    for name, value in of_each(type_, REFUSED):
        if FIELDS[type_][name].kind in _OF_IDS:
            continue
        given = event(type_, **{name: value})
        with pytest.raises(Refused) as read:
            parse(to_bytes(given))
        with pytest.raises(Refused) as typed:
            EVENT_TYPES[type_](**given["data"])
        assert str(typed.value) == str(read.value)
