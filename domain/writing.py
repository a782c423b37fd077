"""The JSON text of an event that a producer builds, as signed and sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from flowledger.domain.errors import LedgerError, Reason, Refused
from flowledger.domain.json_text import dumps

_SHOWN_NAMES: Final = 20
"""Most names of a path to a value: a value within itself has an endless path."""


def written(attributes: Mapping[str, Any]) -> str:
    """Return the JSON text of an event's attributes. Raises Refused with the field that JSON cannot hold."""
    with _writing(attributes):
        return dumps(attributes)


def written_members(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return the JSON text of each attribute, as sent. Raises Refused as `written` does."""
    with _writing(attributes):
        return {str(name): _sent(dumps(value)) for name, value in attributes.items()}


def joined(members: Mapping[str, str]) -> str:
    """Return the JSON text of an object whose members are texts already."""
    return f"{{{','.join(f'{_sent(dumps(name))}:{text}' for name, text in members.items())}}}"


def encoded(text: str) -> bytes:
    """Return the bytes to send: UTF-8, with lone surrogates, which it cannot encode, as JSON escapes."""
    return text.encode("utf-8", "backslashreplace")


@contextmanager
def _writing(attributes: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except LedgerError:
        raise
    except RecursionError:
        words = "nested deeper than Python can write, and so deeper than LEDGER_MAX_DEPTH allows"
        raise Refused(Reason.NOT_JSON, "", f"cannot be written as JSON: {words}") from None
    except (TypeError, ValueError) as error:
        raise Refused(Reason.NOT_JSON, _unwritable(attributes), f"cannot be written as JSON: {error}") from None


def _sent(text: str) -> str:
    """Return the text that the sent bytes hold."""
    return text if text.isascii() else encoded(text).decode()


def _unwritable(value: Any) -> str:
    """Return the path of the value within `value` that `dumps` cannot write (`data.output.0`)."""
    names: list[str] = []
    while len(names) < _SHOWN_NAMES and (
        culprit := next((pair for pair in _items(value) if not _is_writable(pair[1])), None)
    ):
        names.append(str(culprit[0]))
        value = culprit[1]
    return ".".join(names)


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list | tuple) else []


def _is_writable(value: Any) -> bool:
    try:
        dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
