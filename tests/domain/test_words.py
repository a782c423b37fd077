"""Words: how texts are cut and folded (docs/contract/search.md)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.words import (
    LONGEST_WORD,
    MAX_CHARACTERS,
    MAX_TERMS,
    MOST_MARKS,
    NotASearch,
    Term,
    terms_of,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World! hello", "hello world"),
        ("read_file(code-review.v2)", "code file read review v2"),
        ("ada.lovelace@example.org", "ada example lovelace org"),
        ("Müller MÜLLER Mu\u0308ller muller", "muller"),
        ("Straße STRASSE", "strasse"),
        ("Łódź Đặng Øre Þór İzmir ısı", "dang isi izmir lodz ore thor"),
        ("Ёлка Ὀδυσσεύς", "елка οδυσσευσ"),
        ("مُحَمَّد محـمد أحمد إسلام", "احمد اسلام محمد"),
        ("علی علي كتاب کتاب", "علي كتاب"),
        ("שָׁלוֹם שלום", "שלום"),
        ("١٢٣ ۱۲۳ १२३ １２３ 123", "123"),
        ("हिन्दी में", "में हिन्दी"),
        ("ｆｕｌｌ Ⅷ ﬁne x²", "fine full viii x2"),
        ("한국어 한국어", "한국어"),
        ("soft\u00adhyphen می\u200cخواهم", "softhyphen ميخواهم"),
        ("日本語", "日本 本語 語"),
        ("水", "水"),
        ("ガラス ｶﾞﾗｽ", "ガラ ス ラス"),
        ("東京tower 3階", "3 tower 京 東京 階"),
        ("สวัสดี", "ดี สว วั สด ัส ี"),
        ("我\U0001f600們 \ud800 a\x00b ❤\ufe0f", "a b 我 們"),
        ("", ""),
        (" …!? \u200d\u0301", ""),
    ],
)
def test_words_of_a_text(text: str, words: str) -> None:
    assert words_of(text, 100) == " ".join(sorted(words.split(" ")))


def test_what_unicode_defined_after_14_separates() -> None:
    """U+1CCD6 is a compatibility form of A since Unicode 16, U+10D50 a capital letter of Garay."""
    assert words_of("a\U0001ccd6b c\U00010d50d", 100) == "a b c d"


def test_what_is_indexed_is_bounded() -> None:
    assert words_of("c a b", 2) == "a c"
    assert words_of("日本語", 2) == "日本 本語"
    assert words_of("é" * 100, 9) == "e" * LONGEST_WORD
    assert words_of("a " + " " * MAX_CHARACTERS + "b", 9) == "a"
    everything = words_of(" ".join(chr(0x20000 + place) for place in range(90_000)), 3_000)
    assert len(everything.split(" ")) == 3_000


MARKS = "\u0e48\u3099\u0e38\u094d\u093c"
"""Their order in Unicode's forms is another one: each of them must be moved."""


