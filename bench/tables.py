"""Shows the results of a run: a table for each part, with medians, and the least and the greatest of the rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, Final

from rich import box
from rich.table import Table

from bench.contenders import Flowledger
from bench.figures import spread
from bench.usage import PARTS

BEHIND: Final = "does not keep up"


def tables(parts: dict[str, Any], look: box.Box = box.HEAVY_HEAD) -> Iterator[Table]:
    """Yield the tables of the parts that were measured; `look` draws them."""
    for part, results in parts.items():
        for table in _TABLES[part](results):
            table.box = look
            yield table


def _throughput(results: dict[str, Any]) -> Iterator[Table]:
    table = _table("As fast as they are recorded", "events/s", "ours is", "bytes an event", "WAL bytes an event")
    cpu = _table("CPU seconds for 1,000 events", "all", *PARTS)
    ours = median(_each(results[Flowledger.name]["turns"], "events_per_second"))
    for row in results.values():
        turns = row["turns"]
        rates = _each(turns, "events_per_second")
        times = "" if row is results[Flowledger.name] else f"{ours / median(rates):.2f} x"
        if "cpu_seconds_per_1000" not in turns[0]:
            table.add_row(row["title"], spread(rates), times, "", "")
            continue
        sizes = [sum(turn["bytes_per_event"].values()) for turn in turns]
        table.add_row(row["title"], spread(rates), times, spread(sizes), spread(_each(turns, "wal_bytes_per_event")))
        cpu.add_row(row["title"], spread(_cpu(turns)), *(spread(_cpu(turns, part)) for part in PARTS))
    yield table
    yield cpu
    yield _sizes(results[Flowledger.name]["turns"])


def _sizes(turns: list[Any]) -> Table:
    table = _table("Flowledger's bytes an event, by table", "bytes")
    for name in turns[0]["bytes_per_event"]:
        found = [turn["bytes_per_event"].get(name, 0.0) for turn in turns]
        if median(found) >= 1:
            table.add_row(name, spread(found))
    return table


def _loads(results: dict[str, Any]) -> Iterator[Table]:
    table = _table("Steady loads: from when an event was due to its commit, ms", "load", "p50", "p99", "greatest")
    for row in results.values():
        for place, (load, latencies) in enumerate(row["loads"].items()):
            table.add_row("" if place else row["title"], load, *_latency(latencies))
    yield table


def _shapes(results: dict[str, Any]) -> Iterator[Table]:
    table = _table("Flowledger: events of other shapes", "events/s", "CPU s / 1,000")
    for name, turns in results["shapes"].items():
        table.add_row(name, spread(_each(turns, "events_per_second")), spread(_cpu(turns)))
    yield table
    broadcast = results["broadcast"]
    title = f"What {broadcast['events_per_second']:,} other events/s wait, ms"
    table = _table(title, "p50", "p99", "greatest")
    for case, each in (("without", "no broadcast"), ("with", f"a broadcast to {broadcast['members']:,} each second")):
        table.add_row(each, *_latency(broadcast[case]))
    yield table


def _growth(results: dict[str, Any]) -> Iterator[Table]:
    title = f"{results['rows']:,} events recorded before, beside none"
    table = _table(title, "empty", "filled", "filled / empty")
    for ids, turns in results["turns"].items():
        for figure, of in _COST.items():
            empty, filled = of(turns["empty"]), of(turns["filled"])
            table.add_row(f"{ids}: {figure}", spread(empty), spread(filled), f"{median(filled) / median(empty):.2f}")
    yield table


def _table(title: str, *headings: str) -> Table:
    table = Table("", title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _each(turns: list[Any], figure: str) -> list[float]:
    return [turn[figure] for turn in turns]


def _cpu(turns: list[Any], part: str | None = None) -> list[float]:
    each = (turn["cpu_seconds_per_1000"] for turn in turns)
    return [sum(seconds.values()) if part is None else seconds[part] for seconds in each]


def _latency(latencies: list[dict[str, float] | None]) -> tuple[str, str, str]:
    found = [latency for latency in latencies if latency is not None]
    if len(found) < len(latencies):
        return BEHIND, "", ""
    return (
        spread([latency["p50"] for latency in found]),
        spread([latency["p99"] for latency in found]),
        f"{max(latency['max'] for latency in found):,.0f}",
    )


_COST: Final[dict[str, Callable[[list[Any]], list[float]]]] = {
    "events/s": lambda turns: _each(turns, "events_per_second"),
    "CPU s / 1,000": _cpu,
    "CPU s / 1,000, PostgreSQL": lambda turns: _cpu(turns, "PostgreSQL"),
    "WAL bytes an event": lambda turns: _each(turns, "wal_bytes_per_event"),
}
_TABLES: Final = {"throughput": _throughput, "loads": _loads, "shapes": _shapes, "growth": _growth}
