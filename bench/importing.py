"""`python -m bench.importing`: `flowledger import` beside `flowledger publish` and a worker, by turns on one machine.

Both have the same file, and begin when their command is called. Publishing ends when the worker has recorded the last
event.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import psutil
from rich.console import Console

from bench import workload
from bench.contender import PROCESSES
from bench.contenders import Flowledger
from bench.servers import Servers, running_servers

console: Final = Console(highlight=False)
_COMMAND: Final = (sys.executable, "-m", "flowledger.cli.main")


class Measured(NamedTuple):
    """Events per second, and CPU seconds per 1,000 events of all that takes part."""

    rate: float
    cpu: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3, help="turns of each; medians are reported")
    arguments.add_argument("--events", type=int, default=40_000, help="events of the file")
    arguments.add_argument("--processes", type=int, nargs="+", default=[1, PROCESSES], help="processes of the import")
    options = arguments.parse_args()
    found: dict[str, list[Measured]] = {}
    with running_servers() as servers:
        for turn in range(options.rounds):
            file = servers.folder / f"{turn}.jsonl"
            file.write_bytes(b"\n".join(workload.events(f"i{turn}", options.events)))
            _add(found, "publish, and a worker", _publish(servers, file, options.events))
            for processes in options.processes:
                _add(found, f"import, processes: {processes}", _import(servers, file, options.events, processes))
    for name, measured in found.items():
        rate, cpu = (median([*values]) for values in zip(*measured, strict=True))
        console.print(f"{name}: {rate:,.0f} events/s, {cpu:.3f} s of CPU for 1,000 events")


def _add(found: dict[str, list[Measured]], name: str, measured: Measured) -> None:
    found.setdefault(name, []).append(measured)
    console.print(f"[dim]{name}: {measured.rate:,.0f} events/s, {measured.cpu:.3f} s of CPU for 1,000[/dim]")


def _publish(servers: Servers, file: Path, events: int) -> Measured:
    worker = Flowledger(servers)
    worker.begin_anew()
    with worker:
        worker.warm_up([*workload.events("w", 500)])
        before, cpu, began = worker.recorded(), _cpu_seconds(servers), time.monotonic()
        _call(servers, "publish", str(file))
        worker.wait_for(before + events)
        return _measured(servers, events, began, cpu)


def _import(servers: Servers, file: Path, events: int, processes: int) -> Measured:
    ledger = Flowledger(servers)
    ledger.begin_anew()
    cpu, began = _cpu_seconds(servers), time.monotonic()
    _call(servers, "import", "--processes", str(processes), str(file))
    measured = _measured(servers, events, began, cpu)
    assert ledger.recorded() == events
    return measured


def _measured(servers: Servers, events: int, began: float, cpu: float) -> Measured:
    return Measured(events / (time.monotonic() - began), (_cpu_seconds(servers) - cpu) / events * 1000)


def _cpu_seconds(servers: Servers) -> float:
    """Return the CPU seconds of this process, of all that it has started, and of the servers, with ended children."""
    own = psutil.Process()
    servers_own = (psutil.Process(pid) for pid in (servers.postgresql_pid, servers.redis_pid))
    members = {one for process in (own, *servers_own) for one in (process, *process.children(recursive=True))}
    total = 0.0
    for member in members:
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _call(servers: Servers, *arguments: str) -> None:
    environment = os.environ | {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    subprocess.run(
        [*_COMMAND, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )


if __name__ == "__main__":
    main()