def seconds(text: str) -> float:
    """The shortest of some times for which this thread computes the words of a text."""
    times = []
    for _ in range(5):
        began = time.thread_time()
        words_of(text, 3_000)
        with suppress(NotASearch):
            terms_of(text)
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.parametrize(
    "hostile",
    [
        lambda size: "\u0e48" * (size // 2) + "\u3099" * (size // 2),
        lambda size: "a" + MARKS * (size // 5),
        lambda size: ("e" + MARKS * 20) * (size // 101),
        lambda size: "\u0f75\u0344\uff9e" * (size // 3),
        lambda size: ("\u0f73" * 31 + "\u0f71" * 31) * (size // 62),
    ],
)
def test_marks_in_a_row_cost_by_their_number_and_not_by_its_square(hostile: Callable[[int], str]) -> None:
    """Ten times the marks take a hundred times as long to be put in order all at once."""
    assert seconds(hostile(100_000)) < 40 * seconds(hostile(10_000))


def test_of_many_marks_in_a_row_the_first_ones_count() -> None:
    for row in ("\u094d" * 5_000, MARKS * 1_000):
        some, more = "क" + row[:MOST_MARKS], "क" + row
        assert words_of(f"{more} b", 9) == words_of(f"{some} b", 9)
        assert terms_of(more) == terms_of(some)
        assert words_of(f"क{row[: MOST_MARKS - 1]}", 9) != words_of(some, 9), "up to 30 all count"


@pytest.mark.parametrize(
    "text",
    [
        "ภาษาไทยมีวรรณยุกต์และสระซ้อนกัน เช่น ที่ นี้ น้ำ เชื้อ กั้น ผู้",
        "がぎぐげご パピプペポ ｶﾞｷﾞｸﾞ カ゚ キ゚ 日本語のテキスト",
        "क्षत्रिय संस्कृतम् क़ानून ज़रूरत फ़ाइल स्त्री राष्ट्रीय",
        "مُحَمَّدٌ رَسُولُ اللّٰهِ السَّلَامُ عَلَيْكُمْ",
        "བོད་སྐད་ཀྱི་ཡི་གེ ཧཱུྃ༔ ཨོཾ་མ་ཎི་པདྨེ་ཧཱུྂ",
        "မြန်မာဘာသာ ភាសាខ្មែរ ພາສາລາວ ਪੰਜਾਬੀ தமிழ் తెలుగు",
    ],
)
def test_what_people_write_never_has_so_many_marks_in_a_row(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words, terms = words_of(text, 1_000), terms_of(text)
    monkeypatch.setattr("flowledger.domain.words._CROWD", re.compile("(?!)()"))
    assert (words_of(text, 1_000), terms_of(text)) == (words, terms)


@given(st.text(), st.integers(1, 20))
def test_words_are_in_a_form_that_both_databases_take(text: str, most: int) -> None:
    words = words_of(text, most).split(" ")
    assert words == sorted(set(words))
    assert len(words) <= most
    assert all(len(word) <= LONGEST_WORD for word in words)
    assert not any(set(word) & set("'\"\\:*&|!<>()@-+^\x00") or word != word.strip() for word in words)


@given(st.text())
def test_words_are_folded_already(text: str) -> None:
    words = words_of(text, 1000)
    assert {word for one in words.split(" ") for word in words_of(one, 1000).split(" ")} >= set(words.split(" "))


@given(st.text(min_size=1))
def test_a_text_is_found_by_itself(text: str) -> None:
    words = words_of(text, 10_000).split(" ")
    if words == [""] or "*" in text:
        return
    try:
        terms = terms_of(text)
    except NotASearch:
        assert len(words) > MAX_TERMS
        return
    assert all(any(word.startswith(term.word) for word in words) for term in terms)


@pytest.mark.parametrize(
    ("search", "terms"),
    [
        ("Über Mut", [Term("uber", False), Term("mut", False)]),
        (
            "wor* *at a*b c *",
            [Term("wor", True), Term("at", False), Term("a", True), Term("b", False), Term("c", False)],
        ),
        ("é* e\u0301*", [Term("e", True)]),
        ("(a-b)*", [Term("a", False), Term("b", True)]),
        ("水", [Term("水", True)]),
        ("日本", [Term("日本", False)]),
        ("日本語*", [Term("日本", False), Term("本語", True)]),
        ("a a A", [Term("a", False)]),
        ("' OR 1=1 --", [Term("or", False), Term("1", False)]),
    ],
)
def test_what_a_search_asks_for(search: str, terms: list[Term]) -> None:
    assert terms_of(search) == terms


def test_in_names_every_word_is_a_beginning() -> None:
    assert terms_of("An Mül 日本", beginnings=True) == [Term("an", True), Term("mul", True), Term("日本", False)]


@pytest.mark.parametrize("search", ["", " ", "*", "?!", "…*", "\u0301"])
def test_a_search_without_a_word_is_refused(search: str) -> None:
    with pytest.raises(NotASearch, match="needs a word"):
        terms_of(search)


def test_a_search_has_a_limit_of_words() -> None:
    assert len(terms_of(" ".join(f"w{place}" for place in range(MAX_TERMS)))) == MAX_TERMS
    with pytest.raises(ValueError, match="64 words, not 65"):
        terms_of(" ".join(f"w{place}" for place in range(MAX_TERMS + 1)))
