"""The kinds of records in the database: the table of contents, one line per kind.

Recorder, verify, repair and show read it. The file of a kind defines what its events write, in `KIND.events`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Table

from flowledger.domain.envelope import Event
from flowledger.domain.json_text import plain
from flowledger.domain.kinds.base import EventData
from flowledger.storage.engines.pipeline import Transaction
from flowledger.storage.kinds import (
    agents,
    audit,
    collaborations,
    custom_nodes,
    executions,
    knowledge,
    mcp_servers,
    messages,
    metrics,
    sandboxes,
    schedules,
    tasks,
    users,
    webhooks,
    workflows,
    workspaces,
)
from flowledger.storage.kinds.kind import Kind, Listed, Writer
from flowledger.storage.ledger import outbox, schedule_due
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.merge.conditions import Condition
from flowledger.storage.merge.writes import Removal
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import OWNER, metadata

KINDS: Final[tuple[Kind, ...]] = (
    executions.KIND,
    tasks.KIND,
    messages.KIND,
    workspaces.KIND,
    sandboxes.KIND,
    agents.KIND,
    workflows.KIND,
    users.KIND,
    custom_nodes.KIND,
    mcp_servers.KIND,
    webhooks.KIND,
    schedules.KIND,
    collaborations.KIND,
    knowledge.KIND,
    metrics.KIND,
    audit.KIND,
)

OF_ANY: Final[tuple[Listed, ...]] = tuple(listed for kind in KINDS for listed in kind.lists if listed.tail)
"""The lists of ids of which nothing else need be recorded: what was measured there, what was done to them, and their
log, which may be kept for longer than they are.
"""

EVENT_HANDLERS: Final[dict[type[EventData], tuple[Writer, ...]]] = {
    model: writers for kind in KINDS for model, writers in kind.events.items()
}
"""For each event type, the writes that record it, in order: a row before the rows that refer to it."""

CONDITIONS: Final = {model: conditions for kind in KINDS for model, conditions in kind.conditions.items()}
"""For each event type that has conditions, those that must hold in the tables for it to be recorded."""

MERGED: Final[tuple[Table, ...]] = tuple(table for kind in KINDS for table in kind.tables)
"""The tables whose rows are a function of the journal; a table comes before those that refer to it."""

_ACTING: Final = frozenset({outbox.TABLE.name, schedule_due.CHANGES.name})
"""Tables whose rows say what the ledger still has to do."""

LISTED: Final[dict[str, type[Repository[Any]]]] = {
    repository.table.name: repository for kind in KINDS for repository in kind.repositories
}
"""The tables whose records are listed, and who reads them."""


def conditions_of(event: Event) -> Sequence[Condition]:
    """Return the conditions that must hold in the tables for the event to be recorded, with any signer."""
    return [condition(event) for condition in CONDITIONS.get(type(event.data), ())]


def transaction_of(event: Event, shard: int, recorded_at: str, conditions: Sequence[Condition] = ()) -> Transaction:
    """Return the transaction that records an event if the `conditions` hold."""
    writes = [writer(event, recorded_at) for writer in EVENT_HANDLERS[type(event.data)]]
    journal = JournalRepository.row(event, shard, recorded_at)
    kept = [write for write in writes if write is not None]
    owner = event.data.owner()
    named = () if owner is None else (plain(owner),)
    return Transaction(journal, kept, conditions, named, event.data.begins_part)


def transaction_of_past(
    event: Event, shard: int, recorded_at: str, conditions: Sequence[Condition] = ()
) -> Transaction:
    """Return the same without the rows that make the ledger act: no message waits for an inbox, no schedule is due.

    A report that a message has come to its end still takes it out of the outbox. Of a schedule is written that nothing
    was due before.
    """
    transaction = transaction_of(event, shard, recorded_at, conditions)
    writes = [one for one in transaction.writes if isinstance(one, Removal) or one.table not in _ACTING]
    if any(one.table == schedule_due.CHANGES.name for one in transaction.writes):
        writes.append(schedule_due.note_past(event, recorded_at))
    return transaction._replace(writes=writes)


def kind_of(model: type[EventData]) -> Kind:
    """Return the kind whose events have this model."""
    return next(kind for kind in KINDS if model in kind.events)


def owners_of(table: Table) -> list[tuple[Table, str]]:
    """Return the owners of a merged table's rows: first tables of kinds, each with the column of the subject's id."""
    keys = [(key.column.table, key.parent.name) for key in table.foreign_keys]
    keys += [(metadata.tables[one.info[OWNER]], one.name) for one in table.c if OWNER in one.info]
    if keys:
        return sorted(keys, key=lambda one: MERGED.index(one[0]))
    return [(kind.table, kind.subject) for kind in KINDS if table in kind.tables]
