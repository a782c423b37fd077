"""The envelope, attribute by attribute (contract, section 2)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason, Refused
from tests.builders import ABSENT, event, parsed, raw, to_bytes
from tests.domain.refusing import refusal

REQUIRED: Final = ("specversion", "id", "source", "type", "subject")
OPTIONAL_TEXTS: Final = ("partitionkey", "traceparent", "tracestate", "correlationid", "causationid")
LIMITS: Final = {"id": 512, "subject": 512, "source": 1024}
_NO_DATA: Final[tuple[Any, ...]] = (ABSENT, {})


def started(**attributes: Any) -> bytes:
    """A task's start with these attributes."""
    return raw("task.started", attributes=attributes)


def bad(name: str) -> tuple[Reason, str]:
    return Reason.INVALID_ENVELOPE, name


def test_the_least_event_is_taken() -> None:
    least = {"specversion": "1.0", "id": "1", "source": "/s", "type": "task.started", "subject": "task_1"}
    event_ = parse(to_bytes(least))
    assert (event_.id, event_.source, event_.type, event_.subject) == ("1", "/s", "task.started", "task_1")
    assert (event_.time, event_.sequence) == (None, None)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [ABSENT, None, "", 1, True, ["x"], {"x": "y"}], ids=repr)
def test_a_required_attribute_is_a_text_that_is_there(name: str, value: Any) -> None:
    assert refusal(started(**{name: value})) == bad(name)


@pytest.mark.parametrize("version", ["1", "1.0.0", "0.3", "1.1", " 1.0", 1.0])
def test_another_specversion_is_refused(version: Any) -> None:
    assert refusal(started(specversion=version)) == bad("specversion")


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("letter", ["a", "é", "\u20ac", "\U0001f600"])
def test_names_are_limited_in_bytes_of_utf8(name: str, letter: str) -> None:
    longest = letter * (LIMITS[name] // len(letter.encode()))
    longest += "a" * (LIMITS[name] - len(longest.encode()))
    assert refusal(started(**{name: longest})) is None
    assert refusal(started(**{name: longest + "a"})) == bad(name)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "a\udfff", "\udfff\ud800"], ids=ascii)
def test_names_hold_no_nul_and_no_lone_surrogate(name: str, text: str) -> None:
    assert refusal(started(**{name: text})) == bad(name)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize(
    "text", [" ", "\x01", "\x7f", "\x85", "é", "\U0001f600", "\ufffd", "\uffff", "%", "'"], ids=ascii
)
def test_names_are_opaque(name: str, text: str) -> None:
    assert getattr(parse(started(**{name: text})), name) == text


@pytest.mark.parametrize("id_", ["usr_a1b2c3d4e5", "exec_01h455vb4pex5vsknk084sn02q", "42", "any thing"])
def test_ids_of_every_shape_are_as_good_as_any(id_: str) -> None:
    assert parsed("task.started", id=id_, subject=id_).subject == id_


@pytest.mark.parametrize("name", ["time", "sequence", "datacontenttype", "data", "data_base64", *OPTIONAL_TEXTS])
def test_null_is_the_same_as_absent(name: str) -> None:
    absent, null = (parse(raw("task.started", id="1", attributes={name: value})) for value in (ABSENT, None))
    assert null._replace(raw=absent.raw) == absent


@pytest.mark.parametrize("name", OPTIONAL_TEXTS)
def test_an_optional_attribute_is_any_text(name: str) -> None:
    assert [refusal(started(**{name: text})) for text in ("", "x", "\x00", "\ud800", "x" * 5000)] == [None] * 5


@pytest.mark.parametrize("name", OPTIONAL_TEXTS)
@pytest.mark.parametrize("value", [1, True, ["x"], {}])
def test_an_optional_attribute_that_is_no_text_is_refused(name: str, value: Any) -> None:
    assert refusal(started(**{name: value})) == bad(name)


@pytest.mark.parametrize("text", ["1", "007", "a", " ", "\x01", "x" * 5000])
def test_a_sequence_is_any_text(text: str) -> None:
    assert parse(started(sequence=text)).sequence == text


@pytest.mark.parametrize("number", ["7", "0", "-0", "1.0", "1.50", "1e3", "1E+3", "1e400", "99999999999999999999"])
def test_a_sequence_that_is_a_number_counts_as_its_json_text(number: str) -> None:
    body = raw("task.started", attributes={"sequence": "here"}).replace(b'"here"', number.encode())
    assert parse(body).sequence == number


