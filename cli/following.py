"""`flowledger show ID --follow`: an execution or a task until it ends, on a screen, or as lines on a pipe."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Group
from rich.live import Live
from rich.text import Text
from sqlalchemy import Connection

from flowledger.cli import screen
from flowledger.cli.show import Asked, Shown, find
from flowledger.cli.shown import print_shown
from flowledger.cli.tail import json_line, lines
from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable, InvalidArgument
from flowledger.domain.readable_json import json_line as one_line
from flowledger.domain.statuses import TERMINAL, Status
from flowledger.domain.times import now
from flowledger.storage.kinds.executions import ExecutionRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.ledger.tail import Tail
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.storage.running import PARTS, Belonging, OfExecution, liveliest, statuses
from flowledger.storage.unit_of_work import Storage

_LOOK_SECONDS: Final = 0.5
_AGAIN_SECONDS: Final = 1.0
_AROUND: Final = 6
"""Rows of the screen that no list may take."""


@dataclass(frozen=True, slots=True)
class Part:
    """How many rows are in each status, and some of them: what names each, its status, begin and end."""

    name: str
    statuses: dict[str, int]
    rows: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Look:
    """An execution or a task at a moment, with what goes on in it and the last lines of its log."""

    kind: str
    record: Any
    parts: tuple[Part, ...]
    log: tuple[Any, ...]

    @property
    def has_ended(self) -> bool:
        """Whether its status is terminal. A retry may begin a new attempt afterwards; that is not waited for."""
        return Status(self.record.status) in TERMINAL


def look(connection: Connection, subject: str, rows: int) -> Look:
    """Return what goes on, at most `rows` rows of each list.

    Raises NotFound, and InvalidArgument for other kinds, and for what is erased: nothing more is recorded of it.
    """
    erased = ErasureRepository(connection).get(subject)
    if erased is not None:
        raise InvalidArgument(f"nothing is left of {subject!r} to follow: {erased}")
    task = TaskRepository(connection).get(subject)
    execution = ExecutionRepository(connection).get(subject)
    logs = TaskLogRepository(connection)
    if execution is not None:
        parts = (_part(connection, subject, rows, part) for part in PARTS)
        log = logs.last_of_execution(subject, limit=rows).items
        return Look("execution", execution, tuple(part for part in parts if part.statuses), log)
    if task is not None:
        return Look("task", task, (), logs.last_of_task(subject, limit=rows).items)
    shown = find(connection, subject, Asked(limit=1, lines=1))
    if shown.trouble is not None:
        raise InvalidArgument(shown.trouble)
    raise InvalidArgument(f"{subject!r} is not recorded as an execution or a task: only these end; leave out --follow")


def _part(connection: Connection, id_: str, rows: int, of: Belonging) -> Part:
    found = liveliest(connection, of, id_, rows)
    return Part(of.name, statuses(connection, of, id_) if found else {}, found)


def follow(storage: Storage, subject: str, asked: Asked, *, as_json: bool) -> bool:
    """Show an execution or a task until it ends, then its record; return whether it is completed (or skipped).

    On a terminal a view that is drawn again and again, else a line for each event of it and of its tasks. A database
    that goes away is waited for. Raises as `look`.
    """
    if screen.out.is_terminal and not as_json:
        last = _on_screen(storage, subject)
    else:
        last = _as_lines(storage, subject, as_json=as_json)
    with storage.reading() as connection:
        _print_end(find(connection, subject, asked), as_json=as_json)
    return Status(last.record.status) in (Status.COMPLETED, Status.SKIPPED)


def _print_end(shown: Shown, *, as_json: bool) -> None:
    if as_json:
        print(one_line(shown.as_json()), flush=True)
    else:
        print_shown(shown)
    if shown.trouble is not None:  # it was erased meanwhile
        raise InvalidArgument(shown.trouble)


def _on_screen(storage: Storage, subject: str) -> Look:
    first = True
    with Live(console=screen.out, auto_refresh=False, transient=True) as live:
        while True:
            width, height = screen.out.size
            try:
                with storage.reading() as connection:
                    seen = look(connection, subject, max(3, height - _AROUND))
            except DatabaseUnavailable as error:
                if first or isinstance(error, DatabaseDenied):
                    raise
                live.update(screen.words(f"waiting for the database: {error}", "yellow"), refresh=True)
                time.sleep(_AGAIN_SECONDS)
                continue
            first = False
            live.update(Group(*view(seen, width, height - 1)), refresh=True)
            if seen.has_ended:
                return seen
            time.sleep(_LOOK_SECONDS)


def _as_lines(storage: Storage, subject: str, *, as_json: bool) -> Look:
    """Show the events from now on.

    The record is read between two looks at the journal, the first of which only notes where it ends: so no event is
    missed after the status that is shown first, nor before the one that ends it.
    """
    show = json_line if as_json else lines(messages=False)
    journal = Tail(storage, OfExecution(subjects=(subject,)))
    was_away, first = False, True
    while True:
        try:
            if first:
                assert not [*journal.look()]
            with storage.reading() as connection:
                before = look(connection, subject, 1)
            if first and not before.has_ended and not as_json:
                head = screen.words(f"{before.kind} {subject} ")
                screen.out.print(head.append_text(screen.status(before.record.status)))
            with closing(journal.look()) as new:
                for event in new:
                    show(event)
        except DatabaseUnavailable as error:
            if first or isinstance(error, DatabaseDenied):
                raise
            if not was_away:
                screen.err.print(screen.words(f"waiting for the database: {error}", "yellow"), soft_wrap=True)
            was_away = True
            time.sleep(_AGAIN_SECONDS)
            continue
        if before.has_ended:
            return before
        was_away = first = False
        time.sleep(_LOOK_SECONDS)


def view(seen: Look, width: int, height: int) -> list[Text]:
    """Return at most `height` lines, none wider than `width`: the record, its parts, and the end of its log."""
    record = seen.record
    took = "" if record.started_at is None else f"  {screen.duration((now() - record.started_at).total_seconds())}"
    head = Text.assemble(f"{seen.kind} ", (screen.safe(record.id), "bold"), " ", screen.status(record.status), took)
    if record.attempt > 1:
        head.append(f"  attempt {record.attempt}")
    found = [head]
    if getattr(record, "progress", None) is not None:
        found.append(screen.words(f"{record.progress:.0%} {record.progress_message or ''}", "cyan"))
    lists = [*(list(_lines(part)) for part in seen.parts), *([_log(seen)] if seen.log else [])]
    room = height - len(found)
    for place, some in enumerate(lists):
        share = max(2, room // (len(lists) - place))
        found += some[:share]
        room -= min(share, len(some))
    for line in found:
        line.truncate(width, overflow="ellipsis")
        line.no_wrap = True
    return found[:height]


def _lines(part: Part) -> Iterator[Text]:
    counts = ", ".join(f"{count:,} {status}" for status, count in part.statuses.items())
    yield Text.assemble((part.name, "italic"), (f"  {counts}", "dim"))
    for *named, status, started_at, finished_at in part.rows:
        took = None if started_at is None else ((finished_at or now()) - started_at).total_seconds()
        yield Text.assemble(
            "   ", screen.status(status), f"{'':{max(1, 10 - len(status))}} {screen.duration(took):>12}  ",
            screen.words(" ".join(str(name) for name in named if name is not None), limit=200),
        )  # fmt: skip


def _log(seen: Look) -> list[Text]:
    """Return the title and the lines, the newest first, for those must fit."""
    rows = [
        Text.assemble(
            (f"   {screen.time(line.time)[11:]}  ", "dim"),
            screen.words(line.message, screen.LEVEL_STYLES.get(line.level, ""), limit=300),
        )
        for line in reversed(seen.log)
    ]
    return [Text("log, the newest first", style="italic"), *rows]
