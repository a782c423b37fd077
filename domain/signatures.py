"""Signatures: no agent can send events in the name of another (docs/decisions/0020).

A signature is the attribute `signature` of an event, `v1:KEY_ID:MAC`: the HMAC-SHA256, in hexadecimal digits, of the
event's content, made with a secret that only the signer and the ledger know. These pieces are signed, each as a
netstring (its length in bytes, `:`, the bytes, `,`):

    flowledger.v1, then for each name of `SIGNED` the JSON text of that attribute exactly as in the event, empty if
    the event has none. So `null`, `""` and an absent attribute are three things, as are 1 and 1.0.

`speakers` tells who must sign if signatures are required, `check_names` which names a signer may use: its own
(`domain.owners`). Nothing here reads a file or a clock.
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
"""The attribute that holds the signature."""
SIGNED: Final = (
    "id", "source", "type", "subject", "time", "sequence", "partitionkey", "correlationid", "causationid", "data"
)  # fmt: skip
"""The attributes that are signed, in this order: all that the ledger uses, and those that link an event to others."""
KEY_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")

_TAG: Final = "flowledger.v1"
_FORM: Final = re.compile(rf"v1:({KEY_ID.pattern}):([0-9a-f]{{64}})")
_TOLD: Final = 100


class Keys(Protocol):
    """A store of the keys of all signers: a file (`domain.key_file`), or a vault."""

    def keys_of(self, name: str) -> Mapping[str, SecretBytes]:
        """Return the secrets of a name (`domain.owners`) by key id; empty if the name is unknown."""
        ...

    def refresh(self) -> None:
        """Look for new and retired keys; called before each batch of events."""
        ...


def speakers(event: Event | Envelope) -> tuple[str, ...]:
    """Return the names of which one must sign the event; empty if nobody has to.

    Raises Refused, `forged`, if its source begins like a sandbox's or a workspace's, but belongs to none.
    """
    model = _model(event)
    if model.by_ledger:
        return (LEDGER_SOURCE,)
    if model.signers:
        return model.signers
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
    """Return whether the event adds its subject to a workspace, or removes it."""
    model = _model(event)
    if not model.moves:
        return False
    if isinstance(event.data, Mapping):
        carries = "workspace_id" in event.data
    else:
        carries = "workspace_id" in event.data.model_fields_set
    return carries and ("workspace_id" in model.keeps_null or _said(event, "workspace_id") is not None)


def sign(text: str, key_id: str, secret: SecretBytes) -> str:
    """Return the signature of the event with this JSON text; a signature in it is ignored."""
    return sign_members(member_texts(text), key_id, secret)


def sign_members(members: Mapping[str, str], key_id: str, secret: SecretBytes) -> str:
    """Return the signature of the event whose attributes have these JSON texts."""
    return f"v1:{key_id}:{_mac(members, secret)}"


def check(event: Event, keys: Keys) -> str | None:
    """Return the name of the event's signer; None if nobody has to sign it.

    Raises Refused, `forged`, if the event is not signed as it must be, or has a name that is not its signer's.
    """
    names = speakers(event)
    if not names:
        return None
    signer = _signer(event, names, keys)
    if event.time is None:
        raise Refused(Reason.FORGED, "time", "is missing: without it, a signed event could be replayed at any time")
    check_names(event, signer)
    return signer


def check_names(event: Event | Envelope, signer: str) -> None:
    """Raise Refused, `forged`, if the source, or the id of a message, is not one of the signer's own.

    Events that are not about a message may also have a source that nobody owns.
    """
    owners = _owners(event)
    model = _model(event)
    if signer not in owners and (owners or model.speaker is not None or model.by_ledger):
        home = source_of(signer)
        raise Refused(Reason.FORGED, "source", f"must be {home}, or begin with {home}/: {told(signer)} signed this")
    if model is MessageSent and not is_message_of(signer, event.subject):
        words = f"must begin with {message_prefix(signer)}, as the ids of all messages of {told(signer)} do"
        raise Refused(Reason.FORGED, "subject", words)


def told(name: str) -> str:
    """Return a name as quoted in a message."""
    return ascii(name)[:_TOLD]


def _signer(event: Event, names: Sequence[str], keys: Keys) -> str:
    """Return which of `names` signed the event. Raises Refused if none did."""
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
    raise _forged(f"is not the signature of this event with the key {key_id} of {' or '.join(map(told, found))}")


def _model(event: Event | Envelope) -> type[EventData]:
    """Return the model of the event's type; the base class if the type is unknown."""
    return EVENT_TYPES.get(event.type, EventData)


def _owners(event: Event | Envelope) -> tuple[str, ...]:
    try:
        return owners_of(event.source)
    except NobodysSource as error:
        raise Refused(Reason.FORGED, "source", str(error)) from None


def _said(event: Event | Envelope, field: str) -> Any:
    """Return a field of the data of an event, or of an envelope that is not checked yet; None if absent."""
    return event.data.get(field) if isinstance(event.data, Mapping) else getattr(event.data, field, None)


def _mac(members: Mapping[str, str], secret: SecretBytes) -> str:
    mac = hmac.new(secret.get_secret_value(), digestmod="sha256")
    for piece in (_TAG, *(members.get(name, "") for name in SIGNED)):
        text = piece.encode()
        mac.update(b"%d:%b," % (len(text), text))
    return mac.hexdigest()


def _forged(words: str) -> Refused:
    return Refused(Reason.FORGED, SIGNATURE, words)
