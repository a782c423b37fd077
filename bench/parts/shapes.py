"""Part `shapes`: events that vary, a hot subject, and a broadcast among other events. Flowledger alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bench import workload
from bench.arrivals import steady
from bench.run import Run

SHAPES: Final[dict[str, Callable[[str, int], list[bytes]]]] = {
    "the same fields, a hundred tasks at a time": workload.events,
    "fields that vary at random": workload.varied,
    "a hot subject: all about one task": workload.hot,
    "ids at random": workload.scattered,
}
LOAD: Final = 1_000
"""Events per second beside the broadcasts."""
_WORKSPACE: Final = "ws_bench"


def measure(run: Run) -> dict[str, Any]:
    """Return the turns of each shape; and the latency of the other events without broadcasts, and with."""
    shapes: dict[str, list[Any]] = {name: [] for name in SHAPES}
    broadcast: dict[str, list[Any]] = {"without": [], "with": []}
    for turn in range(run.rounds):
        for name, make in SHAPES.items():
            run.say(f"shapes, round {turn + 1}: {name}")
            run.ours.begin_anew()
            with run.ours:
                run.ours.warm_up(make(f"w{turn}", max(run.warm_up, workload.VARIED_FIRST)))
                shapes[name].append(run.ours.throughput(make(f"s{turn}", run.events_of(run.ours))).as_json())
        run.say(f"shapes, round {turn + 1}: broadcasts among {LOAD:,} events/s")
        run.ours.begin_anew()
        with run.ours:
            run.ours.warm_up(workload.sandboxes(_WORKSPACE, run.members))
            for case, found in broadcast.items():
                found.append(_others(run, f"{case}{turn}", broadcasts=case == "with"))
    return {"shapes": shapes, "broadcast": {"members": run.members, "events_per_second": LOAD, **broadcast}}


def _others(run: Run, prefix: str, *, broadcasts: bool) -> dict[str, float] | None:
    """Return the latency of events of which, if `broadcasts`, each LOAD-th gives its place to one."""
    events = workload.events(prefix, int(LOAD * run.load_seconds))
    places = range(LOAD // 2, len(events), LOAD) if broadcasts else range(0)
    for place in places:
        events[place] = workload.broadcast(_WORKSPACE, f"{prefix}-{place}")
    return steady(run.ours, events, LOAD, lambda place: place not in places)
