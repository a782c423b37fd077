"""Signatures: an agent can never speak as another (docs/decisions/0020).

A signature is the attribute `signature` of an event, `v1:KEY_ID:MAC`: the HMAC-SHA256, in hexadecimal digits, of what
the event says, made with a secret that only the speaker and the ledger know. What is signed, each piece as a netstring
(its length in bytes, `:`, the bytes, `,`):

    flowledger.v1, then for each name of `SIGNED` the JSON text of that attribute exactly as it stands in the event,
    nothing where the event has none. So `null`, `""` and no attribute at all are three things, as are 1 and 1.0.

Who must sign, where signatures are required, is told by `speaker`. Nothing here reads a file or a clock.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from typing import Final, Protocol

from pydantic import SecretBytes

from domain.envelope import LEDGER_SOURCE, Envelope, Event
from domain.errors import Reason, Refused
from domain.json_pieces import member_texts

SIGNATURE: Final = "signature"
"""The attribute that holds it."""
SIGNED: Final = (
    "id", "source", "type", "subject", "time", "sequence", "partitionkey", "correlationid", "causationid", "data"
)  # fmt: skip
"""What is signed, in this order: all that the ledger goes by, and what ties an event to others."""
KEY_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")

_TAG: Final = "flowledger.v1"
_FORM: Final = re.compile(rf"v1:({KEY_ID.pattern}):([0-9a-f]{{64}})")
_TOLD: Final = 100

_SPEAKERS: Final = {
    "message.sent": "from_sandbox_id",
    "message.delivered": "to_sandbox_id",
    "message.failed": "to_sandbox_id",
}
_LEDGERS_OWN: Final = ("message.dispatched", "message.expired")


class Keys(Protocol):
    """Who knows the keys of all speakers: a file (`domain.key_file`), or a vault."""

    def keys_of(self, name: str) -> Mapping[str, SecretBytes]:
        """The secrets of a sandbox, or of the ledger (`/flowledger`), by key id; none where nobody has this name."""
        ...

    def refresh(self) -> None:
        """Called before each batch of events: keys may have been made and retired."""
        ...


def speaker(event: Event | Envelope) -> str | None:
    """Whose key must have signed the event: a sandbox, or `/flowledger`; None where none need have."""
    if event.source == LEDGER_SOURCE or event.type in _LEDGERS_OWN:
        return LEDGER_SOURCE
    field = _SPEAKERS.get(event.type)
    if field is None:
        return None
    name = event.data.get(field) if isinstance(event.data, Mapping) else getattr(event.data, field, None)
    return name if isinstance(name, str) else None


def sign(text: str, key_id: str, secret: SecretBytes) -> str:
    """The signature of the event whose JSON text this is; a signature that stands in it does not matter."""
    return f"v1:{key_id}:{_mac(member_texts(text), secret)}"


def check(event: Event, keys: Keys) -> bool:
    """Whether the event is a signed one: its speaker had to sign it, and did; False where nobody had to.

    Raises Refused, `forged`, where it is not signed as it must be.
    """
    name = speaker(event)
    if name is None:
        return False
    if name == LEDGER_SOURCE and event.source != LEDGER_SOURCE:
        raise Refused(Reason.FORGED, "source", f"{event.type} is the ledger's own: its source is {LEDGER_SOURCE}")
    members = member_texts(event.raw)
    signature = members.get(SIGNATURE, "null")
    if signature == "null":
        raise _forged(f"is missing: this {event.type} must be signed with a key of {told(name)}")
    form = _FORM.fullmatch(json.loads(signature)) if signature.startswith('"') else None
    if form is None:
        raise _forged(f"is not v1:KEY_ID:MAC, with 64 hexadecimal digits; a key of {told(name)} was expected")
    key_id, mac = form.groups()
    secret = keys.keys_of(name).get(key_id)
    if secret is None:
        raise _forged(f"{told(name)}, whose key was expected, has no key {key_id}")
    if not hmac.compare_digest(_mac(members, secret), mac):
        raise _forged(f"is not what the key {key_id} of {told(name)} makes of this event")
    if event.time is None:
        raise Refused(Reason.FORGED, "time", "is missing: without it a signed event could be used again for ever")
    return True


def told(name: str) -> str:
    """A name as it stands in words."""
    return ascii(name)[:_TOLD]


def _mac(members: Mapping[str, str], secret: SecretBytes) -> str:
    mac = hmac.new(secret.get_secret_value(), digestmod="sha256")
    for piece in (_TAG, *(members.get(name, "") for name in SIGNED)):
        text = piece.encode()
        mac.update(b"%d:%b," % (len(text), text))
    return mac.hexdigest()


def _forged(words: str) -> Refused:
    return Refused(Reason.FORGED, SIGNATURE, words)
