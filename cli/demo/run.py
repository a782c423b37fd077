"""A run of the demo: servers, agents, display, summary, and the end of all of it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.demo import measures
from flowledger.cli.demo.agent import Agent
from flowledger.cli.demo.ending import Interruption, forget_environment, temporary_home
from flowledger.cli.demo.fleet import AGENTS, COORDINATOR, YOU, Fleet
from flowledger.cli.demo.live import Display, Progress
from flowledger.cli.demo.pages import print_summary
from flowledger.cli.demo.reports import Reports
from flowledger.cli.demo.summary import Summary, read_summary
from flowledger.cli.processes import Process, environment
from flowledger.cli.service import Running, running
from flowledger.domain.errors import LedgerError
from flowledger.domain.events import WorkspaceArchived, WorkspaceCreated
from flowledger.domain.kinds.sandboxes import SandboxStatus
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds.sandboxes import SandboxRepository
from flowledger.storage.unit_of_work import Storage

_READY_SECONDS: Final = 60.0
_WORK_SECONDS: Final = 300.0
_RECORD_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2
_MOST_PROCESSES: Final = 4


class DemoError(LedgerError):
    """The demo could not do what it promises; the message says what was missing."""


def run(console: Console, *, as_json: bool) -> None:
    """The whole of it, from nothing to nothing; see `cli.demo.run_demo`."""
    forget_environment()
    began = time.monotonic()
    seen_on = screen.err if as_json else console
    with Interruption() as interruption, temporary_home() as home, Display(seen_on) as display:

        def tell(step: str) -> None:
            display.tell(step)
            interruption.check()

        concurrency = min(_MOST_PROCESSES, os.cpu_count() or 1)
        with running(Settings.load(home=home), flower=False, concurrency=concurrency, tell=tell) as service:
            tell("starting the agents")
            with _fleet_at_work(service, display.progress, interruption) as work:
                work.wait_until_ready()
                display.show_work()
                summary = work.do()
            display.hide()
            if as_json:
                screen.print_json(summary)
            else:
                print_summary(summary, console)
    if not as_json:
        seconds = time.monotonic() - began
        console.print(Text(f"Stopped, and nothing is left running: {seconds:.0f} s from start to end.", style="dim"))


@dataclass(slots=True)
class Work:
    """The fleet's work, seen from the person who asks for it."""

    service: Running
    you: Agent
    reports: Reports
    storage: Storage
    agents: tuple[Process, ...]
    progress: Progress
    interruption: Interruption
    counted_at: float = 0.0
    is_over: bool = False

    def wait_until_ready(self) -> None:
        """Returns when all agents listen, and the worker has recorded their sandboxes."""
        self._wait_until(self._is_ready, _READY_SECONDS, "the agents were not ready")

    def do(self) -> Summary:
        """Asks for the review, waits for the answer and until all of it is recorded, and reads back what stands."""
        fleet = self.you.fleet
        ask = {"text": "Please review this project, and tell me where to look first"}
        self.you.send(COORDINATOR, ask, thread_id=fleet.thread_id, execution_id=fleet.execution_id)
        self._wait_until(lambda: self.is_over, _WORK_SECONDS, "the work did not end")
        self._wait_until(lambda: self.progress.all_are("ended"), _WORK_SECONDS, "the agents did not end")
        self.you.stop_sandbox()
        self.you.publish(WorkspaceArchived(reason="the review is over"), fleet.workspace_id)
        published = self.progress.published + self.you.published
        self._wait_until(lambda: self._is_recorded(published), _RECORD_SECONDS, "not everything was recorded")
        with self.storage.reading() as connection:
            return read_summary(connection, fleet, published, self.progress.longest_backlog)

    def _is_ready(self) -> bool:
        """Whether all have said so, and all sandboxes are recorded: what is said to all reaches those that are."""
        if not self.progress.all_are("ready"):
            return False
        fleet = self.you.fleet
        with self.storage.reading() as connection:
            found = SandboxRepository(connection).of_workspace(fleet.workspace_id).items
        return sum(sandbox.status == SandboxStatus.RUNNING for sandbox in found) == len(fleet.members)

    def _is_recorded(self, published: int) -> bool:
        """Whether every event stands in the journal; raises DemoError where some never will."""
        left = self.you.backlog()
        self._count()
        if left == 0 and self.progress.recorded < published:
            missing = published - self.progress.recorded
            raise DemoError(f"{missing:,} of {published:,} events were not recorded, and none is on its way any more")
        return self.progress.recorded == published

    def _wait_until(self, condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self.interruption.check()
            self._take_reports(_LOOK_SECONDS)
            self._take_messages()
            if time.monotonic() - self.counted_at >= _LOOK_SECONDS:
                self._count()
            self._check_processes()
            if time.monotonic() > deadline:
                raise DemoError(f"{otherwise} within {seconds:g} s")

    def _take_reports(self, seconds: float) -> None:
        """Waits for a report so long, and takes all there are."""
        report = self.reports.take(seconds)
        while report is not None:
            self.progress.reports[report.agent] = report
            report = self.reports.take(0)

    def _take_messages(self) -> None:
        """Takes what is said to the person who asks: that work begins, the answer, and that it is over."""
        while (message := self.you.look(0)) is not None:
            self.you.ack(message)
            self.is_over |= message.message_type == "command"

    def _count(self) -> None:
        self.counted_at = time.monotonic()
        with self.storage.reading() as connection:
            self.progress.recorded = measures.recorded(connection, self.you.fleet.sources).count
        self.progress.note_backlog(self.you.backlog())

    def _check_processes(self) -> None:
        """Raises DemoError where a process ended that should not have."""
        if any(self._has_failed(agent) for agent in self.agents):
            self._take_reports(1.0)  # its last report may be a moment behind its end
        for process in (*self.agents, *self.service.processes):
            if self._has_failed(process):
                raise DemoError(f"{process.name} ended before its work did: {_last_line(process.log)}")

    def _has_failed(self, process: Process) -> bool:
        report = self.progress.reports.get(process.name)
        return not process.is_running() and (report is None or report.state != "ended")


@contextlib.contextmanager
def _fleet_at_work(service: Running, progress: Progress, interruption: Interruption) -> Iterator[Work]:
    """All agents started, each a process; stopped at the end, where they have not ended by themselves."""
    fleet = Fleet.gather(service.settings.home / "agents")
    with contextlib.ExitStack() as stack:
        you = stack.enter_context(Agent(fleet, YOU, service.settings))
        you.publish(WorkspaceCreated(name="review of Flowledger", user_id=fleet.user_id), fleet.workspace_id)
        you.start_sandbox()
        reports = stack.enter_context(Reports(fleet.folder))
        storage = stack.enter_context(Storage(make_engine(service.settings)))
        agents = tuple(_process(service, fleet, name) for name in AGENTS)
        for agent in agents:
            stack.callback(agent.stop)
            agent.start()
        yield Work(service, you, reports, storage, agents, progress, interruption)


def _process(service: Running, fleet: Fleet, name: str) -> Process:
    command = [sys.executable, "-P", "-m", "flowledger.cli.demo.one_agent", str(fleet.folder), name]
    return Process(name, command, environment(service.settings), service.logs / f"{name}.log", service.book.note)


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").split("\n") if log.exists() else []
    return next((line for line in reversed(lines) if line.strip()), "it says nothing in its log")
