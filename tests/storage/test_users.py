"""Users: the merge rule, e-mail addresses, look-ups (contract, sections 3 to 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text

from flowledger.storage.kinds.users import UserRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.storage.recording import record
from tests.storage.test_merge_rule import at, moment, told


def user(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "users", ("usr_1",), *story)


def by_email(storage: Storage, email: str) -> str | None:
    with storage.reading() as connection:
        found = UserRepository(connection).by_email(email)
    return None if found is None else found.id


def test_the_last_report_stands_with_its_reason_and_time(storage: Storage) -> None:
    row = user(
        storage,
        event("user.created", time=at(1), email="ada@example.org", role="viewer"),
        event("user.deactivated", time=at(3), reason="left"),
        event("user.activated", time=at(2), reason="came", attempt=9),
        event("user.updated", time=at(4), role="admin"),
    )
    assert (row["status"], row["reason"], row["status_at"]) == ("inactive", "left", moment(3))
    assert (row["role"], row["email"], row["updated_at"]) == ("admin", "ada@example.org", moment(4))


def test_one_that_is_only_mentioned_is_active(storage: Storage) -> None:
    row = user(storage, event("user.restored", time=at(3)))
    assert (row["status"], row["status_at"], row["deleted_at"], row["created_at"]) == ("active", None, None, moment(3))


def test_null_clears_a_role_and_a_late_created_does_not_bring_it_back(storage: Storage) -> None:
    row = user(
        storage,
        event("user.updated", time=at(1), role=None, settings=None),
        event("user.created", time=at(2), role="admin", full_name="Ada", settings={"a": None}),
    )
    assert (row["role"], row["full_name"], row["settings"]) == (None, "Ada", None)


def test_an_address_is_found_whatever_the_case_of_ascii_letters_and_kept_as_given(storage: Storage) -> None:
    record(
        storage,
        event("user.created", subject="ada", email="Ada.Lovelace@Example.ORG"),
        event("user.created", subject="zoe", email="ZOÉ@example.org"),
        event("user.created", subject="none"),
    )
    assert by_email(storage, "aDA.lovelace@exAMPLE.org") == "ada"
    assert by_email(storage, "zoÉ@EXAMPLE.org") == "zoe"
    assert by_email(storage, "zoé@example.org") is None, "letters beyond ASCII are not folded"
    assert by_email(storage, "ada") is None
    with storage.reading() as connection:
        found = UserRepository(connection).get("ada")
    assert found is not None
    assert found.email == "Ada.Lovelace@Example.ORG"


def test_of_several_with_one_address_the_first_that_is_not_deleted_stands(storage: Storage) -> None:
    record(
        storage,
        event("user.created", subject="late", time=at(3), email="a@b"),
        event("user.created", subject="z", time=at(2), email="A@b"),
        event("user.created", subject="y", time=at(2), email="a@B"),
        event("user.created", subject="gone", time=at(1), email="a@b"),
        event("user.deleted", subject="gone", time=at(4)),
    )
    assert by_email(storage, "a@b") == "y"
    record(storage, event("user.updated", subject="y", time=at(5), email=None), start=9)
    assert by_email(storage, "a@b") == "z"


def test_users_are_listed_by_role_and_status(storage: Storage) -> None:
    record(
        storage,
        event("user.created", subject="a", time=at(1), role="admin"),
        event("user.created", subject="b", time=at(2), role="user"),
        event("user.created", subject="c", time=at(3), role="admin"),
        event("user.deactivated", subject="c", time=at(4)),
        event("user.created", subject="d", time=at(5), role="admin"),
        event("user.deleted", subject="d", time=at(6)),
    )
    with storage.reading() as connection:
        users = UserRepository(connection)
        assert [one.id for one in users.newest(role="admin").items] == ["c", "a"]
        assert [one.id for one in users.newest(role="admin", status="active", deleted=True).items] == ["d", "a"]
        assert (users.count(), users.count(deleted=True), users.count(status="inactive")) == (3, 4, 1)


@pytest.mark.parametrize("role", ["owner", "Admin", ""])
def test_the_table_refuses_a_role_that_there_is_not(storage: Storage, role: str) -> None:
    record(storage, event("user.created"))
    with pytest.raises(Exception, match="role"), storage.engine.begin() as connection:
        connection.execute(text("UPDATE users SET role = :role"), {"role": role})


def test_an_address_is_looked_up_in_its_index(storage: Storage) -> None:
    asked: list[tuple[str, Any]] = []
    with storage.reading() as connection:
        explain = "EXPLAIN QUERY PLAN"
        if connection.dialect.name == "postgresql":
            explain = "EXPLAIN"
            connection.execute(text("SET LOCAL enable_seqscan TO off"))
        sqlalchemy_event.listen(
            connection, "before_cursor_execute", lambda _c, _cursor, *given: asked.append((given[0], given[1]))
        )
        UserRepository(connection).by_email("a@b")
        statement, parameters = asked[-1]
        plan = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
    assert "ix_users_email" in str(plan)
