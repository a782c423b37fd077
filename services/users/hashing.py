"""Hashes of passwords: Argon2id, and exactly one verification for each try, whether or not there is a hash."""

from __future__ import annotations

import base64
import logging
import os
import threading
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from flowledger.domain.errors import InvalidArgument

logger = logging.getLogger(__name__)

LEAST_CHARACTERS: Final = 8
MOST_BYTES: Final = 1024
"""A longer password is no safer; NIST SP 800-63B asks for at least 8 characters, and for room for 64."""
_MOST_GIVEN: Final = 4 * MOST_BYTES
"""NFKC leaves a quarter of the bytes at least: a longer text is too long in this form, too. It is refused unread, for
marks out of order take time by the square of their number."""

_AT_ONCE: Final = threading.BoundedSemaphore(os.cpu_count() or 1)
"""Each hash takes 64 MiB and some cores: more of them at once would take memory, and end no sooner."""


class Hasher:
    """Hashes and verifies passwords; the parameters are those of `argon2`, RFC 9106's second choice by default."""

    def __init__(self, argon2: PasswordHasher | None = None) -> None:
        self._argon2 = argon2 or PasswordHasher()

    def hash(self, password: str | SecretStr) -> str:
        """Return the hash of a new password. Raises InvalidArgument if it is too short or too long."""
        raw = _bytes(password)
        if len(raw.decode("utf-8", "surrogatepass")) < LEAST_CHARACTERS:
            raise InvalidArgument(f"a password has at least {LEAST_CHARACTERS} characters")
        if len(raw) > MOST_BYTES:
            raise InvalidArgument(f"a password has at most {MOST_BYTES:,} bytes of UTF-8")
        with _AT_ONCE:
            return self._argon2.hash(raw)

    def verify(self, hash_: str | None, password: str | SecretStr) -> bool:
        """Return whether the password has this hash. Without a hash, or with a broken one, the work is the same."""
        raw = _bytes(password)
        matches = self._verified(hash_, raw) if hash_ is not None and len(raw) <= MOST_BYTES else None
        if matches is None:
            self._verified(self._nobodys(), raw[:MOST_BYTES])
        return bool(matches)

    def renewed(self, hash_: str, password: str | SecretStr) -> str | None:
        """Return another hash of a verified password, if the parameters have changed since; else None."""
        if not self._argon2.check_needs_rehash(hash_):
            return None
        with _AT_ONCE:
            return self._argon2.hash(_bytes(password))

    def _verified(self, hash_: str, raw: bytes) -> bool | None:
        """Return whether they match, after a verification; None if the hash is broken, so that none was made."""
        try:
            with _AT_ONCE:
                return self._argon2.verify(hash_, raw)
        except VerificationError:
            return False
        except InvalidHashError:
            logger.error("the hash of a password is broken: set the password anew")  # noqa: TRY400 - no hash in logs
            return None

    def _nobodys(self) -> str:
        """Return a hash with today's parameters that no password has (but one in 2^256)."""
        made = self._argon2
        salt, digest = (
            base64.b64encode(os.urandom(length)).rstrip(b"=").decode() for length in (made.salt_len, made.hash_len)
        )
        return f"$argon2id$v=19$m={made.memory_cost},t={made.time_cost},p={made.parallelism}${salt}${digest}"


def _bytes(password: str | SecretStr) -> bytes:
    """Return a password as it is hashed: in the form NFKC, so that the same letters of two keyboards are the same.

    Of one that is too long in any form, return the beginning, which is too long as well.
    """
    text = password.get_secret_value() if isinstance(password, SecretStr) else password
    raw = text[: _MOST_GIVEN + 1].encode("utf-8", "surrogatepass")
    return raw if len(raw) > _MOST_GIVEN else unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")
