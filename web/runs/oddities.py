"""What is not as it should be in the report of an execution: ends that are missing, late reports, missing numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Protocol

from flowledger.domain.kinds.executions import Execution
from flowledger.domain.readable import duration
from flowledger.domain.records import ListedEvent
from flowledger.domain.statuses import TERMINAL

LATE: Final = timedelta(minutes=1)
"""An event that was recorded so much later than its time is a late report."""
_RAN: Final = frozenset({"completed", "failed", "timed_out"})
_RANGES: Final = 5


class Part(Protocol):
    """A node run, a task or a child execution."""

    @property
    def status(self) -> str: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def finished_at(self) -> datetime | None: ...


def of_part(part: Part, execution: Execution) -> list[str]:
    """Return what is odd about a part of an execution, in words."""
    has_ended = execution.status in TERMINAL
    if part.status not in TERMINAL:
        if not has_ended:
            return []
        return ["no end was reported" if part.started_at is not None else "never started"]
    found = []
    if part.started_at is None and part.status in _RAN:
        found.append("no start was reported")
    ended = part.finished_at
    if has_ended and execution.finished_at is not None and ended is not None and ended > execution.finished_at:
        late = (ended - execution.finished_at).total_seconds()
        found.append(f"ended {duration(late)} after the execution")
    return found


@dataclass(slots=True)
class Reports:
    """How the events of an execution came in. `late` has the greatest delay of each subject, in seconds.

    `numbers` says, of each source that numbers its events, what numbers are missing. `read` events were looked at;
    `more` says that there are others.
    """

    read: int = 0
    more: bool = False
    late: dict[str, float] = field(default_factory=dict)
    late_events: int = 0
    numbers: list[str] = field(default_factory=list)

    def words(self, subject: str) -> list[str]:
        """Return what is odd about the reports of one subject, unless the most of all events came late, too."""
        late = None if self.late_events * 2 > self.read else self.late.get(subject)
        return [] if late is None else [f"reported {duration(late)} late"]


def of_events(events: Sequence[ListedEvent], *, more: bool = False) -> Reports:
    """Return how these events, of an execution and its parts, came in."""
    found = Reports(len(events), more)
    numbers: dict[str, set[int]] = {}
    for event in events:
        if event.time is not None and event.recorded_at - event.time > LATE:
            late = (event.recorded_at - event.time).total_seconds()
            found.late_events += 1
            found.late[event.subject] = max(late, found.late.get(event.subject, 0.0))
        if event.sequence is not None and event.sequence.isascii() and event.sequence.isdigit():
            numbers.setdefault(event.source, set()).add(int(event.sequence[-18:]))
    if not more:  # of a part of the events, the others' numbers would be missing
        found.numbers = [words for source, seen in sorted(numbers.items()) if (words := _missing(source, seen))]
    return found


def _missing(source: str, seen: Iterable[int]) -> str:
    """Return which numbers are missing, if these can be the numbers of the execution alone; else an empty text."""
    ordered = sorted(seen)
    gaps = [(one + 1, other - 1) for one, other in pairwise(ordered) if other > one + 1]
    missing = sum(last - first + 1 for first, last in gaps)
    if not gaps or ordered[0] > 1 or missing > len(ordered):
        return ""
    words = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in gaps[:_RANGES])
    more = " …" if len(gaps) > _RANGES else ""
    return f"{source} numbers its events {ordered[0]} to {ordered[-1]}; missing here: {words}{more}"
