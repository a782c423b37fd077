"""The judge: what was accepted against what stands in the database, invariants I1 to I5 (docs/reliability.md).

It goes through the journal subject by subject, in bounded memory: the oracle makes each subject's rows of its events,
and the rows that stand there must be those, no more and no fewer.
"""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, func, select

from flowledger.domain.errors import Reason
from flowledger.storage import tables
from tests import rows
from tests.faults import bygone
from tests.faults.accepted import Accepted
from tests.faults.histories import SANDBOXES, SOURCE
from tests.faults.names import keeps
from tests.oracle import Recorded

_CHUNK: Final = 20_000
"""Events of whole subjects that are judged at a time."""
_TOLD: Final = 5
"""How many of the same kind of error are told in words."""
_OWN: Final = "/flowledger"
"""The source of the ledger's own events: nobody accepted them."""
_LOGGED: Final = ("task.logged", "execution.logged")
"""The types of which each event is a log line."""


@dataclass
class Verdict:
    """What the judge found; `errors` in words, empty where all invariants hold."""

    accepted: int = 0
    recorded: int = 0
    lost: int = 0
    """I1: accepted, and neither in the journal nor a dead letter."""
    doubled: int = 0
    """I2: effects that no event accounts for: rows too many, events twice in the journal."""
    dead: int = 0
    is_given: bool = False
    """Whether the judge was asked at all: a row may fail before."""
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def say(self, what: str, found: Iterable[object], count: int) -> None:
        if count:
            examples = ", ".join(str(one) for one in list(found)[:_TOLD])
            self.errors.append(f"{what}: {count} ({examples})")

    def take(self, other: Verdict) -> None:
        """Adds what was found before, or by others."""
        self.lost += other.lost
        self.doubled += other.doubled
        self.errors = other.errors + self.errors


@dataclass(frozen=True)
class Others:
    """What the row judges by itself: events of strangers, and dead letters with these bytes or entries."""

    strangers: bool = False
    """Whether there are events of others than the harness's producers."""
    bodies: frozenset[bytes] = frozenset()
    entries: frozenset[tuple[str, str]] = frozenset()
    """Stream and id."""


_NOBODY: Final = Others()


def judge(
    engine: Engine,
    accepted: Accepted,
    refused: Iterable[bytes] = (),
    *,
    marks_lost: bool = False,
    others: Others = _NOBODY,
) -> Verdict:
    """Judges all that stands in the database; `refused` are the bodies that must be dead letters, and nothing else.

    `marks_lost`: the broker lost what it knew of the inboxes, so a message may have been put there again. The rows
    of `others` are judged all the same (I3).
    """
    began = time.monotonic()
    verdict = Verdict(accepted=len(accepted.ids), is_given=True)
    with engine.connect() as connection:
        known = _journal(connection, accepted, verdict, others)
        _dead_letters(connection, accepted, known, list(refused), verdict, others)
        _count_rows(connection, verdict)
        if not marks_lost:
            _count_dispatches(connection, verdict)
    verdict.seconds = time.monotonic() - began
    return verdict


def _journal(connection: Connection, accepted: Accepted, verdict: Verdict, others: Others) -> set[str]:
    """I2 and I3, subject by subject; returns the ids that stand in the journal."""
    known: set[str] = set()
    changed: list[str] = []
    invented: list[str] = []
    differences: list[str] = []
    twice = 0
    after = ""
    for chunk, until in _subjects(connection):
        for event in chunk:
            if event.source == _OWN or (others.strangers and _is_strangers(event, accepted)):
                continue
            twice += event.id in known
            known.add(event.id)
            checksum = accepted.sent.get(event.id)
            if checksum is None or not event.source.startswith((SOURCE, SANDBOXES)):
                invented.append(event.id)
            elif checksum != zlib.crc32(event.raw.encode("utf-8", "surrogatepass")):
                changed.append(event.id)
        wanted = rows.expected(Recorded(event.raw, event.recorded_at) for event in chunk)
        differences += rows.compare(rows.rows(connection, (after, until or bygone.FIRST)), wanted)
        verdict.recorded += len(chunk)
        after = until or after
    verdict.doubled = twice + sum("unexpected" in difference for difference in differences)
    verdict.say("in the journal with other bytes", changed, len(changed))
    verdict.say("in the journal, and nobody sent it", invented, len(invented))
    verdict.say("rows that differ from the model's", differences, len(differences))
    return known


