"""A scheduler in a process of its own that ends at a step as by a power cut."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from flowledger.client.publisher import Publisher
from flowledger.domain.settings import Settings
from flowledger.services.schedules.scheduler import Scheduler
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger import schedule_due
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect

DIED: Final = 99


class Point(NamedTuple):
    """A step, and whether the end comes before it, after half of its events, or after it."""

    step: str
    when: str


POINTS: Final = (
    Point("Scheduler._begin", "after"),
    Point("Scheduler._look", "after"),
    Point("Scheduler._watch", "before"),
    Point("ScheduleDueRepository.put", "after"),
    Point("ScheduleChangeRepository.remove", "after"),
    Point("Scheduler._watch", "after"),
    Point("Scheduler._due", "after"),
    Point("Scheduler._publish", "before"),
    Point("Scheduler._publish", "half"),
    Point("Scheduler._publish", "after"),
    Point("ScheduleDueRepository.advance", "after"),
    Point("Scheduler._advance", "after"),
)


def exit_status(point: Point, settings: Settings, now: datetime) -> int | None:
    """Let a scheduler come to the point, and return how its process ended.

    Its process is forked from one that has imported all that it needs, and has no threads.
    """
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload([__name__])
    process = forking.Process(target=_come_to, args=(point, settings, now))
    process.start()
    process.join(timeout=60)
    process.kill()  # one that hangs
    return process.exitcode


def _come_to(point: Point, settings: Settings, now: datetime) -> None:
    _arm(point)
    with Storage(make_engine(settings)) as storage, Publisher(settings=settings) as publisher:
        Scheduler(connect(settings), settings, storage, publisher, lambda event: event, clock=lambda: now).run()


def _arm(point: Point) -> None:
    """Make the step end the process."""
    name, method = point.step.split(".")
    holder = Scheduler if name == "Scheduler" else getattr(schedule_due, name)
    step: Callable[..., Any] = getattr(holder, method)

    def armed(itself: Any, *arguments: Any) -> Any:
        if point.when == "half":
            (events,) = arguments
            step(itself, events[: len(events) // 2])
        elif point.when == "after":
            step(itself, *arguments)
        os._exit(DIED)

    setattr(holder, method, armed)
