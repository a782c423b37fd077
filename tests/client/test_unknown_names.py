"""What a producer says in vain is told: once, with what was probably meant, and never as a refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from flowledger.client.prepared import prepare
from flowledger.domain.envelope import Envelope
from flowledger.domain.events import EVENT_TYPES, TaskCompleted
from flowledger.domain.likeness import forget_what_was_told, nearest
from tests.builders import event, raw
from tests.vocabulary import EXAMPLES, FIELDS

Warnings = pytest.LogCaptureFixture


@pytest.fixture(autouse=True)
def _nothing_was_told() -> Iterator[None]:
    forget_what_was_told()
    yield
    forget_what_was_told()


def given(**attributes: Any) -> dict[str, Any]:
    return {"source": "/s", "type": "task.completed", "subject": "t"} | attributes


@pytest.mark.parametrize(
    ("typo", "words"),
    [
        ({"data": {"outputs": 1}}, "data.outputs is no field of task.completed, and stands in the journal alone"),
        ({"data": {"outputs": 1}}, "did you mean data.output?"),
        ({"data": {"Output": 1}}, "did you mean data.output?"),
        ({"data": {"colour": 1}}, "data.colour is no field of task.completed"),
        ({"dat": {}}, "dat is no attribute that Flowledger knows; did you mean data?"),
        ({"tiem": "x"}, "did you mean time?"),
        ({"partitionKey": "x"}, "did you mean partitionkey?"),
        ({"trace_parent": "x"}, "did you mean traceparent?"),
    ],
)
@pytest.mark.parametrize("form", [dict, json.dumps])
def test_what_nobody_knows_is_told(caplog: Warnings, form: Any, typo: dict[str, Any], words: str) -> None:
    prepare(form(given(id="1", **typo) | {"specversion": "1.0"}), shards=8)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert words in caplog.text


def test_the_data_of_an_envelope_is_looked_at_as_well(caplog: Warnings) -> None:
    prepare(Envelope(id="1", source="/s", type="task.completed", subject="t", data={"outputs": 1}), shards=8)
    assert "did you mean data.output?" in caplog.text


def test_each_field_of_a_type_is_told_once(caplog: Warnings) -> None:
    for type_ in ("task.completed", "task.completed", "execution.completed"):
        for _ in range(3):
            prepare(event(type_, outputs=1, results=2), shards=8)
    assert len(caplog.records) == 4


def test_any_number_of_different_names_is_told_of_a_hundred_times_at_most(caplog: Warnings) -> None:
    for number in range(300):
        prepare(given(data={f"field_{number}": 1}), shards=8)
    assert len(caplog.records) == 100


@pytest.mark.parametrize("type_", FIELDS)
def test_nothing_is_told_of_what_is_known(caplog: Warnings, type_: str) -> None:
    data = {name: EXAMPLES[field.kind] for name, field in FIELDS[type_].items()}
    prepare(raw(type_, attributes={"sequence": 1, "partitionkey": "p", "dataschema": "/x"}, **data), shards=8)
    assert not caplog.records
    assert set(data) <= set(EVENT_TYPES[type_].model_fields)


@pytest.mark.parametrize("extension", ["tenant", "sourceid", "idempotency", "dataref", "severitytext", "recordedtime"])
def test_an_extension_of_cloud_events_is_no_typo(caplog: Warnings, extension: str) -> None:
    prepare(given(data={"output": 1}, time="2026-01-31T12:00:00Z", **{extension: "x"}), shards=8)
    assert not caplog.records


def test_typed_data_needs_no_warning(caplog: Warnings) -> None:
    prepare(Envelope.of(TaskCompleted(output={"outputs": 1}), source="/s", subject="t"), shards=8)
    assert not caplog.records


def test_a_name_is_told_in_a_line_of_ascii(caplog: Warnings) -> None:
    prepare(given(data={"\x1b[31m\n" + "x" * 1000: 1}), shards=8)
    assert caplog.records[0].getMessage().isprintable()
    assert len(caplog.records[0].getMessage()) < 200


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("SHARD", ["shards", "home"], "shards"),
        ("file", ["key_file", "home"], None),
        ("task.complete", ["task.completed", "task.created"], "task.completed"),
        ("", ["a"], None),
        ("x" * 100_000, ["x"], None),
    ],
)
def test_only_what_is_very_like_is_meant(word: str, known: list[str], meant: str | None) -> None:
    assert nearest(word, known) == meant
