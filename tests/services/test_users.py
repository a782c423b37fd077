"""Passwords, sessions and roles of users (contract, users)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from flowledger.domain.errors import DatabaseUnavailable, InvalidArgument
from flowledger.services import acts
from flowledger.services.users import Forbidden, Session, UnknownSession, UnknownUser, Users, require
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import ABSENT, event
from tests.services.conftest import Clock
from tests.services.signing_in import EMAIL, PASSWORD, add_user, refusal
from tests.services.test_vault import lines
from tests.storage import recording


def test_a_token_is_kept_as_its_hash_alone(storage: Storage, users: Users) -> None:
    add_user(storage, users)
    token = users.sign_in(EMAIL, PASSWORD).token.get_secret_value()
    with storage.reading() as connection:
        (kept,) = connection.execute(tables.sessions.select()).all()
    assert kept.token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert token.removeprefix("fls_") not in repr(kept)
    assert len(token) >= 4 + 43


def test_tokens_and_sessions_differ(storage: Storage, users: Users) -> None:
    add_user(storage, users)
    signed_in = [users.sign_in(EMAIL, PASSWORD) for _ in range(3)]
    assert len({one.token.get_secret_value() for one in signed_in}) == len({one.session.id for one in signed_in}) == 3
    assert all(one.session.id.startswith("sess_") for one in signed_in)
    assert PASSWORD not in repr(signed_in)
    assert "fls_" not in repr(signed_in)


@pytest.mark.parametrize("token", ["", "fls_", "fls_x", "x", "fls_\0", "fls_ü", "fls_" + "x" * 10_000, "\ud800"])
def test_what_is_no_token_has_no_session(storage: Storage, users: Users, token: str) -> None:
    add_user(storage, users)
    users.sign_in(EMAIL, PASSWORD)
    assert users.session_of(token) is None


def test_a_session_ends_when_its_time_is_over(storage: Storage, users: Users, clock: Clock) -> None:
    add_user(storage, users)
    token = users.sign_in(EMAIL, PASSWORD).token
    clock.go(seconds=3599.9)
    assert users.session_of(token) is not None
    assert len(users.sessions("usr_1", valid=True).items) == 1
    clock.go(seconds=0.1)
    assert users.session_of(token) is None
    assert users.sessions("usr_1", valid=True).items == ()
    assert len(users.sessions("usr_1").items) == 1
    assert users.revoke("usr_1", by="tests") == 0, "it is over already"


@pytest.mark.parametrize("end", ["user.deactivated", "user.deleted"])
def test_a_session_is_not_valid_while_its_user_is_deactivated_or_deleted(
    storage: Storage, users: Users, end: str
) -> None:
    add_user(storage, users)
    token = users.sign_in(EMAIL, PASSWORD).token
    recording.record(storage, event(end, subject="usr_1", time="2026-03-01T00:00:00Z"))
    assert users.session_of(token) is None
    assert refusal(users) is not None
    again = {"user.deactivated": "user.activated", "user.deleted": "user.restored"}[end]
    recording.record(storage, event(again, subject="usr_1", time="2026-03-02T00:00:00Z"))
    assert users.session_of(token) is not None


def test_one_session_is_revoked_or_all_of_a_user(storage: Storage, users: Users, clock: Clock) -> None:
    add_user(storage, users)
    add_user(storage, users, "usr_2", email="eve@example.org")
    one, two, three = (users.sign_in(EMAIL, PASSWORD) for _ in range(3))
    other = users.sign_in("eve@example.org", PASSWORD)
    assert users.revoke("usr_1", one.session.id, by="ops") == 1
    assert users.revoke("usr_1", one.session.id, by="ops") == 0
    assert [users.session_of(each.token) is not None for each in (one, two, three, other)] == [False, True, True, True]
    users.sign_out(two.session)
    assert users.session_of(two.token) is None
    assert users.revoke("usr_1", by="ops") == 1
    assert users.session_of(three.token) is None
    assert users.session_of(other.token) is not None
    revoked = {one_.id: one_.revoked_at for one_ in users.sessions("usr_1").items}
    assert set(revoked.values()) == {clock.time}
    assert [line for line in lines(storage) if line[0] == "session.revoked"] == [
        ("session.revoked", "usr_1", None, {"sessions_ended": 1, "revoked": one.session.id, "by": "ops"}),
        ("session.revoked", "usr_1", None, {"sessions_ended": 0, "revoked": one.session.id, "by": "ops"}),
        (
            "session.revoked", "usr_1", "usr_1",
            {"sessions_ended": 1, "revoked": two.session.id, "session_id": two.session.id},
        ),
        ("session.revoked", "usr_1", None, {"sessions_ended": 1, "by": "ops"}),
    ]  # fmt: skip
    for id_ in ("sess_none", other.session.id):
        with pytest.raises(UnknownSession, match="has no session"):
            users.revoke("usr_1", id_, by="ops")


def test_sessions_are_listed_by_page_the_newest_first(storage: Storage, users: Users, clock: Clock) -> None:
    add_user(storage, users)
    made = []
    for _ in range(5):
        clock.go(seconds=1)
        made.append(users.sign_in(EMAIL, PASSWORD).session.id)
    first = users.sessions("usr_1", limit=3)
    rest = users.sessions("usr_1", limit=3, after=first.cursor)
    assert [one.id for one in first.items + rest.items] == made[::-1]
    assert [one.id for one in users.sessions("usr_1", limit=1, offset=4).items] == made[:1]


def test_a_new_password_ends_the_other_sessions(storage: Storage, users: Users) -> None:
    add_user(storage, users)
    mine, other = users.sign_in(EMAIL, PASSWORD), users.sign_in(EMAIL, PASSWORD)
    assert users.set_password("usr_1", "another password", by=mine.session) == 1
    assert users.session_of(mine.token) is not None
    assert users.session_of(other.token) is None
    assert refusal(users) is not None
    users.sign_in(EMAIL, "another password")
    assert users.set_password("usr_1", "a third password", by="ops") == 2
    assert users.session_of(mine.token) is None
    told = [line for line in lines(storage) if line[0] == "password.set"]
    assert told[1:] == [
        ("password.set", "usr_1", "usr_1", {"sessions_ended": 1, "session_id": mine.session.id}),
        ("password.set", "usr_1", None, {"sessions_ended": 2, "by": "ops"}),
    ]
    assert verify(storage).differences == 0


def test_a_password_can_be_taken_away(storage: Storage, users: Users) -> None:
    add_user(storage, users)
    token = users.sign_in(EMAIL, PASSWORD).token
    assert users.remove_password("usr_1", by="ops")
    assert not users.remove_password("usr_1", by="ops")
    assert users.session_of(token) is None
    assert refusal(users) is not None
    assert lines(storage)[-2] == ("password.removed", "usr_1", None, {"sessions_ended": 1, "by": "ops"})


@pytest.mark.parametrize(
    ("password", "told"), [("short", "at least 8"), ("é" * 600, "at most 1,024"), ("", "at least")]
)
def test_a_password_that_cannot_be_taken_is_refused_unseen(
    storage: Storage, users: Users, password: str, told: str
) -> None:
    add_user(storage, users)
    with pytest.raises(InvalidArgument, match=told) as caught:
        users.set_password("usr_1", password, by="ops")
    assert not password or password not in str(caught.value)
    assert refusal(users) is None


@pytest.mark.parametrize("id_", ["usr_9", "usr_2", "a\0"])
def test_only_a_user_who_is_there_has_a_password(storage: Storage, users: Users, id_: str) -> None:
    recording.record(storage, event("user.created", subject="usr_2"), event("user.deleted", subject="usr_2"))
    with pytest.raises(UnknownUser):
        users.set_password(id_, PASSWORD, by="ops")
    assert recording.count(storage, "passwords") == 0


@pytest.mark.parametrize(
    ("role", "may"),
    [("admin", "viewer user admin"), ("user", "viewer user"), (ABSENT, "viewer user"), ("viewer", "viewer")],
)
def test_a_role_includes_the_lower_ones(storage: Storage, users: Users, role: Any, may: str) -> None:
    add_user(storage, users, role=role)
    session = users.sign_in(EMAIL, PASSWORD).session
    for needed in ("viewer", "user", "admin"):
        if needed in may.split():
            require(session, needed)
        else:
            with pytest.raises(Forbidden, match=f"this needs the role {needed}"):
                require(session, needed)


def test_a_role_counts_as_it_is_now(storage: Storage, users: Users) -> None:
    add_user(storage, users, role="admin")
    token = users.sign_in(EMAIL, PASSWORD).token
    recording.record(storage, event("user.updated", subject="usr_1", role="viewer"))
    session = users.session_of(token)
    assert session is not None
    assert session.role == "viewer"


def session(role: str, user_id: str) -> Session:
    return Session(id="sess_1", user_id=user_id, role=role, expires_at=Clock().time)


def test_only_oneself_or_an_admin_changes_passwords_and_sessions(storage: Storage, users: Users) -> None:
    add_user(storage, users)
    acts_: list[Callable[[Session], object]] = [
        lambda by: users.set_password("usr_1", "another password", by=by),
        lambda by: users.remove_password("usr_1", by=by),
        lambda by: users.revoke("usr_1", by=by),
    ]
    for by in (session("user", "usr_2"), session("viewer", "usr_2")):
        for act in acts_:
            with pytest.raises(Forbidden, match="admin"):
                act(by)
    users.set_password("usr_1", PASSWORD, by=session("viewer", "usr_1"))
    users.set_password("usr_1", PASSWORD, by=session("admin", "usr_2"))
    assert refusal(users) is None


def test_an_act_without_its_line_does_not_happen(
    storage: Storage, users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_user(storage, users)
    signed_in = users.sign_in(EMAIL, PASSWORD)

    def fail(*_: object) -> bool:
        raise DatabaseUnavailable("the line cannot be written")

    with monkeypatch.context() as patched:
        patched.setattr(acts, "record", fail)
        for act in (
            lambda: users.sign_in(EMAIL, PASSWORD),
            lambda: users.set_password("usr_1", "another password", by="ops"),
            lambda: users.remove_password("usr_1", by="ops"),
            lambda: users.revoke("usr_1", by="ops"),
        ):
            with pytest.raises(DatabaseUnavailable):
                act()
    assert users.session_of(signed_in.token) == signed_in.session
    assert recording.count(storage, "sessions") == 1
    assert refusal(users) is None
