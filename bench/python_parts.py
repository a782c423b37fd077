"""The processor time of a drain by part, in this process: for `bench.python_time`, which starts one for each checkout.

It reads the names of files with events, one a line, records the events of each by drains, and writes one line of JSON:
for each part the microseconds an event. What it calls and wraps are names that other commits have as well. It imports
nothing of `bench`, which would be that of one checkout only.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import psutil
import redis
from sqlalchemy import text

from flowledger.domain import json_text, streams
from flowledger.domain.envelope import parse
from flowledger.domain.settings import Settings
from flowledger.domain.times import now, sortable
from flowledger.storage.kinds import transaction_of
from flowledger.storage.unit_of_work import Storage, UnitOfWork
from flowledger.workers.bond import Bond
from flowledger.workers.connections import connect
from flowledger.workers.drain import Drain
from flowledger.workers.post import PostOffice
from flowledger.workers.recorder import Recorder
from flowledger.workers.shards import Shards

_BATCH: Final = 500
_COLLECTED: Final = 50_000
"""As in a worker's processes (`workers.app`)."""


class Stopwatch:
    """The processor time of this process in some functions."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, part: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call the function, and count its time for `part`."""
        began = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.process_time() - began

    def wrap(self, owner: type, name: str, part: str) -> None:
        """Count all calls of a method from now on. It is called once for many events, so this costs nothing."""
        method = getattr(owner, name)
        setattr(owner, name, lambda *arguments, **named: self.time(part, method, *arguments, **named))


def main() -> None:
    database_url, redis_url = sys.argv[1:]
    gc.freeze()
    gc.set_threshold(_COLLECTED)
    settings = Settings.load(database_url=database_url, redis_url=redis_url, linger_seconds=0.0)
    watch = Stopwatch()
    for owner, name, part in (
        (Shards, "take", "replies"),
        (Shards, "done", "replies"),
        (Recorder, "record", "record"),
        (UnitOfWork, "flush", "flush"),
    ):
        watch.wrap(owner, name, part)
    with Storage.open(database_url) as storage:
        client = connect(settings)
        for line in sys.stdin:
            events = Path(line.strip()).read_bytes().splitlines()
            print(json.dumps(_measured(events, watch, settings, client, storage)), flush=True)


def _measured(
    events: Sequence[bytes], watch: Stopwatch, settings: Settings, client: redis.Redis, storage: Storage
) -> dict[str, float]:
    """Return the microseconds an event by part. The parts within `record` are measured by themselves."""
    watch.seconds.clear()
    limits, recorded_at = settings.limits, sortable(now())
    for first in range(0, len(events), _BATCH):
        batch = events[first : first + _BATCH]
        watch.time("json", lambda batch=batch: [json_text.loads(event.decode(), limits) for event in batch])
        parsed = watch.time("parse", lambda batch=batch: [parse(event, limits) for event in batch])
        watch.time("writes", lambda parsed=parsed: [transaction_of(event, 0, recorded_at) for event in parsed])
        _publish(client, settings, batch, parsed)
    server = _server_seconds(storage)
    post, bond = PostOffice(client, settings, storage), Bond(client, settings, storage)
    recorded = 0
    while recorded < len(events):
        drain = Drain(settings, client, storage, 0, post=post, bond=bond)
        result = watch.time("drain", drain.run)
        if not result["recorded"]:
            raise RuntimeError(f"a drain recorded nothing: {result}")
        recorded += result["recorded"]
    found = {part: seconds / len(events) * 1e6 for part, seconds in watch.seconds.items()}
    return {
        "JSON": found["json"],
        "checks": found["parse"] - found["json"],
        "writes": found["writes"],
        "statements: quoted and sent": found["flush"],
        "rest of the recorder": found["record"] - found["parse"] - found["writes"] - found["flush"],
        "replies of Redis": found["replies"],
        "rest of the drain": found["drain"] - found["record"] - found["replies"],
        "Python in all": found["drain"],
        "PostgreSQL": (_server_seconds(storage) - server) / len(events) * 1e6,
    }


def _publish(client: redis.Redis, settings: Settings, events: Sequence[bytes], parsed: Sequence[Any]) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for raw, event in zip(events, parsed, strict=True):
            shard = streams.shard_of(event.partition_key, settings.shards)
            pipeline.xadd(streams.stream(shard), {streams.FIELD: raw})
        pipeline.execute()


def _server_seconds(storage: Storage) -> float:
    """Return the processor time of the sessions of this database, of which the last ones stay in the pool."""
    with storage.looking() as connection:
        asked = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        pids = [*connection.execute(asked).scalars(), connection.execute(text("SELECT pg_backend_pid()")).scalar_one()]
    times = [psutil.Process(pid).cpu_times() for pid in pids if psutil.pid_exists(pid)]
    return sum(one.user + one.system for one in times)


if __name__ == "__main__":
    main()
