"""Users: table, writes, look-ups (CONTRACT-RECORDS §1)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Table, Text

from flowledger.domain import events as say
from flowledger.domain.kinds.users import ROLES, User, UserStatus, folded
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import Subject
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    description_keys,
    indexes,
    metadata,
    one_of,
    short_name,
    status,
    subject_times,
)
from flowledger.storage.schema.types import Folded, Json, Name
from flowledger.storage.search import Search, SearchedRepository

TABLE: Final = Table(
    "users",
    metadata,
    Column("id", Name, primary_key=True),
    *status(UserStatus, "user_status"),
    Column("email", Name),
    *short_name("full_name"),
    *one_of("role", "role", Text(), ROLES),
    Column("settings", Json),
    Column("reason", Text),
    *subject_times(),
    *description_keys(),
    *indexes("users", "role", "status"),
    **ROOM_FOR_UPDATES,
)
Index("ix_users_email", Folded(TABLE.c.email), TABLE.c.created_at, TABLE.c.id)

SEARCH: Final = Search(TABLE, beginnings=True, email=300, full_name=300)

USER: Final = Subject(TABLE, say.UserCreated, "reason", times={"status_at": None}, derived=SEARCH.derived)


class UserRepository(SearchedRepository[User]):
    table = TABLE
    record = User
    listed_by = ("role", "status")
    told_by = ("email", "full_name")
    search_in = SEARCH

    def by_email(self, email: str) -> User | None:
        """Return the user of this e-mail address, whatever the case of ASCII letters; of several, as in `by_name`."""
        return self._first(self._listed(False, {}).where(Folded(TABLE.c.email) == folded(email)))


KIND: Final = Kind(
    "user",
    tables=(TABLE,),
    repository=UserRepository,
    events={
        say.UserCreated: (USER.create,),
        say.UserUpdated: (USER.update,),
        say.UserActivated: (USER.report,),
        say.UserDeactivated: (USER.report,),
        say.UserDeleted: (USER.delete,),
        say.UserRestored: (USER.restore,),
    },
)
