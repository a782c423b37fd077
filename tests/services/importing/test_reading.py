"""How far a file is done while several lanes record it, and which lane records what."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flowledger.client.lines import EventFile
from flowledger.domain import streams
from flowledger.domain.envelope import parse
from flowledger.services.importing import batches
from flowledger.services.importing.batches import Batch, Reading
from flowledger.services.importing.places import Digested, Place
from tests.builders import raw
from tests.services.importing.importing import written

LANES = 3
SHARDS = 8


@pytest.mark.parametrize("seed", range(5))
def test_every_line_before_the_place_is_recorded_whatever_ends_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(batches, "BATCH", 7)
    chosen = random.Random(seed)
    subjects = [*["often"] * 20, *(f"t{place}" for place in range(9))]
    lines = [raw("task.created", subject=chosen.choice(subjects)) for _ in range(300)]
    under_way: list[Batch] = []
    ended: set[int] = set()
    places: list[Place] = []
    bad = {*random.Random(seed).sample(range(1, 301), 50)}
    with EventFile(str(written(tmp_path, *lines)), Digested) as events:
        reading = Reading(events, "key", LANES, SHARDS, 2**20)

        def end_one() -> None:
            batch = under_way.pop(chosen.randrange(len(under_way)))
            numbers = [line.number for line in batch.lines]
            reading.ended(batch, [number for number in numbers if number in bad])
            ended.update(numbers)

        for _, batch in reading.batches():
            places.append(batch.done)
            under_way.append(batch)
            assert set(range(1, batch.done.line + 1)) <= ended
            assert batch.done.bad == len(bad & set(range(1, batch.done.line + 1)))
            while under_way and chosen.random() < 0.5:
                end_one()
            assert set(range(1, reading.done.line + 1)) <= ended
        while under_way:
            end_one()
        assert (len(ended), reading.done.line, reading.done.bad) == (300, 300, 50)
    assert places == sorted(places)
    assert places[-1].line > 150, "a lane with few lines does not hold it up"


def test_events_of_one_shard_go_to_one_lane_in_their_order(tmp_path: Path) -> None:
    lines = [
        raw("message.sent", subject=f"sb_{place % 5}/{place}", from_sandbox_id=f"sb_{place % 5}") for place in range(50)
    ]
    lines += [raw("sandbox.started", subject=f"sb_{place % 5}") for place in range(50)]
    lines += [raw("task.started", subject=f"t{place}", attributes={"partitionkey": "sb_1"}) for place in range(9)]
    seen: dict[int, list[int]] = {}
    lane_of: dict[int, int] = {}
    with EventFile(str(written(tmp_path, *lines)), Digested) as events:
        for lane, batch in Reading(events, "key", LANES, SHARDS, 2**20).batches():
            for line in batch.lines:
                shard = streams.shard_of(parse(line.raw).partition_key, SHARDS)
                assert lane_of.setdefault(shard, lane) == lane
                seen.setdefault(shard, []).append(line.number)
    assert len(set(lane_of.values())) > 1
    assert all(numbers == sorted(numbers) for numbers in seen.values())
