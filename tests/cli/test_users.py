"""`flowledger users …`: passwords from standard input, sessions, their end."""

from __future__ import annotations

import pytest

from flowledger.services.users import Users
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.cli.calling import Run
from tests.services.conftest import CountingHasher
from tests.services.test_vault import lines
from tests.storage import recording


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes cost nothing here."""
    monkeypatch.setattr("flowledger.services.users.users.Hasher", CountingHasher)


@pytest.fixture
def users(storage: Storage) -> Users:
    recording.record(storage, event("user.created", subject="usr_1", email="ada@example.org"))
    return Users(storage)


def test_a_password_is_set_and_ends_the_sessions(run: Run, users: Users, storage: Storage) -> None:
    assert run("users", "password", "usr_1", "--by", "ops", input=b"correct horse\n") == (
        0, "usr_1: the password is set, 0 sessions ended\n", ""
    )  # fmt: skip
    users.sign_in("ada@example.org", "correct horse")
    assert run("users", "password", "usr_1", "--by", "ops", "--json", input=b"another password").json == {
        "user_id": "usr_1", "sessions_ended": 1
    }  # fmt: skip
    assert users.sign_in("ada@example.org", "another password").session.user_id == "usr_1"
    assert lines(storage)[0] == ("password.set", "usr_1", None, {"by": "ops", "sessions_ended": 0})


@pytest.mark.parametrize(
    ("id_", "given", "told"),
    [
        ("usr_9", b"correct horse", "there is no user 'usr_9'"), ("usr_1", b"short", "at least 8 characters"),
        ("usr_1", b"", "at least 8 characters"), ("usr_1", b"\xff" * 9, "a text in UTF-8"),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_said(run: Run, users: Users, id_: str, given: bytes, told: str) -> None:
    ended = run("users", "password", id_, input=given)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err


def test_sessions_are_listed_and_ended(run: Run, users: Users) -> None:
    run("users", "password", "usr_1", input=b"correct horse")
    one, two = (users.sign_in("ada@example.org", "correct horse", address="192.0.2.1") for _ in range(2))
    listed = run("users", "sessions", "usr_1", "--json")
    assert [each["id"] for each in listed.json["sessions"]] == [two.session.id, one.session.id]
    assert "token" not in listed.out
    shown = run("users", "sessions", "usr_1")
    assert one.session.id in shown.out
    assert "192.0.2.1" in shown.out
    first = run("users", "sessions", "usr_1", "--limit", "1", "--json").json
    assert f"--after {first['next']}" in run("users", "sessions", "usr_1", "--limit", "1").out
    ended = run("users", "revoke", "usr_1", "--session", one.session.id)
    assert ended == (0, "usr_1: 1 session ended\n", "")
    valid = run("users", "sessions", "usr_1", "--valid", "--json").json["sessions"]
    assert [each["id"] for each in valid] == [two.session.id]
    assert run("users", "revoke", "usr_1", "--json").json == {"user_id": "usr_1", "sessions_ended": 1}
    assert users.session_of(two.token) is None
    refused = run("users", "revoke", "usr_1", "--session", "sess_9")
    assert (refused.code, refused.err) == (1, "error: the user 'usr_1' has no session 'sess_9'\n")


def test_a_password_is_no_argument(run: Run, users: Users) -> None:
    assert run("users", "password", "usr_1", "correct horse").code == 2
