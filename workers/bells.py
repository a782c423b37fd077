"""Celery's messages as this service accepts them: small, uncompressed JSON, and nothing else.

Celery carries bells (docs/decisions/0001), and a lost bell rings again. So a message that is no bell is dropped before
it is unpacked: kombu would inflate a compressed body without limit, and a malformed message would end the worker.
`install` replaces kombu's own transport, for workers, beat and Flower.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from queue import Empty
from typing import Any, Final
from uuid import uuid4

import kombu.transport
from kombu.transport import redis as kombu_redis

from flowledger.workers.alarms import tell_once
from flowledger.workers.replies import cutting

_MOST_BYTES: Final = 2**20
"""Limit of a whole message. A bell has some hundred bytes, a worker's reply to a remote command some thousand."""
_FEW: Final = 100
_QUEUE: Final = "ledger"
_TASKS: Final = frozenset({"ledger.drain", "ledger.post", "ledger.look", "ledger.schedules", "ledger.maintain"})
_MOST_SHARDS: Final = 1024
_HEADERS: Final = {
    "lang": "py", "eta": None, "group": None, "retries": 0, "timelimit": [None, None], "parent_id": None,
    "kwargsrepr": "{}", "origin": "", "ignore_result": True,
}  # fmt: skip
_EMBEDDED: Final = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


class NoBell(ValueError):
    """A message on one of Celery's channels is malformed, or is not one that this service accepts."""


def check(message: Any) -> None:
    """Raise NoBell if a message does not have the shape of Celery's own."""
    if not isinstance(message, dict):
        raise NoBell(f"a {type(message).__name__}, not an object")
    headers, properties, body = message.get("headers"), message.get("properties"), message.get("body")
    if not isinstance(headers, dict) or not isinstance(properties, dict):
        raise NoBell("`headers` or `properties` is no object")
    if headers.get("compression"):
        raise NoBell("its body is compressed")
    if message.get("content-type") != "application/json" or message.get("content-encoding") != "utf-8":
        raise NoBell("its body is not JSON in UTF-8")
    if properties.get("body_encoding") != "base64" or not isinstance(body, str):
        raise NoBell("its body is not text in base64")
    if not isinstance(properties.get("delivery_info"), dict):
        raise NoBell("it does not say how it was delivered")


def bell_of(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message of Celery's queue with nothing but its task, shard, id and expiry.

    Raises NoBell if it is no bell. Odd headers could make Celery keep a message among the unacknowledged ones for ever.
    """
    headers = message["headers"]
    task, id_, expires = headers.get("task"), headers.get("id"), headers.get("expires")
    if not isinstance(task, str) or task not in _TASKS:
        raise NoBell("it names none of the service's tasks")
    if not isinstance(id_, str) or not 0 < len(id_) <= _FEW or headers.get("eta") is not None:
        raise NoBell("it has no id, or an `eta`")
    if expires is not None and not _is_time(expires):
        raise NoBell("its expiry is no time")
    arguments = _arguments(message["body"], task)
    described = {"task": task, "id": id_, "root_id": id_, "expires": expires, "argsrepr": repr(tuple(arguments))}
    return message | {
        "headers": _HEADERS | described,
        "body": base64.b64encode(json.dumps([arguments, {}, _EMBEDDED]).encode()).decode(),
    }


def _is_time(text: Any) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _arguments(body: str, task: str) -> list[int]:
    """Return the task's arguments: a shard for a drain, none for other tasks."""
    try:
        arguments = json.loads(base64.b64decode(body, validate=True))[0]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise NoBell("its body holds no arguments") from None
    wanted = 1 if task == "ledger.drain" else 0
    if not isinstance(arguments, list) or len(arguments) != wanted:
        raise NoBell("its body holds other arguments")
    if not all(type(one) is int and 0 <= one < _MOST_SHARDS for one in arguments):
        raise NoBell("its body names no shard")
    return arguments


class Channel(kombu_redis.Channel):
    """kombu's channel, which drops what cannot be read, and reads no more of a message than a bell may have."""

    # When the broker became unavailable, a worker that held a bell ended when it restored the bell: kombu 5.7 uses a
    # connection that is closed by then. A bell need not be restored.
    do_restore = False

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        given: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[no-untyped-call]
        return given | {"parser_class": cutting(_MOST_BYTES), "protocol": 2}

    def _brpop_read(self, **options: Any) -> Any:
        return self._dropping(super()._brpop_read, **options)

    def _receive_one(self, c: Any) -> Any:
        return self._dropping(super()._receive_one, c)

    def _get(self, *arguments: Any, **options: Any) -> Any:
        return self._dropping(super()._get, *arguments, **options)

    def _dropping(self, read: Any, *arguments: Any, **options: Any) -> Any:
        """Return what `read` returns. Raise Empty, as if there was nothing, if it is no message."""
        try:
            return read(*arguments, **options)
        except Exception as error:
            if isinstance(error, Empty) or self.connection.is_of_the_connection(error):
                raise
            _tell(error)
            raise Empty from None


class Transport(kombu_redis.Transport):
    """kombu's transport, which delivers bells alone."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        try:
            check(message)
            if queue == _QUEUE:
                message = bell_of(message)
            # Of two messages with one tag, kombu would acknowledge only one.
            message["properties"]["delivery_tag"] = str(uuid4())
            super()._deliver(message, queue)  # type: ignore[no-untyped-call]
        except Exception as error:
            if self.is_of_the_connection(error):
                raise
            _tell(error)
            self._give_up(message)

    def is_of_the_connection(self, error: Exception) -> bool:
        """Whether Redis or the connection is at fault. kombu counts every KeyError so; here the message is at fault."""
        return isinstance(error, (*self.connection_errors, *self.channel_errors)) and not isinstance(error, KeyError)

    def _give_up(self, message: Any) -> None:
        """Reject a message that kombu has begun to deliver: it counts as prefetched, and a few would stop Celery."""
        tag = message["properties"].get("delivery_tag") if _is_shaped(message) else None
        for channel in self.channels if isinstance(tag, str) else ():
            if tag in channel.qos._delivered:
                channel.basic_reject(tag, requeue=False)


def _is_shaped(message: Any) -> bool:
    return isinstance(message, dict) and isinstance(message.get("properties"), dict)


def _tell(error: Exception) -> None:
    words = str(error) if isinstance(error, NoBell) else type(error).__name__
    tell_once(f"a message that is not Celery's was dropped: {words[:_FEW]}")


def install() -> None:
    """Use this transport for URLs of Redis."""
    for scheme in ("redis", "rediss"):
        kombu.transport.TRANSPORT_ALIASES[scheme] = "flowledger.workers.bells:Transport"
