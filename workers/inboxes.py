"""The inboxes as the post office uses them: messages are put and removed, and room is counted.

Many recipients are served in one round trip. What Redis refuses for one recipient (a key of another type, a stream
whose last id is used up) affects that one alone, and is logged once. What it refuses for all (no memory left) stops
all deliveries for now.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import redis

from flowledger.domain import json_text, streams
from flowledger.domain.envelope import LEDGER_SOURCE, Envelope
from flowledger.domain.events import EventData, MessageDispatched, MessageExpired
from flowledger.domain.settings import Settings
from flowledger.domain.times import milliseconds
from flowledger.workers import scripts, tracing
from flowledger.workers.authority import own_signer

logger = logging.getLogger(__name__)

MARK_KEPT_MS: Final = 120_000
"""Longer than a delivery may take after the outbox was read."""
_NO_MEMORY: Final = "Redis has no memory left for inboxes: messages wait in the database"
_LOOK_SECONDS: Final = 1.0
_LOOK_BYTES: Final = 8 * 2**20
"""How long, and for how many bytes that are put, Redis's reply about its memory counts."""


class Letter(NamedTuple):
    """A message as it is put into one inbox; `sent_by` is the event that sent it, by source and id."""

    message_id: str
    text: str
    expires_at: datetime | None
    sent_by: tuple[str, str]


