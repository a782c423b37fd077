"""Similar words: which known name an unknown one was probably meant to be."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from difflib import get_close_matches
from typing import Final

_ALIKE: Final = 0.75
"""How similar two words must be, by difflib's ratio: `dat` and `data` are, `file` and `key_file` are not."""
_LONGEST: Final = 100
_MOST_TOLD: Final = 100
_SEPARATORS: Final = re.compile(r"[\W_]+")

_told: set[Hashable] = set()


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the name in `known` that is most similar to `word`, ignoring case; None if none is similar enough."""
    folded = {_folded(name): name for name in known}
    found = get_close_matches(_folded(word[:_LONGEST]), folded, n=1, cutoff=_ALIKE)
    return folded[found[0]] if found else None


def did_you_mean(meant: str | None) -> str:
    """Return the end of a sentence, with the name that was probably meant; empty for None."""
    return "" if meant is None else f"; did you mean {meant}?"


def is_news(key: Hashable) -> bool:
    """Return whether `key` is given for the first time in this process, so that each warning is logged once.

    After a hundred keys the result is always False: nobody reads more warnings.
    """
    if key in _told or len(_told) >= _MOST_TOLD:
        return False
    _told.add(key)
    return True


def forget_what_was_told() -> None:
    """Forget all keys given to `is_news`."""
    _told.clear()


def _folded(word: str) -> str:
    return _SEPARATORS.sub("", word).lower()
