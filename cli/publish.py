"""`flowledger publish`: events from files, one JSON object a line, each bad line named, the good ones published."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from flowledger.cli import screen
from flowledger.cli.stopping import stopped_by_signals
from flowledger.client.lines import UNREADABLE, BadLine, EventFile, Line, checked
from flowledger.client.pipes import is_pipe
from flowledger.client.plans.publishing import BATCH
from flowledger.client.prepared import Prepared
from flowledger.client.publisher import Publisher
from flowledger.domain.errors import AccessDenied, BrokerFull, BrokerUnavailable, LedgerError, PublishError, Refused
from flowledger.domain.settings import Settings

_LOOK_SECONDS: Final = 0.2
"""How often the bar moves while the spool is sent; and how long a line of a pipe waits for others at most."""


@dataclass
class Report:
    """What became of the lines of all files, and of what waited in the spool before.

    `accepted` events are in Redis; `spooled` ones wait in the spool, on this disk; `damaged` lines of the spool
    were no events, and stand in its FILE.refused. `unfinished` says why it stopped early; it is empty if it did not.
    """

    accepted: int = 0
    spooled: int = 0
    damaged: int = 0
    refused: list[BadLine] = field(default_factory=list)
    unfinished: str = ""
    seconds: float = 0.0


def publish_files(settings: Settings, files: list[str], spool: str | None = None, *, quiet: bool = False) -> Report:
    """Publishes the events of `files` (`-` is standard input; gzip is recognised) in order, with a progress bar.

    With a `spool`, what Redis does not take is kept there, and what was there is sent first. While a pipe is read,
    Ctrl-C and SIGTERM end it after what was taken from it is published. Raises LedgerError where a file cannot be read
    or an event is not accepted; the message says how far it came.
    """
    report = Report()
    began = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]} events"),
        TimeElapsedColumn(),
    )
    with (
        screen.log_lines("flowledger.client"),
        Publisher(settings=settings, spool=spool) as publisher,
        Progress(*columns, console=screen.err, disable=quiet or not screen.err.is_terminal) as progress,
    ):
        for file in files:
            _publish_file(publisher, file, report, progress)
            if report.unfinished:
                break
        else:
            _send_spooled(publisher, progress)
    if publisher.spool is not None:
        report.accepted += publisher.spool.sent
        report.spooled, report.damaged = publisher.spool.waiting, publisher.spool.refused
    report.seconds = round(time.monotonic() - began, 3)
    return report


def summary(report: Report, spool: str | None) -> str:
    """The report in one line."""
    parts = [f"{report.accepted:,} events accepted"]
    if spool is not None:
        parts.append(f"{report.spooled:,} wait in {spool}")
    if report.damaged:
        parts.append(f"{report.damaged:,} damaged lines put aside")
    words = ", ".join([*parts, f"{len(report.refused):,} lines refused", f"{report.seconds:.1f} s"])
    return f"{report.unfinished}: {words}" if report.unfinished else words


def _publish_file(publisher: Publisher, file: str, report: Report, progress: Progress) -> None:
    """Publishes one file, batch by batch; of a pipe also what has come while more is waited for."""
    batch = _Batch(publisher, file, report)
    stopping = threading.Event()
    limits = publisher.settings.limits

    def goes_on() -> bool:
        if batch.seconds >= _LOOK_SECONDS:
            batch.publish()
        return not stopping.is_set()

    try:
        with (
            stopped_by_signals(stopping.set) if is_pipe(file) else nullcontext(),
            EventFile(file, goes_on=goes_on) as events,
        ):
            bar = progress.add_task(screen.safe(file), total=events.size, events="0")
            for line in events.lines(limits.max_event_bytes):
                try:
                    batch.add(line, checked(line, limits, publisher.prepare))
                except Refused as refused:
                    report.refused.append(BadLine.of(file, line, refused))
                    screen.err.print(screen.words(f"{file}:{line.number}: {refused}"), soft_wrap=True)
                if len(batch.lines) == BATCH:
                    batch.publish()
                    progress.update(bar, completed=events.position, events=f"{batch.count:,}")
            batch.publish()
            progress.update(bar, completed=events.size or 0, events=f"{batch.count:,}")
    except UNREADABLE as error:
        if not stopping.is_set():
            raise LedgerError(f"cannot read {file}: {error} ({_so_far(report)})") from error
        batch.publish()  # what is zipped was left in the middle
    if stopping.is_set():
        report.unfinished = "interrupted"


class _Batch:
    """Lines of a file that are published together; `count` were before."""

    def __init__(self, publisher: Publisher, file: str, report: Report) -> None:
        self._publisher = publisher
        self._file = file
        self._report = report
        self._since = time.monotonic()
        self.lines: list[tuple[Line, Prepared]] = []
        self.count = 0

    @property
    def seconds(self) -> float:
        """How long it has waited for more."""
        return time.monotonic() - self._since

    def add(self, line: Line, event: Prepared) -> None:
        self.lines.append((line, event))

    def publish(self) -> None:
        """Publish what is there, and begin anew."""
        if self.lines:
            self.count += _publish_batch(self._publisher, self._file, self.lines, self._report)
        self.lines = []
        self._since = time.monotonic()


def _publish_batch(publisher: Publisher, file: str, batch: list[tuple[Line, Prepared]], report: Report) -> int:
    try:
        published = publisher.publish_many(event for _, event in batch)
    except PublishError as error:
        report.accepted += error.accepted
        line = batch[error.accepted][0]
        raise type(error)(f"{error} ({_so_far(report)}; the first that was not is {file}:{line.number})") from error
    kept = sum(one.spooled for one in published)
    report.accepted += len(published) - kept
    report.spooled += kept
    return len(published)


def _send_spooled(publisher: Publisher, progress: Progress) -> None:
    """Sends what waits in the spool; gives up where Redis takes nothing for as long as a publisher tries."""
    spool = publisher.spool
    if spool is None or not spool.waiting:
        return
    before, total = spool.sent, spool.waiting
    bar = progress.add_task(screen.safe(str(spool.path)), total=total, events="0")
    patient_until = time.monotonic() + publisher.settings.publish_timeout_seconds
    while spool.waiting:
        try:
            publisher.flush_spool(timeout_seconds=_LOOK_SECONDS)
            patient_until = time.monotonic() + publisher.settings.publish_timeout_seconds
        except AccessDenied:
            return
        except (BrokerUnavailable, BrokerFull):
            if time.monotonic() > patient_until:
                return
        progress.update(bar, completed=spool.sent - before, events=f"{spool.sent - before:,}")


def _so_far(report: Report) -> str:
    return f"{report.accepted + report.spooled:,} events were accepted before"
