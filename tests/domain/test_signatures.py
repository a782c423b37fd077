"""Signatures: what is signed, and that nothing of it can be changed; in Python, in Node.js, and by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason
from flowledger.domain.json_pieces import member_texts
from flowledger.domain.signatures import SIGNED, check, sign, speakers
from tests.builders import ABSENT, event, events, to_bytes
from tests.signing import MESSAGES, SECRETS, Known, changed, message, refusal, signed

# --- what is signed


def test_the_signed_bytes_are_netstrings_of_json_text() -> None:
    """Written down by hand: whoever signs in another language can compare."""
    text = (
        '{"id":"1","source":"/a","type":"message.sent","subject":"m","sequence":1e3,"partitionkey":"",'
        '"time":"2026-01-31T12:00:00Z","data":{ "é" : [1, 2.0] },"traceparent":"not signed"}'
    )
    signed_bytes = (
        b'13:flowledger.v1,3:"1",4:"/a",14:"message.sent",3:"m",22:"2026-01-31T12:00:00Z",3:1e3,2:"",0:,0:,'
        b'19:{ "\xc3\xa9" : [1, 2.0] },'
    )
    mac = hmac.new(b"secret", signed_bytes, hashlib.sha256).hexdigest()
    assert sign(text, "k1", SecretBytes(b"secret")) == f"v1:k1:{mac}"


@given(events("1"))
def test_the_text_of_each_member_is_what_stands_there(raw: bytes) -> None:
    """Whatever the event: its members' texts, put together again, say the same; each is a piece of the whole."""
    text = raw.decode()
    found = member_texts(text)
    assert json.loads("{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in found.items()) + "}") == (
        json.loads(text)
    )
    assert all(value in text for value in found.values())


def test_members_are_found_between_any_spaces_and_under_escaped_names() -> None:
    text = ' {\n"\\u0069d" :\t"1" , "data": {"id": "}, \\"id\\": 2"}\r, "x":[ ],"y" : 1e4000 } '
    assert member_texts(text) == {"id": '"1"', "data": '{"id": "}, \\"id\\": 2"}', "x": "[ ]", "y": "1e4000"}
    assert member_texts("{ }") == {}


def test_an_integer_of_more_digits_than_python_reads_is_signed_as_it_stands() -> None:
    digits = "9" * 5000
    assert member_texts(f'{{"data":{{"n":{digits}}}}}')["data"] == f'{{"n":{digits}}}'


# --- who must sign


@pytest.mark.parametrize("type_", MESSAGES)
def test_a_message_s_event_signed_by_its_speaker_is_let_through(type_: str) -> None:
    value = message(type_)
    name = "/flowledger" if value["source"] == "/flowledger" else "sb_1"
    assert speakers(parse(to_bytes(value))) == (name,)
    assert refusal(signed(value, name)) is None
    assert check(parse(signed(value, name)), Known()) == name


@pytest.mark.parametrize("type_", MESSAGES)
def test_signed_with_the_key_of_another_it_is_forged(type_: str) -> None:
    assert refusal(signed(message(type_), "sb_2")) is not None


@pytest.mark.parametrize("type_", ["task.started", "execution.created", "node.started", "task.logged"])
@pytest.mark.parametrize("signature", [ABSENT, "v1:k1:" + "0" * 64, "nonsense", 5, None])
def test_other_types_need_no_signature_and_theirs_is_not_looked_at(type_: str, signature: Any) -> None:
    value = event(type_, attributes={} if signature is ABSENT else {"signature": signature})
    assert refusal(to_bytes(value)) is None
    assert not check(parse(to_bytes(value)), Known())


@pytest.mark.parametrize("name", ["/flowledger", "/registrar"])
@pytest.mark.parametrize("place", ["", "/vault"])
def test_a_line_of_the_audit_log_is_signed_by_the_ledger_or_the_registrar(name: str, place: str) -> None:
    for source in (f"{name}{place}", "/web"):
        value = event("audit.logged", source=source)
        assert speakers(parse(to_bytes(value))) == ("/flowledger", "/registrar")
        assert check(parse(signed(value, name)), Known()) == name


@pytest.mark.parametrize("name", ["sb_1", "ws_1"])
@pytest.mark.parametrize("source", ["/web", "/sandboxes/sb_1", "/workspaces/ws_1"])
def test_nobody_else_signs_a_line_of_the_audit_log(name: str, source: str) -> None:
    value = event("audit.logged", source=source)
    told = refusal(signed(value, name))
    assert told is not None
    assert told[:2] == (Reason.FORGED, "signature")
    assert refusal(to_bytes(value)) == (
        Reason.FORGED,
        "signature",
        "is missing: this audit.logged must be signed with a key of '/flowledger' or '/registrar'",
    )


