"""Signatures required, an attacker with a key of its own and an agent's rights: nothing of another's is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recorder import Recorded
from flowledger.workers.verify import verify
from tests.builders import event, to_bytes
from tests.signing import key_file, message, signed
from tests.storage.recording import all_rows, dead_letters, differences, row
from tests.workers.replaying import drain
from tests.workers.speaking import LATE, reasons, said, told

ME, OTHER = "sb_1", "sb_2"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Signatures are required."""
    update = {"signatures": "required", "key_file": key_file(tmp_path / "keys.json"), "linger_seconds": 0.0}
    return settings.model_copy(update=update)


class Stack:
    """A service that requires signatures, and what came of events that somebody published."""

    def __init__(self, settings: Settings, client: redis.Redis, storage: Storage) -> None:
        self.storage = storage
        self._settings, self._client = settings, client

    def publish(self, *bodies: bytes) -> Recorded:
        for body in bodies:
            self._client.xadd(streams.stream(0), {streams.FIELD: body})
        return drain(self._settings, self._client, self.storage)

    def forged(self, *bodies: bytes) -> list[tuple[str, str]]:
        """What was said of each of these, all of which must be dead letters that change nothing."""
        before, known = all_rows(self.storage), len(dead_letters(self.storage))
        assert self.publish(*bodies).dead == len(bodies)
        assert all_rows(self.storage) == before
        return reasons(self.storage)[known:]

    def inbox(self, sandbox: str) -> list[str]:
        """The ids of the messages that wait for it."""
        entries: Any = self._client.xrange(streams.inbox(sandbox))
        return [fields[b"message_id"].decode() for _, fields in entries]


@pytest.fixture
def stack(settings: Settings, client: redis.Redis, storage: Storage) -> Stack:
    return Stack(settings, client, storage)


def moved(sandbox: str, workspace: str | None, by: str | None, source: str = "/platform", **attributes: Any) -> bytes:
    """Says to which workspace a sandbox belongs; signed by whom, if by anybody."""
    value = event(
        "sandbox.updated", subject=sandbox, source=source, time=told(), attributes=attributes, workspace_id=workspace
    )
    return to_bytes(value) if by is None else signed(value, by)


def broadcast(sender: str, number: int, workspace: str = "ws_1") -> bytes:
    segment = sender.replace("/", "%2F")
    to: dict[str, Any] = {"to_sandbox_ids": None, "broadcast": True, "workspace_id": workspace, "content": number}
    names = {"source": f"/sandboxes/{segment}", "subject": f"{segment}/{number}"}
    return signed(message(from_sandbox_id=sender, time=told(LATE), **to, **names), sender)


# --- messages


def test_nobody_replaces_the_message_of_another(stack: Stack) -> None:
    stack.publish(said(content="pay 1"))
    later: dict[str, Any] = {"time": told(-1), "content": "pay 9", "to_sandbox_ids": ["sb_2"]}
    attacks = [
        signed(message(from_sandbox_id=OTHER, subject="sb_1/msg_1", **later), OTHER),
        signed(message(from_sandbox_id=OTHER, source="/sandboxes/sb_1", subject="sb_2/x", **later), OTHER),
        signed(message(from_sandbox_id=OTHER, source="/sandboxes/sb_2/../sb_1", subject="sb_2/x", **later), OTHER),
        signed(message(**later), OTHER),
    ]
    fields = ["subject", "source", "source", "signature"]
    assert stack.forged(*attacks) == [("forged", field) for field in fields]
    assert stack.inbox(OTHER) == ["sb_1/msg_1"], "as it was addressed, and no second copy"
    assert row(stack.storage, "messages", "sb_1/msg_1")["content"] == "pay 1"
    assert verify(stack.storage).is_well


def test_an_id_cannot_be_taken_before_its_owner_uses_it(stack: Stack) -> None:
    honest = said(id="one")
    attacks = [
        signed(message(from_sandbox_id=OTHER, subject="sb_1/msg_1", time=told()), OTHER),
        signed(message(from_sandbox_id=OTHER, subject="msg_1", time=told()), OTHER),
        to_bytes(event("task.started", source="/sandboxes/sb_1", id="one", time=told())),
        signed(event("task.started", source="/sandboxes/sb_1", id="one", time=told()), OTHER),
        to_bytes(event("task.started", source="/flowledger", id="one", time=told())),
    ]
    fields = ["subject", "subject", "signature", "signature", "signature"]
    assert stack.forged(*attacks) == [("forged", field) for field in fields]
    stack.publish(honest)
    assert stack.inbox(OTHER) == ["sb_1/msg_1"]
    assert len(dead_letters(stack.storage)) == len(attacks)


def test_who_is_no_recipient_speaks_for_himself_alone(stack: Stack) -> None:
    """Of a message to sb_2, sb_1's word is about sb_1, and no other row."""
    stack.publish(said())
    before = row(stack.storage, "message_deliveries", "sb_1/msg_1", OTHER)
    stack.publish(said("message.delivered", subject="sb_1/msg_1"))
    assert row(stack.storage, "message_deliveries", "sb_1/msg_1", OTHER) == before
    assert stack.inbox(OTHER) == ["sb_1/msg_1"]


