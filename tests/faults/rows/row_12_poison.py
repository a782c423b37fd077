"""Row 12: poison among healthy events: each a dead letter with its bytes, and the healthy ones flow."""

from __future__ import annotations

import time
from typing import Any, Final

from flowledger.domain import streams
from tests.faults import poison
from tests.faults.report import percentile
from tests.faults.trial import Dose, Row, Trial
from tests.faults.usage import watching

_PROBES: Final = 10


def run(trial: Trial) -> None:
    """The delay of healthy events without poison, then with it on every shard; then one huge body."""
    with trial.same_workers(), trial.load(), watching(trial.world) as peak:
        before = _delays(trial)
        during: list[float] = []
        for turn in range(trial.dose.faults):
            trial.tell(f"poison, turn {turn + 1}")
            for place, body in enumerate(poison.bodies(f"{trial.accepted_folder.name}-{turn}")):
                _publish(trial, body, place)
            during += _delays(trial)
        megabytes = 8 if trial.dose.few else 64
        _publish(trial, poison.huge(megabytes), 0)
        during += _delays(trial)
    trial.judge()
    trial.note(f"delay of healthy events p50 / p99: {_words(before)} without poison, {_words(during)} among it")
    trial.note(f"peak memory of a process of the workers: {peak[0] / 2**20:.0f} MB, with a body of {megabytes} MB")


def _publish(trial: Trial, body: bytes, place: int) -> None:
    redis: Any = trial.world.redis
    redis.xadd(streams.stream(place % trial.world.settings.shards), {streams.FIELD: body})
    trial.refused.append(body)
    trial.outcome.faults += 1


def _delays(trial: Trial) -> list[float]:
    """How long it takes until everything accepted at a moment is recorded, some times."""
    delays = []
    for _ in range(_PROBES):
        began = time.monotonic()
        trial.until_recorded()
        delays.append(time.monotonic() - began)
    return delays


def _words(delays: list[float]) -> str:
    return f"{percentile(delays, 0.5) * 1000:.0f} / {percentile(delays, 0.99) * 1000:.0f} ms"


ROW: Final = Row(
    number=12,
    title="poison among healthy events, 64 MB and parser-breaking bodies among it",
    run=run,
    sample=Dose(faults=1, rate=100, few=True),
    long=Dose(faults=20),
)
