"""The steps of a plan, and how a plan asks Redis.

A plan is a generator: it yields what to do next, is sent the answer, and returns its result. So what is to be said to
Redis, and what follows from the answers, is written once; `client.plans` does as plans say, to block or to await.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from redis import exceptions as redis_errors

from flowledger.client.plans.redis_errors import is_denied, passes, why_denied, why_not_now
from flowledger.domain.errors import AccessDenied, BrokerFull, BrokerUnavailable, LedgerError, PublishError

Command = tuple[str | bytes, ...]
Result = TypeVar("Result")

FIRST_WAIT_SECONDS: Final = 0.05
LONGEST_WAIT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Say:
    """Do: all commands, in one round trip. Answer: for each, its reply or its error; or the error of them all."""

    commands: Sequence[Command]


@dataclass(frozen=True, slots=True)
class Listen:
    """Do: this command, which Redis may leave unanswered for `seconds`, on a connection of its own.

    Answer: its reply, or its error; None where the face is closed meanwhile.
    """

    command: Command
    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Do: nothing, for so long. Answer: whether the plan should end, for its face is closed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Do:
    """Do: this work, which may wait for the disk. Answer: what it returns, or the LedgerError that it raises."""

    work: Callable[[], Any]


Step = Say | Listen | Wait | Do
Plan = Generator[Step, Any, Result]


def done(work: Callable[[], Any]) -> Plan[Any]:
    """What `work` returns, done by a `Do`; raises the LedgerError that it raises."""
    answer = yield Do(work)
    if isinstance(answer, LedgerError):
        raise answer
    return answer


def replies(commands: Sequence[Command], timeout_seconds: float) -> Plan[tuple[list[Any], Exception | None]]:
    """Return the replies before the first error, and that error if there is one.

    Retry for `timeout_seconds` while Redis is unreachable or refuses for now (`client.plans`).
    """
    deadline = time.monotonic() + timeout_seconds
    wait = FIRST_WAIT_SECONDS
    while True:
        answers = yield Say(commands)
        place = next((place for place, answer in enumerate(answers) if isinstance(answer, Exception)), None)
        if place is None:
            return list(answers), None
        if not passes(answers[place]) or time.monotonic() + wait > deadline or (yield Wait(wait)):
            return answers[:place], answers[place]
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)


def transaction(commands: Sequence[Command], timeout_seconds: float) -> Plan[tuple[list[Any], Exception | None]]:
    """The same, all done or none: a server that is full might take one command and refuse the next."""
    answers, error = yield from replies([("MULTI",), *commands, ("EXEC",)], timeout_seconds)
    if error is not None:
        return [], error
    answers = answers[-1]
    place = next((place for place, answer in enumerate(answers) if isinstance(answer, Exception)), None)
    return (answers, None) if place is None else (answers[:place], answers[place])


class Again(NamedTuple):
    """What a user can do after an error: try once more, and why that is safe where Redis may have heard it."""

    what: str
    safely: str = ""


PUBLISH_AGAIN: Final = Again("publish again", " with the same ids, nothing is doubled")


def publish_error(error: Exception, what: str, timeout_seconds: float, again: Again = PUBLISH_AGAIN) -> PublishError:
    """What a user is told: `what` was not done, why, and what to do."""
    kind, why, to_do = _understood(error, timeout_seconds, again)
    found = kind(f"{what}: {why}{to_do}", why)
    found.__cause__ = error
    return found


def _understood(error: Exception, timeout_seconds: float, again: Again) -> tuple[type[PublishError], str, str]:
    """The kind of error, why in words, and what to do."""
    if isinstance(error, redis_errors.OutOfMemoryError) or str(error).startswith("OOM"):
        to_do = f"; {again.what} when the backlog is recorded, or give Redis more memory"
        return BrokerFull, "Redis is full (its maxmemory is used up)", to_do
    if str(error).startswith("MISCONF"):
        return BrokerFull, f"Redis cannot write to its disk: {error}", f"; {again.what} when it has room"
    if is_denied(error):
        return AccessDenied, *why_denied(error)
    if passes(error):
        return BrokerUnavailable, why_not_now(error, timeout_seconds), f"; {again.what}{again.safely}"
    return PublishError, f"Redis refuses: {error}", ""
