"""Signing: by a `KeySigner`, whatever the content; and by the programs that the documentation shows."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.client.prepared import prepare
from flowledger.domain.envelope import Envelope, parse
from flowledger.domain.errors import Refused
from flowledger.domain.events import (
    EventData,
    MessageDelivered,
    MessageSent,
    SandboxCreated,
    SandboxUpdated,
    TaskStarted,
)
from flowledger.domain.json_values import json_value
from flowledger.domain.limits import DEFAULT_LIMITS
from flowledger.domain.signatures import check
from flowledger.domain.signing import KeySigner
from flowledger.domain.times import parse_time
from tests.documented import block
from tests.signing import SECRETS, Known, message, refusal
from tests.vocabulary import TIME

FULL: Final = {"sequence": 7, "partitionkey": "p", "correlationid": "c", "causationid": "e"}


def nested(levels: int) -> Any:
    """Lists in lists."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def envelope(data: EventData | Mapping[str, Any], **arguments: Any) -> Envelope:
    type_ = type(data).event_type if isinstance(data, EventData) else "message.sent"
    time = parse_time(TIME)
    return Envelope(
        **{"id": "1", "source": "/sandboxes/sb_1", "type": type_, "subject": "sb_1/m", "data": data, "time": time}
        | arguments
    )


def sent(content: Any) -> MessageSent:
    return MessageSent(from_sandbox_id="sb_1", to_sandbox_ids=["sb_2"], message_type="request", content=content)


_values: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(_values, st.none() | st.text(min_size=1, max_size=3) | st.integers(), st.booleans())
def test_what_a_signer_signs_is_what_travels(content: Any, sequence: Any, typed: bool) -> None:
    """Any content, also with characters that have no UTF-8, through the publisher's own preparation."""
    data = sent(content) if typed else sent(content).model_dump(exclude_unset=True)
    signed_one = KeySigner(Known(), "sb_1")(envelope(data, sequence=sequence, partitionkey="\ud800é"))
    assert refusal(prepare(signed_one, shards=8).raw) is None


class Counted:
    """A value that counts how often it is written."""

    written = 0


@json_value.register
def _(value: Counted) -> str:
    value.written += 1
    return f"writing {value.written}"


def test_a_signed_event_is_written_once() -> None:
    content = Counted()
    data = sent("x").model_dump(exclude_unset=True) | {"content": content}
    raw = prepare(KeySigner(Known(), "sb_1")(envelope(data)), shards=8).raw
    assert (content.written, refusal(raw)) == (1, None)
    assert b"writing 1" in raw


def test_what_is_changed_behind_a_signature_is_not_sent() -> None:
    content = ["signed"]
    data = sent("x").model_dump(exclude_unset=True) | {"content": content}
    signed_one = KeySigner(Known(), "sb_1")(envelope(data))
    content.append("not signed")
    raw = prepare(signed_one, shards=8).raw
    assert refusal(raw) is None
    assert json.loads(raw)["data"]["content"] == ["signed"]


def test_a_copy_with_another_field_is_forged() -> None:
    signed_one = replace(KeySigner(Known(), "sb_1")(envelope(sent("x"))), correlationid="other")
    assert refusal(prepare(signed_one, shards=8).raw) is not None


def test_numbers_that_no_double_holds_are_signed_as_they_are_written() -> None:
    signed_one = KeySigner(Known(), "sb_1")(envelope(sent({"n": Decimal("1e400")})))
    raw = prepare(signed_one, shards=8).raw
    assert b"1E+400" in raw
    assert refusal(raw) is None


def test_a_signer_leaves_alone_what_nobody_has_to_sign() -> None:
    started = envelope(TaskStarted(), source="/a", time=None)
    assert KeySigner(Known(), "sb_1")(started) is started


@pytest.mark.parametrize("data", [sent("x"), MessageDelivered(to_sandbox_id="sb_1")])
def test_a_signer_does_not_speak_for_others(data: EventData) -> None:
    with pytest.raises(Refused, match="must be signed by 'sb_1'; these are the keys of 'sb_2'"):
        KeySigner(Known(), "sb_2")(envelope(data))


