"""Texts that a pattern of our schemas matches, at random."""

from __future__ import annotations

import random
from collections.abc import Iterator
from re import _constants as ops  # type: ignore[attr-defined] # the standard library's own reader of patterns
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

CHARACTERS: Final = "abcxyzABCXYZ0189 _-./:@~*,;=+%'\"\\{}<>\t\n\r\x00\x01\x1c\x7f\x85\xa0éßñ中\u2003\u2028\ufffd😀"
_MOST_REPEATS: Final = 4


def any_text(rng: random.Random, least: int, most: int) -> str:
    """Return a text of any characters but lone surrogates, which not every validator can read."""
    return "".join(rng.choice(CHARACTERS) for _ in range(rng.randint(least, most)))


def text_of(pattern: str, rng: random.Random) -> str:
    """Return a text that this pattern, from its beginning to its end, matches. Raises KeyError for unknown syntax."""
    return "".join(_texts(parser.parse(pattern), rng))


def _texts(parts: Any, rng: random.Random) -> Iterator[str]:
    for op, given in parts:
        if op is ops.LITERAL:
            yield chr(given)
        elif op is ops.NOT_LITERAL:
            yield rng.choice(CHARACTERS.replace(chr(given), ""))
        elif op is ops.IN:
            yield _one_of(given, rng)
        elif op is ops.BRANCH:
            yield from _texts(rng.choice(given[1]), rng)
        elif op is ops.SUBPATTERN:
            yield from _texts(given[-1], rng)
        elif op is ops.MAX_REPEAT:
            least, most, repeated = given
            for _ in range(rng.randint(least, max(least, min(most, _MOST_REPEATS)))):
                yield from _texts(repeated, rng)
        elif op is not ops.AT:
            raise KeyError(op)


def _one_of(given: Any, rng: random.Random) -> str:
    """Return a character of a set, or, if it begins with a negation, one that is not in it."""
    ranges = [(value, value) if op is ops.LITERAL else value for op, value in given if op is not ops.NEGATE]
    if given[0][0] is ops.NEGATE:
        return rng.choice([one for one in CHARACTERS if not any(low <= ord(one) <= high for low, high in ranges)])
    low, high = rng.choice(ranges)
    return chr(rng.randint(low, high))
