"""`Mailbox` for agents that block, `AsyncMailbox` for those that await."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial
from typing import Any, Self, Unpack

from flowledger.client.drivers import AsyncDriver, Driver
from flowledger.client.forks import begin
from flowledger.client.message import Message
from flowledger.client.plans.mailbox import MailboxPlans
from flowledger.client.plans.outgoing import BroadcastOptions, RequestOptions, SendOptions, Sent, recipients
from flowledger.client.plans.steps import Plan, Result
from flowledger.domain.errors import MailboxClosed
from flowledger.domain.settings import Settings
from flowledger.domain.signing import Signer


class Mailbox:
    """The mailbox of one sandbox; use it in a `with`, or close it. Safe to share between threads.

    with Mailbox("sb_0a1b2c3d4e", "redis://127.0.0.1:6379/0") as mailbox:
        mailbox.send("sb_5f6a7b8c9d", {"text": "hello"})
        for message in mailbox:
            ...
            mailbox.ack(message)

    Several processes may have a mailbox of the same sandbox: they share its messages, each goes to one of them. What a
    process has not acknowledged comes again, in order, when it is restarted, or, when it has been dead for
    `mailbox_lease_seconds`, to another one: at least once, so look at `Message.id` if that matters. After a fork
    the child is another consumer: it opens the mailbox anew.
    """

    _heart: threading.Thread | None
    _heart_lock: threading.Lock

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
        """`redis_url` and `given`, fields of `domain.settings.Settings`, win over `settings`, else the environment.

        `consumer` is this process's name among those that share the inbox, if it has one that nobody else uses and that
        it keeps when it is restarted; else it takes the first of `1`, `2` … whose consumer does not live. `signer` is
        called with each envelope just before it is sent, and returns the one that is sent.

        Raises SettingsError if there is no URL, or a setting cannot be used.
        """
        self.sandbox_id = sandbox_id
        self.settings = _settings(redis_url, settings, given)
        self._new_plans = partial(MailboxPlans, sandbox_id, self.settings, consumer, signer)
        self._drivers: list[Driver] = []
        begin(self._begin)

    @property
    def consumer(self) -> str:
        """The name among those that share the inbox; empty until it is open, unless one was given."""
        return self._plans.presence.name

    def open(self) -> None:
        """Create the inbox, and take a place among its consumers; `with` does so, or the first call that reads.

        Takes up to 1.6 s if a consumer was killed just now: it must be seen whether it lives. Raises BrokerUnavailable,
        BrokerFull if there is no inbox yet and no memory for one, and SettingsError if the consumer that was named
        lives in another process.
        """
        self._follow(self._plans.opening())
        with self._heart_lock:
            if self._heart is None and not self._plans.is_closed:
                self._heart = threading.Thread(target=self._beat, name="flowledger-mailbox", daemon=True)
                self._heart.start()

    def send(self, to: str | Iterable[str], content: Any, **options: Unpack[SendOptions]) -> Sent:
        """Send a message to one sandbox or several; return when Redis has it, with its `message_id` and `published`.

        `content` is any JSON value. Options: `message_type` (a notification by default), `thread_id`, `workspace_id`,
        `in_reply_to`, `execution_id`, `task_id`, `expires_in` (seconds or a timedelta) or `expires_at` (a datetime with
        a zone), `priority`, `id`, `correlation_id`.

        Raises Refused if the message breaks the contract or is too large (nothing was sent), BrokerUnavailable or
        BrokerFull if Redis did not confirm it in time: it may have arrived all the same. With an `id` of your own, or
        the `message_id` that this returned, you can send the same message again: it arrives once. The id of a message
        begins with its sandbox's: nobody else's message can have it.
        """
        return self._follow(self._plans.sending(content, to_sandbox_ids=recipients(to), **options))

    def broadcast(self, workspace_id: str, content: Any, **options: Unpack[BroadcastOptions]) -> Sent:
        """Send a message to all sandboxes that a workspace has when it is recorded; options and errors as `send`."""
        return self._follow(self._plans.sending(content, broadcast=True, workspace_id=workspace_id, **options))

    def request(
        self, to: str | Iterable[str], content: Any, *, timeout: float, **options: Unpack[RequestOptions]
    ) -> Message:
        """Send a request and wait up to `timeout` seconds for the first response; acknowledge it like any message.

        What else arrives meanwhile is kept for `receive`, in order. Raises RequestTimeout, which has the `message_id`;
        MailboxClosed; and what `send` does, if the request was not sent. Options as `send`, without `message_type`,
        `in_reply_to`, `correlation_id`.
        """
        self.open()
        return self._follow(self._plans.requesting(recipients(to), content, timeout, **options))

    def reply(self, message: Message, content: Any, **options: Unpack[RequestOptions]) -> Sent:
        """Send a response to the sender of `message`, in its thread (or one that begins with it).

        This does not acknowledge the message: do so afterwards. Options as `request`, errors as `send`.
        """
        return self._follow(self._plans.replying(message, content, **options))

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next message, in the order of the inbox; None if there was none for `timeout` seconds.

        Messages that this consumer received before it was restarted, and did not acknowledge, come first. Raises
        MailboxClosed if the mailbox is closed meanwhile, BrokerUnavailable if Redis was unreachable for
        `publish_timeout_seconds`, whatever the `timeout`.
        """
        self.open()
        return self._follow(self._plans.receiving(timeout))

    def receive_many(self, most: int, timeout: float | None = None) -> list[Message]:
        """Return up to `most` messages: wait for the first as `receive` does, and take with it what is there."""
        self.open()
        return self._follow(self._plans.receiving_many(most, timeout))

    def __iter__(self) -> Iterator[Message]:
        """Yield messages as they come, until the mailbox is closed."""
        while True:
            try:
                message = self.receive()
            except MailboxClosed:
                return
            if message is not None:
                yield message

    def ack(self, message: Message) -> None:
        """Acknowledge a message (`message.delivered`); it does not come again.

        To acknowledge it twice is no error. Redis accepts this while it has no memory left. Raises BrokerUnavailable if
        it was not confirmed: acknowledge it again, and nothing is doubled.
        """
        self.ack_many((message,))

    def ack_many(self, messages: Iterable[Message]) -> None:
        """Acknowledge several messages, a hundred in a round trip."""
        self._follow(self._plans.acknowledging(messages))

    def nack(self, message: Message, reason: str) -> None:
        """Acknowledge a message as failed (`message.failed`), for a reason; it does not come again.

        Raises InvalidArgument if the reason is no text, and what `ack` does.
        """
        self._follow(self._plans.failing(message, reason))

    def close(self) -> None:
        """End the calls that wait (MailboxClosed), and leave the inbox: what was not acknowledged comes again."""
        if self._driver.is_stopped:
            return
        self._plans.is_closed = True
        self._driver.stop()
        with self._heart_lock:
            heart = self._heart
        if heart is not None:
            heart.join()
        self._driver.follow(self._plans.closing())
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

    def _begin(self) -> None:
        is_closed = any(driver.is_stopped for driver in self._drivers)
        self._plans, self._driver = self._new_plans(), Driver(self.settings)
        self._drivers.append(self._driver)  # a parent's is kept: if it were let go, its connections would be closed
        self._heart = None
        self._heart_lock = threading.Lock()
        if is_closed:
            self._plans.is_closed = True
            self._driver.stop()

    def _beat(self) -> None:
        self._driver.follow(self._plans.presence.beating(), until_stopped=True)

    def _follow(self, plan: Plan[Result]) -> Result:
        return self._driver.follow(self._plans.while_open(plan), until_stopped=True)


