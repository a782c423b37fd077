"""Hashes of passwords: table, writes, and who may sign in with an e-mail address (CONTRACT-RECORDS §4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Column, Table, Text, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.domain.kinds.users import UserStatus, folded
from flowledger.storage.kinds.users import TABLE as USERS
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import Folded, Name, UtcTime

TABLE: Final = Table(
    "passwords",
    metadata,
    Column("user_id", Name, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

IS_VALID: Final = (USERS.c.status == UserStatus.ACTIVE.value) & USERS.c.deleted_at.is_(None)
"""The condition that a user may act: neither deactivated nor deleted."""

_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Password:
    """The hash of a user's password, in the PHC string format of Argon2."""

    user_id: str
    hash: str
    changed_at: datetime


class PasswordRepository(Repository[Password]):
    table = TABLE
    record = Password

    def of_email(self, email: str) -> list[Password]:
        """Return the passwords of the active users with this e-mail address: two of them if there are more."""
        statement = (
            self._select().join(USERS, USERS.c.id == TABLE.c.user_id).where(Folded(USERS.c.email) == folded(email))
        )
        rows = self.connection.execute(statement.where(IS_VALID).order_by(TABLE.c.user_id).limit(_SEVERAL))
        return [self._record(row) for row in rows]

    def put(self, user_id: str, hash_: str, at: datetime) -> None:
        """Write a user's password, or another in its place."""
        values = {"hash": hash_, "changed_at": at}
        dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        insert = dialect.insert(TABLE).values(user_id=user_id, **values)
        self.connection.execute(insert.on_conflict_do_update(index_elements=["user_id"], set_=values))

    def locked(self, password: Password) -> bool:
        """Lock a password until the transaction ends. Return False if it or its user has changed since it was read."""
        same = select(TABLE.c.user_id).where(TABLE.c.user_id == password.user_id, TABLE.c.hash == password.hash)
        valid = select(USERS.c.id).where(USERS.c.id == password.user_id, IS_VALID)
        is_same = self.connection.execute(same.with_for_update()).one_or_none() is not None
        return is_same and self.connection.execute(valid).one_or_none() is not None

    def rehash(self, password: Password, hash_: str) -> None:
        """Write another hash of the same password; `changed_at` stays."""
        same = (TABLE.c.user_id == password.user_id) & (TABLE.c.hash == password.hash)
        self.connection.execute(update(TABLE).where(same).values(hash=hash_))

    def delete(self, user_id: str) -> bool:
        """Delete a user's password. Return False if there is none."""
        return self.connection.execute(delete(TABLE).where(TABLE.c.user_id == user_id)).rowcount == 1
