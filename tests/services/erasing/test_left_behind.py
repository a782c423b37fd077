"""What an erasure might leave behind: in Redis, in indexes, in the server's log; and what it must leave alone."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest

from flowledger.domain.errors import InvalidArgument
from flowledger.services.erasing import eraser as erasing
from flowledger.services.erasing import journal
from flowledger.services.erasing.eraser import CannotErase, Eraser
from flowledger.services.erasing.inboxes import ErasedInboxes
from flowledger.services.erasing.passes import erase_letters
from flowledger.services.holds import Holds
from flowledger.storage import tables
from flowledger.storage.engines import postgresql
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.storage.retention.holds import Held
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.services.erasing.canaries import CANARY, found_in_file, found_in_redis, found_in_tables, run
from tests.services.erasing.conftest import Scene
from tests.services.erasing.test_beside_others import Killed, killed
from tests.services.erasing.test_kinds import message
from tests.storage.recording import all_rows, by_hand, count, dead_letters, record


@pytest.mark.leaves("ledger:inbox:sbx_1")
def test_the_bytes_of_a_message_that_was_acknowledged_go_from_beside_others(scene: Scene) -> None:
    scene.publish(*(message(f"m{number}", "sbx_1", content="kept" if number else CANARY) for number in range(3)))
    scene.drain()
    scene.take("sbx_1", "m0")
    scene.drain()
    assert found_in_redis(scene.client) == ["ledger:inbox:sbx_1"]
    assert scene.erase("m0").messages == 0
    assert (found_in_redis(scene.client), scene.ids("sbx_1")) == ([], ["m1", "m2"])


@pytest.mark.leaves("ledger:inbox:sbx_1")
def test_bytes_go_though_it_was_killed_after_the_message_was_taken_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.publish(*(message(f"m{number}", "sbx_1", content="kept" if number else CANARY) for number in range(3)))
    scene.drain()
    take_out = ErasedInboxes._take_out

    def killed_after(*given: Any) -> int:
        take_out(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ErasedInboxes, "_take_out", killed_after)
        with pytest.raises(Killed):
            scene.erase("m0")
    Eraser(scene.settings, scene.storage, scene.client).go_on()
    assert (found_in_redis(scene.client), scene.ids("sbx_1")) == ([], ["m1", "m2"])


def test_an_inbox_that_is_none_is_left_alone(scene: Scene) -> None:
    scene.publish(message("m1", "sbx_1", content="x"))
    scene.drain()
    scene.client.set("ledger:inbox:sbx_1", "another's", ex=60)
    assert scene.erase("m1").messages == 0
    assert scene.client.get("ledger:inbox:sbx_1") == b"another's"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_words_go_from_their_index_though_it_was_killed_before(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.publish(
        *(raw("user.created", subject=f"u{number}", full_name="kept" if number else CANARY) for number in range(9))
    )
    scene.drain()
    with monkeypatch.context() as patch:
        patch.setattr(erasing, "tidy", killed)
        with pytest.raises(Killed):
            scene.erase("u0")
    Eraser(scene.settings, scene.storage, scene.client).go_on()
    assert found_in_file(scene.storage) == []


def test_letters_that_cannot_be_read_are_about_whole_ids_and_still_count(storage: Storage) -> None:
    ours = b"{not exec_1", b'{not "\\nexec_1"', b"{not \\u000aexec_1."
    record(storage, *ours, b"{not exec_12", b"{not my_exec_1", b"{not us\\u00e9r")
    with storage.reading() as connection:
        before = sum(DeadLetterRepository(connection).counts().values())
    assert erase_letters(storage, {"exec_1", "usér"}) == 4
    assert sorted(one.raw for one in dead_letters(storage)) == [b"{not exec_12", b"{not my_exec_1"]
    with storage.reading() as connection:
        assert sum(DeadLetterRepository(connection).counts().values()) == before


def test_a_dry_run_counts_the_texts_that_go(scene: Scene) -> None:
    scene.publish(
        raw("user.created", subject="u", email="u@example.org"),
        raw("metric.recorded", subject="agent", name="x", value=1, task_id="u"),
        raw("audit.logged", subject="doc", action="read", user_id="u"),
    )
    scene.drain()
    (found,) = scene.eraser.outlooks(["u"])
    erased = scene.erase("u")
    assert (found.events, sum(found.rows.values())) == (erased.events, erased.rows) == (3, 2)


@pytest.mark.leaves("ledger:inbox:sbx_1", "ledger:inbox:sbx_2")
@pytest.mark.parametrize(
    ("where", "name"), [(ErasedInboxes, "erase"), (journal, "clear"), (journal, "blank"), (ErasureRepository, "finish")]
)
def test_what_an_interrupted_run_has_left_is_counted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    scene.publish(*run("00", CANARY), *run("01", CANARY), *run("02", "kept"))
    scene.drain()
    with monkeypatch.context() as patch:
        patch.setattr(where, name, killed)
        with pytest.raises(Killed):
            scene.erase("exec_00", "exec_01")
    late = [raw("task.created", subject="task_late", execution_id="exec_00", name=CANARY), b"{not JSON exec_01"]
    scene.publish(*late)
    scene.drain()
    found, asked = scene.eraser.outlooks(), scene.eraser.outlooks(["exec_00", "exec_01"])
    assert [one.subject for one in found] == ["exec_00", "exec_01"]
    assert [(one.events, one.rows, one.dead_letters) for one in asked] == [
        (one.events, one.rows, one.dead_letters) for one in found
    ]
    erased = Eraser(scene.settings, scene.storage, scene.client).go_on()
    assert erased.subjects == sum(one.subjects for one in found) > 9
    assert erased.events == sum(one.events for one in found)
    assert erased.rows == sum(sum(one.rows.values()) for one in found)
    assert erased.dead_letters == sum(one.dead_letters for one in found) == 1
    assert erased.audit_lines == sum(one.audit_lines for one in found)
    assert scene.eraser.outlooks() == []


def test_what_an_interrupted_run_leaves_since_it_is_held_is_not_counted(scene: Scene) -> None:
    scene.publish(raw("execution.created", subject="e"), raw("task.created", subject="t", execution_id="e"))
    scene.drain()
    Eraser(scene.settings, scene.storage, scene.client).begin(["e"], why="asked for", by="jo")
    by_hand(
        scene.storage,
        tables.erasures.delete().where(tables.erasures.c.subject == "t"),
        tables.held.insert().values(subject="t"),
    )
    (found,) = scene.eraser.outlooks()
    assert (found.subjects, found.rows, found.held) == (1, {"executions": 1}, ())


def test_what_came_since_the_last_round_to_what_is_held_is_held(scene: Scene) -> None:
    scene.publish(raw("execution.created", subject="e", workspace_id="ws"))
    scene.drain()
    Holds(scene.storage).add(Held.WORKSPACE, ["ws"], why="case 7", by="ada")
    scene.publish(raw("task.created", subject="t", execution_id="e"))
    scene.drain()
    with pytest.raises(CannotErase, match="held: t;"):
        scene.erase("t")
    assert count(scene.storage, "erasures") == 0


def test_rows_of_what_is_held_keep_what_they_name(scene: Scene) -> None:
    scene.record_attached()
    Holds(scene.storage).add(Held.SUBJECT, ["agent", "doc"], why="case 7", by="ada")
    with pytest.raises(CannotErase, match=r"held: agent \(a point of it names e\);"):
        scene.erase("e")
    with pytest.raises(CannotErase, match=r"held: doc \(an audit line of it names u\);"):
        scene.erase("u")
    assert count(scene.storage, "erasures") == 0


def test_what_is_being_erased_cannot_be_held(scene: Scene) -> None:
    scene.publish(raw("execution.created", subject="e"), raw("task.created", subject="t", execution_id="e"))
    scene.drain()
    holds, eraser = Holds(scene.storage), Eraser(scene.settings, scene.storage, scene.client)
    eraser.begin(["t"], why="asked for", by="jo")
    with pytest.raises(InvalidArgument, match="'e' cannot be held: 't' is being erased"):
        holds.add(Held.EXECUTION, ["e"], why="case 7", by="ada")
    assert count(scene.storage, "holds") == count(scene.storage, "held") == 0
    eraser.go_on()
    assert holds.add(Held.EXECUTION, ["e"], why="case 7", by="ada")[0].subjects == 1


def test_no_statement_that_fails_holds_an_event(
    postgresql_storage: Storage, postgresql_eraser: Eraser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's log gets all of what fails."""
    record(postgresql_storage, raw("task.created", subject="t"))
    postgresql_eraser.begin(["t"], why="asked for", by="jo")
    record(postgresql_storage, raw("task.created", subject="u"), start=2)
    send, failed = postgresql._RoundTrips.send, []

    def sent(trips: Any) -> None:
        text = b"".join(trips._texts)
        try:
            send(trips)
        except psycopg2.Error:
            failed.append(text)
            raise

    monkeypatch.setattr(postgresql._RoundTrips, "send", sent)
    assert record(postgresql_storage, raw("task.created", subject="t", name=CANARY), start=3).recorded == 1
    (text,) = failed
    assert CANARY.encode() not in text


