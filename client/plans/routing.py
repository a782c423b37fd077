"""Which consumer gets an entry that was read from an inbox: this one, another one, or none."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from flowledger.client.message import Message
from flowledger.client.plans.buffer import Buffer
from flowledger.client.plans.entries import Entry, message_of
from flowledger.client.plans.inbox_commands import InboxCommands
from flowledger.client.plans.presence import Presence
from flowledger.client.plans.steps import Command, Plan
from flowledger.domain import streams
from flowledger.domain.errors import Refused

logger = logging.getLogger(__name__)


class Router:
    """Puts the messages for this consumer into `buffer`."""

    def __init__(self, sandbox_id: str, commands: InboxCommands, presence: Presence, buffer: Buffer) -> None:
        self._sandbox_id = sandbox_id
        self._commands = commands
        self._presence = presence
        self._buffer = buffer

    def routing(self, found: Iterable[Entry]) -> Plan[None]:
        """Route entries that are pending for this consumer.

        Entries that were acknowledged before, or hold no message, leave the inbox. Expired messages go to a consumer
        that never lives: the ledger takes them out. Raises PublishError, GroupGone.
        """
        messages: list[Message] = []
        done: list[str] = []
        for entry in found:
            if not self._buffer.holds(entry.id):
                message = self._message_of(entry)
                if message is None:
                    done.append(entry.id)
                else:
                    messages.append(message)
        handed_over: list[Command] = []
        for message, known in zip(messages, (yield from self._were_acknowledged(messages)), strict=True):
            if known:
                done.append(message.entry_id)
            elif (consumer := (yield from self._other_consumer(message))) is not None:
                handed_over.append(self._commands.hand_over(consumer, [message.entry_id]))
            else:
                self._buffer.put(message)
        if done:
            yield from self._commands.do_at_once(self._commands.remove(done))
        yield from self._commands.ask(*handed_over)

    def _message_of(self, entry: Entry) -> Message | None:
        if entry.fields is None:
            return None
        try:
            return message_of(self._sandbox_id, entry.id, entry.fields)
        except Refused as refused:
            words = "entry %s of %s is no message, and was removed from the inbox: %s; it held %.2000s"
            logger.error(words, entry.id, self._commands.key, refused, list(entry.fields))  # noqa: TRY400 - no bug
            return None

    def _were_acknowledged(self, messages: list[Message]) -> Plan[list[bool]]:
        if not messages:
            return []
        (scores,) = yield from self._commands.ask(self._commands.when_taken(message.id for message in messages))
        return [score is not None for score in scores]

    def _other_consumer(self, message: Message) -> Plan[str | None]:
        """The consumer that a message is for; None if it is for this one."""
        if message.is_late(self._presence.now_ms):
            return streams.EXPIRED_CONSUMER
        asked, correlation = message.in_reply_to, message.correlation_id
        if message.message_type != "response" or asked is None or correlation is None:
            return None
        asker = correlation.removesuffix(f"/{asked}")
        if asker in (correlation, self._presence.name) or self._buffer.expects(asked):
            return None
        if not self._presence.is_alive(asker):
            yield from self._presence.looking()
        return asker if self._presence.is_alive(asker) else None
