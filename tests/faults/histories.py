"""What a platform tells of its executions, tasks and messages: realistic histories, any number, from a seed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

Event = dict[str, Any]
Texts = Iterator[bytes]
"""Events as they travel."""
Step = tuple[str, dict[str, Any]]
"""The type of an event, and its data."""

SOURCE: Final = "/faults"
SANDBOXES: Final = "/sandboxes/"
"""How the sources of messages' events begin: those of the sandboxes that speak."""
_UNDER_WAY: Final = 40
"""Histories that are told at the same time, event by event, in any mixture."""
_LINES: Final = ("read 14 pages", "the model answered after 812 ms", "größer als erwartet: 5 %", "retry in 2 s")
_USAGE: Final = {"model": "small-1", "input_tokens": 5120, "output_tokens": 431, "cost": 0.0061}
_ERROR: Final = {"type": "TimeoutError", "message": "no answer within 30 s", "traceback": "line 1\nline 2"}


def events(name: str, seed: int, clock: timedelta = timedelta()) -> Iterator[Event]:
    """Endless CloudEvents of many subjects; ids count on from `name`-1; `clock` is how wrong the clock is."""
    random = Random(f"{name} {seed}")
    subjects = itertools.count(1)
    numbers = itertools.count(1)
    under_way: list[Iterator[Event]] = []
    while True:
        while len(under_way) < _UNDER_WAY:
            under_way.append(_history(random, f"{name}_{next(subjects)}"))
        history = random.choice(under_way)
        event = next(history, None)
        if event is None:
            under_way.remove(history)
            continue
        time = (datetime.now(UTC) + clock).isoformat()
        yield {"specversion": "1.0", "id": f"{name}-{next(numbers)}", "source": SOURCE, "time": time} | event


def texts(name: str, seed: int, clock: timedelta = timedelta()) -> Texts:
    """The same as they travel."""
    for event in events(name, seed, clock):
        yield json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _history(random: Random, name: str) -> Iterator[Event]:
    kind = random.choices(("task", "execution", "message"), (6, 3, 2))[0]
    subject, steps = {"task": _task, "execution": _execution, "message": _message}[kind](random, name)
    for sequence, (type_, data) in enumerate(steps, 1):
        event = {"type": type_, "subject": subject, "data": data}
        if kind != "message":
            event["sequence"] = str(sequence)
        else:
            event["source"] = SANDBOXES + (data.get("from_sandbox_id") or data["to_sandbox_id"])
            if random.random() < 0.5:
                event["partitionkey"] = subject
        yield event


def _task(random: Random, name: str) -> tuple[str, Iterator[Step]]:
    def steps() -> Iterator[Step]:
        created = {"name": "summarise", "kind": "llm", "execution_id": f"exec_{name}", "priority": random.randrange(9)}
        yield "task.created", created | {"input": {"document": "report.md", "words": random.randrange(1000)}}
        yield "task.queued", {"queue": "default"}
        for attempt in range(1, random.choice((2, 2, 2, 3))):
            if attempt > 1:
                yield "task.retrying", {"attempt": attempt, "error": _ERROR, "delay_seconds": 0.5}
            yield "task.started", {"attempt": attempt, "worker": f"worker-{random.randrange(20)}"}
            for line in range(random.randrange(4)):
                yield "task.logged", {"message": random.choice(_LINES), "level": "info", "context": {"line": line}}
            yield "task.progressed", {"attempt": attempt, "progress": random.random(), "message": "half way"}
        if random.random() < 0.2:
            yield "task.updated", {"agent_id": "agent_5f6a7b8c9d", "priority": None}
        yield _end(random, "task", attempt)

    return f"task_{name}", steps()


def _execution(random: Random, name: str) -> tuple[str, Iterator[Step]]:
    def steps() -> Iterator[Step]:
        yield "execution.created", {"workflow_id": "wf_review", "mode": "auto", "input": {"n": random.randrange(1000)}}
        yield "execution.queued", {}
        yield "execution.started", {}
        for place in range(random.randrange(1, 4)):
            yield from _node(random, f"node_{place}")
            yield "execution.checkpointed", {"state": {"done": place, "x": random.random()}, "iterations": place}
        if random.random() < 0.2:
            yield "execution.paused", {"reason": "a person looks"}
            yield "execution.resumed", {}
        yield "execution.logged", {"message": random.choice(_LINES), "node": "node_0"}
        yield _end(random, "execution", 1)

    return f"exec_{name}", steps()


def _node(random: Random, node: str) -> Iterator[Step]:
    yield "node.started", {"node": node, "agent_id": "agent_1", "input": [1, 2, random.random()]}
    attempt = 1
    if random.random() < 0.3:
        attempt = 2
        yield "node.retrying", {"node": node, "attempt": 2, "error": _ERROR}
        yield "node.started", {"node": node, "attempt": 2}
    end: Step = random.choice(
        (
            ("node.completed", {"output": {"ok": True}, "usage": _USAGE}),
            ("node.failed", {"error": _ERROR}),
            ("node.skipped", {"reason": "not needed"}),
        )
    )
    yield end[0], end[1] | {"node": node, "attempt": attempt}


def _end(random: Random, kind: str, attempt: int) -> Step:
    ends = (
        ("completed", {"output": {"summary": "costs grew by two per cent"}, "usage": _USAGE}),
        ("completed", {"output": random.randrange(10**6)}),
        ("failed", {"error": _ERROR}),
        ("cancelled", {"reason": "no longer needed"}),
        ("timed_out", {"timeout_seconds": 30}),
    )
    verb, data = random.choice(ends)
    return f"{kind}.{verb}", {"attempt": attempt} | data


def _message(random: Random, name: str) -> tuple[str, Iterator[Step]]:
    recipients = [f"sb_{random.randrange(50)}", f"sb_{random.randrange(50, 100)}"]
    sender = f"sb_{random.randrange(100)}"

    def steps() -> Iterator[Step]:
        sent = {"from_sandbox_id": sender, "to_sandbox_ids": recipients}
        content = {"text": random.choice(_LINES), "n": random.randrange(1000)}
        yield "message.sent", sent | {"message_type": "request", "content": content, "thread_id": f"thread_{name}"}
        for recipient in recipients:
            if random.random() < 0.2:
                yield "message.failed", {"to_sandbox_id": recipient, "reason": "no such sandbox"}
            yield "message.delivered", {"to_sandbox_id": recipient}

    return f"{sender}/msg_{name}", steps()