class Inboxes:
    """All inboxes, for one process."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._sign = own_signer(settings)
        self._quiet_ms = settings.inbox_quiet_seconds * 1000
        self._full: set[str] = set()
        """Inboxes that did not take all messages the last time."""
        self._unusable: set[str] = set()
        """Inboxes that were reported as unusable."""
        self.is_stopped = False
        """Whether Redis takes no messages at all for now; that is logged once."""
        self._over_share = False
        self._looked_at = 0.0
        self._put_bytes = 0

    # --- room

    def take_messages(self, *, afresh: bool = False) -> bool:
        """Return whether Redis has memory for inboxes. They never take all of it, so that events have room.

        A reply of a moment ago counts, unless Redis is to be asked `afresh`.
        """
        if not afresh and time.monotonic() - self._looked_at < _LOOK_SECONDS and self._put_bytes < _LOOK_BYTES:
            return not self._over_share
        try:
            memory: Any = self._client.info("memory")
        except redis.exceptions.NoPermissionError:
            memory = {}  # this user may not ask; then only a refusal tells that memory is full
        self._looked_at, self._put_bytes = time.monotonic(), 0
        used, most = memory.get("used_memory", 0), memory.get("maxmemory", 0)
        self._over_share = 0 < most * self._settings.inbox_memory_share < used
        if self._over_share:
            self._stop(f"{_NO_MEMORY} ({used:,} of {most:,} bytes are used; see LEDGER_INBOX_MEMORY_SHARE)")
        return not self._over_share

    def _stop(self, why: str) -> None:
        if not self.is_stopped:
            logger.warning("%s", why)
        self.is_stopped = True

    def _go_on(self) -> None:
        if self.is_stopped:
            logger.warning("messages are put into inboxes again")
        self.is_stopped = False

    def rooms(self, recipients: Iterable[str]) -> dict[str, int]:
        """Return how many more messages each inbox takes, without full ones. Only inboxes that were full are asked."""
        rooms = dict.fromkeys(recipients, self._settings.inbox_messages)
        asked = [recipient for recipient in rooms if recipient in self._full]
        with self._client.pipeline(transaction=False) as pipeline:
            for recipient in asked:
                pipeline.xlen(streams.inbox(recipient))
                pipeline.execute_command("MEMORY", "USAGE", streams.inbox(recipient), "SAMPLES", 0)
            replies = pipeline.execute(raise_on_error=False)
        for recipient, length, size in zip(asked, replies[::2], replies[1::2], strict=True):
            if isinstance(length, Exception):
                self._refused(recipient, str(length))
                del rooms[recipient]
            elif length and (length >= rooms[recipient] or size >= self._settings.inbox_bytes):
                del rooms[recipient]
            else:
                rooms[recipient] -= length
                self._full.discard(recipient)
        return rooms

    # --- putting

    def broker(self) -> bytes:
        """Return what `ledger:broker` holds (docs/decisions/0033); empty if Redis was emptied, or is new."""
        held: Any = self._client.get(streams.BROKER)
        return held or b""

    def put(self, letters: Mapping[str, Sequence[Letter]], broker: bytes) -> dict[str, int]:
        """Put messages into inboxes, in order for each recipient. Return how many went, for each.

        `broker` is what `broker()` returned before the messages were read from the database: none goes if Redis was
        emptied since then. Raises redis.ConnectionError and TimeoutError.
        """
        since = time.time_ns()
        with self._client.pipeline(transaction=False) as pipeline:
            for recipient, some in letters.items():
                pipeline.eval(*self._putting(recipient, some, broker))
            replies = pipeline.execute(raise_on_error=False)
        went = {}
        for recipient, reply in zip(letters, replies, strict=True):
            went[recipient], why = self._understood(reply)
            if why:
                self._refused(recipient, why)
            else:
                self._unusable.discard(recipient)
            if went[recipient] < len(letters[recipient]):
                self._full.add(recipient)
        tracing.delivered(letters, went, since)
        return went

    def _putting(self, recipient: str, letters: Sequence[Letter], broker: bytes) -> tuple[Any, ...]:
        rate = streams.rate(time.time())
        own = streams.inbox(recipient), streams.taken(recipient)
        keys = [*own, streams.EXPIRIES, streams.COUNTERS, rate, streams.RESTORED, streams.BROKER]
        arguments: list[str | int | bytes] = [
            self._settings.inbox_messages, self._settings.inbox_bytes, self._quiet_ms, streams.RATE_KEPT_SECONDS,
            broker,
        ]  # fmt: skip
        for one in letters:
            source, event_id = one.sent_by
            data = MessageDispatched(to_sandbox_id=recipient, event_source=source, event_id=event_id)
            two, dispatched = self._own(data, one.message_id, recipient)
            keys += [streams.posted(one.message_id, recipient), *two]
            expires = "" if one.expires_at is None else milliseconds(one.expires_at)
            arguments += [one.message_id, one.text, expires, member(one.message_id, recipient), dispatched]
            self._put_bytes += len(one.text)
        return _command(scripts.PUT, keys, *arguments)

    # --- ends

    def settle(self, ends: Sequence[tuple[str, str]]) -> None:
        """Remove messages that have come to their end from their inboxes: the mailbox may not have done it."""
        keys = [key for message, to in ends for key in (streams.posted(message, to), streams.inbox(to))]
        members = [member(message, to) for message, to in ends]
        command = _command(scripts.SETTLE, [streams.EXPIRIES, *keys], MARK_KEPT_MS, self._quiet_ms, *members)
        try:
            refused = [why.decode("utf-8", "replace") for why in self._client.eval(*command)]
        except redis.ResponseError as error:  # recording goes on: at worst an ended message comes once more
            refused = [str(error)]
        for why in refused:
            self._refused("some recipient", why)

    def due(self, moment_ms: int, most: int) -> list[tuple[str, str]]:
        """Return the first messages in inboxes that had expired at `moment_ms`, and their recipients."""
        try:
            found: Any = self._client.zrangebyscore(streams.EXPIRIES, "-inf", moment_ms, 0, most)
        except redis.ResponseError as error:
            self._refused("everybody", f"{error} ({streams.EXPIRIES})")
            return []
        return [tuple(json_text.loads(one.decode())) for one in found]

    def expire(self, late: Sequence[tuple[str, str]], *, waiting: bool) -> int:
        """Expire messages in an inbox, or `waiting` in the database. Return how many expired by this."""
        with self._client.pipeline(transaction=False) as pipeline:
            for message, recipient in late:
                pipeline.eval(*self._expiring(message, recipient, waiting))
            replies = pipeline.execute(raise_on_error=False)
        expired = 0
        for (_, recipient), reply in zip(late, replies, strict=True):
            done, why = self._understood(reply)
            expired += done
            if why:
                self._refused(recipient, why)
        return expired

    def _expiring(self, message: str, recipient: str, waiting: bool) -> tuple[Any, ...]:
        two, expired = self._own(MessageExpired(to_sandbox_id=recipient), message, recipient)
        keys = [streams.posted(message, recipient), streams.inbox(recipient), streams.consumers(recipient)]
        alive = int(self._settings.mailbox_lease_seconds * 1000)
        script = scripts.EXPIRE_WAITING if waiting else scripts.EXPIRE
        return _command(
            script, [*keys, streams.EXPIRIES, *two], member(message, recipient), int(waiting), alive, MARK_KEPT_MS,
            self._quiet_ms, expired,
        )  # fmt: skip

    # --- what they have in common

    def _own(self, data: EventData, message: str, recipient: str) -> tuple[tuple[str, str], str]:
        """Return two streams that may take an event of the ledger's own, and its text.

        Events about a message to many recipients are spread over all shards, so that no shard is held up.
        """
        envelope = self._sign(Envelope.of(data, source=LEDGER_SOURCE, subject=message))
        shard = streams.shard_of(message + recipient, self._settings.shards)
        return (streams.stream(shard), streams.stream((shard + 1) % self._settings.shards)), envelope.to_json()

    def _understood(self, reply: Any) -> tuple[int, str]:
        """Return how much a script did, and what Redis refused. Raises the reply if Redis is unavailable."""
        if isinstance(reply, redis.ConnectionError | redis.TimeoutError):
            raise reply
        if isinstance(reply, redis.OutOfMemoryError):
            self._stop(_NO_MEMORY)
            return 0, ""
        if isinstance(reply, Exception):  # it concerns no recipient in particular
            self._stop(f"Redis accepts no messages for inboxes: they wait in the database ({reply})")
            return 0, ""
        self._go_on()
        number, why = reply
        return int(number), why.decode("utf-8", "replace")

    def _refused(self, recipient: str, why: str) -> None:
        if recipient not in self._unusable:
            logger.error("the inbox of %s cannot be used: %s", ascii(recipient)[:100], ascii(why)[1:300])
        self._unusable.add(recipient)


def member(message: str, recipient: str) -> str:
    """Return the name of a message among the expiries."""
    return json_text.dumps([message, recipient])


def _command(script: str, keys: Sequence[str], *arguments: str | int | bytes) -> tuple[Any, ...]:
    return script, len(keys), *(_bytes_of(part) for part in (*keys, *arguments))


def _bytes_of(part: str | int | bytes) -> bytes:
    return part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
