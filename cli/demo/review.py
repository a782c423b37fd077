"""The review of one package, as the coordinator keeps it: an execution of several rounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flowledger.domain.ids import new_id

FILES_A_ROUND: Final = 5


@dataclass(slots=True)
class Review:
    """The execution of one package: rounds of survey and review, then a summary."""

    package: str
    rounds: deque[tuple[str, ...]]
    execution_id: str = field(default_factory=lambda: new_id("exec"))
    thread_id: str = field(default_factory=lambda: new_id("thread"))
    iteration: int = 0
    reviewed: int = 0
    failed: int = 0
    lines: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, package: str, files: Sequence[str]) -> Review:
        """The review of these files, some in each round."""
        starts = range(0, len(files), FILES_A_ROUND)
        return cls(package, deque(tuple(files[start : start + FILES_A_ROUND]) for start in starts))

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint holds: enough to go on from here."""
        return {
            "reviewed": self.reviewed,
            "failed": self.failed,
            "findings": len(self.findings),
            "files_left": [path for files in self.rounds for path in files],
        }
