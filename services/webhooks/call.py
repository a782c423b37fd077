"""A call of a webhook as it came: headers, checked for their form before anything uses them, and the raw body.

The headers are those of Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks, "Webhook headers").
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from flowledger.domain.errors import CallRefusal, InvalidArgument, WebhookRefused

HeaderText = str | bytes
Headers = Mapping[str, HeaderText] | Mapping[bytes, HeaderText] | Iterable[tuple[HeaderText, HeaderText]]
"""A mapping, or pairs of name and value; names in any case."""

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
TOLERANCE_SECONDS: Final = 300
"""How far the timestamp may be from now, before and after."""

_ID: Final = re.compile(r"[!-+\-/-~]{1,255}")
"""Visible ASCII. The standard forbids the full stop, which separates the parts of what is signed; a comma would be two
headers that a proxy has joined."""
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_LONGEST: Final = 4_096
"""Characters of the header of signatures: some forty of them."""
_VERSION: Final = "v1"


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose headers have the right form; nothing of it is authentic yet."""

    id: str
    timestamp: int
    """When this try was made, in seconds since the epoch."""
    signatures: tuple[bytes, ...]
    """Those of version `v1`. Of other versions, and of no version at all, none is looked at."""
    body: bytes
    headers: Mapping[str, tuple[str, ...]]
    """The values of each header, by its name in lower case."""

    @classmethod
    def of(cls, headers: Headers, body: bytes, max_bytes: int) -> Self:
        """Return the call. Raises WebhookRefused (`malformed`, `too_large`), and InvalidArgument for other types."""
        if not isinstance(body, bytes | bytearray | memoryview):
            kind = type(body).__name__
            raise InvalidArgument(f"the body must be the bytes of the request as they came, not of type {kind}")
        found = _by_name(headers)
        if len(body) > max_bytes:
            words = f"the body has {len(body):,} bytes; the limit is {max_bytes:,} (LEDGER_MAX_EVENT_BYTES)"
            raise WebhookRefused(CallRefusal.TOO_LARGE, words)
        call_id, timestamp = (_single(found, name) for name in (ID, TIMESTAMP))
        if not _ID.fullmatch(call_id):
            raise _malformed(f"{ID} must be 1 to 255 visible ASCII characters, without full stop and comma")
        if not _SECONDS.fullmatch(timestamp):
            raise _malformed(f"{TIMESTAMP} must be seconds since the epoch, in ASCII digits")
        return cls(call_id, int(timestamp), _signatures(_single(found, SIGNATURE)), bytes(body), found)

    def check_time(self, now: datetime) -> None:
        """Raise WebhookRefused, `untimely`, if the call was made longer ago than is tolerated, or in the future."""
        late = now.timestamp() - self.timestamp
        if abs(late) > TOLERANCE_SECONDS:
            when = "ago" if late > 0 else "from now"
            words = f"{TIMESTAMP} is {abs(late):,.0f} s {when}; at most {TOLERANCE_SECONDS} s are tolerated"
            raise WebhookRefused(CallRefusal.UNTIMELY, words)

    def header(self, name: str) -> str | None:
        """Return the value of a header; None if there is none. Raises WebhookRefused if it occurs twice."""
        values = self.headers.get(name.lower(), ())
        if len(values) > 1:
            raise _malformed(f"the header {name[:100]!a} occurs more than once")
        return values[0] if values else None


def _by_name(headers: Headers) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    pairs = headers.items() if hasattr(headers, "items") else headers
    try:
        for name, value in pairs:
            key = _text(name).lower()
            found[key] = (*found.get(key, ()), _text(value))
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"headers must be a mapping, or pairs, of str or bytes: {error}") from None
    return found


def _text(value: object) -> str:
    """Return a name or a value as text; bytes are ISO 8859-1, as in WSGI and ASGI."""
    if isinstance(value, bytes):
        return value.decode("iso-8859-1")
    if not isinstance(value, str):
        raise TypeError(f"not of type {type(value).__name__}")
    return value


def _single(headers: Mapping[str, tuple[str, ...]], name: str) -> str:
    values = headers.get(name, ())
    if len(values) != 1:
        raise _malformed(f"{name} is missing" if not values else f"{name} occurs more than once")
    return values[0]


def _signatures(header: str) -> tuple[bytes, ...]:
    signatures = header.split(" ")
    if len(header) > _LONGEST or any(one.count(",") != 1 for one in signatures):
        raise _malformed(f"{SIGNATURE} must be VERSION,BASE64, or several of these, separated by a space")
    pairs = (one.split(",") for one in signatures)
    return tuple(_decoded(text) for version, text in pairs if version == _VERSION)


def _decoded(text: str) -> bytes:
    """Return the bytes of a signature; none, which no signature is, if it is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _malformed(words: str) -> WebhookRefused:
    return WebhookRefused(CallRefusal.MALFORMED, words)
