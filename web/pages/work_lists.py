"""`/ledger/executions` and `/ledger/tasks`: lists by filters that stand in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import Connection

from flowledger.domain.errors import InvalidArgument
from flowledger.domain.kinds.executions import Execution
from flowledger.domain.moments import moment
from flowledger.domain.statuses import Status
from flowledger.storage.kinds.executions import ExecutionRepository
from flowledger.storage.kinds.tasks import TaskCounts, TaskRepository
from flowledger.web.handler import LedgerHandler
from flowledger.web.paging import pages_around
from flowledger.web.runs.failed import first_line
from flowledger.web.runs.listing import Asked, Listing, listed

QUICK: Final = (("1h", "1 h"), ("1d", "1 d"), ("7d", "7 d"))
"""Spans that one click asks for: as `since` takes them, and in words."""
_TASKS_COUNTED: Final = 1_001


def moment_wanted(handler: LedgerHandler, name: str) -> datetime | None:
    """Return the time that an argument names: a time, a date, or how long ago. Raises InvalidArgument."""
    text = handler.wanted(name)
    try:
        return None if text is None else moment(text.strip())
    except ValueError as error:
        raise InvalidArgument(f"{name}: {error}") from None


class WorkList(LedgerHandler):
    """What both lists have in common."""

    filters: ClassVar[Mapping[str, str]]
    """The arguments that an index serves, and what they are called on the page."""

    def asked(self) -> Asked:
        """Return what the URL asks for. Raises InvalidArgument."""
        return Asked(
            of=self.wanted_all(*self.filters),
            status=self.wanted("status"),
            failed=self.wanted("failed") is not None,
            since=moment_wanted(self, "since"),
            until=moment_wanted(self, "until"),
            after=self.wanted("after"),
        )

    def show_list(self, template: str, asked: Asked, found: Listing[Any], **values: Any) -> None:
        """Render the page."""
        self.show(
            template,
            asked=asked,
            found=found,
            filters=self.filters,
            given=self.wanted_all(*self.filters, "status", "failed", "since", "until"),
            statuses=[*Status],
            quick=QUICK,
            first_line=first_line,
            pages=pages_around(self, found.cursor),
            **values,
        )


@dataclass(frozen=True, slots=True)
class _Executions:
    listing: Listing[Execution]
    tasks: dict[str, TaskCounts]


class Executions(WorkList):
    """All executions, or those of some filters. At most four queries."""

    section = "executions"
    filters: ClassVar[Mapping[str, str]] = {
        "workflow_id": "workflow", "workspace_id": "workspace", "agent_id": "agent", "user_id": "user",
        "parent_execution_id": "child of",
    }  # fmt: skip

    async def page(self) -> None:
        """Write the list."""
        asked = self.asked()
        found = await self.read(lambda connection: _executions(connection, asked))
        counted = _TASKS_COUNTED - 1
        self.show_list("executions", asked, found.listing, tasks=found.tasks, none=TaskCounts(0, 0), counted=counted)


def _executions(connection: Connection, asked: Asked) -> _Executions:
    listing = listed(ExecutionRepository(connection), asked)
    ids = [one.id for one in listing.items]
    counts = TaskRepository(connection).counts_of_executions(ids, most=_TASKS_COUNTED) if ids else {}
    return _Executions(listing, counts)


class Tasks(WorkList):
    """All tasks, or those of some filters. At most three queries."""

    section = "tasks"
    filters: ClassVar[Mapping[str, str]] = {
        "execution_id": "execution",
        "workspace_id": "workspace",
        "agent_id": "agent",
        "user_id": "user",
    }

    async def page(self) -> None:
        """Write the list."""
        asked = self.asked()
        self.show_list("tasks", asked, await self.read(lambda connection: listed(TaskRepository(connection), asked)))
