"""The vocabulary of the core: one frozen model for the data of each event type of CONTRACT §4.

A new event type touches this file (its class), `workers/recorder.py` (what is done) and the tests. Unknown fields are
ignored here (the journal keeps them). `null` is dropped before a model sees it, but for the fields in `keeps_null`.
"""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from domain.statuses import LEVEL_NAMES, Level, Status
from domain.times import parse_time, written_time

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1


def _level(value: object) -> object:
    return LEVEL_NAMES.get(value.lower(), value) if isinstance(value, str) else value


def _time(value: object) -> object:
    if isinstance(value, str):
        return parse_time(value)
    return value


def _number(value: object) -> object:
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


Id = Annotated[str, Field(min_length=1)]
"""How long it may be, and of which characters, is `domain.envelope.parse`'s to check: the one is a setting."""
Int = Annotated[int, Field(ge=INT64_MIN, le=INT64_MAX)]
Attempt = Annotated[int, Field(ge=1, le=INT64_MAX)]
Seconds = Annotated[float, BeforeValidator(_number), Field(ge=0)]
Fraction = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1)]
LogLevel = Annotated[Level, BeforeValidator(_level)]
Time = Annotated[datetime, BeforeValidator(_time), PlainSerializer(written_time)]


class Error(BaseModel):
    """What went wrong, as its platform says it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    message: str
    type: str | None = None
    traceback: str | None = None


class EventData(BaseModel):
    """Base of the data of all events.

    `event_type` is the CloudEvents `type`; `status` is what the event says of its subject, where it says any;
    `keeps_null` are the fields in which `null` is a value of its own (CONTRACT §2).
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    event_type: ClassVar[str]
    status: ClassVar[Status | None] = None
    keeps_null: ClassVar[frozenset[str]] = frozenset()

    attempt: Attempt = 1


class _Described(EventData):
    """The fields of a description: `created` may carry them, `updated` may change them."""

    @classmethod
    def description(cls) -> frozenset[str]:
        """The names of the fields of the description."""
        return frozenset(cls.model_fields) - {"attempt"}


class _ExecutionDescription(_Described):
    workflow_id: Id | None = None
    workspace_id: Id | None = None
    sandbox_id: Id | None = None
    agent_id: Id | None = None
    user_id: Id | None = None
    parent_execution_id: Id | None = None
    retry_of: str | None = None
    mode: str | None = None
    trigger_type: str | None = None
    input: Any = None
    initial_state: dict[str, Any] | None = None


class _TaskDescription(_Described):
    name: str | None = None
    kind: str | None = None
    execution_id: Id | None = None
    parent_task_id: Id | None = None
    retry_of: str | None = None
    workspace_id: Id | None = None
    sandbox_id: Id | None = None
    agent_id: Id | None = None
    user_id: Id | None = None
    priority: Int | None = None
    input: Any = None


class _Queued(EventData):
    status = Status.QUEUED
    queue: str | None = None


class _Reasoned(EventData):
    reason: str | None = None


class _Retrying(EventData):
    """`attempt` is the new one, and required."""

    status = Status.RETRYING
    attempt: Attempt
    error: Error | None = None
    delay_seconds: Seconds | None = None


class _TimedOut(EventData):
    status = Status.TIMED_OUT
    timeout_seconds: Seconds | None = None


class _Logged(EventData):
    message: str
    level: LogLevel = Level.INFO
    logger: str | None = None
    context: dict[str, Any] | None = None


class ExecutionCreated(_ExecutionDescription):
    event_type = "execution.created"
    status = Status.PENDING


class ExecutionUpdated(_ExecutionDescription):
    event_type = "execution.updated"
    keeps_null = _ExecutionDescription.description()


class ExecutionQueued(_Queued):
    event_type = "execution.queued"


class ExecutionStarted(EventData):
    event_type = "execution.started"
    status = Status.RUNNING


class ExecutionPaused(_Reasoned):
    event_type = "execution.paused"
    status = Status.PAUSED


class ExecutionResumed(EventData):
    event_type = "execution.resumed"
    status = Status.RUNNING


class ExecutionRetrying(_Retrying):
    event_type = "execution.retrying"


class ExecutionCheckpointed(EventData):
    event_type = "execution.checkpointed"
    state: dict[str, Any]
    iterations: Int | None = None


class ExecutionCompleted(EventData):
    event_type = "execution.completed"
    status = Status.COMPLETED
    keeps_null = frozenset({"output"})
    output: Any = None
    final_state: dict[str, Any] | None = None
    iterations: Int | None = None
    usage: dict[str, Any] | None = None


class ExecutionFailed(EventData):
    event_type = "execution.failed"
    status = Status.FAILED
    error: Error
    final_state: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None


class ExecutionCancelled(_Reasoned):
    event_type = "execution.cancelled"
    status = Status.CANCELLED


class ExecutionTimedOut(_TimedOut):
    event_type = "execution.timed_out"


class ExecutionLogged(_Logged):
    event_type = "execution.logged"
    node: Id | None = None
    iteration: Int | None = None


