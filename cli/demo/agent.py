"""What every agent of the demo does: publish what it does, send and take messages, and tell the display."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, Self

from cli.demo.fleet import Fleet
from cli.demo.transport import REPORTS, Inbox, Letter, MessageType, Report, post
from client import Publisher
from domain.envelope import Envelope
from domain.errors import LedgerError
from domain.events import (
    Error,
    EventData,
    MessageDelivered,
    MessageSent,
    TaskCompleted,
    TaskFailed,
    TaskLogged,
    TaskProgressed,
    TaskStarted,
)
from domain.ids import new_id
from domain.statuses import Level

IDLE_SECONDS: Final = 60.0
"""An agent that hears nothing for so long has lost its fleet, and ends."""
_REPORT_SECONDS: Final = 0.1


class LostFleetError(LedgerError):
    """An agent waited for a message that did not come."""


class Agent:
    """A member of the fleet at work; to be used in a `with`, or closed.

    Its publisher finds Redis in the environment, where none is given.
    """

    def __init__(self, fleet: Fleet, name: str, publisher: Publisher | None = None) -> None:
        self.fleet = fleet
        self.me = fleet.member(name)
        self.published = 0
        self._publisher = publisher or Publisher()
        self._inbox = Inbox(fleet.folder, name)
        self._reported_at = 0.0

    def publish(self, data: EventData, subject: str, *, partitionkey: str | None = None) -> Envelope:
        """Publishes one event of this agent's; returns when Redis has it.

        Several agents tell of one task or execution, so none of them numbers its events (CONTRACT §2): their times do.
        """
        event = Envelope.of(data, source=self.me.source, subject=subject, partitionkey=partitionkey)
        self._publisher.publish(event)
        self.published += 1
        return event

    def send(
        self,
        to: Sequence[str],
        message_type: MessageType,
        content: dict[str, Any],
        *,
        thread_id: str,
        execution_id: str,
        in_reply_to: str | None = None,
    ) -> str:
        """Records a message, then posts it to the members named; returns its id.

        All events of a conversation have one partition key, so that a message's `delivered` follows its `sent`.
        """
        letter = Letter(new_id("msg"), self.me.name, message_type, thread_id, execution_id, content, in_reply_to)
        sent = MessageSent(
            from_sandbox_id=self.me.sandbox_id,
            to_sandbox_ids=[self.fleet.member(name).sandbox_id for name in to],
            message_type=message_type,
            content=content,
            workspace_id=self.fleet.workspace_id,
            thread_id=thread_id,
            execution_id=execution_id,
            in_reply_to=in_reply_to,
        )
        self.publish(sent, letter.id, partitionkey=thread_id)
        for name in to:
            post(self.fleet.folder, name, letter)
        return letter.id

    def answer(self, letter: Letter, content: dict[str, Any]) -> None:
        """Sends the response to a request."""
        self.send(
            (letter.sender,),
            "response",
            content,
            thread_id=letter.thread_id,
            execution_id=letter.execution_id,
            in_reply_to=letter.id,
        )

    def backlog(self) -> int:
        """How many events wait to be recorded."""
        return self._publisher.backlog()

    def look(self, seconds: float) -> Letter | None:
        """The next message, recorded as delivered; None where none comes in time."""
        parcel = self._inbox.take(seconds)
        if parcel is None:
            return None
        letter = Letter(**parcel)
        delivered = MessageDelivered(to_sandbox_id=self.me.sandbox_id)
        self.publish(delivered, letter.id, partitionkey=letter.thread_id)
        return letter

    def take(self) -> Letter:
        """The next message, recorded as delivered; raises LostFleetError where none comes."""
        letter = self.look(IDLE_SECONDS)
        if letter is None:
            raise LostFleetError(f"{self.me.name} heard nothing for {IDLE_SECONDS:g} s")
        return letter

    def tell(self, doing: str, *, done: int = 0, total: int = 0) -> None:
        """Tells the display what this agent does now; not more often than a person can read."""
        if time.monotonic() - self._reported_at >= _REPORT_SECONDS:
            self.report("working", doing, done=done, total=total)

    def report(self, state: Literal["ready", "working", "ended"], doing: str, *, done: int = 0, total: int = 0) -> None:
        self._reported_at = time.monotonic()
        post(self.fleet.folder, REPORTS, Report(self.me.name, doing, self.published, state, done, total))

    @contextlib.contextmanager
    def task(self, task_id: str) -> Iterator[TaskAtWork]:
        """A task that another agent made, from its start on."""
        self.publish(TaskStarted(worker=self.me.name), task_id)
        yield TaskAtWork(self, task_id)

    def prepare(self) -> None:
        """What an agent does before it is ready to take messages."""

    def handle(self, letter: Letter) -> None:
        """What an agent does with a message that is not the last."""
        raise NotImplementedError

    def run(self) -> None:
        """Takes messages until a command says that it was the last, and tells the display of its end."""
        self.prepare()
        self.report("ready", "ready")
        while (letter := self.take()).message_type != "command":
            self.handle(letter)
            self.tell("waits for work")
        self.report("ended", "done")

    def close(self) -> None:
        self._inbox.close()
        self._publisher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TaskAtWork:
    """A started task: its log, its progress and its end."""

    def __init__(self, agent: Agent, task_id: str) -> None:
        self._agent = agent
        self.id = task_id

    def log(self, message: str, level: Level = Level.INFO, **context: Any) -> None:
        """A line of the task's log."""
        given: dict[str, Any] = {"context": context} if context else {}
        self._agent.publish(TaskLogged(message=message, level=level, logger=self._agent.me.name, **given), self.id)

    def progress(self, fraction: float, message: str) -> None:
        self._agent.publish(TaskProgressed(progress=fraction, message=message), self.id)

    def complete(self, output: dict[str, Any]) -> None:
        self._agent.publish(TaskCompleted(output=output), self.id)

    def fail(self, error: Exception, traceback: str) -> None:
        told = Error(type=type(error).__name__, message=str(error), traceback=traceback)
        self._agent.publish(TaskFailed(error=told), self.id)