class AsyncMailbox:
    """The same for asyncio; use it in an `async with`, or close it. Safe to share between tasks.

    One event loop after another may use it. It gives signs of life in those that called `open` or `receive`."""

    _heart: asyncio.Task[None] | None

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
        self._new_plans = partial(MailboxPlans, sandbox_id, self.settings, consumer, signer)
        self._drivers: list[AsyncDriver] = []
        begin(self._begin)

    @property
    def consumer(self) -> str:
        """As `Mailbox.consumer`."""
        return self._plans.presence.name

    async def open(self) -> None:
        """As `Mailbox.open`. The event loop gives the signs of life: an agent that blocks it for long seems dead."""
        await self._follow(self._plans.opening())
        if (self._heart is None or self._heart.done()) and not self._plans.is_closed:
            beating = self._driver.follow(self._plans.presence.beating(), until_stopped=True)
            self._heart = asyncio.create_task(beating)

    async def send(self, to: str | Iterable[str], content: Any, **options: Unpack[SendOptions]) -> Sent:
        """As `Mailbox.send`."""
        return await self._follow(self._plans.sending(content, to_sandbox_ids=recipients(to), **options))

    async def broadcast(self, workspace_id: str, content: Any, **options: Unpack[BroadcastOptions]) -> Sent:
        """As `Mailbox.broadcast`."""
        return await self._follow(self._plans.sending(content, broadcast=True, workspace_id=workspace_id, **options))

    async def request(
        self, to: str | Iterable[str], content: Any, *, timeout: float, **options: Unpack[RequestOptions]
    ) -> Message:
        """As `Mailbox.request`."""
        await self.open()
        return await self._follow(self._plans.requesting(recipients(to), content, timeout, **options))

    async def reply(self, message: Message, content: Any, **options: Unpack[RequestOptions]) -> Sent:
        """As `Mailbox.reply`."""
        return await self._follow(self._plans.replying(message, content, **options))

    async def receive(self, timeout: float | None = None) -> Message | None:
        """As `Mailbox.receive`; if it is cancelled, nothing is lost."""
        await self.open()
        return await self._follow(self._plans.receiving(timeout))

    async def receive_many(self, most: int, timeout: float | None = None) -> list[Message]:
        """As `Mailbox.receive_many`."""
        await self.open()
        return await self._follow(self._plans.receiving_many(most, timeout))

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
        await self._follow(self._plans.acknowledging(messages))

    async def nack(self, message: Message, reason: str) -> None:
        """As `Mailbox.nack`."""
        await self._follow(self._plans.failing(message, reason))

    async def close(self) -> None:
        """As `Mailbox.close`."""
        if self._driver.is_stopped:
            return
        self._plans.is_closed = True
        self._driver.stop()
        if self._heart is not None and not self._heart.done():
            await asyncio.wait((self._heart,))
        await self._driver.follow(self._plans.closing())
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

    def _begin(self) -> None:
        """As `Mailbox._begin`."""
        is_closed = any(driver.is_stopped for driver in self._drivers)
        self._plans, self._driver = self._new_plans(), AsyncDriver(self.settings)
        self._drivers.append(self._driver)
        self._heart = None
        if is_closed:
            self._plans.is_closed = True
            self._driver.stop()

    async def _follow(self, plan: Plan[Result]) -> Result:
        return await self._driver.follow(self._plans.while_open(plan), until_stopped=True)


def _settings(redis_url: str | None, settings: Settings | None, given: dict[str, Any]) -> Settings:
    if redis_url is not None:
        given["redis_url"] = redis_url
    return Settings.load(settings, **given)
