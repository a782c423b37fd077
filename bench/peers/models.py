"""The parts that both peers share: the CloudEvent that they parse and the tables that they write.

The tables are small, as users would start with; the prefix `peer_` separates them from Flowledger's. They
need PostgreSQL: inserts that must not fail on a retry use ON CONFLICT.
"""

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import DateTime, Engine, Text, func
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

STATUS_OF = {
    "created": "pending",
    "retrying": "retrying",
    "queued": "queued",
    "started": "running",
    "paused": "paused",
    "resumed": "running",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "timed_out": "timed_out",
    "skipped": "skipped",
}
RANK = {"pending": 0, "retrying": 1, "queued": 2, "running": 3, "paused": 3}
TERMINAL = 4


class CloudEvent(BaseModel):
    """A CloudEvents 1.0 envelope in structured mode; attributes not named here are ignored."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    subject: str
    time: AwareDatetime | None = None
    data: dict[str, Any] = Field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The kind of the event's subject: `task` of `task.started`."""
        return self.type.partition(".")[0]

    @property
    def verb(self) -> str:
        """What happened to the subject: `started` of `task.started`."""
        return self.type.partition(".")[2]


class Base(DeclarativeBase):
    """The metadata of the peers' tables: text without a length, times with a zone, JSON as JSONB."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        Any: JSONB(none_as_null=True),
    }


class PeerEvent(Base):
    """The journal: one row for each event, whose key makes a duplicate visible."""

    __tablename__ = "peer_events"

    source: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    subject: Mapped[str]
    time: Mapped[datetime | None]
    data: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @staticmethod
    def values_of(event: CloudEvent) -> dict[str, Any]:
        """Return the row of an event, as the parameters of INSERT_EVENT."""
        return event.model_dump(exclude={"specversion"})


# Returns the id if the event is new, and nothing if it is a duplicate.
INSERT_EVENT = insert(PeerEvent).on_conflict_do_nothing().returning(PeerEvent.id)


class Subject(Base):
    """The columns and the rules that executions and tasks have in common."""

    __abstract__ = True
    FIELDS: ClassVar[frozenset[str]]

    id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(default="pending")
    attempt: Mapped[int] = mapped_column(default=1)
    input: Mapped[Any | None]
    output: Mapped[Any | None]
    error: Mapped[Any | None]
    created_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @classmethod
    def insert(cls, subject_id: str) -> Insert:
        """Return the insert of the row, which does nothing if another worker has made it."""
        return insert(cls).values(id=subject_id).on_conflict_do_nothing()

    def apply(self, event: CloudEvent) -> None:
        """Set the fields of the event. Workers finish in any order, so a status never goes back."""
        for field in self.FIELDS & event.data.keys():
            setattr(self, field, event.data[field])
        if event.verb == "created":
            self.created_at = event.time
        elif event.verb == "started":
            self.started_at = event.time

        status = STATUS_OF.get(event.verb)
        attempt = event.data.get("attempt", 1)
        if status and (attempt, rank(status)) >= (self.attempt, rank(self.status)):
            self.status, self.attempt = status, attempt
            self.finished_at = event.time if rank(status) == TERMINAL else None


class PeerExecution(Subject):
    """One row per execution."""

    __tablename__ = "peer_executions"
    FIELDS = frozenset({"workflow_id", "workspace_id", "agent_id", "input", "output", "error"})

    workflow_id: Mapped[str | None]
    workspace_id: Mapped[str | None]
    agent_id: Mapped[str | None]


class PeerTask(Subject):
    """One row per task."""

    __tablename__ = "peer_tasks"
    FIELDS = frozenset({"name", "kind", "execution_id", "agent_id", "worker", "input", "output", "error"})

    name: Mapped[str | None]
    kind: Mapped[str | None]
    execution_id: Mapped[str | None] = mapped_column(index=True)
    agent_id: Mapped[str | None]
    worker: Mapped[str | None]


class PeerTaskLog(Base):
    """A line of `task.logged` or `execution.logged`, under the key of its event."""

    __tablename__ = "peer_task_logs"

    source: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    level: Mapped[str]
    message: Mapped[str]
    logger: Mapped[str | None]
    context: Mapped[Any | None]
    time: Mapped[datetime | None]

    @classmethod
    def of(cls, event: CloudEvent) -> "PeerTaskLog":
        """Return the line of a `*.logged` event."""
        return cls(
            source=event.source,
            event_id=event.id,
            subject=event.subject,
            level=event.data.get("level", "info"),
            message=event.data["message"],
            logger=event.data.get("logger"),
            context=event.data.get("context"),
            time=event.time,
        )


# Events about other subjects (nodes, messages) are only added to the journal.
SUBJECTS: dict[str, type[Subject]] = {"execution": PeerExecution, "task": PeerTask}


def rank(status: str) -> int:
    """Return the progress of a status within an attempt."""
    return RANK.get(status, TERMINAL)


def create_all(engine: Engine) -> None:
    """Make the peers' tables that are missing."""
    Base.metadata.create_all(engine)


def drop_all(engine: Engine) -> None:
    """Drop the peers' tables only."""
    Base.metadata.drop_all(engine)
