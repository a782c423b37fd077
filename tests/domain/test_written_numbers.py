"""How long databases write numbers is bounded, whatever they look like on their way."""

from __future__ import annotations

import pytest

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.json_numbers import written
from flowledger.domain.limits import Limits
from tests.builders import raw


def numbers(literal: str, count: int) -> bytes:
    return raw("task.completed", output="here").replace(b'"here"', b"[" + b",".join([literal.encode()] * count) + b"]")


@pytest.mark.parametrize(
    ("literal", "length"),
    [
        ("1e131071", 131_072), ("1E+0000131071", 131_072), ("1e-16383", 16_384), ("1.5e300", 301), ("12.34e1", 4),
        ("12.34e-1", 4), ("0e99999999999999999999", 1), ("0.00E-5", 1), ("1234", 0), ("12.5", 0),
    ],
)  # fmt: skip
def test_a_number_is_as_long_as_it_is_without_its_exponent(literal: str, length: int) -> None:
    assert written(f'{{"1e9": "2e10, 3e11", "a": {literal}}}', 10**9)[0] == length


@pytest.mark.parametrize(
    ("literal", "most"), [("1e131071", 8), ("1e300", 3_483), ("1e-300", 3_483), ("1.5E-16382", 64)]
)
def test_what_would_be_written_too_long_is_refused_with_its_field(literal: str, most: int) -> None:
    parse(numbers(literal, most))
    with pytest.raises(Refused) as refused:
        parse(numbers(literal, most + 1))
    assert (refused.value.reason, refused.value.field) == (Reason.NOT_JSON, "data.output")
    assert "the limit is 1,048,576 (LEDGER_MAX_NUMBER_BYTES)" in refused.value.words
    parse(numbers(literal, most + 1), Limits(max_number_bytes=2**22))


def test_zeros_and_texts_are_not_counted() -> None:
    parse(numbers("0e999999999", 20_000))
    parse(numbers('"1e131071"', 20_000))
