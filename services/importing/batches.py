"""Batches of lines, what becomes of them, and how far a file is done while several are under way."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flowledger.client.lines import UNREADABLE, BadLine, EventFile, Line
from flowledger.domain import streams
from flowledger.domain.errors import LedgerError
from flowledger.services.importing.places import BEGINNING, Digested, Place

BATCH: Final = 500
"""Most lines of a batch: as many as a drain takes."""
BATCH_BYTES: Final = 4 * 2**20
"""Most bytes of a batch; a larger line goes alone."""
_SECONDS: Final = 1.0
"""How long a line of a pipe waits at most for others of its batch."""
_WAITS: Final = 8
"""So many times a lane's batch may see another one leave before it leaves as well: its lines hold up the place."""


@dataclass(slots=True)
class Batch:
    """Lines of a file for one lane. `done` is how far the file was done when the batch left: see `Reading`. Lines
    `of_pipe` cannot be read again.
    """

    file: str
    key: str
    begin: Place
    of_pipe: bool = False
    lines: list[Line] = field(default_factory=list)
    bytes: int = 0
    waited: int = 0
    since: float = field(default_factory=time.monotonic)
    done: Place = BEGINNING

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self.bytes += len(line.raw)

    @property
    def is_full(self) -> bool:
        return len(self.lines) >= BATCH or self.bytes >= BATCH_BYTES


@dataclass(slots=True)
class Outcome:
    """What became of the lines of a batch. `died` has a byte for each that was not refused: 1 for a dead letter. `bad`
    are the numbers of lines that were refused or became dead letters. `too_many_fail` says why the rest of the batch
    was not tried.
    """

    recorded: int = 0
    repeated: int = 0
    dead: int = 0
    died: bytes = b""
    bad: list[int] = field(default_factory=list)
    refused: list[BadLine] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    too_many_fail: str = ""

    @property
    def lines(self) -> int:
        return self.recorded + self.repeated + self.dead + len(self.refused)


class TooManyFail(LedgerError):
    """Most of the last lines became dead letters: the import stops, and the next one begins anew."""


class Reading:
    """The lines of one file as batches for several lanes.

    Events of one shard go to one lane, in their order: that of the stream. `done` is the place before which every line
    is done, however the lanes come forward; `bad` of these lines were not recorded.
    """

    def __init__(self, events: EventFile, key: str, lanes: int, shards: int, most_bytes: int) -> None:
        assert isinstance(events.plain, Digested)
        self.events = events
        self._plain = events.plain
        self._key = key
        self._lanes = lanes
        self._shards = shards
        self._most_bytes = most_bytes
        self._filling: dict[int, Batch] = {}
        self._under_way: dict[int, Place] = {}
        self._begin, self._since_begin = self._here, 0
        self.bad = 0
        self._bad_lines: list[int] = []
        self.damage: Exception | None = None

    def batches(self) -> Iterator[tuple[int, Batch]]:
        """Yield each batch with the number of its lane. It counts as under way until `ended`.

        If the file is damaged (`damage`), the lines before that place are yielded all the same.
        """
        for line in self._lines():
            lane = self._lane_of(line)
            if lane not in self._filling:
                self._filling[lane] = Batch(self.events.name, self._key, self._begin, self.events.is_pipe)
            self._filling[lane].add(line)
            self._since_begin += 1
            if self._filling[lane].is_full:
                yield from self._leaving(lane)
                self._begin_here()
            elif self._since_begin == BATCH:
                self._begin_here()
        for lane in [*self._filling]:
            yield lane, self._left(lane)

    def old_batches(self) -> Iterator[tuple[int, Batch]]:
        """Yield in the same way, while a pipe is read, the batches that have waited long enough for more lines."""
        before = time.monotonic() - _SECONDS
        old = [lane for lane, batch in self._filling.items() if batch.since <= before]
        for lane in old:
            yield lane, self._left(lane)
        if old:
            self._begin_here()

    def _lines(self) -> Iterator[Line]:
        try:
            yield from self.events.lines(self._most_bytes)
        except UNREADABLE as error:
            self.damage = error

    def ended(self, batch: Batch, bad: Sequence[int] = ()) -> None:
        """Note that the lines of a batch are done, and the numbers of those that were not recorded."""
        del self._under_way[id(batch)]
        self._bad_lines += bad

    @property
    def done(self) -> Place:
        """The place before which every line is done."""
        begins = [*self._under_way.values(), *(batch.begin for batch in self._filling.values())]
        place = min(begins, default=self._here)
        behind = [number for number in self._bad_lines if number > place.line]
        self.bad += len(self._bad_lines) - len(behind)
        self._bad_lines = behind
        return place._replace(bad=self.bad)

    @property
    def _here(self) -> Place:
        return self._plain.place(self.events.number)

    def _begin_here(self) -> None:
        self._begin, self._since_begin = self._here, 0

    def _leaving(self, full: int) -> Iterator[tuple[int, Batch]]:
        """Yield the full batch, and those that have waited long enough."""
        yield full, self._left(full)
        for lane, batch in [*self._filling.items()]:
            batch.waited += 1
            if batch.waited >= _WAITS * self._lanes:
                yield lane, self._left(lane)

    def _left(self, lane: int) -> Batch:
        batch = self._filling.pop(lane)
        self._under_way[id(batch)] = batch.begin
        batch.done = self.done
        return batch

    def _lane_of(self, line: Line) -> int:
        if self._lanes == 1 or line.size > self._most_bytes:
            return 0
        return streams.shard_of(_partition_key(line.raw), self._shards) % self._lanes


def _partition_key(raw: bytes) -> str:
    """Return the key of an event's shard (CONTRACT §1) without checking anything; any text if it is no event."""
    try:
        attributes: Any = json.loads(raw)
        key = attributes.get("partitionkey")
        if key is None and attributes["type"] == "message.sent":
            key = attributes["data"]["from_sandbox_id"]
        return str(attributes["subject"] if key is None else key)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
