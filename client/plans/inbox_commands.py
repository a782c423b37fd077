"""What is said to Redis about one inbox (contract, section 8): plain commands, on keys that belong to its sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from flowledger.client import scripts
from flowledger.client.plans.steps import Again, Command, Plan, publish_error, replies, transaction
from flowledger.client.prepared import Prepared
from flowledger.domain import streams
from flowledger.domain.errors import LedgerError, PublishError
from flowledger.domain.settings import Settings

_AGAIN: Final = Again("try again")


class GroupGone(LedgerError):
    """The inbox, or its group, is not there any more: Redis has lost its data."""


class InboxCommands:
    """The commands, and plans that say them: within `publish_timeout_seconds`, and with errors that say what to do."""

    def __init__(self, sandbox_id: str, settings: Settings) -> None:
        self.key = streams.inbox(sandbox_id)
        self._taken = streams.taken(sandbox_id)
        self._timeout = settings.publish_timeout_seconds
        self._quiet_ms = str(settings.inbox_quiet_seconds * 1000)

    def read_held(self, consumer: str, after: str, most: int) -> Command:
        """What is in the hands of `consumer`, from the entry behind `after` on."""
        return *self._read(consumer, most), "STREAMS", self.key, after

    def read_new(self, consumer: str, most: int, seconds: float) -> Command:
        """What nobody has read; waits for up to `seconds` where there is nothing."""
        block = ("BLOCK", str(max(int(seconds * 1000), 1))) if seconds > 0 else ()
        return *self._read(consumer, most), *block, "STREAMS", self.key, ">"

    def count_held(self) -> Command:
        """How many entries are in whose hands."""
        return "XPENDING", self.key, streams.MAILBOX_GROUP

    def held(self, consumer: str, most: int, idle_ms: int = 0) -> Command:
        """Which entries are in the hands of `consumer`, for at least `idle_ms`."""
        return "XPENDING", self.key, streams.MAILBOX_GROUP, "IDLE", str(idle_ms), "-", "+", str(most), consumer

    def hand_over(self, consumer: str, entry_ids: Iterable[str], idle_ms: int = 0) -> Command:
        """Entries that have been in the same hands for at least `idle_ms` are in those of `consumer`."""
        return "XCLAIM", self.key, streams.MAILBOX_GROUP, consumer, str(idle_ms), *entry_ids, "JUSTID"

    def when_taken(self, message_ids: Iterable[str]) -> Command:
        """For each message when it was acknowledged, if it was, and lately."""
        return "ZMSCORE", self._taken, *message_ids

    def take_out(self, entry_ids: Sequence[str]) -> list[Command]:
        """Entries leave the inbox. All or none: one that is acknowledged, and stays, is never read again."""
        return [("XACK", self.key, streams.MAILBOX_GROUP, *entry_ids), ("XDEL", self.key, *entry_ids)]

    def acknowledge(self, entry_ids: Sequence[str], verdicts: Iterable[tuple[str, Prepared]]) -> Command:
        """Entries leave the inbox; messages, by their ids, are known to be acknowledged, and the verdicts say so.

        Allowed while Redis has no memory left, for it makes room.
        """
        said = [word for id_, verdict in verdicts for word in (id_, streams.stream(verdict.shard), verdict.raw)]
        kept = (self._quiet_ms, str(streams.TAKEN_KEPT), str(len(entry_ids)))
        return "EVAL", scripts.ACKNOWLEDGE, "2", self.key, self._taken, *kept, *entry_ids, *said

    def ask(self, *commands: Command) -> Plan[list[Any]]:
        """The replies; raises PublishError, or GroupGone."""
        if not commands:
            return []
        answers, error = yield from replies(commands, self._timeout)
        if error is not None:
            raise self.error(error)
        return answers

    def creating(self) -> Plan[None]:
        """Makes the inbox and its group; raises PublishError."""
        create = ("XGROUP", "CREATE", self.key, streams.MAILBOX_GROUP, "0", "MKSTREAM")
        _, error = yield from replies([create], self._timeout)
        if error is not None and not str(error).startswith("BUSYGROUP"):
            raise self.error(error)

    def do_at_once(self, commands: Sequence[Command]) -> Plan[None]:
        """All commands or none; raises PublishError."""
        _, error = yield from transaction(commands, self._timeout)
        if error is not None:
            raise self.error(error)

    def error(self, error: Exception) -> PublishError | GroupGone:
        """What an error of Redis means here."""
        if str(error).startswith(("NOGROUP", "UNBLOCKED")):
            return GroupGone(str(error))
        return publish_error(error, f"{self.key} was not read", self._timeout, _AGAIN)

    def _read(self, consumer: str, most: int) -> Command:
        return "XREADGROUP", "GROUP", streams.MAILBOX_GROUP, consumer, "COUNT", str(most)
