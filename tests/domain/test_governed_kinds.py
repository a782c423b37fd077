"""Who may speak of users, MCP servers, webhooks and schedules if signatures are required (contract, section 2)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from flowledger.domain.envelope import Envelope, parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.events import EVENT_TYPES, UserCreated
from flowledger.domain.signatures import speakers
from flowledger.domain.signing import KeySigner
from tests.builders import event, to_bytes
from tests.signing import Known, refusal, signed

KINDS: Final = ("user", "mcp_server", "webhook", "schedule")
TYPES: Final = [type_ for type_ in EVENT_TYPES if type_.partition(".")[0] in KINDS and type_ != "schedule.fired"]
"""What the registrar may say as well as the ledger."""


@pytest.mark.parametrize("type_", TYPES)
def test_the_ledger_or_the_registrar_signs(type_: str) -> None:
    for signer, source in (
        ("/flowledger", "/flowledger/users"),
        ("/flowledger", "/tests"),
        ("/registrar", "/registrar"),
        ("/registrar", "/registrar/people"),
        ("/registrar", "/tests"),
    ):
        assert refusal(signed(event(type_, source=source), signer)) is None, (signer, source)


@pytest.mark.parametrize("type_", [*TYPES, "schedule.fired"])
def test_nobody_else_does(type_: str) -> None:
    assert refused(event(type_)) == "signature"
    for signer in ("sb_1", "ws_1"):
        assert refused(event(type_), signer) == "signature"


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("source", ["/sandboxes/sb_1", "/workspaces/sb_1", "/sandboxes/sb_1/x"])
def test_a_source_of_its_own_gives_a_sandbox_no_right(type_: str, source: str) -> None:
    assert refused(event(type_, source=source), "sb_1") == "signature"
    assert refused(event(type_, source=source), "/flowledger") == "source"


def test_the_registrar_does_not_speak_in_the_ledger_s_name() -> None:
    assert refused(event("user.created", source="/flowledger/users"), "/registrar") == "source"


def test_that_a_schedule_fired_the_ledger_alone_says() -> None:
    fired = event("schedule.fired")
    assert speakers(parse(to_bytes(fired))) == ("/flowledger",)
    assert refusal(signed(fired, "/flowledger")) is None
    assert refused(fired, "/registrar") == "signature"


def test_custom_nodes_are_anybody_s() -> None:
    assert speakers(parse(to_bytes(event("custom_node.created")))) == ()


def test_an_envelope_is_signed_by_the_registrar_before_it_is_sent() -> None:
    envelope = Envelope.of(UserCreated(role="admin"), source="/registrar", subject="usr_1")
    sent = KeySigner(Known(), "/registrar")(envelope)
    assert refusal(sent.to_json().encode()) is None
    with pytest.raises(Refused, match="must be signed by '/flowledger' or '/registrar'"):
        KeySigner(Known(), "sb_1")(envelope)


def refused(value: dict[str, Any], signer: str | None = None) -> str:
    """The field at fault of an event that is forged."""
    told = refusal(to_bytes(value) if signer is None else signed(value, signer))
    assert told is not None
    assert told[0] is Reason.FORGED
    return told[1]
