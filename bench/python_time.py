"""`python -m bench.python_time`: the worker's processor time in Python, by part, in microseconds an event.

Uniform and varied events of `bench.workload`, and real ones from `--data` if there are any. With `--against FOLDER`, a
checkout of another commit, both are measured in turns, in a process and on a database of their own each. (It must run
with the packages that are installed here.) It is processor time, not time that passed, since other programs run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from sqlalchemy import make_url, text

from bench import python_parts, workload
from bench.servers import Servers, running_servers

ROOT: Final = Path(__file__).parents[1]
_DATA: Final = ROOT.parent / "shared" / "data"
console: Final = Console(highlight=False)

Figures = dict[str, float]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7, help="turns of each; medians are reported")
    arguments.add_argument("--events", type=int, default=4_000, help="events of a turn")
    arguments.add_argument("--data", type=Path, default=_DATA, help="a folder of real events, as JSON Lines")
    arguments.add_argument("--against", type=Path, metavar="FOLDER", help="a checkout to compare this one with")
    options = arguments.parse_args()
    folders = {"here": ROOT} | ({"there": options.against.resolve()} if options.against else {})
    real = _real(options.data, options.events)
    found: dict[str, dict[str, list[Figures]]] = {}
    with running_servers() as servers, ExitStack() as stack:
        measured = {
            name: stack.enter_context(_measuring(servers, name, place, folder))
            for place, (name, folder) in enumerate(folders.items())
        }
        for turn in range(options.rounds + 1):
            console.print(f"[dim]round {turn} of {options.rounds}[/dim]" if turn else "[dim]warming up[/dim]")
            for kind, events in _events(turn, options.events, real).items():
                file = servers.folder / "events.jsonl"
                file.write_bytes(b"\n".join(events))
                for name in [*measured][:: 1 if turn % 2 else -1]:
                    figures = measured[name](file)
                    if turn:
                        found.setdefault(kind, {}).setdefault(name, []).append(figures)
    for kind, by_name in found.items():
        _print(kind, by_name)


def _events(turn: int, count: int, real: list[dict[str, Any]]) -> dict[str, list[bytes]]:
    """Return the events of a turn by kind; all are new in each turn."""
    kinds = {"uniform": workload.events(f"u{turn}", count), "varied": workload.varied(f"v{turn}", count)}
    if real:
        kinds["real"] = [_renamed(event, turn) for event in real]
    return kinds


def _real(folder: Path, count: int) -> list[dict[str, Any]]:
    """Return real events, the same number of each file."""
    files = sorted(folder.glob("*.jsonl*")) if folder.is_dir() else []
    found = []
    for file in files:
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        found += [json.loads(line) for line in raw.splitlines()[: count // len(files)]]
    return found


def _renamed(event: dict[str, Any], turn: int) -> bytes:
    new = event | {"source": f"{event['source']}/{turn}", "subject": f"{event['subject']}/{turn}"}
    return json.dumps(new, ensure_ascii=False, separators=(",", ":")).encode()


@contextmanager
def _measuring(servers: Servers, name: str, place: int, folder: Path) -> Iterator[Any]:
    """Yield what measures a file of events with the code of a checkout."""
    database_url = _migrated(servers, name, folder)
    redis_url = make_url(servers.redis_url).set(database=str(place)).render_as_string(hide_password=False)
    command = [sys.executable, str(Path(python_parts.__file__)), database_url, redis_url]
    with subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(folder)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        to, answers = process.stdin, process.stdout
        assert to is not None
        assert answers is not None

        def measured(file: Path) -> Figures:
            print(file, file=to, flush=True)
            figures: Figures = json.loads(answers.readline())
            return figures

        yield measured
        to.close()


def _migrated(servers: Servers, name: str, folder: Path) -> str:
    """Make a database with the schema of a checkout. Return its URL."""
    engine = servers.engine()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    engine.dispose()
    url = make_url(servers.database_url).set(database=name).render_as_string(hide_password=False)
    subprocess.run(
        [sys.executable, "-c", "from flowledger.cli.main import main; main()", "migrate"],
        env=os.environ | {"PYTHONPATH": str(folder), "DATABASE_URL": url}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return url


def _print(kind: str, found: dict[str, list[Figures]]) -> None:
    here, there = found["here"], found.get("there")
    table = Table(title=f"{kind} events, µs an event: medians of {len(here)} rounds", title_justify="left")
    for heading in ("", "here", *(("there", "here / there") if there else ())):
        table.add_column(heading, justify="left" if not heading else "right")
    for part in here[0]:
        ours = median(one[part] for one in here)
        cells = [f"{ours:.1f}"]
        if there:
            theirs = median(one[part] for one in there)
            cells += [f"{theirs:.1f}", f"{ours / theirs:.2f}"]
        table.add_row(part, *cells)
    console.print(table)


if __name__ == "__main__":
    main()
