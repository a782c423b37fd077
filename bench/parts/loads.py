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
            bearable, too_great = _loads(run, contender)
            latencies = under_loads(run, contender, f"l{turn}", bearable) | dict.fromkeys(too_great)
            for load, latency in latencies.items():
                found[contender.name]["loads"].setdefault(load, []).append(latency)
    return found


def under_loads(run: Run, contender: Contender, prefix: str, loads: Iterable[tuple[str, float]]) -> dict[str, Any]:
    """Return the latency at each load, a name and a rate in rising order; None from where it fell behind."""
    found: dict[str, Any] = {}
    contender.begin_anew()
    with contender:
        contender.warm_up(workload.events(f"{prefix}w", run.warm_up))
        keeps_up = True
        for place, (load, rate) in enumerate(loads):
            run.say(f"{load}: {contender.title}{'' if keeps_up else ' has fallen behind'}")
            events = workload.events(f"{prefix}-{place}", max(1, int(rate * run.load_seconds))) if keeps_up else []
            found[load] = steady(contender, events, rate) if keeps_up else None
            keeps_up = found[load] is not None
    return found


def of_rate(rate: float) -> list[tuple[str, float]]:
    """Return the loads that are parts of a recorded rate."""
    return [(f"{part:.0%} of the recorded rate", rate * part) for part in OF_OUR_RATE]


def _loads(run: Run, contender: Contender) -> tuple[list[tuple[str, float]], list[str]]:
    """Return the loads that are within what the contender records in all, in rising order; and the names of others."""
    most, ours = run.rate(contender), run.rate(run.ours)
    assert most is not None
    assert ours is not None
    loads = [(f"{rate:,} events/s", float(rate)) for rate in EQUAL]
    loads += of_rate(ours) if contender is run.ours else []
    bearable = sorted((load for load in loads if load[1] <= most), key=lambda load: load[1])
    return bearable, [name for name, rate in loads if rate > most]
