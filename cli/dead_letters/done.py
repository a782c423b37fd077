"""Doing something with many dead letters, or with one in an editor, and saying what was done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import typer
from rich.progress import Progress

from flowledger.cli import screen
from flowledger.cli.dead_letters.mending import replay_edited
from flowledger.cli.filters import warn_of_types
from flowledger.domain.errors import LedgerError
from flowledger.domain.mending import Changes
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.storage.ledger.dead_letters import DeadLetterFilter, DeadLetterRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.replay import Done, Replayer, Result

Do = Callable[[Sequence[str]], list[Done]]


@dataclass
class Report:
    """What was done. `results` are those that were asked for by id; of all the others, for there may be many, only the
    refused ones. (What somebody else replays in the meantime is no failure where all open ones were asked for.)"""

    replayed: int = 0
    discarded: int = 0
    refused: int = 0
    closed: int = 0
    results: list[Done] = field(default_factory=list)

    def count(self, done: Done, *, keep: bool = True) -> None:
        setattr(self, done.result.value, getattr(self, done.result.value) + 1)
        if keep:
            self.results.append(done)


def do_each(ids: Sequence[str], do: Do) -> Report:
    """Those with these ids."""
    report = Report()
    for done in do(ids):
        report.count(done)
    return report


def do_all(replayer: Replayer, only: DeadLetterFilter, do: Do, *, quiet: bool) -> Report:
    """All that `only` means, some at a time, with a progress bar."""
    report = Report()
    total = replayer.count(only)
    if not total and only.type is not None:
        warn_of_types([only.type])
    with Progress(console=screen.err, disable=quiet or not screen.err.is_terminal) as progress:
        bar = progress.add_task("dead letters", total=total)
        for some in replayer.ids(only):
            for done in do(some):
                report.count(done, keep=done.result is Result.REFUSED)
            progress.advance(bar, len(some))
    return report


def do_edited(
    storage: Storage,
    id_: str,
    send: Callable[[Sequence[str], Changes], list[Done]],
    changes: Changes,
    *,
    again: bool,
) -> Report:
    """One dead letter through the editor; one that is closed already is not opened."""
    report = Report()
    with storage.reading() as connection:
        (letter,) = DeadLetterRepository(connection).of_ids([id_])
    if letter.status != DeadLetterStatus.OPEN and not again:
        report.count(Done(dead_letter_id=id_, result=Result.CLOSED, status=letter.status))
        return report
    interactive = screen.is_terminal(sys.stdin) and screen.is_terminal(sys.stderr)
    done = replay_edited(letter, changes, lambda mended: send([id_], mended)[0], interactive=interactive)
    if done is None:
        raise LedgerError("nothing was saved, so nothing is sent")
    report.count(done)
    return report


def finish(report: Report, wanted: str, *, as_json: bool, dry_run: bool = False, changed: bool = False) -> None:
    """Says what was done. Exit 1 where something asked for was not: refused, or closed in another way than asked."""
    if as_json:
        screen.print_json(report)
    else:
        _print(report, dry_run=dry_run)
    missed = [one for one in report.results if one.result is Result.CLOSED and (changed or one.status != wanted)]
    if report.refused or missed:
        raise typer.Exit(1)


def _print(report: Report, *, dry_run: bool) -> None:
    for done in report.results:
        said = {
            Result.REPLAYED: f"would be sent to {done.stream}"
            if dry_run
            else f"sent to {done.stream} as {done.entry_id}",
            Result.REFUSED: f"still no event, nothing is sent: {done.detail}",
            Result.DISCARDED: "discarded",
            Result.CLOSED: f"is {done.status} already, nothing is done; `replay --again` sends it all the same",
        }[done.result]
        console = screen.err if done.result is Result.REFUSED else screen.out
        console.print(screen.words(f"{done.dead_letter_id}: {' '.join(said.split())}"), soft_wrap=True)
    counts = {
        "would be sent" if dry_run else "replayed": report.replayed,
        "discarded": report.discarded,
        "still no events, open as before": report.refused,
        "closed already": report.closed,
    }
    told = ", ".join(f"{count:,} {words}" for words, count in counts.items() if count)
    screen.out.print(told or "no dead letters", soft_wrap=True)