# --- what is refused, and in which words


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (ABSENT, "is missing: this message.sent must be signed with a key of 'sb_1'"),
        (None, "is missing: this message.sent must be signed with a key of 'sb_1'"),
        ("", "is not v1:KEY_ID:MAC, with 64 hexadecimal digits; a key of 'sb_1' was expected"),
        (5, "is not v1:KEY_ID:MAC, with 64 hexadecimal digits; a key of 'sb_1' was expected"),
        (["v1"], "is not v1:KEY_ID:MAC, with 64 hexadecimal digits; a key of 'sb_1' was expected"),
        ("v1:k1:" + "A" * 64, "is not v1:KEY_ID:MAC, with 64 hexadecimal digits; a key of 'sb_1' was expected"),
        ("v1:k1:" + "0" * 65, "is not v1:KEY_ID:MAC, with 64 hexadecimal digits; a key of 'sb_1' was expected"),
        ("v1:k1:" + "0" * 64 + "\n", "is not v1:KEY_ID:MAC, with 64 hexadecimal digits; a key of 'sb_1' was expected"),
        ("v2:k1:" + "0" * 64, "is not v1:KEY_ID:MAC, with 64 hexadecimal digits; a key of 'sb_1' was expected"),
        ("v1:k 1:" + "0" * 64, "is not v1:KEY_ID:MAC, with 64 hexadecimal digits; a key of 'sb_1' was expected"),
        ("v1:k2:" + "0" * 64, "'sb_1', whose key was expected, has no key k2"),
        ("v1:k1:" + "0" * 64, "is not the signature of this event with the key k1 of 'sb_1'"),
    ],
)
def test_what_is_wrong_with_a_signature_is_told(signature: Any, words: str) -> None:
    attributes = {} if signature is ABSENT else {"signature": signature}
    assert refusal(to_bytes(message(attributes=attributes))) == (Reason.FORGED, "signature", words)


def test_a_sandbox_without_keys_can_say_nothing() -> None:
    raw = signed(message(from_sandbox_id="sb_9"))
    assert refusal(raw) == (Reason.FORGED, "signature", "'sb_9', whose key was expected, has no key k1")


def test_a_signature_that_is_a_huge_number_is_malformed_and_nothing_worse() -> None:
    raw = to_bytes(message(attributes={"signature": "here"})).replace(b'"here"', b"9" * 4300)
    told = refusal(raw)
    assert told is not None
    assert told[:2] == (Reason.FORGED, "signature")


def test_a_signed_event_needs_a_time() -> None:
    told = refusal(signed(message(time=ABSENT)))
    assert told is not None
    assert told[:2] == (Reason.FORGED, "time")


FULL: Final = {"sequence": "7", "partitionkey": "p", "correlationid": "c", "causationid": "e"}


@pytest.mark.parametrize("name", [name for name in SIGNED if name != "data"])
@pytest.mark.parametrize("value", ["other", "", None, ABSENT, 7])
def test_no_attribute_can_be_changed_or_taken_away(name: str, value: Any) -> None:
    raw = signed(message(attributes=FULL))
    assert refusal(raw) is None
    assert refusal(changed(raw, **{name: value})) is not None


@pytest.mark.parametrize("name", ["sequence", "partitionkey", "correlationid", "causationid"])
@pytest.mark.parametrize("value", ["", "x", None])
def test_no_attribute_can_be_added(name: str, value: Any) -> None:
    if (name, value) == ("sequence", ""):
        value = "0"  # an empty one is refused in any case
    told = refusal(changed(signed(message()), **{name: value}))
    assert told is not None
    assert told[:2] == (Reason.FORGED, "signature")


def test_attributes_cannot_change_places() -> None:
    raw = signed(message(attributes={"correlationid": "x"}))
    assert refusal(changed(raw, correlationid=ABSENT, causationid="x")) is not None


@given(st.data())
def test_no_byte_of_the_content_can_be_changed(data: st.DataObject) -> None:
    raw = signed(message(id="1", content={"amount": 100, "to": "Zoë", "list": [1, 2]}))
    begin = raw.index(b'"data"')
    place = data.draw(st.integers(begin, raw.rindex(b'"signature"') - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[place]))
    tampered = raw[:place] + bytes([other]) + raw[place + 1 :]
    outside = raw[place : place + 1] in b" ," and bytes([other]) in b" \t\n\r"  # between members nothing is said
    assert outside or refusal(tampered) is not None


def test_what_proxies_may_add_is_not_signed() -> None:
    raw = signed(message())
    assert refusal(changed(raw, traceparent="00-1-2-01", note="seen")) is None


def test_a_signature_belongs_to_one_event() -> None:
    signature = json.loads(signed(message(id="one")))["signature"]
    assert refusal(to_bytes(message(id="two", attributes={"signature": signature}))) is not None


def test_several_keys_of_one_name_are_good() -> None:
    keys = Known()
    keys._keys["sb_1"] = {"old": SecretBytes(SECRETS["sb_1"]), "new": SecretBytes(SECRETS["sb_2"])}
    assert refusal(signed(message(), "sb_1", "old"), keys) is None
    assert refusal(signed(message(), "sb_2", "new"), keys) is None
    assert refusal(signed(message(), "sb_2", "old"), keys) is not None


def test_no_word_of_a_refusal_tells_a_secret() -> None:
    for raw in (signed(message(), "sb_2"), signed(message(id="x"), "sb_1", "k2"), to_bytes(message())):
        told = refusal(raw)
        assert told is not None
        for secret in SECRETS.values():
            assert secret.decode() not in told[2]
            assert secret.hex() not in told[2]
