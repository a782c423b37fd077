"""What holds for every kind of records: the table of contents is whole, and statements do not multiply."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from typing import Any, Final

import pytest

from flowledger.domain import events as say
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.kinds.base import Described
from flowledger.storage.engines.statements import statement_of
from flowledger.storage.kinds import EVENT_HANDLERS, KINDS, MERGED, owners_of, transaction_of
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import DESCRIPTION
from flowledger.storage.merge.writes import built
from tests.builders import parsed
from tests.vocabulary import EXAMPLES, FIELDS

STATEMENTS: Final = {
    "execution.checkpointed": 2,  # with iterations, and without
    "execution.completed": 2,
    "message.sent": 2,  # to some by name, or to a workspace
}
"""How many statements a type may have, if not one."""


def test_every_event_type_is_one_kind_s() -> None:
    counted = [model for kind in KINDS for model in kind.events]
    assert len(counted) == len(set(counted))
    assert set(counted) == set(EVENT_TYPES.values()) == set(EVENT_HANDLERS)


def test_the_names_of_the_events_are_those_of_the_vocabulary() -> None:
    assert {model.__name__ for model in EVENT_TYPES.values()} <= set(vars(say))


@pytest.mark.parametrize("table", MERGED, ids=lambda table: str(table.name))
def test_a_row_belongs_to_a_subject_of_a_kind_before_it(table: Any) -> None:
    subjects = {kind.table for kind in KINDS}
    for owner, column in owners_of(table):
        assert owner in subjects
        assert MERGED.index(owner) <= MERGED.index(table)
        assert column in table.c


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_a_description_is_what_created_carries_and_what_the_table_holds(kind: Kind) -> None:
    described = [model for model in kind.events if issubclass(model, Described)]
    if not described:
        assert DESCRIPTION not in kind.table.info
        return
    assert [model.event_type.partition(".")[2] for model in described] == ["created", "updated"]
    for model in described:
        assert set(kind.table.info[DESCRIPTION].fields) == model.described_fields()
    assert model.keeps_null == model.described_fields()
    assert set(kind.table.info[DESCRIPTION].fields) <= set(kind.table.c.keys())


def test_an_event_type_has_one_statement_whatever_fields_its_events_carry() -> None:
    """A group that is made anew for each event would be a statement for each event, while every row is right."""
    names = _statements_of_all_types(random.Random(1))
    assert {type_: len(found) for type_, found in names.items()} == {
        type_: STATEMENTS.get(type_, 1) for type_ in EVENT_TYPES
    }
    misses = built.cache_info().misses
    assert _statements_of_all_types(random.Random(2)) == names
    assert built.cache_info().misses == misses


def _statements_of_all_types(chance: random.Random) -> dict[str, set[str]]:
    names: dict[str, set[str]] = defaultdict(set)
    for type_, turn in itertools.product(EVENT_TYPES, range(40)):
        data = {
            name: EXAMPLES[field.kind]
            for name, field in FIELDS[type_].items()
            if not field.required and turn and chance.random() < 0.5
        }
        if type_ == "message.sent" and turn % 2:
            data |= {"broadcast": True, "workspace_id": "ws_1", "to_sandbox_ids": None}
        event = parsed(type_, **data)
        names[type_].add(statement_of(transaction_of(event, 0, "2026-01-31 12:00:00.000000")).name)
    return names
