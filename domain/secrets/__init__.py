"""Detection of secrets in events: everything recorded can be read by all who may read the tables.

A field is judged a secret by its name and its value, a URL by the password or the token in it. No such rule finds every
secret; this one finds those that are sent by oversight (docs/decisions/0023 and 0035).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

from flowledger.domain.names import is_name
from flowledger.domain.secrets.names import Kind, kind_of
from flowledger.domain.secrets.texts import has_secret, is_count, is_file, is_placeholder
from flowledger.domain.validation import fault_at

Value = TypeVar("Value")

_LONGEST_NAME: Final = 100
"""Characters of each name in the path of a secret."""

_FIELD: Final = (
    "must not be sent: a field of this name holds a secret, and what is recorded can be read; "
    'keep the secret in a vault, and send only its name, in a field like `credential_id`, or as {"secret": NAME}'
)
_NO_REFERENCE: Final = (
    "must be the name of a secret in the vault, a text of 1 to 255 characters that is not white space alone: "
    "an object whose only field is `secret` refers to one"
)
_IN_URL: Final = (
    "must not hold a URL or a connection string with a password or a token in it: what is recorded can be read"
)

_TYPES_OF_SCHEMAS: Final = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_WORDS_OF_SCHEMAS: Final = frozenset(
    {
        "title", "description", "examples", "example", "enum", "format", "pattern", "required", "contentEncoding",
        "contentMediaType", "$id", "$schema", "$ref", "$comment",
    }
)  # fmt: skip
"""Keywords of a JSON schema that describe a value; `default` and `const` are values."""
_REFERENCE: Final = "secret"
"""The only field of an object that refers to a secret in the vault, by its name."""
_LISTS_OF_FIELDS: Final = frozenset({"env", "environment", "headers"})
_LISTED: Final = re.compile(r"\s*([\w.-]{1,100})\s*[=:]\s*", re.ASCII)
"""`NAME=value`, as in Docker's lists of environments, and `Name: value`, as in headers."""

_Place = tuple["_Place", str] | None
"""A path from its end: the place of the container, then the name in it."""


class _Field(NamedTuple):
    """The field, named like a secret, that holds a value, perhaps deep; `directly` if only lists are in between."""

    place: _Place
    kind: Kind
    directly: bool = True


def unclassified(value: Value) -> Value:
    """Return a JSON value that holds no secret at any depth. Raises ValidationError with the path of the first one."""
    found = next(secrets_in(value), None)
    if found is None:
        return value
    place, words = found
    raise fault_at(_path(place), words)  # the value itself is never shown


def secrets_in(value: Any) -> Iterator[tuple[_Place, str]]:
    """Yield the path of each secret in a JSON value, and what is wrong. There is no recursion: values may be deep."""
    left: list[tuple[_Place, Any, _Field | None]] = [(None, value, None)]
    while left:
        place, item, field = left.pop()
        if isinstance(item, dict) and not _is_reference(item):
            for name, inner in item.items():
                if "://" in name and has_secret(name):
                    yield place, _IN_URL  # the name itself must not be shown
                elif not (name in _WORDS_OF_SCHEMAS and _is_schema(item)):
                    left.append(((place, name), inner, _field((place, name), _says(item, name), field)))
        elif isinstance(item, list):
            listed = place is not None and place[1].lower() in _LISTS_OF_FIELDS
            for number, inner in enumerate(item):
                at = (place, str(number))
                left.append((at, *_listed(at, inner)) if listed and isinstance(inner, str) else (at, inner, field))
        elif (found := _judged(place, item, field)) is not None:
            yield found


def _is_reference(item: dict[str, Any]) -> bool:
    """Return whether an object refers to a secret in the vault, rightly or not."""
    return len(item) == 1 and _REFERENCE in item and not isinstance(item[_REFERENCE], dict)


def _judged(place: _Place, item: Any, field: _Field | None) -> tuple[_Place, str] | None:
    """Return what is wrong with a reference to the vault, or with a value that is no object and no list."""
    if isinstance(item, dict):
        place, item, field = (place, _REFERENCE), item[_REFERENCE], None
        if not is_name(item):
            return place, _NO_REFERENCE
    if field is not None and _is_secret(item, field):
        return field.place, _FIELD
    if isinstance(item, str) and has_secret(item):
        return place, _IN_URL
    return None


def _says(item: dict[str, Any], name: str) -> str:
    """Return the name of a field; for the `value` of a pair like `{"name": "DB_PASSWORD", "value": …}`, that name."""
    if name == "value":
        label = item.get("name", item.get("key"))
        if isinstance(label, str):
            return label
    return name


def _field(place: _Place, name: str, outer: _Field | None) -> _Field | None:
    """Return the secret field that holds a value of this name; `outer` is the one that holds the value's object."""
    kind = kind_of(name)
    if kind is Kind.REFERENCE:
        return None
    if kind is Kind.OTHER:
        return None if outer is None else outer._replace(directly=False)
    return _Field(place, kind)


def _listed(place: _Place, text: str) -> tuple[str, _Field | None]:
    """Return the value of `NAME=value`, and its field, if that is named like a secret; any other text unchanged."""
    match = _LISTED.match(text)
    field = None if match is None else _field(place, match[1], None)
    return (text, None) if match is None or field is None else (text[match.end() :], field)


def _is_secret(value: Any, field: _Field) -> bool:
    """Return whether a text, a number, null, true or false in such a field is a secret."""
    if isinstance(value, str):
        if field.kind is Kind.TOKENS and is_count(value):
            return False
        return not (is_placeholder(value) or is_file(value))
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return is_number and field.directly and field.kind is Kind.SECRET


def _is_schema(item: dict[str, Any]) -> bool:
    """Return whether an object is a JSON schema, like that of a tool's parameters: it only describes values."""
    types = item.get("type")
    if isinstance(types, str):
        return types.lower() in _TYPES_OF_SCHEMAS
    if isinstance(types, list):
        return any(isinstance(one, str) and one in _TYPES_OF_SCHEMAS for one in types)
    return any(isinstance(item.get(word), kind) for word, kind in _OTHER_SCHEMAS)


_OTHER_SCHEMAS: Final = (("$ref", str), ("anyOf", list), ("oneOf", list), ("allOf", list), ("properties", dict))


def _path(place: _Place) -> tuple[str, ...]:
    names: list[str] = []
    while place is not None:
        place, name = place
        names.append(name[:_LONGEST_NAME])
    return tuple(reversed(names))
