"""What Flower itself remembers of Celery's tasks since it was started: those under way, and those that failed.

What drains have done stands in the database. Heartbeats are no news: they are left out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from flower.utils.tasks import search_tasks

from flowledger.storage.ledger.drain_search import NAME

_LOOK: Final = "ledger.look"
_OTHERS: Final = frozenset({"ledger.post", "ledger.schedules", "ledger.maintain"})
_UNDER_WAY: Final = frozenset({"PENDING", "RECEIVED", "STARTED"})
_MOST_SECONDS: Final = 900.0
"""A task that was begun longer ago, and of which nothing was heard since, was lost with its worker."""
_SEARCHED: Final = 2_000
"""The newest tasks that are looked at."""


class Running(NamedTuple):
    """A drain under way."""

    id: str
    worker: str
    shards: str
    started: float


def tasks(events: Any, search: str = "") -> list[Any]:
    """Return the tasks that are worth a row, the newest first; `search` is in Flower's syntax.

    Those are tasks that failed or are tried again, drains under way, and posts or schedules that did something.
    """
    page = search_tasks(events, limit=_SEARCHED, search=search, sort_by="received", descending=True)
    known = events.state.tasks
    return [task for task in map(known.get, page.task_ids) if task is not None and _is_news(task)]


def running(events: Any, now: float) -> list[Running]:
    """Return the drains under way."""
    found = (task for task in tasks(events) if task.name == NAME and task.state in _UNDER_WAY)
    begun = ((task, task.started or task.received or 0.0) for task in found)
    return [
        Running(task.uuid, worker_of(task), str(task.args or "").strip("(),[]"), started)
        for task, started in begun
        if now - started < _MOST_SECONDS
    ]


def worker_of(task: Any) -> str:
    """Return the name of the node that has a task; empty if it is not known."""
    return str(getattr(task.worker, "hostname", task.worker) or "")


def _is_news(task: Any) -> bool:
    name, state = task.name, str(task.state)
    if name is None:  # all that is known is that it was revoked: a heartbeat that came too late
        return False
    if name == _LOOK:
        return state not in _UNDER_WAY and state != "SUCCESS"
    if name in _OTHERS:
        return state not in _UNDER_WAY and (state != "SUCCESS" or _did_something(task.result))
    return state != "SUCCESS" or name != NAME


def _did_something(result: object) -> bool:
    """Return whether a result, as events carry it, counts anything besides its seconds; True if it cannot be read."""
    try:
        counts = ast.literal_eval(str(result))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return bool(result)
    return not isinstance(counts, dict) or _is_any(value for name, value in counts.items() if name != "seconds")


def _is_any(values: Iterable[object]) -> bool:
    return any(bool(value) for value in values)
