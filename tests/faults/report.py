"""The table of a run: on the screen, and in `docs/reliability.md`."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich import box
from rich.table import Table

from tests.faults import running_total
from tests.faults.running_total import FullRun
from tests.faults.trial import Outcome

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
_HEADINGS: Final = ("row", "fault", "events", "faults", "lost", "doubled", "recovery p50 / p99 s", "result")

_INTRODUCTION: Final = """\
# Reliability: what was tried, and what was seen

The promise: **what a producer was told is accepted is recorded, exactly once in effect, whatever crashes**, on one
broker whose disk survives. `make faults` tries it: the service runs as processes (workers with their pools, producers,
PostgreSQL, Valkey), each row below does one kind of fault to them under load, and a judge that stands outside compares
what was accepted with what stands in the database. This page is written by that command, from a real run.

After each row all of these hold, or the row has failed:

- **I1** every accepted event is in the journal, byte for byte, or a dead letter. What was accepted is written to files
  by the producers themselves, flushed to the disk when the broker has confirmed, so no server is believed.
- **I2** one effect per event: nothing is in the journal twice, no row is there that no event accounts for.
- **I3** every row of every table equals what an independent model (`tests/oracle`) makes of the set of events.
- **I4** the backlog drains to nothing, within two minutes of the last fault.
- **I5** every refusal has a reason in words and keeps its bytes (of a large entry their hash, size and beginning).
- **I6** what one entry, producer or sandbox does makes the others at most half a second later, at p99, than they are in
  the same run without it.
- **I7** what the tables and commands say is true: nothing is called delivered, clean, up or empty that is not.

The last two are asked by the rows that they are about (19 to 23). These rows hold controls of their own: something is
wrong on purpose, and the row must see it.
"""

_READING: Final = """\
## How to read it

- **events** were accepted by the broker, **faults** done to the processes; an event sent again by its producer, or
  recorded again after a crash, counts once.
- **lost** breaks I1, **doubled** breaks I2. Of zero losses in N faults statistics say: with 95 % confidence the chance
  of a loss is below 3/N for each fault of the same kind.
- **recovery** is the time from the end of a fault (the moment of the kill; the moment the server or the network is
  back) until everything that had been accepted by that moment is recorded and deleted from its stream. Under load that
  includes the backlog that grew meanwhile, and the start of processes where a fault ended them.
- Row 0, the **control**, does the same to a stock Celery consumer on a Redis list (`acks_late`, one task an event, an
  idempotent insert). It must lose events, or the harness would prove nothing.
- Leases last {lease:g} s in the run (the default is 5 s), so that a run sees many kills: a shard of a killed drain
  waits for its lease to run out. The recovery of row 2 in the table is that from one kill at a time, of the process
  that works most, at the default; how it goes while two processes a second are killed stands below.
