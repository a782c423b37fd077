"""The commands of one inbox (contract, section 8): plain commands, on keys that belong to its sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from flowledger.client import scripts
from flowledger.client.plans.commands import replies, transaction
from flowledger.client.plans.redis_errors import Retry, publish_error
from flowledger.client.plans.steps import Command, Plan
from flowledger.client.prepared import Prepared
from flowledger.domain import streams
from flowledger.domain.errors import LedgerError, PublishError
from flowledger.domain.settings import Settings

_TRY_AGAIN: Final = Retry("try again")


class GroupGone(LedgerError):
    """The inbox or its consumer group no longer exists: Redis has lost its data."""


class InboxCommands:
    """Commands, and plans that send them: within `publish_timeout_seconds`, with errors that say what to do."""

    def __init__(self, sandbox_id: str, settings: Settings) -> None:
        self.key = streams.inbox(sandbox_id)
        self._taken = streams.taken(sandbox_id)
        self._timeout = settings.publish_timeout_seconds
        self._quiet_ms = str(settings.inbox_quiet_seconds * 1000)

    def read_pending(self, consumer: str, after: str, most: int) -> Command:
        """Read the pending entries of `consumer` that follow `after`."""
        return *self._read(consumer, most), "STREAMS", self.key, after

    def read_new(self, consumer: str, most: int, seconds: float) -> Command:
        """Read new entries; Redis waits up to `seconds` if there are none."""
        block = ("BLOCK", str(max(int(seconds * 1000), 1))) if seconds > 0 else ()
        return *self._read(consumer, most), *block, "STREAMS", self.key, ">"

    def count_pending(self) -> Command:
        """Count the pending entries of each consumer."""
        return "XPENDING", self.key, streams.MAILBOX_GROUP

    def pending(self, consumer: str, most: int, idle_ms: int = 0) -> Command:
        """List the entries that have been pending for `consumer` for at least `idle_ms`."""
        return "XPENDING", self.key, streams.MAILBOX_GROUP, "IDLE", str(idle_ms), "-", "+", str(most), consumer

    def hand_over(self, consumer: str, entry_ids: Iterable[str], idle_ms: int = 0) -> Command:
        """Make entries that have been idle for at least `idle_ms` pending for `consumer`."""
        return "XCLAIM", self.key, streams.MAILBOX_GROUP, consumer, str(idle_ms), *entry_ids, "JUSTID"

    def when_taken(self, message_ids: Iterable[str]) -> Command:
        """Ask for each message when it was acknowledged, if it was, and lately."""
        return "ZMSCORE", self._taken, *message_ids

    def remove(self, entry_ids: Sequence[str]) -> list[Command]:
        """Remove entries from the inbox. All or none: one that is acknowledged, and stays, is never read again."""
        return [("XACK", self.key, streams.MAILBOX_GROUP, *entry_ids), ("XDEL", self.key, *entry_ids)]

    def acknowledge(self, entry_ids: Sequence[str], outcomes: Iterable[tuple[str, Prepared]]) -> Command:
        """Remove entries, remember the ids of their messages as acknowledged, and publish the events that say so.

        Redis accepts this while it has no memory left, for it makes room.
        """
        events = [word for id_, event in outcomes for word in (id_, streams.stream(event.shard), event.raw)]
        kept = (self._quiet_ms, str(streams.TAKEN_KEPT), str(len(entry_ids)))
        return "EVAL", scripts.ACKNOWLEDGE, "2", self.key, self._taken, *kept, *entry_ids, *events

    def ask(self, *commands: Command) -> Plan[list[Any]]:
        """Return the replies; raises PublishError, or GroupGone."""
        if not commands:
            return []
        answers, error = yield from replies(commands, self._timeout)
        if error is not None:
            raise self.error(error)
        return answers

    def creating(self) -> Plan[None]:
        """Create the inbox and its group; raises PublishError."""
        create = ("EVAL", scripts.CREATE, "1", self.key, self._quiet_ms)
        _, error = yield from replies([create], self._timeout)
        if error is not None:
            raise self.error(error)

    def do_at_once(self, commands: Sequence[Command]) -> Plan[None]:
        """Execute all commands or none; raises PublishError, or GroupGone."""
        _, error = yield from transaction(commands, self._timeout)
        if error is not None:
            raise self.error(error)

    def error(self, error: Exception) -> PublishError | GroupGone:
        """Return what an error of Redis means here."""
        if str(error).startswith(("NOGROUP", "UNBLOCKED")):
            return GroupGone(str(error))
        return publish_error(error, f"{self.key} was not read", self._timeout, _TRY_AGAIN)

    def _read(self, consumer: str, most: int) -> Command:
        return "XREADGROUP", "GROUP", streams.MAILBOX_GROUP, consumer, "COUNT", str(most)
