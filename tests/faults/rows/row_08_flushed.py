"""Row 8: somebody empties the broker, or takes away all that the ledger keeps there beside the events.

There is no consumer group that could be gone: an entry that stands in a stream is work (docs/decisions). Messages that
stood in an inbox come into it again by `flowledger redeliver`.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any, Final

from flowledger.client import Mailbox
from flowledger.domain import streams
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from flowledger.workers.redelivery import redeliver
from tests.faults.trial import Dose, Row, Trial

_MESSAGES: Final = 60
_TAKEN: Final = 20


def run(trial: Trial) -> None:
    """The keys go under load; the broker is emptied when everything is recorded; then there is load again."""
    for _ in range(trial.dose.faults):
        with trial.same_workers(), trial.load():
            trial.pause()
            with trial.fault("leases, bells and all else beside the events deleted"):
                _delete_all_but_events(trial)
                trial.wait(lambda: trial.world.redis.exists(streams.BROKER), "a broker that has its mark again")
        trial.drain()
        trial.tell("FLUSHALL")
        trial.world.redis.flushall()
        trial.outcome.faults += 1
        before = trial.world.recorded()
        with trial.same_workers(), trial.load():
            trial.wait(lambda before=before: trial.world.recorded() > before, "an event recorded after that")  # type: ignore[misc]
            trial.recover()
    trial.judge(marks_lost=True)
    alarms = trial.world.worker_logs().count("the broker has lost its data")
    assert alarms >= trial.dose.faults, f"{alarms} alarms of {trial.dose.faults} times that the broker was emptied"
    _empty_inboxes(trial)
    trial.note(
        f"{alarms} alarms: the broker was emptied {trial.dose.faults} times, and as often lost all but its events"
    )


def _empty_inboxes(trial: Trial) -> None:
    """The broker is emptied under an agent that has taken a part of its messages: it gets the others, in order."""
    settings = trial.world.direct
    with Mailbox("asker", settings=settings) as asker, Mailbox("sleeper", settings=settings) as sleeper:
        for number in range(_MESSAGES):
            asker.send("sleeper", number)
        for number in range(_TAKEN):
            message = sleeper.receive(30)
            assert message is not None
            assert message.content == number
            sleeper.ack(message)
        trial.drain()
        trial.tell("FLUSHALL, and what was in inboxes put there again")
        trial.world.redis.flushall()
        trial.outcome.faults += 1
        with closing(connect(settings)) as client:
            found = redeliver(client, settings, Storage(trial.world.engine))
        left = [message.content for message in sleeper.receive_many(_MESSAGES, 30)]
        assert left == list(range(_TAKEN, _MESSAGES)), f"{found}; the agent got {left}"


def _delete_all_but_events(trial: Trial) -> None:
    redis: Any = trial.world.redis
    events = {streams.stream(shard).encode() for shard in range(trial.world.settings.shards)}
    keys = [key for key in redis.scan_iter() if key not in events]
    if keys:
        redis.delete(*keys)


ROW: Final = Row(
    number=8,
    title="FLUSHALL when all is recorded; every key but the events' deleted under load",
    run=run,
    sample=Dose(faults=1, rate=250, pause=0.3),
    long=Dose(faults=5, pause=2),
)
