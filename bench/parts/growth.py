"""Part `growth`: the cost of an event in a database with many rows, beside an empty one, in pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bench import workload
from bench.contender import Contender
from bench.multiply import fill
from bench.run import Run
from bench.usage import Turn

IDS: Final[dict[str, Callable[[str, int], list[bytes]]]] = {
    "ids in order of time": workload.events,
    "ids at random": workload.scattered,
}
"""New ids that sort behind all others go to the end of an index; those at random to any of its pages."""


def measure(run: Run) -> dict[str, Any]:
    """Return the turns in an empty database and in one with `run.rows` events, by the order of ids."""
    many = filled(run, run.ours, "filled")
    found: dict[str, Any] = {ids: {"empty": [], "filled": []} for ids in IDS}
    for turn in range(run.rounds):
        for ids, turns in pair(run, run.ours, many, f"g{turn}").items():
            for name, figures in turns.items():
                found[ids][name].append(figures.as_json())
    return {"rows": run.rows, "turns": found}


def filled(run: Run, contender: Contender, database: str) -> Contender:
    """Return the contender on a new database. It has recorded one task there, whose rows are multiplied."""
    found = contender.elsewhere(run.servers.on_new_database(database))
    found.install()
    found.forget_broker()
    with found:
        found.warm_up(workload.marked())
    run.say(f"growth: filling with {run.rows:,} events and what was recorded of them")
    seconds = fill(found.servers, run.rows // workload.EVENTS_PER_TASK)
    run.say(f"growth: filled in {seconds:,.0f} s")
    return found


def pair(run: Run, empty: Contender, many: Contender, prefix: str) -> dict[str, dict[str, Turn]]:
    """Measure a turn in both. Return them by the order of ids."""
    found: dict[str, dict[str, Turn]] = {ids: {} for ids in IDS}
    for name, contender in (("empty", empty), ("filled", many)):
        run.say(f"growth: {name}, {contender.title}")
        if name == "empty":
            contender.begin_anew()
        else:
            contender.forget_broker()
        with contender:
            for ids, make in IDS.items():
                contender.warm_up(make(f"{prefix}w", run.warm_up))
                found[ids][name] = contender.throughput(make(prefix, run.events_of(contender)))
    return found
