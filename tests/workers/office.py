"""Drains and a post office on one Redis and one database, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.domain.times import written_time
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.drain import Drain
from flowledger.workers.post import PostOffice
from flowledger.workers.post_bell import PostBell
from flowledger.workers.postman import Postman, PostResult
from tests.builders import raw
from tests.storage.recording import all_rows, count, dead_letters, differences

Row = dict[str, Any]


class Office:
    """Drains and a post office on one Redis and one database; what came of it."""

    def __init__(self, settings: Settings, client: redis.Redis, storage: Storage) -> None:
        self.settings = settings.model_copy(update={"linger_seconds": 0.0, "inbox_messages": 3})
        self.client = client
        self.storage = storage
        self.post = PostOffice(client, self.settings, storage)

    def look(self) -> PostResult:
        """A turn of the postman."""
        bell = PostBell(self.client, lambda: None)
        result = Postman(self.client, self.settings, self.post, bell).run()
        self.client.delete(streams.POST_BELL)
        return result

    def publish(self, *events: bytes, shard: int = 0) -> None:
        for event in events:
            self.client.xadd(streams.stream(shard), {streams.FIELD: event})

    def drain(self) -> None:
        """Until nothing is left to record: what the post office says is an event, too."""
        while any(self.client.xlen(streams.stream(shard)) for shard in range(self.settings.shards)):
            result = Drain(self.settings, self.client, self.storage, 0, post=self.post).run()
            assert "waiting" not in result, result

    def inbox(self, sandbox: str) -> list[dict[bytes, bytes]]:
        entries: Any = self.client.xrange(streams.inbox(sandbox))
        return [fields for _, fields in entries]

    def ids(self, sandbox: str) -> list[str]:
        return [fields[b"message_id"].decode() for fields in self.inbox(sandbox)]

    def take(self, sandbox: str, message: str) -> None:
        """What a mailbox does to acknowledge a message."""
        entries: Any = self.client.xrange(streams.inbox(sandbox))
        for entry, fields in entries:
            if fields[b"message_id"] == message.encode():
                self.client.xdel(streams.inbox(sandbox), entry)
        self.publish(raw("message.delivered", subject=message, to_sandbox_id=sandbox))

    def delivery(self, message: str, sandbox: str) -> Row:
        return all_rows(self.storage)["message_deliveries"][message, sandbox]

    def status(self, message: str, sandbox: str) -> str:
        return str(self.delivery(message, sandbox)["status"])

    def waiting(self) -> int:
        return count(self.storage, "outbox")

    def check(self) -> None:
        """All is recorded, nothing waits, and every row says what the journal says."""
        self.drain()
        assert (self.waiting(), dead_letters(self.storage), differences(self.storage)) == (0, [], [])


def put_and_expired(result: PostResult) -> tuple[int, int]:
    return result["put"], result["expired"]


def message(id: str, *to: str, sender: str = "alice", **data: Any) -> bytes:
    return raw("message.sent", subject=id, from_sandbox_id=sender, to_sandbox_ids=list(to), content=id, **data)


def in_seconds(seconds: float) -> str:
    return written_time(datetime.now(UTC) + timedelta(seconds=seconds))
