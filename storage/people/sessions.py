"""Sessions of users: table, writes, look-ups (CONTRACT-RECORDS §4). Of a token only its SHA-256 is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Index, Table, Text, delete, exists, insert, or_, select, update

from flowledger.domain.json_text import plain
from flowledger.domain.kinds.users import DEFAULT_ROLE, folded
from flowledger.storage.kinds.users import TABLE as USERS
from flowledger.storage.paging import Order, Page
from flowledger.storage.people.passwords import IS_VALID
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import index_where_given, metadata
from flowledger.storage.schema.types import Folded, Name, UtcTime

TABLE: Final = Table(
    "sessions",
    metadata,
    Column("id", Name, primary_key=True),
    Column("user_id", Name, nullable=False),
    Column("token_hash", Name, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("address", Text),
    Column("user_agent", Text),
    Index("ix_sessions_token_hash", "token_hash", unique=True),
    Index("ix_sessions_user_id", "user_id", "created_at", "id"),
    Index("ix_sessions_expires_at", "expires_at"),
    *index_where_given("sessions", "revoked_at"),
)

_NEWEST: Final = Order((TABLE.c.created_at, TABLE.c.id), descending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSession:
    """A session as it is listed: `address` and `user_agent` are those of the sign-in."""

    id: str
    user_id: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    address: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session that is valid at the moment, and the user's role as it is now."""

    id: str
    user_id: str
    role: str
    expires_at: datetime


class SessionRepository(Repository[ListedSession]):
    table = TABLE
    record = ListedSession

    def add(self, session: ListedSession, token_hash: str) -> None:
        """Write a new session."""
        names = ("id", "user_id", "created_at", "expires_at", "address", "user_agent")
        row: dict[str, Any] = {name: getattr(session, name) for name in names}
        self.connection.execute(insert(TABLE).values(**row, token_hash=token_hash))

    def valid(self, token_hash: str, at: datetime) -> Session | None:
        """Return the session of a token, unless it is over, or its user is deactivated or deleted."""
        statement = select(TABLE.c.id, TABLE.c.user_id, USERS.c.role, TABLE.c.expires_at).join(
            USERS, USERS.c.id == TABLE.c.user_id
        )
        row = self.connection.execute(
            statement.where(TABLE.c.token_hash == token_hash, *_is_on(at), IS_VALID)
        ).one_or_none()
        if row is None:
            return None
        return Session(id=row.id, user_id=row.user_id, role=row.role or DEFAULT_ROLE, expires_at=row.expires_at)

    def of_user(
        self,
        user_id: str,
        *,
        valid_at: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
    ) -> Page[ListedSession]:
        """Return a page of a user's sessions, newest first: all, or those that are neither over nor revoked then."""
        statement = self._select().where(TABLE.c.user_id == user_id)
        return self._page(statement.where(*_is_on(valid_at)) if valid_at else statement, _NEWEST, limit, offset, after)

    def revoke(self, user_id: str, at: datetime, *, only: str | None = None, keep: str | None = None) -> int:
        """End the sessions of a user: one, or all, perhaps except one. Return the number of those that are ended."""
        ended = update(TABLE).where(TABLE.c.user_id == plain(user_id), *_is_on(at)).values(revoked_at=at)
        if only is not None:
            ended = ended.where(TABLE.c.id == plain(only))
        if keep is not None:
            ended = ended.where(TABLE.c.id != plain(keep))
        return self.connection.execute(ended).rowcount

    def is_of(self, session_id: str, user_id: str) -> bool:
        """Return whether the user has, or had, this session."""
        found = select(TABLE.c.id).where(TABLE.c.id == session_id, TABLE.c.user_id == user_id)
        return self.connection.execute(found).one_or_none() is not None

    def has_come_from(self, email: str, address: str) -> bool:
        """Return whether a user with this e-mail address has signed in from there, in a session that is not revoked."""
        mine = (Folded(USERS.c.email) == folded(email)) & (USERS.c.id == TABLE.c.user_id)
        found = exists(select(TABLE.c.id).where(mine, TABLE.c.address == address, TABLE.c.revoked_at.is_(None)))
        return bool(self.connection.execute(select(found)).scalar_one())

    def delete_ended(self, before: datetime, most: int) -> int:
        """Delete some sessions that had expired, or were revoked, before this time. Return how many."""
        some = select(TABLE.c.id).where(_ended(before)).limit(most)
        return self.connection.execute(delete(TABLE).where(TABLE.c.id.in_(some))).rowcount

    def has_ended(self, before: datetime) -> bool:
        """Return whether a session had expired, or was revoked, before this time."""
        return bool(self.connection.execute(select(exists().where(_ended(before)))).scalar_one())


def _ended(before: datetime) -> ColumnElement[bool]:
    return or_(TABLE.c.expires_at < before, TABLE.c.revoked_at < before)


def _is_on(at: datetime) -> list[Any]:
    return [TABLE.c.revoked_at.is_(None), TABLE.c.expires_at > at]
