"""Recording events as a worker does, and looking at what stands afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, select

from flowledger.domain.envelope import LEDGER_SOURCE
from flowledger.domain.limits import Limits
from flowledger.domain.records import DeadLetter
from flowledger.storage import tables
from flowledger.storage.ledger.dead_letters import ALL, DeadLetterRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.entries import Entry
from flowledger.workers.recorder import Recorded, Recorder
from tests import rows
from tests.builders import entries

_TABLES: Final = [table for table in reversed(tables.metadata.sorted_tables) if table is not tables.ledger]


@dataclass(frozen=True)
class ShardRecorder:
    """Records entries as those of one shard."""

    recorder: Recorder
    shard: int

    def record(self, entries: Iterable[Entry]) -> Recorded:
        return self.recorder.record([entry._replace(shard=self.shard) for entry in entries])


def recorder(storage: Storage, shard: int = 0, **limits: int) -> ShardRecorder:
    return ShardRecorder(Recorder(storage, Limits(**limits)), shard)


def record(storage: Storage, *events: bytes | Mapping[str, Any], start: int = 1) -> Recorded:
    """Records events in one batch, in this order."""
    return recorder(storage).record(entries(events, start))


def record_batches(storage: Storage, batches: Iterable[Sequence[bytes]]) -> Recorded:
    """Records batch after batch."""
    total, start = Recorded(), 1
    for batch in batches:
        total += record(storage, *batch, start=start)
        start += len(batch)
    return total


def record_entry(storage: Storage, *fields: bytes, entry_id: str = "1-0") -> Recorded:
    """Records one entry with these fields: name, value, name, value …"""
    return recorder(storage).record([Entry(entry_id, fields)])


def own_events(storage: Storage) -> list[str]:
    """What the ledger itself said, as it stands in the journal."""
    of_ledger = rows.JOURNAL.where(tables.events.c.source == LEDGER_SOURCE)
    with storage.reading() as connection:
        return list(connection.execute(of_ledger).scalars())


def empty(storage: Storage) -> None:
    """Takes all rows out of all tables, but for the ledger's own, in one round trip."""
    deletions = [f"DELETE FROM {table.name}" for table in _TABLES]
    with storage.engine.begin() as connection:
        for statement in ["; ".join(deletions)] if connection.dialect.name == "postgresql" else deletions:
            connection.exec_driver_sql(statement)


def text_of(*ids: str) -> ColumnElement[bool]:
    """The condition: it is the text of one of these events."""
    return tables.event_texts.c.meaning.in_(select(tables.events.c.meaning).where(tables.events.c.id.in_(ids)))


def without_text(*ids: str) -> Any:
    """The deletion of the texts of these events."""
    return delete(tables.event_texts).where(text_of(*ids))


def by_hand(storage: Storage, *statements: Any) -> None:
    """What somebody does to the tables behind the ledger's back."""
    with storage.engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def differences(storage: Storage) -> list[str]:
    """How the rows differ from the merge rule's; see `tests.rows`."""
    with storage.reading() as connection:
        return rows.differences(connection)


def all_rows(storage: Storage) -> rows.Rows:
    with storage.reading() as connection:
        return rows.rows(connection)


def row(storage: Storage, table: str, *key: Any) -> dict[str, Any]:
    """One row of a table by its primary key."""
    return all_rows(storage)[table][key]


def count(storage: Storage, table: str) -> int:
    with storage.reading() as connection:
        return connection.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one()


def dead_letters(storage: Storage) -> list[DeadLetter]:
    """All dead letters, in order of their entries."""
    with storage.reading() as connection:
        letters = DeadLetterRepository(connection).oldest(ALL, limit=1000).items
    return sorted(letters, key=lambda letter: [int(part) for part in letter.entry_id.split("-")])