def test_nobody_has_an_id_erased_that_is_anothers_or_held(scene: Scene) -> None:
    scene.publish(raw("execution.created", subject="e"), raw("user.created", subject="u", email="u@example.org"))
    scene.drain()
    Holds(scene.storage).add(Held.SUBJECT, ["t"], why="case 7", by="ada")
    scene.erase("e")
    late = (raw("task.created", subject=one, execution_id="e", name=CANARY) for one in ("u", "t", "v"))
    scene.publish(*late, raw("message.sent", subject="u", task_id="v", to_sandbox_ids=["s"], content=CANARY))
    scene.drain()
    with scene.storage.reading() as connection:
        assert set(ErasureRepository(connection).of(["u", "t", "v"])) == {"v"}
    assert found_in_tables(scene.storage) == []
    scene.publish(raw("user.updated", subject="u", full_name="Jo"))
    scene.drain()
    assert all_rows(scene.storage)["users"]["u",]["full_name"] == "Jo"


@pytest.mark.leaves("ledger:inbox:sbx_1")
@pytest.mark.parametrize("groups", [None, [], ["mailbox"]])
def test_an_empty_inbox_is_written_anew_whatever_it_ever_held(scene: Scene, groups: list[str] | None) -> None:
    """Of an agent that came back after its inbox had expired, the database still says that a message was sent to it."""
    scene.publish(message("m1", "sbx_1", content=CANARY))
    scene.drain()
    inbox, client = "ledger:inbox:sbx_1", scene.client
    if groups is not None:
        client.delete(inbox)
        client.xgroup_create(inbox, "none", "0", mkstream=True)
        client.xgroup_destroy(inbox, "none")
    for group in groups or []:
        client.xgroup_create(inbox, group, "0")
    before: Any = client.xinfo_stream(inbox)
    scene.erase("m1")
    after: Any = client.xinfo_stream(inbox)
    assert after["length"] == 0
    assert [after[what] == before[what] for what in ("last-generated-id", "groups")] == [True, True]
    assert client.pttl(inbox) > 0
    assert not client.exists("ledger:rewriting:sbx_1")
    scene.publish(message("m2", "sbx_1", content="kept"))
    scene.drain()
    assert scene.ids("sbx_1") == ["m2"]
