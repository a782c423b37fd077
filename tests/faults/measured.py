"""A producer that times its events: `python -m tests.faults.measured --log FILE --delays FILE …`, with REDIS_URL and
DATABASE_URL.

It publishes `count` events at a steady `rate`, and asks the journal itself which of them are there. The delay of an
event runs from the moment it was due, so that a producer that had to wait hides nothing, until it was seen in the
journal, or until the patience was over. One line an event in `--delays`: seconds and id.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select, tuple_

from flowledger.client.prepared import Prepared
from flowledger.client.publisher import Publisher
from flowledger.domain.envelope import parse
from flowledger.domain.errors import PublishError
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from tests.faults import histories
from tests.faults.accepted import AcceptedLog

_TICK_SECONDS: Final = 0.02
_LOOK_SECONDS: Final = 0.01
_AT_ONCE: Final = 100
"""The first events of each shard that are asked for in one query: one shard that stands hides no other."""
_EVENTS: Final = tables.events.c


class Waiting:
    """Events that are not in the journal yet, in the order in which they were due, by shard."""

    def __init__(self, events: Iterable[Prepared]) -> None:
        self._sources = {event.id: parse(event.raw).source for event in events}
        self.delays: list[tuple[float, str]] = []
        self._lock = threading.Lock()
        self._due: dict[int, deque[tuple[str, float]]] = defaultdict(deque)

    def add(self, events: list[tuple[Prepared, float]]) -> None:
        """Events, and when each was due."""
        with self._lock:
            for event, due in events:
                self._due[event.shard].append((event.id, due))

    def first(self) -> list[tuple[str, str]]:
        """The source and the id of each."""
        with self._lock:
            return [(self._sources[id_], id_) for events in self._due.values() for id_, _ in islice(events, _AT_ONCE)]

    def settle(self, ids: set[str], at: float) -> None:
        """Notes the delay of these, and forgets them."""
        with self._lock:
            for events in self._due.values():
                first = [events.popleft() for _ in range(min(_AT_ONCE, len(events)))]
                self.delays += [(at - due, id_) for id_, due in first if id_ in ids]
                events.extendleft(reversed([one for one in first if one[0] not in ids]))

    def give_up(self) -> None:
        """What is left will never come."""
        with self._lock:
            now = time.monotonic()
            self.delays += [(now - due, id_) for events in self._due.values() for id_, due in events]


def main() -> None:
    options = _options()
    settings = Settings.load()
    published = threading.Event()
    with Publisher(settings=settings) as publisher, AcceptedLog(options.log) as log:
        events = [publisher.prepare(text) for text in islice(_texts(options), options.count)]
        waiting = Waiting(events)
        watcher = threading.Thread(target=_watch, args=(waiting, published, options.patience, make_engine(settings)))
        watcher.start()
        _publish_all(events, options, publisher, log, waiting)
    published.set()
    watcher.join()
    options.delays.write_text("".join(f"{seconds:.6f} {id_}\n" for seconds, id_ in waiting.delays), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="where it writes what was accepted")
    parser.add_argument("--delays", type=Path, required=True, help="where it writes the delays, at its end")
    parser.add_argument("--name", required=True, help="its events' ids begin so")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="events a second")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--patience", type=float, default=90.0, help="seconds that it waits for the last of them")
    return parser.parse_args()


def _texts(options: argparse.Namespace) -> histories.Texts:
    return histories.texts(options.name, options.seed, timedelta())


def _publish_all(
    events: list[Prepared], options: argparse.Namespace, publisher: Publisher, log: AcceptedLog, waiting: Waiting
) -> None:
    """Every tick all events that are due, as many producers would; what is refused is sent again with the next ones."""
    left: list[Prepared] = []
    place, began = 0, time.monotonic()
    while place < len(events):
        time.sleep(_TICK_SECONDS)
        due = round((time.monotonic() - began) * options.rate)
        batch = events[place:due]
        log.sent((event.id, event.raw) for event in batch)
        waiting.add([(event, began + number / options.rate) for number, event in enumerate(batch, place)])
        left = _publish([*left, *batch], publisher, log)
        place += len(batch)
    until = time.monotonic() + options.patience
    while left and time.monotonic() < until:
        time.sleep(_TICK_SECONDS)
        left = _publish(left, publisher, log)


def _publish(batch: list[Prepared], publisher: Publisher, log: AcceptedLog) -> list[Prepared]:
    """Those that were refused: if one stream takes nothing, the others do."""
    try:
        log.accepted(event.id for event in publisher.publish_many(batch))
    except PublishError as error:
        log.refused(error)
    else:
        return []
    shards = sorted({event.shard for event in batch})
    if len(shards) == 1:
        return batch
    parts = ([event for event in batch if event.shard == shard] for shard in shards)
    return [event for part in parts for event in _publish(part, publisher, log)]


def _watch(waiting: Waiting, published: threading.Event, patience: float, engine: Engine) -> None:
    deadline = None
    while names := waiting.first() or not published.is_set():
        if published.is_set():
            deadline = deadline or time.monotonic() + patience
            if time.monotonic() > deadline:
                break
        if isinstance(names, list):
            seen = select(_EVENTS.id).where(tuple_(_EVENTS.source, _EVENTS.id).in_(names))
            with engine.connect() as connection:
                found = connection.execute(seen).scalars()
                waiting.settle(set(found), time.monotonic())
        time.sleep(_LOOK_SECONDS)
    waiting.give_up()
    engine.dispose()


if __name__ == "__main__":
    main()
