"""Signing envelopes before they are published.

    sign = signer_of(KeyFile("/etc/my-registrar/keys.json"), "/registrar")
    joins = SandboxCreated(workspace_id="ws_1", name="planner")
    publisher.publish(sign(Envelope.of(joins, source="/registrar", subject="sb_1")))

`domain.signatures` defines what is signed, and by whom. A mailbox takes a signer: `Mailbox("sb_1", …, signer=sign)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic import SecretBytes

from flowledger.domain import signatures
from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import Reason, Refused, SettingsError
from flowledger.domain.key_file import KeyFile
from flowledger.domain.settings import Settings
from flowledger.domain.signatures import Keys, told


class Signer(Protocol):
    """A callable that signs an envelope before it is sent."""

    def __call__(self, envelope: Envelope, /) -> Envelope:
        """Return the envelope to send instead."""
        ...


class KeySigner:
    """Signs the events of `name` with its keys; events that nobody has to sign stay unchanged."""

    def __init__(self, keys: Keys, name: str) -> None:
        """Raises SettingsError if `keys` has no key of this name."""
        self.name = name
        self._keys = keys
        self._key()

    def __call__(self, envelope: Envelope, /) -> Envelope:
        """Return the same event with its signature. Publish it unchanged: a changed event is refused as forged.

        The envelope keeps the text that was signed, which is the text that is sent.

        Raises Refused if somebody else has to sign the event, if a name in it is not the signer's own, if it has no
        `time`, or if it cannot be written as JSON.
        """
        names = signatures.speakers(envelope)
        if not names:
            return envelope
        if self.name not in names:
            who = " or ".join(map(told, names))
            words = f"this {envelope.type} must be signed by {who}; these are the keys of {told(self.name)}"
            raise Refused(Reason.FORGED, signatures.SIGNATURE, words)
        signatures.check_names(envelope, self.name)
        if envelope.time is None:
            raise Refused(Reason.FORGED, "time", "is missing: a signed event must have a time")
        self._keys.refresh()
        return envelope.extended(signatures.SIGNATURE, self._signature)

    def _signature(self, members: Mapping[str, str]) -> str:
        return signatures.sign_members(members, *self._key())

    def _key(self) -> tuple[str, SecretBytes]:
        """Return the newest key: its id and its secret."""
        keys = self._keys.keys_of(self.name)
        if not keys:
            raise SettingsError(f"there is no key of {told(self.name)}: make one with `flowledger keys new`")
        return list(keys.items())[-1]

    def __repr__(self) -> str:
        return f"KeySigner({self.name!r})"


def signer_of(keys: Settings | Keys, name: str) -> KeySigner:
    """Return the signer of `name`, with the given keys or those of the settings' key file (`LEDGER_KEY_FILE`).

    Raises SettingsError if there is no such key, or the file cannot be used.
    """
    if not isinstance(keys, Settings):
        return KeySigner(keys, name)
    if keys.key_file is None:
        raise SettingsError("LEDGER_KEY_FILE is not set: it names the file with the keys to sign with")
    return KeySigner(KeyFile(keys.key_file), name)
