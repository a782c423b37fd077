"""Tries are slowed down: by e-mail, by address, in the database, and never for good (contract, users)."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from flowledger.services.users import SignInRefused, TooManyTries, Users
from flowledger.services.users.pacing import BY_ADDRESS, BY_EMAIL
from flowledger.storage.people import tries
from flowledger.storage.people.tries import Pace, TryRepository
from flowledger.storage.unit_of_work import Storage
from tests.services.conftest import Clock, CountingHasher
from tests.services.signing_in import EMAIL, PASSWORD, add_user, refusal
from tests.services.test_vault import lines
from tests.storage import recording


def waits(users: Users, email: str = EMAIL, password: str = "wrong horse", **given: str) -> int:
    """Try to sign in; return how many seconds it would have to wait, 0 if it was looked at."""
    refused = refusal(users, email, password, **given)
    return refused.retry_after_seconds if isinstance(refused, TooManyTries) else 0


@pytest.mark.parametrize(
    ("tries_", "seconds"), [(1, 0), (4, 0), (5, 1), (6, 2), (7, 4), (12, 128), (13, 256), (14, 300), (10**9, 300)]
)
def test_waits_grow_and_are_bounded(tries_: int, seconds: int) -> None:
    assert BY_EMAIL.wait_after(tries_) == timedelta(seconds=seconds)


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.org"])
def test_tries_with_an_e_mail_wait_longer_and_longer_whether_or_not_it_is_known(
    storage: Storage, users: Users, clock: Clock, hasher: CountingHasher, email: str
) -> None:
    add_user(storage, users)
    assert [waits(users, email) for _ in range(5)] == [0] * 5
    for expected in (1, 2, 4, 8):
        assert waits(users, email.upper()) == expected, "a spelling of the same e-mail"
        assert waits(users, email) == expected, "a try that must wait does not count"
        clock.go(seconds=expected - 0.5)
        assert waits(users, email) == 1
        clock.go(seconds=0.5)
        assert waits(users, email) == 0
    assert len(hasher.verifications) == 9
    assert len([line for line in lines(storage) if line[0] == "user.sign_in"]) == 9


def test_the_right_password_has_to_wait_as_well(storage: Storage, users: Users, clock: Clock) -> None:
    add_user(storage, users)
    for _ in range(5):
        waits(users)
    assert str(refusal(users)) == "too many tries; try again in 1 s"
    clock.go(seconds=1)
    assert refusal(users) is None


def test_a_success_forgets_the_tries(storage: Storage, users: Users) -> None:
    add_user(storage, users)
    for _ in range(3):
        assert [waits(users) for _ in range(4)] == [0] * 4
        assert refusal(users) is None


def test_nobody_is_locked_out_for_good(storage: Storage, users: Users, clock: Clock) -> None:
    """An attacker tries as often as it is allowed; the user waits 5 minutes at the most."""
    add_user(storage, users)
    for number in range(16):
        clock.go(seconds=waits(users, address=f"203.0.113.{number}"))
        waits(users, address=f"203.0.113.{number}")
    wait = waits(users)
    assert wait == 300
    clock.go(seconds=wait)
    assert refusal(users) is None


def test_at_the_usual_address_others_tries_do_not_count(storage: Storage, users: Users, clock: Clock) -> None:
    add_user(storage, users)
    users.sign_in(EMAIL, PASSWORD, address="192.0.2.1")
    for number in range(10):
        waits(users, address=f"203.0.113.{number}")
        clock.go(seconds=waits(users, address="203.0.113.99"))
    assert waits(users, address="203.0.113.99") == 0
    assert waits(users, address="203.0.113.99") > 30
    assert waits(users, address="192.0.2.2") > 30
    assert refusal(users, address="192.0.2.1") is None
    assert [waits(users, address="192.0.2.1") for _ in range(6)] == [0, 0, 0, 0, 0, 1], "it has its own limit"


def test_an_address_is_not_usual_any_more_once_its_session_was_revoked(storage: Storage, users: Users) -> None:
    add_user(storage, users)
    users.sign_in(EMAIL, PASSWORD, address="203.0.113.1")
    users.revoke("usr_1", by="tests")
    for _ in range(5):
        waits(users, address="203.0.113.1")
    assert waits(users, address="192.0.2.1") == 1, "counted with all others"


@pytest.mark.parametrize(
    "addresses",
    [["192.0.2.1"], ["192.0.2.1", "::ffff:192.0.2.1"], ["2001:db8::1", "2001:db8:0:0:ffff::2"], ["proxy-7"]],
)
def test_tries_from_an_address_are_slowed_whatever_the_e_mail(
    users: Users, storage: Storage, clock: Clock, addresses: list[str]
) -> None:
    for number in range(BY_ADDRESS.free):
        assert waits(users, f"u{number}@example.org", address=addresses[number % len(addresses)]) == 0
    assert [waits(users, "v@example.org", address=address) for address in addresses] == [1] * len(addresses)
    assert waits(users, "v@example.org", address="2001:db8:1::1") == 0
    assert waits(users, "v@example.org") == 0
    clock.go(seconds=1)
    assert waits(users, "v@example.org", address=addresses[0]) == 0
    assert waits(users, "v@example.org", address=addresses[0]) == 2
    assert recording.count(storage, "sign_in_tries") == BY_ADDRESS.free + 3


def test_a_success_does_not_make_an_address_free(storage: Storage, users: Users) -> None:
    """Else whoever has one account could try others without end."""
    add_user(storage, users)
    for number in range(BY_ADDRESS.free - 1):
        assert waits(users, f"u{number}@example.org", address="192.0.2.1") == 0
    assert refusal(users, address="192.0.2.1") is None
    assert waits(users, "v@example.org", address="192.0.2.1") == 0
    assert waits(users, "v@example.org", address="192.0.2.1") == 1


def test_many_people_sign_in_from_one_address(storage: Storage, users: Users) -> None:
    add_user(storage, users)
    for _ in range(BY_ADDRESS.free + 5):
        assert refusal(users, address="192.0.2.1") is None


def test_tries_are_forgotten_after_a_day(storage: Storage, users: Users, clock: Clock) -> None:
    for _ in range(5):
        waits(users)
    clock.go(days=1)
    assert [waits(users) for _ in range(5)] == [0] * 5
    assert waits(users) == 1
    clock.go(days=2)
    waits(users, "other@example.org")
    assert recording.count(storage, "sign_in_tries") == 1, "what has expired is deleted by the next try"


def test_the_table_tells_neither_e_mails_nor_addresses(storage: Storage, users: Users) -> None:
    waits(users, address="192.0.2.1")
    with storage.reading() as connection:
        keys = connection.execute(select(tries.TABLE.c.key)).scalars().all()
    assert sorted(key.partition(":")[0] for key in keys) == ["address", "email"]
    assert not any("ada" in key or "192" in key.partition(":")[2][:6] for key in keys)


def test_the_table_is_bounded(storage: Storage, clock: Clock) -> None:
    pace = Pace(free=5, longest=timedelta(minutes=5))
    with storage.writing() as connection:
        counted = TryRepository(connection)
        for number in range(50):
            clock.go(seconds=1)
            counted.count(f"email:{number}", pace, clock.time)
        counted.cut(most_rows=10)
        left = connection.execute(select(tries.TABLE.c.key).order_by(tries.TABLE.c.expires_at)).scalars().all()
    assert left == [f"email:{number}" for number in range(40, 50)]


def test_now_and_then_the_table_is_cut(storage: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = itertools.count()
    monkeypatch.setattr("secrets.randbelow", lambda most: next(draws) % most)
    with storage.writing() as connection:
        counted = TryRepository(connection)
        for number in range(65):
            counted.count(f"email:{number}", BY_EMAIL, clock.time)
            counted.clear(clock.time, most_rows=10)
        rows = connection.execute(select(func.count()).select_from(tries.TABLE)).scalar_one()
    assert rows == 10, "the 1st and the 65th cut it"


@pytest.mark.parametrize("seconds", [-3600, -1, -0.001, 0, 0.001])
def test_free_tries_are_free_in_whatever_order_they_are_counted(storage: Storage, clock: Clock, seconds: float) -> None:
    """Each has taken its time before, perhaps from another clock. After them, the next one waits."""
    pace = Pace(free=5, longest=timedelta(minutes=5))
    counted, last = [], clock.time
    for number in range(8):
        last = clock.time + number * timedelta(seconds=seconds)
        with storage.writing() as connection:
            counted.append(TryRepository(connection).count("email:1", pace, last))
    assert counted[:5] == [timedelta()] * 5
    assert all(timedelta() < wait <= pace.longest for wait in counted[5:])
    with storage.writing() as connection:
        counted_row = connection.execute(select(tries.TABLE)).one()
    assert counted_row.tries == 5, "a try that must wait is not counted"


def test_of_two_tries_at_once_the_one_that_took_its_time_first_may_be_counted_last(
    storage: Storage, clock: Clock
) -> None:
    pace = Pace(free=2, longest=timedelta(minutes=5))
    began = clock.time
    later = began + timedelta(milliseconds=20)
    with storage.writing() as connection:
        assert not TryRepository(connection).count("email:1", pace, later)
    with storage.writing() as connection:
        assert not TryRepository(connection).count("email:1", pace, began)
    with storage.writing() as connection:
        assert TryRepository(connection).count("email:1", pace, later) > timedelta()


def test_of_many_tries_at_once_only_those_that_are_free_are_looked_at(
    storage: Storage, clock: Clock, hasher: CountingHasher
) -> None:
    """Processes share nothing but the database: each thread has its own `Users`."""
    outcomes: list[type[SignInRefused] | None] = []

    def attempt() -> None:
        refused = refusal(Users(storage, hasher=hasher, clock=clock), address="192.0.2.1")
        outcomes.append(None if refused is None else type(refused))

    threads = [threading.Thread(target=attempt) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.__name__ for outcome in outcomes if outcome) == ["SignInRefused"] * 5 + ["TooManyTries"] * 11
    assert len(hasher.verifications) == 5
