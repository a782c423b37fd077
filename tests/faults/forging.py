"""Those who speak as others: what they send is written down as what must be refused, with the reason; and honest ones.

The keys are canaries: whatever shows of them, in whatever form, has `CANARY_FORMS` in it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import redis
from pydantic import SecretBytes

from flowledger.domain import streams
from flowledger.domain.envelope import LEDGER_SOURCE, parse
from flowledger.domain.errors import Reason
from flowledger.domain.key_file import KeyFile, write_keys
from flowledger.domain.settings import Settings
from flowledger.domain.signatures import SIGNATURE, sign, speakers
from tests.faults.accepted import AcceptedLog
from tests.faults.histories import SANDBOXES

_CANARY: Final = b"canary-secrets-"
"""15 bytes: what base64 makes of them does not depend on what follows."""
CANARY_FORMS: Final = {
    "a key": _CANARY.decode(),
    "a key in base64": base64.b64encode(_CANARY).decode(),
    "a key in hexadecimal digits": _CANARY.hex(),
}
REPLAY_SECONDS: Final = 60.0
"""Producers of the harness try again for longer than the second that is the default."""
_LATE: Final = timedelta(seconds=2 * REPLAY_SECONDS)
_OLD: Final = timedelta(days=2)
_CHANGES: Final = (
    {"subject": "msg_of_another"},
    {"source": "/another"},
    {"time": "2030-01-31T12:00:00Z"},
    {"partitionkey": "another"},
    {"causationid": ""},
    {"type": "message.delivered", "data": {"to_sandbox_id": "sb_7"}},
)

Event = dict[str, Any]


def make_keys(path: Path) -> KeyFile:
    """A key for each sandbox of the histories, and for the ledger."""
    names = [LEDGER_SOURCE, *(f"sb_{number}" for number in range(100))]
    write_keys(path, {name: {"k1": SecretBytes(_CANARY + name.encode())} for name in names})
    return KeyFile(path)


def signed_texts(texts: Iterator[bytes], keys: KeyFile) -> Iterator[bytes]:
    """Events as they travel, signed where somebody must sign them."""
    for text in texts:
        names = speakers(parse(text))
        yield signed_by(text, keys, names[0]) if names else text


def signed_by(text: bytes, keys: KeyFile, name: str, secret: bytes | None = None) -> bytes:
    """With the key of `name`, or with what is given out as that."""
    key = keys.keys_of(name)["k1"] if secret is None else SecretBytes(secret)
    return text[:-1] + json.dumps({SIGNATURE: sign(text.decode(), "k1", key)}).encode().replace(b"{", b",", 1)


class Forger:
    """Sends what must be refused, past all checks of a publisher, among honest messages of its own."""

    def __init__(self, settings: Settings, client: redis.Redis, keys: KeyFile, accepted: Path, random: Random) -> None:
        self.refused: dict[bytes, str] = {}
        """What was sent, and the reason that its dead letter must have."""
        self._settings = settings
        self._client = client
        self._keys = keys
        self._accepted = accepted
        self._random = random
        self._numbers = iter(range(1_000_000))

    def attack(self, wait_until_recorded: Callable[[bytes], None]) -> int:
        """Each forgery once, some before the message that they pretend to be and some after it; how many."""
        me, other = (f"sb_{number}" for number in self._random.sample(range(100), 2))
        honest = signed_by(self._message(me, _LATE), self._keys, me)
        before = [
            _with(honest, **self._random.choice(_CHANGES)),
            honest.replace(b'"amount":1', b'"amount":9'),
            self._message(me),
            signed_by(self._message(me), self._keys, me, b"a key that the ledger has given to nobody"),
            signed_by(self._message(me), self._keys, other),
            _with(self._message(me), signature=f"v1:k1:{'0' * 64}"),
        ]
        after = [
            _with(honest, id=f"copied-{next(self._numbers)}"),
            signed_by(self._report("message.delivered", me), self._keys, other),
            signed_by(self._report("message.failed", me), self._keys, other),
            signed_by(self._report("message.dispatched", me), self._keys, me),
            signed_by(self._report("message.expired", me, LEDGER_SOURCE), self._keys, me),
            signed_by(_with(self._message(other), subject=parse(honest).subject), self._keys, other),
            signed_by(_with(self._message(other), source=SANDBOXES + me), self._keys, other),
            _raw(self._event("task.started", SANDBOXES + me) | {"data": {}}),
            *(signed_by(self._move(other, workspace), self._keys, other) for workspace in ("ws_1", None)),
            self._move(me, None),
            signed_by(self._message(me, to={"broadcast": True, "workspace_id": "ws_1"}), self._keys, me),
        ]
        self._send(before, Reason.FORGED)
        self._publish(honest)
        wait_until_recorded(honest)
        self._send(after, Reason.FORGED)
        replayed = [honest, signed_by(self._message(me, _OLD), self._keys, me)]
        self._send(replayed, Reason.REPLAYED)
        return len(before) + len(after) + len(replayed)

    def _send(self, raws: Iterable[bytes], reason: Reason) -> None:
        for raw in raws:
            self.refused[raw] = reason.value
            self._add(raw, self._random.randrange(self._settings.shards))

    def _publish(self, raw: bytes) -> None:
        """By who it says: it must be recorded, whatever is said in its name."""
        event = parse(raw)
        with AcceptedLog(self._accepted / f"honest-{next(self._numbers)}.log") as log:
            log.sent([(event.id, raw)])
            self._add(raw, streams.shard_of(event.partition_key, self._settings.shards))
            log.accepted([event.id])

    def _add(self, raw: bytes, shard: int) -> None:
        self._client.execute_command("XADD", streams.stream(shard), "*", streams.FIELD, raw)

    def _message(self, name: str, ago: timedelta = timedelta(), to: Event | None = None) -> bytes:
        content = {"text": "größer als erwartet", "amount": 1}
        data = {"from_sandbox_id": name, "message_type": "request", "content": content}
        event = self._event("message.sent", SANDBOXES + name, ago)
        subject = f"{name}/{event['subject']}"
        return _raw(event | {"subject": subject, "data": data | (to or {"to_sandbox_ids": ["sb_7"]})})

    def _report(self, type_: str, name: str, source: str = "") -> bytes:
        event = self._event(type_, source or SANDBOXES + name)
        return _raw(event | {"data": {"to_sandbox_id": name, "reason": "no such sandbox"}})

    def _move(self, name: str, workspace: str | None) -> bytes:
        """Says whose a sandbox is, with a number that nobody goes beyond."""
        event = self._event("sandbox.updated", "/platform") | {"subject": name, "sequence": "9" * 30}
        return _raw(event | {"data": {"workspace_id": workspace}})

    def _event(self, type_: str, source: str, ago: timedelta = timedelta()) -> Event:
        number = next(self._numbers)
        event = {"specversion": "1.0", "id": f"message-{number}", "source": source, "type": type_}
        return event | {"subject": f"msg_forging_{number}", "time": _time(ago)}


def _time(ago: timedelta) -> str:
    return (datetime.now(UTC) - ago).isoformat()


def _raw(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _with(raw: bytes, **attributes: object) -> bytes:
    return _raw(json.loads(raw) | attributes)
