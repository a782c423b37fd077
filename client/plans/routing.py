"""Whose are the entries that were read from an inbox: this consumer's, another's, or nobody's."""

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
    """Puts into `buffer` what is to be handed out by this consumer."""

    def __init__(self, sandbox_id: str, commands: InboxCommands, presence: Presence, buffer: Buffer) -> None:
        self._sandbox_id = sandbox_id
        self._commands = commands
        self._presence = presence
        self._buffer = buffer

    def taking(self, found: Iterable[Entry]) -> Plan[None]:
        """Sorts entries that Redis has put into the hands of this consumer.

        What was acknowledged before, and what is no message, leave the inbox. Messages that are too late are put into
        nobody's hands: the ledger takes them out. Raises PublishError, GroupGone.
        """
        messages: list[Message] = []
        done: list[str] = []
        for entry in found:
            if not self._buffer.holds(entry.id):
                message = self._understood(entry)
                if message is None:
                    done.append(entry.id)
                else:
                    messages.append(message)
        elsewhere: list[Command] = []
        for message, taken in zip(messages, (yield from self._were_taken(messages)), strict=True):
            if taken:
                done.append(message.entry_id)
            elif (consumer := (yield from self._whose(message))) is not None:
                elsewhere.append(self._commands.hand_over(consumer, [message.entry_id]))
            else:
                self._buffer.put(message)
        if done:
            yield from self._commands.do_at_once(self._commands.take_out(done))
        yield from self._commands.ask(*elsewhere)

    def _understood(self, entry: Entry) -> Message | None:
        if entry.fields is None:
            return None
        try:
            return message_of(self._sandbox_id, entry.id, entry.fields)
        except Refused as refused:
            words = "entry %s of %s is no message, and was taken out of the inbox: %s; it held %.2000s"
            logger.error(words, entry.id, self._commands.key, refused, list(entry.fields))  # noqa: TRY400 - no bug
            return None

    def _were_taken(self, messages: list[Message]) -> Plan[list[bool]]:
        if not messages:
            return []
        (scores,) = yield from self._commands.ask(self._commands.when_taken(message.id for message in messages))
        return [score is not None for score in scores]

    def _whose(self, message: Message) -> Plan[str | None]:
        """In whose hands a message belongs; None: in those of this consumer."""
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
