"""The tables that other files use by name. Importing this module declares every table and view (CONTRACT §5)."""

from __future__ import annotations

from flowledger.storage.kinds.executions import NODE_RUNS as execution_logs
from flowledger.storage.kinds.executions import TABLE as executions
from flowledger.storage.kinds.logs import TABLE as task_logs
from flowledger.storage.kinds.messages import DELIVERIES as message_deliveries
from flowledger.storage.kinds.messages import TABLE as messages
from flowledger.storage.kinds.sandboxes import TABLE as sandboxes
from flowledger.storage.kinds.tasks import TABLE as tasks
from flowledger.storage.kinds.workspaces import TABLE as workspaces
from flowledger.storage.ledger.checkpoints import TABLE as checkpoints
from flowledger.storage.ledger.dead_letter_actions import TABLE as dead_letter_actions
from flowledger.storage.ledger.dead_letters import TABLE as dead_letters
from flowledger.storage.ledger.drains import TABLE as drains
from flowledger.storage.ledger.event_texts import TABLE as event_texts
from flowledger.storage.ledger.identity import TABLE as ledger
from flowledger.storage.ledger.journal import TABLE as events
from flowledger.storage.ledger.outbox import TABLE as outbox
from flowledger.storage.ledger.schedule_due import CHANGES as schedule_changes
from flowledger.storage.ledger.schedule_due import LOOKS as schedule_looks
from flowledger.storage.ledger.schedule_due import TABLE as schedule_due
from flowledger.storage.people.passwords import TABLE as passwords
from flowledger.storage.people.sessions import TABLE as sessions
from flowledger.storage.people.tries import TABLE as sign_in_tries
from flowledger.storage.retention.departed import TABLE as departed
from flowledger.storage.retention.erasures import TABLE as erasures
from flowledger.storage.retention.holds import HELD as held
from flowledger.storage.retention.holds import HOLDS as holds
from flowledger.storage.retention.horizons import TABLE as horizons
from flowledger.storage.retention.rounds import TABLE as rounds
from flowledger.storage.retention.sizes import TABLE as sizes
from flowledger.storage.schema.columns import FIRST_KEY, LAST_KEY, metadata
from flowledger.storage.schema.types import CurrentTransaction, DecimalText, Json, JsonText, Name, UtcTime
from flowledger.storage.vault.credentials import TABLE as credentials
from flowledger.storage.vault.secrets import TABLE as secrets
from flowledger.storage.views import VIEWS

__all__ = [
    "FIRST_KEY",
    "LAST_KEY",
    "VIEWS",
    "CurrentTransaction",
    "DecimalText",
    "Json",
    "JsonText",
    "Name",
    "UtcTime",
    "checkpoints",
    "credentials",
    "dead_letter_actions",
    "dead_letters",
    "departed",
    "drains",
    "erasures",
    "event_texts",
    "events",
    "execution_logs",
    "executions",
    "held",
    "holds",
    "horizons",
    "ledger",
    "message_deliveries",
    "messages",
    "metadata",
    "outbox",
    "passwords",
    "rounds",
    "sandboxes",
    "schedule_changes",
    "schedule_due",
    "schedule_looks",
    "secrets",
    "sessions",
    "sign_in_tries",
    "sizes",
    "task_logs",
    "tasks",
    "workspaces",
]
