"""One question to all Celery workers of a Redis, and their replies: Celery's remote control, without Celery.

Importing Celery takes a third of a second of CPU time, and its `inspect` always waits for its whole timeout. Redis says
how many workers it has passed a question to, so here the last reply ends the wait. The messages and keys are kombu's
(`kombu.pidbox` over `kombu.transport.redis`): a question is published to a channel that each worker listens on; the
replies are pushed to a list that is bound, for as long as the question is open, to the exchange of replies.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import redis

_REPLIES: Final = "reply.celery.pidbox"
_BINDINGS: Final = f"_kombu.binding.{_REPLIES}"
_SEPARATOR: Final = "\x06\x16"
_LONGEST_WAIT: Final = 5.0
"""Seconds of one BRPOP: less than a client waits for its socket."""
_SHORTEST_WAIT: Final = 0.01
"""Less may be rounded to zero, which is for ever."""


class Replies:
    """The replies to one question."""

    def __init__(self, client: redis.Redis, queue: str, reached: int) -> None:
        self._client = client
        self._queue = queue
        self._left = reached

    def within(self, seconds: float) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each worker's name and reply as it comes, until all have replied or `seconds` are over."""
        deadline = time.monotonic() + seconds
        while self._left > 0 and (wait := deadline - time.monotonic()) > 0:
            reply: Any = self._client.brpop([self._queue], timeout=min(max(wait, _SHORTEST_WAIT), _LONGEST_WAIT))
            if reply is not None:
                self._left -= 1
                yield from _read(reply[1])


@contextmanager
def asked(client: redis.Redis, database: int, question: str, *, seconds: float) -> Iterator[Replies]:
    """Ask all workers that use this database of Redis; after `seconds` a worker need not reply any more.

    `question` is a command of Celery's remote control without arguments: `stats`, `ping` …
    """
    name = str(uuid4())
    queue = f"{name}.{_REPLIES}"
    binding = _SEPARATOR.join((name, "", queue))
    client.sadd(_BINDINGS, binding)
    try:
        reached = client.publish(f"/{database}.celery.pidbox", _message(question, name, time.time() + seconds))
        yield Replies(client, queue, int(reached))
    finally:
        client.srem(_BINDINGS, binding)
        client.delete(queue)


def _message(question: str, name: str, expires: float) -> str:
    body = {
        "method": question,
        "arguments": {},
        "destination": None,
        "pattern": None,
        "matcher": None,
        "ticket": name,
        "reply_to": {"exchange": _REPLIES, "routing_key": name},
    }
    return json.dumps({
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"clock": 1, "expires": expires},
        "properties": {
            "body_encoding": "base64",
            "delivery_info": {"exchange": "celery.pidbox", "routing_key": ""},
            "delivery_mode": 2,
            "delivery_tag": str(uuid4()),
            "priority": 0,
        },
    })  # fmt: skip


def _read(raw: bytes | str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is in a reply; nothing of one that is not in kombu's form, for other programs may use this Redis."""
    try:
        body = json.loads(base64.b64decode(json.loads(raw)["body"]))
    except (ValueError, TypeError, LookupError):
        return
    if isinstance(body, dict):
        yield from ((name, reply) for name, reply in body.items() if isinstance(reply, dict))
