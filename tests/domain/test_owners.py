"""Names have owners (`domain.owners`), and with signatures required nobody uses another's (`domain.signatures`)."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason
from flowledger.domain.owners import (
    first_stands,
    is_message_of,
    message_id,
    owners_of,
    source_of,
    webhook_source,
)
from flowledger.domain.signatures import check, speakers
from tests.builders import event, to_bytes
from tests.signing import MESSAGES, Known, message, refusal, signed

# --- sources


@pytest.mark.parametrize("type_", ["task.started", "sandbox.started", "workspace.created"])
@pytest.mark.parametrize(
    ("source", "owner"),
    [
        ("/flowledger", "/flowledger"),
        ("/flowledger/below", "/flowledger"),
        ("/registrar", "/registrar"),
        ("/registrar/eu", "/registrar"),
        ("/sandboxes/sb_1", "sb_1"),
        ("/sandboxes/sb_1/tools/7", "sb_1"),
        ("/workspaces/ws_1", "ws_1"),
        ("/workspaces/ws_1/crew", "/registrar"),
    ],
)
def test_whatever_has_somebody_s_source_is_signed_by_its_owner(type_: str, source: str, owner: str) -> None:
    """Or the name of an event that the owner is going to use could be taken before."""
    value = event(type_, source=source)
    assert refusal(to_bytes(value)) is not None
    assert refusal(signed(value, "sb_2")) is not None
    assert check(parse(signed(value, owner)), Known()) == owner


@pytest.mark.parametrize(
    "source", ["/", "/sandboxes", "/sandboxes_of/sb_1", "/flowledgers", "/registrars", "sandboxes/a"]
)
def test_other_sources_are_anybody_s(source: str) -> None:
    assert refusal(to_bytes(event("task.started", source=source))) is None


@pytest.mark.parametrize(
    "source",
    [
        "/sandboxes/", "/sandboxes//x", "/sandboxes/..", "/sandboxes/sb_2/../sb_1", "/sandboxes/sb_1/./x",
        "/sandboxes/sb_1/", "/sandboxes/sb%5f1", "/sandboxes/sb%2f1", "/workspaces/../sandboxes/sb_1",
    ],
)  # fmt: skip
def test_a_source_that_is_like_a_sandbox_s_and_is_none_is_forged_whoever_signs(source: str) -> None:
    for raw in (event("task.started", source=source), message(source=source)):
        for sent in (to_bytes(raw), signed(raw, "sb_1"), signed(raw, "sb_2")):
            told = refusal(sent)
            assert told is not None
            assert told[0] is Reason.FORGED


# --- names of one's own


@pytest.mark.parametrize("type_", MESSAGES)
@pytest.mark.parametrize("source", ["/tests", "/sandboxes/sb_2", "/sandboxes/sb_1x", "/sandboxes", "/registrar"])
def test_a_message_s_event_has_a_source_of_its_speaker(type_: str, source: str) -> None:
    value = message(type_, source=source)
    told = refusal(signed(value, "/flowledger" if type_ in ("message.dispatched", "message.expired") else "sb_1"))
    assert told is not None
    assert told[:2] == (Reason.FORGED, "source")


@pytest.mark.parametrize("name", ["sb_1", "sb_2", "/registrar", "ws_1"])
def test_nobody_speaks_for_another_by_his_source(name: str) -> None:
    """With a key of one's own, whatever else is said."""
    for type_ in ("message.sent", "message.delivered", "message.failed"):
        assert refusal(signed(message(type_, source="/sandboxes/sb_9"), name)) is not None
    assert refusal(signed(event("task.started", source="/sandboxes/sb_9"), name)) is not None


@pytest.mark.parametrize("subject", ["msg_1", "sb_1", "sb_1/", "sb_2/msg_1", "sb_1x/msg_1", "/sb_1/msg_1", "sb_1%2Fx"])
def test_the_id_of_a_message_begins_with_its_sender_s(subject: str) -> None:
    told = refusal(signed(message(subject=subject)))
    words = "must begin with sb_1/, as the ids of all messages of 'sb_1' do"
    assert told == (Reason.FORGED, "subject", words)
    assert refusal(signed(message("message.delivered", subject=subject))) is None, "what is said of one may be any"


def test_names_of_odd_ids_have_one_owner() -> None:
    """Whatever a sandbox is called, nothing of another's is its own."""
    names = ["a", "a/b", "a%2Fb", "a%b", "a%25", "%", "/", "a/", "/a", "a/b/c"]
    made = [message_id(name, "x", 512) for name in names]
    assert len(set(made)) == len(names)
    for name in names:
        assert owners_of(source_of(name)) == (name,)
        assert [one for one in made if is_message_of(name, one)] == [message_id(name, "x", 512)]


@given(st.text("a/%25F.", min_size=1, max_size=5), st.text("a/%25F", min_size=1, max_size=5), st.text(max_size=9))
def test_any_two_sandboxes_have_ids_and_sources_of_their_own(one: str, other: str, own_id: str) -> None:
    made = message_id(one, own_id or "x", 512)
    assert is_message_of(one, made)
    assert is_message_of(other, made) == (one == other)
    assert message_id(one, made, 512) == made
    assert one in (".", "..") or owners_of(source_of(one)) == (one,)


