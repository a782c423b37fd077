"""What a hold keeps of an erasure, whenever it comes; and that nobody has anything of others' erased."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import update

from flowledger.domain.errors import InvalidArgument
from flowledger.domain.times import now
from flowledger.services import holds
from flowledger.services.erasing import written
from flowledger.services.erasing.eraser import CannotErase, Eraser
from flowledger.services.holds import Holds
from flowledger.storage import tables
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.storage.retention.holds import Held
from tests.builders import raw
from tests.services.erasing.canaries import found_in_tables
from tests.services.erasing.conftest import Scene
from tests.storage.recording import all_rows, by_hand, dead_letters


def go_on(scene: Scene) -> int:
    """Erase what is unfinished. Return how many parts are left since they are held."""
    return Eraser(scene.settings, scene.storage, scene.client).go_on().held


@pytest.mark.leaves("ledger:inbox:s")
@pytest.mark.parametrize("what", [Held.SUBJECT, Held.WORKSPACE])
def test_a_part_that_is_held_before_it_is_found_stays(scene: Scene, what: Held) -> None:
    scene.publish(
        raw("execution.created", subject="e"),
        raw("message.sent", subject="m", task_id="t", workspace_id="ws", to_sandbox_ids=["s"], content="kept"),
    )
    scene.drain()
    scene.erase("e")
    Holds(scene.storage).add(what, ["m" if what is Held.SUBJECT else "ws"], why="case 7", by="ada")
    scene.publish(raw("task.created", subject="t", execution_id="e"))
    scene.drain()
    assert go_on(scene) == 1
    assert scene.ids("s") == ["m"]
    assert list(all_rows(scene.storage)["messages"]) == [("m",)]
    Holds(scene.storage).remove(what, ["m" if what is Held.SUBJECT else "ws"], by="ada")
    assert scene.erase("e").held == 0
    assert (scene.ids("s"), all_rows(scene.storage)["messages"]) == ([], {})


def test_whose_rows_are_being_erased_cannot_be_held(scene: Scene) -> None:
    scene.record_attached()
    holds, eraser = Holds(scene.storage), Eraser(scene.settings, scene.storage, scene.client)
    eraser.begin(["e", "u"], why="asked for", by="jo")
    for subject, named in (("agent", "e"), ("doc", "u")):
        with pytest.raises(InvalidArgument, match=f"'{named}' is being erased"):
            holds.add(Held.SUBJECT, [subject], why="case 7", by="ada")
    eraser.go_on()
    assert [one.is_new for one in holds.add(Held.SUBJECT, ["agent", "doc"], why="case 7", by="ada")] == [True, True]


@pytest.mark.leaves("ledger:inbox:s")
def test_a_message_of_another_sender_is_not_erased_by_a_stranger(scene: Scene) -> None:
    scene.publish(
        raw("execution.created", subject="e"),
        raw("message.sent", subject="m", from_sandbox_id="a", to_sandbox_ids=["s"], content="kept"),
    )
    scene.drain()
    scene.erase("e")
    scene.publish(
        raw("message.sent", subject="m", from_sandbox_id="b", execution_id="e", to_sandbox_ids=["s"], content="x")
    )
    scene.drain()
    go_on(scene)
    assert scene.ids("s") == ["m"]
    assert list(all_rows(scene.storage)["messages"]) == [("m",)]


def test_what_belongs_to_what_stays_is_not_erased_by_a_stray_event(scene: Scene) -> None:
    scene.publish(
        raw("execution.created", subject="e"),
        raw("execution.created", subject="living"),
        raw("task.created", subject="t", execution_id="living", name="kept"),
        raw("message.sent", subject="m", task_id="t", to_sandbox_ids=["s"], content="kept"),
        raw("task.logged", subject="early", message="x"),
    )
    scene.drain()
    scene.erase("e")
    scene.publish(
        raw("task.created", subject="t", execution_id="e", name="stray"),
        raw("message.sent", subject="m", execution_id="e", to_sandbox_ids=["s"], content="stray"),
        raw("task.created", subject="early", execution_id="e"),
    )
    scene.drain()
    go_on(scene)
    rows = all_rows(scene.storage)
    assert (rows["tasks"]["t",]["name"], list(rows["messages"]), rows["task_logs"]) == ("kept", [("m",)], {})
    scene.client.delete("ledger:inbox:s")


def test_an_id_is_taken_also_by_an_event_of_the_same_batch(scene: Scene) -> None:
    scene.publish(raw("execution.created", subject="e"))
    scene.drain()
    scene.erase("e")
    scene.publish(
        raw("user.created", subject="u", email="u@example.org"), raw("task.created", subject="u", execution_id="e")
    )
    scene.drain()
    go_on(scene)
    with scene.storage.reading() as connection:
        assert ErasureRepository(connection).of(["u"]) == {}
    assert list(all_rows(scene.storage)["users"]) == [("u",)]


def test_a_refused_event_of_another_kind_that_names_it_is_a_dead_letter(scene: Scene) -> None:
    scene.publish(raw("execution.created", subject="e"))
    scene.drain()
    scene.erase("e")
    scene.publish(
        raw("knowledge.created", subject="k", execution_id="e", title=7),
        raw("task.created", subject="t", execution_id="e", priority="x"),
    )
    scene.drain()
    (letter,) = dead_letters(scene.storage)
    assert letter.subject == "k"


def test_a_letter_too_large_for_the_worker_is_about_what_it_names(scene: Scene) -> None:
    scene.publish(raw("task.created", subject="t", name="canaryqzx"))
    scene.drain()
    scene.erase("t")
    scene.publish(raw("task.created", subject="t", name="canaryqzx", input={"x": "y" * 1_200_000}))
    scene.drain()
    assert dead_letters(scene.storage) == []
    assert found_in_tables(scene.storage) == []


def test_what_is_erased_is_erased_again(scene: Scene) -> None:
    scene.publish(raw("execution.created", subject="e"), raw("task.created", subject="t", execution_id="e"))
    scene.drain()
    scene.erase("e")
    unread = b"{not JSON t canaryqzx"
    scene.publish(unread)
    scene.drain()
    assert [letter.raw for letter in dead_letters(scene.storage)] == [unread]
    assert (scene.erase("e").dead_letters, found_in_tables(scene.storage)) == (1, [])


def test_the_same_command_goes_on_and_does_not_begin_anew(scene: Scene) -> None:
    scene.publish(raw("execution.created", subject="e"), raw("task.created", subject="t", execution_id="e"))
    scene.drain()
    Eraser(scene.settings, scene.storage, scene.client).begin(["e"], why="asked for", by="jo")
    by_hand(scene.storage, update(tables.erasures).where(tables.erasures.c.subject == "t").values(done_at=now()))
    assert scene.erase("e").subjects == 1
    assert scene.erase("e").subjects == 2


@pytest.mark.leaves("ledger:inbox:s")
def test_an_id_is_known_also_by_what_belongs_to_it_alone(scene: Scene) -> None:
    scene.publish(
        raw("task.created", subject="t", execution_id="never_told"),
        raw("message.sent", subject="m", to_sandbox_ids=["s"], content="x"),
    )
    scene.drain()
    assert scene.erase("never_told", "s").subjects == 3
    assert (all_rows(scene.storage)["tasks"], scene.client.exists("ledger:inbox:s")) == ({}, 0)


@pytest.mark.parametrize("what", Held)
@pytest.mark.parametrize("id_", ["ws", "e", "t"])
def test_what_is_erased_cannot_be_held(scene: Scene, what: Held, id_: str) -> None:
    scene.publish(
        raw("workspace.created", subject="ws"),
        raw("execution.created", subject="e", workspace_id="ws"),
        raw("task.created", subject="t", execution_id="e"),
    )
    scene.drain()
    scene.erase("ws")
    of = "" if id_ == "ws" else " with ws"
    words = rf"{what} '{id_}' cannot be held: erased{of} at .* by jo: asked for; nothing of it is recorded any more; .*"
    with pytest.raises(InvalidArgument, match=words):
        Holds(scene.storage).add(what, ["another", id_], why="case 7", by="ada")
    rows = all_rows(scene.storage)
    assert (rows["audit_logs"], Holds(scene.storage).list().items) == ({}, ())
    assert scene.erase("ws").subjects == 3


def test_what_is_recorded_later_in_an_erased_workspace_can_be_held(scene: Scene) -> None:
    scene.publish(raw("workspace.created", subject="ws"))
    scene.drain()
    scene.erase("ws")
    scene.publish(raw("execution.created", subject="e", workspace_id="ws"))
    scene.drain()
    holds = Holds(scene.storage)
    with pytest.raises(InvalidArgument, match="subject 'ws' cannot be held: erased at"):
        holds.add(Held.SUBJECT, ["ws"], why="case 7", by="ada")
    (added,) = holds.add(Held.WORKSPACE, ["ws"], why="case 7", by="ada")
    assert (added.is_recorded, added.subjects) == (True, 2)
    with pytest.raises(CannotErase, match=r"held: e \(of ws\), ws;"):
        scene.erase("ws")


def test_of_many_that_are_being_erased_some_are_named_and_the_others_counted(scene: Scene) -> None:
    scene.publish(*(raw("execution.created", subject=f"e{number}", workspace_id="ws") for number in range(9)))
    scene.drain()
    scene.eraser.begin(["ws"], why="asked for", by="jo")
    with pytest.raises(InvalidArgument, match="held: 'ws', 'e0', 'e1', 'e2', 'e3' and 5 more are being erased; "):
        Holds(scene.storage).add(Held.WORKSPACE, ["ws"], why="case 7", by="ada")
    with pytest.raises(InvalidArgument, match="held: 'e7' is being erased; "):
        Holds(scene.storage).add(Held.EXECUTION, ["e7"], why="case 7", by="ada")


@pytest.mark.parametrize("first", ["hold", "erase"])
def test_of_a_hold_and_an_erasure_at_once_one_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """The other one begins before the first is committed."""
    scene.publish(raw("execution.created", subject="e"))
    scene.drain()
    ended: list[Exception | None] = []

    def act(which: str) -> None:
        try:
            if which == "hold":
                Holds(scene.storage).add(Held.EXECUTION, ["e"], why="case 7", by="ada")
            else:
                scene.eraser.begin(["e"], why="asked for", by="jo")
            ended.append(None)
        except (InvalidArgument, CannotErase) as error:
            ended.append(error)

    other = threading.Thread(target=act, args=["erase" if first == "hold" else "hold"])

    def begun(*given: Any) -> None:
        before(*given)
        other.start()
        other.join(0.2)
        assert other.is_alive()

    where, name = (holds, "extend") if first == "hold" else (written, "lock_out_recorders")
    before = getattr(where, name)
    with monkeypatch.context() as patch:
        patch.setattr(where, name, begun)
        act(first)
    other.join(30)
    refusal = "held: e; " if first == "hold" else "'e' is being erased"
    assert (ended[0], refusal in str(ended[1])) == (None, True)
