"""Dead letters to be replayed, and looking at what came of it."""

from __future__ import annotations

from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.domain.mending import Changes, path_of
from flowledger.domain.records import DeadLetter, DeadLetterDeed
from flowledger.domain.settings import Settings
from flowledger.storage.ledger.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.drain import Drain
from flowledger.workers.recorder import Recorded
from flowledger.workers.replay_outcome import Outcome, outcome_of
from tests.builders import raw
from tests.storage.recording import dead_letters, record

BAD: Final = raw("task.progressed", id="bad", subject="t", progress=2)
MENDED: Final = Changes(set=((path_of("data.progress"), "0.5"),))


def drain(settings: Settings, client: redis.Redis, storage: Storage) -> Recorded:
    """Records what waits in all shards."""
    total = Recorded()
    for shard in range(settings.shards):
        while client.xlen(streams.stream(shard)):
            result = Drain(settings.model_copy(update={"linger_seconds": 0.0}), client, storage, shard).run()
            total += Recorded(result["recorded"], result["repeated"], result["dead"])
    return total


def bury(storage: Storage, *bodies: bytes, start: int = 1) -> list[str]:
    """Makes dead letters; their ids."""
    assert record(storage, *bodies, start=start).dead == len(bodies)
    found = {letter.entry_id: letter.id for letter in dead_letters(storage)}
    return [found[f"{number}-0"] for number in range(start, start + len(bodies))]


def letter(storage: Storage, id_: str) -> DeadLetter:
    with storage.reading() as connection:
        found = DeadLetterRepository(connection).get(id_)
    assert found is not None
    return found


def deeds(storage: Storage, id_: str) -> list[DeadLetterDeed]:
    with storage.reading() as connection:
        return list(DeadLetterActionRepository(connection).of_dead_letter(id_).items)


def outcome(storage: Storage, id_: str, client: redis.Redis | None) -> Outcome:
    """What came of the last replay."""
    return outcome_of(deeds(storage, id_)[-1], letter(storage, id_).raw, storage, client)


def waiting(settings: Settings, client: redis.Redis) -> list[bytes]:
    """What stands in all shards."""
    found: list[bytes] = []
    for shard in range(settings.shards):
        entries: Any = client.xrange(streams.stream(shard))
        found += [fields[b"event"] for _, fields in entries]
    return found
