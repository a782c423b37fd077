"""Row 11: every event one to ten times, in any order, on any shard, by several producers at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from flowledger.domain import streams
from tests.faults import histories
from tests.faults.accepted import AcceptedLog
from tests.faults.trial import Dose, Row, Trial

_PRODUCERS: Final = 4
_COPIES: Final = 10
_BATCH: Final = 100


def run(trial: Trial) -> None:
    """All copies shuffled over everything, then published; the rows are those of the set."""
    name = f"copies{trial.accepted_folder.name}"
    events = list(enumerate(islice(histories.texts(name, trial.seed), trial.dose.events), 1))
    copies = [event for event in events for _ in range(trial.random.randrange(1, _COPIES + 1))]
    trial.random.shuffle(copies)
    trial.tell(f"{len(events):,} events, {len(copies):,} entries")
    shares = [copies[place::_PRODUCERS] for place in range(_PRODUCERS)]
    with AcceptedLog(trial.accepted_folder / "copies.log") as log:
        log.sent((f"{name}-{number}", raw) for number, raw in events)
        threads = [threading.Thread(target=_publish, args=(trial, share, trial.random.random())) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log.accepted(f"{name}-{number}" for number, _ in events)
    trial.outcome.faults += 1
    trial.judge()
    absorbed = trial.outcome.repeated
    trial.note(f"{len(copies):,} entries of {len(events):,} events; {absorbed:,} were known and changed nothing")
    assert absorbed >= len(copies) - len(events)


def _publish(trial: Trial, copies: Sequence[tuple[int, bytes]], seed: float) -> None:
    """Any shard will do for whoever does not care for order (CONTRACT §1): two drains meet the same event."""
    client: Any = trial.world.redis
    shards = trial.world.settings.shards
    for place in range(0, len(copies), _BATCH):
        with client.pipeline(transaction=False) as pipeline:
            for number, raw in copies[place : place + _BATCH]:
                shard = int((number * seed * 7919 + place) % shards)
                pipeline.xadd(streams.stream(shard), {streams.FIELD: raw})
            pipeline.execute()


ROW: Final = Row(
    number=11,
    title="duplicates 1 to 10 times, concurrent, shuffled over everything and over all shards",
    run=run,
    sample=Dose(faults=0, events=1500),
    long=Dose(faults=0, events=30_000),
)
