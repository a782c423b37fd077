"""Part `loads`: latency from publish to commit at equal steady loads, and at parts of Flowledger's own rate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bench import workload
from bench.arrivals import steady
from bench.contender import Contender
from bench.parts.throughput import one_turn
from bench.run import Run

EQUAL: Final = (20, 200, 1_000, 4_000)
"""Events a second; 20 is an idle service."""
OF_OUR_RATE: Final = (0.07, 0.29, 0.58)


def measure(run: Run) -> dict[str, Any]:
    """Return for each contender and load the latencies of each round; None if it does not keep up."""
    for contender in run.contenders:
        if run.rate(contender) is None:
            run.say(f"loads: the rate of {contender.title}")
            one_turn(run, contender, "r")
    found: dict[str, Any] = {contender.name: {"title": contender.title, "loads": {}} for contender in run.contenders}
    for turn in range(run.rounds):
        for contender in run.contenders:
            for load, latency in under_loads(run, contender, f"l{turn}", _loads(run, contender)).items():
                found[contender.name]["loads"].setdefault(load, []).append(latency)
    return found


def under_loads(run: Run, contender: Contender, prefix: str, loads: Iterable[tuple[str, float]]) -> dict[str, Any]:
    """Return the latency at each load, a name and a rate in rising order; None from the first that it cannot bear.

    It cannot bear a load that is more than it records in all, or at which it falls behind (`bench.arrivals`).
    """
    found: dict[str, Any] = {}
    contender.begin_anew()
    with contender:
        contender.warm_up(workload.events(f"{prefix}w", run.warm_up))
        keeps_up = True
        for place, (load, rate) in enumerate(loads):
            keeps_up = keeps_up and rate <= (run.rate(contender) or rate)
            run.say(f"{load}: {contender.title}{'' if keeps_up else ' does not keep up'}")
            events = workload.events(f"{prefix}-{place}", max(1, int(rate * run.load_seconds))) if keeps_up else []
            found[load] = steady(contender, events, rate) if keeps_up else None
            keeps_up = found[load] is not None
    return found


def of_rate(rate: float) -> list[tuple[str, float]]:
    """Return the loads that are parts of a recorded rate."""
    return [(f"{part:.0%} of the recorded rate", rate * part) for part in OF_OUR_RATE]


def _loads(run: Run, contender: Contender) -> list[tuple[str, float]]:
    equal = [(f"{rate:,} events/s", float(rate)) for rate in EQUAL]
    rate = run.rate(run.ours)
    ours = of_rate(rate) if contender is run.ours and rate is not None else []
    return sorted(equal + ours, key=lambda load: load[1])
