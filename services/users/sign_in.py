"""Signing in: one try, one verification, one session; and refusals that do not tell what was wrong."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import Connection

from flowledger.domain.errors import LedgerError
from flowledger.domain.ids import new_id
from flowledger.domain.json_text import is_plain
from flowledger.services.acts import kept, log_act
from flowledger.services.users.hashing import Hasher
from flowledger.services.users.pacing import Attempt
from flowledger.services.users.tokens import new_token
from flowledger.storage.people.passwords import Password, PasswordRepository
from flowledger.storage.people.sessions import ListedSession, Session, SessionRepository
from flowledger.storage.unit_of_work import Storage

logger = logging.getLogger(__name__)

SOURCE: Final = "/flowledger/users"
"""The `source` of the audit lines about users."""

_LONGEST_EMAIL: Final = 320
_LONGEST_AGENT: Final = 512
_NOBODY: Final = "unknown"


class SignInRefused(LedgerError):
    """Nobody was signed in. The message is safe to show: it does not tell which part was wrong."""

    def __init__(self, message: str = "the e-mail address or the password is wrong") -> None:
        super().__init__(message)


class TooManyTries(SignInRefused):
    """There were many tries with this e-mail, or from this address; the next is looked at after `retry_after_seconds`.

    Whether a user has this e-mail makes no difference.
    """

    def __init__(self, wait: timedelta) -> None:
        self.retry_after_seconds = math.ceil(wait.total_seconds())
        super().__init__(f"too many tries; try again in {self.retry_after_seconds} s")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has begun, and its token, which is kept nowhere else: give it to the user's browser."""

    token: SecretStr
    session: Session


@dataclass(frozen=True, slots=True)
class Asked:
    """What came with a try: texts from outside, cut to what is kept."""

    email: str
    address: str | None
    user_agent: str | None

    @classmethod
    def of(cls, email: str, address: str | None, user_agent: str | None) -> Asked:
        """Return what is looked up; an e-mail that no user can have becomes the empty one, which nobody has."""
        possible = len(email) <= _LONGEST_EMAIL and is_plain(email)
        return cls(email if possible else "", kept(address), kept(user_agent, _LONGEST_AGENT))


class SignIn:
    """Makes sessions of `seconds` for users who know their password."""

    def __init__(self, storage: Storage, hasher: Hasher, seconds: float) -> None:
        self._storage = storage
        self._hasher = hasher
        self._lasts = timedelta(seconds=seconds)

    def __call__(self, asked: Asked, password: str | SecretStr, at: datetime) -> SignedIn:
        """Return a new session. Raises SignInRefused, TooManyTries."""
        attempt = self._counted(asked, at)
        with self._storage.looking() as connection:
            found = PasswordRepository(connection).of_email(asked.email)
        candidate = found[0] if len(found) == 1 else None
        matches = self._hasher.verify(None if candidate is None else candidate.hash, password)
        if candidate is None or not matches:
            raise self._refused(asked, found)
        signed_in = self._begun(candidate, self._hasher.renewed(candidate.hash, password), asked, attempt, at)
        if signed_in is None:
            raise self._refused(asked, found)
        return signed_in

    def _counted(self, asked: Asked, at: datetime) -> Attempt:
        with self._storage.writing() as connection:
            attempt = Attempt.of(connection, asked.email, asked.address)
            wait = attempt.count(connection, at)
            if wait:
                raise TooManyTries(wait)
        return attempt

    def _begun(
        self, password: Password, renewed: str | None, asked: Asked, attempt: Attempt, at: datetime
    ) -> SignedIn | None:
        """Begin a session in one transaction; None if password or user have changed since they were looked up."""
        token, token_hash = new_token()
        listed = ListedSession(
            id=new_id("sess"),
            user_id=password.user_id,
            created_at=at,
            expires_at=at + self._lasts,
            revoked_at=None,
            address=asked.address,
            user_agent=asked.user_agent,
        )
        with self._storage.writing() as connection:
            passwords, sessions = PasswordRepository(connection), SessionRepository(connection)
            if not passwords.locked(password):
                return None
            if renewed is not None:
                passwords.rehash(password, renewed)
            sessions.add(listed, token_hash)
            attempt.succeeded(connection, at)
            session = sessions.valid(token_hash, at)
            assert session is not None  # the user was valid in this transaction
            self._log(connection, asked, password.user_id, session, {})
        return SignedIn(token, session)

    def _refused(self, asked: Asked, found: list[Password]) -> SignInRefused:
        """Record that a try failed, and return the refusal, which is the same whatever the reason."""
        ids = [one.user_id for one in found]
        details: dict[str, Any] = {"reason": "wrong password" if ids else "no active user with this e-mail address"}
        if len(ids) > 1:
            details = {"reason": "several users with this e-mail address have a password", "user_ids": ids}
            logger.warning("nobody can sign in: users %s have the same e-mail address, and each a password", ids)
        with self._storage.writing() as connection:
            self._log(connection, asked, ids[0] if ids else _NOBODY, None, details)
        return SignInRefused()

    def _log(
        self, connection: Connection, asked: Asked, user_id: str, session: Session | None, details: dict[str, Any]
    ) -> None:
        log_act(
            connection,
            SOURCE,
            "user.sign_in",
            resource_type="user",
            resource_id=user_id,
            by=session,
            success=session is not None,
            details=details,
            address=asked.address,
        )
