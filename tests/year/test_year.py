"""A short sample of the simulated year; `make year` does it with ten million events."""

from __future__ import annotations

from flowledger import Storage
from tests.year.checks import broken
from tests.year.simulation import DAYS, per_day, simulate

EVENTS = 12_000
AT_ONCE = 28
"""Days at once: thirteen rounds, each other of which runs while its days are recorded."""


def test_a_ledger_that_forgets_stays_small_and_keeps_what_it_must(
    postgresql_storage: Storage, postgresql_url: str
) -> None:
    year = simulate(postgresql_storage, postgresql_url, EVENTS, lambda _: None, at_once=AT_ONCE)
    assert [*broken(postgresql_storage, year, per_day(EVENTS), at_once=AT_ONCE)] == []
    assert year.recorded.recorded > per_day(EVENTS) * DAYS
    texts = [one.bytes["texts"] for one in year.sizes]
    assert max(texts[5:]) < 2 * max(texts[2:5])
