"""A run: its servers, its contenders, how much is measured, and what one part tells another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console

from bench.contender import Contender
from bench.servers import Servers


@dataclass(slots=True)
class Run:
    servers: Servers
    contenders: Sequence[Contender]
    """The first is Flowledger."""
    rounds: int
    load_seconds: float
    """Of each steady load, each time."""
    events: dict[str, int]
    """Events of a turn, by the contender's name: enough for some seconds of its work."""
    warm_up: int
    """Events before each measurement, which are not measured."""
    members: int
    """Sandboxes of the workspace to which broadcasts go."""
    rows: int
    """Events in the filled database."""
    pgbench_seconds: int
    console: Console
    _rates: dict[str, list[float]] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    @property
    def ours(self) -> Contender:
        return self.contenders[0]

    def events_of(self, contender: Contender) -> int:
        return self.events[contender.name]

    def note_rate(self, contender: Contender, events_per_second: float) -> None:
        self._rates.setdefault(contender.title, []).append(events_per_second)

    def rate(self, contender: Contender) -> float | None:
        """Return the median of the contender's rates so far, if it has been measured."""
        found = self._rates.get(contender.title)
        return median(found) if found else None

    def say(self, what: str) -> None:
        """Tell the user what is measured now, after how many minutes."""
        self.console.print(f"[dim]{(time.monotonic() - self._began) / 60:5.1f} min  {what}[/dim]")
