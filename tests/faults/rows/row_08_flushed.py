"""Row 8: somebody empties the broker, or takes the consumer group away."""

from __future__ import annotations

from typing import Any, Final

from domain import streams
from tests.faults.trial import Dose, Row, Trial


def run(trial: Trial) -> None:
    """The group goes under load; the broker is emptied when everything is recorded; then there is load again."""
    for _ in range(trial.dose.faults):
        with trial.same_workers(), trial.load():
            trial.pause()
            with trial.fault("the consumer groups destroyed"):
                _destroy_groups(trial)
        trial.drain()
        trial.tell("FLUSHALL")
        trial.world.redis.flushall()
        trial.outcome.faults += 1
        with trial.same_workers(), trial.load():
            trial.pause()
            trial.recover()
    trial.judge()


def _destroy_groups(trial: Trial) -> None:
    redis: Any = trial.world.redis
    for shard in range(trial.world.settings.shards):
        if redis.exists(streams.stream(shard)):
            redis.xgroup_destroy(streams.stream(shard), streams.GROUP)


ROW: Final = Row(
    number=8,
    title="FLUSHALL when all is recorded; the consumer groups gone under load",
    run=run,
    sample=Dose(faults=1, pause=0.3),
    long=Dose(faults=5, pause=2),
)
