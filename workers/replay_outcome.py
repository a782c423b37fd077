"""The outcome of a replay, looked up each time, so it is never out of date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import redis

from flowledger.domain import readable
from flowledger.domain.envelope import Event, parse
from flowledger.domain.errors import Refused
from flowledger.domain.limits import WIDEST
from flowledger.domain.records import DeadLetterDeed
from flowledger.domain.times import sortable
from flowledger.storage.ledger.dead_letters import DeadLetterRepository, dead_letter_id
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.retention import horizons
from flowledger.storage.unit_of_work import Storage


class Came(StrEnum):
    """Where the replayed event is now."""

    RECORDED = "recorded"
    REFUSED = "refused"
    WAITING = "waiting"
    LOST = "lost"
    FORGOTTEN = "forgotten"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one replay.

    `recorded_at` is the journal's, if the event is recorded. `dead_letter_id` and `detail` are those of the new dead
    letter, if it was refused again.
    """

    came: Came
    recorded_at: datetime | None = None
    dead_letter_id: str | None = None
    detail: str = ""

    def words(self) -> str:
        """Return what came of the replay, as people read it."""
        if self.came is Came.RECORDED:
            return f"recorded at {readable.time(self.recorded_at)}"
        if self.came is Came.REFUSED:
            return f"refused again as {self.dead_letter_id}: {self.detail}"
        return {
            Came.WAITING: "waits to be recorded",
            Came.FORGOTTEN: "not known any more: names of its time are not kept",
            Came.LOST: "neither recorded nor in its stream: replay it with --again",
        }.get(self.came, "not recorded yet (Redis does not say whether it waits)")


def outcome_of(deed: DeadLetterDeed, raw: bytes, storage: Storage, client: redis.Redis | None = None) -> Outcome:
    """Return the outcome of the replay `deed`. `raw` is the dead letter's text, which was sent unless the deed has one.

    LOST: the event is in neither stream nor journal, because somebody deleted the entry or Redis lost its data;
    replay it again. UNKNOWN: it is not recorded, and Redis does not tell whether it waits. FORGOTTEN: it may have
    been recorded, and its name be gone. Raises DatabaseUnavailable.
    """
    assert deed.stream is not None
    assert deed.entry_id is not None
    # Redis first, then the database: an entry leaves its stream after it is recorded.
    waits = _waits(deed.stream, deed.entry_id, client)
    sent = raw if deed.raw is None else deed.raw
    event = _parsed(sent)
    with storage.reading() as connection:
        again = DeadLetterRepository(connection).get(dead_letter_id(deed.stream, deed.entry_id, sent))
        recorded = None if event is None else JournalRepository(connection).recorded_as(event)
        horizon = horizons.read(connection).get("names")
    if again is not None:
        return Outcome(came=Came.REFUSED, dead_letter_id=again.id, detail=f"{again.reason}: {again.detail}")
    if recorded is None and waits is Came.LOST and event and event.time and horizon and event.time < sortable(horizon):
        return Outcome(came=Came.FORGOTTEN)
    return Outcome(came=waits) if recorded is None else Outcome(came=Came.RECORDED, recorded_at=recorded)


def _parsed(sent: bytes) -> Event | None:
    """Return the event that was sent; None if today's rules refuse it."""
    try:
        return parse(sent, WIDEST)
    except Refused:
        return None


def _waits(stream: str, entry_id: str, client: redis.Redis | None) -> Came:
    if client is None:
        return Came.UNKNOWN
    try:
        return Came.WAITING if client.execute_command("XRANGE", stream, entry_id, entry_id) else Came.LOST
    except (redis.RedisError, OSError):
        return Came.UNKNOWN
