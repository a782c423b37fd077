"""Part `throughput`: events a second as fast as they are recorded, and what an event costs."""

from __future__ import annotations

from typing import Any, Final

from bench import pgbench, workload
from bench.contender import Contender
from bench.run import Run

PGBENCH: Final = {
    "pgbench": pgbench.Script(f"pgbench, the same statements, {pgbench.CONNECTIONS} connections, each commit flushed"),
    "pgbench_pipeline": pgbench.Script(
        f"pgbench, its pipeline, {pgbench.PIPELINES} connections, one flush for {pgbench.BATCH} commits", pipeline=True
    ),
}


def measure(run: Run) -> dict[str, Any]:
    """Measure every contender in turn, so that a slower machine slows all of them; after them pgbench."""
    found: dict[str, Any] = {}
    for turn in range(run.rounds):
        for contender in run.contenders:
            run.say(f"throughput, round {turn + 1}: {contender.title}")
            found.setdefault(contender.name, {"title": contender.title, "turns": []})
            found[contender.name]["turns"].append(one_turn(run, contender, f"t{turn}"))
        for name, script in PGBENCH.items():
            run.say(f"throughput, round {turn + 1}: {script.title}")
            run.ours.begin_anew()
            rate = pgbench.events_per_second(run.ours.servers, run.pgbench_seconds, script)
            found.setdefault(name, {"title": script.title, "turns": []})
            found[name]["turns"].append({"events_per_second": rate})
    return found


def one_turn(run: Run, contender: Contender, prefix: str) -> dict[str, Any]:
    """Return the figures of one turn, which begins with empty tables. Note the rate for the loads that follow."""
    contender.begin_anew()
    with contender:
        contender.warm_up(workload.events(f"{prefix}w", run.warm_up))
        turn = contender.throughput(workload.events(prefix, run.events_of(contender)))
    run.note_rate(contender, turn.events_per_second)
    return turn.as_json()
