"""The bond between a ledger and its broker (docs/decisions/0033): each ledger has one broker, and the reverse.

Both hold the same text: the ledger's id, how many brokers it has had, and a mark. Every take compares the texts, so
nothing is taken under a wrong one. `meet` finds out what a difference means:

    Redis has no text     it is new; or it has lost its data; or it is a second one beside the ledger's own
    another ledger's id   it is the broker of another ledger
    an older text         it is a former broker, or a copy of one
    a newer text          the database was restored to an earlier state
    the same text, but fewer batches in the database than Redis knows to be recorded: the database was restored, too
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

import redis

from flowledger.domain import streams
from flowledger.domain.errors import BrokerUnsettled, ForeignBroker
from flowledger.domain.settings import Settings
from flowledger.storage.ledger.checkpoints import Checkpoint, CheckpointRepository
from flowledger.storage.ledger.identity import Ledger, LedgerRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import bond_words, scripts
from flowledger.workers.bond_texts import Held, Text, is_behind, number_of, owner_of, text_of
from flowledger.workers.broker import claim, lift, place_of, release

logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")

GONE_SECONDS: Final = 12.0
"""A broker without a beat for this long is not served. `workers.watch` beats more than twice as often."""
_PAIRING_MS: Final = 10_000
_BUSY_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.05
_TWIN_MS: Final = 60_000
"""If a database seems restored twice within this time, two copies of it record from one Redis."""


class _Busy(BrokerUnsettled):
    """Another worker is pairing with this broker at the moment."""

    def __init__(self) -> None:
        super().__init__("another worker is pairing with this broker")


class _Awaited(NamedTuple):
    """The ledger's known broker while another Redis is met: its first and last beat seen, and when the last was."""

    broker: str
    first: int
    last: int
    since: float


