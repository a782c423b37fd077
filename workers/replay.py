"""Replays dead letters, as they are or mended, or discards them; the audit trail says who did so, when and how.

    with Storage(make_engine(settings)) as storage:
        replayer = Replayer(settings, storage, connect(settings))
        replayer.replay(["dead_…"], who="jo", changes=Changes(set=((("data", "node"), '"plan"'),)))

A replayed event goes into its shard's stream, as every event, and from there to a worker. `workers.replay_outcome`
tells what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import redis
from sqlalchemy import Connection

from flowledger.domain import streams
from flowledger.domain.envelope import Event, parse
from flowledger.domain.errors import BrokerFull, BrokerUnavailable, PublishError, Refused
from flowledger.domain.ids import new_id
from flowledger.domain.mending import CannotMend, Changes
from flowledger.domain.records import DeadLetter, DeadLetterDeed
from flowledger.domain.settings import Settings
from flowledger.domain.statuses import DeadLetterAction, DeadLetterStatus
from flowledger.domain.times import now
from flowledger.storage.ledger.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.ledger.dead_letters import DeadLetterFilter, DeadLetterRepository
from flowledger.storage.merge.conditions import Condition
from flowledger.storage.retention import beyond
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.authority import Guard, Known, conditions_of, entry_id_now, guard_of, refused_as_known
from flowledger.workers.connections import text

_BATCH: Final = 100
_BATCH_BYTES: Final = 8 * 1024 * 1024
"""Most bytes of dead letters in one transaction and one round trip; a larger one goes alone."""

_UNCHANGED: Final = Changes()
_CONFLICT: Final = "recorded already, with other content: give this one an id of its own (--set id=…), or discard it"


class Result(StrEnum):
    """What was done with a dead letter."""

    REPLAYED = "replayed"
    """Sent: a worker records it, or makes another dead letter of it."""
    REFUSED = "refused"
    """Still no valid event: nothing was sent, and it stays open."""
    DISCARDED = "discarded"
    CLOSED = "closed"
    """Left as it was: it is replayed or discarded already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done with one dead letter, and its status now.

    `source` and `event_id` are the event's, if it is one; `stream` and `entry_id` say where it was sent. If it was
    refused, `reason`, `field` and `detail` say why (`reason` is None if the changes do not fit its text).
    """

    dead_letter_id: str
    result: Result
    status: str
    source: str | None = None
    event_id: str | None = None
    stream: str | None = None
    entry_id: str | None = None
    reason: str | None = None
    field: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A dead letter, the bytes to send, and the event they hold, or why they hold none."""

    letter: DeadLetter
    raw: bytes
    event: Event | None
    refused: Refused | CannotMend | None = None
    conditions: Sequence[Condition] = ()


