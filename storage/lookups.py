"""The look-ups of all kinds of records, by name: `from flowledger import lookups` (docs/contract/lookups.md)."""

from __future__ import annotations

from flowledger.storage.kinds.agents import AgentRepository
from flowledger.storage.kinds.audit import AuditLogRepository
from flowledger.storage.kinds.collaborations import CollaborationRepository
from flowledger.storage.kinds.custom_nodes import CustomNodeRepository
from flowledger.storage.kinds.executions import ExecutionLogRepository, ExecutionRepository
from flowledger.storage.kinds.knowledge import KnowledgeRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.mcp_servers import McpServerRepository
from flowledger.storage.kinds.messages import DeliveryRepository, MessageRepository
from flowledger.storage.kinds.metrics import MetricDayRepository, MetricHourRepository, MetricRepository
from flowledger.storage.kinds.sandboxes import SandboxRepository
from flowledger.storage.kinds.schedules import ScheduleRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.kinds.users import UserRepository
from flowledger.storage.kinds.webhooks import WebhookRepository
from flowledger.storage.kinds.workflows import WorkflowRepository, WorkflowVersionRepository
from flowledger.storage.kinds.workspaces import WorkspaceRepository
from flowledger.storage.paging import BadCursor, Page

__all__ = [
    "AgentRepository",
    "AuditLogRepository",
    "BadCursor",
    "CollaborationRepository",
    "CustomNodeRepository",
    "DeliveryRepository",
    "ExecutionLogRepository",
    "ExecutionRepository",
    "KnowledgeRepository",
    "McpServerRepository",
    "MessageRepository",
    "MetricDayRepository",
    "MetricHourRepository",
    "MetricRepository",
    "Page",
    "SandboxRepository",
    "ScheduleRepository",
    "TaskLogRepository",
    "TaskRepository",
    "UserRepository",
    "WebhookRepository",
    "WorkflowRepository",
    "WorkflowVersionRepository",
    "WorkspaceRepository",
]
