"""What people see of `flowledger import`: a bar on a terminal, a line now and then on a pipe, and a report."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import make_url

from flowledger.cli import screen
from flowledger.cli.stopping import stopped_by_signals
from flowledger.client.lines import BadLine
from flowledger.client.pipes import is_pipe
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.services.importing.importer import Importer
from flowledger.services.importing.places import Place
from flowledger.services.importing.report import INTERRUPTED, Report
from flowledger.storage.engines.patience import wait_at_most

_MOST_PROCESSES: Final = 4
_LINE_SECONDS: Final = 10.0
"""How often a line tells of the progress if no terminal shows the bar."""
_RATE_SECONDS: Final = 10.0
"""The rate is that of this span."""


def import_files(
    settings: Settings,
    files: Sequence[str],
    *,
    deliver: bool,
    beyond_horizon: bool,
    whole: bool,
    processes: int | None,
    quiet: bool,
) -> tuple[Report, LedgerError | None]:
    """Import files, with progress on standard error unless `quiet`. Return also the error at which it stopped.

    Ctrl-C and SIGTERM end it after the batches that are under way, a second Ctrl-C at once.
    """
    wait_at_most(settings.answer_timeout_seconds, settings.connect_timeout_seconds)
    with screen.log_lines("flowledger.client"), screen.log_lines("flowledger.workers"), Shown(quiet=quiet) as shown:
        importer = Importer(
            settings,
            deliver=deliver,
            beyond_horizon=beyond_horizon,
            processes=processes or _processes(settings),
            watcher=shown,
            whole=whole,
        )
        try:
            with stopped_by_signals(importer.stop):
                return importer.run(files), None
        except LedgerError as error:
            return importer.report, error


def as_document(report: Report) -> dict[str, Any]:
    """Return the report for programs; bad lines in the order of the files."""
    return asdict(report) | {"refused": [asdict(line) for line in report.refused], "lines": report.lines}


def summary(report: Report, files: Sequence[str]) -> str:
    """Return the report in one line, and what to do next."""
    parts = [report.taken]
    if report.skipped:
        bad = f" ({report.skipped_bad:,} of them were not recorded)" if report.skipped_bad else ""
        parts.append(f"{report.skipped:,} lines skipped that were done before{bad}")
    parts += [f"{report.dead:,} dead letters", f"{report.refused_lines:,} lines refused", f"{report.seconds:.1f} s"]
    if report.lines and report.seconds:
        parts.append(f"{report.lines / report.seconds:,.0f} lines/s")
    words = ", ".join(parts)
    if report.unfinished == INTERRUPTED:
        return f"{INTERRUPTED}; {_advice(report, files)}: {words}"
    return f"unfinished: {words}" if report.unfinished else words


def _advice(report: Report, files: Sequence[str]) -> str:
    """Return what to do after an import that was interrupted: a pipe cannot be read again."""
    if report.lost:
        told = [f"{one.lines:,} lines of {one.file} (from {one.first:,} to {one.last:,})" for one in report.lost]
        return f"the database was away, and {', '.join(told)} are taken but not recorded: import these lines again"
    pipes = [file for file in files if is_pipe(file)]
    if pipes:
        others = "; say the same again, and files go on where they stopped" if len(pipes) < len(files) else ""
        return f"what was taken from {', '.join(pipes)} is done, and the rest was not read{others}"
    return "say the same again, and it goes on where it stopped"


class Shown:
    """Shows how an import goes, for a `with` statement."""

    def __init__(self, *, quiet: bool) -> None:
        is_bar = screen.err.is_terminal and not quiet
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[lines]} lines"),
            TextColumn("{task.fields[rate]}/s"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=screen.err, disable=not is_bar)
        self._has_lines = not is_bar and not quiet
        self._file, self._size, self._bar = "", 0, TaskID(0)
        self._began = self._told = time.monotonic()
        self._steps: deque[tuple[float, int]] = deque()
        self._warned: set[str] = set()
        self._waiting, self._telling = 0, threading.Lock()

    def __enter__(self) -> Shown:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def opens(self, file: str, size: int | None) -> None:
        if file != self._file:
            self._bar = self._progress.add_task(screen.safe(file), total=size, lines="0", rate="0")
            self._file, self._size = file, size or 0

    def goes_on(self, file: str, place: Place) -> None:
        screen.err.print(screen.words(f"{file}: goes on after line {place.line:,}"), soft_wrap=True)

    def comes(self, report: Report, position: int) -> None:
        now = time.monotonic()
        self._steps.append((now, report.lines))
        while now - self._steps[0][0] > _RATE_SECONDS:
            self._steps.popleft()
        (began, first), lines = self._steps[0], report.lines
        rate = (lines - first) / (now - began) if now > began else 0.0
        self._progress.update(self._bar, completed=position, lines=f"{lines:,}", rate=f"{rate:,.0f}")
        if self._has_lines and now - self._told >= _LINE_SECONDS:
            self._told = now
            part = f"{100 * position // self._size} %, " if self._size else ""
            words = f"{self._file}: {part}{lines:,} lines, {rate:,.0f} lines/s"
            screen.err.print(screen.words(words), soft_wrap=True)

    def refuses(self, line: BadLine) -> None:
        screen.err.print(screen.words(f"{line.file}:{line.line}: {line.detail}"), soft_wrap=True)

    def warns(self, words: str) -> None:
        if words not in self._warned:
            self._warned.add(words)
            screen.err.print(screen.words(words, "yellow"), soft_wrap=True)

    def waits(self, why: str) -> None:
        with self._telling:
            self._waiting += 1 if why else -1
            if why and self._waiting == 1:
                screen.print_warning(f"the import waits for the database, nothing is lost: {why}")
            elif self._waiting == 0:
                screen.err.print("the database is back")


def _processes(settings: Settings) -> int:
    """Return how many record: on SQLite, where one transaction writes at a time, one."""
    assert settings.database_url is not None
    is_sqlite = make_url(settings.database_url.get_secret_value()).get_backend_name() == "sqlite"
    return 1 if is_sqlite else min(os.cpu_count() or 1, _MOST_PROCESSES)
