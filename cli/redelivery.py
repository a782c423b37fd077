"""`flowledger redeliver`: messages come into their inboxes again, after Redis has lost its data."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from flowledger.cli import screen
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.authority import guard_of
from flowledger.workers.connections import connect
from flowledger.workers.redelivery import Redelivered
from flowledger.workers.redelivery import redeliver as run


def redeliver(settings: Settings, *, sandbox: str | None, dry_run: bool, quiet: bool) -> Redelivered:
    """Redelivers with a progress bar on standard error, unless `quiet` or nobody sees it.

    Raises what `workers.redelivery.redeliver` does, and SettingsError where signatures are required and there are no
    keys: workers would refuse what the ledger says of the messages.
    """
    guard_of(settings)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        screen.log_lines("flowledger.workers"),
        closing(connect(settings)) as client,
        Storage(make_engine(settings)) as storage,
        Progress(*columns, console=screen.err, disable=quiet or not screen.err.is_terminal) as progress,
    ):
        bar = progress.add_task("messages", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total)

        return run(client, settings, storage, sandbox=sandbox, dry_run=dry_run, tell=tell)


def as_document(found: Redelivered, *, dry_run: bool) -> dict[str, Any]:
    """The report as one JSON document."""
    return {"dry_run": dry_run} | asdict(found)


def print_report(found: Redelivered, *, dry_run: bool) -> None:
    """What was done, or would be, in one line; and what to do about what had no room."""
    counts = {
        "would be put into their inboxes again" if dry_run else "put into their inboxes again": found.put,
        "there already, or acknowledged": found.kept,
        "would expire" if dry_run else "expired": found.expired,
        "without room": found.no_room,
        "carried by others, left alone": found.others,
        "left alone, for their texts are gone": found.gone,
    }
    told = ", ".join(f"{count:,} {words}" for words, count in counts.items() if count)
    screen.out.print(f"messages: {told}" if told else "there is no message to put again", soft_wrap=True)
    if found.no_room:
        words = "once the inboxes have room, run `flowledger redeliver` again for those without"
        screen.out.print(Text(words, style="yellow"), soft_wrap=True)
