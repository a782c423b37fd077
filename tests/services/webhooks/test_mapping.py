"""The input of an execution from a call: examples, and any mapping against a simple oracle."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.errors import WebhookRefused
from flowledger.domain.limits import DEFAULT_LIMITS
from flowledger.services.webhooks.call import Call
from flowledger.services.webhooks.mapping import ABSENT, body_of, input_of, value_at
from tests.builders import raw
from tests.domain.refusing import refusal

NAMES: Final = ("", "a", "b", "0", "1", "01", "-", "~", "/", "~1", "a/b", "m~n", " ", "é", "%41")

_values: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
_paths: Final = st.lists(st.sampled_from(NAMES), max_size=4)


def call(body: Any, headers: dict[str, tuple[str, ...]] | None = None) -> Call:
    return Call("msg_1", 0, (), json.dumps(body).encode(), headers or {})


def escaped(path: list[str]) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)


def places(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """All values within a value by the names that lead there, as RFC 6901 counts them."""
    found = {path: value}
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        found |= places(one, (*path, str(name)))
    return found


@given(_values, st.dictionaries(st.text(min_size=1, max_size=3), _paths, max_size=4))
def test_a_mapping_finds_what_stands_at_its_pointers(body: Any, paths: dict[str, list[str]]) -> None:
    mapping = {name: escaped(path) for name, path in paths.items()}
    there = places(body)
    wanted = {name: there[tuple(path)] for name, path in paths.items() if tuple(path) in there}
    made = call(body)
    assert input_of(made, body_of(made, DEFAULT_LIMITS), mapping) == wanted


@given(_values)
def test_without_a_mapping_the_input_is_the_body(body: Any) -> None:
    made = call(body)
    assert input_of(made, body_of(made, DEFAULT_LIMITS), None) == body
    assert input_of(made, body_of(made, DEFAULT_LIMITS), {}) == {}
    assert input_of(made, body_of(made, DEFAULT_LIMITS), {"all": ""}) == {"all": body}


RFC: Final = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("", RFC), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
        ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
        ("/foo/2", ABSENT), ("/foo/-", ABSENT), ("/foo/00", ABSENT), ("/foo/-1", ABSENT), ("/foo/+1", ABSENT),
        ("/foo/1e0", ABSENT), ("/foo/" + "9" * 5_000, ABSENT), ("/foo/\u0661", ABSENT), ("/foo/0/0", ABSENT),
        ("//", ABSENT), ("/none", ABSENT), ("/a~1b/x", ABSENT),
    ],
)  # fmt: skip
def test_pointers_of_rfc_6901(pointer: str, found: Any) -> None:
    assert value_at(RFC, pointer) == found


def test_null_is_a_value_and_what_is_not_there_is_absent() -> None:
    made = call({"a": None}, {"x-key": ("k",), "x-twice": ("1", "2"), "x-empty": ("",)})
    mapping = {
        "null": "/a",
        "none": "/b",
        "key": {"header": "X-KEY"},
        "no key": {"header": "X-None"},
        "empty": {"header": "x-Empty"},
        "given": {"value": {"header": "x"}},
        "given null": {"value": None},
    }
    assert input_of(made, {"a": None}, mapping) == {
        "null": None,
        "key": "k",
        "empty": "",
        "given": {"header": "x"},
        "given null": None,
    }
    with pytest.raises(WebhookRefused, match="'X-Twice' occurs more than once"):
        input_of(made, {}, {"twice": {"header": "X-Twice"}})


@pytest.mark.parametrize("pointer", ["", "/foo/0", "/a~1b", "/m~0n", "//", "/ ", "/foo/-"])
def test_such_pointers_can_be_recorded(pointer: str) -> None:
    assert refusal(raw("webhook.created", input_mapping={"a": pointer})) is None
