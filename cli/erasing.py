"""`flowledger erase`: what would go, the question, progress, and what went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from flowledger.cli import people, screen
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.services.erasing.eraser import CannotErase, Erased, Eraser
from flowledger.services.erasing.outlook import Outlook
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect

_SHOWN: Final = 20


@contextmanager
def _eraser(settings: Settings) -> Iterator[Eraser]:
    with closing(connect(settings)) as client, Storage(make_engine(settings)) as storage:
        yield Eraser(settings, storage, client)


def outlooks(settings: Settings, ids: Sequence[str]) -> tuple[list[Outlook], datetime | None]:
    """Return what would go with each of these, or without ids, what an interrupted run has left; and
    `Eraser.rows_gone_before`.

    Raises CannotErase as `Eraser.check` does.
    """
    with _eraser(settings) as eraser:
        return eraser.outlooks(ids), eraser.rows_gone_before()


def ask(settings: Settings, ids: Sequence[str]) -> bool:
    """Show what would go, and ask. Raises CannotErase if nobody sits at a terminal."""
    if not people.at_terminal():
        raise CannotErase("nobody can be asked here: --yes erases without a question; nothing was erased")
    print_outlooks(*outlooks(settings, ids))
    return typer.confirm("Erase this? It cannot be undone.", default=False)


def erase(settings: Settings, ids: Sequence[str], *, why: str, by: str, quiet: bool) -> Erased:
    """Erase with a progress bar on standard error, unless `quiet`; without ids, what is unfinished.

    Whatever ends it early has a note of what is left, except CannotErase.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        _eraser(settings) as eraser,
        Progress(*columns, console=screen.err, disable=quiet or not screen.err.is_terminal) as progress,
    ):
        bar = progress.add_task("writing down", total=None)
        if ids:
            with _noting_what_is_left(settings, ids):
                eraser.begin(ids, why=why, by=by, waits=lambda why_: progress.update(bar, description=f"waits: {why_}"))

        def tell(what: str, done: int, total: int) -> None:
            progress.update(bar, description=what, completed=done, total=total)

        with _noting_what_is_left(settings):
            return eraser.go_on(tell)


@contextmanager
def _noting_what_is_left(settings: Settings, beginning: Sequence[str] = ()) -> Iterator[None]:
    try:
        yield
    except CannotErase:
        raise
    except (Exception, KeyboardInterrupt) as error:
        error.add_note(_left(settings, beginning))
        raise


def _left(settings: Settings, beginning: Sequence[str]) -> str:
    """Return in words what is left of an erasure that was ended early, perhaps while it wrote down its `beginning`."""
    try:
        with Storage(make_engine(settings)) as storage, storage.reading() as connection:
            erasures = ErasureRepository(connection)
            count = erasures.count_unfinished()
            open_ = {subject for subject, one in erasures.of(beginning).items() if one.done_at is None}
    except DatabaseUnavailable:
        return "what is left cannot be counted now; the same command goes on"
    if open_ != set(beginning):  # they are written down all at once
        return "nothing was erased"
    return f"{count:,} subjects are left; `flowledger erase` goes on"


def print_outlooks(found: Sequence[Outlook], rows_gone_before: datetime | None) -> None:
    """Print what would go with each, and with all of them together; and what may not have been found."""
    if not found:
        screen.out.print("nothing would go: no interrupted run has left anything", soft_wrap=True)
    for one in found[:_SHOWN]:
        _print_outlook(one.subject, [one])
    if len(found) > 1:
        _print_outlook(f"all {len(found):,}", found)
    _print_not_found(rows_gone_before)


def _print_outlook(what: str, some: Sequence[Outlook]) -> None:
    rows, named_by = Counter[str](), Counter[str]()
    for one in some:
        rows.update(one.rows)
        named_by.update(one.named_by)
    gone = {
        "subjects": sum(one.subjects for one in some),
        "texts of events": sum(one.events for one in some),
        **{f"rows of {table}": count for table, count in rows.items()},
        "dead letters": sum(one.dead_letters for one in some),
        "messages in inboxes": sum(one.messages for one in some),
    }
    screen.out.print(Text.assemble((screen.safe(what), "bold"), f" goes with {_told(gone)}"), soft_wrap=True)
    if lines := sum(one.audit_lines for one in some):
        screen.out.print(f"  stay without details and address: {lines:,} audit lines", soft_wrap=True)
    if named_by:
        screen.out.print(f"  stay, and name it: {_told(named_by)}", soft_wrap=True)
    if held := [subject for one in some for subject in one.held]:
        words = f"  held, so it would be refused: {', '.join(map(screen.safe, held))}"
        screen.out.print(Text(words, style="yellow"), soft_wrap=True)


def _print_not_found(rows_gone_before: datetime | None) -> None:
    if rows_gone_before is not None:
        words = (
            f"parts whose rows went by age, before {screen.time(rows_gone_before)}, are not found: "
            "erase what is left of them by their own ids (docs/contract/erase.md)"
        )
        screen.out.print(Text(words, style="yellow"), soft_wrap=True)


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {words}" for words, count in counts.items() if count) or "nothing"


def print_erased(erased: Erased) -> None:
    """Print what went, and what still holds the content."""
    counts = {
        "subjects": erased.subjects,
        "texts of events": erased.events,
        "rows": erased.rows,
        "dead letters": erased.dead_letters,
        "messages in inboxes": erased.messages,
    }
    screen.out.print(f"erased: {_told(counts)}", soft_wrap=True)
    if erased.audit_lines:
        screen.out.print(f"{erased.audit_lines:,} audit lines have no details and no address any more", soft_wrap=True)
    if erased.held:
        words = f"{erased.held:,} parts are held and stay (`flowledger hold list`): once released, erase it again"
        screen.out.print(Text(words, style="yellow"), soft_wrap=True)
    if erased.unfinished:
        words = f"{erased.unfinished:,} parts came meanwhile: `flowledger erase` erases them, too"
        screen.out.print(Text(words, style="yellow"), soft_wrap=True)
    _print_not_found(erased.rows_gone_before)
    words = (
        "the files of the servers hold what is deleted for a while; how long, and what to do: docs/contract/erase.md"
    )
    screen.out.print(Text(words, style="dim"), soft_wrap=True)
