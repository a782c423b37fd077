"""The symmetric signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over id, timestamp and the raw body."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import secrets
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from pydantic import SecretBytes

from flowledger.domain.errors import DatabaseUnavailable, LedgerError
from flowledger.domain.likeness import is_news
from flowledger.services.webhooks.call import Call

logger = logging.getLogger(__name__)

_PREFIX: Final = b"whsec_"
_NOBODYS_NAME: Final = "none"
_NOBODYS: Final = secrets.token_bytes(24)
"""A name and a key in place of those of a webhook that has none, so that its calls take the same work."""


class Secrets(Protocol):
    """Where secrets are kept by name: the vault (`flowledger.services.vault`)."""

    def get(self, name: str, /) -> SecretBytes:
        """Return a secret. Raises LedgerError if there is none of this name, DatabaseUnavailable if it is not known."""
        ...


def keys_of(names: Iterable[str], kept: Secrets) -> list[bytes]:
    """Return the keys of the secrets of these names, without those that are gone or unusable: while secrets are
    rotated, the others go on. A process logs each of them once.

    Raises DatabaseUnavailable if the secrets are not known.
    """
    return [key for name in dict.fromkeys(names) if (key := _key(name, kept)) is not None]


def no_keys(kept: Secrets) -> list[bytes]:
    """Return no keys, after the same work as for one, for a webhook that does not exist, or has none."""
    _key(_NOBODYS_NAME, kept)
    return []


def key_of(secret: bytes) -> bytes:
    """Return the key that a secret holds: base64, with or without `whsec_` before it and `=` behind it.

    Raises LedgerError, without any of it, if it holds none.
    """
    text = secret.strip().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise LedgerError("it is not whsec_ and base64, as Standard Webhooks writes a symmetric secret")
    return key


def _key(name: str, kept: Secrets) -> bytes | None:
    try:
        return key_of(kept.get(name).get_secret_value())
    except DatabaseUnavailable:
        raise
    except LedgerError as error:
        if name != _NOBODYS_NAME and is_news(f"secret {name}"):
            logger.warning("the secret %.100a of a webhook cannot be used: %s", name, error)
        return None


def is_signed(call: Call, keys: Sequence[bytes]) -> bool:
    """Return whether one of the call's signatures is by one of the keys. All are compared, in constant time."""
    content = b"%b.%d.%b" % (call.id.encode(), call.timestamp, call.body)
    found = False
    for key in keys or (_NOBODYS,):
        mac = hmac.digest(key, content, "sha256")
        for signature in call.signatures:
            found |= hmac.compare_digest(mac, signature)
    return found and bool(keys)
