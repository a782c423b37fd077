"""Signing envelopes before they are published.

    sign = signer_of(KeyFile("/etc/my-registrar/keys.json"), "/registrar")
    joins = SandboxCreated(workspace_id="ws_1", name="planner")
    publisher.publish(sign(Envelope.of(joins, source="/registrar", subject="sb_1")))

`domain.signatures` says what is signed, and by whom. A mailbox takes such a signer: `Mailbox("sb_1", …, signer=sign)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pydantic import SecretBytes

from flowledger.domain import signatures
from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import Reason, Refused, SettingsError
from flowledger.domain.key_file import KeyFile
from flowledger.domain.settings import Settings
from flowledger.domain.signatures import Keys, told

Sign = Callable[[Envelope], Envelope]


class Signer:
    """Signs what `name` says; events that nobody has to sign are left as they are."""

    def __init__(self, keys: Keys, name: str) -> None:
        """Raises SettingsError where `keys` has none of this name."""
        self.name = name
        self._keys = keys
        self._key()

    def __call__(self, envelope: Envelope) -> Envelope:
        """The same event with its signature: publish it as it is, for a changed one would be forged.

        Raises Refused where somebody else would have to sign it, where a name in it is not the signer's own, where it
        has no `time`, or cannot be written as JSON.
        """
        names = signatures.speakers(envelope)
        if not names:
            return envelope
        if self.name not in names:
            who = " or ".join(map(told, names))
            words = f"this {envelope.type} is to be signed by {who}; these are the keys of {told(self.name)}"
            raise Refused(Reason.FORGED, signatures.SIGNATURE, words)
        signatures.check_names(envelope, self.name)
        if envelope.time is None:
            raise Refused(Reason.FORGED, "time", "is missing: a signed event needs one")
        self._keys.refresh()
        return replace(envelope, extensions={**envelope.extensions, signatures.SIGNATURE: self._signature(envelope)})

    def _signature(self, envelope: Envelope) -> str:
        """Of the very text that travels: `client.plans` writes it in the same way."""
        try:
            text = envelope.to_json().encode("utf-8", "backslashreplace").decode()
            return signatures.sign(text, *self._key())
        except (TypeError, ValueError, RecursionError) as error:
            raise Refused(Reason.NOT_JSON, "", f"cannot be written as JSON: {error}") from None

    def _key(self) -> tuple[str, SecretBytes]:
        """The newest one."""
        keys = self._keys.keys_of(self.name)
        if not keys:
            raise SettingsError(f"there is no key of {told(self.name)}: make one with `flowledger keys new`")
        return list(keys.items())[-1]

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"


def signer_of(keys: Settings | Keys, name: str) -> Signer:
    """Signs as `name` with its keys, or those of the file that the settings name (`LEDGER_KEY_FILE`).

    Raises SettingsError where there are none, or the file cannot be used.
    """
    if not isinstance(keys, Settings):
        return Signer(keys, name)
    if keys.key_file is None:
        raise SettingsError("LEDGER_KEY_FILE is not set: it names the file with the keys to sign with")
    return Signer(KeyFile(keys.key_file), name)
