"""The plans of a mailbox, which `client.mailbox` follows to block or to await."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Final, Unpack

from flowledger.client.message import Message
from flowledger.client.plans.arguments import most_of, seconds_of
from flowledger.client.plans.commands import replies
from flowledger.client.plans.entries import moment
from flowledger.client.plans.inbox import Inbox
from flowledger.client.plans.locks import Lock, holding
from flowledger.client.plans.outgoing import Outgoing, RequestOptions, Sent
from flowledger.client.plans.presence import Presence
from flowledger.client.plans.publishing import attributes_of, publishing
from flowledger.client.plans.redis_errors import Retry, publish_error
from flowledger.client.plans.steps import Plan, Result
from flowledger.domain import streams
from flowledger.domain.errors import BrokerUnavailable, InvalidArgument, MailboxClosed, NoMessage, RequestTimeout
from flowledger.domain.settings import Settings
from flowledger.domain.signing import Signer
from flowledger.domain.traces import EVENTS, INBOX, Operation, Span, span

_TIME_TO_LEAVE_SECONDS: Final = 0.5
_MOST_AT_ONCE: Final = 100
"""Messages read, or acknowledged, in one round trip."""
_ACKNOWLEDGE_AGAIN: Final = Retry("acknowledge again", ", nothing is doubled")


class MailboxPlans:
    """One sandbox's mailbox, as one consumer of its inbox."""

    def __init__(self, sandbox_id: str, settings: Settings, consumer: str | None, signer: Signer | None) -> None:
        self.is_open = False
        self.is_closed = False
        self._sandbox_id = sandbox_id
        self._timeout = settings.publish_timeout_seconds
        self._outgoing = Outgoing(sandbox_id, settings, signer)
        self.presence = Presence(sandbox_id, consumer, settings)
        self._inbox = Inbox(sandbox_id, settings, self.presence)
        self._lock = Lock()

    def while_open(self, plan: Plan[Result]) -> Plan[Result]:
        """Follow `plan`; raises MailboxClosed if the mailbox is closed before or meanwhile."""
        self._check()
        try:
            return (yield from plan)
        except BrokerUnavailable:
            self._check()
            raise

    def opening(self) -> Plan[None]:
        """Create the inbox if it is missing, and take a place among its consumers."""
        while not self.is_open:
            self._check()
            yield from holding(self._lock, self._open())

    def closing(self) -> Plan[None]:
        """Wait for those who read, and remove this consumer's sign of life."""
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
        answers: Message | None = None,
    ) -> Plan[Sent]:
        """Publish `message.sent`; raises Refused, PublishError, and InvalidArgument for an expiry that is none."""
        if expires_in is not None:
            if expires_at is not None:
                raise InvalidArgument("give expires_in or expires_at, not both")
            seconds = _seconds(expires_in)
            expires_at = _expiry((yield from self.presence.asking_time()), seconds)
        message_id = self._outgoing.message_id(id)
        with span("publish", EVENTS, [] if answers is None else [answers.trace]) as made:
            prepared = self._outgoing.sent(
                message_id,
                content,
                correlation_id,
                made.trace,
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
            published = yield from publishing([prepared], self._timeout)
            made.set(attributes_of(published))
        return Sent(message_id, published[0])

    def requesting(
        self, to_sandbox_ids: Sequence[str], content: Any, timeout: float, **options: Unpack[RequestOptions]
    ) -> Plan[Message]:
        """Send a request, and wait for its response; raises RequestTimeout, and what `sending` does.

        Go on waiting while Redis is unreachable: the request was sent.
        """
        timeout = seconds_of("timeout", timeout)
        yield from self.opening()
        yield from self.presence.looking()  # who shares the inbox now may get the response
        options["id"] = message_id = self._outgoing.message_id(options.get("id"))
        correlation_id = f"{self.presence.name}/{message_id}"
        buffer, end, trouble = self._inbox.buffer, time.monotonic() + timeout, None
        buffer.expect(message_id)
        try:
            yield from self.sending(
                content,
                message_type="request",
                correlation_id=correlation_id,
                to_sandbox_ids=to_sandbox_ids,
                **options,
            )
            while (response := buffer.response(message_id)) is None:
                self._check()
                left = end - time.monotonic()
                if left <= 0:
                    words = f"nobody answered the request {message_id} within {timeout:g} s; it may still be answered"
                    raise RequestTimeout(f"{words}: then receive() gives the response", message_id) from trouble
                try:
                    yield from self._inbox.reading_for_response(message_id, left)
                except BrokerUnavailable as error:
                    trouble = error
            with self._span("receive", [response]):
                return response
        finally:
            buffer.forget(message_id)

    def replying(self, message: Message, content: Any, **options: Unpack[RequestOptions]) -> Plan[Sent]:
        """Send the response to a message; raises NoMessage, and what `sending` does."""
        _check_message(message, "reply to")
        options.setdefault("thread_id", message.thread_id or message.id)
        return self.sending(
            content,
            message_type="response",
            to_sandbox_ids=[message.from_sandbox_id],
            in_reply_to=message.id,
            correlation_id=message.correlation_id,
            answers=message,
            **options,
        )

    def receiving(self, timeout: float | None, most: int | None = None) -> Plan[Message | None]:
        """Return the next message; None if there was none for `timeout` seconds."""
        seconds = float("inf") if timeout is None else seconds_of("timeout", timeout)
        yield from self.opening()
        end = time.monotonic() + seconds
        has_looked = False
        while (message := (yield from self._inbox.next())) is None:
            self._check()
            left = end - time.monotonic()
            if has_looked and left <= 0:
                break
            has_looked = yield from self._inbox.reading(self._inbox.buffer.has_next, max(left, 0), most)
        if message is not None:
            with self._span("receive", [message]):
                pass
        return message

    def receiving_many(self, most: int, timeout: float | None) -> Plan[list[Message]]:
        """Return up to `most` messages: wait for the first, and take what is there."""
        most = most_of(most)
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

    def acknowledging(self, messages: Iterable[Message]) -> Plan[None]:
        """Publish that messages are delivered, and remove them from the inbox: a hundred in a round trip, or none."""
        return self._ending(messages, None)

    def failing(self, message: Message, reason: str) -> Plan[None]:
        """Publish that a message failed, and remove it from the inbox. Raises InvalidArgument without a reason."""
        if not isinstance(reason, str):
            kind = type(reason).__name__
            raise InvalidArgument(
                f"nack needs a reason that is text, not one of type {kind}; ack reports a message as done"
            )
        return self._ending((message,), reason)

    def _ending(self, messages: Iterable[Message], reason: str | None) -> Plan[None]:
        messages = list(messages)
        for one in messages:
            _check_message(one, "acknowledge")
        unique = list({message.entry_id: message for message in messages}.values())
        other = next((message.to for message in unique if message.to != self._sandbox_id), None)
        if other is not None:
            raise InvalidArgument(f"only messages to {self._sandbox_id} can be acknowledged here, not one to {other}")
        for place in range(0, len(unique), _MOST_AT_ONCE):
            yield from self._acknowledge(unique[place : place + _MOST_AT_ONCE], reason)

    def _acknowledge(self, messages: list[Message], reason: str | None) -> Plan[None]:
        commands, buffer = self._inbox.commands, self._inbox.buffer
        entry_ids = [entry_id for message in messages for entry_id in buffer.entries_of(message)]
        known = yield from self._acknowledged_before([one for one in messages if not buffer.holds(one.entry_id)])
        fresh = [message for message in messages if message.entry_id not in known]
        with self._span("ack" if reason is None else "nack", messages) as made:
            outcomes = [(one.id, self._outgoing.outcome(one, reason, made.trace or one.trace)) for one in fresh]
            _, error = yield from replies([commands.acknowledge(entry_ids, outcomes)], self._timeout)
            if error is not None:
                count = f"{len(messages)} message{'' if len(messages) == 1 else 's'}"
                raise publish_error(error, f"{count} not acknowledged", self._timeout, _ACKNOWLEDGE_AGAIN)
        buffer.drop(messages)
        self._outgoing.forget(messages, reason)

    def _span(self, operation: Operation, messages: Sequence[Message]) -> AbstractContextManager[Span]:
        given: dict[str, str | int] = {"messaging.destination.name": streams.inbox(self._sandbox_id)}
        if len(messages) == 1:
            given["messaging.message.id"] = messages[0].id
        else:
            given["messaging.batch.message_count"] = len(messages)
        return span(operation, INBOX, [message.trace for message in messages], attributes=given)

    def _acknowledged_before(self, messages: list[Message]) -> Plan[set[str]]:
        """The entries of those messages, unknown to this mailbox, that any consumer acknowledged lately."""
        if not messages:
            return set()
        commands = self._inbox.commands
        (scores,) = yield from commands.ask(commands.when_taken(message.id for message in messages))
        return {message.entry_id for message, score in zip(messages, scores, strict=True) if score is not None}

    def _open(self) -> Plan[None]:
        self._check()
        if not self.is_open:
            yield from self.presence.opening()
            yield from self._inbox.opening()
            self.is_open = True

    def _check(self) -> None:
        if self.is_closed:
            raise MailboxClosed(f"the mailbox of {self._sandbox_id} is closed")


def _check_message(message: object, what: str) -> None:
    if not isinstance(message, Message):
        raise NoMessage(f"{what} the Message itself, as `receive` returned it, not {str(message)[:100]!a}")


def _seconds(expires_in: float | timedelta) -> float:
    if isinstance(expires_in, timedelta):
        return expires_in.total_seconds()
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        kind = type(expires_in).__name__
        raise InvalidArgument(f"expires_in must be a number of seconds or a timedelta, not of type {kind}")
    return expires_in


def _expiry(now_ms: float, seconds: float) -> datetime:
    try:
        return moment(now_ms + seconds * 1000)
    except (OverflowError, ValueError):
        raise InvalidArgument(f"expires_in: no calendar has the time {seconds:g} s from now") from None
