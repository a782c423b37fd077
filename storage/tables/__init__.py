"""The tables of CONTRACT §5, with the columns the merge rule needs beside them.

Columns that end in `_key` hold the key of the event that owns a column group (`storage.groups`); nobody else need read
them. Texts that are compared or looked up have the collation "C": the order of code points, the same on every machine.

What the tables are made of stands in `types` and `columns`. A table that is not named here is none of the metadata.
"""

from __future__ import annotations

from flowledger.storage.tables.columns import DESCRIBED, FIRST_KEY, LAST_KEY, metadata
from flowledger.storage.tables.core import execution_logs, executions, task_logs, tasks
from flowledger.storage.tables.journal import checkpoints, dead_letter_actions, dead_letters, events
from flowledger.storage.tables.ledger import ledger
from flowledger.storage.tables.places import sandboxes, workspaces
from flowledger.storage.tables.post import message_deliveries, messages, outbox
from flowledger.storage.tables.types import CurrentTransaction, Json, JsonText, Name, UtcTime

__all__ = [
    "DESCRIBED",
    "FIRST_KEY",
    "LAST_KEY",
    "CurrentTransaction",
    "Json",
    "JsonText",
    "Name",
    "UtcTime",
    "checkpoints",
    "dead_letter_actions",
    "dead_letters",
    "events",
    "execution_logs",
    "executions",
    "ledger",
    "message_deliveries",
    "messages",
    "metadata",
    "outbox",
    "sandboxes",
    "task_logs",
    "tasks",
    "workspaces",
]
