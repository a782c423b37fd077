"""Secrets and credentials: set, get, list, delete; who may; and the audit line of each act, in its transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flowledger.domain.errors import DatabaseUnavailable, InvalidArgument, SettingsError
from flowledger.services import acts
from flowledger.services.roles import Forbidden
from flowledger.services.vault import Credentials, NoKeys, UnknownCredential, UnknownSecret, Vault
from flowledger.storage.kinds.audit import AuditLogRepository
from flowledger.storage.people.sessions import Session
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import event
from tests.documented import block
from tests.services.conftest import Clock
from tests.storage import recording


def lines(storage: Storage) -> list[tuple[str, str, str | None, Any]]:
    """Action, resource, user and details of all audit lines, the oldest first."""
    with storage.reading() as connection:
        found = AuditLogRepository(connection).newest(limit=100).items
    return [(one.action, one.resource_id, one.user_id, one.details) for one in reversed(found)]


def session(role: str, user_id: str = "usr_1") -> Session:
    return Session(id="sess_1", user_id=user_id, role=role, expires_at=Clock().time)


def test_a_secret_is_what_was_set_last(vault: Vault) -> None:
    vault.set("A", "first", by="tests")
    vault.set("A", b"\x00\xff", by="tests")
    vault.set("B", "ü", by="tests")
    assert vault.get("A").get_secret_value() == b"\x00\xff"
    assert vault.get("B").get_secret_value() == "ü".encode()
    assert "xff" not in repr(vault.get("A"))


@pytest.mark.parametrize("name", ["A", "a", "", "A ", " ", "a\0b", "x" * 256, "\ud800"])
def test_an_unknown_secret_is_named(vault: Vault, name: str) -> None:
    vault.set("b", "value", by="tests")
    with pytest.raises(UnknownSecret, match="the vault has no secret") as caught:
        vault.get(name)
    assert caught.value.name == name
    with pytest.raises(UnknownSecret):
        vault.delete(name, by="tests")


@pytest.mark.parametrize("name", ["", " ", "\u3000", "a\0b", "x" * 256, "\ud800"])
def test_what_is_no_name_is_refused(vault: Vault, name: str) -> None:
    with pytest.raises(InvalidArgument, match="1 to 255 characters"):
        vault.set(name, "value", by="tests")


def test_a_name_may_have_255_characters_of_any_kind(storage: Storage, vault: Vault) -> None:
    for name in ("𝄞" * 255, "a\nb", "a,4:b"):
        vault.set(name, name, by="tests")
        assert vault.get(name, by="tests").get_secret_value() == name.encode()
    assert verify(storage).differences == 0


def test_secrets_are_listed_by_name_without_their_values(vault: Vault, clock: Clock) -> None:
    began = clock.time
    for name in ("b", "a", "B", "ä"):
        vault.set(name, "canary", by="tests")
    clock.go(minutes=1)
    vault.set("b", "canary", by="tests")
    first = vault.list(limit=2)
    assert [one.name for one in first.items] == ["B", "a"]
    rest = vault.list(limit=2, after=first.cursor)
    assert [one.name for one in rest.items] == ["b", "ä"]
    assert (rest.cursor, rest.items[0].key_version) == (None, 1)
    assert rest.items[0].created_at == began
    assert rest.items[0].updated_at == began + timedelta(minutes=1)
    assert "canary" not in repr(first) + repr(rest)


def test_a_deleted_secret_is_gone(storage: Storage, vault: Vault) -> None:
    vault.set("A", "value", by="tests")
    vault.delete("A", by="tests")
    with pytest.raises(UnknownSecret):
        vault.get("A")
    assert recording.count(storage, "secrets") == 0


def test_without_keys_secrets_are_listed_and_deleted_and_nothing_else(storage: Storage, vault: Vault) -> None:
    vault.set("A", "value", by="tests")
    bare = Vault(storage, NoKeys())
    assert [one.name for one in bare.list().items] == ["A"]
    for act in (lambda: bare.get("A"), lambda: bare.set("A", "other", by="tests")):
        with pytest.raises(SettingsError, match="LEDGER_VAULT_KEY_FILE"):
            act()
    assert vault.get("A").get_secret_value() == b"value"
    bare.delete("A", by="tests")


def test_each_act_has_its_line(storage: Storage, vault: Vault, credentials: Credentials) -> None:
    vault.set("A", "canary", by="ops")
    vault.get("A")
    vault.get("A", by=session("admin"))
    vault.delete("A", by="ops")
    id_ = credentials.add("usr_1", "github", "work", "canary", by=session("user"))
    credentials.set(id_, "canary2", by="ops")
    credentials.get(id_, by=session("user"))
    credentials.delete(id_, by=session("admin", "usr_2"))
    own, owner = {"session_id": "sess_1"}, {"owner_id": "usr_1", "service_type": "github", "key_version": 1}
    assert lines(storage) == [
        ("secret.set", "A", None, {"by": "ops", "key_version": 1}),
        ("secret.read", "A", "usr_1", own),
        ("secret.deleted", "A", None, {"by": "ops"}),
        ("credential.added", id_, "usr_1", owner | own),
        ("credential.set", id_, None, {"by": "ops", "key_version": 1}),
        ("credential.read", id_, "usr_1", own),
        ("credential.deleted", id_, "usr_2", own),
    ]
    assert verify(storage).differences == 0
    with storage.reading() as connection:
        assert {one.source for one in AuditLogRepository(connection).newest().items} == {"/flowledger/vault"}


def test_an_act_without_its_line_does_not_happen(
    storage: Storage, vault: Vault, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.set("A", "first", by="tests")
    id_ = credentials.add("usr_1", "github", "work", "first", by="tests")

    def fail(*_: object) -> bool:
        raise DatabaseUnavailable("the line cannot be written")

    monkeypatch.setattr(acts, "record", fail)
    acts_: list[Callable[[], object]] = [
        lambda: vault.set("A", "second", by="tests"),
        lambda: vault.set("B", "second", by="tests"),
        lambda: vault.get("A", by="tests"),
        lambda: vault.delete("A", by="tests"),
        lambda: credentials.add("usr_1", "github", "home", "second", by="tests"),
        lambda: credentials.set(id_, "second", by="tests"),
        lambda: credentials.delete(id_, by="tests"),
    ]
    for act in acts_:
        with pytest.raises(DatabaseUnavailable):
            act()
    assert vault.get("A").get_secret_value() == credentials.get(id_).get_secret_value() == b"first"
    assert recording.count(storage, "secrets") == recording.count(storage, "credentials") == 1


def test_only_an_admins_session_may_use_the_vault(vault: Vault) -> None:
    vault.set("A", "value", by=session("admin"))
    for role in ("user", "viewer"):
        for act in (
            lambda by: vault.set("A", "other", by=by),
            lambda by: vault.get("A", by=by),
            lambda by: vault.delete("A", by=by),
        ):
            with pytest.raises(Forbidden, match="admin"):
                act(session(role))
    assert vault.get("A").get_secret_value() == b"value"


def test_credentials_are_their_users_and_admins(credentials: Credentials) -> None:
    id_ = credentials.add("usr_1", "github", "work", "value", by=session("user"))
    assert credentials.get(id_, by=session("user")).get_secret_value() == b"value"
    assert credentials.get(id_, by=session("admin", "usr_2")).get_secret_value() == b"value"
    for by in (session("viewer"), session("user", "usr_2")):
        for act in (
            lambda by: credentials.add("usr_1", "github", "work", "value", by=by),
            lambda by: credentials.set(id_, "value", by=by),
            lambda by: credentials.get(id_, by=by),
            lambda by: credentials.delete(id_, by=by),
        ):
            with pytest.raises(Forbidden):
                act(by)


def test_credentials_are_found_by_user_and_service(credentials: Credentials, clock: Clock) -> None:
    made = []
    for number in range(5):
        clock.go(seconds=1)
        made.append(credentials.add("usr_1", f"s{number % 2}", "same name", f"canary {number}", by="tests"))
    other = credentials.add("usr_2", "s0", "same name", "w", by="tests")
    assert [one.id for one in credentials.of_user("usr_1").items] == made[::-1]
    assert [one.id for one in credentials.of_user("usr_2", "s0").items] == [other]
    first = credentials.of_user("usr_1", "s0", limit=2)
    assert [one.id for one in first.items] == [made[4], made[2]]
    assert [one.id for one in credentials.of_user("usr_1", "s0", limit=2, after=first.cursor).items] == [made[0]]
    assert [one.id for one in credentials.of_user("usr_1", "s0", limit=2, offset=1).items] == [made[2], made[0]]
    assert credentials.of_user("usr_3").items == ()
    found = credentials.find(made[0])
    assert found is not None
    assert (found.user_id, found.service_type, found.name) == ("usr_1", "s0", "same name")
    assert "canary" not in repr(found)


@pytest.mark.parametrize("id_", ["cred_1", "", "a\0"])
def test_an_unknown_credential_is_named(credentials: Credentials, id_: str) -> None:
    for act in (
        lambda: credentials.get(id_),
        lambda: credentials.get(id_, by="tests"),
        lambda: credentials.set(id_, "value", by="tests"),
        lambda: credentials.delete(id_, by="tests"),
    ):
        with pytest.raises(UnknownCredential):
            act()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_names_a_credential_is_checked(credentials: Credentials, place: int) -> None:
    names = ["usr_1", "github", "work"]
    names[place] = " "
    user_id, service_type, name = names
    with pytest.raises(InvalidArgument, match="1 to 255 characters"):
        credentials.add(user_id, service_type, name, "value", by="tests")


def test_a_reference_in_a_record_stays_a_reference(storage: Storage, vault: Vault) -> None:
    vault.set("DB_PASSWORD", "canary", by="tests")
    env = {"DB_PASSWORD": {"secret": "DB_PASSWORD"}}
    recording.record(storage, event("mcp_server.created", subject="mcp_1", env=env))
    assert recording.dead_letters(storage) == []
    assert recording.row(storage, "mcp_servers", "mcp_1")["env"] == env


def test_the_documented_program_runs(
    storage: Storage, database_url: str, key_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LEDGER_VAULT_KEY_FILE", str(key_path))
    exec(block("docs/contract/vault.md", "python", "vault = Vault("), {})
    assert [action for action, *_ in lines(storage)] == [
        "secret.set", "credential.added", "credential.set", "credential.deleted"
    ]  # fmt: skip
