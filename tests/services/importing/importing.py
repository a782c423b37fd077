"""Imports in the test's own process, and a watcher that keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from flowledger.client.lines import BadLine
from flowledger.domain.settings import Settings
from flowledger.services.importing.importer import Importer
from flowledger.services.importing.places import Place
from flowledger.services.importing.report import Report
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.rows import HAS_TEXT

BATCH: Final = 50
"""Lines of a batch in these tests."""


@dataclass
class Heard:
    """What a watcher was told. `then` is called whenever lines have come."""

    then: Callable[[Report], object] = lambda _report: None
    refused: list[BadLine] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    waited: list[str] = field(default_factory=list)
    went_on: list[Place] = field(default_factory=list)

    def opens(self, file: str, size: int | None) -> None:
        pass

    def goes_on(self, file: str, place: Place) -> None:
        self.went_on.append(place)

    def comes(self, report: Report, position: int) -> None:
        self.then(report)

    def refuses(self, line: BadLine) -> None:
        self.refused.append(line)

    def warns(self, words: str) -> None:
        self.warnings.append(words)

    def waits(self, why: str) -> None:
        self.waited.append(why)


def import_file(
    settings: Settings,
    file: Path,
    *,
    deliver: bool = False,
    beyond_horizon: bool = False,
    whole: bool = False,
    heard: Heard | None = None,
) -> Report:
    """Import a file to its end."""
    importer = Importer(
        settings,
        deliver=deliver,
        beyond_horizon=beyond_horizon,
        whole=whole,
        processes=1,
        watcher=heard or Heard(),
    )
    return importer.run([str(file)])


def import_lines(settings: Settings, folder: Path, *lines: bytes, deliver: bool = False) -> Report:
    """Import these lines, from a file."""
    return import_file(settings, written(folder, *lines), deliver=deliver)


def import_until(settings: Settings, file: Path, lines: int) -> Report:
    """Import a file, and stop once so many lines are done."""
    heard = Heard()
    importer = Importer(settings, deliver=False, processes=1, watcher=heard)
    heard.then = lambda report: importer.stop() if report.lines >= lines else None
    return importer.run([str(file)])


def written(folder: Path, *lines: bytes, name: str = "events.jsonl") -> Path:
    file = folder / name
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file


def created(number: int) -> list[bytes]:
    return [raw("task.created", id=f"n{place}", subject=f"t{place}") for place in range(number)]


def places(storage: Storage) -> int:
    """How many files have a place at which an import would go on."""
    columns = tables.checkpoints.c
    with storage.reading() as connection:
        return connection.execute(select(func.count()).where(columns.entry_id != "")).scalar_one()


def journal(storage: Storage) -> dict[tuple[str, str], tuple[str, int]]:
    columns = tables.events.c
    asked = select(columns.source, columns.id, tables.event_texts.c.raw, columns.partition)
    with storage.reading() as connection:
        rows = connection.execute(asked.join_from(tables.events, tables.event_texts, HAS_TEXT))
        return {(row.source, row.id): (row.raw, row.partition) for row in rows}
