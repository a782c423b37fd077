"""Sending commands to Redis: retried while it is unreachable, one by one or as a transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from flowledger.client.plans.redis_errors import is_passing
from flowledger.client.plans.steps import Command, Execute, Plan, Sleep

FIRST_WAIT_SECONDS: Final = 0.05
LONGEST_WAIT_SECONDS: Final = 1.0


def replies(commands: Sequence[Command], timeout_seconds: float) -> Plan[tuple[list[Any], Exception | None]]:
    """Return the replies before the first error, and that error if there is one.

    Retry for `timeout_seconds` while Redis is unreachable or refuses for now (`redis_errors.is_passing`).
    """
    deadline = time.monotonic() + timeout_seconds
    wait = FIRST_WAIT_SECONDS
    while True:
        answers = yield Execute(commands)
        place = next((place for place, answer in enumerate(answers) if isinstance(answer, Exception)), None)
        if place is None:
            return list(answers), None
        if not is_passing(answers[place]) or time.monotonic() + wait > deadline or (yield Sleep(wait)):
            return answers[:place], answers[place]
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)


def transaction(commands: Sequence[Command], timeout_seconds: float) -> Plan[tuple[list[Any], Exception | None]]:
    """The same, all commands or none: a server that is full might accept one command and refuse the next."""
    answers, error = yield from replies([("MULTI",), *commands, ("EXEC",)], timeout_seconds)
    if error is not None:
        return [], error
    answers = answers[-1]
    place = next((place for place, answer in enumerate(answers) if isinstance(answer, Exception)), None)
    return (answers, None) if place is None else (answers[:place], answers[place])
