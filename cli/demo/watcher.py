"""The watcher: measures how long an event takes from published to readable in the database."""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import Connection

from flowledger.cli.demo.agent import Agent, LostFleetError
from flowledger.cli.demo.fleet import Fleet
from flowledger.cli.demo.measures import AT_REST, AT_WORK
from flowledger.domain.envelope import Envelope
from flowledger.domain.events import EventData, TaskCompleted, TaskCreated, TaskLogged, TaskStarted
from flowledger.domain.ids import new_id
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.unit_of_work import Storage

_BETWEEN_PROBES_SECONDS: Final = 0.04
_LOOK_SECONDS: Final = 0.002
_LONGEST_SECONDS: Final = 30.0
_PROBES_AT_REST: Final = 25
_REST_SECONDS: Final = 3.0


class Watcher(Agent):
    """Publishes a log line, looks into the database until it is there, and tells in the next line how long that took.

    Each line goes to a shard by chance, as the events of many tasks do. The figure is an upper bound: it includes the
    look that found the line, and the two milliseconds before it. Taken while the others work, and after they ended.
    """

    def __init__(self, fleet: Fleet, name: str) -> None:
        super().__init__(fleet, name)
        self._storage = Storage(make_engine(Settings.load()))
        self._probes = 0
        self._last = TaskLogged(message="the first probe")

    def prepare(self) -> None:
        """Its task begins; when that is recorded, the worker is up."""
        created = TaskCreated(
            name="measure the way of an event",
            kind="watch",
            execution_id=self.fleet.execution_id,
            workspace_id=self.fleet.workspace_id,
            agent_id=self.me.agent_id,
            sandbox_id=self.me.sandbox_id,
        )
        self.publish(created, self.fleet.watch_task_id)
        self._seconds_until_visible(TaskStarted(worker=self.me.name))

    def work(self) -> None:
        self.ack(self.take())  # the coordinator says to all that work begins; what it says next is that it is over
        while (end := self.look(_BETWEEN_PROBES_SECONDS)) is None:
            self._probe(AT_WORK)
        self.ack(end)
        self._await_rest()
        for _ in range(_PROBES_AT_REST):
            self._probe(AT_REST)
            time.sleep(_BETWEEN_PROBES_SECONDS)
        self.publish(self._last, self.fleet.watch_task_id)
        self.publish(TaskCompleted(output={"probes": self._probes}), self.fleet.watch_task_id)

    def close(self) -> None:
        self._storage.close()
        super().close()

    def _probe(self, phase: str) -> None:
        seconds = self._seconds_until_visible(self._last)
        self._probes += 1
        words = f"probe {self._probes} was readable after {seconds * 1000:.1f} ms"
        self._last = TaskLogged(message=words, context={"milliseconds": round(seconds * 1000, 3), "phase": phase})
        self.tell(words)

    def _await_rest(self) -> None:
        """What the others left has been recorded; on a ledger that others use, that moment may not come."""
        deadline = time.monotonic() + _REST_SECONDS
        while self.backlog() and time.monotonic() < deadline:
            time.sleep(_BETWEEN_PROBES_SECONDS)

    def _seconds_until_visible(self, data: EventData) -> float:
        event = self.publish(data, self.fleet.watch_task_id, partitionkey=new_id("probe"))
        began = time.perf_counter()
        with self._storage.reading() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            while not _is_visible(connection, event):
                if time.perf_counter() - began > _LONGEST_SECONDS:
                    raise LostFleetError(f"an event was not recorded in {_LONGEST_SECONDS:g} s; does a worker run?")
                time.sleep(_LOOK_SECONDS)
            return time.perf_counter() - began


def _is_visible(connection: Connection, event: Envelope) -> bool:
    """Whether the event's transaction is committed; each look is a transaction of its own, that sees the newest."""
    with connection.begin():
        return JournalRepository(connection).get(event.source, event.id) is not None
