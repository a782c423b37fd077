"""Imports in the test's own process, and a watcher that keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from flowledger.client.lines import BadLine
from flowledger.domain.settings import Settings
from flowledger.services.importing.importer import Importer, Report
from flowledger.services.importing.places import Place


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
    heard: Heard | None = None,
) -> Report:
    """Import a file to its end."""
    importer = Importer(settings, deliver=deliver, beyond_horizon=beyond_horizon, processes=1, watcher=heard or Heard())
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
