"""Users' passwords and sessions: what a platform's own web application calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from pydantic import SecretStr
from sqlalchemy import Connection

from flowledger.domain.errors import LedgerError
from flowledger.domain.json_text import is_plain
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.services.acts import By, log_act
from flowledger.services.roles import check
from flowledger.services.users.hashing import Hasher
from flowledger.services.users.sign_in import SOURCE, Asked, SignedIn, SignIn
from flowledger.services.users.tokens import hash_of
from flowledger.storage.kinds.users import UserRepository
from flowledger.storage.paging import Page
from flowledger.storage.people.passwords import PasswordRepository
from flowledger.storage.people.sessions import ListedSession, Session, SessionRepository
from flowledger.storage.unit_of_work import Storage

_TYPE: Final = "user"
_TOLD: Final = 100
_DEFAULT_SECONDS: Final[float] = Settings.model_fields["session_seconds"].default


class UnknownUser(LedgerError):
    """No user with this id is recorded, or the user is deleted."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        super().__init__(f"there is no user {user_id[:_TOLD]!a}")


class UnknownSession(LedgerError):
    """The user has no session with this id."""

    def __init__(self, user_id: str, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(f"the user {user_id[:_TOLD]!a} has no session {session_id[:_TOLD]!a}")


class Users:
    """Passwords and sessions of the users of a ledger. Threads may share it.

    `by` is who acts: an operator's name, or a session: of an admin, or of the user whose password or session it is
    (Forbidden otherwise). `session_seconds` is how long sessions last (`LEDGER_SESSION_SECONDS`).
    """

    def __init__(
        self,
        storage: Storage,
        *,
        session_seconds: float = _DEFAULT_SECONDS,
        hasher: Hasher | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._storage = storage
        self._hasher = hasher or Hasher()
        self._sign_in = SignIn(storage, self._hasher, session_seconds)
        self._clock = clock

    def sign_in(
        self,
        email: str,
        password: str | SecretStr,
        *,
        address: str | None = None,
        user_agent: str | None = None,
    ) -> SignedIn:
        """Begin a session of the active user with this e-mail address who has this password.

        `address` is the network address of the browser, as the web server or a trusted proxy sees it: tries are slowed
        by it. Raises SignInRefused, which does not tell what was wrong, and its TooManyTries.
        """
        return self._sign_in(Asked.of(email, address, user_agent), password, self._clock())

    def session_of(self, token: str | SecretStr) -> Session | None:
        """Return the session of a token, with the user's role as it is now; None if it is not valid.

        It is not valid if it has expired or was revoked, or if its user is deactivated or deleted.
        """
        hashed = hash_of(token)
        if hashed is None:
            return None
        with self._storage.looking() as connection:
            return SessionRepository(connection).valid(hashed, self._clock())

    def sign_out(self, session: Session) -> None:
        """End the session."""
        self.revoke(session.user_id, session.id, by=session)

    def set_password(self, user_id: str, password: str | SecretStr, *, by: By) -> int:
        """Give a user a password, or another. Return the number of sessions that this ends: all except that of `by`.

        Raises UnknownUser, and InvalidArgument for a password that is too short or too long.
        """
        _check(by, user_id)
        hashed = self._hasher.hash(password)
        at = self._clock()
        with self._storage.writing() as connection:
            if not _exists(connection, user_id):
                raise UnknownUser(user_id)
            PasswordRepository(connection).put(user_id, hashed, at)
            kept = by.id if isinstance(by, Session) else None
            ended = SessionRepository(connection).revoke(user_id, at, keep=kept)
            details = {"sessions_ended": ended}
            log_act(
                connection, SOURCE, "password.set", resource_type=_TYPE, resource_id=user_id, by=by, details=details
            )
        return ended

    def remove_password(self, user_id: str, *, by: By) -> bool:
        """Take a user's password away, and end the sessions. Return False if there is none."""
        _check(by, user_id)
        with self._storage.writing() as connection:
            if not PasswordRepository(connection).delete(user_id):
                return False
            ended = SessionRepository(connection).revoke(user_id, self._clock())
            details = {"sessions_ended": ended}
            log_act(
                connection, SOURCE, "password.removed", resource_type=_TYPE, resource_id=user_id, by=by,
                details=details,
            )  # fmt: skip
        return True

    def sessions(
        self, user_id: str, *, valid: bool = False, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[ListedSession]:
        """Return a page of a user's sessions, newest first: all that are kept, or those that are valid now.

        Sessions are kept for LEDGER_KEEP_SESSIONS_DAYS after they end. Whether the user is active is not looked at.
        """
        with self._storage.looking() as connection:
            return SessionRepository(connection).of_user(
                user_id, valid_at=self._clock() if valid else None, limit=limit, offset=offset, after=after
            )

    def revoke(self, user_id: str, session_id: str | None = None, *, by: By) -> int:
        """End one session of a user, or all. Return the number of those that were valid. Raises UnknownSession."""
        _check(by, user_id)
        at = self._clock()
        with self._storage.writing() as connection:
            sessions = SessionRepository(connection)
            if session_id is not None and not sessions.is_of(session_id, user_id):
                raise UnknownSession(user_id, session_id)
            ended = sessions.revoke(user_id, at, only=session_id)
            details = {"sessions_ended": ended} | ({} if session_id is None else {"revoked": session_id})
            log_act(
                connection, SOURCE, "session.revoked", resource_type=_TYPE, resource_id=user_id, by=by,
                details=details,
            )  # fmt: skip
        return ended


def _exists(connection: Connection, user_id: str) -> bool:
    """Return whether there is a user with this id who is not deleted."""
    user = UserRepository(connection).get(user_id) if is_plain(user_id) else None
    return user is not None and user.deleted_at is None


def _check(by: By, user_id: str) -> None:
    """Raise Forbidden unless `by` is an operator, an admin, or the user."""
    check(by, "admin", owner="viewer", of=user_id)
