"""kill -9 of a process that publishes with a spool, and of its server, at random moments: nothing is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import redis

from flowledger.cli.embedded import EmbeddedValkey
from flowledger.client import Publisher
from flowledger.domain.streams import stream
from tests.waiting import wait_until

ROUNDS: Final = int(os.environ.get("LEDGER_TEST_KILLS", "6"))
SEED: Final = int(os.environ.get("LEDGER_TEST_SEED", "20260131"))

# What was returned for is written down outside, in a file that outlives the process.
PROGRAM: Final = """
import asyncio, os, random, sys
from flowledger.client import AsyncPublisher, Publisher

face, url, spool, log, name = sys.argv[1:]
rng = random.Random(name)
told = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
numbers = iter(range(10**9))

def some():
    count = rng.choice([1, 1, 1, 2, 7, 40])
    return [
        {"id": f"{name}.{next(numbers)}", "source": "/kills", "type": "task.logged", "subject": "t",
         "data": {"message": "x" * rng.choice([0, 10, 3000])}}
        for _ in range(count)
    ]

def tell(published):
    os.write(told, "".join(f"{one.id} {int(one.spooled)}\\n" for one in published).encode())

def sync():
    with Publisher(url, spool=spool, publish_timeout_seconds=1) as publisher:
        while True:
            tell(publisher.publish_many(some()))

async def in_asyncio():
    async with AsyncPublisher(url, spool=spool, publish_timeout_seconds=1) as publisher:
        while True:
            tell(await publisher.publish_many(some()))

sync() if face == "Publisher" else asyncio.run(in_asyncio())
"""


@pytest.mark.timeout(60 + 5 * ROUNDS)
@pytest.mark.parametrize("face", ["Publisher", "AsyncPublisher"])
def test_what_was_returned_for_arrives_in_order_whatever_is_killed(
    own_valkey: EmbeddedValkey, tmp_path: Path, face: str
) -> None:
    print(f"seed {SEED}, {ROUNDS} kills")
    rng = random.Random(SEED)
    spool, log = tmp_path / "spool.jsonl", tmp_path / "told"
    log.touch()
    there = True
    for round_ in range(ROUNDS):
        command = [sys.executable, "-c", PROGRAM, face, own_valkey.url, str(spool), str(log), f"r{round_}"]
        size = log.stat().st_size
        child = subprocess.Popen(command)
        try:
            wait_until(partial(grown, log, size), what="the first event")
            for _ in range(rng.choice([0, 1, 2])):
                time.sleep(rng.uniform(0, 0.2))
                if there:
                    own_valkey.kill()
                else:
                    own_valkey.start()
                there = not there
            time.sleep(rng.uniform(0, 0.2))
        finally:
            child.kill()
            child.wait()
    if not there:
        own_valkey.start()
    with Publisher(own_valkey.url, spool=spool) as publisher:
        publisher.flush_spool()
    told = [line.split() for line in log.read_text().splitlines()]
    assert {spooled for _, spooled in told} == {"0", "1"}, "both ways were gone"
    with closing(redis.Redis.from_url(own_valkey.url)) as client:
        assert_arrived_in_order(client, [event_id for event_id, _ in told])


def grown(file: Path, size: int) -> bool:
    return file.stat().st_size > size


def assert_arrived_in_order(client: redis.Redis, told: list[str]) -> None:
    """Each id stands in the stream, and where it stands first, it stands behind those that were told before it."""
    found: list[str] = []
    for shard in range(8):
        entries: list[tuple[bytes, dict[bytes, bytes]]] = client.xrange(stream(shard))  # type: ignore[assignment]
        found += [fields[b"event"].decode().partition('"id":"')[2].partition('"')[0] for _, fields in entries]
    first = {event_id: place for place, event_id in reversed(list(enumerate(found)))}
    assert [event_id for event_id in told if event_id not in first] == []
    places = [first[event_id] for event_id in told]
    assert places == sorted(places)
