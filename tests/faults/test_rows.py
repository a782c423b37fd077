"""A short sample of every row of the fault plan that needs no root; `make faults` tries all of them at length."""

from __future__ import annotations

import pytest

from tests.faults.rows import ROWS
from tests.faults.run import try_in
from tests.faults.trial import Outcome, Row
from tests.faults.world import World

SEED = 20260131
_KILLS = 2
"""The row whose sample has retention at work as well; at length all of them have it."""


def _named(row: Row) -> str:
    return f"row {row.number}"


@pytest.mark.timeout(300)  # each is done in half a minute on a quiet machine; a slow one still says what did not hold
@pytest.mark.parametrize("row", [row for row in ROWS if row.sample], ids=_named)
def test_a_sample_of_the_row(row: Row, request: pytest.FixtureRequest) -> None:
    assert row.sample is not None
    world: World = request.getfixturevalue("world_on_sqlite" if row.plan.sqlite else "world")
    outcome = Outcome.of(row)
    try_in(world, row, row.sample, outcome, SEED, print, bygones=row is ROWS[_KILLS])
    assert not outcome.failed
    assert outcome.faults
    assert (outcome.verdict.lost > 0) is row.lost_is_right
