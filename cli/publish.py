"""`flowledger publish`: events from files, one JSON object a line, each bad line named, the good ones published."""

from __future__ import annotations

import gzip
import io
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, NamedTuple

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from flowledger.cli import screen
from flowledger.client.plans.publishing import BATCH
from flowledger.client.prepared import Prepared
from flowledger.client.publisher import Publisher
from flowledger.domain.attributes import MISSING
from flowledger.domain.errors import AccessDenied, BrokerFull, BrokerUnavailable, LedgerError, PublishError, Refused
from flowledger.domain.mending import put
from flowledger.domain.settings import Settings

_GZIP: Final = b"\x1f\x8b"
_LOOK_SECONDS: Final = 0.2
"""How often the bar moves while the spool is sent."""


class Line(NamedTuple):
    """A line of a file, without its end, and how many bytes of the file were read by then."""

    number: int
    raw: bytes
    position: int


@dataclass
class BadLine:
    """A line that is no event: where it is, the field at fault, and why."""

    file: str
    line: int
    field: str
    reason: str
    detail: str


@dataclass
class Report:
    """What became of the lines of all files, and of what waited in the spool before.

    `accepted` events are in Redis; `spooled` ones wait in the spool, on this disk; `damaged` lines of the spool
    were no events, and stand in its FILE.refused.
    """

    accepted: int = 0
    spooled: int = 0
    damaged: int = 0
    refused: list[BadLine] = field(default_factory=list)
    seconds: float = 0.0


def publish_files(settings: Settings, files: list[str], spool: str | None = None, *, quiet: bool = False) -> Report:
    """Publishes the events of `files` (`-` is standard input; gzip is recognised) in order, with a progress bar.

    With a `spool`, what Redis does not take is kept there, and what was there is sent first. Raises LedgerError where
    a file cannot be read or an event is not accepted; the message says how far it came.
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
    return ", ".join([*parts, f"{len(report.refused):,} lines refused", f"{report.seconds:.1f} s"])


def _publish_file(publisher: Publisher, file: str, report: Report, progress: Progress) -> None:
    """Publishes one file, batch by batch."""
    bar = progress.add_task(screen.safe(file), total=_size(file), events="0")
    count = 0
    batch: list[tuple[Line, Prepared]] = []
    try:
        for line in _lines(file):
            try:
                batch.append((line, _prepared(publisher, line.raw)))
            except Refused as refused:
                report.refused.append(BadLine(file, line.number, refused.field, refused.reason.value, str(refused)))
                screen.err.print(screen.words(f"{file}:{line.number}: {refused}"), soft_wrap=True)
            if len(batch) == BATCH:
                count += _publish_batch(publisher, file, batch, report)
                progress.update(bar, completed=line.position, events=f"{count:,}")
                batch = []
        count += _publish_batch(publisher, file, batch, report)
        progress.update(bar, completed=_size(file) or 0, events=f"{count:,}")
    except (OSError, EOFError) as error:
        raise LedgerError(f"cannot read {file}: {error} ({_so_far(report)})") from error


def _prepared(publisher: Publisher, raw: bytes) -> Prepared:
    """The event of a line: `specversion` may be left out, but not `id`; raises Refused."""
    try:
        return publisher.prepare(raw)
    except Refused as refused:
        if not refused.words.startswith(MISSING):
            raise
        if refused.field == "specversion":
            return _prepared(publisher, put(raw, ("specversion",), '"1.0"'))
        if refused.field == "id":
            words = "; give each line an id of its own, so that nothing is doubled if the file is sent again"
            raise Refused(refused.reason, "id", f"{MISSING}{words}") from None
        raise


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


def _lines(file: str) -> Iterator[Line]:
    """The lines of a file, ended by \\n alone (text may hold U+0085 and its like); empty ones are passed over."""
    with _open(file) as stream:
        plain = _unzipped(stream)
        for number, raw in enumerate(plain, 1):
            text = raw.rstrip(b"\r\n")
            if text.strip():
                yield Line(number, text, stream.tell() if file != "-" else 0)


def _open(file: str) -> IO[bytes]:
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb") if file == "-" else Path(file).open("rb")


def _unzipped(stream: IO[bytes]) -> IO[bytes]:
    peek = getattr(stream, "peek", None)
    if isinstance(stream, io.BufferedReader) and peek is not None and peek(2)[:2] == _GZIP:
        return gzip.GzipFile(fileobj=stream)  # type: ignore[return-value]
    return stream


def _size(file: str) -> int | None:
    return Path(file).stat().st_size if file != "-" and Path(file).is_file() else None
