"""`Mailbox` for agents that block and `AsyncMailbox` for those that await: two faces of `client.plans`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Self, Unpack

from flowledger.client.drivers import AsyncDriver, Driver
from flowledger.client.message import Message
from flowledger.client.plans.mailbox import MailboxPlans, Sent
from flowledger.client.plans.outgoing import BroadcastOptions, RequestOptions, SendOptions, recipients
from flowledger.client.plans.steps import Plan, Result
from flowledger.domain.errors import MailboxClosed
from flowledger.domain.settings import Settings
from flowledger.domain.signing import Signer


class Mailbox:
    """The mailbox of one sandbox; to be used in a `with`, or closed. Safe to share between threads.

    with Mailbox("sb_0a1b2c3d4e", "redis://127.0.0.1:6379/0") as mailbox:
        mailbox.send("sb_5f6a7b8c9d", {"text": "hello"})
        for message in mailbox:
            ...
            mailbox.ack(message)

    Several processes may have a mailbox of the same sandbox: they share its messages, each goes to one of them. What
    one of them has not acknowledged comes again, in order, when it is started again, or else, when it is dead for
    `mailbox_lease_seconds`, to another: at least once, so look at `Message.id` where that matters.
    """

    def __init__(
        self,
        sandbox_id: str,
        redis_url: str | None = None,
        settings: Settings | None = None,
        *,
        consumer: str | None = None,
        signer: Signer | None = None,
        **given: Any,
    ) -> None:
        """`redis_url`, else the environment's `REDIS_URL`; `given` are fields of `domain.settings.Settings`.

        `consumer` is this process's name among those that share the inbox, where it has one that nobody else uses and
        that it keeps when it is started again; else it takes the first of `1`, `2` … whose consumer does not live.
        `signer` is given each envelope just before it is sent, and returns what is sent.

        Raises SettingsError where there is no URL, or a setting cannot be used.
        """
        self.sandbox_id = sandbox_id
        self.settings = _settings(redis_url, settings, given)
        self._mailing = MailboxPlans(sandbox_id, self.settings, consumer, signer)
        self._driver = Driver(self.settings)
        self._heart: threading.Thread | None = None
        self._heart_lock = threading.Lock()

    @property
    def consumer(self) -> str:
        """The name among those that share the inbox; empty until it is open, unless one was given."""
        return self._mailing.presence.name

    def open(self) -> None:
        """Makes the inbox, and takes a place among its consumers; `with` does so, or the first call that reads.

        Takes up to 1.6 s where a consumer was killed just now: whether it lives must be seen. Raises BrokerUnavailable,
        BrokerFull where there is no inbox yet and no memory for one, and SettingsError if the consumer that was named
        lives in another process.
        """
        self._follow(self._mailing.opening())
        with self._heart_lock:
            if self._heart is None and not self._mailing.is_closed:
                self._heart = threading.Thread(target=self._beat, name="flowledger-mailbox", daemon=True)
                self._heart.start()

    def send(self, to: str | Iterable[str], content: Any, **options: Unpack[SendOptions]) -> Sent:
        """Sends a message to one sandbox or several; returns when Redis has it, its `message_id` and `published`.

        `content` is any JSON value. Options: `message_type` (a notification unless said), `thread_id`, `workspace_id`,
        `in_reply_to`, `execution_id`, `task_id`, `expires_in` (seconds or a timedelta) or `expires_at` (a datetime with
        a zone), `priority`, `id`, `correlation_id`.

        Raises Refused where it breaks the contract or is too large (nothing was sent), BrokerUnavailable or BrokerFull
        where Redis did not confirm it in time: it may have arrived all the same. With an `id` of your own, or the
        `message_id` that this gave, you can send the very same message again: it arrives once. The id of a message
        begins with its sandbox's: nobody else's message can have it.
        """
        return self._follow(self._mailing.sending(content, to_sandbox_ids=recipients(to), **options))

    def broadcast(self, workspace_id: str, content: Any, **options: Unpack[BroadcastOptions]) -> Sent:
        """Sends a message to all sandboxes that a workspace has when it is recorded; options and errors as `send`."""
        return self._follow(self._mailing.sending(content, broadcast=True, workspace_id=workspace_id, **options))

    def request(
        self, to: str | Iterable[str], content: Any, *, timeout: float, **options: Unpack[RequestOptions]
    ) -> Message:
        """Sends a request and waits up to `timeout` seconds for the first response; acknowledge it like any message.

        What else arrives meanwhile is kept for `receive`, in order. Raises RequestTimeout, which has the `message_id`;
        MailboxClosed; and what `send` does, where the request was not sent. Options as `send`, without `message_type`,
        `in_reply_to`, `correlation_id`.
        """
        self.open()
        return self._follow(self._mailing.requesting(recipients(to), content, timeout, **options))

    def reply(self, message: Message, content: Any, **options: Unpack[RequestOptions]) -> Sent:
        """Sends a response to the sender of `message`, in its thread (or one that begins with it).

        To acknowledge the message is another thing: do so afterwards. Options as `request`, errors as `send`.
        """
        return self._follow(self._mailing.replying(message, content, **options))

    def receive(self, timeout: float | None = None) -> Message | None:
        """The next message, in the order of the inbox; None where there was none for `timeout` seconds.

        Messages that this consumer had and did not acknowledge before it was started come first. Raises MailboxClosed
        where the mailbox is closed meanwhile, BrokerUnavailable where Redis was away for `publish_timeout_seconds`,
        whatever the `timeout`.
        """
        self.open()
        return self._follow(self._mailing.receiving(timeout))

    def receive_many(self, most: int, timeout: float | None = None) -> list[Message]:
        """Up to `most` messages: waits for the first as `receive` does, and takes with it what is there."""
        self.open()
        return self._follow(self._mailing.receiving_many(most, timeout))

    def __iter__(self) -> Iterator[Message]:
        """Messages as they come, until the mailbox is closed."""
        while True:
            try:
                message = self.receive()
            except MailboxClosed:
                return
            if message is not None:
                yield message

    def ack(self, message: Message) -> None:
        """Says that a message is done with (`message.delivered`); it does not come again.

        One that is acknowledged already is no error. Allowed while Redis has no memory left. Raises BrokerUnavailable:
        then it is not known to be done; acknowledge it again, and nothing is doubled.
        """
        self.ack_many((message,))

    def ack_many(self, messages: Iterable[Message]) -> None:
        """The same for several, a hundred in a round trip."""
        self._follow(self._mailing.acknowledging(messages))

    def nack(self, message: Message, reason: str) -> None:
        """Says that a message cannot be dealt with, and why (`message.failed`); it does not come again. As `ack`."""
        self._follow(self._mailing.acknowledging((message,), reason))

    def close(self) -> None:
        """Ends whoever waits (MailboxClosed), and leaves: what was not acknowledged comes to the next one."""
        if self._driver.closed.is_set():
            return
        self._mailing.is_closed = True
        self._driver.closed.set()
        with self._heart_lock:
            heart = self._heart
        if heart is not None:
            heart.join()
        self._driver.follow(self._mailing.closing())
        self._driver.close()

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _beat(self) -> None:
        self._driver.follow(self._mailing.presence.beating(), until_closed=True)

    def _follow(self, plan: Plan[Result]) -> Result:
        return self._driver.follow(self._mailing.while_open(plan), until_closed=True)


class AsyncMailbox:
    """The same for asyncio; to be used in an `async with`, or closed. Safe to share between tasks."""

    def __init__(
        self,
        sandbox_id: str,
        redis_url: str | None = None,
        settings: Settings | None = None,
        *,
        consumer: str | None = None,
        signer: Signer | None = None,
        **given: Any,
    ) -> None:
        """As `Mailbox`."""
        self.sandbox_id = sandbox_id
        self.settings = _settings(redis_url, settings, given)
        self._mailing = MailboxPlans(sandbox_id, self.settings, consumer, signer)
        self._driver = AsyncDriver(self.settings)
        self._heart: asyncio.Task[None] | None = None

    @property
    def consumer(self) -> str:
        """As `Mailbox.consumer`."""
        return self._mailing.presence.name

    async def open(self) -> None:
        """As `Mailbox.open`. Signs of life come from the event loop: one that is held up for long seems dead."""
        await self._follow(self._mailing.opening())
        if self._heart is None and not self._mailing.is_closed:
            beating = self._driver.follow(self._mailing.presence.beating(), until_closed=True)
            self._heart = asyncio.create_task(beating)

    async def send(self, to: str | Iterable[str], content: Any, **options: Unpack[SendOptions]) -> Sent:
        """As `Mailbox.send`."""
        return await self._follow(self._mailing.sending(content, to_sandbox_ids=recipients(to), **options))

    async def broadcast(self, workspace_id: str, content: Any, **options: Unpack[BroadcastOptions]) -> Sent:
        """As `Mailbox.broadcast`."""
        return await self._follow(self._mailing.sending(content, broadcast=True, workspace_id=workspace_id, **options))

    async def request(
        self, to: str | Iterable[str], content: Any, *, timeout: float, **options: Unpack[RequestOptions]
    ) -> Message:
        """As `Mailbox.request`."""
        await self.open()
        return await self._follow(self._mailing.requesting(recipients(to), content, timeout, **options))

    async def reply(self, message: Message, content: Any, **options: Unpack[RequestOptions]) -> Sent:
        """As `Mailbox.reply`."""
        return await self._follow(self._mailing.replying(message, content, **options))

    async def receive(self, timeout: float | None = None) -> Message | None:
        """As `Mailbox.receive`; where it is cancelled, nothing is lost."""
        await self.open()
        return await self._follow(self._mailing.receiving(timeout))

    async def receive_many(self, most: int, timeout: float | None = None) -> list[Message]:
        """As `Mailbox.receive_many`."""
        await self.open()
        return await self._follow(self._mailing.receiving_many(most, timeout))

    async def __aiter__(self) -> AsyncIterator[Message]:
        """As iterating over a `Mailbox`."""
        while True:
            try:
                message = await self.receive()
            except MailboxClosed:
                return
            if message is not None:
                yield message

    async def ack(self, message: Message) -> None:
        """As `Mailbox.ack`."""
        await self.ack_many((message,))

    async def ack_many(self, messages: Iterable[Message]) -> None:
        """As `Mailbox.ack_many`."""
        await self._follow(self._mailing.acknowledging(messages))

    async def nack(self, message: Message, reason: str) -> None:
        """As `Mailbox.nack`."""
        await self._follow(self._mailing.acknowledging((message,), reason))

    async def close(self) -> None:
        """As `Mailbox.close`."""
        if self._driver.closed.is_set():
            return
        self._mailing.is_closed = True
        self._driver.closed.set()
        if self._heart is not None:
            await asyncio.wait((self._heart,))
        await self._driver.follow(self._mailing.closing())
        await self._driver.close()

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _follow(self, plan: Plan[Result]) -> Result:
        return await self._driver.follow(self._mailing.while_open(plan), until_closed=True)


def _settings(redis_url: str | None, settings: Settings | None, given: dict[str, Any]) -> Settings:
    if redis_url is not None:
        given["redis_url"] = redis_url
    return settings or Settings.load(**given)