@pytest.mark.parametrize("value", ["", True, False, [], ["1"], {}, {"a": 1}], ids=repr)
def test_a_sequence_of_no_characters_or_another_kind_is_refused(value: Any) -> None:
    assert refusal(started(sequence=value)) == bad("sequence")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json ; charset=utf-8",
    ],
)
def test_json_in_utf8_is_the_content_type(content_type: str) -> None:
    assert refusal(started(datacontenttype=content_type)) is None


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/jsonx",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/cloudevents+json",
        7,
    ],
)
def test_another_content_type_is_refused(content_type: Any) -> None:
    assert refusal(started(datacontenttype=content_type)) == bad("datacontenttype")


def test_data_that_is_absent_is_the_same_as_an_empty_object() -> None:
    absent, empty = (parsed("task.started", id="1", attributes={"data": data}) for data in _NO_DATA)
    assert empty.data == absent.data


@pytest.mark.parametrize("data", ["x", "{}", 1, True, [], [{}]], ids=repr)
def test_data_that_is_no_object_is_refused(data: Any) -> None:
    assert refusal(started(data=data)) == bad("data")


@pytest.mark.parametrize("value", ["e30=", "", {}])
def test_data_in_base64_is_refused(value: Any) -> None:
    assert refusal(started(data_base64=value)) == bad("data_base64")
    assert refusal(started(data_base64=value, data=ABSENT)) == bad("data_base64")


@pytest.mark.parametrize("value", [None, "x", 1, ["\x00"], {"\ud800": "\ud800"}], ids=ascii)
def test_unknown_attributes_are_kept_and_otherwise_ignored(value: Any) -> None:
    body = started(dataschema=value, **{"odd name \x00": value})
    assert parse(body).raw.encode() == body


@pytest.mark.parametrize("type_", ["task.exploded", "TASK.STARTED", "task.started ", "com.example.task.started"])
def test_an_unknown_type_is_refused_as_such(type_: str) -> None:
    assert refusal(raw(type_)) == (Reason.UNKNOWN_TYPE, "type")


def test_the_text_is_kept_exactly_as_it_came() -> None:
    body = (
        b' {"type":"task.started" ,\n\t"id":"\\u0061", "source":"/s","subject":"t","specversion":"1.0","n":1.50e1}\r\n'
    )
    assert parse(body).raw.encode() == body


def test_text_that_postgresql_cannot_hold_stands_as_the_replacement_character() -> None:
    event_ = parsed(
        "task.completed", output={"a\x00": ["\ud800x", "\U0001f600"]}, attributes={"sequence": "\x00\udfff"}
    )
    assert event_.data.model_dump()["output"] == {"a\ufffd": ["\ufffdx", "\U0001f600"]}
    assert event_.sequence == "\ufffd\ufffd"
    assert "\\u0000" in event_.raw


@pytest.mark.parametrize("name", ["\x00", "\ud800"], ids=ascii)
def test_names_of_unknown_fields_may_hold_anything(name: str) -> None:
    assert refusal(raw("task.started", **{name: "x"})) is None


def test_an_event_as_large_as_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    body = raw("task.started")
    assert refusal(body, max_event_bytes=len(body)) is None
    assert refusal(body, max_event_bytes=len(body) - 1) == (Reason.TOO_LARGE, "")


def test_the_limit_is_one_mebibyte_by_default() -> None:
    body = raw("task.completed", output="")
    whole = body.replace(b'"output": ""', b'"output": "' + b"x" * (2**20 - len(body)) + b'"')
    assert len(whole) == 2**20
    assert refusal(whole) is None
    assert refusal(whole + b" ") == (Reason.TOO_LARGE, "")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true", b"[{}]"])
def test_json_that_is_no_object_is_no_event(body: bytes) -> None:
    assert refusal(body) == (Reason.INVALID_ENVELOPE, "")


def test_the_first_fault_is_told_with_its_field_and_in_words() -> None:
    with pytest.raises(
        Refused, match=r"^source: 1,025 bytes of UTF-8; the limit is 1,024 \(LEDGER_MAX_SOURCE_BYTES\)$"
    ) as caught:
        parse(to_bytes(event("task.started") | {"source": "x" * 1025}))
    assert caught.value.words
