"""Messages as their speakers sign them, keys to check them by, and a file with these keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretBytes

from flowledger.domain.envelope import LEDGER_SOURCE, parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.key_file import write_keys
from flowledger.domain.signatures import check, sign
from tests.builders import ABSENT, event, to_bytes

SECRETS: Final = {
    "sb_1": b"one" * 10,
    "sb_2": b"two" * 10,
    "ws_1": b"workspace" * 3,
    "ws_2": b"workspaces" * 3,
    "/registrar": b"registrar" * 3,
    "/flowledger": b"ledger" * 5,
}
MESSAGES: Final = ("message.sent", "message.delivered", "message.failed", "message.dispatched", "message.expired")


class Known:
    """Keys in memory, one for each name, `k1`; counts how often it was told to look again."""

    def __init__(self, secrets: Mapping[str, bytes] = SECRETS, key_id: str = "k1") -> None:
        self.refreshed = 0
        self._keys = {name: {key_id: SecretBytes(secret)} for name, secret in secrets.items()}

    def keys_of(self, name: str) -> Mapping[str, SecretBytes]:
        return self._keys.get(name, {})

    def refresh(self) -> None:
        self.refreshed += 1


def message(type_: str = "message.sent", **arguments: Any) -> dict[str, Any]:
    """A message's event, as its speaker makes it, with names of its own: sb_1 or who is named, or the ledger."""
    if type_ in ("message.dispatched", "message.expired"):
        own: dict[str, Any] = {"source": LEDGER_SOURCE, "subject": "sb_2/msg_1"}
        return event(type_, **own | arguments)
    field = "from_sandbox_id" if type_ == "message.sent" else "to_sandbox_id"
    said: dict[str, Any] = {field: "sb_1"} | arguments
    sender = said[field] if type_ == "message.sent" else "sb_2"
    return event(type_, **{"source": f"/sandboxes/{said[field]}", "subject": f"{sender}/msg_1"} | said)


def signed(value: Mapping[str, Any], name: str = "sb_1", key_id: str = "k1") -> bytes:
    """The event as it travels, signed with the key of `name`."""
    signature = sign(to_bytes(value).decode(), key_id, SecretBytes(SECRETS[name]))
    return to_bytes({**value, "signature": signature})


def changed(raw: bytes, **attributes: Any) -> bytes:
    return to_bytes({name: value for name, value in (json.loads(raw) | attributes).items() if value is not ABSENT})


def refusal(raw: bytes, keys: Known | None = None) -> tuple[Reason, str, str] | None:
    """Reason, field and words; None where the event is let through."""
    try:
        check(parse(raw), keys or Known())
    except Refused as refused:
        return refused.reason, refused.field, refused.words
    return None


def key_file(path: Path, secrets: Mapping[str, bytes] = SECRETS, key_id: str = "k1") -> Path:
    """A key file with these secrets."""
    write_keys(path, {name: {key_id: SecretBytes(secret)} for name, secret in secrets.items()})
    return path
