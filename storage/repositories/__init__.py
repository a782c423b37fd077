"""One repository per record: the writes of the merge rule, and the reads that people and programs ask for."""

from storage.repositories.checkpoints import CheckpointRepository
from storage.repositories.dead_letter_actions import DeadLetterActionRepository
from storage.repositories.dead_letters import DeadLetterFilter, DeadLetterRepository
from storage.repositories.executions import ExecutionLogRepository, ExecutionRepository
from storage.repositories.journal import JournalRepository
from storage.repositories.ledger import LedgerRepository
from storage.repositories.messages import DeliveryRepository, MessageRepository
from storage.repositories.outbox import OutboxRepository
from storage.repositories.tasks import TaskLogRepository, TaskRepository
from storage.repositories.undelivered import UndeliveredRepository
from storage.repositories.workspaces import SandboxRepository, WorkspaceRepository

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
