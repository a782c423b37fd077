"""A dry run counts messages in inboxes as the run takes them out; and nothing begins while Redis is away."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
import redis

from flowledger.domain import streams
from flowledger.services.erasing.eraser import CannotErase, Eraser
from flowledger.services.erasing.inboxes import ErasedInboxes
from flowledger.workers.connections import impatient
from tests.builders import raw
from tests.services.erasing.conftest import Scene
from tests.services.erasing.test_beside_others import Killed, killed
from tests.services.erasing.test_kinds import message
from tests.storage.recording import count

INBOXES = ("ledger:inbox:sbx_1", "ledger:inbox:sbx_2")


def fill(scene: Scene) -> None:
    """Messages of an execution, and others, in two inboxes; some were acknowledged, and one is in no database."""
    of_it = {"execution_id": "e", "content": "x"}
    both = {"to_sandbox_ids": ["sbx_1", "sbx_2"]}
    scene.publish(
        raw("execution.created", subject="e"),
        raw("task.created", subject="t", execution_id="e"),
        *(raw("message.sent", subject=f"of_e{number}", **of_it, **both) for number in range(3)),
        raw("message.sent", subject="of_t", task_id="t", content="x", **both),
        *(message(f"m{number}", "sbx_1", content="y" * 1_000) for number in range(45)),
    )
    scene.drain()
    for one in ("m0", "of_e0"):
        scene.take("sbx_1", one)
    scene.drain()
    scene.client.xadd(INBOXES[0], {"message_id": "stranger", "event": "x"})


def dumped(client: redis.Redis) -> dict[bytes, Any]:
    return {key: client.dump(key) for key in client.scan_iter()}


@pytest.mark.leaves(*INBOXES)
@pytest.mark.parametrize(
    ("ids", "messages"),
    [(("m1",), 1), (("m0",), 0), (("t",), 2), (("e",), 7), (("sbx_2",), 4), (("sbx_1",), 47), (("m1", "sbx_2"), 5)],
)
def test_a_dry_run_counts_what_the_run_takes_out(scene: Scene, ids: tuple[str, ...], messages: int) -> None:
    fill(scene)
    before = dumped(scene.client)
    found = scene.eraser.outlooks(ids)
    assert dumped(scene.client) == before
    assert sum(one.messages for one in found) == messages
    assert scene.erase(*ids).messages == messages
    assert [one.messages for one in scene.eraser.outlooks(ids)] == [0] * len(ids)


@pytest.mark.leaves(*INBOXES)
def test_a_message_that_goes_with_its_inbox_is_counted_once(scene: Scene) -> None:
    scene.publish(
        raw("workspace.created", subject="ws"),
        raw("sandbox.created", subject="sbx_1", workspace_id="ws"),
        raw("message.sent", subject="m1", workspace_id="ws", to_sandbox_ids=["sbx_1", "sbx_2"], content="x"),
        message("m2", "sbx_1", content="x"),
    )
    scene.drain()
    (found,) = scene.eraser.outlooks(["ws"])
    assert found.messages == scene.erase("ws").messages == 3


@pytest.mark.leaves(*INBOXES)
def test_messages_that_an_interrupted_run_has_left_are_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(scene)
    with monkeypatch.context() as patch:
        patch.setattr(ErasedInboxes, "erase", killed)
        with pytest.raises(Killed):
            scene.erase("e")
    (found,) = scene.eraser.outlooks()
    assert found.messages == scene.eraser.go_on().messages == 7


def test_an_inbox_that_is_none_has_no_messages(scene: Scene) -> None:
    scene.publish(message("m1", "sbx_1", content="x"))
    scene.drain()
    scene.client.set(INBOXES[0], "another's", ex=60)
    assert [one.messages for one in scene.eraser.outlooks(["m1", "sbx_1"])] == [0, 0]


def test_nothing_begins_while_redis_is_away(scene: Scene) -> None:
    scene.publish(raw("task.created", subject="t"))
    scene.drain()
    with closing(impatient(redis.Redis(port=1))) as away:
        eraser = Eraser(scene.settings, scene.storage, away)
        with pytest.raises(CannotErase, match=r"Redis does not answer: .*; nothing was erased"):
            eraser.begin(["t"], why="asked for", by="jo")
        for ids in (["t"], []):
            with pytest.raises(CannotErase, match="Redis does not answer"):
                eraser.outlooks(ids)
    assert count(scene.storage, "erasures") == 0


def test_nothing_begins_if_redis_would_refuse_it(scene: Scene, redis_url: str) -> None:
    scene.publish(raw("task.created", subject="t"))
    scene.drain()
    scene.client.acl_setuser("reader", enabled=True, passwords=["+x"], keys=["*"], commands=["+ping", "+get"])
    try:
        with closing(redis.Redis.from_url(redis_url, username="reader", password="x")) as reader:
            eraser = Eraser(scene.settings, scene.storage, reader)
            with pytest.raises(CannotErase, match=r"Redis refuses it: .* 'eval' command; nothing was erased"):
                eraser.begin(["t"], why="asked for", by="jo")
    finally:
        scene.client.acl_deluser("reader")
    assert count(scene.storage, "erasures") == 0


@pytest.mark.leaves(streams.EXPIRIES)
def test_to_ask_redis_changes_nothing(scene: Scene) -> None:
    scene.client.zadd(streams.EXPIRIES, {"x": 1})
    before = dumped(scene.client)
    ErasedInboxes(scene.client, scene.settings, scene.storage).check()
    assert dumped(scene.client) == before
