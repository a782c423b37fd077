"""Audit lines of the ledger's own acts that name what is erased, though they are about something else."""

from __future__ import annotations

from typing import Any

import pytest

from flowledger.domain.errors import InvalidArgument
from flowledger.services.erasing import journal
from flowledger.services.erasing.eraser import CannotErase, Eraser
from flowledger.services.erasing.inboxes import ErasedInboxes
from flowledger.services.holds import Holds
from flowledger.services.vault import Credentials, VaultKeyFile
from flowledger.storage.retention.holds import Held
from tests.builders import raw
from tests.services.erasing.canaries import CANARY, found_in_tables
from tests.services.erasing.conftest import Scene
from tests.services.erasing.test_beside_others import Killed, killed
from tests.storage.recording import all_rows, count


def lines(scene: Scene) -> list[tuple[str, str, bool]]:
    """The action and the resource of each audit line, in order, and whether it has content."""
    rows = all_rows(scene.storage)["audit_logs"].values()
    return sorted((row["action"], row["resource_id"], row["details"] is not None) for row in rows)


def held_and_released(scene: Scene, what: Held, id_: str, said: str = CANARY) -> None:
    holds = Holds(scene.storage)
    holds.add(what, [id_], why=said, by=said)
    holds.remove(what, [id_], by=said)


def test_what_was_said_when_it_was_held_goes_and_of_others_it_stays(scene: Scene) -> None:
    scene.publish(
        raw("execution.created", subject="e", workspace_id="w"),
        raw("task.created", subject="t", execution_id="e"),
        raw("execution.created", subject="e2"),
        raw("audit.logged", subject="execution/e", action="another's", details={"a": 1}),
    )
    scene.drain()
    held_and_released(scene, Held.EXECUTION, "e")
    held_and_released(scene, Held.SUBJECT, "t")
    held_and_released(scene, Held.EXECUTION, "e2", "kept")
    held_and_released(scene, Held.WORKSPACE, "w", "kept")
    (found,) = scene.eraser.outlooks(["e"])
    erased = scene.erase("e")
    assert (erased.audit_lines, found.audit_lines) == (4, 4)
    assert (erased.events, found.events) == (6, 6)
    assert found_in_tables(scene.storage) == []
    acts = ("hold.added", "hold.removed")
    of_others = [(act, one, True) for act in acts for one in ("execution/e2", "workspace/w")]
    of_it = [(act, one, False) for act in acts for one in ("execution/e", "subject/t")]
    assert lines(scene) == sorted([("another's", "execution/e", True), *of_others, *of_it])


def test_an_id_that_was_only_ever_held_can_be_erased(scene: Scene) -> None:
    held_and_released(scene, Held.SUBJECT, "nothing else")
    assert scene.erase("nothing else").audit_lines == 2
    assert found_in_tables(scene.storage) == []


def test_lines_about_a_hold_that_are_held_themselves_stay(scene: Scene) -> None:
    scene.publish(raw("execution.created", subject="e"))
    scene.drain()
    held_and_released(scene, Held.EXECUTION, "e", "kept")
    holds = Holds(scene.storage)
    holds.add(Held.SUBJECT, ["execution/e"], why="case 7", by="ada")
    with pytest.raises(CannotErase, match=r"held: execution/e \(an audit line of it names e\);"):
        scene.erase("e")
    assert count(scene.storage, "erasures") == 0
    holds.remove(Held.SUBJECT, ["execution/e"], by="ada")
    Eraser(scene.settings, scene.storage, scene.client).begin(["e"], why="asked for", by="jo")
    with pytest.raises(InvalidArgument, match="'execution/e' cannot be held: 'e' is being erased"):
        holds.add(Held.SUBJECT, ["execution/e"], why="case 7", by="ada")


def test_what_the_vault_says_of_the_credentials_of_an_erased_user_goes(scene: Scene, keys: VaultKeyFile) -> None:
    scene.publish(raw("user.created", subject="u", email="u@example.org"), raw("user.created", subject="u2"))
    scene.drain()
    credentials = Credentials(scene.storage, keys)
    there, deleted, other = (
        credentials.add(user, said, said, "value", by=said)
        for user, said in (("u", CANARY), ("u", CANARY), ("u2", "kept"))
    )
    credentials.get(there, by=CANARY)
    credentials.set(deleted, "value", by=CANARY)
    credentials.delete(deleted, by=CANARY)
    (found,) = scene.eraser.outlooks(["u"])
    erased = scene.erase("u")
    assert (erased.audit_lines, erased.events) == (found.audit_lines, found.events) == (5, 6)
    assert found_in_tables(scene.storage) == []
    assert [one for one in lines(scene) if one[2]] == [("credential.added", other, True)]
    assert len(lines(scene)) == 6