@pytest.mark.parametrize(
    ("attribute", "value"), [("source", "/a"), ("source", "/sandboxes/sb_2"), ("subject", "m"), ("subject", "sb_2/m")]
)
def test_a_signer_uses_no_name_of_another(attribute: str, value: str) -> None:
    with pytest.raises(Refused) as caught:
        KeySigner(Known(), "sb_1")(envelope(sent("x"), **{attribute: value}))
    assert caught.value.field == attribute


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("workspace", ["ws_1", None])
def test_the_registrar_says_who_belongs_to_a_workspace(workspace: str | None, typed: bool) -> None:
    data = SandboxUpdated(workspace_id=workspace)
    update = envelope(
        data if typed else data.model_dump(exclude_unset=True),
        type="sandbox.updated",
        source="/registrar",
        subject="sb_1",
    )
    signed_one = KeySigner(Known(), "/registrar")(update)
    assert check(parse(prepare(signed_one, shards=8).raw), Known()) == "/registrar"
    with pytest.raises(Refused, match=r"must be signed by .*'/registrar'; these are the keys of 'sb_1'"):
        KeySigner(Known(), "sb_1")(update)


def test_a_sandbox_that_says_nothing_of_a_workspace_is_described_by_anybody() -> None:
    for data in (SandboxCreated(name="n"), SandboxCreated(workspace_id=None)):
        described = envelope(data, source="/platform", subject="sb_1")
        assert KeySigner(Known(), "sb_2")(described) is described


def test_a_signer_asks_for_a_time() -> None:
    with pytest.raises(Refused, match="time: is missing"):
        KeySigner(Known(), "sb_1")(envelope(sent("x"), time=None))


@pytest.mark.parametrize("content", [float("nan"), {1, 2}, nested(20_000)], ids=["NaN", "a set", "too deep"])
def test_what_cannot_be_written_is_refused(content: Any) -> None:
    data = sent("x").model_dump(exclude_unset=True) | {"content": content}
    with pytest.raises(Refused, match="cannot be written as JSON") as caught:
        KeySigner(Known(), "sb_1")(envelope(data))
    assert caught.value.field in ("data.content", "")


def test_the_deepest_event_that_is_taken_is_signed_and_checked() -> None:
    depth = DEFAULT_LIMITS.max_depth - 2
    signed_one = KeySigner(Known(), "sb_1")(envelope(sent(nested(depth))))
    assert refusal(prepare(signed_one, shards=8).raw) is None


def test_signing_again_gives_the_same() -> None:
    signer = KeySigner(Known(), "sb_1")
    once = signer(envelope(sent("x"), extensions={"note": "n"}))
    assert signer(once) == once
    assert once.extensions["note"] == "n"


# --- in other languages: the programs of docs/operations.md


def test_the_python_of_the_documentation_signs() -> None:
    names: dict[str, Any] = {}
    exec(block("docs/operations.md", "python", "def signed("), names)
    value = message(content={"é": [1, 2.0, "\x00\ud800"]}, attributes=FULL)
    raw = json.dumps(names["signed"](value, "k1", SECRETS["sb_1"])).encode()
    assert refusal(raw) is None
    assert refusal(raw.replace(b"2.0", b"2.1")) is not None


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
def test_the_javascript_of_the_documentation_signs() -> None:
    program = block("docs/operations.md", "js", "function signed(")
    value = message(content={'é"\\': [1, 2.5, 1e21, "\x00\ud83d\ude00 \u2028"]}, attributes=FULL)
    call = f"""
      const event = {json.dumps(value)};
      const secret = Buffer.from("{SECRETS["sb_1"].hex()}", "hex");
      process.stdout.write(JSON.stringify(signed(event, "k1", secret)));"""
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program + call], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    assert refusal(done.stdout) is None
    assert refusal(done.stdout.replace(b"2.5", b"2.6")) is not None
