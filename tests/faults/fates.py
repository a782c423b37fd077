"""What became of odd entries, against what must have become of each (`tests.faults.odd`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from flowledger.domain.errors import Reason
from flowledger.storage import tables
from tests.faults.histories import SOURCE
from tests.faults.judge import Others, Verdict
from tests.faults.names import keeps
from tests.faults.odd import Fate, Odd
from tests.rows import HAS_TEXT


@dataclass(frozen=True)
class Sent:
    """An odd entry that the broker has accepted."""

    odd: Odd
    stream: str
    entry_id: str

    def __str__(self) -> str:
        return f"{self.odd.what} ({self.stream} {self.entry_id}, {self.odd.fate.name})"


def others(sent: Iterable[Sent]) -> Others:
    """For the judge of the healthy events."""
    entries = frozenset((one.stream, one.entry_id) for one in sent)
    bodies = frozenset(one.odd.body for one in sent if one.odd.body)
    return Others(strangers=True, bodies=bodies, entries=entries)


def judge_fates(connection: Connection, sent: Sequence[Sent], verdict: Verdict) -> list[str]:
    """Adds to the verdict what did not become what it must; returns the subjects of those that were recorded."""
    journal = _journal(connection)
    letters = _letters(connection, sent)
    wrong: dict[str, list[str]] = {}
    recorded = []
    for one in sent:
        stands = journal.get(one.odd.event_id) == one.odd.body != b""
        letter = letters.get((one.stream, one.entry_id)) or letters.get(one.odd.body)
        if stands:
            recorded.append(one.odd.subject)
        words = _wrong(one, stands, one.odd.event_id in journal, letter)
        if words:
            wrong.setdefault(words, []).append(str(one))
    for words, which in wrong.items():
        verdict.say(f"odd entries: {words}", which, len(which))
    return recorded


def _wrong(one: Sent, stands: bool, is_known: bool, letter: Any) -> str:
    """Why this is not what must have become of the entry; empty if it is."""
    if letter is not None and (letter.reason not in set(Reason) or not letter.detail.strip()):
        return "dead letters without a reason"
    if letter is not None and not keeps(one.odd.fields, bytes(letter.raw), letter.detail):
        return "dead letters without their bytes"
    fate = one.odd.fate
    if fate is Fate.EITHER:
        return "" if stands != (letter is not None) else "neither recorded nor dead, or both"
    if fate is Fate.RECORDED:
        return "" if stands and letter is None else "not recorded"
    if fate is Fate.REPEATED:
        return "" if is_known and letter is None else "the same event in other words is a dead letter"
    if letter is None:
        return "no dead letter"
    is_conflict = letter.reason == Reason.CONFLICT
    return "" if is_conflict == (fate is Fate.CONFLICT) else f"dead letters with the reason {letter.reason}"


def _journal(connection: Connection) -> dict[str, bytes]:
    """The odd events that stand there, by id: each has an id of its own, whatever its source."""
    columns = tables.events.c
    asked = select(columns.id, tables.event_texts.c.raw).join_from(tables.events, tables.event_texts, HAS_TEXT)
    found = connection.execute(asked.where(columns.source != SOURCE))
    return {row.id: row.raw.encode("utf-8", "surrogatepass") for row in found}


def _letters(connection: Connection, sent: Sequence[Sent]) -> dict[object, Any]:
    """Dead letters by their entry, and by their bytes: what was set aside comes back as another entry."""
    columns = tables.dead_letters.c
    asked = select(columns.stream, columns.entry_id, columns.raw, columns.reason, columns.detail)
    found: dict[object, Any] = {}
    unique = {one.odd.body for one in sent if one.odd.body}
    for letter in connection.execute(asked):
        found[letter.stream, letter.entry_id] = letter
        if bytes(letter.raw) in unique:
            found[bytes(letter.raw)] = letter
    return found
