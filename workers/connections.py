"""Connections to Redis, as workers use them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.settings import Settings
from flowledger.workers.replies import cutting

_PEEKED_BYTES: Final = 2**20


class Readers(NamedTuple):
    """Connections that read entries of any size, as producers wrote them."""

    whole: redis.Redis
    """Returns entries of up to `max_entry_bytes` as they are, and a `Cut` of larger ones."""
    peek: redis.Redis
    """For XREAD that waits. Of a large entry it reads nothing, and raises `Beyond`."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(connect(settings, most_bytes=settings.max_entry_bytes), peeking(settings))


def peeking(settings: Settings, *, socket_timeout: float = 30.0) -> redis.Redis:
    """Return a client that raises `Beyond` (`workers.replies`) if an entry has more than a MiB."""
    return connect(settings, socket_timeout=socket_timeout, most_bytes=_PEEKED_BYTES, peeks=True)


def connect(
    settings: Settings, *, socket_timeout: float = 30.0, most_bytes: int | None = None, peeks: bool = False
) -> redis.Redis:
    """Return a client for `settings.redis_url`, which speaks RESP2 and returns stream entries as they came.

    With `most_bytes` the fields of a larger entry come as a `Cut` (`workers.replies`), so that entries of any size take
    bounded memory. Small replies are slower then.

    redis-py makes a dict of an entry's fields, in which the second of two equal names hides the first. An entry's exact
    bytes must not be lost, hence the raw replies. Raises SettingsError if the URL is missing or invalid.
    """
    address = BrokerAddress.of(settings)
    options = address.client_options() | ({} if address.socket else {"socket_keepalive": True})
    client = redis.Redis(
        **options,
        protocol=2,
        socket_timeout=socket_timeout,
        socket_connect_timeout=settings.connect_timeout_seconds,
        health_check_interval=10,
    )
    if most_bytes is not None:
        client.connection_pool.connection_kwargs["parser_class"] = cutting(most_bytes, peeks=peeks)
    for command in ("XREAD", "XREADGROUP", *(() if most_bytes is None else ("XRANGE",))):
        client.set_response_callback(command, _as_it_came)
    return client


def impatient(client: redis.Redis) -> redis.Redis:
    """Let a client fail at the first refusal, without a second try: whoever watches asks again anyway."""
    client.set_retry(Retry(NoBackoff(), 0))
    return client


def text(reply: bytes | str) -> str:
    """Return a name or an id in a reply as text."""
    return reply if isinstance(reply, str) else reply.decode()


def _as_it_came(reply: Any, **_: Any) -> Any:
    return reply
