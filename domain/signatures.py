"""Signatures: an agent can never speak as another (docs/decisions/0020).

A signature is the attribute `signature` of an event, `v1:KEY_ID:MAC`: the HMAC-SHA256, in hexadecimal digits, of what
the event says, made with a secret that only the speaker and the ledger know. What is signed, each piece as a netstring
(its length in bytes, `:`, the bytes, `,`):

    flowledger.v1, then for each name of `SIGNED` the JSON text of that attribute exactly as it stands in the event,
    nothing where the event has none. So `null`, `""` and no attribute at all are three things, as are 1 and 1.0.

Who must sign, where signatures are required, is told by `speakers`, and which names a signer may use by `check_names`:
his own (`domain.owners`). Nothing here reads a file or a clock.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from pydantic import SecretBytes

from flowledger.domain.envelope import LEDGER_SOURCE, Envelope, Event
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.events import EVENT_TYPES, EventData, MessageSent
from flowledger.domain.json_pieces import member_texts
from flowledger.domain.owners import REGISTRAR, NobodysSource, is_message_of, message_prefix, owners_of, source_of

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


class Keys(Protocol):
    """Who knows the keys of all speakers: a file (`domain.key_file`), or a vault."""

    def keys_of(self, name: str) -> Mapping[str, SecretBytes]:
        """The secrets of a name (`domain.owners`) by key id; none where nobody has this name."""
        ...

    def refresh(self) -> None:
        """Called before each batch of events: keys may have been made and retired."""
        ...


def speakers(event: Event | Envelope) -> tuple[str, ...]:
    """Whose key may have signed the event: one of these names; none where nobody need have.

    Raises Refused, `forged`, where its source is like a sandbox's or a workspace's and is nobody's.
    """
    model = _model(event)
    if model.by_ledger:
        return (LEDGER_SOURCE,)
    if model.speaker is not None:
        name = _said(event, model.speaker)
        return (name,) if isinstance(name, str) else ()
    owners = _owners(event)
    if not changes_membership(event):
        return owners
    workspace = _said(event, "workspace_id")
    if isinstance(workspace, str):
        return workspace, REGISTRAR
    return owners if REGISTRAR in owners else (REGISTRAR,)


def changes_membership(event: Event | Envelope) -> bool:
    """Whether the event says to which workspace a sandbox belongs, or that it belongs to none."""
    model = _model(event)
    if not model.moves:
        return False
    if isinstance(event.data, Mapping):
        carries = "workspace_id" in event.data
    else:
        carries = "workspace_id" in event.data.model_fields_set
    return carries and ("workspace_id" in model.keeps_null or _said(event, "workspace_id") is not None)


def sign(text: str, key_id: str, secret: SecretBytes) -> str:
    """Return the signature of the event with this JSON text; a signature that stands in it does not matter."""
    return sign_members(member_texts(text), key_id, secret)


def sign_members(members: Mapping[str, str], key_id: str, secret: SecretBytes) -> str:
    """Return the signature of the event whose attributes have these JSON texts."""
    return f"v1:{key_id}:{_mac(members, secret)}"


def check(event: Event, keys: Keys) -> str | None:
    """Who has signed the event; None where nobody need have.

    Raises Refused, `forged`, where it is not signed as it must be, or has a name that is not its signer's.
    """
    names = speakers(event)
    if not names:
        return None
    signer = _signer(event, names, keys)
    if event.time is None:
        raise Refused(Reason.FORGED, "time", "is missing: without it a signed event could be used again for ever")
    check_names(event, signer)
    return signer


def check_names(event: Event | Envelope, signer: str) -> None:
    """Raises Refused, `forged`, where the source, or the id of a message, is not one of the signer's own.

    What is no message's event may also have a source that is nobody's own.
    """
    owners = _owners(event)
    model = _model(event)
    if signer not in owners and (owners or model.speaker is not None or model.by_ledger):
        home = source_of(signer)
        raise Refused(Reason.FORGED, "source", f"must be {home}, or begin with {home}/: {told(signer)} has signed it")
    if model is MessageSent and not is_message_of(signer, event.subject):
        words = f"must begin with {message_prefix(signer)}, as the ids of all messages of {told(signer)} do"
        raise Refused(Reason.FORGED, "subject", words)


def told(name: str) -> str:
    """A name as it stands in words."""
    return ascii(name)[:_TOLD]


def _signer(event: Event, names: Sequence[str], keys: Keys) -> str:
    """Which of `names` has signed the event; raises Refused where none has."""
    who = " or ".join(map(told, names))
    members = member_texts(event.raw)
    signature = members.get(SIGNATURE, "null")
    if signature == "null":
        raise _forged(f"is missing: this {event.type} must be signed with a key of {who}")
    form = _FORM.fullmatch(json.loads(signature)) if signature.startswith('"') else None
    if form is None:
        raise _forged(f"is not v1:KEY_ID:MAC, with 64 hexadecimal digits; a key of {who} was expected")
    key_id, mac = form.groups()
    found = {name: secret for name in names if (secret := keys.keys_of(name).get(key_id)) is not None}
    if not found:
        raise _forged(f"{who}, whose key was expected, has no key {key_id}")
    for name, secret in found.items():
        if hmac.compare_digest(_mac(members, secret), mac):
            return name
    raise _forged(f"is not what the key {key_id} of {' or '.join(map(told, found))} makes of this event")


def _model(event: Event | Envelope) -> type[EventData]:
    """What is known of the event's type; nothing of one that is no type."""
    return EVENT_TYPES.get(event.type, EventData)


def _owners(event: Event | Envelope) -> tuple[str, ...]:
    try:
        return owners_of(event.source)
    except NobodysSource as error:
        raise Refused(Reason.FORGED, "source", str(error)) from None


def _said(event: Event | Envelope, field: str) -> Any:
    """A field of the data of an event, or of an envelope that nobody has checked yet."""
    return event.data.get(field) if isinstance(event.data, Mapping) else getattr(event.data, field, None)


def _mac(members: Mapping[str, str], secret: SecretBytes) -> str:
    mac = hmac.new(secret.get_secret_value(), digestmod="sha256")
    for piece in (_TAG, *(members.get(name, "") for name in SIGNED)):
        text = piece.encode()
        mac.update(b"%d:%b," % (len(text), text))
    return mac.hexdigest()


def _forged(words: str) -> Refused:
    return Refused(Reason.FORGED, SIGNATURE, words)
