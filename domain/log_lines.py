"""Log records as lines (docs/contract/logs.md): JSON, or text for people. No line breaks, no secrets, no contents.

What a record says may come from anybody: an event's source, a server's message. So control characters are escaped,
passwords are masked, and of an exception only the kind and the places are shown, unless its message is known to quote
nothing: a driver's quotes statements and their values.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

FIELDS: Final = ("event_id", "source", "subject", "shard", "celery_id")
"""What a record may be about: attributes of the record, given by `extra`."""

_PLACE: Final = ("worker", "process", "process_name", "thread")
_LONGEST: Final = 4_000
"""Characters of a message, of a field, and of an exception's message."""
_FRAMES: Final = 20
"""Places of an exception: the innermost ones."""
_CHAIN: Final = 5
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s'\"<>]{0,500}@")
_PASSWORD: Final = re.compile(r"(?i)(password|passwd|pwd|secret|token)(['\"]?\s*[=:]\s*['\"]?)[^\s&,;'\"]+")
_QUOTED: Final = re.compile(r"(\[SQL: |\[parameters: |\n\s*(DETAIL|CONTEXT|QUERY|STATEMENT|LINE \d+): ).*", re.DOTALL)
"""Where a driver's message begins to quote a statement, its values, or a row."""
_BLANKS: Final = re.compile("  +")
_FIELD: Final = re.compile(rf"\b({'|'.join(FIELDS)})=")
_PLAIN: Final = re.compile(r"[\w./:@%+~-]+")
_TOLD: Final = frozenset(
    {
        "flowledger.domain.errors.LedgerError",
        "builtins.ImportError",
        "builtins.OSError",
        "redis.exceptions.ConnectionError",
        "redis.exceptions.NoPermissionError",
        "redis.exceptions.OutOfMemoryError",
        "redis.exceptions.ReadOnlyError",
        "redis.exceptions.TimeoutError",
        "kombu.exceptions.OperationalError",
        "billiard.exceptions.WorkerLostError",
    }
)
"""Exceptions whose messages quote neither events nor statements."""


class JsonLines(logging.Formatter):
    """One JSON object a record, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        line = _head(record) | {"message": message_of(record)} | _place(record) | _fields(record)
        if record.exc_info and (error := record.exc_info[1]):
            line["exception"] = exception_text(error)
        return json.dumps(line)


class TextLines(logging.Formatter):
    """One line a record, and, indented below it, the places of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        head, place = _head(record), _place(record)
        who = "/".join(str(place[name]) for name in ("worker", "process_name") if name in place)
        about = [f"{name}={quoted(str(value))}" for name, value in _fields(record).items()]
        words = " ".join([head["time"], f"{head['level']:<8}", _without_fields(who or str(place["process"]))])
        said = f"{_without_fields(head['logger'])}: {_without_fields(message_of(record))}"
        line = "  ".join([f"{words} {said}", *about])
        if record.exc_info and (error := record.exc_info[1]):
            line += "".join(f"\n    {escaped(one)}" for one in exception_text(error).split("\n"))
        return line


def message_of(record: logging.LogRecord) -> str:
    """Return the record's message, without secrets, and without what exceptions quote."""
    if record.name == "celery.app.trace" and isinstance(data := getattr(record, "data", None), dict):
        return _of_task(record, data)
    arguments = record.args
    if isinstance(arguments, tuple):
        arguments = tuple(_Words(_shown(one)) if isinstance(one, BaseException) else one for one in arguments)
    try:
        message = str(record.msg if not isinstance(record.msg, BaseException) else _shown(record.msg))
        message = message % arguments if arguments else message
    except (TypeError, ValueError, KeyError):
        message = str(record.msg)
    if record.name == "py.warnings":
        message = " ".join(message.rstrip().rpartition("\n  ")[0].split())  # without the line of code
    return masked(message.strip())


def exception_text(error: BaseException) -> str:
    """Return an exception and its causes, a line each, every one with its places, the innermost first."""
    lines: list[str] = []
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen and len(seen) < _CHAIN:
        current = getattr(current, "exc", current) if type(current).__module__ == "billiard.einfo" else current
        lines.append(("caused by " if seen else "") + " ".join(_shown(current).split()))
        places = [one for one in traceback.extract_tb(current.__traceback__) if not one.filename.startswith("<frozen")]
        for frame in reversed(places[-_FRAMES:]):
            path = Path(frame.filename)
            lines.append(f"  at {path.parent.name}/{path.name}:{frame.lineno} in {frame.name}")
        seen.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n".join(lines)


def masked(text: str) -> str:
    """Return a text without passwords, without what a driver quotes, and not too long."""
    text = _QUOTED.sub("…", text[: 2 * _LONGEST])  # cut first: patterns must not meet texts of any length
    text = _PASSWORD.sub(r"\1\2***", _URL.sub(r"\1***@", text))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def escaped(text: str) -> str:
    """Return a text on one line, in which nothing moves the cursor, changes colours or hides."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _of_task(record: logging.LogRecord, data: dict[str, Any]) -> str:
    """What Celery says of one of its tasks quotes results and exceptions: only how it went is kept."""
    went = data.get("description") or ("succeeded" if "runtime" in data else "ended")
    took = f" in {data['runtime']:.3f} s" if isinstance(data.get("runtime"), float) else ""
    record.__dict__.setdefault("celery_id", data.get("id"))
    return masked(f"Celery task {data.get('name')} {went}{took}")


class _Words(str):
    """Looks the same by `%s` and by `%r`."""

    __slots__ = ()
    __repr__ = str.__str__


def _shown(error: BaseException) -> str:
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if any(f"{one.__module__}.{one.__qualname__}" in _TOLD for one in kind.__mro__) and str(error):
        return masked(f"{name}: {error}")
    return name


def _head(record: logging.LogRecord) -> dict[str, Any]:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return {"time": moment.replace("+00:00", "Z"), "level": record.levelname, "logger": record.name}


def _place(record: logging.LogRecord) -> dict[str, Any]:
    place = {
        "worker": getattr(record, "worker", None),
        "process": record.process,
        "process_name": record.processName,
        "thread": record.threadName,
    }
    return {name: place[name] for name in _PLACE if place[name] is not None}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    given = {name: getattr(record, name, None) for name in FIELDS}
    return {
        name: value if isinstance(value, int) else str(value)[:_LONGEST]
        for name, value in given.items()
        if value is not None
    }


def quoted(text: str) -> str:
    """Return a text that somebody else has chosen as one word: in quotes if it might be taken for more than one."""
    return text if _PLAIN.fullmatch(text) and text.isascii() else json.dumps(text)


def _without_fields(text: str) -> str:
    """Return a text on one line in which nothing can pass for the fields behind it: two blanks, and `subject=`."""
    text = _FIELD.sub(r"\1\\x3d", escaped(text))
    return _BLANKS.sub(lambda blanks: " " + r"\x20" * (len(blanks[0]) - 1), text)
