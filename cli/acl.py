"""`flowledger acl ROLE`: the access rule of Redis (7 or later) and Valkey for a user that may do what its role needs.

What a role needs is what its programs were seen to say to the server; the tests run them as these users, and try what
they must not do. Keys and what they mean: `domain.streams`; those of Celery are kombu's, its queue is `celeryconfig`'s.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Final

import typer

from flowledger.cli.files import read_all
from flowledger.domain import streams
from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings

# CLIENT without what tells of other connections, or of keys that others change; its subcommands are not named one by
# one, for Redis 7.0 refuses a rule with SETINFO, which it does not know.
_CONNECTION: Final = "+client -@dangerous -client|tracking -client|caching +hello +auth +ping +select"
_TRANSACTION: Final = "+multi +exec +discard"
_PUBLISHING: Final = "+xadd +xlen"
_MAILBOX: Final = (
    "+xgroup|create +xreadgroup +xack +xdel +xclaim +xpending +xrange +xlen +hset +hsetnx +hget +hgetall +hdel +zadd"
    " +zcard +zscore +zmscore +zremrangebyrank +pexpire +watch +unwatch +eval +evalsha +script|load +script|exists"
    " +time +expire"
)
_WORKER: Final = (
    "+@stream +@string +@hash +@list +@set +@sortedset +del +unlink +exists +expire +pexpire +persist +ttl +pttl +type"
    " +watch +unwatch +eval +evalsha +script|load +script|exists +publish +subscribe +psubscribe +unsubscribe"
    " +punsubscribe +time +memory|usage +scan +rename"
)
_BEAT: Final = "+lpush +llen +exists +sadd +smembers +srem +zadd +zscore +zrem"
_BEATS_KEYS: Final = ("~ledger", "~ledger??[369]", "~_kombu.binding*")
"""Beat rings bells: it puts messages into Celery's queue."""
_WORKERS_KEYS: Final = (
    "~ledger:*",
    "~ledger",  # Celery's queue, and below the same with priorities
    "~ledger??[369]",
    "~unacked",
    "~unacked_index",
    "~unacked_mutex",
    "~_kombu.binding*",
    "~celeryev.*",
    "~*.celery.pidbox*",
)
_WORKERS_CHANNELS: Final = ("celery.pidbox", "celeryev/*", "celeryev/worker.*")
_READING: Final = (
    "+get +exists +type +ttl +pttl +xlen +xrange +xrevrange +xinfo|stream +hget +hmget +hgetall +hexists +hlen +time"
)
_CHECKING: Final = "+info"  # after -@dangerous: what the server is set to (`workers.checks`); it shows no password
_READERS_KEYS: Final = (
    "events", "events:*", "lease:*", "bell:*", "caution:*", "fuse:*", "rate:*", "watch", "hold", "broker", "failures",
    "paused", "recorded", "idle", "counters", "postman", "walk", "sources", "aside", "aside:*", "aside-sizes",
    "alarm:*", "refused:*", "workers",
)  # fmt: skip

_FLOWERS_KEYS: Final = (
    "%R~ledger:*", "%R~ledger", "%R~ledger??[369]", "%R~unacked", "%R~unacked_index", "~unacked_mutex",
    "~_kombu.binding*", "~celeryev.*", "~*.celery.pidbox*",
)  # fmt: skip
"""Flower reads all of the ledger's and of Celery's keys; it writes where the replies of workers are awaited."""

_GLOB: Final = re.compile(r"[*?\[\\]")
BLANK: Final = re.compile("[\0 \t\n\v\f\r\ud800-\udfff]")
"""Between two words of a rule, or the end of it; or no text at all."""


class Role(StrEnum):
    """Who speaks to Redis."""

    PRODUCER = "producer"
    AGENT = "agent"
    WORKER = "worker"
    BEAT = "beat"
    READER = "reader"
    FLOWER = "flower"


class Form(StrEnum):
    """How a rule is written down."""

    ACL_FILE = "acl-file"
    COMMANDS = "commands"


def rules(role: Role, sandbox: str = "", database: int = 0, shards: int = 8) -> list[str]:
    """What a user of this role may do, in the words of ACL SETUSER; all else is refused.

    Who publishes may write to the streams of the `shards` that there are: in others nobody would read it. `database` is
    the number at the end of the broker's URL, which stands in the names of Celery's channels.
    """
    publishing = f"{_PUBLISHING} {' '.join(f'%W~{streams.stream(shard)}' for shard in range(shards))}"
    if role is Role.PRODUCER:
        return f"-@all {_CONNECTION} {_TRANSACTION} {publishing}".split()
    if role is Role.AGENT:
        keys = [f"~{pattern(key(sandbox))}" for key in (streams.inbox, streams.consumers, streams.taken)]
        return [*f"-@all {_CONNECTION} {_TRANSACTION} {_MAILBOX}".split(), *keys, f"({publishing})"]
    if role in (Role.WORKER, Role.FLOWER):
        keys = [*(_WORKERS_KEYS if role is Role.WORKER else _FLOWERS_KEYS)]
        keys += [f"&/{database}.{channel}" for channel in _WORKERS_CHANNELS]
        return [*f"-@all {_WORKER} {_TRANSACTION} {_CONNECTION} {_CHECKING}".split(), *keys]
    if role is Role.BEAT:
        return [*f"-@all {_BEAT} {_TRANSACTION} {_CONNECTION}".split(), *_BEATS_KEYS]
    return [*f"-@all {_CONNECTION} {_READING} {_CHECKING}".split(), *(f"%R~ledger:{key}" for key in _READERS_KEYS)]


def pattern(key: str) -> str:
    """The pattern of Redis that fits this key alone; raises BadParameter where none does."""
    if BLANK.search(key):
        raise typer.BadParameter(
            "Redis has no access rule for an id with blanks, or bytes that are no text", param_hint="--sandbox"
        )
    return _GLOB.sub(lambda match: f"\\{match[0]}", key)


def switch(password: bytes | None) -> list[str]:
    """A user without a password is off: one that everybody could use would be worse than none."""
    return ["off"] if password is None else ["on", f"#{hashlib.sha256(password).hexdigest()}"]


def password_of(file: str) -> bytes:
    try:
        raw = read_all(file)
    except OSError as error:
        raise LedgerError(f"the password cannot be read from {file}: {error.strerror}") from None
    password = raw.removesuffix(b"\n").removesuffix(b"\r")
    if not password:
        raise LedgerError(f"there is no password in {'standard input' if file == '-' else file}")
    return password


def database_of(settings: Settings) -> int:
    return 0 if settings.redis_url is None else BrokerAddress.of(settings).database


def as_line(user: str, rule: list[str]) -> str:
    return " ".join(["user", user, *rule])


def as_command(user: str, rule: list[str]) -> str:
    """`reset` first: what a user of this name might do before is forgotten."""
    return " ".join(["ACL SETUSER", *map(_quoted, (user, "reset", *rule))])


def _quoted(word: str) -> str:
    """A word as redis-cli reads it."""
    plain = all(char.isalnum() or char in "-_+@|~&%#:.*" for char in word)
    escaped = "".join(
        f"\\{char}" if char in '"\\' else char if char.isprintable() else _as_bytes(char) for char in word
    )
    return word if plain else f'"{escaped}"'


def _as_bytes(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode())
