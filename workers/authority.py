"""Authority: signatures are checked before anything is written, and a signed event counts once, and only in time.

`domain.signatures` says what a signature is and whose it must be. This module adds the time: an entry's id tells when
the entry came to Redis. If `LEDGER_SIGNATURES` is `off`, there is no guard.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, partial
from math import inf
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from flowledger.domain import signatures
from flowledger.domain.envelope import LEDGER_SOURCE, Event
from flowledger.domain.errors import Reason, Refused, SettingsError
from flowledger.domain.events import MessageSent
from flowledger.domain.key_file import KeyFile
from flowledger.domain.owners import REGISTRAR, first_stands
from flowledger.domain.settings import Settings
from flowledger.domain.signatures import Keys, told
from flowledger.domain.signing import KeySigner, Signer
from flowledger.domain.times import written_time
from flowledger.storage import kinds, tables
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.merge.conditions import Condition, Relation, standing_for
from flowledger.storage.retention import beyond
from flowledger.workers.faults import INTERRUPTIONS, OurFault

_SANDBOXES: Final = tables.sandboxes.name
_WORKSPACE: Final = tables.sandboxes.c.workspace_id.name


class Guard:
    """Accepts events whose signer may publish them, and that came within `LEDGER_SIGNATURE_AGE_SECONDS`.

    With `of_any_age` it does not matter when they came: those of an imported file (docs/decisions/0055).
    """

    def __init__(self, settings: Settings, keys: Keys, *, of_any_age: bool = False) -> None:
        self._age_seconds = inf if of_any_age else settings.signature_age_seconds
        self._replay_seconds = inf if of_any_age else settings.replay_seconds
        self._keys = keys

    def refresh(self) -> None:
        """Read the keys again if their file changed. Called before each batch."""
        self._keys.refresh()

    def check(self, event: Event, entry_id: str) -> Sequence[Condition]:
        """Return the conditions under which the signer has the right to publish the event.

        Raises Refused if it is not signed as it must be, or if its entry came too long after its `time`; the ledger's
        own events may be of any age.
        """
        signer = signatures.check(event, self._keys)
        if signer is None:
            return ()
        late = _came(entry_id) - _told(event)
        if abs(late) > self._age_seconds and signer != LEDGER_SOURCE:
            words = f"{_seconds(late)} its time; the limit is {self._age_seconds:,g} s (LEDGER_SIGNATURE_AGE_SECONDS)"
            raise Refused(Reason.REPLAYED, "time", f"a signed event that came {words}")
        return _rights(event, signer)

    def replays(self, known: Sequence[Known], journal: JournalRepository) -> dict[int, Refused]:
        """Return which of these events, all recorded already, somebody else has sent again, and why: by `id` of the
        object.

        Others can see an event only after it was recorded, so their copies come later. A known event that came earlier
        is an entry taken a second time after a crash, or a producer's retry.
        """
        came = {id(event): _came(entry_id) for event, entry_id, _ in known if signatures.speakers(event)}
        late = [event for event, _, _ in known if came.get(id(event), 0.0) - _told(event) > self._replay_seconds]
        recorded = journal.recorded_at(late) if late else {}
        return {
            id(event): self._replayed(event, came[id(event)], at)
            for event in late
            if (at := recorded.get((event.source, event.id))) is not None and came[id(event)] > at.timestamp()
        }

    def _replayed(self, event: Event, came: float, recorded_at: datetime) -> Refused:
        words = f"{_seconds(came - _told(event))} its time; the limit is {self._replay_seconds:g} s"
        recorded = f"recorded already, at {written_time(recorded_at)}"
        return Refused(Reason.REPLAYED, "id", f"{recorded}; this one came {words} (LEDGER_REPLAY_SECONDS)")


class Known(NamedTuple):
    """An event, the id of its entry, and the conditions under which it is recorded."""

    event: Event
    entry_id: str
    conditions: Sequence[Condition]


def conditions_of(event: Event, guard: Guard | None, entry_id: str, bound: str) -> Sequence[Condition]:
    """Return the conditions under which the event is recorded. Raises Refused as `Guard.check` does.

    `bound` is the time from before which events are compared with the horizon (`storage.retention.beyond`).
    """
    rights = () if guard is None else guard.check(event, entry_id)
    return (*beyond.conditions(event, bound), *kinds.conditions_of(event), *rights)


def refused_as_known(
    known: Sequence[Known], connection: Connection, guard: Guard | None, conflict: str, *, was_tried: bool = False
) -> dict[int, Refused]:
    """Return which events are dead letters, and why: by `id` of the object. An event that the journal knows may be one
    because of what is recorded; another one, because a condition does not hold.

    `conflict` is the message for an event with other content. `was_tried`: the database has just recorded none of them.

    If a fault of Flowledger comes up, halving finds the event at which it does, which is a dead letter as well.
    """
    try:
        return _refused_as_known(known, connection, guard, conflict, was_tried=was_tried)
    except (SQLAlchemyError, *INTERRUPTIONS):
        raise
    except Exception as error:
        if len(known) == 1:
            return {id(known[0].event): OurFault(error)}
        middle = len(known) // 2
        first, second = (
            refused_as_known(half, connection, guard, conflict, was_tried=was_tried)
            for half in (known[:middle], known[middle:])
        )
        return first | second


def _refused_as_known(
    known: Sequence[Known], connection: Connection, guard: Guard | None, conflict: str, *, was_tried: bool
) -> dict[int, Refused]:
    journal = JournalRepository(connection)
    # The ledger may say different things of one cause if it tries twice: the first one stands.
    compared = [one for one in known if not first_stands(one.event.source)]
    refused = {} if guard is None else guard.replays(compared, journal)
    conflicting = journal.conflicting([event for event, _, _ in compared])
    refused |= dict.fromkeys(map(id, conflicting), Refused(Reason.CONFLICT, "id", conflict))
    names = {id(event) for event in journal.unknown([one.event for one in known if one.conditions])}
    new = [one for one in known if id(one.event) in names]
    standing = standing_for(connection, (condition for one in new for condition in one.conditions))
    for event, _, conditions in new:
        broken = next(filter(None, (condition.broken(standing) for condition in conditions)), None)
        if broken is not None or was_tried:
            refused[id(event)] = broken or _HELD_AGAIN
    return refused


_HELD_AGAIN: Final = Refused(Reason.CONFLICT, "", "the condition that it broke when it came holds now: replay it")


def _rights(event: Event, signer: str) -> Sequence[Condition]:
    """Return the conditions of broadcasts to a workspace, and of taking a sandbox out of one (docs/decisions/0030)."""
    data = event.data
    if isinstance(data, MessageSent) and data.broadcast and data.workspace_id is not None:
        if signer in (data.workspace_id, REGISTRAR):
            return ()
        where = data.workspace_id
        return (Condition(_SANDBOXES, signer, _WORKSPACE, where, Relation.IS, partial(_no_member, signer, where)),)
    if signatures.changes_membership(event) and signer != REGISTRAR:
        return (
            Condition(_SANDBOXES, event.subject, _WORKSPACE, signer, Relation.IS_IF_ANY, partial(_elsewhere, signer)),
        )
    return ()


def _no_member(sender: str, workspace: str, _found: str | None) -> Refused:
    words = f"{told(sender)} is no sandbox of {told(workspace)}, nor this workspace itself, nor {REGISTRAR}"
    return Refused(Reason.FORGED, "data.workspace_id", f"only they may speak to all of it: {words}")


def _elsewhere(signer: str, found: str | None) -> Refused:
    words = f"the sandbox belongs to {told(found or '')}: only {REGISTRAR} may take it from there"
    return Refused(
        Reason.FORGED, "data.workspace_id", f"{words}, or that workspace itself, and {told(signer)} has signed"
    )


def guard_of(settings: Settings, *, of_any_age: bool = False) -> Guard | None:
    """Return the guard that the settings ask for; None if signatures are not required.

    Raises SettingsError if they are required, and the key file is missing, invalid, or lacks the ledger's own key.
    """
    if settings.signatures == "off":
        return None
    if settings.key_file is None:
        raise SettingsError("LEDGER_SIGNATURES is required, but LEDGER_KEY_FILE names no file with the keys")
    keys = _key_file(settings.key_file)
    keys.refresh()
    KeySigner(keys, LEDGER_SOURCE)
    return Guard(settings, keys, of_any_age=of_any_age)


def own_signer(settings: Settings) -> Signer:
    """Return what signs the ledger's own events, whose source is `/flowledger`. Without a key file they stay unsigned.

    Raises SettingsError if the key file is invalid.
    """
    if settings.key_file is None:
        return lambda envelope: envelope
    return KeySigner(_key_file(settings.key_file), LEDGER_SOURCE)


def entry_id_now() -> str:
    """Return the id of an entry that would come now."""
    return f"{time.time_ns() // 1_000_000}-0"


@cache
def _key_file(path: Path) -> KeyFile:
    """Return this process's reader of the file, which remembers what it has read."""
    return KeyFile(path)


def _came(entry_id: str) -> float:
    """Return when an entry came to Redis, in seconds since the epoch.

    A producer may give an entry an id of the future, and all later entries get greater ids. So the result is never
    later than now.
    """
    return min(int(entry_id.partition("-")[0]) / 1000, time.time())


def _told(event: Event) -> float:
    """Return the event's `time`, in seconds since the epoch. Every signed event has one."""
    return 0.0 if event.time is None else datetime.fromisoformat(event.time).replace(tzinfo=UTC).timestamp()


def _seconds(late: float) -> str:
    return f"{abs(late):,.1f} s {'after' if late > 0 else 'before'}"
