"""Signing in: who can, what a refusal tells, one verification either way, and the audit lines (contract, users)."""

from __future__ import annotations

import logging
import unicodedata
from typing import Any

import pytest
from sqlalchemy import select, update

from flowledger.domain.errors import InvalidArgument
from flowledger.services.users import SignInRefused, TooManyTries, Users
from flowledger.storage import tables
from flowledger.storage.people.passwords import PasswordRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import event
from tests.services.conftest import Clock, CountingHasher
from tests.services.signing_in import EMAIL, PASSWORD, add_user, refusal
from tests.services.test_vault import lines
from tests.storage import recording


def test_who_knows_the_password_gets_a_session(storage: Storage, users: Users, clock: Clock) -> None:
    add_user(storage, users, role="admin")
    signed_in = users.sign_in(EMAIL, PASSWORD, address="192.0.2.1", user_agent="curl")
    session = users.session_of(signed_in.token)
    assert session == signed_in.session
    assert session is not None
    assert (session.user_id, session.role) == ("usr_1", "admin")
    assert signed_in.token.get_secret_value().startswith("fls_")
    (listed,) = users.sessions("usr_1").items
    assert (listed.id, listed.address, listed.user_agent) == (session.id, "192.0.2.1", "curl")
    assert listed.created_at == clock.time


def test_letters_of_e_mails_are_folded_as_the_contract_says(storage: Storage, users: Users) -> None:
    add_user(storage, users, email="Ada@Example.org")
    add_user(storage, users, "usr_2", email="ädä@example.org", password="another password")
    assert users.sign_in("aDA@eXAMPLE.ORG", PASSWORD).session.user_id == "usr_1"
    assert refusal(users, "ÄDÄ@example.org", "another password") is not None


def test_spellings_of_a_password_are_the_same_letters(storage: Storage, users: Users) -> None:
    add_user(storage, users, password="cafe\u0301 long enough")
    assert users.sign_in(EMAIL, "caf\xe9 long enough").session.user_id == "usr_1"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (EMAIL, "wrong horse"), (EMAIL, ""), (EMAIL, PASSWORD + "!"), (EMAIL, PASSWORD * 100), (EMAIL, "\ud800"),
        (EMAIL, "nul\0"), ("eve@example.org", PASSWORD), ("", PASSWORD), ("a\0@b", PASSWORD), ("\ud800@b", PASSWORD),
        ("x" * 400 + "@b", PASSWORD), ("nopassword@example.org", PASSWORD), ("gone@example.org", PASSWORD),
        ("off@example.org", PASSWORD),
    ],
)  # fmt: skip
def test_every_refusal_is_the_same_and_costs_one_verification(
    storage: Storage, users: Users, hasher: CountingHasher, email: str, password: str
) -> None:
    add_user(storage, users)
    add_user(storage, users, "usr_2", email="nopassword@example.org", password="")
    add_user(storage, users, "usr_3", email="gone@example.org")
    add_user(storage, users, "usr_4", email="off@example.org")
    recording.record(storage, event("user.deleted", subject="usr_3"), event("user.deactivated", subject="usr_4"))
    refused = refusal(users, email, password)
    assert type(refused) is SignInRefused
    assert str(refused) == "the e-mail address or the password is wrong"
    assert refused.__cause__ is None
    assert len(hasher.verifications) == 1
    assert recording.count(storage, "sessions") == 0
    assert len([line for line in lines(storage) if line[0] == "user.sign_in"]) == 1


def test_a_success_costs_one_verification_too(storage: Storage, users: Users, hasher: CountingHasher) -> None:
    add_user(storage, users)
    users.sign_in(EMAIL, PASSWORD)
    assert len(hasher.verifications) == 1


