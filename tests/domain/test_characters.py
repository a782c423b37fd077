"""The classes of characters: those of Unicode 14.0, and what a later Python must not make of them."""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata

import pytest

from flowledger.domain.characters import MARKS, class_of
from flowledger.domain.words import _FOLDED, words_of


def class_by_rule(character: str) -> str:
    """The rule by which the table was made, with Unicode 14.0."""
    category, mark = unicodedata.category(character), unicodedata.combining(character)
    if category == "Cn":
        return "x"
    if character == "\u200b":  # a space of no width, which Thai and Khmer put between words
        return "s"
    if category in ("Cf", "Me") or mark == 1 or 10 <= mark <= 36 or mark >= 200:
        return "d"
    if character in "\u034f\u0640" or re.match("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]", character):
        return "d"  # joiners, and variants of the character before them
    return "w" if category[0] in "LMN" else "s"


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="the rule says the same with Unicode 14.0 alone")
def test_the_table_is_that_of_unicode_14() -> None:
    assert [hex(ord(one)) for one in map(chr, range(sys.maxunicode + 1)) if class_of(one) != class_by_rule(one)] == []


def test_the_marks_in_words_are_those_that_have_a_combining_class() -> None:
    """Of what folding leaves, nothing decomposes further. A class never changes (Unicode's stability policy)."""
    left = {one for code in range(sys.maxunicode + 1) for one in chr(code).translate(_FOLDED)}
    assert [one for one in left if bool(re.match(f"[{MARKS}]", one)) != (unicodedata.combining(one) > 0)] == []
    assert [one for one in left if unicodedata.normalize("NFKD", one) != one] == []


def test_every_python_makes_the_same_words_of_every_character() -> None:
    """If this fails with a new Python, its Unicode folds or decomposes characters of 14.0 in another way."""
    digest = hashlib.sha256()
    for begin in range(0, sys.maxunicode, 512):
        text = " ".join(f"{code:x}{chr(code)}" for code in range(begin, begin + 512))
        digest.update(words_of(text, 10_000).encode())
    assert digest.hexdigest() == "62a9e5041775e417c47d51e555f5404c771cd2357a5bf76b353450c35c6fb2d9"
