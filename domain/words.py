"""Words, as a search finds them: cut and folded here alone, for both databases (docs/contract/search.md).

The rule is fixed: a later Python, with a later Unicode, makes the same words of every text. To change it is to change
the rows that `verify` computes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from operator import add
from typing import Final, NamedTuple

from flowledger.domain.characters import MARKS, UNSPACED, Class, class_of
from flowledger.domain.errors import LedgerError

MAX_CHARACTERS: Final = 100_000
"""Characters of a text that are looked at."""
LONGEST_WORD: Final = 64
"""Characters of a word that count."""
MAX_TERMS: Final = 64
"""Different words of a search."""
MOST_MARKS: Final = 30
"""Marks in a row that count, as in Unicode's stream-safe format (UAX #15, section 13): no language needs so many."""

_SAME: Final = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th",
        "\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643", "\u0629": "\u0647",
    }
)  # fmt: skip
"""Letters that people write in place of each other, and that Unicode does not decompose: Latin, then Arabic."""
_ASCII_WORD: Final = re.compile("[0-9a-z]+")
_RUN: Final = re.compile(f"(?P<unspaced>[{UNSPACED}]+)|[^{UNSPACED}]+")
_CROWD: Final = re.compile(f"([{MARKS}]{{{MOST_MARKS}}})[{MARKS}]+")
"""A row of more marks. To bring them into order takes time by the square of their number."""
_PIECE: Final = re.compile(r"[^*]+(\*?)")


class NotASearch(LedgerError, ValueError):
    """A text that cannot be searched for: it has no word, or too many."""


class Term(NamedTuple):
    """A word that records must have, or a word's beginning."""

    word: str
    is_beginning: bool


def words_of(text: str, most: int) -> str:
    """Return the first `most` different words of a text, in order of code points, with a space between them.

    A record is found by these. Of a run of a script without spaces, the words are all pairs of neighbours, and the last
    character.
    """
    found: dict[str, None] = {}
    for run, is_unspaced in _runs(text[:MAX_CHARACTERS]):
        if is_unspaced:
            found |= dict.fromkeys((*_pairs(run), run[-1]))
        else:
            found[run[:LONGEST_WORD]] = None
        if len(found) >= most:
            break
    return " ".join(sorted([*found][:most]))


def terms_of(search: str, *, beginnings: bool = False) -> list[Term]:
    """Return the words that a search asks for; `word*` is a beginning, as every word is with `beginnings`.

    Raises NotASearch for a text without a word, or with more than `MAX_TERMS`.
    """
    terms: dict[Term, None] = {}
    for piece in _PIECE.finditer(search[:MAX_CHARACTERS]):
        words = [term for run, is_unspaced in _runs(piece[0]) for term in _terms(run, is_unspaced, beginnings)]
        if words and piece[1] and not piece[0][-2].isspace():
            words[-1] = Term(words[-1].word, True)
        terms |= dict.fromkeys(words)
    if not terms:
        raise NotASearch("a search needs a word: a letter or a digit")
    if len(terms) > MAX_TERMS:
        raise NotASearch(f"a search may have {MAX_TERMS} words, not {len(terms)}")
    return [*terms]


def _terms(run: str, is_unspaced: bool, beginnings: bool) -> list[Term]:
    """Return what a run asks for. A single character of a script without spaces begins each pair in which it is."""
    if not is_unspaced:
        return [Term(run[:LONGEST_WORD], beginnings)]
    if len(run) == 1:
        return [Term(run, True)]
    return [Term(pair, False) for pair in _pairs(run)]


def _pairs(run: str) -> Iterable[str]:
    return map(add, run, run[1:])


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the folded words of a text, and whether they are of a script that puts no spaces between words."""
    if text.isascii():
        for word in _ASCII_WORD.findall(text.lower()):
            yield word, False
        return
    folded = _CROWD.sub(r"\1", text.translate(_FOLDED))
    for word in unicodedata.normalize("NFKC", folded).split():
        if word.isascii():
            yield word, False
        else:
            for run in _RUN.finditer(word):
                yield run[0], run["unspaced"] is not None


class _Folded(dict[int, str]):
    """Characters in the form in which what does not count is the same: case, width, marks, the script of digits.

    Forms are kept once they are made: folding is then one look-up a character.
    """

    def __missing__(self, code: int) -> str:
        class_ = class_of(chr(code))
        if class_ is Class.UNKNOWN:
            return " "
        self[code] = _folded(chr(code)) if class_ is Class.WORD else _IN_PLACE[class_]
        return self[code]


def _folded(character: str) -> str:
    """Return the form of a character that is in words, without its marks, perhaps more than one character."""
    base = "".join(map(_bare, unicodedata.normalize("NFKD", character)))
    folded = unicodedata.normalize("NFKD", base.casefold()).translate(_SAME)
    return "".join(str(unicodedata.decimal(one, one)) for one in folded)


def _bare(character: str) -> str:
    return _IN_PLACE.get(class_of(character), character)


_IN_PLACE: Final = {Class.DROPPED: "", Class.SEPARATOR: " ", Class.UNKNOWN: " "}
_FOLDED: Final = _Folded()
