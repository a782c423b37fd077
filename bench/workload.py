"""The events of the benchmark: tasks as a platform reports them, five events each, with unique ids.

All events of `events` carry the same fields; those of `varied` carry any of the fields that a task may have.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

SOURCE: Final = "/bench/platform"
EVENTS_PER_TASK: Final = 5
MARK: Final = "MARK"
"""Stands where copies of an event, or of its rows, get another name each."""
_OPTIONAL: Final[dict[str, dict[str, Any]]] = {
    "task.created": {
        "parent_task_id": "task_0f1e2d3c4b",
        "retry_of": "task_9a8b7c6d5e",
        "sandbox_id": "sb_1122334455",
        "user_id": "usr_6677889900",
        "priority": 5,
    },
    "task.started": {},
    "task.logged": {"level": "info", "logger": "reader", "context": {"tokens": 431}},
    "task.completed": {},
}
"""Fields that only `varied` events carry."""


def task_events(name: str) -> Iterator[dict[str, Any]]:
    """Yield the events of a task from its creation to its end, with two log lines."""
    subject = f"task_{name}"
    steps: list[tuple[str, dict[str, Any]]] = [
        (
            "task.created",
            {
                "name": "summarise the report",
                "kind": "llm",
                "execution_id": f"exec_{name}",
                "workspace_id": "ws_0a1b2c3d4e",
                "agent_id": "agent_5f6a7b8c9d",
                "input": {"document": "report.md", "words": 200, "language": "en"},
            },
        ),
        ("task.started", {"worker": "worker-17"}),
        ("task.logged", {"message": "read 14 pages, 5,120 tokens", "level": "info", "logger": "reader"}),
        ("task.logged", {"message": "the model answered after 812 ms", "level": "debug", "context": {"tokens": 431}}),
        (
            "task.completed",
            {
                "output": {
                    "summary": "Revenue grew by four per cent, costs by two; the outlook is unchanged.",
                    "words": 12,
                },
                "usage": {"model": "small-1", "input_tokens": 5120, "output_tokens": 431, "cost": 0.0061},
            },
        ),
    ]
    for place, (event_type, data) in enumerate(steps, 1):
        moment = {"time": f"2026-01-31T12:00:{place:02}.250000Z", "sequence": str(place)}
        yield _event(f"{name}/{place}", event_type, subject, data) | moment


VARIED_FIRST: Final = 2_000
"""Varied events that are not measured: about the first second, in which statements are prepared."""


def varied(prefix: str, count: int) -> list[bytes]:
    """Return `count` events like those of `events`, each with a random choice of its possible fields."""
    choose = random.Random(prefix)

    def vary(event: dict[str, Any]) -> dict[str, Any]:
        data = _OPTIONAL[event["type"]] | event["data"]
        kept = {name: value for name, value in data.items() if name == "message" or choose.random() < 0.5}
        return event | {"data": kept}

    return events(prefix, count, vary)


def hot(prefix: str, count: int) -> list[bytes]:
    """Return `count` events like those of `events`, all about one task."""
    return events(prefix, count, lambda event: event | {"subject": f"task_{prefix}"})


def scattered(prefix: str, count: int) -> list[bytes]:
    """Return `count` events like those of `events`, with ids at random, so that they go to any place of an index."""
    return events(prefix, count, name=lambda name: hashlib.md5(name.encode(), usedforsecurity=False).hexdigest())


def sandboxes(workspace: str, count: int) -> list[bytes]:
    """Return the events by which a workspace has `count` sandboxes."""
    return [
        _text(_event(f"{workspace}/{place}", "sandbox.created", f"sb_{workspace}_{place}", {"workspace_id": workspace}))
        for place in range(count)
    ]


def broadcast(workspace: str, name: str) -> bytes:
    """Return a message to all sandboxes of a workspace."""
    data = {
        "from_sandbox_id": f"sb_{workspace}_0",
        "broadcast": True,
        "workspace_id": workspace,
        "message_type": "notification",
        "content": {"text": "Revenue grew by four per cent, costs by two; the outlook is unchanged."},
    }
    message = f"sb_{workspace}_0/{name}"
    return _text(_event(message, "message.sent", message, data))


def marked() -> list[bytes]:
    """Return the events of one task, with MARK where a name is."""
    return [_text(event) for event in task_events(MARK)]


def id_of(event: bytes) -> str:
    """Return the id, without parsing the whole text."""
    return event.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()


def subject_of(event: bytes) -> str:
    """Return the subject, without parsing the whole text."""
    return event.split(b'"subject":"', 1)[1].split(b'"', 1)[0].decode()


def events(
    prefix: str,
    count: int,
    vary: Callable[[dict[str, Any]], dict[str, Any]] = lambda event: event,
    name: Callable[[str], str] = lambda name: name,
) -> list[bytes]:
    """Return `count` events as JSON text. A hundred tasks run at a time, so events of different tasks alternate."""
    found: list[bytes] = []
    group = 0
    while len(found) < count:
        tasks = [list(task_events(name(f"{prefix}-{group * 100 + place:07}"))) for place in range(100)]
        for step in range(EVENTS_PER_TASK):
            found += [_text(vary(task[step])) for task in tasks]
        group += 1
    return found[:count]


def _event(event_id: str, event_type: str, subject: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": event_type,
        "subject": subject,
        "time": "2026-01-31T12:00:00.250000Z",
        "datacontenttype": "application/json",
        "data": data,
    }


def _text(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
