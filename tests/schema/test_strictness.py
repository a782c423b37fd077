"""The schemas accept what others than they say is right: the vocabulary of the tests, and values written by hand."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Refused
from tests import builders
from tests.domain.governed_values import ACCEPTED, REFUSED
from tests.schema.generated import VALIDATOR
from tests.schema.test_agreement import EVENTS, LISTED
from tests.vocabulary import FIELDS

Json = Any

_GIVEN: Final = [
    (type_, name, field.kind)
    for type_, fields in FIELDS.items()
    for name, field in fields.items()
    if field.kind in ACCEPTED and type_.endswith((".created", ".connected"))
]


def readable(value: Json) -> Json:
    """The same without lone surrogates, which a validator need not be able to read."""
    return json.loads(re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(value, ensure_ascii=False)))


@settings(max_examples=max(60, EVENTS // 10))
@given(st.sampled_from(sorted(FIELDS)).flatmap(lambda type_: builders.events("evt_1", types=(type_,))))
def test_events_of_the_vocabulary_are_right(raw: bytes) -> None:
    parse(raw)
    assert [fault.message for fault in VALIDATOR.iter_errors(readable(json.loads(raw)))] == []


@pytest.mark.parametrize(("type_", "field", "kind"), _GIVEN)
def test_values_that_are_accepted_are_right(type_: str, field: str, kind: str) -> None:
    for value in ACCEPTED[kind]:
        assert VALIDATOR.is_valid(readable(builders.event(type_, **{field: value}))), value


@pytest.mark.parametrize(("type_", "field", "kind"), _GIVEN)
def test_values_that_are_refused_are_wrong_or_break_a_listed_rule(type_: str, field: str, kind: str) -> None:
    for value in REFUSED[kind]:
        event = builders.event(type_, **{field: value})
        with pytest.raises(Refused) as refused:
            parse(builders.to_bytes(event))
        assert not VALIDATOR.is_valid(readable(event)) or LISTED.search(refused.value.words), value


def test_a_time_may_have_any_form_that_the_ledger_reads() -> None:
    for time in builders.TIMES:
        assert VALIDATOR.is_valid(builders.event("task.created", time=time)), time


def test_a_content_type_may_have_blanks_and_capitals_of_ascii_alone() -> None:
    for wanted, type_ in (
        (True, "application/json"),
        (True, 'Application/JSON ; charset = "UTF-8" '),
        (False, "application/j\u017fon"),  # a long s, which Unicode counts as a small s
        (False, "application/json;\u00a0charset=utf-8"),
        (False, "application/json; charset=latin1"),
    ):
        event = builders.event("task.created", attributes={"datacontenttype": type_})
        assert VALIDATOR.is_valid(event) is wanted
        if wanted:
            parse(builders.to_bytes(event))
        else:
            with pytest.raises(Refused, match="datacontenttype"):
                parse(builders.to_bytes(event))
