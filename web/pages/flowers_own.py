"""Flower's own pages, made true: its tasks come from the table of drains, its broker shows what waits in our shards.

They stay at their addresses, in Flower's templates; only what is shown is ours.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from flower.utils.search import And, MatchAll, Or, QuerySyntaxError, parse_query
from flower.views.broker import BrokerView
from flower.views.tasks import TASK_COLUMNS, TasksView, TaskView
from sqlalchemy import ColumnElement, Connection, and_, or_
from tornado.web import authenticated

from flowledger.domain import streams
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.storage.ledger.drain_search import MOST, NAME, DrainSearch
from flowledger.storage.ledger.drains import DrainRepository
from flowledger.web import memory, words
from flowledger.web.drain_states import result_of, state_of
from flowledger.web.handler import LedgerHandler
from flowledger.web.ledger import KEY, Ledger
from flowledger.workers.status.backlog import backlog

logger = logging.getLogger(__name__)

_MOST_ROWS: Final = 100
_COLUMNS: Final = (*TASK_COLUMNS, "timestamp")


class TasksTable(LedgerHandler):
    """The rows that Flower's table of tasks asks for: tasks under way or failed, then drains. At most three queries."""

    async def post(self) -> None:
        """Answer the table, which asks by POST; nothing is changed."""
        answered = self.get()
        assert answered is not None
        await answered

    async def page(self) -> None:
        """Write a part of the table, as DataTables wants it (https://datatables.net/manual/server-side)."""
        draw, start = self._number("draw"), self._number("start")
        limit = min(self._number("length"), _MOST_ROWS)
        search = self.get_argument("search[value]", "", escape=False)
        column = self._number("order[0][column]")
        sort_by = self.get_argument(f"columns[{column}][data]", "received")
        is_down = self.get_argument("order[0][dir]", "desc") == "desc"
        try:
            expression = parse_query(search)
            first = memory.tasks(self.application.events, search)
        except QuerySyntaxError as error:
            self.write({"draw": draw, "data": [], "recordsTotal": 0, "recordsFiltered": 0, "searchError": str(error)})
            return
        shown = first[start : start + limit]

        def found(connection: Connection) -> tuple[int, int, Any]:
            drains = DrainSearch(connection)
            condition = _condition(expression, drains)
            everything = drains.count()
            matching = everything if condition is None else drains.count(condition)
            rows = drains.rows(
                condition, sort_by, descending=is_down, offset=max(0, start - len(first)), limit=limit - len(shown)
            )
            return everything, matching, rows

        everything, matching, rows = await self.read(found)
        self.write(
            {
                "draw": draw,
                "data": [*map(_row_of_task, shown), *map(_row_of_drain, rows)],
                "recordsTotal": everything + len(first),
                "recordsFiltered": matching + len(first),
            }
        )

    def _number(self, name: str) -> int:
        found: int = self.get_argument(name, type=int, default=0)
        return max(0, min(found, MOST))


def _condition(expression: Any, drains: DrainSearch) -> ColumnElement[bool] | None:
    """Return a search of Flower's in SQL; None for one that all fulfil."""
    if isinstance(expression, MatchAll):
        return None
    if isinstance(expression, And | Or):
        parts = [part for child in expression.children if (part := _condition(child, drains)) is not None]
        return and_(*parts) if isinstance(expression, And) else or_(*parts)
    return drains.has(expression.field, expression.value)


def _row_of_task(task: Any) -> dict[str, Any]:
    known = task.as_dict()
    return {name: known.get(name) for name in _COLUMNS} | {"worker": memory.worker_of(task)}


def _row_of_drain(drain: Any) -> dict[str, Any]:
    return dict.fromkeys(_COLUMNS) | {
        "name": NAME,
        "uuid": drain.id,
        "state": state_of(drain).words,
        "args": f"shards {', '.join(map(str, drain.shards))}",
        "result": result_of(drain),
        "received": drain.started_at.timestamp(),
        "started": drain.started_at.timestamp(),
        "timestamp": drain.ended_at.timestamp(),
        "runtime": (drain.ended_at - drain.started_at).total_seconds(),
        "worker": drain.worker,
    }


class TasksPage(TasksView):  # type: ignore[misc]  # Flower has no types
    """Flower's page of tasks, which colours the states of drains, too."""

    def render(self, template_name: str, **values: Any) -> None:
        """Render ours in the place of Flower's template, which it extends."""
        super().render("ledger/tasks_of_flower.html" if template_name == "tasks.html" else template_name, **values)


class TaskPage(TaskView):  # type: ignore[misc]  # Flower has no types
    """One task: a drain's page if it is over, else what Flower remembers."""

    @authenticated
    async def get(self, task_id: str) -> None:
        """Lead to the drain's page, or show Flower's own."""
        ledger: Ledger = self.settings[KEY]
        try:
            answer = await ledger.reader.ask(lambda connection: DrainRepository(connection).get(task_id))
        except DatabaseUnavailable as error:
            logger.warning("%s", words.unanswered(error))
        else:
            if answer.value is not None:
                self.redirect(self.reverse_url("ledger-drain", task_id))
                return
        super().get(task_id)


class BrokerPage(BrokerView):  # type: ignore[misc]  # Flower has no types
    """The queue of bells, and below it our shards, in which the events themselves wait."""

    def render(self, template_name: str, **values: Any) -> None:
        """Render Flower's page with our shards among its queues."""
        values["queues"] = [*values["queues"], *self._shards]
        super().render(template_name, **values)

    @authenticated
    async def get(self) -> None:
        """Write the page."""
        ledger: Ledger = self.settings[KEY]
        self._shards: list[dict[str, Any]] = []
        try:
            answer = await ledger.reader.work(lambda: backlog(ledger.redis, ledger.settings.shards))
            self._shards = [
                {"name": streams.stream(shard), "messages": f"{count:,}", "messages_ready": f"{count:,}"}
                for shard, count in answer.value.items()
            ]
        except Exception as error:
            logger.warning("the shards of the broker cannot be counted: %s", error)
        await super().get()
