"""Records as JSON text: as Python's own writer lays it out, of any depth, and with each number as a number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain import readable_json
from flowledger.domain.readable_json import json_line, json_lines, json_set_out, json_words


@dataclass(frozen=True, slots=True)
class _Record:
    at: datetime
    raw: bytes
    part: Any


def _parts(inner: Any) -> Any:
    return st.lists(inner) | st.dictionaries(st.text(), inner) | st.builds(_Record, st.datetimes(), st.binary(), inner)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
)


@given(VALUES)
def test_it_is_laid_out_as_python_does(value: Any) -> None:
    assert json_line(value) == json.dumps(value)
    assert json_lines(value) == json.dumps(value, indent=2)
    assert json_words(value) == json.dumps(value, ensure_ascii=False)
    assert json_set_out(value) == json.dumps(value, indent=2, ensure_ascii=False)


@given(st.recursive(VALUES | st.binary() | st.datetimes() | st.decimals(allow_nan=False, allow_infinity=False), _parts))
def test_the_writer_in_c_and_ours_give_the_same_text(value: Any) -> None:
    assert json_line(value) == readable_json._written(value, None, encode_basestring_ascii)
    assert json_words(value) == readable_json._written(value, None, encode_basestring)


@pytest.mark.parametrize("write", [json_line, json_words])
def test_what_python_s_own_writer_can_write_it_writes(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page shows some dozens of large values on Flower's event loop."""
    monkeypatch.setattr(readable_json, "_written", None)
    assert write([{"a": [1.5, True, None]}, _Record(datetime(2026, 1, 31, tzinfo=UTC), b"a", "é")])


@pytest.mark.parametrize("write", [json_line, json_lines, json_words, json_set_out])
def test_it_may_be_of_any_depth(write: Any) -> None:
    deep: Any = Decimal("1e400")
    for place in range(50_000):
        deep = [deep] if place % 2 else {"a": deep}
    text = write(deep) if write in (json_line, json_words) else "".join(write(_shallower(deep)).split())
    assert text.count("[") == text.count("]") > 1_000


def _shallower(deep: Any) -> Any:
    for _ in range(47_000):
        deep = deep[0] if isinstance(deep, list) else deep["a"]
    return deep


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1e400", "1" + "0" * 400), ("1" + "0" * 400, "1" + "0" * 400), ("-1.50E-400", "-0." + "0" * 399 + "15"),
        ("12.50", "12.5"), ("3", "3"), ("0", "0"), ("0.000", "0"),
    ],
)  # fmt: skip
def test_a_decimal_is_a_number_with_one_text(number: str, text: str) -> None:
    assert json_line([Decimal(number)]) == f"[{text}]"


def test_records_are_objects_and_times_and_bytes_are_texts() -> None:
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    record = _Record(at, b"a\xff", _Record(at, b"", (Decimal("1.0"), {1})))
    assert json_line(record) == (
        '{"at": "2026-01-31T12:00:00Z", "raw": "a\\\\xff",'
        ' "part": {"at": "2026-01-31T12:00:00Z", "raw": "", "part": [1, "{1}"]}}'
    )
