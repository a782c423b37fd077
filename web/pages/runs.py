"""`/ledger/executions/ID` and `/ledger/tasks/ID`: one of them, in tabs (`?tab=logs`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from sqlalchemy import Connection
from tornado.web import HTTPError

from flowledger.domain.kinds.executions import Execution
from flowledger.domain.kinds.tasks import Task
from flowledger.storage.kinds.executions import ExecutionRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.messages import MessageRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.journal_lists import ListedEventRepository
from flowledger.storage.paging import Page
from flowledger.web.handler import LedgerHandler
from flowledger.web.missing import missing
from flowledger.web.paging import pages_around
from flowledger.web.runs import exchange, found, logs, oddities
from flowledger.web.runs.failed import SHOWN, first_line
from flowledger.web.runs.timeline import CHILDREN, NODES, TASKS, timeline

_SUBJECTS: Final = 200
"""Tasks, children and messages of an execution whose events are listed with its own."""
_EVENTS: Final = 100
_CONTENTS: Final = ("input", "output", "error", "usage", "initial_state", "current_state", "final_state")


class RunPage(LedgerHandler):
    """A record with tabs. Each tab is a method that returns the values of its template, of one connection."""

    template: ClassVar[str]
    tabs: ClassVar[Mapping[str, str]]
    """The names of the tabs, the first one's first, and their titles."""

    async def page(self, id_: str) -> None:
        """Write the tab that the URL asks for; 404 if there is no such record."""
        tab = self.wanted("tab") or next(iter(self.tabs))
        if tab not in self.tabs:
            raise HTTPError(404, "there is no such tab")
        values = await self.read(lambda connection: self._values(connection, id_, tab))
        if tab == "logs" and self.wanted("part") is not None:
            self.show("log_lines", **values)
            return
        self.show(f"{self.template}_{tab}", shown_tab=tab, tabs=self.tabs, first_line=first_line, **values)

    def record_of(self, connection: Connection, id_: str) -> Execution | Task | None:
        """Return the record."""
        raise NotImplementedError

    def _values(self, connection: Connection, id_: str, tab: str) -> dict[str, Any]:
        record = self.record_of(connection, id_)
        if record is None:
            raise missing(connection, self.template, id_)
        values: dict[str, Any] = getattr(self, f"{tab}_of")(connection, record)
        return {"record": record} | values

    def logs_of(self, connection: Connection, record: Execution | Task) -> dict[str, Any]:
        """Return the log: two queries."""
        asked = logs.Asked(
            level=self.wanted("level"),
            before=self.wanted("before"),
            after=self.wanted("after"),
            start=self.wanted("from") == "start",
            own=self.wanted("of") == "own",
        )
        log = logs.log_of(connection, record, asked)
        return {"log": log, "asked": asked, "levels": logs.LEVELS, "most_tasks": logs.TASKS}

    def messages_of(self, connection: Connection, record: Execution | Task) -> dict[str, Any]:
        """Return the messages that name it: two queries."""
        after = self.wanted("after")
        of: dict[str, Any] = {"execution_id" if isinstance(record, Execution) else "task_id": record.id}
        page = MessageRepository(connection).oldest(limit=exchange.PAGE, after=after, **of)
        pages = pages_around(self, page.cursor)
        return {"said": exchange.said(connection, page.items), "pages": pages, "cut": CONTENT_SHOWN}

    def events_of(self, connection: Connection, record: Execution | Task) -> dict[str, Any]:
        """Return its events, and those of its parts: at most four queries."""
        subjects, more = [record.id], False
        if isinstance(record, Execution):
            tasks = TaskRepository(connection).of_execution(record.id, limit=_SUBJECTS)
            children = ExecutionRepository(connection).oldest(parent_execution_id=record.id, limit=_SUBJECTS)
            messages = MessageRepository(connection).oldest(execution_id=record.id, limit=_SUBJECTS)
            parts: tuple[Page[Any], ...] = (tasks, children, messages)
            subjects += [one.id for page in parts for one in page.items]
            more = any(page.cursor is not None for page in parts)
        page = ListedEventRepository(connection).of_subjects(subjects, limit=_EVENTS, after=self.wanted("after"))
        pages = pages_around(self, page.cursor)
        return {"events": page.items, "more": more, "most": _SUBJECTS, "pages": pages}

    def measured_of(self, connection: Connection, record: Execution | Task) -> dict[str, Any]:
        """Return its metrics, and the audit lines about it: two queries."""
        return {"lists": found.measured(connection, record.id)}

    def data_of(self, _connection: Connection, record: Execution | Task) -> dict[str, Any]:
        """Return what it was given, and what came of it."""
        known = {name: getattr(record, name, None) for name in _CONTENTS}
        return {"contents": {name: value for name, value in known.items() if value is not None}}


class ExecutionPage(RunPage):
    """One execution. Its timeline takes at most 16 queries, whatever it has."""

    section = "executions"
    template = "execution"
    tabs: ClassVar[Mapping[str, str]] = {
        "timeline": "Timeline", "logs": "Logs", "messages": "Messages", "events": "Events", "data": "Data",
        "measured": "Metrics and audit",
    }  # fmt: skip

    def record_of(self, connection: Connection, id_: str) -> Execution | None:
        return ExecutionRepository(connection).get(id_)

    def timeline_of(self, connection: Connection, record: Execution) -> dict[str, Any]:
        """Return the timeline."""
        line = timeline(connection, record, {name: self.wanted(f"{name}-after") for name in (NODES, CHILDREN, TASKS)})
        pages = {name: pages_around(self, rows.cursor, f"{name}-after") for name, rows in line.parts.items()}
        return {"line": line, "pages": pages, "failures_shown": SHOWN}


class LedgerTaskPage(RunPage):
    """One task of a platform; Flower's own page of a Celery task is another. At most four queries."""

    section = "tasks"
    template = "task"
    tabs: ClassVar[Mapping[str, str]] = {
        "overview": "Overview", "logs": "Logs", "messages": "Messages", "events": "Events", "data": "Data",
        "measured": "Metrics and audit",
    }  # fmt: skip

    def record_of(self, connection: Connection, id_: str) -> Task | None:
        return TaskRepository(connection).get(id_)

    def overview_of(self, connection: Connection, record: Task) -> dict[str, Any]:
        """Return the last lines of its log, dead letters about it, and the execution that it belongs to."""
        execution = ExecutionRepository(connection).get(record.execution_id) if record.execution_id else None
        lines = TaskLogRepository(connection).last_of_task(record.id, limit=10).items
        letters = DeadLetterRepository(connection).about_subjects([record.id], limit=10)
        odd = [] if execution is None else oddities.of_part(record, execution)
        return {"execution": execution, "lines": lines, "letters": letters, "odd": odd}


CONTENT_SHOWN: Final = 4_000
"""Characters of a message's content in a list; the page of the message has all."""
