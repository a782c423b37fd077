"""What every agent of the demo does: register its sandbox, publish, take and send messages, and tell the display."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Final, Self

from flowledger.cli.demo import reports
from flowledger.cli.demo.fleet import Fleet
from flowledger.cli.demo.reports import Report, State
from flowledger.client import Mailbox, Message, Publisher
from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import LedgerError
from flowledger.domain.events import (
    Error,
    EventData,
    SandboxCreated,
    SandboxStarted,
    SandboxStopped,
    TaskCompleted,
    TaskFailed,
    TaskLogged,
    TaskProgressed,
    TaskStarted,
)
from flowledger.domain.settings import Settings
from flowledger.domain.statuses import Level

IDLE_SECONDS: Final = 60.0
"""An agent that hears nothing for so long has lost its fleet, and ends."""
_REPORT_SECONDS: Final = 0.1


class LostFleetError(LedgerError):
    """An agent waited for a message that did not come."""


class Agent:
    """A member of the fleet at work, with a publisher and a mailbox; to be used in a `with`, or closed.

    Its settings, which say where Redis is, are those of the environment, where none are given.
    """

    def __init__(self, fleet: Fleet, name: str, settings: Settings | None = None) -> None:
        self.fleet = fleet
        self.me = fleet.member(name)
        self.published = 0
        self.files = self.files_done = 0
        """For the display; only the coordinator knows."""
        settings = settings or Settings.load()
        self._publisher = Publisher(settings=settings)
        self._mailbox = Mailbox(self.me.sandbox_id, settings=settings)
        self._reported_at = 0.0

    # --- its life

    def run(self) -> None:
        """From the first event of its sandbox to the last; the display hears of both."""
        self.start_sandbox()
        self.prepare()
        self.report("ready", "ready")
        self.work()
        self.stop_sandbox()
        self.report("ended", "done")

    def start_sandbox(self) -> None:
        """Opens the mailbox and registers the sandbox: once that is recorded, it hears what is said to all."""
        self._mailbox.open()
        created = SandboxCreated(
            workspace_id=self.fleet.workspace_id,
            name=self.me.name,
            agent_id=self.me.agent_id,
            user_id=self.fleet.user_id,
        )
        self.publish(created, self.me.sandbox_id)
        self.publish(SandboxStarted(), self.me.sandbox_id)

    def prepare(self) -> None:
        """What an agent does before it is ready to take messages."""

    def work(self) -> None:
        """Does what is requested, until a command says that it is over."""
        for message in self.messages():
            if message.message_type == "request":
                self.handle(message)
            self.tell("waits for work")

    def handle(self, request: Message) -> None:
        """What an agent does when it is asked."""
        raise NotImplementedError

    def stop_sandbox(self) -> None:
        self.publish(SandboxStopped(reason="the review is over"), self.me.sandbox_id)

    # --- events

    def publish(self, data: EventData, subject: str, *, partitionkey: str | None = None) -> Envelope:
        """Publishes one event of this agent's; returns when Redis has it.

        Several agents tell of one task or execution, so none of them numbers its events (CONTRACT §2): their times do.
        """
        event = Envelope.of(data, source=self.me.source, subject=subject, partitionkey=partitionkey)
        self._publisher.publish(event)
        self.published += 1
        return event

    @contextlib.contextmanager
    def task(self, task_id: str) -> Iterator[TaskAtWork]:
        """A task that another agent made, from its start on."""
        self.publish(TaskStarted(worker=self.me.name), task_id)
        yield TaskAtWork(self, task_id)

    def backlog(self) -> int:
        """How many events wait to be recorded."""
        return self._publisher.backlog()

    # --- messages; each that is sent, and each that is acknowledged, is an event too

    def send(self, to: str, content: dict[str, Any], *, thread_id: str, execution_id: str) -> str:
        """Sends a request to the member of that name, whose response comes as a message; returns the request's id."""
        sent = self._mailbox.send(
            self.fleet.member(to).sandbox_id,
            content,
            message_type="request",
            workspace_id=self.fleet.workspace_id,
            thread_id=thread_id,
            execution_id=execution_id,
        )
        self.published += 1
        return sent.message_id

    def request(self, to: str, content: dict[str, Any], *, about: Message) -> dict[str, Any]:
        """Asks the member of that name, in the conversation of `about`, and waits; returns what it answers.

        What else comes meanwhile waits in the mailbox.
        """
        response = self._mailbox.request(
            self.fleet.member(to).sandbox_id,
            content,
            timeout=IDLE_SECONDS,
            workspace_id=self.fleet.workspace_id,
            thread_id=about.thread_id,
            execution_id=about.execution_id,
        )
        self.published += 1
        self.ack(response)
        answer: dict[str, Any] = response.content
        return answer

    def reply(self, request: Message, content: dict[str, Any]) -> None:
        """Sends the response to a request."""
        self._mailbox.reply(request, content, workspace_id=self.fleet.workspace_id, execution_id=request.execution_id)
        self.published += 1

    def broadcast(self, message_type: str, text: str) -> None:
        """Says something to all sandboxes of the workspace, this agent's own among them."""
        self._mailbox.broadcast(
            self.fleet.workspace_id,
            {"text": text},
            message_type=message_type,
            thread_id=self.fleet.thread_id,
            execution_id=self.fleet.execution_id,
        )
        self.published += 1

    def look(self, seconds: float) -> Message | None:
        """The next message; None where none comes in time."""
        return self._mailbox.receive(seconds)

    def take(self) -> Message:
        """The next message; raises LostFleetError where none comes."""
        message = self.look(IDLE_SECONDS)
        if message is None:
            raise LostFleetError(f"{self.me.name} heard nothing for {IDLE_SECONDS:g} s")
        return message

    def ack(self, message: Message) -> None:
        """Says that a message is done with."""
        self._mailbox.ack(message)
        self.published += 1

    def messages(self) -> Iterator[Message]:
        """Messages as they come, each acknowledged when the next is asked for; a command is the last."""
        is_last = False
        while not is_last:
            message = self.take()
            yield message
            self.ack(message)
            is_last = message.message_type == "command"

    # --- the display

    def tell(self, doing: str) -> None:
        """Tells the display what this agent does now; not more often than a person can read."""
        if time.monotonic() - self._reported_at >= _REPORT_SECONDS:
            self.report("working", doing)

    def report(self, state: State, doing: str) -> None:
        self._reported_at = time.monotonic()
        report = Report(self.me.name, doing, self.published, state, self.files_done, self.files)
        reports.tell(self.fleet.folder, report)

    def close(self) -> None:
        self._mailbox.close()
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


def execution_of(message: Message) -> str:
    """The execution that a message is about; in this fleet each is about one."""
    assert message.execution_id is not None
    return message.execution_id
