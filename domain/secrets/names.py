"""What the name of a field says: whether a secret stands in it."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final


class Kind(Enum):
    """What a field of this name holds."""

    OTHER = auto()
    SECRET = auto()
    TOKEN = auto()
    """A secret, unless it is a number: of the tokens of a model."""
    TOKENS = auto()
    """The same, also if the number is a text, as in an environment: `MAX_TOKENS`."""
    REFERENCE = auto()
    """Where a secret is, or what kind of secret: never the secret itself."""


# In the name without separators: `db_password`, `clientSecret`, `X-Api-Key`, `PGPASSWORD`.
_SECRET: Final = re.compile(
    "passw(?:or)?d|passphrase|secret(?!ar)|credential"
    "|(?:api|access|private|account|encryption|signing|master)key|authorization$"
)
# In the name with them, for `tokenizer` and `detokenize` are words of their own.
_TOKEN: Final = re.compile("tokens?(?![a-z])")
_COUNTED: Final = re.compile("tokens(?![a-z])|(?:^|_)(?:max|min|limit|budget|count|total|size|window)(?:_|$)")
_OF_A_VOCABULARY: Final = re.compile(
    "(?:^|_)(?:bos|eos|eot|pad|unk|sep|cls|mask|stop|start|end|special|added)_tokens?(?:_|$)"
)
"""Tokens that a tokenizer knows: `bos_token`, `added_tokens_decoder`."""
_REFERENCE: Final = re.compile(
    "(?:^|_)(?:id|ids|name|ref|path|file|dir|url|uri|endpoint|env|var|type|ms|seconds|minutes|hours|days)$"
)
_HUMP: Final = re.compile("(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_NEVER: Final = re.compile("(?!)")


def kind_of(name: str, *, also: re.Pattern[str] = _NEVER) -> Kind:
    """What a field of this name holds; `also` are further names of secrets, in small letters, parts joined by `_`."""
    spread = _SEPARATORS.sub("_", _HUMP.sub("_", name)).lower()
    if _REFERENCE.search(spread) or _OF_A_VOCABULARY.search(spread):
        return Kind.REFERENCE
    if _SECRET.search(spread.replace("_", "")) or also.search(spread):
        return Kind.SECRET
    if not _TOKEN.search(spread):
        return Kind.OTHER
    return Kind.TOKENS if _COUNTED.search(spread) else Kind.TOKEN
