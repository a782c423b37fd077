"""What a mailbox does, apart from how Redis is reached: plans (`client.plans`) for the faces in `client.mailbox`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Unpack

from flowledger.client.message import Message
from flowledger.client.plans.entries import moment
from flowledger.client.plans.inbox import Inbox
from flowledger.client.plans.outgoing import Outgoing, RequestOptions
from flowledger.client.plans.presence import Presence
from flowledger.client.plans.publishing import Published, publishing
from flowledger.client.plans.steps import Again, Plan, Result, Wait, publish_error, replies
from flowledger.domain.errors import BrokerUnavailable, MailboxClosed, NoMessage, RequestTimeout
from flowledger.domain.settings import Settings
from flowledger.domain.signing import Signer

_TURN_SECONDS: Final = 0.005
_TIME_TO_LEAVE_SECONDS: Final = 0.5
_MOST_AT_ONCE: Final = 100
"""Messages read, or acknowledged, in one round trip."""
_AGAIN: Final = Again("acknowledge again", ", nothing is doubled")


class Sent(NamedTuple):
    """A message that was accepted: its id, and the event that says it."""

    message_id: str
    published: Published


class MailboxPlans:
    """One sandbox's mailbox, as one consumer of its inbox."""

    def __init__(self, sandbox_id: str, settings: Settings, consumer: str | None, signer: Signer | None) -> None:
        self.is_open = False
        self.is_closed = False
        self._sandbox_id = sandbox_id
        self._timeout = settings.publish_timeout_seconds
        self._writer = Outgoing(sandbox_id, settings, signer)
        self.presence = Presence(sandbox_id, consumer, settings)
        self._inbox = Inbox(sandbox_id, settings, self.presence)
        self._opening = threading.Lock()

    def while_open(self, plan: Plan[Result]) -> Plan[Result]:
        """Does as `plan` says; raises MailboxClosed where it cannot, because the mailbox is closed."""
        self._check()
        try:
            return (yield from plan)
        except BrokerUnavailable:
            self._check()
            raise

    def opening(self) -> Plan[None]:
        """Makes the inbox where it is missing, and takes a place among its consumers."""
        while not self.is_open:
            self._check()
            if not self._opening.acquire(blocking=False):
                yield Wait(_TURN_SECONDS)
                continue
            try:
                if not self.is_open:
                    yield from self.presence.opening()
                    yield from self._inbox.opening()
                    self.is_open = True
            finally:
                self._opening.release()

    def closing(self) -> Plan[None]:
        """Lets those who read leave, and then the consumer."""
        self.is_closed = True
        yield from self._inbox.closing(_TIME_TO_LEAVE_SECONDS)
        yield from self.presence.leaving()

    def sending(
        self,
        content: Any,
        *,
        id: str | None = None,
        message_type: str = "notification",
        correlation_id: str | None = None,
        expires_in: float | timedelta | None = None,
        expires_at: datetime | None = None,
        to_sandbox_ids: Sequence[str] | None = None,
        broadcast: bool | None = None,
        workspace_id: str | None = None,
        thread_id: str | None = None,
        in_reply_to: str | None = None,
        execution_id: str | None = None,
        task_id: str | None = None,
        priority: int | None = None,
    ) -> Plan[Sent]:
        """Publishes `message.sent`; raises Refused, PublishError, and ValueError where it is to expire at two times."""
        if expires_in is not None:
            if expires_at is not None:
                raise ValueError("give expires_in or expires_at, not both")
            seconds = expires_in.total_seconds() if isinstance(expires_in, timedelta) else expires_in
            expires_at = moment((yield from self.presence.telling_time()) + seconds * 1000)
        message_id = self._writer.message_id(id)
        prepared = self._writer.sent(
            message_id,
            content,
            correlation_id,
            message_type=message_type,
            expires_at=expires_at,
            to_sandbox_ids=to_sandbox_ids,
            broadcast=broadcast,
            workspace_id=workspace_id,
            thread_id=thread_id,
            in_reply_to=in_reply_to,
            execution_id=execution_id,
            task_id=task_id,
            priority=priority,
        )
        (published,) = yield from publishing([prepared], self._timeout)
        return Sent(message_id, published)

    def requesting(
        self, to_sandbox_ids: Sequence[str], content: Any, timeout: float, **options: Unpack[RequestOptions]
    ) -> Plan[Message]:
        """Sends a request, and waits for its response; raises RequestTimeout, and what `sending` does.

        While Redis is away it waits on: the request is sent.
        """
        yield from self.opening()
        yield from self.presence.looking()  # who shares the inbox now may get the response
        options["id"] = message_id = self._writer.message_id(options.get("id"))
        correlation_id = f"{self.presence.name}/{message_id}"
        hands, end, trouble = self._inbox.hands, time.monotonic() + timeout, None
        hands.expect(message_id)
        try:
            yield from self.sending(
                content,
                message_type="request",
                correlation_id=correlation_id,
                to_sandbox_ids=to_sandbox_ids,
                **options,
            )
            while (response := hands.response(message_id)) is None:
                self._check()
                left = end - time.monotonic()
                if left <= 0:
                    words = f"nobody answered the request {message_id} within {timeout:g} s; it may still be answered"
                    raise RequestTimeout(f"{words}: then receive() gives the response", message_id) from trouble
                try:
                    yield from self._inbox.reading_for_response(left)
                except BrokerUnavailable as error:
                    trouble = error
            return response
        finally:
            hands.forget(message_id)

    def replying(self, message: Message, content: Any, **options: Unpack[RequestOptions]) -> Plan[Sent]:
        """Sends the response to a message."""
        options.setdefault("thread_id", message.thread_id or message.id)
        return self.sending(
            content,
            message_type="response",
            to_sandbox_ids=[message.from_sandbox_id],
            in_reply_to=message.id,
            correlation_id=message.correlation_id,
            **options,
        )

    def receiving(self, timeout: float | None, most: int | None = None) -> Plan[Message | None]:
        """The next message; None where there was none for `timeout` seconds."""
        yield from self.opening()
        end = None if timeout is None else time.monotonic() + timeout
        has_looked = False
        while (message := (yield from self._inbox.next())) is None:
            self._check()
            left = float("inf") if end is None else end - time.monotonic()
            if has_looked and left <= 0:
                break
            has_looked = yield from self._inbox.reading(max(left, 0), most)
        return message

    def receiving_many(self, most: int, timeout: float | None) -> Plan[list[Message]]:
        """Up to `most` messages: waits for the first, and takes what is there."""
        if most < 1:
            raise ValueError("most must be at least 1")
        messages: list[Message] = []
        try:
            message = yield from self.receiving(timeout, min(most, _MOST_AT_ONCE))
            while message is not None:
                messages.append(message)
                left = most - len(messages)
                message = None if not left else (yield from self.receiving(0, min(left, _MOST_AT_ONCE)))
        except BaseException:
            self._inbox.put_back(messages)
            raise
        return messages

    def acknowledging(self, messages: Iterable[Message], reason: str | None = None) -> Plan[None]:
        """Says what became of messages, and takes them out of the inbox: some hundred in a round trip, all or none."""
        messages = list(messages)
        for one in messages:
            if not isinstance(one, Message):
                raise NoMessage(f"acknowledge the Message itself, as `receive` gave it, not {str(one)[:100]!a}")
        unique = list({message.entry_id: message for message in messages}.values())
        if any(message.to != self._sandbox_id for message in unique):
            raise ValueError(f"only messages to {self._sandbox_id} can be acknowledged here")
        for place in range(0, len(unique), _MOST_AT_ONCE):
            yield from self._acknowledge(unique[place : place + _MOST_AT_ONCE], reason)

    def _acknowledge(self, messages: list[Message], reason: str | None) -> Plan[None]:
        commands, hands = self._inbox.commands, self._inbox.hands
        entry_ids = [entry_id for message in messages for entry_id in hands.entries_of(message)]
        known = yield from self._acknowledged_before([one for one in messages if not hands.holds(one.entry_id)])
        fresh = [message for message in messages if message.entry_id not in known]
        verdicts = [(message.id, self._writer.verdict(message, reason)) for message in fresh]
        _, error = yield from replies([commands.acknowledge(entry_ids, verdicts)], self._timeout)
        if error is not None:
            count = f"{len(messages)} message{'' if len(messages) == 1 else 's'}"
            raise publish_error(error, f"{count} not acknowledged", self._timeout, _AGAIN)
        hands.drop(messages)
        self._writer.forget(messages, reason)

    def _acknowledged_before(self, messages: list[Message]) -> Plan[set[str]]:
        """Which entries of messages that are not in these hands hold what was acknowledged lately, by whomever."""
        if not messages:
            return set()
        commands = self._inbox.commands
        (scores,) = yield from commands.ask(commands.when_taken(message.id for message in messages))
        return {message.entry_id for message, score in zip(messages, scores, strict=True) if score is not None}

    def _check(self) -> None:
        if self.is_closed:
            raise MailboxClosed(f"the mailbox of {self._sandbox_id} is closed")
