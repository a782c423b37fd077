"""What goes with a user, a sandbox, a message; what audit lines keep; what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from flowledger.domain.mending import Changes
from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.kinds.audit import TABLE as AUDIT
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.workers.inboxes import Letter
from flowledger.workers.redelivery import redeliver
from flowledger.workers.replay import Replayer, Result
from flowledger.workers.verify import verify
from tests.builders import parsed, raw
from tests.services.erasing.canaries import CANARY, found_in_file, found_in_redis, found_in_tables
from tests.services.erasing.conftest import Scene
from tests.storage.recording import all_rows, by_hand, count, dead_letters


def message(id_: str, *to: str, content: str) -> bytes:
    return raw("message.sent", subject=id_, to_sandbox_ids=list(to), content=content)


def test_a_user_goes_with_password_sessions_credentials_and_what_audit_lines_tell(scene: Scene) -> None:
    scene.publish(
        raw("user.created", subject="usr_1", email=f"{CANARY}@example.org", name=CANARY),
        raw("audit.logged", subject="ws_1", user_id="usr_1", action="read", details={"a": CANARY}, ip_address=CANARY),
        raw("audit.logged", subject="usr_1", user_id="usr_2", action="shown", details={"a": CANARY}),
        raw("audit.logged", subject="ws_1", user_id="usr_2", action="kept", details={"a": "kept"}, ip_address="::1"),
        raw("task.created", subject="t", user_id="usr_1", name="kept"),
    )
    scene.drain()
    by_hand(
        scene.storage,
        insert(tables.passwords).values(user_id="usr_1", hash=CANARY, changed_at=now()),
        insert(tables.sessions).values(
            id="s", user_id="usr_1", token_hash="x", created_at=now(), expires_at=now(), address=CANARY
        ),
        insert(tables.credentials).values(
            id="c", user_id="usr_1", service_type="x", name=CANARY, key_version=1, nonce=b"1" * 12, sealed=b"2",
            created_at=now(), updated_at=now(),
        ),
    )  # fmt: skip
    erased = scene.erase("usr_1")
    assert (erased.subjects, erased.audit_lines) == (1, 2)
    assert found_in_tables(scene.storage) == []
    with scene.storage.reading() as connection:
        lines = connection.execute(select(AUDIT.c.action, AUDIT.c.details, AUDIT.c.ip_address).order_by("action")).all()
    assert [tuple(line) for line in lines] == [
        ("kept", {"a": "kept"}, "::1"), ("read", None, None), ("shown", None, None)
    ]  # fmt: skip
    assert list(all_rows(scene.storage)["tasks"]) == [("t",)]
    assert verify(scene.storage).differences == 0
    assert found_in_file(scene.storage) == []


@pytest.mark.leaves("ledger:inbox:sbx_1", "ledger:inbox:sbx_2")
def test_an_inbox_keeps_its_other_messages_ids_consumers_and_pending_entries(scene: Scene) -> None:
    scene.publish(
        *(message(f"m{number}", "sbx_1", "sbx_2", content=CANARY if number == 2 else "kept") for number in range(5))
    )
    scene.drain()
    client, inbox = scene.client, "ledger:inbox:sbx_1"
    client.xgroup_create(inbox, "mailbox", "0")
    taken: Any = client.xreadgroup("mailbox", "one", {inbox: ">"}, count=4)
    client.xgroup_createconsumer(inbox, "mailbox", "idle")
    entries: Any = client.xrange(inbox)
    ids = [id_ for id_, _ in entries]
    assert scene.erase("m2").messages == 2
    assert found_in_redis(client) == found_in_tables(scene.storage) == []
    left: Any = client.xrange(inbox)
    assert left == [entry for entry in entries if entry[0] != ids[2]]
    pending: Any = client.xpending_range(inbox, "mailbox", "-", "+", 10)
    assert [(one["message_id"], one["consumer"]) for one in pending] == [(ids[n], b"one") for n in (0, 1, 3)]
    assert len(taken[0][1]) == 4
    more: Any = client.xreadgroup("mailbox", "idle", {inbox: ">"})
    assert [id_ for id_, _ in more[0][1]] == [ids[4]]
    scene.publish(message("m5", "sbx_1", content="kept"))
    scene.drain()
    assert scene.ids("sbx_1")[-1] == "m5"


@pytest.mark.leaves("ledger:inbox:sbx_1", "ledger:inbox:sbx_2")
def test_a_message_that_a_drain_still_has_is_not_put(scene: Scene) -> None:
    scene.publish(message("m1", "sbx_1", content=CANARY))
    scene.drain()
    inboxes, late = scene.post._inboxes, Letter("m1", CANARY, None, ("/tests", "x"))
    scene.erase("m1")
    assert inboxes.put({"sbx_1": [late]}, inboxes.broker()) == {"sbx_1": 1}, "it counts as put before"
    assert scene.ids("sbx_1") == []


@pytest.mark.leaves("ledger:inbox:sbx_2")
def test_the_inbox_of_an_erased_sandbox_goes_and_is_not_delivered_again(scene: Scene) -> None:
    scene.publish(raw("sandbox.created", subject="sbx_1", name=CANARY), message("m1", "sbx_1", "sbx_2", content="kept"))
    scene.drain()
    assert scene.erase("sbx_1").messages == 1
    assert not scene.client.exists("ledger:inbox:sbx_1")
    assert scene.ids("sbx_2") == ["m1"]
    assert redeliver(scene.client, scene.settings, scene.storage).put == 0
    assert not scene.client.exists("ledger:inbox:sbx_1")
    assert found_in_tables(scene.storage) == []


def test_a_dry_run_counts_and_does_nothing(scene: Scene) -> None:
    scene.publish(
        raw("execution.created", subject="e"),
        raw("task.created", subject="t", execution_id="e"),
        raw("task.logged", subject="t", message="x"),
        raw("execution.created", subject="child", parent_execution_id="e"),
        raw("audit.logged", subject="t", action="x"),
        raw("task.created", subject="t", priority="x"),
    )
    scene.drain()
    (found,) = scene.eraser.outlooks(["e"])
    assert (found.subjects, found.events, found.dead_letters, found.audit_lines) == (2, 4, 1, 1)
    assert found.rows == {"task_logs": 1, "tasks": 1, "executions": 1}
    assert found.named_by == {"executions.parent_execution_id": 1}
    assert count(scene.storage, "erasures") == 0


def test_a_repeat_is_no_conflict_and_a_replayed_letter_leaves_a_name_alone(scene: Scene) -> None:
    scene.publish(raw("task.created", subject="t", id="1", name=CANARY))
    scene.drain()
    scene.erase("t")
    scene.publish(raw("task.created", subject="t", id="1", name=CANARY), raw("task.created", subject="t", id="1"))
    scene.drain()
    assert dead_letters(scene.storage) == []
    with scene.storage.reading() as connection:
        journal = JournalRepository(connection)
        assert journal.recorded_as(parsed("task.created", subject="t", id="1", name="other")) is not None
        found = journal.get("/tests", "1")
    assert found is not None
    assert found.raw is None
    scene.publish(raw("task.created", id="2", subject="u", priority=CANARY))
    scene.drain()
    (letter,) = dead_letters(scene.storage)
    done = Replayer(scene.settings, scene.storage, scene.client)
    changes = Changes(set=((("subject",), '"t"'), (("data", "priority"), "1")))
    (one,) = done.replay([letter.id], who="jo", changes=changes)
    assert one.result is Result.REPLAYED
    scene.drain()
    assert all_rows(scene.storage)["tasks"] == {}