def test_a_long_id_of_a_message_is_shortened_to_the_same_each_time() -> None:
    long = message_id("sb_1", "x" * 512, 512)
    assert is_message_of("sb_1", long)
    assert long == message_id("sb_1", f"sb_1/{'x' * 512}", 512) == message_id("sb_1", long, 512)
    assert long != message_id("sb_1", "x" * 511, 512)
    assert len(long) < 64
    assert message_id("sb_1", "é" * 253, 512) == f"sb_1/{'é' * 253}", "as long as it may be"


# --- who belongs to a workspace


MOVES: Final = ("sandbox.created", "sandbox.updated")


@pytest.mark.parametrize("type_", MOVES)
@pytest.mark.parametrize("source", ["/platform", "/registrar", "/workspaces/ws_1/crew"])
def test_a_sandbox_joins_a_workspace_by_its_key_or_the_registrar_s(type_: str, source: str) -> None:
    value = event(type_, source=source, subject="sb_1", workspace_id="ws_1")
    assert speakers(parse(to_bytes(value))) == ("ws_1", "/registrar")
    for name in ("ws_1", "/registrar"):
        is_own = name == "/registrar" or source != "/registrar"
        assert (refusal(signed(value, name)) is None) == is_own
    for name in ("sb_1", "sb_2", "/flowledger"):
        told = refusal(signed(value, name))
        words = "is not the signature of this event with the key k1 of 'ws_1' or '/registrar'"
        assert told == (Reason.FORGED, "signature", words)
    told = refusal(to_bytes(value))
    words = f"is missing: this {type_} must be signed with a key of 'ws_1' or '/registrar'"
    assert told == (Reason.FORGED, "signature", words)


@pytest.mark.parametrize("type_", MOVES)
def test_a_sandbox_that_joins_has_not_said_so_itself(type_: str) -> None:
    value = event(type_, source="/sandboxes/sb_1", subject="sb_1", workspace_id="ws_1")
    assert [refusal(signed(value, name)) is None for name in ("sb_1", "ws_1", "/registrar")] == [False] * 3


def test_a_sandbox_leaves_by_the_registrar_s_key_or_its_workspace_s() -> None:
    value = event("sandbox.updated", source="/platform", workspace_id=None)
    assert [refusal(signed(value, name)) is None for name in ("/registrar", "ws_1", "sb_1")] == [True, False, False]
    value = event("sandbox.updated", source="/workspaces/ws_1", workspace_id=None)
    assert [refusal(signed(value, name)) is None for name in ("/registrar", "ws_1", "sb_1")] == [True, True, False]


@pytest.mark.parametrize(
    "value",
    [
        event("sandbox.created", name="n"),
        event("sandbox.created", workspace_id=None),
        event("sandbox.updated", name=None),
        event("sandbox.started", workspace_id="ws_1"),
        event("task.created", workspace_id="ws_1"),
        event("execution.updated", workspace_id=None),
    ],
    ids=range(6),
)
def test_what_says_nothing_of_a_workspace_s_sandboxes_needs_no_signature(value: dict[str, Any]) -> None:
    assert refusal(to_bytes(value)) is None


# --- webhooks


@pytest.mark.parametrize("source", ["/webhooks", "/webhooks/hook_1", "/webhooks/", "/webhooks/../x"])
def test_sources_of_webhooks_are_the_ledger_s(source: str) -> None:
    value = event("execution.created", source=source)
    assert refusal(to_bytes(value)) is not None
    assert refusal(signed(value, "/registrar")) is not None
    assert check(parse(signed(value, "/flowledger")), Known()) == "/flowledger"


def test_the_source_of_a_webhook_is_its_own() -> None:
    ids = ["hook_1", "a/b", "a%2Fb", "a%b", "a", "..", "", "é"]
    sources = {webhook_source(one, 1_024) for one in ids}
    assert len(sources) == len(ids)
    assert webhook_source("a/b", 1_024) == "/webhooks/a%2Fb"
    assert all(owners_of(one) == ("/flowledger",) for one in sources)


@given(st.text(max_size=600), st.integers(64, 1_600))
def test_the_source_of_a_webhook_always_has_room(webhook: str, max_bytes: int) -> None:
    source = webhook_source(webhook, max_bytes)
    assert len(source.encode("utf-8", "surrogatepass")) <= max_bytes
    assert source == webhook_source(webhook, max_bytes)


@pytest.mark.parametrize(
    ("source", "stands"),
    [
        ("/webhooks/hook_1", True), ("/flowledger/schedules", True), ("/flowledger/seed", True),
        ("/flowledger", False), ("/flowledger/other", False),
        ("/webhooks", False), ("/webhooksx/1", False), ("/tests", False), ("", False),
    ],
)  # fmt: skip
def test_of_sources_whose_ids_follow_from_a_cause_the_first_event_stands(source: str, stands: bool) -> None:
    assert first_stands(source) is stands
