"""Running rows: a world, a trial, an outcome; whatever happens in a row, the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from flowledger.domain.times import now
from tests.faults import bygone
from tests.faults.trial import Dose, Outcome, Row, Trial
from tests.faults.world import World
from tests.waiting import wait_until

Tell = Callable[[str], None]
_GONE_SECONDS: Final = 60.0


def try_row(row: Row, dose: Dose, seed: int, folder: Path, tell: Tell) -> Outcome:
    """The row in a world of its own; what goes wrong stands in the outcome."""
    outcome = Outcome.of(row)
    outcome.skipped = row.skip()
    if outcome.skipped:
        return outcome
    began = time.monotonic()
    try:
        with World(folder, row.plan) as world:
            try_in(world, row, dose, outcome, seed, tell, bygones=row.starts_workers)
    except Exception as error:  # a row that fails is told; the run goes on to the next
        outcome.failed += f"{type(error).__name__}: {error} (seed {seed})"
    outcome.seconds = time.monotonic() - began
    return outcome


def try_in(world: World, row: Row, dose: Dose, outcome: Outcome, seed: int, tell: Tell, *, bygones: bool) -> None:
    """The row in this world, perhaps with things that are too old and go meanwhile; raises what goes wrong."""
    if bygones:
        world.kill_workers()  # they would let go what is not filled yet
        bygone.fill(world.engine)
    if row.starts_workers:
        world.start_workers()
    trial = Trial(world, dose, outcome, seed, tell)
    try:
        row.run(trial)
    finally:
        outcome.verdict.accepted = outcome.verdict.accepted or trial.accepted()
    if bygones:
        _see_bygones_go(world)
    if outcome.verdict.errors and not row.lost_is_right:
        raise AssertionError("; ".join(outcome.verdict.errors))


def _see_bygones_go(world: World) -> None:
    """Wait until all that is too old by now has gone, whatever the row has done to the service."""
    until = now()
    world.start_workers()  # some rows end them
    with world.supervised():
        wait_until(lambda: not bygone.left(world.engine, until), _GONE_SECONDS, "old things that went")
