"""The steps of a plan.

A plan is a generator: it yields the next step, is sent the answer, and returns its result. So the commands, and what
follows from the replies, are written once; `client.drivers` takes the steps, in a thread or in an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from flowledger.domain.errors import LedgerError

Command = tuple[str | bytes, ...]
Result = TypeVar("Result")


class Signal(Future[None]):
    """An event that is set once, from any thread, and that a plan waits for in any thread or event loop."""

    def set(self) -> None:
        """Wake the plan that waits; does nothing if it was set before, or nobody waits any more."""
        with suppress(InvalidStateError):
            self.set_result(None)


@dataclass(frozen=True, slots=True)
class Execute:
    """Send all commands in one round trip.

    Answers the reply or the error of each command; or one error, if the round trip failed.
    """

    commands: Sequence[Command]


@dataclass(frozen=True, slots=True)
class Read:
    """Send a command that Redis may block for `seconds`, on a connection of its own.

    Answers its reply, or its error; None if the driver was stopped meanwhile.
    """

    command: Command
    seconds: float


@dataclass(frozen=True, slots=True)
class Sleep:
    """Sleep for `seconds`. Answers True if the driver was stopped meanwhile, so the plan should end."""

    seconds: float


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait until `signal` is set, for `seconds` at most (None: any time), or until the driver is stopped."""

    signal: Signal
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """Call `work`, which may wait for the disk. Answers what it returns, or the LedgerError that it raises."""

    work: Callable[[], Any]


Step = Execute | Read | Sleep | WaitFor | Run
Plan = Generator[Step, Any, Result]


def run(work: Callable[[], Any]) -> Plan[Any]:
    """Return what `work` returns, called by a `Run`; raises the LedgerError that it raises."""
    answer = yield Run(work)
    if isinstance(answer, LedgerError):
        raise answer
    return answer
