"""The symmetric signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over id, timestamp and the raw body."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import secrets
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from flowledger.domain.errors import DatabaseUnavailable, LedgerError, PublishError
from flowledger.services.webhooks.call import Call

logger = logging.getLogger(__name__)

_PREFIX: Final = b"whsec_"
_NOBODYS: Final = secrets.token_bytes(24)
"""Stands for the key of a webhook that has none, so that its calls take the same work."""


class Secrets(Protocol):
    """Where secrets are kept by name, like the vault (`flowledger.services.vault`)."""

    def get(self, name: str, /) -> bytes:
        """Return a secret. Raises LedgerError if there is none of this name, DatabaseUnavailable if it is not known."""
        ...


def keys_of(names: Iterable[str], kept: Secrets) -> list[bytes]:
    """Return the keys of the secrets of these names. One that is gone or unusable is left out, and logged: while
    secrets are rotated, the others go on.

    Raises DatabaseUnavailable, or what else stands in the way for now.
    """
    found = []
    for name in dict.fromkeys(names):
        try:
            found.append(key_of(kept.get(name)))
        except (DatabaseUnavailable, PublishError):
            raise
        except LedgerError as error:
            logger.warning("the secret %.100a of a webhook cannot be used: %s", name, error)
    return found


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


def is_signed(call: Call, keys: Sequence[bytes]) -> bool:
    """Return whether one of the call's signatures is by one of the keys. All are compared, in constant time."""
    content = b"%b.%d.%b" % (call.id.encode(), call.timestamp, call.body)
    found = False
    for key in keys or (_NOBODYS,):
        mac = hmac.digest(key, content, "sha256")
        for signature in call.signatures:
            found |= hmac.compare_digest(mac, signature)
    return found and bool(keys)
