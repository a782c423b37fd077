"""Roles: what a session's user may do. `admin` may do more than `user`, and `user` more than `viewer`."""

from __future__ import annotations

from typing import Final

from flowledger.domain.errors import LedgerError
from flowledger.domain.kinds.users import Role
from flowledger.services.acts import By
from flowledger.storage.people.sessions import Session

_RANKS: Final[dict[str, int]] = {"viewer": 0, "user": 1, "admin": 2}


class Forbidden(LedgerError):
    """The role of the session's user does not suffice; `needed` is one that does."""

    def __init__(self, needed: str) -> None:
        self.needed = needed
        super().__init__(f"this needs the role {needed}")


def require(session: Session, role: Role) -> None:
    """Raise Forbidden unless the session's user has this role or a higher one."""
    if _RANKS[session.role] < _RANKS[role]:
        raise Forbidden(role)


def check(by: By, role: Role, *, owner: Role | None = None, of: str | None = None) -> None:
    """Raise Forbidden unless `by` may act: an operator, or a user of this role; for what is one's own, `owner`.

    `of` is the id of the user whose the thing is.
    """
    if isinstance(by, Session):
        own = owner is not None and by.user_id == of
        require(by, owner if own and owner is not None else role)