class NodeData(EventData):
    """Base of the events of one node run: `attempt` is the node's, `iteration` counts the turns of a cyclic graph."""

    node: Id
    iteration: Int = 1


class NodeStarted(NodeData):
    event_type = "node.started"
    status = Status.RUNNING
    keeps_null = frozenset({"input"})
    agent_id: Id | None = None
    input: Any = None


class NodeRetrying(NodeData):
    event_type = "node.retrying"
    status = Status.RETRYING
    attempt: Attempt
    error: Error | None = None


class NodeCompleted(NodeData):
    event_type = "node.completed"
    status = Status.COMPLETED
    keeps_null = frozenset({"output"})
    output: Any = None
    state: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None


class NodeFailed(NodeData):
    event_type = "node.failed"
    status = Status.FAILED
    error: Error
    state: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None


class NodeSkipped(NodeData):
    event_type = "node.skipped"
    status = Status.SKIPPED
    reason: str | None = None


class TaskCreated(_TaskDescription):
    event_type = "task.created"
    status = Status.PENDING


class TaskUpdated(_TaskDescription):
    event_type = "task.updated"
    keeps_null = _TaskDescription.description()


class TaskQueued(_Queued):
    event_type = "task.queued"


class TaskStarted(EventData):
    event_type = "task.started"
    status = Status.RUNNING
    worker: str | None = None


class TaskProgressed(EventData):
    event_type = "task.progressed"
    progress: Fraction
    message: str | None = None


class TaskRetrying(_Retrying):
    event_type = "task.retrying"


class TaskCompleted(EventData):
    event_type = "task.completed"
    status = Status.COMPLETED
    keeps_null = frozenset({"output"})
    output: Any = None
    usage: dict[str, Any] | None = None


class TaskFailed(EventData):
    event_type = "task.failed"
    status = Status.FAILED
    error: Error
    usage: dict[str, Any] | None = None


class TaskCancelled(_Reasoned):
    event_type = "task.cancelled"
    status = Status.CANCELLED


class TaskSkipped(_Reasoned):
    event_type = "task.skipped"
    status = Status.SKIPPED


class TaskTimedOut(_TimedOut):
    event_type = "task.timed_out"


class TaskLogged(_Logged):
    event_type = "task.logged"


MessageType = Literal["request", "response", "notification", "command"]
MESSAGE_TYPES: Final[tuple[str, ...]] = get_args(MessageType)


class MessageData(EventData):
    """Base of the events of a message."""


class MessageSent(MessageData):
    """To some sandboxes by name, or to all of a workspace (`broadcast`)."""

    event_type = "message.sent"
    keeps_null = frozenset({"content"})
    from_sandbox_id: Id
    to_sandbox_ids: Annotated[list[Id], Field(min_length=1)] | None = None
    broadcast: bool = False
    message_type: MessageType
    content: Any
    workspace_id: Id | None = None
    thread_id: Id | None = None
    in_reply_to: str | None = None
    execution_id: Id | None = None
    task_id: Id | None = None
    expires_at: Time | None = None
    priority: Int | None = None

    @model_validator(mode="after")
    def _addressed(self) -> MessageSent:
        if self.broadcast and self.to_sandbox_ids is not None:
            raise ValueError("give to_sandbox_ids or broadcast, not both")
        if self.broadcast and self.workspace_id is None:
            raise ValueError("a broadcast needs the workspace_id it goes to")
        if not self.broadcast and self.to_sandbox_ids is None:
            raise ValueError("give to_sandbox_ids, or broadcast with a workspace_id")
        return self


class MessageDelivered(MessageData):
    event_type = "message.delivered"
    to_sandbox_id: Id


class MessageFailed(MessageData):
    event_type = "message.failed"
    to_sandbox_id: Id
    reason: str


class MessageDispatched(MessageData):
    """The ledger's own: the message was put into the recipient's inbox."""

    event_type = "message.dispatched"
    to_sandbox_id: Id


class MessageExpired(MessageData):
    """The ledger's own: the recipient did not take the message in time."""

    event_type = "message.expired"
    to_sandbox_id: Id


EVENT_TYPES: Final[dict[str, type[EventData]]] = {
    model.event_type: model
    for model in (
        ExecutionCreated,
        ExecutionUpdated,
        ExecutionQueued,
        ExecutionStarted,
        ExecutionPaused,
        ExecutionResumed,
        ExecutionRetrying,
        ExecutionCheckpointed,
        ExecutionCompleted,
        ExecutionFailed,
        ExecutionCancelled,
        ExecutionTimedOut,
        ExecutionLogged,
        NodeStarted,
        NodeRetrying,
        NodeCompleted,
        NodeFailed,
        NodeSkipped,
        TaskCreated,
        TaskUpdated,
        TaskQueued,
        TaskStarted,
        TaskProgressed,
        TaskRetrying,
        TaskCompleted,
        TaskFailed,
        TaskCancelled,
        TaskSkipped,
        TaskTimedOut,
        TaskLogged,
        MessageSent,
        MessageDelivered,
        MessageFailed,
        MessageDispatched,
        MessageExpired,
    )
}
"""Every type of the core and the model of its data."""
