"""Celery's messages as this service takes them: small JSON without compression, and nothing else.

Celery carries bells (docs/decisions/0001), and any that is lost rings again. So whatever is no bell is dropped before
anything of it is unpacked: kombu would inflate a compressed body without limit, and a line that is no message of Celery
would end the worker. `install` puts this transport in the place of kombu's own, for workers, scheduler and Flower.
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
"""Of a message, with all around it; a bell has some hundred bytes, what a worker says of itself some thousand."""
_FEW: Final = 100
_QUEUE: Final = "ledger"
_TASKS: Final = frozenset({"ledger.drain", "ledger.post", "ledger.look"})
_MOST_SHARDS: Final = 1024
_HEADERS: Final = {
    "lang": "py", "eta": None, "group": None, "retries": 0, "timelimit": [None, None], "parent_id": None,
    "kwargsrepr": "{}", "origin": "", "ignore_result": True,
}  # fmt: skip
_EMBEDDED: Final = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


class NoBell(ValueError):
    """What came over a channel of Celery's is none of its messages, or none that is wanted."""


def check(message: Any) -> None:
    """Raise NoBell if a message is not of the shape that Celery's own have here."""
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
    """Return a message of Celery's queue as this service sends it: its task, shard, id and end, and nothing else.

    Raises NoBell if it is none. What Celery makes of odd headers may take a place among those under way for good.
    """
    headers = message["headers"]
    task, id_, expires = headers.get("task"), headers.get("id"), headers.get("expires")
    if not isinstance(task, str) or task not in _TASKS:
        raise NoBell("it names none of the service's tasks")
    if not isinstance(id_, str) or not 0 < len(id_) <= _FEW or headers.get("eta") is not None:
        raise NoBell("it has no id, or is for later, which no bell is")
    if expires is not None and not _is_time(expires):
        raise NoBell("it ends at no time")
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
    """A shard for a drain, and nothing for the others."""
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
    """kombu's, which drops what cannot be read, and reads no more of a message than a bell may have."""

    # A worker that held a bell when its broker went away ended over giving it back (kombu 5.7: the connection that it
    # would need is closed by then). Nobody needs it back.
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
        """What `read` gives; Empty, as if there was nothing, for what is no message."""
        try:
            return read(*arguments, **options)
        except Exception as error:
            if isinstance(error, Empty) or self.connection.is_of_the_connection(error):
                raise
            _tell(error)
            raise Empty from None


class Transport(kombu_redis.Transport):
    """kombu's, which hands on nothing that is no bell."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        try:
            check(message)
            if queue == _QUEUE:
                message = bell_of(message)
            # Two messages of one tag would be taken for one, and the other never given back.
            message["properties"]["delivery_tag"] = str(uuid4())
            super()._deliver(message, queue)  # type: ignore[no-untyped-call]
        except Exception as error:
            if self.is_of_the_connection(error):
                raise
            _tell(error)
            self._give_up(message)

    def is_of_the_connection(self, error: Exception) -> bool:
        """Whether it is Redis, or the way to it, and not the message. kombu counts every KeyError as the former."""
        return isinstance(error, (*self.connection_errors, *self.channel_errors)) and not isinstance(error, KeyError)

    def _give_up(self, message: Any) -> None:
        """Give back the place of one that Celery had begun to take: else it would take no more after some of them."""
        tag = message["properties"].get("delivery_tag") if _is_shaped(message) else None
        for channel in self.channels if isinstance(tag, str) else ():
            if tag in channel.qos._delivered:
                channel.basic_reject(tag, requeue=False)


def _is_shaped(message: Any) -> bool:
    return isinstance(message, dict) and isinstance(message.get("properties"), dict)


def _tell(error: Exception) -> None:
    words = str(error) if isinstance(error, NoBell) else type(error).__name__
    tell_once(f"something that is no message of Celery's was dropped: {words[:_FEW]}")


def install() -> None:
    """Use this transport for URLs of Redis."""
    for scheme in ("redis", "rediss"):
        kombu.transport.TRANSPORT_ALIASES[scheme] = "flowledger.workers.bells:Transport"
