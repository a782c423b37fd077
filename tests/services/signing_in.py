"""Users who can sign in, and what happens when they try."""

from __future__ import annotations

from typing import Any

from flowledger.services.users import SignInRefused, Users
from flowledger.storage.unit_of_work import Storage
from tests.builders import ABSENT, event
from tests.storage import recording

EMAIL = "ada@example.org"
PASSWORD = "correct horse"


def add_user(
    storage: Storage,
    users: Users,
    id_: str = "usr_1",
    *,
    email: str = EMAIL,
    role: Any = ABSENT,
    password: str = PASSWORD,
) -> str:
    """Record a user, and give a password, if there is one."""
    recording.record(storage, event("user.created", subject=id_, email=email, role=role))
    if password:
        users.set_password(id_, password, by="tests")
    return id_


def refusal(users: Users, email: str = EMAIL, password: str = PASSWORD, **given: str) -> SignInRefused | None:
    """Try to sign in. Return how it was refused; None if it was not."""
    try:
        users.sign_in(email, password, **given)
    except SignInRefused as refused:
        return refused
    return None
