"""The watcher: measures, while the others work, how long an event takes from published to readable in the database."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from sqlalchemy import Connection

from cli.demo.agent import Agent, LostFleetError
from cli.demo.transport import Letter
from domain.envelope import Envelope
from domain.events import EventData, TaskCompleted, TaskCreated, TaskLogged, TaskStarted
from domain.settings import Settings
from storage.engine import make_engine
from storage.repositories import JournalRepository
from storage.unit_of_work import Storage

_BETWEEN_PROBES_SECONDS: Final = 0.04
_LOOK_SECONDS: Final = 0.002
_LONGEST_SECONDS: Final = 30.0


class Watcher(Agent):
    """Publishes a log line, looks into the database until it is there, and tells in the next line how long that took.

    Each line goes to a shard by chance, as the events of many tasks do. The figure is an upper bound: it includes the
    look that found the line, and the two milliseconds before it.
    """

    def prepare(self) -> None:
        """The first event of the run: when it is recorded, the worker is up."""
        self._storage = Storage(make_engine(Settings.load()))
        task_id = self.fleet.watch_task_id
        self.publish(
            TaskCreated(
                name="measure the way of an event",
                kind="watch",
                execution_id=self.fleet.execution_id,
                workspace_id=self.fleet.workspace_id,
                agent_id=self.me.agent_id,
                sandbox_id=self.me.sandbox_id,
            ),
            task_id,
        )
        self._seconds_until_visible(TaskStarted(worker=self.me.name), "first")

    def run(self) -> None:
        self.prepare()
        self.report("ready", "the worker records")
        self._await_work()
        probes, line = 0, "the first probe"
        context: dict[str, float] = {}
        while self._next_letter() is None:
            probes += 1
            seconds = self._seconds_until_visible(TaskLogged(message=line, context=context), f"probe {probes}")
            context = {"milliseconds": round(seconds * 1000, 3)}
            line = f"probe {probes} was readable after {seconds * 1000:.1f} ms"
            self.tell(line)
        self.publish(TaskLogged(message=line, context=context), self.fleet.watch_task_id)
        self.publish(TaskCompleted(output={"probes": probes}), self.fleet.watch_task_id)
        self.report("ended", "done")

    def close(self) -> None:
        with suppress(AttributeError):
            self._storage.close()
        super().close()

    def _await_work(self) -> None:
        """Measures nothing before the work goes on: the coordinator says when."""
        if self.take().message_type != "notification":
            raise LostFleetError("the watcher was to hear first that the work begins")

    def _next_letter(self) -> Letter | None:
        return self.look(_BETWEEN_PROBES_SECONDS)

    def _seconds_until_visible(self, data: EventData, key: str) -> float:
        event = self.publish(data, self.fleet.watch_task_id, partitionkey=f"{self.fleet.watch_task_id} {key}")
        began = time.perf_counter()
        with self._storage.reading().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not _is_visible(connection, event):
                if time.perf_counter() - began > _LONGEST_SECONDS:
                    raise LostFleetError(f"an event was not recorded in {_LONGEST_SECONDS:g} s; does a worker run?")
                time.sleep(_LOOK_SECONDS)
            return time.perf_counter() - began


def _is_visible(connection: Connection, event: Envelope) -> bool:
    """Whether the event's transaction is committed; each look is a transaction of its own, that sees the newest."""
    with connection.begin():
        return JournalRepository(connection).get(event.source, event.id) is not None
