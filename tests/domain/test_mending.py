"""Mending JSON text: what is changed is changed, and all else stays byte for byte."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.envelope import parse
from flowledger.domain.json_pieces import closed_up, laid_out
from flowledger.domain.mending import (
    CannotMend,
    Changes,
    field_of,
    fields_of,
    json_of,
    json_of_text,
    path_of,
    put,
    remove,
)
from tests.builders import texts
from tests.mending import changes
from tests.rubbish import RUBBISH, Case


def set_(raw: bytes, path: str, value: str) -> bytes:
    return put(raw, path_of(path), value)


def unset(raw: bytes, path: str) -> bytes:
    return remove(raw, path_of(path))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("data.to_sandbox_ids.0", ("data", "to_sandbox_ids", "0")),
        (r"a\.b.c", ("a.b", "c")),
        (r"a\\.c", ("a\\", "c")),
        ("é x.=", ("é x", "=")),
    ],
)
def test_a_path_is_names_between_dots(text: str, path: tuple[str, ...]) -> None:
    assert path_of(text) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a\\"])
def test_a_path_with_an_empty_name_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        path_of(text)


@pytest.mark.parametrize(
    ("raw", "path", "value", "mended"),
    [
        (b'{ "a" : 1 , "b":[ ] }', "a", "2", b'{ "a" : 2 , "b":[ ] }'),
        (b'{"a":1}', "b", '"x"', b'{"a":1,"b":"x"}'),
        (b"{ }", "a.b.c", "1", b'{"a":{"b":{"c":1}}}'),
        (b'{"a":null}', "a.b", "1", b'{"a":{"b":1}}'),
        (b'{"a":{}}', "a.b", "null", b'{"a":{"b":null}}'),
        (b'{"a":[1,[2]]}', "a.1.0", "9", b'{"a":[1,[9]]}'),
        (b'{"a":[1, 2]}', "a.2", "9", b'{"a":[1, 2,9]}'),
        (b'{"a":[]}', "a.0.b", "9", b'{"a":[{"b":9}]}'),
        (b'{"a":1,"b":0,"a":3}', "a", "2", b'{"b":0,"a":2}'),
        (b'{"\\u0061":1}', "a", "2", b'{"\\u0061":2}'),
        (b'{"a":"}\\"{","b":1}', "b", "2", b'{"a":"}\\"{","b":2}'),
    ],
)
def test_a_value_is_put_where_the_path_says(raw: bytes, path: str, value: str, mended: bytes) -> None:
    assert set_(raw, path, value) == mended


@pytest.mark.parametrize(
    ("raw", "path", "mended"),
    [
        (b'{"a":1, "b":2}', "a", b'{"b":2}'),
        (b'{"a":1 , "b":2}', "b", b'{"a":1}'),
        (b'{ "a":1 }', "a", b"{}"),
        (b'{"a":1,"b":2,"a":3}', "a", b'{"b":2}'),
        (b'{"a":[1,2,3]}', "a.1", b'{"a":[1,3]}'),
        (b'{"a":{"b":[{}]},"c":1}', "a.b", b'{"a":{},"c":1}'),
        (b'{"a":1}', "b", b'{"a":1}'),
        (b'{"a":null}', "a.b", b'{"a":null}'),
    ],
)
def test_what_is_unset_is_gone_with_its_comma(raw: bytes, path: str, mended: bytes) -> None:
    assert unset(raw, path) == mended


def test_a_name_that_stands_very_often_is_no_burden() -> None:
    often = b'{"a":1,"b":2,' + b'"a":1,' * 20_000 + b'"c":3}'
    assert unset(often, "a") == b'{"b":2,"c":3}'
    assert set_(often, "a", "9") == b'{"b":2,"a":9,"c":3}'


@pytest.mark.parametrize(
    "kept",
    [b"1e400", b"-0.0", b"12345678901234567890123", b"1.10", b"NaN", b"007", b'"\xff\xfe"', b'"\\ud800\\/"', b'"a\nb"'],
)
def test_what_is_not_changed_stays_as_it_came(kept: bytes) -> None:
    assert set_(b'{"kept": %b, "a": 1}' % kept, "a", "2") == b'{"kept": %b, "a": 2}' % kept
    assert unset(b'{"kept": %b, "a": 1}' % kept, "a") == b'{"kept": %b}' % kept


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not JSON from character 0"),
        (b"hello", "the text is not a JSON object"),
        (b"\xef\xbb\xbf{}", "the text is not a JSON object"),
        (b'{"a":5}', "a is not a JSON object"),
        (b'{"a":[1,2]}', "a has 2 items, the first is 0"),
        (b'{"a":[', "not JSON from character 6"),
        (b'{"a" 1}', "not JSON from character 1"),
        (b'{"a":}', "not JSON from character 5"),
        (b'{"z":1 "a":{}}', "not JSON from character 7"),
        (b'{"a":"x', "not JSON from character 5"),
    ],
)
def test_a_change_that_does_not_fit_says_where(raw: bytes, words: str) -> None:
    with pytest.raises(CannotMend, match=re.escape(words)):
        set_(raw, "a.x", "1")


@pytest.mark.parametrize(
    ("text", "json_text"),
    [
        ("1", "1"), (" 1e400 ", "1e400"), ("null", "null"), ('{"a": 1}', '{"a": 1}'), ("plan", '"plan"'), ("", '""'),
        ("NaN", '"NaN"'), ('"x"', '"x"'), ("2026-01-31T12:00:00Z", '"2026-01-31T12:00:00Z"'), ("\udcff", '"\\udcff"'),
        ("12345678901234567890123", "12345678901234567890123"),
    ],
)  # fmt: skip
def test_a_value_is_json_where_it_is_json_and_otherwise_text(text: str, json_text: str) -> None:
    assert json_of(text) == json_text


@given(text=texts)
def test_a_text_stays_a_text(text: str) -> None:
    assert json.loads(json_of_text(text)) == text


@pytest.mark.parametrize("case", RUBBISH, ids=lambda case: case.name)
def test_each_kind_of_rubbish_can_be_mended(case: Case) -> None:
    parse(changes(case.mend).apply(case.raw))


# --- entries of several fields


FIELDS = b'[["event", "\\udcff{}"], ["event", "[]"], ["3", "three"]]'


@pytest.mark.parametrize(("field", "value"), [("1", b"\xff{}"), ("2", b"[]"), ("3", b"three")])
def test_a_field_is_chosen_by_number_or_name(field: str, value: bytes) -> None:
    assert field_of(FIELDS, field) == value


@pytest.mark.parametrize("field", ["event", "4", "0", "", "Event"])
def test_a_field_that_is_none_or_not_the_only_one_is_not_chosen(field: str) -> None:
    with pytest.raises(CannotMend, match="choose one by its number: 1 'event', 2 'event', 3 '3'"):
        field_of(FIELDS, field)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"hello", b'["ab"]', b'["ab","cd"]', b'[["a"],["b"]]', b'[["a",1],["b",2]]', b'[["a","\\ud800"],["b",""]]'])  # fmt: skip # noqa: E501
def test_a_text_that_is_no_entry_of_several_fields_has_none(raw: bytes) -> None:
    assert fields_of(raw) is None
    with pytest.raises(CannotMend, match="no field to choose"):
        field_of(raw, "1")


def test_all_changes_are_done_in_their_order() -> None:
    all_ = Changes(b'[["a", "{\\"x\\":1}"], ["b", ""]]', "a", (("x",),), ((("x",), "2"), (("x",), "3")))
    assert all_.apply(b"whatever") == b'{"x":3}'
    assert Changes().apply(b"\xff") == b"\xff"
    assert (bool(Changes()), bool(all_)) == (False, True)


# --- layout


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)


@settings(max_examples=40)
@given(value=_json)
def test_laid_out_and_closed_up_again_json_is_what_it_was(value: Any) -> None:
    raw = json.dumps(value, separators=(",", ":")).encode()
    shown = laid_out(raw)
    assert shown is not None
    assert json.loads(shown) == value
    assert closed_up(shown) == raw


def test_layout_gives_each_value_a_line_and_keeps_the_rest() -> None:
    raw = b'{"a":[1e400,{"b":[]}],"c":"\xff"}'
    assert laid_out(raw) == b'{\n  "a": [\n    1e400,\n    {\n      "b": []\n    }\n  ],\n  "c": "\xff"\n}'


@pytest.mark.parametrize("raw", [b"", b" ", b"{", b"}", b"1 2", b"{} {}", b'"', b"[" * 800 + b"]" * 800])
def test_what_is_not_json_is_not_laid_out(raw: bytes) -> None:
    assert laid_out(raw) is None
