"""Publishes the life of one task: typed events, a dict, and with asyncio.

REDIS_URL=redis://127.0.0.1:6379/0 python examples/publish.py
"""

from __future__ import annotations

import asyncio
import sys

from flowledger.client import AsyncPublisher, Publisher
from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import LedgerError
from flowledger.domain.events import TaskCreated, TaskLogged, TaskStarted
from flowledger.domain.ids import new_id

SOURCE = "/examples/python"


def tell_beginning(task: str) -> None:
    """Typed events: what a type asks for is checked where the event is made."""
    with Publisher() as publisher:
        publisher.publish(
            Envelope.of(TaskCreated(name="summarise", kind="llm", input={"pages": 3}), source=SOURCE, subject=task)
        )
        publisher.publish_many(
            [
                Envelope.of(TaskStarted(worker="worker-1"), source=SOURCE, subject=task),
                Envelope.of(TaskLogged(message="read 3 pages"), source=SOURCE, subject=task),
            ]
        )


async def tell_end(task: str) -> None:
    """A CloudEvent as a dict; `prepare` checks it and fixes its id, so that sending it again changes nothing."""
    async with AsyncPublisher() as publisher:
        event = publisher.prepare(
            {"type": "task.completed", "source": SOURCE, "subject": task, "data": {"output": {"words": 12}}}
        )
        await publisher.publish(event)
        await publisher.publish(event)


def main() -> None:
    task = new_id("task")
    try:
        tell_beginning(task)
        asyncio.run(tell_end(task))
    except LedgerError as error:
        sys.exit(f"error: {error}")
    print(f"published; see it with: flowledger show {task}")


if __name__ == "__main__":
    main()