def _is_strangers(event: Any, accepted: Accepted) -> bool:
    """Whether no producer of the harness sent it: these speak of messages in the name of sandboxes, as others do."""
    return event.source != SOURCE and not (event.source.startswith(SANDBOXES) and event.id in accepted.sent)


def _with_texts(*columns: Any) -> Select[Any]:
    return select(*columns).join_from(tables.events, tables.event_texts, rows.HAS_TEXT)


def _subjects(connection: Connection) -> Iterator[tuple[list[Any], str | None]]:
    """The journal in chunks of whole subjects, and the last subject of each; None with the last chunk."""
    columns = tables.events.c
    ordered = _with_texts(columns.source, columns.id, columns.subject, tables.event_texts.c.raw, columns.recorded_at)
    ordered = ordered.where(columns.subject < bygone.FIRST)
    stream = connection.execution_options(yield_per=5000).execute(ordered.order_by(columns.subject))
    chunk: list[Any] = []
    for event in stream:
        if len(chunk) >= _CHUNK and event.subject != chunk[-1].subject:
            yield chunk, chunk[-1].subject
            chunk = []
        chunk.append(event)
    yield chunk, None


def _dead_letters(
    connection: Connection,
    accepted: Accepted,
    known: set[str],
    refused: Sequence[bytes],
    verdict: Verdict,
    others: Others,
) -> None:
    """I1 and I5: whatever is not in the journal has a dead letter, which has a reason in words and its bytes."""
    columns = tables.dead_letters.c
    wanted_columns = (columns.raw, columns.reason, columns.detail, columns.event_id, columns.stream, columns.entry_id)
    letters = connection.execute(select(*wanted_columns)).all()
    bodies = Counter(bytes(letter.raw) for letter in letters)
    verdict.dead = len(letters)
    dead = {letter.event_id for letter in letters}
    lost = accepted.ids - known - dead
    verdict.lost = len(lost)
    verdict.say("accepted and lost", lost, len(lost))
    wordless = [letter.reason for letter in letters if letter.reason not in set(Reason) or not letter.detail.strip()]
    verdict.say("dead letters without a reason", wordless, len(wordless))
    wanted = set(refused)
    unasked = [
        letter
        for letter in letters
        if bytes(letter.raw) not in wanted
        and bytes(letter.raw) not in others.bodies
        and (letter.stream, letter.entry_id) not in others.entries
    ]
    nowhere = []
    for body in (body for body in refused if not bodies[body]):
        in_part = [letter for letter in unasked if keeps((b"event", body), bytes(letter.raw), letter.detail)]
        unasked = [letter for letter in unasked if letter not in in_part]
        nowhere += [] if in_part else [body[:40]]
    verdict.say("refused, and its bytes are nowhere", nowhere, len(nowhere))
    unexpected = [f"{letter.reason}: {letter.detail}" for letter in unasked]
    verdict.say("dead letters of healthy events", unexpected, len(unexpected))


def _count_rows(connection: Connection, verdict: Verdict) -> None:
    """Effects against events, once more and in another way: a log line for each event that logs."""
    young = tables.events.c.subject < bygone.FIRST
    logged = select(func.count()).select_from(tables.events).where(tables.events.c.type.in_(_LOGGED), young)
    lines = select(func.count()).select_from(tables.task_logs)
    lines = lines.where(func.coalesce(tables.task_logs.c.task_id, tables.task_logs.c.execution_id) < bygone.FIRST)
    events, effects = connection.execute(logged).scalar_one(), connection.execute(lines).scalar_one()
    if events != effects:
        verdict.errors.append(f"{effects} log lines of {events} events that log")


def _count_dispatches(connection: Connection, verdict: Verdict) -> None:
    """A message goes into an inbox once; that it did is an event, one for each message and recipient."""
    columns = tables.events.c
    dispatches = _with_texts(columns.subject, tables.event_texts.c.raw).where(
        columns.type == "message.dispatched", columns.source == _OWN
    )
    stream = connection.execution_options(yield_per=5000).execute(dispatches)
    puts = Counter((event.subject, json.loads(event.raw)["data"]["to_sandbox_id"]) for event in stream)
    again = [put for put, times in puts.items() if times > 1]
    verdict.doubled += len(again)
    verdict.say("messages put into an inbox again", again, len(again))
