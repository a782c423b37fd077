"""`python -m bench --against COMMIT`: compares this checkout's worker with another commit's, in alternating rounds.

Both run on the same servers, each on databases of its own. Steady loads are parts of the rate that the *other* commit
records in this run, the same for both.
"""

from __future__ import annotations

from statistics import median
from typing import Final

from rich.table import Table

from bench import workload
from bench.contender import Contender
from bench.figures import spread
from bench.parts import growth, loads, throughput
from bench.run import Run
from bench.usage import PARTS

Figures = dict[str, list[float]]
"""One value a round, by the name of the figure."""
_FAILED: Final = float("inf")


def compare(run: Run) -> dict[str, Figures]:
    """Return the figures of both, by title. `run.contenders` are the two checkouts, the other commit second."""
    here, there = run.contenders
    found: dict[str, Figures] = {checkout.title: {} for checkout in run.contenders}
    filled = _filled(run) if run.rows else {}
    for turn in range(run.rounds):
        both = [here, there] if turn % 2 else [there, here]  # the rate of the other one comes first
        for checkout in both:
            run.say(f"round {turn + 1}: {checkout.title}")
            _note(found[checkout.title], _costs(run, checkout, f"r{turn}"))
        rate = run.rate(there)
        assert rate is not None
        for checkout in both:
            for load, latency in loads.under_loads(run, checkout, f"l{turn}", loads.of_rate(rate)).items():
                for figure in ("p50", "p99"):
                    value = _FAILED if latency is None else latency[figure]
                    _note(found[checkout.title], {f"{load}, {figure} ms": value})
            if filled:
                _note(found[checkout.title], _grown(run, checkout, filled[checkout.title], f"f{turn}"))
    return found


def table(found: dict[str, Figures]) -> Table:
    """Return the medians and spreads of both, and their ratios."""
    (_, here), (commit, there) = found.items()
    shown = Table(title=f"This checkout beside {commit}: medians (least to greatest)", title_justify="left")
    for heading in ("", "here", commit[:12], "here / there"):
        shown.add_column(heading, justify="right" if heading else "left")
    for figure, values in here.items():
        others = there[figure]
        shown.add_row(figure, spread(values), spread(others), f"{median(values) / median(others):.2f}")
    return shown


def _costs(run: Run, checkout: Contender, prefix: str) -> dict[str, float]:
    """Measure rates, CPU and bytes of one turn in empty tables."""
    uniform = throughput.one_turn(run, checkout, prefix)
    figures = {"events/s": uniform["events_per_second"]}
    figures |= {"CPU s / 1,000 events": sum(uniform["cpu_seconds_per_1000"].values())}
    figures |= {f"CPU s / 1,000 events, {part}": uniform["cpu_seconds_per_1000"][part] for part in PARTS}
    figures |= {"bytes an event": sum(uniform["bytes_per_event"].values())}
    figures |= {"WAL bytes an event": uniform["wal_bytes_per_event"]}
    with checkout:
        checkout.warm_up(workload.varied(f"{prefix}x", workload.VARIED_FIRST))
        varied = checkout.throughput(workload.varied(f"{prefix}v", run.events_of(checkout)))
    return figures | {"varied events/s": varied.events_per_second, "varied CPU s / 1,000 events": varied.cpu}


def _filled(run: Run) -> dict[str, Contender]:
    """Return each checkout, by its title, on a database that has been filled."""
    found = {}
    for place, checkout in enumerate(run.contenders):
        found[checkout.title] = growth.filled(run, checkout, f"filled_{place}")
    return found


def _grown(run: Run, empty: Contender, filled: Contender, prefix: str) -> dict[str, float]:
    """Measure the cost in a filled database as a multiple of that in an empty one."""
    figures = {}
    for ids, turns in growth.pair(run, empty, filled, prefix).items():
        figures[f"{ids}: CPU, filled / empty"] = turns["filled"].cpu / turns["empty"].cpu
        figures[f"{ids}: events/s, filled / empty"] = (
            turns["filled"].events_per_second / turns["empty"].events_per_second
        )
    return figures


def _note(found: Figures, figures: dict[str, float]) -> None:
    for figure, value in figures.items():
        found.setdefault(figure, []).append(value)
