"""The side of an import that records: batches of lines go through the recorder of the stream's events."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Self

from flowledger.client.lines import BadLine, Line, checked
from flowledger.client.prepared import read_checked
from flowledger.domain import streams
from flowledger.domain.errors import Refused
from flowledger.domain.json_text import plain
from flowledger.domain.settings import Settings
from flowledger.services.importing.batches import Batch, Outcome, TooManyFail
from flowledger.services.importing.places import Place
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds import transaction_of_past
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.authority import guard_of
from flowledger.workers.entries import Entry
from flowledger.workers.faults import INTERRUPTIONS
from flowledger.workers.fuse import Fuse
from flowledger.workers.recorder import Recorded, Recorder
from flowledger.workers.turn import Turn, Turns


class BatchRecorder:
    """Records batches of lines, with one connection. `deliver` also writes what makes the ledger act.
    With `beyond_horizon` unknown events from before the horizon of names are recorded as well.

    A fault of Flowledger counts for a fuse, as that of a shard: a bad release makes few dead letters.
    """

    def __init__(self, settings: Settings, *, deliver: bool, beyond_horizon: bool = False) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._storage = Storage(make_engine(settings))
        self._place = "", Place()
        self._recorder = Recorder(
            self._storage,
            self._limits,
            guard_of(settings, of_any_age=True),
            settings.max_entry_bytes,
            making=None if deliver else transaction_of_past,
            checkpoints=lambda _entries: [(self._place[0], str(self._place[1]))],
            is_beyond_horizon=beyond_horizon,
        )
        self._fuse = Fuse(settings.fuse_entries)
        self._turns = Turns(self._storage)
        self._turn: Turn | None = None

    def record(self, batch: Batch) -> Outcome:
        """Record a batch durably, with the place up to which its file was done before.

        Raises DatabaseUnavailable; then the same batch may be recorded again. Raises TooManyFail if the fuse has blown.
        """
        outcome = Outcome()
        entries = [*self._entries(batch, outcome.refused)]
        if entries:
            self._count(outcome, entries, self._record(batch, entries))
        return outcome

    def close(self) -> None:
        """Write down what was done, and close the connection."""
        self._end_turn()
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _entries(self, batch: Batch, refused: list[BadLine]) -> Iterator[Entry]:
        """Yield the lines that are events, as entries; the others are refused, as `flowledger publish` refuses them."""
        for line in batch.lines:
            try:
                yield self._entry(batch.file, line)
            except Refused as error:
                refused.append(BadLine.of(batch.file, line, error))

    def _entry(self, file: str, line: Line) -> Entry:
        def read(raw: bytes) -> Entry:
            event = read_checked(raw, self._limits).event
            shard = streams.shard_of(event.partition_key, self._settings.shards)
            return Entry(number, _fields(raw), shard, origin=origin, event=event)

        number, origin = str(line.number), f"import:{plain(file)}"
        try:
            return checked(line, self._limits, read)
        except (Refused, *INTERRUPTIONS):
            raise
        except Exception:  # a fault of Flowledger: the recorder meets it again, and counts it for the fuse
            return Entry(number, _fields(line.raw), origin=origin)

    def _record(self, batch: Batch, entries: list[Entry]) -> Recorded:
        self._place = batch.key, batch.done
        if self._turn is None:
            self._turn = self._turns.begin(worker=f"import@{socket.gethostname()}")
        recorded = self._recorder.record(entries, dict.fromkeys(range(self._settings.shards), self._fuse))
        self._turn.add({entry.shard for entry in recorded.entries}, recorded)
        if self._turn.seconds >= self._settings.drain_seconds:
            self._end_turn()
        return recorded

    def _count(self, outcome: Outcome, entries: list[Entry], recorded: Recorded) -> None:
        outcome.recorded, outcome.repeated, outcome.dead = recorded.recorded, recorded.repeated, recorded.dead
        numbers = {entry.id for entry in recorded.buried}
        outcome.died = bytes(entry.id in numbers for entry in entries)
        if len(recorded.entries) < len(entries):
            raise TooManyFail(
                f"{self._fuse.dead:,} of the last {self._fuse.seen:,} lines could not be recorded by a fault of "
                "Flowledger or of the database; see `flowledger dead-letters list --reason unrecordable`"
            )

    def _end_turn(self) -> None:
        if self._turn is not None:
            self._turn.end("")
            self._turn = None


def _fields(raw: bytes) -> tuple[bytes, bytes]:
    return streams.FIELD.encode(), raw
