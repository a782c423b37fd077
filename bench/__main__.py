"""`make bench`: measures Flowledger and its peers by turns on the same servers: tables and `bench/results.json`.

About 20 minutes on two idle cores; each part alone takes from 3 to 8. `docs/benchmark.md` says what each row means.
`python -m bench.python_time` divides the worker's Python time by part, `python -m bench.importing` measures imports,
`python -m bench.mail` messages.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import redis
from rich import box
from rich.console import Console
from sqlalchemy import text

from bench import against, checkout
from bench.contender import Contender
from bench.contenders import CONTENDERS, Flowledger, installed
from bench.parts import growth, loads, shapes, throughput
from bench.prefect import Prefect
from bench.run import Run
from bench.servers import Servers, running_servers
from bench.tables import tables

EVENTS: Final = {"flowledger": 40_000, "celery_orm": 2_000, "faststream": 3_000, "prefect": 2_000}
"""Events of a turn: enough for some seconds of each contender's work."""

PARTS: Final[dict[str, Callable[[Run], dict[str, Any]]]] = {
    "throughput": throughput.measure,
    "loads": loads.measure,
    "shapes": shapes.measure,
    "growth": growth.measure,
}

_RESULTS: Final = Path(__file__).parent / "results.json"


def main() -> None:
    options = _arguments().parse_args()
    console = Console(highlight=False)
    if options.against:
        _compare(options, console)
        return
    names, notes = _possible(options.contenders, console)
    with running_servers() as servers:
        run = _run(options, servers, installed(names, servers), console)
        results: dict[str, Any] = {"machine": _machine(servers), "rounds": run.rounds, "notes": notes, "parts": {}}
        for part in options.parts:
            results["parts"][part] = PARTS[part](run)
            options.results.write_text(json.dumps(results, indent=2) + "\n")  # of each part, should a later one fail
    _show(results, console)
    if options.markdown:
        with options.markdown.open("w") as file:
            _show(results, Console(file=file, width=1_000, highlight=False))


def _show(results: dict[str, Any], console: Console) -> None:
    for table in tables(results["parts"], box.HEAVY_HEAD if console.is_terminal else box.MARKDOWN):
        console.print(table)
    console.print(f"medians (least to greatest) of {results['rounds']} rounds; {results['machine']}")
    for note in results["notes"]:
        console.print(note)


def _compare(options: argparse.Namespace, console: Console) -> None:
    console.print(f"[dim]installing {options.against}[/dim]")
    with checkout.checked_out(options.against) as folder, running_servers() as servers:
        both = checkout.both(servers, options.against, folder)
        found = against.compare(_run(options, servers, both, console))
    options.results.write_text(json.dumps(found, indent=2) + "\n")
    console.print(against.table(found))


def _run(options: argparse.Namespace, servers: Servers, contenders: Sequence[Contender], console: Console) -> Run:
    return Run(
        servers=servers,
        contenders=contenders,
        rounds=options.rounds,
        load_seconds=options.seconds,
        events=EVENTS if options.events is None else dict.fromkeys(EVENTS, options.events),
        warm_up=500 if options.events is None else options.events,
        members=options.members,
        rows=options.rows,
        pgbench_seconds=5 if options.events is None else 1,
        console=console,
    )


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = arguments.add_argument
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="measure these parts only, in this order")
    add("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="these only, and Flowledger")
    add("--rounds", type=int, default=3, help="turns of each contender; medians are reported")
    add("--seconds", type=float, default=10, help="of each steady load, each time")
    add(
        "--rows",
        type=int,
        default=1_000_000,
        help="events in the filled database; filling with 10 million takes 5 minutes and 14 GB",
    )
    add("--members", type=int, default=1_000, help="sandboxes that get each broadcast")
    add("--events", type=int, help="events of a turn, for all contenders alike")
    add("--results", type=Path, default=_RESULTS, help="where the results go, as JSON")
    add("--markdown", type=Path, help="where the tables go, as Markdown")
    add("--against", metavar="COMMIT", help="compare this checkout with another commit only")
    return arguments


def _possible(names: list[str], console: Console) -> tuple[list[str], list[str]]:
    """Return the contenders that can take part, Flowledger first, and why others cannot."""
    wanted = [Flowledger.name, *(name for name in CONTENDERS if name in names and name != Flowledger.name)]
    if Prefect.name not in wanted:
        return wanted, []
    console.print("[dim]installing Prefect into an environment of its own, if it is not there[/dim]")
    try:
        Prefect.download()
    except subprocess.CalledProcessError as error:
        wanted.remove(Prefect.name)
        return wanted, [f"Prefect was left out, since it could not be installed: {(error.stderr or '').strip()[-300:]}"]
    return wanted, []


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


if __name__ == "__main__":
    main()
