"""One suite for both mailboxes, each behind the same blocking interface; and a stand-in for the post office."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, Protocol

import redis

from flowledger.client import AsyncMailbox, Mailbox, Message, Sent
from flowledger.domain import streams
from tests.builders import event, to_bytes
from tests.client.looking import SHARDS
from tests.client.publishers import Loop

AGENT: Final = "sb_agent"
OTHER: Final = "sb_other"


class Agent(Protocol):
    """What the tests ask of a mailbox."""

    @property
    def consumer(self) -> str: ...

    def open(self) -> None: ...

    def send(self, to: str | Iterable[str], content: Any, **options: Any) -> Sent: ...

    def broadcast(self, workspace_id: str, content: Any, **options: Any) -> Sent: ...

    def request(self, to: str, content: Any, *, timeout: float, **options: Any) -> Message: ...

    def reply(self, message: Message, content: Any, **options: Any) -> Sent: ...

    def receive(self, timeout: float | None = None) -> Message | None: ...

    def receive_many(self, most: int, timeout: float | None = None) -> list[Message]: ...

    def __iter__(self) -> Iterator[Message]: ...

    def ack(self, message: Message) -> None: ...

    def ack_many(self, messages: Iterable[Message]) -> None: ...

    def nack(self, message: Message, reason: str) -> None: ...

    def close(self) -> None: ...


class AwaitedMailbox:
    """An AsyncMailbox with an event loop of its own."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self.mailbox = AsyncMailbox(*arguments, **settings)
        self.loop = Loop()

    @property
    def consumer(self) -> str:
        return self.mailbox.consumer

    def open(self) -> None:
        self.loop.run(self.mailbox.open())

    def send(self, to: str | Iterable[str], content: Any, **options: Any) -> Sent:
        return self.loop.run(self.mailbox.send(to, content, **options))

    def broadcast(self, workspace_id: str, content: Any, **options: Any) -> Sent:
        return self.loop.run(self.mailbox.broadcast(workspace_id, content, **options))

    def request(self, to: str, content: Any, *, timeout: float, **options: Any) -> Message:
        return self.loop.run(self.mailbox.request(to, content, timeout=timeout, **options))

    def reply(self, message: Message, content: Any, **options: Any) -> Sent:
        return self.loop.run(self.mailbox.reply(message, content, **options))

    def receive(self, timeout: float | None = None) -> Message | None:
        return self.loop.run(self.mailbox.receive(timeout))

    def receive_many(self, most: int, timeout: float | None = None) -> list[Message]:
        return self.loop.run(self.mailbox.receive_many(most, timeout))

    def __iter__(self) -> Iterator[Message]:
        messages = aiter(self.mailbox)
        with suppress(StopAsyncIteration):
            while True:
                yield self.loop.run(_next(messages))

    def ack(self, message: Message) -> None:
        self.loop.run(self.mailbox.ack(message))

    def ack_many(self, messages: Iterable[Message]) -> None:
        self.loop.run(self.mailbox.ack_many(messages))

    def nack(self, message: Message, reason: str) -> None:
        self.loop.run(self.mailbox.nack(message, reason))

    def close(self) -> None:
        if not self.loop.has_ended:
            self.loop.run(self.mailbox.close())

    def end(self) -> None:
        """To be called when nobody uses it any more."""
        self.close()
        if not self.loop.has_ended:
            self.loop.end()


async def _next(messages: Any) -> Message:
    message: Message = await anext(messages)
    return message


MakeAgent = Callable[..., Agent]

AGENTS: Final[dict[str, Callable[..., Any]]] = {"Mailbox": Mailbox, "AsyncMailbox": AwaitedMailbox}


class PostOffice:
    """Puts messages into inboxes as docs/decisions/0019 says, without a database."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def put(self, *contents: Any, to: str = AGENT, id: str | None = None, **data: Any) -> list[str]:
        """A message for each content; their ids."""
        return [self.put_event(self.written(content, id or f"msg_{content}", to, **data), to) for content in contents]

    def written(self, content: Any, id: str = "msg_1", to: str = AGENT, **data: Any) -> dict[str, Any]:
        """The `message.sent` of a message."""
        attributes = data.pop("attributes", None)
        data = {"message_type": "notification", "from_sandbox_id": OTHER, "to_sandbox_ids": [to]} | data
        return event("message.sent", subject=id, attributes=attributes, content=content, **data)

    def put_event(self, sent: dict[str, Any] | bytes, to: str = AGENT, **fields: Any) -> str:
        raw = sent if isinstance(sent, bytes) else to_bytes(sent)
        message_id: str = json.loads(raw, parse_int=str)["subject"]
        self.client.xadd(streams.inbox(to), {streams.FIELD: raw, streams.MESSAGE_ID: message_id} | fields)
        return message_id

    def put_raw(self, fields: dict[str, Any], to: str = AGENT) -> str:
        """An entry as it is; its id."""
        entry_id: Any = self.client.xadd(streams.inbox(to), fields)  # type: ignore[arg-type]
        return str(entry_id.decode())

    def carry(self) -> list[dict[str, Any]]:
        """Takes all events, and puts the messages among them into the inboxes of those they name; the others."""
        others = []
        for shard in range(SHARDS):
            entries: Any = self.client.xrange(streams.stream(shard))
            for entry_id, fields in entries:
                self.client.xdel(streams.stream(shard), entry_id)
                said = json.loads(fields[b"event"])
                if said["type"] != "message.sent":
                    others.append(said)
                    continue
                for to in said["data"].get("to_sandbox_ids", []):
                    self.put_event(fields[b"event"], to)
        return others

    def waiting(self, to: str = AGENT) -> list[str]:
        """The messages whose entries are in an inbox, taken or not."""
        entries: Any = self.client.xrange(streams.inbox(to))
        return [fields[b"message_id"].decode() for _, fields in entries]

    def holders(self, to: str = AGENT) -> dict[str, list[str]]:
        """In whose hands which messages are."""
        pending: Any = self.client.xpending_range(streams.inbox(to), streams.MAILBOX_GROUP, "-", "+", 1000)
        found: dict[str, list[str]] = {}
        for one in pending:
            entries: Any = self.client.xrange(streams.inbox(to), one["message_id"], one["message_id"])
            found.setdefault(one["consumer"].decode(), []).append(entries[0][1][b"message_id"].decode())
        return found

    def taken(self, of: str = AGENT) -> list[str]:
        """The messages that are known to be acknowledged."""
        ids: Any = self.client.zrange(streams.taken(of), 0, -1)
        return [one.decode() for one in ids]

    def signs(self, of: str = AGENT) -> dict[str, int]:
        """Who gave a sign of life, and when."""
        found: Any = self.client.hgetall(streams.consumers(of))
        return {name.decode(): int(at.split()[0]) for name, at in found.items()}

    @property
    def now_ms(self) -> int:
        seconds, microseconds = self.client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000


def received(agent: Agent, timeout: float = 5.0) -> Message:
    """The next message, which there must be."""
    message = agent.receive(timeout)
    assert message is not None, "nothing came"
    return message


def contents(messages: Iterable[Message]) -> list[Any]:
    return [message.content for message in messages]


def in_thread(work: Callable[..., Any], *arguments: Any, **options: Any) -> Future[Any]:
    """Does it in a thread of its own; `result` waits for the end."""
    executor = ThreadPoolExecutor(1)
    future = executor.submit(work, *arguments, **options)
    executor.shutdown(wait=False)
    return future
