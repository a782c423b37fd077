"""The generator of odd entries: from a seed, as many as are asked for, each with a fate that the contract gives it."""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Refused
from flowledger.workers.entries import all_fields
from tests.faults.names import keeps
from tests.faults.odd import KINDS, Fate, Odd, celery_lines, entries

SEEDS = range(5)


def made(seed: int) -> list[Odd]:
    return [entry for couple in entries("some", seed, 300, 2 * 2**20) for entry in couple]


def test_a_seed_gives_the_same_entries_and_another_one_others() -> None:
    assert made(1) == made(1)
    assert made(1) != made(2)
    assert celery_lines("some", 1, 40, inflated=1000) == celery_lines("some", 1, 40, inflated=1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_there_are_as_many_as_asked_for_of_every_fate(seed: int) -> None:
    entries_ = made(seed)
    assert 300 <= len(entries_) <= 301
    fates = Counter(entry.fate for entry in entries_)
    assert min(fates[fate] for fate in Fate) > 5, fates
    assert max(entry.size for entry in entries_) >= 2 * 2**20 - 10
    assert len({entry.event_id for entry in entries_ if entry.event_id}) > 100, "each event has an id of its own"
    assert len(set(KINDS)) > 9


@pytest.mark.parametrize("seed", SEEDS)
def test_what_must_be_recorded_is_an_event_and_what_must_be_buried_is_none(seed: int) -> None:
    for entry in made(seed):
        if entry.fate in (Fate.RECORDED, Fate.REPEATED, Fate.CONFLICT):
            assert parse(entry.body).id == entry.event_id, entry.what
        elif entry.fate is Fate.BURIED and entry.body:
            with pytest.raises(Refused):
                parse(entry.body)


def test_a_repeat_says_the_same_in_the_eyes_of_another_reader() -> None:
    """But for what is null and for what only traces, Python's own reader takes both for equal."""
    repeats = 0
    for seed in SEEDS:
        for couple in entries("some", seed, 300, 1000):
            if len(couple) == 2 and couple[1].fate is Fate.REPEATED:
                first, second = (meaning(entry.body) for entry in couple)
                assert first == second, couple[1].what
                repeats += 1
    assert repeats > 50


def exact(text: str) -> Decimal:
    """A number as it is written; Python has no zero with a huge exponent."""
    return Decimal(text) if re.search("[1-9]", re.split("[eE]", text)[0]) else Decimal(0)


def meaning(body: bytes) -> dict[str, Any]:
    event = json.loads(body, parse_float=exact, parse_int=exact)
    data = {name: value for name, value in event["data"].items() if value is not None}
    attributes = {name: value for name, value in event.items() if not (value is None or name.startswith("trace"))}
    return attributes | {"data": data}


def test_a_conflict_says_something_else_in_the_eyes_of_another_reader() -> None:
    """Python's own reader takes texts that differ in spelling alone for equal; a conflict differs for it, too."""
    for seed in SEEDS:
        for couple in entries("some", seed, 300, 1000):
            if len(couple) == 2 and couple[1].fate is Fate.CONFLICT and "sequence" not in couple[1].what:
                first, second = (entry.body.decode() for entry in couple)
                assert repr(json.loads(first)) != repr(json.loads(second))


def test_a_dead_letter_keeps_every_byte_or_hash_size_and_beginning() -> None:
    for entry in made(3):
        assert keeps(entry.fields, entry.body or all_fields(entry.fields), "")
        assert not keeps(entry.fields, b"another", "not JSON")