def test_it_goes_on_where_it_was_killed_while_it_cleared_them(
    scene: Scene, keys: VaultKeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.publish(raw("user.created", subject="u", email="u@example.org"))
    scene.drain()
    credentials = Credentials(scene.storage, keys)
    id_ = credentials.add("u", CANARY, CANARY, "value", by=CANARY)
    credentials.set(id_, "value", by=CANARY)
    credentials.delete(id_, by=CANARY)
    clear, calls = journal.clear, []

    def killed_at_the_second(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise Killed
        return clear(*given)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "clear", killed_at_the_second)
        with pytest.raises(Killed):
            scene.erase("u")
    assert {"audit_logs", "event_texts"} <= {*found_in_tables(scene.storage)}
    Eraser(scene.settings, scene.storage, scene.client).go_on()
    assert found_in_tables(scene.storage) == []


def test_a_credential_that_is_held_keeps_what_was_said_of_it(scene: Scene, keys: VaultKeyFile) -> None:
    scene.publish(raw("user.created", subject="u", email="u@example.org"))
    scene.drain()
    id_ = Credentials(scene.storage, keys).add("u", "github", "work", "value", by="ops")
    Holds(scene.storage).add(Held.SUBJECT, [id_], why="case 7", by="ada")
    with pytest.raises(CannotErase, match=rf"held: {id_} \(an audit line of it names u\);"):
        scene.erase("u")


def test_a_deleted_credential_that_is_held_keeps_what_was_said_of_it(scene: Scene, keys: VaultKeyFile) -> None:
    scene.publish(raw("user.created", subject="u", email="u@example.org"), raw("user.created", subject="u2"))
    scene.drain()
    credentials = Credentials(scene.storage, keys)
    id_ = credentials.add("u", "github", "work", "value", by="ops")
    Holds(scene.storage).add(Held.SUBJECT, [id_], why="case 7", by="ada")
    credentials.delete(id_, by="ops")
    with pytest.raises(CannotErase, match=rf"held: {id_} \(an audit line of it names u\);"):
        scene.erase("u")
    assert scene.erase("u2").subjects == 1


def test_no_credential_of_a_user_who_is_being_erased_can_be_held(scene: Scene, keys: VaultKeyFile) -> None:
    scene.publish(raw("user.created", subject="u", email="u@example.org"), raw("user.created", subject="u2"))
    scene.drain()
    credentials = Credentials(scene.storage, keys)
    there, deleted, other = (
        credentials.add(user, "github", name, "value", by="ops") for user, name in (("u", "a"), ("u", "b"), ("u2", "a"))
    )
    credentials.delete(deleted, by="ops")
    Eraser(scene.settings, scene.storage, scene.client).begin(["u"], why="asked for", by="jo")
    holds = Holds(scene.storage)
    for id_ in (there, deleted):
        with pytest.raises(InvalidArgument, match=f"'{id_}' cannot be held: 'u' is being erased"):
            holds.add(Held.SUBJECT, [id_], why="case 7", by="ada")
    holds.add(Held.SUBJECT, [other], why="case 7", by="ada")


def test_nor_when_nothing_says_any_more_whose_it_is(
    scene: Scene, keys: VaultKeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.publish(raw("user.created", subject="u", email="u@example.org"))
    scene.drain()
    id_ = Credentials(scene.storage, keys).add("u", "github", "work", "value", by="ops")
    with monkeypatch.context() as patch:
        patch.setattr(ErasedInboxes, "erase", killed)
        with pytest.raises(Killed):
            scene.erase("u")
    assert count(scene.storage, "credentials") == 1
    holds = Holds(scene.storage)
    with pytest.raises(InvalidArgument, match=f"'{id_}' is being erased"):
        holds.add(Held.SUBJECT, [id_], why="case 7", by="ada")
    Eraser(scene.settings, scene.storage, scene.client).go_on()
    holds.add(Held.SUBJECT, [id_], why="case 7", by="ada")