def test_the_hash_that_nobody_has_takes_the_same_work(storage: Storage, users: Users, hasher: CountingHasher) -> None:
    add_user(storage, users)
    refusal(users, EMAIL, "wrong horse")
    refusal(users, "eve@example.org", "wrong horse")
    ours, nobodys = hasher.verifications
    assert ours.split("$")[:4] == nobodys.split("$")[:4]
    assert [len(part) for part in ours.split("$")] == [len(part) for part in nobodys.split("$")]


@pytest.mark.parametrize("path", ["unknown", "too long", "broken"])
def test_the_default_parameters_work_without_a_hash(path: str) -> None:
    from flowledger.services.users import Hasher

    hasher = Hasher()
    given: dict[str, Any] = {
        "unknown": (None, "pw"), "too long": (hasher.hash("x" * 1024), "x" * 1025), "broken": ("$argon2id$", "pw")
    }  # fmt: skip
    assert not hasher.verify(*given[path])
    if path == "too long":
        assert hasher.verify(given[path][0], "x" * 1024)
        assert given[path][0].startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_no_text_that_is_too_long_is_normalized(hasher: CountingHasher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks out of order take time by the square of the length: those of megabytes would take minutes."""
    lengths: list[int] = []
    usual = unicodedata.normalize

    def measured(form: Any, text: str) -> str:
        lengths.append(len(text.encode()))
        return usual(form, text)

    monkeypatch.setattr("flowledger.services.users.hashing.unicodedata.normalize", measured)
    hostile = "\u0e48" * 20_000 + "\u3099" * 20_000
    with pytest.raises(InvalidArgument, match="at most 1,024 bytes"):
        hasher.hash(hostile)
    hash_ = hasher.hash("\U0001d42a" * 1024)  # a bold q has 4 bytes, and 1 in the form NFKC
    assert hasher.verify(hash_, "q" * 1024)
    assert not hasher.verify(hash_, hostile)
    assert not hasher.verify(None, hostile)
    with pytest.raises(InvalidArgument, match="at most 1,024 bytes"):
        hasher.hash("\U0001d42a" * 1025)
    assert len(hasher.verifications) == 3
    assert max(lengths) <= 4 * 1024


def test_the_form_of_a_password_has_a_quarter_of_its_bytes_at_least() -> None:
    """So no password that may be set is refused by the bound on what is normalized."""
    size: dict[str, int] = {}
    for character in map(chr, (*range(0xD800), *range(0xE000, 0x110000))):
        form = unicodedata.normalize("NFKC", character)
        assert len(character.encode()) <= 4 * len(form.encode())
        if len(form) == 1:
            size[form] = max(size.get(form, 0), len(character.encode()))
    for form in [*size]:
        parts = unicodedata.normalize("NFD", form)
        assert sum(max(size.get(part, 0), len(part.encode())) for part in parts) <= 4 * len(form.encode())


def test_a_broken_hash_is_logged_without_it(
    storage: Storage, users: Users, hasher: CountingHasher, caplog: pytest.LogCaptureFixture
) -> None:
    add_user(storage, users)
    recording.by_hand(storage, update(tables.passwords).values(hash="canary"))
    assert refusal(users) is not None
    assert "broken" in caplog.text
    assert "canary" not in caplog.text
    assert len(hasher.verifications) == 2, "the first could not be made"


def test_of_several_users_the_one_with_a_password_signs_in(storage: Storage, users: Users) -> None:
    add_user(storage, users, "usr_1", password="")
    add_user(storage, users, "usr_2")
    assert users.sign_in(EMAIL, PASSWORD).session.user_id == "usr_2"


def test_several_with_a_password_are_refused_and_reported(
    storage: Storage, users: Users, hasher: CountingHasher, caplog: pytest.LogCaptureFixture
) -> None:
    add_user(storage, users, "usr_1")
    add_user(storage, users, "usr_2", email=EMAIL.upper())
    with caplog.at_level(logging.WARNING):
        refused = refusal(users)
    assert str(refused) == "the e-mail address or the password is wrong"
    assert len(hasher.verifications) == 1
    assert "usr_1" in caplog.text
    assert "usr_2" in caplog.text
    assert EMAIL not in caplog.text
    details = {"reason": "several users with this e-mail address have a password", "user_ids": ["usr_1", "usr_2"]}
    assert lines(storage)[-1] == ("user.sign_in", "usr_1", None, details)
    recording.record(storage, event("user.deactivated", subject="usr_1"))
    assert users.sign_in(EMAIL, PASSWORD).session.user_id == "usr_2"


def test_each_try_has_its_line_without_what_was_typed(storage: Storage, users: Users) -> None:
    add_user(storage, users)
    signed_in = users.sign_in(EMAIL, PASSWORD, address="192.0.2.1")
    refusal(users, EMAIL, "canary-password", address="192.0.2.2")
    refusal(users, "canary@example.org", "canary-password")
    assert lines(storage)[1:] == [
        ("user.sign_in", "usr_1", "usr_1", {"session_id": signed_in.session.id}),
        ("user.sign_in", "usr_1", None, {"reason": "wrong password"}),
        ("user.sign_in", "unknown", None, {"reason": "no active user with this e-mail address"}),
    ]
    with storage.reading() as connection:
        texts = connection.execute(select(tables.event_texts.c.raw)).scalars().all()
    assert "canary" not in " ".join(texts)
    rows = [row for row in recording.all_rows(storage)["audit_logs"].values() if row["action"] == "user.sign_in"]
    assert {row["ip_address"]: row["success"] for row in rows} == {"192.0.2.1": True, "192.0.2.2": False, None: False}
    assert verify(storage).differences == 0


def test_a_hash_of_other_parameters_is_renewed_at_sign_in(storage: Storage, users: Users, clock: Clock) -> None:
    add_user(storage, users)
    later = CountingHasher(time_cost=2)
    clock.go(minutes=1)
    renewing = Users(storage, hasher=later, clock=clock)

    def stored() -> Any:
        with storage.reading() as connection:
            (found,) = PasswordRepository(connection).of_email(EMAIL)
        return found

    before = stored()
    assert refusal(renewing, EMAIL, "wrong horse") is not None
    assert stored() == before, "only who knows the password can renew it"
    renewing.sign_in(EMAIL, PASSWORD)
    after = stored()
    assert ",t=2," in after.hash
    assert after.changed_at == before.changed_at
    renewing.sign_in(EMAIL, PASSWORD)
    assert stored() == after
    assert len(later.verifications) == 3


@pytest.mark.parametrize("change", ["password", "user"])
def test_what_changes_during_a_sign_in_counts(
    storage: Storage, users: Users, hasher: CountingHasher, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    add_user(storage, users)
    verify_ = hasher.verify

    def slow(hash_: str | None, password: str) -> bool:
        matches = verify_(hash_, password)
        if change == "password":
            users.set_password("usr_1", "another password", by="tests")
        else:
            recording.record(storage, event("user.deactivated", subject="usr_1"))
        return matches

    monkeypatch.setattr(hasher, "verify", slow)
    assert type(refusal(users)) is SignInRefused
    assert recording.count(storage, "sessions") == 0


def test_texts_from_outside_are_cut_and_cleaned(storage: Storage, users: Users) -> None:
    add_user(storage, users)
    users.sign_in(EMAIL, PASSWORD, address="\0" + "a" * 1000, user_agent="b\ud800" * 1000)
    (listed,) = users.sessions("usr_1").items
    assert listed.address == "\ufffd" + "a" * 254
    assert listed.user_agent == "b\ufffd" * 256


def test_no_password_no_token_no_email_is_in_the_logs(
    storage: Storage, users: Users, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        add_user(storage, users, password="canary-password")
        token = users.sign_in(EMAIL, "canary-password").token
        for _ in range(7):
            refusal(users, EMAIL, "canary-wrong")
    assert isinstance(refusal(users), TooManyTries)
    assert not any(text in caplog.text for text in ("canary", EMAIL, token.get_secret_value()))