"""


@dataclass(frozen=True)
class Run:
    """What a table needs beside the outcomes, to be repeated."""

    seed: int
    command: str
    servers: str
    seconds: float
    lease_seconds: float
    is_full: bool = False
    """Whether every row was tried at length."""


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which `part` of them lie; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def table(outcomes: Sequence[Outcome]) -> Table:
    """For the screen."""
    shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in _HEADINGS[:-1]:
        shown.add_column(heading, justify="left" if heading == "fault" else "right", overflow="fold")
    for outcome in outcomes:
        style = "red" if outcome.failed else "dim" if outcome.skipped else ""
        shown.add_row(*_cells(outcome)[:-1], style=style)
    shown.add_section()
    shown.add_row(*_total(outcomes)[:-1])
    return shown


def write(outcomes: Sequence[Outcome], run: Run, page: Path = PAGE) -> None:
    """The whole page."""
    lines = [
        f"| {' | '.join(_HEADINGS)} |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |",
        *(f"| {' | '.join(_cells(outcome))} |" for outcome in outcomes),
        f"| {' | '.join(f'**{cell}**' if cell else '' for cell in _total(outcomes))} |",
    ]
    parts = [_INTRODUCTION, "## The run\n", "\n".join(lines) + "\n", _told(outcomes, run)]
    runs = running_total.read(page if page.exists() else PAGE) + [_full_run(outcomes, run)] * run.is_full
    parts += [running_total.section(runs), _READING.format(lease=run.lease_seconds)]
    parts += ["## What was seen, row by row\n", _notes(outcomes)]
    page.write_text("\n".join(parts), encoding="utf-8")


def _full_run(outcomes: Sequence[Outcome], run: Run) -> FullRun:
    """The line of a run. A row that failed before it was judged says nothing of losses, so it does not count."""
    ours = [outcome for outcome in outcomes if not outcome.lost_is_right and outcome.verdict.is_given]
    return FullRun(
        date=datetime.now(UTC).date().isoformat(),
        commit=running_total.commit(),
        seed=run.seed,
        minutes=round(run.seconds / 60),
        events=sum(outcome.verdict.accepted for outcome in ours),
        faults=sum(outcome.faults for outcome in ours),
        kills=sum(outcome.kills for outcome in ours),
        lost=sum(outcome.verdict.lost for outcome in ours),
        doubled=sum(outcome.verdict.doubled for outcome in ours),
        held=_held(outcomes),
    )


def _held(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(not outcome.failed and not outcome.skipped for outcome in outcomes)} of {len(outcomes)}"


def _cells(outcome: Outcome) -> tuple[str, ...]:
    recovery = ""
    if outcome.recoveries:
        recovery = f"{percentile(outcome.recoveries, 0.5):.1f} / {percentile(outcome.recoveries, 0.99):.1f}"
    verdict = outcome.verdict
    judged = (f"{verdict.lost:,}", f"{verdict.doubled:,}") if verdict.is_given else ("?", "?")
    counts = (f"{verdict.accepted:,}", f"{outcome.faults:,}", *judged)
    return (str(outcome.number), outcome.title, *("" if outcome.skipped else count for count in counts), recovery,
            outcome.result)  # fmt: skip


def _total(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Of the ledger's rows: the control is not ours."""
    ours = [outcome for outcome in outcomes if not outcome.lost_is_right]
    recoveries = [seconds for outcome in ours for seconds in outcome.recoveries]
    faults = sum(outcome.faults for outcome in ours)
    return (
        "",
        "all but the control",
        f"{sum(outcome.verdict.accepted for outcome in ours):,}",
        f"{faults:,}",
        f"{sum(outcome.verdict.lost for outcome in ours):,}",
        f"{sum(outcome.verdict.doubled for outcome in ours):,}",
        f"{percentile(recoveries, 0.5):.1f} / {percentile(recoveries, 0.99):.1f}",
        f"{_held(outcomes)} rows held",
    )


def _told(outcomes: Sequence[Outcome], run: Run) -> str:
    ours = [outcome for outcome in outcomes if not outcome.lost_is_right]
    kills = sum(outcome.kills for outcome in ours)
    words = f"Processes killed with -9 in the ledger's rows: {kills:,}."
    if kills and not sum(outcome.verdict.lost for outcome in ours):
        words += f" None of them lost an event: the chance of a loss is below 3/N = {3 / kills:.2%} for each."
    for outcome in outcomes:
        if outcome.lost_is_right:
            words += (
                f" The control, on the same machine, lost {outcome.verdict.lost:,} of {outcome.verdict.accepted:,}."
            )
    day = datetime.now(UTC).date().isoformat()
    return (
        f"{words}\n\n"
        f"`{run.command}`, seed {run.seed}, {day}, {run.seconds / 60:.0f} minutes, {run.servers}, "
        f"Python {platform.python_version()}, {os.cpu_count()} cores. The same seed does the same faults in the same "
        "order; what they strike depends on the moment.\n"
    )


def _notes(outcomes: Sequence[Outcome]) -> str:
    lines = []
    for outcome in outcomes:
        told = outcome.notes + [f"**{outcome.result}**"] * bool(outcome.failed or outcome.skipped)
        lines += [f"- Row {outcome.number}: {note}." for note in told]
    return "\n".join(lines) + "\n"
