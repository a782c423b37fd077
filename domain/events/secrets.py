"""What must not be said in the clear: everything that is recorded can be read by whoever may read the tables.

A field is taken for a secret by its name, a URL by the password or the token in it. No such rule finds every secret; it
finds those that are sent without a thought.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote_plus

from pydantic import ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from domain.events.base import Part

# In the name without separators: `db_password`, `clientSecret`, `X-Api-Key`, `PGPASSWORD`.
_SECRET: Final = re.compile(
    "passw(?:or)?d|passphrase|secret(?!ar)|credential|apikey|accesskey|privatekey|authorization$"
)
# In the name with them, for `tokenizer` and `detokenize` are words of their own.
_TOKEN: Final = re.compile("tokens?(?![a-z])")
_REFERENCE: Final = re.compile("_(?:id|ids|name|ref)$")
_HUMP: Final = re.compile("(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_URL: Final = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")
_END_OF_AUTHORITY: Final = re.compile("[/?#]")
_QUERY: Final = re.compile("[?#&;]")
_LONGEST_NAME: Final = 100
"""Characters of each name in the path of a secret."""

_FIELD: Final = (
    "must not stand here: a field of this name holds a secret, and what is recorded can be read; "
    "keep it in a vault, and say here which one it is, in a field like `credential_id`"
)
_IN_URL: Final = "must be a URL without a password or a token in it: what is recorded can be read"

_Place = tuple["_Place", str] | None
"""A path from its end: the name, behind the place of what it is in."""


class Unclassified(Part):
    """An object in which no secret may stand, however deep."""

    @model_validator(mode="before")
    @classmethod
    def _without_secrets(cls, value: Any) -> Any:
        found = next(secrets_in(value), None)
        if found is None:
            return value
        place, words = found
        error = PydanticCustomError("secret", "{words}", {"words": words})
        details = InitErrorDetails(type=error, loc=_path(place), input=None)  # what it is, nobody is told
        raise ValidationError.from_exception_data(cls.__name__, [details])


def secrets_in(value: Any) -> Iterator[tuple[_Place, str]]:
    """Where secrets stand in a JSON value, and what is wrong there. Without recursion: values may be deep."""
    left: list[tuple[_Place, Any]] = [(None, value)]
    while left:
        place, item = left.pop()
        if isinstance(item, dict):
            for name, inner in item.items():
                if is_secret(name, inner):
                    yield (place, name), _FIELD
                left.append(((place, name), inner))
        elif isinstance(item, list):
            left += [((place, str(number)), inner) for number, inner in enumerate(item)]
        elif isinstance(item, str) and _is_secret_url(item):
            yield place, _IN_URL


def is_secret(name: str, value: object) -> bool:
    """Whether a field of this name and value holds a secret.

    Null, true and false hold none, nor does what names one (`credential_id`), nor a number of tokens (`max_tokens`).
    """
    if value is None or isinstance(value, bool):
        return False
    spread = _SEPARATORS.sub("_", _HUMP.sub("_", name)).lower()
    if _REFERENCE.search(spread):
        return False
    if _SECRET.search(spread.replace("_", "")):
        return True
    return _TOKEN.search(spread) is not None and not isinstance(value, int | float | Decimal)


def _is_secret_url(text: str) -> bool:
    """Whether it is a URL with a password (`scheme://user:password@host`), or a secret among what it asks for."""
    scheme = _URL.match(text)
    if scheme is None:
        return False
    authority, *rest = _END_OF_AUTHORITY.split(text[scheme.end() :], maxsplit=1)
    user, _, _ = authority.rpartition("@")
    if user.partition(":")[2]:
        return True
    asked = (part.partition("=") for part in _QUERY.split("".join(rest)))
    return any(value and is_secret(unquote_plus(name), value) for name, _, value in asked)


def _path(place: _Place) -> tuple[str, ...]:
    names: list[str] = []
    while place is not None:
        place, name = place
        names.append(name[:_LONGEST_NAME])
    return tuple(reversed(names))
