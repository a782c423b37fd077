"""What producers sent and what was accepted, written down outside the system under test: one file a producer.

Lines, flushed before (sent) and after (accepted, refused) the broker's word, the latter to the disk:

    sent <checksum> <id>       about to be sent; it may be recorded
    accepted <id>              the broker confirmed it: it must be recorded
    refused <error>: <words>   a try that was not confirmed
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

_SENT: Final = "sent"
_ACCEPTED: Final = "accepted"
_REFUSED: Final = "refused"


class AcceptedLog:
    """A producer's own file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def sent(self, events: Iterable[tuple[str, bytes]]) -> None:
        self._write(f"{_SENT} {zlib.crc32(raw):08x} {id_}\n" for id_, raw in events)

    def accepted(self, ids: Iterable[str]) -> None:
        self._write(f"{_ACCEPTED} {id_}\n" for id_ in ids)
        os.fsync(self._file.fileno())

    def refused(self, error: Exception) -> None:
        self._write([f"{_REFUSED} {type(error).__name__}: {' '.join(str(error).split())}\n"])
        os.fsync(self._file.fileno())

    def _write(self, lines: Iterable[str]) -> None:
        self._file.writelines(lines)
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@dataclass
class Accepted:
    """All that stands in some files: checksums of what was sent, by id; the ids that were accepted; errors by words."""

    sent: dict[str, int] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    errors: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, folder: Path) -> Self:
        found = cls()
        for path in sorted(folder.glob("*.log")):
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    found._take(line)
        return found

    def _take(self, line: str) -> None:
        if not line.endswith("\n"):
            return  # the producer was ended in the middle of it
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == _SENT:
            checksum, _, id_ = rest.partition(" ")
            self.sent[id_] = int(checksum, 16)
        elif word == _ACCEPTED:
            self.ids.add(rest)
        else:
            self.errors[rest] += 1


def count_accepted(folder: Path) -> int:
    """How many events were accepted so far."""
    return sum(path.read_bytes().count(f"\n{_ACCEPTED} ".encode()) for path in folder.glob("*.log"))
