"""Schedulers on one Redis and one database, under a clock that a test sets; what was fired, and what came of it."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from sqlalchemy import select

from flowledger.client.publisher import Publisher
from flowledger.domain import streams
from flowledger.domain.kinds.schedules import SOURCE
from flowledger.domain.settings import Settings
from flowledger.domain.times import written_time
from flowledger.services.schedules.scheduler import Scheduler, ScheduleResult
from flowledger.storage import tables
from flowledger.storage.ledger.schedule_due import ScheduleDue, ScheduleDueRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.authority import own_signer
from flowledger.workers.drain import Drain
from tests.builders import raw
from tests.storage.recording import dead_letters, differences, record

START = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)


class World:
    """`now` is the time on every clock."""

    def __init__(self, settings: Settings, client: redis.Redis, storage: Storage) -> None:
        self.settings = settings.model_copy(update={"linger_seconds": 0.0})
        self.client = client
        self.storage = storage
        self.now = START
        self.publisher = Publisher(settings=self.settings)

    def close(self) -> None:
        self.publisher.close()

    def clock(self) -> datetime:
        return self.now

    def says(self, type_: str = "created", subject: str = "s", *, time: datetime | None = None, **data: Any) -> None:
        """Records an event of a schedule, which happens now."""
        record(self.storage, raw(f"schedule.{type_}", subject=subject, time=written_time(time or self.now), **data))

    def look(self, **settings: Any) -> ScheduleResult:
        """One turn of a scheduler."""
        return self.scheduler(**settings).run()

    def scheduler(self, **settings: Any) -> Scheduler:
        changed = self.settings.model_copy(update=settings)
        sign = own_signer(changed)
        return Scheduler(self.client, changed, self.storage, self.publisher, sign, clock=self.clock)

    def passes(self, *, look: bool = True, **span: float) -> None:
        """Time passes, and then a scheduler looks."""
        self.now += timedelta(**span)
        if look:
            assert "waiting" not in self.look()

    def watches(self, seconds: int, *, every: float = 1) -> None:
        """Schedulers look again and again for so long."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.passes(seconds=every)

    def drain(self) -> None:
        """Until nothing is left to record."""
        while any(self.client.xlen(streams.stream(shard)) for shard in range(self.settings.shards)):
            assert "waiting" not in Drain(self.settings, self.client, self.storage, 0).run()

    def fired(self, subject: str = "s") -> list[datetime]:
        """The due times for which executions are recorded, in order."""
        self.drain()
        with self.storage.reading() as connection:
            events = tables.events.c
            statement = select(events.time).where(
                events.source == SOURCE, events.type == "execution.created", events.id.startswith(f"{subject}:")
            )
            return sorted(connection.execute(statement).scalars())

    def due(self, subject: str = "s") -> ScheduleDue:
        with self.storage.reading() as connection:
            found = ScheduleDueRepository(connection).get(subject)
        assert found is not None
        return found

    def check(self) -> None:
        """All is recorded, and every row says what the journal says; each execution has its schedule's report."""
        self.drain()
        assert (dead_letters(self.storage), differences(self.storage)) == ([], [])
        with self.storage.reading() as connection:
            events = tables.events.c
            rows = connection.execute(select(events.id, events.type).where(events.source == SOURCE)).all()
        created = {row.id for row in rows if row.type == "execution.created"}
        fired = {row.id.removesuffix(":fired") for row in rows if row.type == "schedule.fired"}
        assert created == fired


def at(hour: int, minute: int = 0, second: int = 0, *, day: int = 2, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


def seconds_of(times: list[datetime], start: datetime = START) -> list[float]:
    """How many seconds after the start these are."""
    return [(time - start).total_seconds() for time in times]


def at_once(world: World, count: int) -> list[BaseException]:
    """So many schedulers at once, each without regard for the others' turn; what they raised."""
    raised: list[BaseException] = []
    barrier = threading.Barrier(count)

    def one() -> None:
        try:
            with closing(Publisher(settings=world.settings)) as publisher:
                scheduler = Scheduler(
                    world.client, world.settings, world.storage, publisher, own_signer(world.settings),
                    clock=world.clock,
                )  # fmt: skip
                barrier.wait()
                scheduler._work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised
