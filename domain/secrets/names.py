"""Whether a field holds a secret, judged by its name."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final


class Kind(Enum):
    """What a field holds, judged by its name."""

    OTHER = auto()
    SECRET = auto()
    TOKEN = auto()
    """A secret, unless the value is a number: a count of a model's tokens."""
    TOKENS = auto()
    """The same, also for a number as text, as in an environment: `MAX_TOKENS`."""
    REFERENCE = auto()
    """The place or the kind of a secret, never the secret itself."""


# In the name without separators: `db_password`, `clientSecret`, `X-Api-Key`, `PGPASSWORD`.
_SECRET: Final = re.compile(
    "passw(?:or)?d|passphrase|secret(?!ar)|credential"
    "|(?:api|access|private|account|encryption|signing|master)key|authorization$"
)
# In the name with separators, since `tokenizer` and `detokenize` are words of their own.
_TOKEN: Final = re.compile("tokens?(?![a-z])")
_COUNTED: Final = re.compile("tokens(?![a-z])|(?:^|_)(?:max|min|limit|budget|count|total|size|window)(?:_|$)")
_OF_A_VOCABULARY: Final = re.compile(
    "(?:^|_)(?:bos|eos|eot|pad|unk|sep|cls|mask|stop|start|end|special|added)_tokens?(?:_|$)"
)
"""Tokens of a tokenizer's vocabulary: `bos_token`, `added_tokens_decoder`."""
_REFERENCE: Final = re.compile(
    "(?:^|_)(?:id|ids|name|ref|path|file|dir|url|uri|endpoint|env|var|type|ms|seconds|minutes|hours|days)$"
)
_HUMP: Final = re.compile("(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_NEVER: Final = re.compile("(?!)")


def kind_of(name: str, *, also: re.Pattern[str] = _NEVER) -> Kind:
    """Return what a field of this name holds; `also` are more names of secrets, in lower case, parts joined by `_`."""
    spread = _SEPARATORS.sub("_", _HUMP.sub("_", name)).lower()
    if _REFERENCE.search(spread) or _OF_A_VOCABULARY.search(spread):
        return Kind.REFERENCE
    if _SECRET.search(spread.replace("_", "")) or also.search(spread):
        return Kind.SECRET
    if not _TOKEN.search(spread):
        return Kind.OTHER
    return Kind.TOKENS if _COUNTED.search(spread) else Kind.TOKEN
