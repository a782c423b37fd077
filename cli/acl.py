"""`flowledger acl ROLE`: the access rule of Redis (7 or later) and Valkey for a user that may do what its role needs.

What a role needs is what its programs were seen to say to the server; the tests run them as these users, and try what
they must not do. Keys and what they mean: `domain.streams`; those of Celery are kombu's, its queue is `celeryconfig`'s.
"""

from __future__ import annotations

import hashlib
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from cli import screen
from cli.asked import settings_of
from domain import streams
from domain.errors import LedgerError
from domain.settings import Settings

# CLIENT without what tells of other connections, or of keys that others change; its subcommands are not named one by
# one, for Redis 7.0 refuses a rule with SETINFO, which it does not know.
_CONNECTION: Final = "+client -@dangerous -client|tracking -client|caching +hello +auth +ping +select"
_TRANSACTION: Final = "+multi +exec +discard"
_PUBLISHING: Final = "+xadd +xlen %W~ledger:events:*"
_MAILBOX: Final = (
    "+xgroup|create +xreadgroup +xack +xdel +xclaim +xpending +xrange +xlen +hset +hsetnx +hget +hgetall +hdel +zadd"
    " +zscore +zmscore +zremrangebyrank +watch +unwatch +eval +evalsha +script|load +script|exists +time"
)
_WORKER: Final = (
    "+@stream +@string +@hash +@list +@set +@sortedset +del +unlink +exists +expire +pexpire +ttl +pttl +type +watch"
    " +unwatch +eval +evalsha +script|load +script|exists +publish +subscribe +psubscribe +unsubscribe +punsubscribe"
    " +time +info"
)
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
    "+get +exists +type +ttl +pttl +xlen +xrange +xrevrange +xinfo|stream +hget +hmget +hgetall +hexists +hlen"
)
_READERS_KEYS: Final = (
    "events:*", "lease:*", "bell:*", "caution:*", "fuse:*", "rate:*", "watch", "hold", "broker", "failures", "paused",
    "recorded", "idle", "counters", "postman",
)  # fmt: skip

_GLOB: Final = re.compile(r"[*?\[\\]")
_BLANK: Final = re.compile("[\0 \t\n\v\f\r\ud800-\udfff]")
"""Between two words of a rule, or the end of it; or no text at all."""


class Role(StrEnum):
    """Who speaks to Redis."""

    PRODUCER = "producer"
    AGENT = "agent"
    WORKER = "worker"
    READER = "reader"


class Form(StrEnum):
    """How a rule is written down."""

    ACL_FILE = "acl-file"
    COMMANDS = "commands"


def acl(
    role: Annotated[
        Role, typer.Argument(help="producer: publishes; agent: has a mailbox; worker; reader: status and dashboards.")
    ],
    sandbox: Annotated[str | None, typer.Option(help="Whose mailbox it is: for an agent.")] = None,
    name: Annotated[
        str | None, typer.Option(help="The user's name; default: flowledger-ROLE, of an agent with its sandbox.")
    ] = None,
    password_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Holds the password; - is standard input. Only its hash is written."),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="A line for the server's aclfile, or a command for redis-cli.")
    ] = Form.ACL_FILE,
) -> None:
    """Print the access rule of Redis or Valkey for a role: what it needs, and nothing else."""
    if (role is Role.AGENT) != bool(sandbox):
        words = f"a {role} has no mailbox" if sandbox else "an agent needs the id of its sandbox"
        raise typer.BadParameter(words, param_hint="--sandbox")
    password = None if password_file is None else _password(password_file)
    rule = [*_switch(password), *rules(role, sandbox or "", _database(settings_of()))]
    user = name or f"flowledger-{role}" + (f"-{sandbox}" if sandbox else "")
    if _BLANK.search(user) or user == "default":
        raise typer.BadParameter(f"a user of Redis cannot be called {user[:100]!a}", param_hint="--name")
    print(_line(user, rule) if form is Form.ACL_FILE else _command(user, rule))
    if password is None:
        words = "note: without a password this user is off; give --password-file FILE, or - and a pipe"
        screen.err.print(screen.words(words), soft_wrap=True)


def rules(role: Role, sandbox: str = "", database: int = 0) -> list[str]:
    """What a user of this role may do, in the words of ACL SETUSER; all else is refused.

    `database` is the number at the end of the broker's URL, which stands in the names of Celery's channels.
    """
    if role is Role.PRODUCER:
        return f"-@all {_CONNECTION} {_TRANSACTION} {_PUBLISHING}".split()
    if role is Role.AGENT:
        keys = [f"~{pattern(key(sandbox))}" for key in (streams.inbox, streams.consumers, streams.taken)]
        return [*f"-@all {_CONNECTION} {_TRANSACTION} {_MAILBOX}".split(), *keys, f"({_PUBLISHING})"]
    if role is Role.WORKER:
        channels = [f"&/{database}.{channel}" for channel in _WORKERS_CHANNELS]
        return [*f"-@all {_WORKER} {_TRANSACTION} {_CONNECTION}".split(), *_WORKERS_KEYS, *channels]
    return [*f"-@all {_CONNECTION} {_READING}".split(), *(f"%R~ledger:{key}" for key in _READERS_KEYS)]


def pattern(key: str) -> str:
    """The pattern of Redis that fits this key alone; raises BadParameter where none does."""
    if _BLANK.search(key):
        raise typer.BadParameter(
            "Redis has no access rule for an id with blanks, or bytes that are no text", param_hint="--sandbox"
        )
    return _GLOB.sub(lambda match: f"\\{match[0]}", key)


def _switch(password: bytes | None) -> list[str]:
    """A user without a password is off: one that everybody could use would be worse than none."""
    return ["off"] if password is None else ["on", f"#{hashlib.sha256(password).hexdigest()}"]


def _password(file: str) -> bytes:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise LedgerError(f"the password cannot be read from {file}: {error.strerror}") from None
    password = raw.removesuffix(b"\n").removesuffix(b"\r")
    if not password:
        raise LedgerError(f"there is no password in {'standard input' if file == '-' else file}")
    return password


def _database(settings: Settings) -> int:
    path = "" if settings.redis_url is None else urlsplit(settings.redis_url.get_secret_value()).path
    return int(path[1:]) if path[1:].isdecimal() else 0


def _line(user: str, rule: list[str]) -> str:
    return " ".join(["user", user, *rule])


def _command(user: str, rule: list[str]) -> str:
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
