"""Whatever the contract lets in is shown by each command: the deepest values, and numbers that no double holds."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

import pytest

from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Run
from tests.storage.recording import record

LEVELS: Final = 498
"""The deepest value of a field of `data`: the event and its data are two of the 500 levels."""
NUMBERS: Final = {
    "1e400": "1" + "0" * 400,
    "-1e-400": "-0." + "0" * 399 + "1",
    "2.50e400": "25" + "0" * 399,
    "1e131071": "1" + "0" * 131_071,
    "123456789012345678901234567890": "123456789012345678901234567890",
    "1.5": "1.5",
}
"""As a producer writes them, and as they are shown."""


def deep(inner: Any) -> dict[str, Any]:
    value = inner
    for place in range(LEVELS - 1):
        value = [value] if place % 2 else {"a": value}
    return {"a": value}


def story(value: Any, more: Any) -> list[bytes]:
    """Rows of each table that has values of any shape; `more` is in an error, which is one level itself."""
    return [
        raw("execution.created", subject="e", input=value, initial_state=value, time="2026-01-31T11:00:00Z"),
        raw("execution.checkpointed", subject="e", state=value),
        raw("node.started", subject="e", node="n", input=value),
        raw("node.failed", subject="e", node="n", error={"message": "m", "more": more}, state=value),
        raw("task.created", subject="t", execution_id="e", input=value),
        raw("task.completed", subject="t", output=value),
        raw("execution.logged", subject="e", message="a line", context=value),
        raw("task.logged", subject="t", message="a line", context=value),
        raw("message.sent", subject="m", execution_id="e", thread_id="th", to_sandbox_ids=["sb"], content=value),
        raw("sandbox.created", subject="sb", agent_config=value),
        raw("execution.completed", subject="e", output=value, final_state=value),
    ]


@pytest.fixture
def recorded(storage: Storage) -> Storage:
    value = deep("x")
    record(storage, *story(value, value["a"]))
    return storage


LISTS: Final = (
    ("executions",), ("execution_logs", "--execution-id", "e"), ("tasks",), ("task_logs", "--execution-id", "e"),
    ("task_logs", "--task-id", "t"), ("messages",), ("sandboxes",),
)  # fmt: skip


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("subject", ["e", "t", "m", "sb", "th"])
def test_the_deepest_value_is_shown(run: Run, subject: str) -> None:
    shown = run("show", subject, "--json")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.count("[") >= LEVELS // 2
    assert run("show", subject).code == 0


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("subject", ["e", "t"])
def test_the_deepest_value_is_shown_at_the_end(run: Run, subject: str) -> None:
    for form in ((), ("--json",)):
        ended = run("show", subject, "--follow", *form)
        assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out.splitlines()[-1])["subject"] == subject


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("asked", LISTS, ids=" ".join)
def test_the_deepest_value_is_listed(run: Run, asked: tuple[str, ...]) -> None:
    listed = run("list", *asked, "--json")
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.count("[") >= LEVELS // 2
    assert run("list", *asked).code == 0


@pytest.mark.parametrize("written", NUMBERS)
def test_a_number_is_shown_as_a_number(run: Run, storage: Storage, written: str) -> None:
    record(storage, *(one.replace(b'"here"', written.encode()) for one in story({"n": "here"}, "here")))
    number = Decimal(NUMBERS[written])
    for subject in ("e", "t", "m", "sb"):
        shown = run("show", subject, "--json")
        assert f'"n": {NUMBERS[written]}\n' in shown.out
        assert run("show", subject).code == 0
    for asked in LISTS:
        rows = json.loads(run("list", *asked, "--json").out, parse_int=Decimal, parse_float=Decimal)["rows"]
        found = [value["n"] for row in rows for value in row.values() if isinstance(value, dict) and "n" in value]
        assert found
        assert set(found) == {number}
    followed = run("show", "t", "--follow", "--json").out
    assert f'{{"n": {NUMBERS[written]}}}' in followed.splitlines()[-1]


def test_a_sum_is_a_number(run: Run, storage: Storage) -> None:
    record(storage, *(raw("metric.recorded", subject="s", name="n", value=value) for value in (0.1, 0.2, 1e300)))
    listed = run("list", "metric_hours", "--subject", "s", "--name", "n", "--json")
    assert f'"sum": 1{"0" * 300}.3,\n' in listed.out