class Bond:
    """The bond as a process knows it. `text` is what Redis should hold; empty until that is known."""

    def __init__(self, client: redis.Redis, settings: Settings, storage: Storage) -> None:
        self._client = client
        self._settings = settings
        self._storage = storage
        self._told = ""
        self._awaited: _Awaited | None = None
        self._name = uuid.uuid4().hex
        self.text = ""

    def meet(self) -> None:
        """Check that this Redis is the ledger's broker. A new or emptied Redis becomes it.

        Raises ForeignBroker if it is not, BrokerUnsettled if that is not known yet, DatabaseUnavailable and
        redis.RedisError.
        """
        try:
            _patiently(self._meet)
        except (ForeignBroker, BrokerUnsettled):
            self.text = ""
            raise

    def database_went_back(self) -> None:
        """Write a new text because a batch's number came again: the database was restored. Raises as `meet`."""
        with suppress(_Busy):  # another worker was faster
            held, ledger, _ = self._look()
            if held.broker == self.text == ledger.broker:
                self._start_anew(held, ledger)
        self.meet()

    def tell(self, error: ForeignBroker | BrokerUnsettled) -> None:
        """Log why nothing is taken; the same reason once, however often it is retried."""
        if str(error) != self._told:
            logger.error("%s", error)
        self._told = str(error)

    def check(self) -> None:
        """Do as `meet`, but change nothing and wait for nothing. A Redis without a text passes."""
        held, ledger, _ = _patiently(self._look)
        found = self._own(held, ledger)
        if (
            found is not None
            and held.broker not in (ledger.broker, ledger.former)
            and found.number <= number_of(ledger)
        ):
            raise ForeignBroker(bond_words.another_of_this_ledger(self._settings, ledger))

    def adopt(self, owner: str | None = None) -> tuple[str, str]:
        """Make this Redis the ledger's broker. Return the ids of the ledger and of the former owner ('' if none).

        Raises ForeignBroker if it belongs to a ledger other than `owner`.
        """
        return _patiently(lambda: self._adopt(owner))

    # --- what it means

    def _adopt(self, owner: str | None) -> tuple[str, str]:
        held, ledger, checkpoints = self._look()
        of = owner_of(held)
        found = None if of == owner != ledger.id else self._own(held, ledger)
        number = max(number_of(ledger), found.number if found else 0) + 1
        self._pair(held, ledger, number, [] if of == ledger.id else checkpoints, went_back=held.broker != "")
        return ledger.id, of

    def _meet(self) -> None:
        held, ledger, checkpoints = self._look()
        found = self._own(held, ledger)
        if found is None:
            self._meet_unmarked(held, ledger, checkpoints)
        elif held.broker == ledger.former:  # the new text was written to the database, but not to Redis
            with self._alone(held, ledger):
                self._pair_redis(held, str(ledger.broker), [], went_back=True)
        elif found.number > number_of(ledger) or (held.broker == ledger.broker and is_behind(checkpoints, held)):
            self._start_anew(held, ledger)
        elif held.broker != ledger.broker:
            raise ForeignBroker(bond_words.another_of_this_ledger(self._settings, ledger))
        else:
            self._accept(held.broker)

    def _own(self, held: Held, ledger: Ledger) -> Text | None:
        """Return the text in Redis; None if there is none. Raises ForeignBroker if it is another ledger's."""
        if held.broker and owner_of(held) != ledger.id:
            raise ForeignBroker(bond_words.of_another_ledger(self._settings, ledger, owner_of(held)))
        return Text.of(held.broker)

    def _meet_unmarked(self, held: Held, ledger: Ledger, checkpoints: list[Checkpoint]) -> None:
        """Pair with a Redis without a text, if the ledger never had a broker or its broker is not served any more."""
        if ledger.broker is not None and (not ledger.place or ledger.place != place_of(self._client)):
            self._await(ledger.broker, ledger)
        alarm = None
        if ledger.broker is not None:
            last = max((checkpoint.recorded_at for checkpoint in checkpoints), default=None)
            alarm = bond_words.emptied(last)
        self._pair(held, ledger, number_of(ledger) + 1, checkpoints, alarm=alarm)

    def _await(self, broker: str, ledger: Ledger) -> None:
        """Return if the ledger's broker is not served. Raises ForeignBroker if it is, BrokerUnsettled if unknown yet.

        One beat may have been under way while the broker was emptied or replaced. Two beats prove that it is served.
        """
        awaited = self._awaited
        if awaited is None or awaited.broker != broker:
            awaited = _Awaited(broker, ledger.beats, ledger.beats, time.monotonic())
        elif ledger.beats != awaited.last:
            awaited = awaited._replace(last=ledger.beats, since=time.monotonic())
        self._awaited = awaited
        if awaited.last - awaited.first > 1:
            raise ForeignBroker(bond_words.another_of_this_ledger(self._settings, ledger))
        if time.monotonic() - awaited.since < GONE_SECONDS:
            raise BrokerUnsettled(bond_words.unsettled(self._settings, ledger))

    def _start_anew(self, held: Held, ledger: Ledger) -> None:
        """Write a new text because the database was restored: what Redis knows of the time since is not true now."""
        restored, broker = self._client.mget(streams.RESTORED, streams.BROKER)
        if text_of(broker) != held.broker:
            raise _Busy  # it has found the same, and is no copy
        now, _ = self._client.time()
        if restored is not None and now * 1000 - int(restored) < _TWIN_MS:
            raise ForeignBroker(bond_words.twin(self._settings, ledger))
        found = Text.of(held.broker)
        number = max(number_of(ledger), found.number if found else 0) + 1
        alarm = bond_words.database_went_back(ledger, held.recorded_at)
        self._pair(held, ledger, number, [], alarm=alarm, went_back=True)

    # --- making it so

    def _pair(
        self,
        held: Held,
        ledger: Ledger,
        number: int,
        checkpoints: list[Checkpoint],
        *,
        alarm: str | None = None,
        went_back: bool = False,
    ) -> None:
        """Write a new text to the database, then to Redis; only one process at a time does."""
        new = str(Text(ledger.id, number, uuid.uuid4().hex))
        with self._alone(held, ledger):
            with self._storage.writing() as connection:
                if not LedgerRepository(connection).pair(
                    new, place_of(self._client), instead_of=ledger.broker, former=held.broker or None, alarm=alarm
                ):
                    raise _Busy
            if alarm is not None:
                logger.error("%s", alarm)
            self._pair_redis(held, new, checkpoints, went_back=went_back)

    def _pair_redis(self, held: Held, new: str, checkpoints: list[Checkpoint], *, went_back: bool) -> None:
        keys = (streams.BROKER, streams.RECORDED, streams.RESTORED, streams.PAIRING)
        arguments = (held.broker, new, str(int(went_back)), self._name)
        if not self._client.eval(scripts.PAIR, len(keys), *keys, *arguments):
            raise _Busy
        lift(self._client, checkpoints)
        self._accept(new)

    def _accept(self, held: str) -> None:
        self.text, self._told, self._awaited = held, "", None

    @contextmanager
    def _alone(self, held: Held, ledger: Ledger) -> Iterator[None]:
        """Let one process at a time pair, and only if nothing has changed since `held` and `ledger` were read."""
        if not claim(self._client, streams.PAIRING, _PAIRING_MS, self._name):
            raise _Busy
        try:
            now, known, _ = self._look()
            if (now.broker, known.broker) != (held.broker, ledger.broker):
                raise _Busy
            yield
        finally:
            release(self._client, streams.PAIRING, self._name)

    def _look(self) -> tuple[Held, Ledger, list[Checkpoint]]:
        """Return what Redis and the database hold of each other.

        Redis is read first: what it knows to be recorded was committed before, so the database can only know more.
        Raises _Busy if a new text came to Redis in the meantime: then the two do not belong together.
        """
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.get(streams.BROKER)
            pipeline.hgetall(streams.RECORDED)
            broker, recorded = pipeline.execute()
        with self._storage.looking() as connection:
            ledger, checkpoints = LedgerRepository(connection).get(), CheckpointRepository(connection).all()
        batches = {int(name): int(number) for name, number in recorded.items() if name.isdigit()}
        at = recorded.get(streams.RECORDED_AT.encode())
        recorded_at = None if at is None else datetime.fromtimestamp(int(at) / 1000, UTC)
        if self._client.get(streams.BROKER) != broker:
            raise _Busy
        return Held(text_of(broker), batches, recorded_at), ledger, checkpoints


def _patiently(step: Callable[[], _Result]) -> _Result:
    """Retry `step` for some seconds while another process is pairing with this broker."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return step()
        except _Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)
