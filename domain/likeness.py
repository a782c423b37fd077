"""Words that look like another: what was probably meant by a name that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from difflib import get_close_matches
from typing import Final

_ALIKE: Final = 0.75
"""How alike two words must be, by difflib's ratio: `dat` and `data` are, `file` and `key_file` are not."""
_LONGEST: Final = 100
_MOST_TOLD: Final = 100
_SEPARATORS: Final = re.compile(r"[\W_]+")

_told: set[Hashable] = set()


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that looks most like `word`, if any looks very like it; how it is capitalised is no matter."""
    folded = {_folded(name): name for name in known}
    found = get_close_matches(_folded(word[:_LONGEST]), folded, n=1, cutoff=_ALIKE)
    return folded[found[0]] if found else None


def did_you_mean(meant: str | None) -> str:
    """The end of a sentence that says what was probably meant."""
    return "" if meant is None else f"; did you mean {meant}?"


def is_news(key: Hashable) -> bool:
    """Whether it is asked for the first time in this process, so that a warning is given once.

    After a hundred keys nothing is news any more: nobody reads on.
    """
    if key in _told or len(_told) >= _MOST_TOLD:
        return False
    _told.add(key)
    return True


def forget_what_was_told() -> None:
    """Let everything be news again."""
    _told.clear()


def _folded(word: str) -> str:
    return _SEPARATORS.sub("", word).lower()
