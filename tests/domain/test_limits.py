"""Limits: settable; a refusal names the field, what is there, the limit and the setting."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from flowledger.domain import json_text
from flowledger.domain.envelope import parse
from flowledger.domain.errors import Refused, SettingsError
from flowledger.domain.limits import DEFAULT_LIMITS, RANGES, Limits
from flowledger.domain.settings import Settings
from tests.builders import event, raw, to_bytes
from tests.domain.refusing import refusal

LOW: Final = Limits(max_event_bytes=20_000, max_depth=20, max_digits=30, max_id_bytes=64, max_source_bytes=70)
HIGH: Final = Limits(**{name: allowed.highest for name, allowed in RANGES.items()})


def output(literal: str) -> bytes:
    return raw("task.completed", output="here").replace(b'"here"', literal.encode())


def lists(levels: int) -> str:
    return "[" * levels + "]" * levels


BEYOND: Final[dict[str, tuple[bytes, str, str]]] = {
    "bytes": (
        raw("task.completed", id="1", output="x" * 20_000),
        "",
        r"20,\d\d\d bytes; the limit is 20,000 \(LEDGER_MAX_EVENT_BYTES\)",
    ),
    "depth": (output(lists(19)), "data.output", r"nested 21 levels deep; the limit is 20 \(LEDGER_MAX_DEPTH\)"),
    "depth of an attribute": (
        to_bytes(event("task.started", attributes={"own": json.loads(lists(20))})),
        "own",
        r"nested 21 levels deep; the limit is 20 \(LEDGER_MAX_DEPTH\)",
    ),
    "digits": (
        output("-" + "7" * 31),
        "data.output",
        r"an integer of 31 digits; the limit is 30 \(LEDGER_MAX_DIGITS\)",
    ),
    "digits behind other numbers": (
        output("[1, 0." + "1" * 50 + ', 2e10, {"deeper": ' + "7" * 40 + "}]"),
        "data.output",
        r"an integer of 40 digits; the limit is 30 \(LEDGER_MAX_DIGITS\)",
    ),
    "digits of an attribute": (
        to_bytes(event("task.started", attributes={"sequence": 10**30})),
        "sequence",
        r"an integer of 31 digits; the limit is 30 \(LEDGER_MAX_DIGITS\)",
    ),
    "id": (raw("task.started", id="é" * 33), "id", r"66 bytes of UTF-8; the limit is 64 \(LEDGER_MAX_ID_BYTES\)"),
    "subject": (raw("task.started", subject="s" * 65), "subject", r"65 bytes .* 64 \(LEDGER_MAX_ID_BYTES\)"),
    "source": (raw("task.started", source="s" * 71), "source", r"71 bytes .* 70 \(LEDGER_MAX_SOURCE_BYTES\)"),
    "id in data": (
        raw("task.created", agent_id="é" * 32 + "a"),
        "data.agent_id",
        r"65 bytes of UTF-8; the limit is 64 \(LEDGER_MAX_ID_BYTES\)",
    ),
    "node": (raw("node.started", node="n" * 65), "data.node", r"65 bytes .* 64 \(LEDGER_MAX_ID_BYTES\)"),
    "id in a list": (
        raw("message.sent", to_sandbox_ids=["sb_1", "s" * 65]),
        "data.to_sandbox_ids.1",
        r"65 bytes .* 64 \(LEDGER_MAX_ID_BYTES\)",
    ),
}


@pytest.mark.parametrize("what", BEYOND)
def test_what_is_beyond_a_limit_is_refused_in_clear_words(what: str) -> None:
    body, field, words = BEYOND[what]
    with pytest.raises(Refused, match=words) as caught:
        parse(body, LOW)
    assert caught.value.field == field
    assert parse(body, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    "body",
    [
        output(lists(18)),
        output("-" + "7" * 30),
        output("1." + "7" * 300),
        output('"' + "7" * 300 + '"'),
        raw("task.started", id="é" * 32, source="s" * 70, subject="s" * 64),
        raw("message.sent", to_sandbox_ids=["s" * 64, "é" * 32], thread_id="\U0001f600" * 16),
        raw("task.updated", agent_id=None, name="n" * 500),
    ],
)
def test_what_is_as_large_as_a_lower_limit_is_taken(body: bytes) -> None:
    assert parse(body, LOW)


def test_an_unknown_field_is_no_id_of_ours() -> None:
    assert parse(raw("task.started", their_own_id="x" * 5000))


HIGHEST: Final[dict[str, bytes]] = {
    "depth of lists": output(lists(HIGH.max_depth - 2)),
    "depth of objects": output('{"a":' * (HIGH.max_depth - 2) + "1e400" + "}" * (HIGH.max_depth - 2)),
    "digits": output("-" + "7" * HIGH.max_digits),
    "id": raw("execution.created", id="i" * 1024, source="s" * 1600, subject="s" * 1024, workflow_id="w" * 1024),
}


@pytest.mark.parametrize("what", HIGHEST)
def test_limits_may_be_raised(what: str) -> None:
    assert refusal(HIGHEST[what]) is not None
    event_ = parse(HIGHEST[what], HIGH)
    assert json_text.same(event_.raw, " " + event_.raw)


def test_one_more_than_the_highest_is_refused_in_the_same_words() -> None:
    with pytest.raises(Refused, match=r"131,073 digits; the limit is 131,072"):
        parse(output("7" * (HIGH.max_digits + 1)), HIGH)


@pytest.mark.timeout(10)  # scanned from each of its digits or quotes, it would take hours
@pytest.mark.parametrize("unit", ["1", '"', '\\"', '"":', "1e", "[1,"])
def test_a_hostile_text_is_looked_through_once(unit: str) -> None:
    hostile = ("[" * 600 + unit * 900_000)[:900_000]
    assert refusal(output(hostile)) is not None
    assert refusal(output("[" + "7" * 5000 + "," + hostile + "]")) is not None


@pytest.mark.parametrize("name", RANGES)
def test_each_limit_is_a_setting_within_what_python_and_postgresql_hold(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"LEDGER_{name.upper()}"
    for value in RANGES[name]:
        monkeypatch.setenv(variable, str(value))
        assert getattr(Settings.load().limits, name) == value
    for value in (RANGES[name].least - 1, RANGES[name].highest + 1):
        monkeypatch.setenv(variable, str(value))
        with pytest.raises(SettingsError, match=f"^{variable}: "):
            Settings.load()


def test_the_defaults_are_the_contracts() -> None:
    expected: dict[str, Any] = {
        "max_event_bytes": 2**20, "max_depth": 500, "max_digits": 4300, "max_id_bytes": 512, "max_source_bytes": 1024,
        "max_recipients": 1000,
    }  # fmt: skip
    assert Settings.load().limits == Limits(**expected) == DEFAULT_LIMITS