# --- who belongs to a workspace


def test_nobody_joins_a_workspace_or_leaves_it_by_himself(stack: Stack) -> None:
    stack.publish(moved(ME, "ws_1", "/registrar", sequence="1"))
    most = {"sequence": "9" * 30}
    attacks = [
        moved(OTHER, "ws_1", None),
        moved(OTHER, "ws_1", OTHER),
        moved(OTHER, "ws_1", OTHER, source="/sandboxes/sb_2"),
        moved(ME, None, None, **most),
        moved(ME, None, OTHER, **most),
        moved(ME, None, "ws_2", **most),
        moved(ME, "ws_9", None, **most),
        to_bytes(event("sandbox.created", subject=OTHER, workspace_id="ws_1", time=told())),
    ]
    assert stack.forged(*attacks) == [("forged", "signature")] * len(attacks)
    assert row(stack.storage, "sandboxes", ME)["workspace_id"] == "ws_1"
    stack.publish(broadcast("/registrar", 1))
    assert (stack.inbox(ME), stack.inbox(OTHER)) == (["%2Fregistrar/1"], [])
    assert differences(stack.storage) == []


@pytest.mark.parametrize("by", ["ws_1", "/registrar"])
def test_a_workspace_s_key_and_the_registrar_s_let_sandboxes_in_and_out(stack: Stack, by: str) -> None:
    source = "/registrar" if by == "/registrar" else "/workspaces/ws_1"
    joins = [moved(sandbox, "ws_1", by, source, sequence="1") for sandbox in (ME, OTHER)]
    assert stack.publish(*joins, broadcast(ME, 1)).dead == 0, "in one batch"
    assert (stack.inbox(ME), stack.inbox(OTHER)) == (["sb_1/1"], ["sb_1/1"])
    stack.publish(moved(OTHER, None, by, source, sequence="2"), broadcast(ME, 2))
    assert (stack.inbox(ME), stack.inbox(OTHER)) == (["sb_1/1", "sb_1/2"], ["sb_1/1"])
    assert dead_letters(stack.storage) == []


def test_a_workspace_takes_no_sandbox_out_of_another(stack: Stack) -> None:
    stack.publish(moved(ME, "ws_1", "ws_1", sequence="1"))
    theirs = {"source": "/workspaces/ws_2", "sequence": "9"}
    attacks = [moved(ME, "ws_2", "ws_2", **theirs), moved(ME, None, "ws_2", **theirs)]
    assert stack.forged(*attacks) == [("forged", "data.workspace_id")] * 2
    words = "the sandbox belongs to 'ws_1': only /registrar may take it from there"
    assert words in dead_letters(stack.storage)[0].detail
    stack.publish(moved(ME, None, "ws_1", "/workspaces/ws_1", sequence="2"), moved(ME, "ws_2", "ws_2", **theirs))
    assert row(stack.storage, "sandboxes", ME)["workspace_id"] == "ws_2"
    stack.publish(moved(ME, "ws_1", "/registrar", sequence="10"))
    assert row(stack.storage, "sandboxes", ME)["workspace_id"] == "ws_1"


def test_only_its_sandboxes_speak_to_all_of_a_workspace(stack: Stack) -> None:
    stack.publish(moved(ME, "ws_1", "ws_1", sequence="1"), moved(OTHER, "ws_2", "ws_2"))
    assert stack.forged(broadcast(OTHER, 1), broadcast("ws_2", 2)) == [("forged", "data.workspace_id")] * 2
    own = broadcast(ME, 3)
    assert stack.publish(own, broadcast("ws_1", 4), broadcast("/registrar", 5)).dead == 0
    assert stack.inbox(ME) == ["sb_1/3", "ws_1/4", "%2Fregistrar/5"]
    assert differences(stack.storage) == []


def test_what_a_sandbox_said_stands_when_it_has_left(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    patient = Stack(settings.model_copy(update={"replay_seconds": LATE * 2}), client, storage)
    own = broadcast(ME, 1)
    patient.publish(moved(ME, "ws_1", "ws_1", sequence="1"), own)
    patient.publish(moved(ME, None, "/registrar", sequence="2"))
    assert patient.publish(own) == Recorded(repeated=1), "a second try is no forgery"
    assert patient.forged(broadcast(ME, 2)) == [("forged", "data.workspace_id")]
    assert verify(storage).is_well


def test_other_words_of_a_sandbox_need_no_key_but_its_own_source_does(stack: Stack) -> None:
    free = [
        to_bytes(event("sandbox.started", subject=ME, source="/platform")),
        to_bytes(event("sandbox.created", subject=ME, source="/platform", name="n")),
    ]
    assert stack.publish(*free).dead == 0
    own = event("sandbox.stopped", subject=ME, source="/sandboxes/sb_1", time=told())
    assert stack.forged(to_bytes(own), signed(own, OTHER)) == [("forged", "signature")] * 2
    assert stack.publish(signed(own, ME)).dead == 0