class Replayer:
    """Replays and discards dead letters; several may do so at once."""

    def __init__(self, settings: Settings, storage: Storage, client: redis.Redis) -> None:
        self._settings = settings
        self._storage = storage
        self._client = client

    def replay(self, ids: Sequence[str], *, who: str, changes: Changes = _UNCHANGED, again: bool = False) -> list[Done]:
        """Send dead letters, each with the same `changes`, and write down that `who` did so.

        Those that are still no valid event are refused, and not sent. Those that are replayed or discarded already are
        left as they are, unless `again`. Raises NoDeadLetter before anything is sent, and DatabaseUnavailable or
        PublishError if it stopped half-way. It may be repeated then: what was sent has the same `source` and `id`, and
        changes nothing the second time.
        """
        return self._by_batches(ids, lambda batch: self._replay(batch, who, changes, again))

    def try_out(self, ids: Sequence[str], *, changes: Changes = _UNCHANGED, again: bool = False) -> list[Done]:
        """Return what `replay` would do, without an `entry_id`. Nothing is sent, nothing written."""
        return self._by_batches(ids, lambda batch: self._try_out(batch, changes, again))

    def discard(self, ids: Sequence[str], *, who: str, why: str = "") -> list[Done]:
        """Discard dead letters, and write down that `who` did so, and why. Their bytes are kept.

        Raises NoDeadLetter before anything is done; DatabaseUnavailable.
        """
        return self._by_batches(ids, lambda batch: self._discard(batch, who, why))

    def count(self, only: DeadLetterFilter) -> int:
        """Return how many dead letters match `only` now."""
        with self._storage.reading() as connection:
            return DeadLetterRepository(connection).count_of(only)

    def ids(self, only: DeadLetterFilter) -> Iterator[list[str]]:
        """Yield the ids of all dead letters that match `only` now, oldest first, some at a time.

        No more than match at the beginning: replayed ones that are refused again come in while these are worked on, and
        would never end.
        """
        left = self.count(only)
        cursor: str | None = None
        while left > 0:
            with self._storage.reading() as connection:
                page = DeadLetterRepository(connection).listed(only, limit=min(left, _BATCH), after=cursor)
            yield [letter.id for letter in page.items]
            left = left - len(page.items) if page.cursor else 0
            cursor = page.cursor

    def _by_batches(self, ids: Sequence[str], do: Callable[[Sequence[str]], list[Done]]) -> list[Done]:
        """Do all of `ids`, in their order, once each."""
        with self._storage.reading() as connection:
            sizes = DeadLetterRepository(connection).sizes(ids)
        done: dict[str, Done] = {}
        batch: list[str] = []
        for id_, size in sizes.items():
            if batch and (len(batch) == _BATCH or sum(sizes[other] for other in batch) + size > _BATCH_BYTES):
                done |= {one.dead_letter_id: one for one in do(batch)}
                batch = []
            batch.append(id_)
        done |= {one.dead_letter_id: one for one in do(batch)}
        return [done[id_] for id_ in sizes]

    def _replay(self, ids: Sequence[str], who: str, changes: Changes, again: bool) -> list[Done]:
        """Replay one batch. Its rows are locked meanwhile: of two who replay the same one, the second gets CLOSED.

        A crash after the entries were added and before the commit leaves the dead letters open. Replaying them again is
        harmless: the events have the same `source` and `id` as before, so workers count them as repeated.
        """
        with self._storage.writing() as connection:
            letters = DeadLetterRepository(connection).locked(ids)
            attempts = self._attempts(connection, letters, changes, again)
            entries, error = self._send([attempt for attempt in attempts if attempt.event is not None])
            finished = [one for one in attempts if one.event is None or one.letter.id in entries]
            done = [self._done(one, entries.get(one.letter.id)) for one in finished]
            _write_down(connection, who, finished, done)
        if error is not None:
            raise error
        return [*done, *_closed(letters, attempts)]

    def _try_out(self, ids: Sequence[str], changes: Changes, again: bool) -> list[Done]:
        with self._storage.reading() as connection:
            letters = DeadLetterRepository(connection).of_ids(ids)
            attempts = self._attempts(connection, letters, changes, again)
        return [*(self._done(attempt, None) for attempt in attempts), *_closed(letters, attempts)]

    def _discard(self, ids: Sequence[str], who: str, why: str) -> list[Done]:
        with self._storage.writing() as connection:
            repository = DeadLetterRepository(connection)
            statuses = repository.statuses_locked(ids)
            discarded = [id_ for id_, status in statuses.items() if status == DeadLetterStatus.OPEN]
            repository.close(discarded, DeadLetterStatus.DISCARDED)
            deeds = [_deed(id_, who, DeadLetterAction.DISCARDED, detail=why) for id_ in discarded]
            DeadLetterActionRepository(connection).add(deeds)
        return [
            Done(dead_letter_id=id_, result=Result.DISCARDED, status=DeadLetterStatus.DISCARDED)
            if id_ in discarded
            else Done(dead_letter_id=id_, result=Result.CLOSED, status=status)
            for id_, status in statuses.items()
        ]

    def _attempts(
        self, connection: Connection, letters: Sequence[DeadLetter], changes: Changes, again: bool
    ) -> list[_Attempt]:
        """Return the dead letters that may be sent, mended. An event that workers would refuse is none."""
        guard, bound = guard_of(self._settings), beyond.bound_of(connection)
        tried = [letter for letter in letters if again or letter.status == DeadLetterStatus.OPEN]
        attempts = [self._attempt(letter, changes, guard, bound) for letter in tried]
        known = [Known(one.event, entry_id_now(), one.conditions) for one in attempts if one.event is not None]
        why = refused_as_known(known, connection, guard, _CONFLICT) if known else {}
        return [
            _Attempt(one.letter, one.raw, None, why[id(one.event)]) if id(one.event) in why else one for one in attempts
        ]

    def _attempt(self, letter: DeadLetter, changes: Changes, guard: Guard | None, bound: str) -> _Attempt:
        raw = letter.raw
        try:
            raw = changes.apply(raw)
            event = parse(raw, self._settings.limits)
            return _Attempt(letter, raw, event, None, conditions_of(event, guard, entry_id_now(), bound))
        except (Refused, CannotMend) as error:
            return _Attempt(letter, raw, None, error)

    def _stream(self, event: Event) -> str:
        return streams.stream(streams.shard_of(event.partition_key, self._settings.shards))

    def _send(self, attempts: Sequence[_Attempt]) -> tuple[dict[str, str], PublishError | None]:
        """Return the entry of each dead letter that Redis took, and the error if it did not take all.

        Raises BrokerUnavailable if it is unknown what arrived.
        """
        if not attempts:
            return {}, None
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for attempt in attempts:
                    assert attempt.event is not None
                    pipeline.execute_command("XADD", self._stream(attempt.event), "*", streams.FIELD, attempt.raw)
                replies: list[Any] = pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            words = f"Redis does not answer ({type(error).__name__}): nothing is marked as replayed"
            raise BrokerUnavailable(f"{words}; do the same again, nothing is doubled") from error
        errors = [reply for reply in replies if isinstance(reply, Exception)]
        entries = {
            attempt.letter.id: text(reply)
            for attempt, reply in zip(attempts, replies, strict=True)
            if not isinstance(reply, Exception)
        }
        return entries, _publish_error(errors[0]) if errors else None

    def _done(self, attempt: _Attempt, entry_id: str | None) -> Done:
        """Return the result of an attempt; without `entry_id`, what it would be."""
        event, refused, letter = attempt.event, attempt.refused, attempt.letter
        if event is None:
            return Done(
                dead_letter_id=letter.id,
                result=Result.REFUSED,
                status=letter.status,
                reason=refused.reason.value if isinstance(refused, Refused) else None,
                field=refused.field if isinstance(refused, Refused) else "",
                detail=str(refused),
            )
        return Done(
            dead_letter_id=letter.id,
            result=Result.REPLAYED,
            status=letter.status if entry_id is None else DeadLetterStatus.REPLAYED,
            source=event.source,
            event_id=event.id,
            stream=self._stream(event),
            entry_id=entry_id,
        )


