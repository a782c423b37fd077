"""Crash points: a drain that ends at a named step, as by a power cut, and another that finds what it left.

`python -m tests.faults.crash --log FILE --name NAME --seed N [--few]`, with REDIS_URL and DATABASE_URL: for each event
type and each point, an event is published, a drain in a process of its own ends there (`os._exit`), another drain
follows. It works on a shard beyond those of the workers, which do not get in its way.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from flowledger.workers.drain import Drain
from flowledger.workers.post import PostOffice
from flowledger.workers.post_bell import PostBell
from flowledger.workers.postman import Postman
from tests.builders import raw
from tests.faults.accepted import AcceptedLog
from tests.faults.histories import SOURCE
from tests.vocabulary import FIELDS, OWN_SOURCES

_CRASHED: Final = 99
_NOT_REACHED: Final = 0


class Point(NamedTuple):
    """A step: the function that does it (module, path), and whether the crash comes before, in or after it."""

    module: str
    path: str
    when: str


POINTS: Final = (
    Point("flowledger.workers.shards", "Shards.take", "before"),
    Point("flowledger.workers.shards", "Shards.take", "after"),
    Point("flowledger.workers.shards", "Shards.read", "after"),
    Point("flowledger.workers.recorder", "parse", "after"),
    Point("flowledger.workers.recorder", "conditions_of", "after"),
    Point("flowledger.workers.recorder", "transaction_of", "after"),
    Point("flowledger.storage.unit_of_work", "UnitOfWork.flush", "before"),
    Point("flowledger.storage.engines.postgresql", "_executed", "after"),
    Point("flowledger.storage.unit_of_work", "UnitOfWork.flush", "in"),
    Point("flowledger.storage.engines.postgresql", "_flush", "after"),
    Point("flowledger.storage.unit_of_work", "UnitOfWork.flush", "after"),
    Point("flowledger.workers.post", "PostOffice.settle", "before"),
    Point("flowledger.workers.post", "PostOffice.settle", "after"),
    Point("flowledger.workers.shards", "Shards.done", "before"),
    Point("flowledger.workers.shards", "Shards.done", "in"),
    Point("flowledger.workers.shards", "Shards.done", "after"),
    Point("flowledger.workers.shards", "Shards.leave", "before"),
)
"""Read, made into writes, written and committed, taken out of inboxes, deleted from the stream."""
OF_SENT: Final = (
    Point("flowledger.workers.post", "PostOffice.deliver", "before"),
    Point("flowledger.workers.inboxes", "Inboxes.rooms", "after"),
    Point("flowledger.workers.inboxes", "Inboxes.put", "before"),
    Point("flowledger.workers.inboxes", "Inboxes.put", "in"),
    Point("flowledger.workers.inboxes", "Inboxes.put", "after"),
    Point("flowledger.workers.post", "PostOffice.deliver", "after"),
)
"""Steps of the post office where a message is sent. (That it is marked as sent is an event, with points of its own.)"""
OF_END: Final = (
    Point("flowledger.workers.inboxes", "Inboxes.settle", "before"),
    Point("flowledger.workers.inboxes", "Inboxes.settle", "in"),
    Point("flowledger.workers.inboxes", "Inboxes.settle", "after"),
    Point("flowledger.workers.post", "PostOffice.deliver", "before"),
    Point("flowledger.workers.post", "PostOffice.deliver", "after"),
)
"""Its steps where a message has come to its end."""
_LOOKS: Final = 100
_LOOK_SECONDS: Final = 0.1
_ENDS: Final = ("message.delivered", "message.failed", "message.expired")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--few", action="store_true", help="each point of a drain twice, each of the post office once")
    options = parser.parse_args()
    types = [type_ for type_ in FIELDS if type_ not in OWN_SOURCES]  # the judge counts what has SOURCE
    pairs = _few(types) if options.few else [(type_, point) for type_ in types for point in points(type_)]
    random = Random(options.seed)
    settings = Settings.load()
    shard = settings.shards
    settings = settings.model_copy(update={"shards": shard + 1, "linger_seconds": 0.0})
    with AcceptedLog(options.log) as log:
        for number, (type_, point) in enumerate(pairs):
            id_ = f"{options.name}-{number}"
            body = raw(type_, id=id_, source=SOURCE, subject=f"{type_}_{id_}")
            log.sent([(id_, body)])
            with closing(connect(settings)) as client:
                client.xadd(streams.stream(shard), {streams.FIELD: body})
                log.accepted([id_])
                _crash(settings, shard, point, random.uniform(0, 0.004))
                client.delete(*map(streams.lease, range(settings.shards)), streams.WATCH)  # as when they have run out
                _finish(settings, shard, client, point)
    print(len(pairs))


def points(type_: str) -> tuple[Point, ...]:
    """The steps of recording an event of this type."""
    if type_ == "message.sent":
        return POINTS + OF_SENT
    return POINTS + OF_END if type_ in _ENDS else POINTS


def _few(types: list[str]) -> list[tuple[str, Point]]:
    """A few pairs: each point with the next of some types, and those of the post office."""
    some = types[:: len(types) // (2 * len(POINTS))]
    pairs = list(zip(some, POINTS + POINTS, strict=False))
    return [*pairs, *(("message.sent", point) for point in OF_SENT), *((_ENDS[0], point) for point in OF_END)]


def _crash(settings: Settings, shard: int, point: Point, seconds: float) -> None:
    """A drain in a process of its own, which ends at `point`."""
    child = os.fork()
    if child == 0:
        _arm(point, seconds)
        _drain(settings, shard)
        os._exit(_NOT_REACHED)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != _CRASHED:
        sys.exit(f"the drain did not come to {point}")


def _finish(settings: Settings, shard: int, client: redis.Redis, point: Point) -> None:
    """The drain that follows, and the postman, who finds what waits for nobody else.

    In a process of their own, too: a fork must not inherit their connections.
    """
    child = os.fork()
    if child == 0:
        _drain(settings, shard)
        _deliver(settings)
        _drain(settings, shard)
        os._exit(0)
    os.waitpid(child, 0)
    # The world's workers may deliver what waits, and record that, at the same moment; nobody else drains this shard.
    for _ in range(_LOOKS):
        left = sum(client.xlen(streams.stream(one)) for one in range(settings.shards))
        if not left:
            return
        time.sleep(_LOOK_SECONDS)
    sys.exit(f"{left} entries left after a crash at {point}")


def _drain(settings: Settings, shard: int) -> None:
    with Storage(make_engine(settings)) as storage:
        Drain(settings, connect(settings), storage, shard).run()


def _deliver(settings: Settings) -> None:
    with Storage(make_engine(settings)) as storage:
        client = connect(settings)
        bell = PostBell(client, lambda: None)
        Postman(client, settings, PostOffice(client, settings, storage, bell), bell).run()


def _arm(point: Point, seconds: float) -> None:
    """Makes the step end the process."""
    holder: Any = importlib.import_module(point.module)
    *outer, name = point.path.split(".")
    for part in outer:
        holder = getattr(holder, part)
    step: Callable[..., Any] = getattr(holder, name)

    def armed(*arguments: Any, **named: Any) -> Any:
        if point.when == "before":
            os._exit(_CRASHED)
        if point.when == "in":
            threading.Thread(target=_exit_after, args=(seconds,), daemon=True).start()
        result = step(*arguments, **named)
        if point.when == "in":
            time.sleep(2 * seconds + 0.1)
        os._exit(_CRASHED)
        return result

    setattr(holder, name, armed)


def _exit_after(seconds: float) -> None:
    time.sleep(seconds)
    os._exit(_CRASHED)


if __name__ == "__main__":
    main()
