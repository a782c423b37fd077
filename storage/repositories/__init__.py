"""One repository per record: the writes of the merge rule, and the reads that people and programs ask for."""

from flowledger.storage.repositories.checkpoints import CheckpointRepository
from flowledger.storage.repositories.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.repositories.dead_letters import DeadLetterFilter, DeadLetterRepository
from flowledger.storage.repositories.executions import ExecutionLogRepository, ExecutionRepository
from flowledger.storage.repositories.journal import JournalRepository
from flowledger.storage.repositories.ledger import LedgerRepository
from flowledger.storage.repositories.messages import DeliveryRepository, MessageRepository
from flowledger.storage.repositories.outbox import OutboxRepository
from flowledger.storage.repositories.tasks import TaskLogRepository, TaskRepository
from flowledger.storage.repositories.undelivered import UndeliveredRepository
from flowledger.storage.repositories.workspaces import SandboxRepository, WorkspaceRepository

__all__ = [
    "CheckpointRepository",
    "DeadLetterActionRepository",
    "DeadLetterFilter",
    "DeadLetterRepository",
    "DeliveryRepository",
    "ExecutionLogRepository",
    "ExecutionRepository",
    "JournalRepository",
    "LedgerRepository",
    "MessageRepository",
    "OutboxRepository",
    "SandboxRepository",
    "TaskLogRepository",
    "TaskRepository",
    "UndeliveredRepository",
    "WorkspaceRepository",
]
