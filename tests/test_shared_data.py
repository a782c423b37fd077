"""Real records: in order, then shuffled with each event three times, on both databases (../shared/data/README.md)."""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recorder import Recorded
from tests.storage.recording import all_rows, count, dead_letters, differences, empty, record_batches

FOLDER: Final = Path(__file__).parents[2] / "shared" / "data"
EVENTS: Final = {"relay.jsonl": 5_973, "mail.jsonl": 1_243, "temporal.jsonl": 975, "treeherder.jsonl.gz": 35_023}
LARGE: Final = 10_000
SAMPLE: Final = 2_000
SEED: Final = 20_260_131
BATCH: Final = 500


@cache
def lines(name: str) -> list[bytes]:
    """The events of a file; skips the test where the file is not there."""
    file = FOLDER / name
    if not file.exists():
        pytest.skip(f"{file} is not there")
    content = gzip.decompress(file.read_bytes()) if name.endswith(".gz") else file.read_bytes()
    return content.removesuffix(b"\n").split(b"\n")


def sample(name: str) -> list[bytes]:
    """The events in their order; of a large file as many as can be recorded many times over."""
    whole = lines(name)
    chosen = sorted(random.Random(SEED).sample(range(len(whole)), SAMPLE)) if len(whole) > LARGE else range(len(whole))
    return [whole[place] for place in chosen]


def batches(events: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [events[start : start + BATCH] for start in range(0, len(events), BATCH)]


@pytest.fixture(autouse=True)
def _always_recorded_at_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no time of its own stands with the journal's: without this, two runs would differ there."""
    monkeypatch.setattr("flowledger.workers.recorder.now", lambda: datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", EVENTS)
def test_the_rows_are_the_same_in_order_and_shuffled_with_each_event_three_times(storage: Storage, name: str) -> None:
    events = sample(name)
    assert record_batches(storage, batches(events)) == Recorded(recorded=len(events))
    assert differences(storage) == []
    in_order = all_rows(storage)
    empty(storage)
    shuffled = random.Random(SEED).sample(3 * events, 3 * len(events))
    assert record_batches(storage, batches(shuffled)) == Recorded(recorded=len(events), repeated=2 * len(events))
    assert all_rows(storage) == in_order
    assert differences(storage) == []
    assert dead_letters(storage) == []


def test_a_large_file_is_recorded_whole(postgresql_storage: Storage) -> None:
    events = lines("treeherder.jsonl.gz")
    assert record_batches(postgresql_storage, batches(events)) == Recorded(recorded=len(events))
    assert count(postgresql_storage, "events") == len(events)
    assert differences(postgresql_storage) == []


@pytest.mark.parametrize("name", EVENTS)
def test_a_file_has_as_many_events_as_its_description_says(name: str) -> None:
    assert len(lines(name)) == EVENTS[name]


def test_all_files_together_are_no_harm_to_each_other(postgresql_storage: Storage) -> None:
    events = [event for name in EVENTS for event in sample(name)[:1000]]
    assert record_batches(postgresql_storage, batches(random.Random(SEED).sample(events, len(events)))).dead == 0
    assert differences(postgresql_storage) == []
