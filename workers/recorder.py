"""The way from entries to the database: each is recorded or buried, whatever it does (docs/decisions/0037)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final

from flowledger.domain import events as say
from flowledger.domain.envelope import Event, parse
from flowledger.domain.errors import DatabaseFailed, DatabaseUnavailable, Reason, Refused
from flowledger.domain.limits import WIDEST, Limits
from flowledger.domain.log_lines import quoted
from flowledger.domain.times import now, sortable
from flowledger.storage.engines.pipeline import CheckpointRow, HorizonMoved, Transaction, Unrecordable
from flowledger.storage.kinds import transaction_of
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.retention.beyond import NO_BOUND
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.admission import Admission
from flowledger.workers.authority import Guard, Known, conditions_of, refused_as_known
from flowledger.workers.burial import Read, burial, refused_by_database
from flowledger.workers.entries import Cut, Entry, Names, all_fields, body, last_entries, readable
from flowledger.workers.faults import INTERRUPTIONS, OurFault, further_tries, kind_of
from flowledger.workers.fuse import Fuse
from flowledger.workers.sources import Sources
from flowledger.workers.tracing import BatchSpans

logger = logging.getLogger(__name__)

_LOOKS: Final = 2
"""A signal may raise anything in the middle of a look at an entry: a second look tells whether that is at fault."""
_MOST_LOGGED: Final = 10
"""Dead letters of a batch that have a line of their own in the log: a flood of them is no flood of lines."""
_MOST_FIELD: Final = 100
"""Characters of a field's name in a log: the producer may have chosen it."""
_PATIENCE_SECONDS: Final = 3.0
"""How long a database that broke off may take to answer again, before it is taken for away."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch: how many entries were new, known already, and dead; and which were dealt with at all.

    What was set aside is not among them: see the batch's `Sources`.

    `messages` are the events of messages among them, new or known, in their order: for the post office. What was buried
    is not among them, whatever it says. `buried` are the entries that became dead letters.
    """

    recorded: int = 0
    repeated: int = 0
    dead: int = 0
    entries: tuple[Entry, ...] = field(default=(), compare=False)
    messages: tuple[Event, ...] = field(default=(), compare=False)
    buried: tuple[Entry, ...] = field(default=(), compare=False)
    batches: Mapping[str, int] = field(default_factory=dict, compare=False)
    """The number of each stream's last batch, as the database counts them."""
    commit_seconds: float = field(default=0.0, compare=False)
    """How long the database took."""

    def __add__(self, other: Recorded) -> Recorded:
        """The sum of the counts, and the later numbers of batches."""
        counts = self.recorded + other.recorded, self.repeated + other.repeated, self.dead + other.dead
        seconds = self.commit_seconds + other.commit_seconds
        return Recorded(*counts, batches={**self.batches, **other.batches}, commit_seconds=seconds)

    def and_then(self, other: Recorded) -> Recorded:
        """The sum of the counts, and what both hold, in order."""
        entries, messages = self.entries + other.entries, self.messages + other.messages
        return replace(self + other, entries=entries, messages=messages, buried=self.buried + other.buried)


