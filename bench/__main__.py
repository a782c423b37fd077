"""`make bench`: measures Flowledger and its peers by turns on the same servers: a table and `bench/results.json`.

`python -m bench.python_time` divides the worker's Python time by part; `python -m bench.mail` measures messages.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any, Final

import redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench import pgbench, workload
from bench.against import compare
from bench.contenders import CONTENDERS, Contender, Flowledger, Servers, empty, median, running_servers
from bench.latency import Load, probe

EVENTS: Final = {"flowledger": 40_000, "celery_orm": 2_000, "faststream": 3_000}
"""Events per turn: enough for some seconds of each contender's work."""

VARIED: Final = "flowledger_varied"
"""Flowledger again, with events that each have a random choice of their possible fields."""

_RESULTS: Final = Path(__file__).parent / "results.json"
console: Final = Console(highlight=False)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3, help="turns of each contender; medians are reported")
    arguments.add_argument("--probes", type=int, default=300, help="single events for each latency figure")
    arguments.add_argument("--against", metavar="COMMIT", help="compare this checkout with another commit only")
    arguments.add_argument("--events", type=int, default=30_000, help="uniform events a round of --against")
    options = arguments.parse_args()
    if options.against:
        compare(options.against, options.rounds, options.probes, options.events)
        return
    with running_servers() as servers:
        rates = _throughput(servers, options.rounds)
        latencies = _latencies(servers, rates, options.probes)
        results = _results(servers, rates, latencies)
    _RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    _print(results)


def _throughput(servers: Servers, rounds: int) -> dict[str, dict[str, list[Any]]]:
    """Measure every contender in turn, `rounds` times, so that a slower machine slows all of them."""
    found: dict[str, dict[str, list[Any]]] = {}
    for turn in range(rounds):
        for kind in CONTENDERS:
            console.print(f"[dim]round {turn + 1} of {rounds}: {kind.title}[/dim]")
            empty(servers)
            with kind(servers) as contender:
                contender.warm_up(workload.events(f"w{turn}", 500))
                _add(found, kind.name, *contender.throughput(workload.events(f"t{turn}", EVENTS[kind.name])))
                if kind is Flowledger:
                    contender.warm_up(workload.varied(f"x{turn}", workload.VARIED_FIRST))
                    varied = workload.varied(f"v{turn}", workload.VARIED_EVENTS)
                    _add(found, VARIED, *contender.throughput(varied))
        console.print(f"[dim]round {turn + 1} of {rounds}: pgbench[/dim]")
        empty(servers)
        _add(found, "pgbench", pgbench.events_per_second(servers.database_url, 5, servers.folder), None)
    return found


def _add(found: dict[str, dict[str, list[Any]]], name: str, rate: float, cpu: float | None) -> None:
    entry = found.setdefault(name, {"events_per_second": [], "cpu_seconds_per_1000": []})
    entry["events_per_second"].append(rate)
    entry["cpu_seconds_per_1000"].append(cpu)
    console.print(f"  {rate:,.0f} events/s")


def _latencies(servers: Servers, rates: dict[str, Any], probes: int) -> dict[str, dict[str, dict[str, float]]]:
    """Measure each contender idle, then at half its measured throughput."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind in CONTENDERS:
        console.print(f"[dim]latency: {kind.title}[/dim]")
        empty(servers)
        with kind(servers) as contender:
            contender.warm_up(workload.events("lw", 500))
            half = median(rates[kind.name]["events_per_second"]) / 2
            found[kind.name] = {
                "idle": probe(contender, "li", probes),
                "half_load": _under_load(contender, half, probes),
            }
    return found


def _under_load(contender: Contender, events_per_second: float, probes: int) -> dict[str, float]:
    with Load(contender, "lh", events_per_second, seconds=probes * 0.2):
        return probe(contender, "lp", probes)


def _results(servers: Servers, rates: dict[str, Any], latencies: dict[str, Any]) -> dict[str, Any]:
    titles = {kind.name: kind.title for kind in CONTENDERS}
    titles["pgbench"] = f"pgbench, the same statements, {pgbench.CONNECTIONS} connections, each commit flushed"
    titles[VARIED] = "Flowledger, fields that vary at random"
    ours = median(rates[Flowledger.name]["events_per_second"])
    rows = {}
    for name, entry in rates.items():
        middle = median(entry["events_per_second"])
        cpu = [seconds for seconds in entry["cpu_seconds_per_1000"] if seconds is not None]
        rows[name] = {
            "title": titles[name],
            "events_per_second": entry["events_per_second"],
            "median": middle,
            "ours_is_times": ours / middle,
            "cpu_seconds_per_1000": median(cpu) if cpu else None,
            "latency_ms": latencies.get(name),
        }
    return {"machine": _machine(servers), "rows": rows}


def _machine(servers: Servers) -> dict[str, Any]:
    engine = servers.engine()
    with engine.connect() as connection:
        postgres = connection.execute(text("SHOW server_version")).scalar_one()
    engine.dispose()
    broker = redis.Redis.from_url(servers.redis_url).info("server")
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "postgresql": postgres,
        "broker": f"{broker.get('server_name', 'redis')} {broker.get('valkey_version', broker['redis_version'])}",
    }


def _print(results: dict[str, Any]) -> None:
    table = Table(title="Publish to recorded, one transaction per event", title_justify="left")
    for heading in ("", "events/s", "ours is", "CPU s / 1,000", "idle p50 / p99 ms", "half load p50 / p99 ms"):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in results["rows"].values():
        latency = row["latency_ms"]
        cells = [
            f"{latency[load]['p50']:.1f} / {latency[load]['p99']:.1f}" if latency else ""
            for load in ("idle", "half_load")
        ]
        cpu = row["cpu_seconds_per_1000"]
        table.add_row(
            row["title"], f"{row['median']:,.0f}", f"{row['ours_is_times']:.2f} x", f"{cpu:.3f}" if cpu else "", *cells
        )  # fmt: skip
    console.print(table)
    console.print(
        f"medians of {len(next(iter(results['rows'].values()))['events_per_second'])} rounds; {results['machine']}"
    )


if __name__ == "__main__":
    main()