def _write_down(connection: Connection, who: str, attempts: Sequence[_Attempt], done: Sequence[Done]) -> None:
    """Write the new statuses and the audit trail."""
    repository = DeadLetterRepository(connection)
    repository.tried([one.dead_letter_id for one in done if one.result is Result.REFUSED])
    repository.tried([one.dead_letter_id for one in done if one.result is Result.REPLAYED], DeadLetterStatus.REPLAYED)
    deeds = [
        _deed(
            one.dead_letter_id,
            who,
            DeadLetterAction(one.result.value),
            source=one.source,
            event_id=one.event_id,
            stream=one.stream,
            entry_id=one.entry_id,
            raw=None if attempt.raw == attempt.letter.raw else attempt.raw,
            detail=f"{one.reason}: {one.detail}" if one.reason else one.detail,
        )
        for attempt, one in zip(attempts, done, strict=True)
    ]
    DeadLetterActionRepository(connection).add(deeds)


def _closed(letters: Sequence[DeadLetter], attempts: Sequence[_Attempt]) -> list[Done]:
    tried = {attempt.letter.id for attempt in attempts}
    return [
        Done(dead_letter_id=letter.id, result=Result.CLOSED, status=letter.status)
        for letter in letters
        if letter.id not in tried
    ]


def _deed(dead_letter_id: str, who: str, action: DeadLetterAction, **facts: Any) -> DeadLetterDeed:
    return DeadLetterDeed(id=new_id("act"), dead_letter_id=dead_letter_id, at=now(), who=who, action=action, **facts)


def _publish_error(error: Exception) -> PublishError:
    if isinstance(error, redis.exceptions.OutOfMemoryError) or str(error).startswith("OOM"):
        return BrokerFull("Redis is full; what it did not take is still open: replay it when the backlog is recorded")
    return PublishError(f"Redis refuses; what it did not take is still open: {error}")