class Recorder:
    """Records entries of any shards: each event, or dead letter, in a transaction of its own.

    `making` makes an event's transaction in place of `transaction_of`; `checkpoints` are what a batch leaves behind.
    Events from beyond the horizon of names are refused if they are unknown, unless `is_beyond_horizon`.
    """

    def __init__(
        self,
        storage: Storage,
        limits: Limits,
        guard: Guard | None = None,
        most_bytes: int = 4 * 2**20,
        *,
        making: Callable[..., Transaction] | None = None,
        checkpoints: Callable[[Iterable[Entry]], Sequence[tuple[str, str]]] = last_entries,
        is_beyond_horizon: bool = False,
    ) -> None:
        self._storage = storage
        self._limits = limits
        self._guard = guard
        self._most_bytes = most_bytes
        self._making = making
        self._checkpoints = checkpoints
        self._is_beyond_horizon = is_beyond_horizon
        self._bound: str | None = None
        self._spans = BatchSpans()

    def record(
        self, entries: Sequence[Entry], fuses: Mapping[int, Fuse] | None = None, sources: Sources | None = None
    ) -> Recorded:
        """Record `entries` durably, or raise DatabaseUnavailable; then none may be acknowledged.

        If a shard's fuse blows, the rest of its entries is left alone, and what `sources` set aside is: they are not
        among those of the outcome. If one of them cannot be recorded, it is found by halving: those of its half that
        were committed before then count as repeated.
        """
        recorded_at = sortable(now())
        self._spans = BatchSpans()
        if self._guard is not None:
            self._guard.refresh()
        admission = Admission(fuses or {}, sources)
        before = admission.state()
        try:
            return self._record_by_bound(entries, recorded_at, admission)
        except HorizonMoved:
            admission.restore(before)
            return self._record_by_bound(entries, recorded_at, admission)
        finally:
            self._spans.end()

    def _record_by_bound(self, entries: Sequence[Entry], recorded_at: str, admission: Admission) -> Recorded:
        """Read and record by the bound that stands. Raises HorizonMoved if it does not stand any more."""
        self._bound = None if self._is_beyond_horizon else self._storage.bound()
        reads = [self._read(entry, recorded_at) for entry in entries]
        self._ask_for_sources(admission, reads)
        return self._record_or_halve(reads, recorded_at, admission)

    def _ask_for_sources(self, admission: Admission, reads: Sequence[Read]) -> None:
        """Look up which sources that fail are known; a batch without failures asks nothing."""
        if asked := admission.unsure(reads):
            with self._storage.looking() as connection:
                recorded = JournalRepository(connection).recorded_sources(asked)
            admission.learn(asked, recorded, reads)

    def _read(self, entry: Entry, recorded_at: str) -> Read:
        if entry.cut is not None:
            return Read(entry, entry.cut.beginning, refused=entry.cut.refused(self._most_bytes))
        if entry.is_deadly:
            words = f"{entry.deaths} workers died while they recorded it alone; it was not read again"
            return self._dead(entry, b"", Refused(Reason.UNRECORDABLE, "", words), is_readable=False)
        failed: Exception | None = None
        for _ in range(_LOOKS):
            try:
                return self._understood(entry, recorded_at)
            except INTERRUPTIONS:
                raise
            except Exception as error:  # one event must not hold up its shard; many such blow the fuse
                failed = error
        assert failed is not None
        return self._at_fault(entry, OurFault(failed))

    def _understood(self, entry: Entry, recorded_at: str) -> Read:
        raw = b""
        try:
            raw = body(entry.fields)
            event = entry.event or parse(raw, self._limits)
            conditions = conditions_of(event, self._guard, entry.id, self._bound or NO_BOUND)
            make = self._making or transaction_of
            return Read(entry, raw, event, make(event, entry.shard, recorded_at, conditions))
        except Refused as refused:
            return self._dead(entry, raw, refused)

    def _at_fault(self, entry: Entry, refused: OurFault) -> Read:
        """Return what a fault of ours refuses, with the event's bytes and names if these can be read in spite of it."""
        try:
            return self._dead(entry, body(entry.fields), refused)
        except INTERRUPTIONS:
            raise
        except Exception:
            return self._dead(entry, b"", refused, is_readable=False)

    def _dead(self, entry: Entry, raw: bytes, refused: Refused, *, is_readable: bool = True) -> Read:
        """Return a refused entry with its bytes `raw`, or all of its fields; if too large, with their beginning."""
        kept = raw or all_fields(entry.fields)
        if len(kept) > self._most_bytes:
            cut = Cut.of(entry.fields)
            return Read(entry, cut.beginning, refused=cut.refused(self._most_bytes))
        names = readable(kept, self._limits) if is_readable else Names()
        named = names.named or (readable(kept, WIDEST).named if is_readable else ())
        return Read(entry, kept, refused=refused, names=names.columns, named=named)

    def _record_or_halve(self, reads: Sequence[Read], recorded_at: str, admission: Admission) -> Recorded:
        """Record what is admitted; what fails as a whole is retried by halves, down to the entry at fault."""
        before = admission.state()
        batch = [read for read in reads if admission.admits(read)]
        if not batch:
            return Recorded()
        outcome = self._tried(batch, recorded_at, admission)
        if isinstance(outcome, Recorded):
            return _of(batch, outcome)
        if len(batch) == 1:
            return self._record_alone(batch[0], outcome, recorded_at, admission)
        admission.restore(before)
        middle = len(reads) // 2
        first = self._record_or_halve(reads[:middle], recorded_at, admission)
        return first.and_then(self._record_or_halve(reads[middle:], recorded_at, admission))

    def _tried(self, batch: Sequence[Read], recorded_at: str, admission: Admission) -> Recorded | Exception:
        """Return the outcome, or the error if the batch is at fault; other errors are raised."""
        try:
            return self._record(batch, recorded_at, admission)
        except DatabaseFailed as error:
            if not self._storage.is_well(_PATIENCE_SECONDS):
                raise
            return error
        except (DatabaseUnavailable, *INTERRUPTIONS):
            raise
        except Exception as error:
            return error

    def _record_alone(self, read: Read, failed: Exception, recorded_at: str, admission: Admission) -> Recorded:
        """Record one entry that failed: retry it, unless it is refused for good, before it is buried.

        If the tries of some entries of this batch came to nothing, others with the same error are not tried: a bad
        release, or a trigger that fails at everything, must blow the fuse at once.
        """
        for seconds in further_tries(failed) if admission.hopes_for(kind := kind_of(failed)) else ():
            time.sleep(seconds)
            outcome = self._tried([read], recorded_at, admission)
            if isinstance(outcome, Recorded):
                return _of([read], outcome)
            failed = outcome
        admission.gives_up(kind)
        if read.refused is None and not admission.admits_refused_by_database(read):
            return Recorded()
        return _of([read], self._bury_failed(read, failed, recorded_at, admission))

    def _bury_failed(self, read: Read, failed: Exception, recorded_at: str, admission: Admission) -> Recorded:
        """Bury with what is known of the entry or, if that fails as well, in the plain form."""
        if read.refused is None:
            read = read.dead(refused_by_database(failed))
            try:
                return self._record([read], recorded_at, admission)
            except (DatabaseFailed, Unrecordable):
                logger.warning("a dead letter is kept in the plain form", extra=read.log_fields)
        assert read.refused is not None
        try:
            return self._record([read.dead(read.refused, is_plain=True)], recorded_at, admission)
        except Unrecordable as error:
            raise DatabaseUnavailable(f"the database refuses even a plain dead letter: {error}") from error

    def _record(self, batch: Sequence[Read], recorded_at: str, admission: Admission) -> Recorded:
        unit = self._storage.unit_of_work()
        for read in batch:
            unit.add(read.transaction or burial(read, recorded_at))
        began = time.monotonic()
        places = self._checkpoints(read.entry for read in batch)
        repeated, batches = unit.flush([CheckpointRow(*place, recorded_at) for place in places], self._bound)
        seconds = time.monotonic() - began
        _log_dead([(read, read.refused) for read in batch if read.refused is not None])
        known = self._bury_known([batch[place] for place in repeated], recorded_at, admission)
        self._spans.note(batch, repeated, known)
        buried = tuple(read.entry for read in batch if read.refused is not None or id(read.event) in known)
        messages = tuple(
            read.event
            for read in batch
            if read.event is not None and isinstance(read.event.data, say.MessageData) and id(read.event) not in known
        )
        counts = len(batch) - len(repeated) + len(known) - len(buried), len(repeated) - len(known), len(buried)
        return Recorded(*counts, messages=messages, buried=buried, batches=batches, commit_seconds=seconds)

    def _bury_known(self, repeated: Sequence[Read], recorded_at: str, admission: Admission) -> Set[int]:
        """Bury events that were known with other content, are replayed, or must not be recorded; what
        was recorded first stands. Gives the `id()` of those that did."""
        known = [
            Known(one.event, one.entry.id, one.transaction.conditions)
            for one in repeated
            if one.event and one.transaction
        ]
        if not known:
            return set()
        words = "recorded before with other content"
        with self._storage.reading() as connection:
            refused = refused_as_known(known, connection, self._guard, words, was_tried=True)
        buried = [read.dead(refused[id(read.event)]) for read in repeated if id(read.event) in refused]
        if buried:
            self._record(buried, recorded_at, admission)
        for read in buried:
            admission.died_after_all(read)
        return refused.keys()


def _log_dead(letters: Sequence[tuple[Read, Refused]]) -> None:
    """Log which entries of a batch became dead letters, the first ones each: where to look, and nothing they hold."""
    for read, refused in letters[:_MOST_LOGGED]:
        if isinstance(refused, OurFault):
            words = "an event was not recorded because of a fault of Flowledger: %s"
            logger.error(words, refused.where, extra=read.log_fields)
        else:
            words = "entry %s became a dead letter: %s %s"
            field = quoted(refused.field[:_MOST_FIELD]) if refused.field else ""
            logger.info(words, read.entry.id, refused.reason, field, extra=read.log_fields)
    if len(letters) > _MOST_LOGGED:
        logger.info("%d more entries of this batch became dead letters", len(letters) - _MOST_LOGGED)


def _of(reads: Sequence[Read], outcome: Recorded) -> Recorded:
    return replace(outcome, entries=tuple(read.entry for read in reads))
