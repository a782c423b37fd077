"""A producer as a process: `python -m tests.faults.producer --log FILE --name NAME …`, with REDIS_URL.

It publishes histories in small batches at some rate until it is told to stop (SIGTERM) or has told all; what the broker
does not confirm is sent again with the same ids, however long it takes.
"""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from flowledger.client.prepared import Prepared
from flowledger.client.publisher import Publisher
from flowledger.domain.errors import PublishError
from flowledger.domain.key_file import KeyFile
from tests.faults import histories
from tests.faults.accepted import AcceptedLog
from tests.faults.forging import signed_texts

BATCH: Final = 40
_LOOK_SECONDS: Final = 0.05


def main() -> None:
    options = _options()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with Publisher() as publisher, AcceptedLog(options.log) as log:
        due = time.monotonic()
        for batch in _batches(options, publisher):
            due += _wait_for_turn(options, publisher, due, stopping)
            if stopping.is_set() or not _publish(batch, publisher, log, stopping):
                return
            due += len(batch) / options.rate


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="where it writes what was accepted")
    parser.add_argument("--name", required=True, help="its events' ids begin so")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rate", type=float, default=500.0, help="events a second")
    parser.add_argument("--count", type=int, help="events in all; endless where absent")
    parser.add_argument("--backlog", type=int, default=20_000, help="it waits while more events wait to be recorded")
    parser.add_argument("--clock", type=float, default=0.0, help="seconds its clock is ahead")
    parser.add_argument("--keys", type=Path, help="it signs, with the keys of this file")
    return parser.parse_args()


def _batches(options: argparse.Namespace, publisher: Publisher) -> Iterator[list[Prepared]]:
    texts = histories.texts(options.name, options.seed, timedelta(seconds=options.clock))
    if options.keys is not None:
        texts = signed_texts(texts, KeyFile(options.keys))
    texts = islice(texts, options.count)
    while batch := [publisher.prepare(text) for text in islice(texts, BATCH)]:
        yield batch


def _wait_for_turn(options: argparse.Namespace, publisher: Publisher, due: float, stopping: threading.Event) -> float:
    """Wait until the rate allows the next batch, and the backlog is not too long.

    Return the seconds for which the backlog held it up. They are not made up for: after minutes of faults that would
    be minutes of all that the broker takes, and no backlog would come to its end.
    """
    ahead = due - time.monotonic()
    if ahead > 0:
        stopping.wait(ahead)
    held: float | None = None
    while not stopping.is_set() and _backlog(publisher) > options.backlog:
        held = held or time.monotonic()
        stopping.wait(_LOOK_SECONDS)
    return 0.0 if held is None else time.monotonic() - held


def _backlog(publisher: Publisher) -> int:
    try:
        return publisher.backlog()
    except PublishError:
        return 0


def _publish(batch: Sequence[Prepared], publisher: Publisher, log: AcceptedLog, stopping: threading.Event) -> bool:
    """Whether the batch was confirmed, before it was time to stop."""
    log.sent((event.id, event.raw) for event in batch)
    while True:
        try:
            published = publisher.publish_many(batch)
        except PublishError as error:
            log.refused(error)
            if stopping.wait(_LOOK_SECONDS):
                return False
        else:
            log.accepted(event.id for event in published)
            return True


if __name__ == "__main__":
    main()
