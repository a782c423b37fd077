"""Latency: the time from the call to publish an event until another connection sees its row."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

from sqlalchemy import text

from bench import workload
from bench.contenders import Contender, percentile

_POLL_SECONDS = 0.0005
_LOST_SECONDS = 10.0


def probe(contender: Contender, prefix: str, count: int) -> dict[str, float]:
    """Publish `count` single events at random times, about 20 per second. Return ms until each is visible."""
    seen: list[float] = []
    engine = contender.servers.engine()
    statement = text(f"SELECT 1 FROM {contender.table} WHERE source = :source AND id = :id")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for place, event in enumerate(workload.events(prefix, count)):
            key = {"source": workload.SOURCE, "id": _event_id(event)}
            began = time.perf_counter()
            with contender.lock:
                contender.publish([event])
            while connection.execute(statement, key).first() is None:
                if time.perf_counter() - began > _LOST_SECONDS:
                    raise TimeoutError(f"{contender.title}: event {place} not visible after {_LOST_SECONDS:g} s")
                time.sleep(_POLL_SECONDS)
            seen.append((time.perf_counter() - began) * 1000)
            time.sleep(random.uniform(0.02, 0.08))
    engine.dispose()
    return {"p50": percentile(seen, 0.5), "p99": percentile(seen, 0.99), "max": max(seen), "n": len(seen)}


class Load(threading.Thread):
    """A steady stream of events in small batches, beside the probes, during the `with`."""

    def __init__(self, contender: Contender, prefix: str, events_per_second: float, seconds: float) -> None:
        super().__init__(daemon=True)
        self._contender = contender
        self._events = workload.events(prefix, int(events_per_second * seconds))
        self._per_batch = max(1, int(events_per_second / 20))
        self._stopping = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        for batch, first in enumerate(range(0, len(self._events), self._per_batch)):
            if self._stopping.wait(max(0.0, began + batch / 20 - time.monotonic())):
                return
            with self._contender.lock:
                self._contender.publish(self._events[first : first + self._per_batch])

    def __enter__(self) -> Load:
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stopping.set()
        self.join()


def _event_id(event: bytes) -> str:
    return event.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
