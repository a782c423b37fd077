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

from cli import screen
from client.publisher import Publisher
from client.publishing import BATCH, Prepared
from domain.errors import LedgerError, Refused
from domain.settings import Settings

_GZIP: Final = b"\x1f\x8b"


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
    """What became of the lines of all files."""

    accepted: int = 0
    refused: list[BadLine] = field(default_factory=list)
    seconds: float = 0.0


def publish_files(settings: Settings, files: list[str], *, quiet: bool = False) -> Report:
    """Publishes the events of `files` (`-` is standard input; gzip is recognised) in order, with a progress bar.

    Raises LedgerError where a file cannot be read or Redis does not confirm; the message says how far it came.
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
        Publisher(settings=settings) as publisher,
        Progress(*columns, console=screen.err, disable=quiet or not screen.err.is_terminal) as progress,
    ):
        for file in files:
            bar = progress.add_task(screen.safe(file), total=_size(file), events=0)
            try:
                for position, count in _publish_file(publisher, file, report):
                    progress.update(bar, completed=position, events=f"{count:,}")
            except LedgerError as error:
                raise type(error)(f"{error} ({report.accepted:,} events were accepted before)") from error
            except (OSError, EOFError) as error:
                raise LedgerError(
                    f"cannot read {file}: {error} ({report.accepted:,} events were accepted before)"
                ) from error
    report.seconds = round(time.monotonic() - began, 3)
    return report


def _publish_file(publisher: Publisher, file: str, report: Report) -> Iterator[tuple[int, int]]:
    """Publishes one file, batch by batch; yields the bytes read and the events accepted so far."""
    before = report.accepted
    batch: list[Prepared] = []
    for line in _lines(file):
        try:
            batch.append(publisher.prepare(line.raw))
        except Refused as refused:
            report.refused.append(BadLine(file, line.number, refused.field, refused.reason.value, str(refused)))
            screen.err.print(screen.words(f"{file}:{line.number}: {refused}"), soft_wrap=True)
        if len(batch) == BATCH:
            report.accepted += len(publisher.publish_many(batch))
            batch = []
            yield line.position, report.accepted - before
    report.accepted += len(publisher.publish_many(batch))
    yield _size(file) or 0, report.accepted - before


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
