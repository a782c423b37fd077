"""Tokens of sessions: random, and kept as SHA-256 alone.

A token has 256 random bits, so its hash needs neither salt nor work: nobody can try them all.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from pydantic import SecretStr

PREFIX: Final = "fls_"
_RANDOM_BYTES: Final = 32
_LONGEST: Final = 128


def new_token() -> tuple[SecretStr, str]:
    """Return a new token, like `fls_…`, and its hash. The prefix lets scanners of leaked secrets find it."""
    token = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    return SecretStr(token), _hashed(token)


def hash_of(token: str | SecretStr) -> str | None:
    """Return what is kept of a token; None for a text that no token can be."""
    text = token.get_secret_value() if isinstance(token, SecretStr) else token
    if not text.startswith(PREFIX) or len(text) > _LONGEST or not text.isascii():
        return None
    return _hashed(text)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
