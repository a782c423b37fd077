"""The audit log, which only grows: table, writes, look-ups (CONTRACT-RECORDS §2).

A line is inserted and never updated, so a worker needs no right to update here (docs/operations.md, Two roles).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Index, Table, Text

from flowledger.domain import events as say
from flowledger.domain.envelope import Event
from flowledger.domain.kinds.audit import AuditLog
from flowledger.storage.kinds.kind import Kind, Listed
from flowledger.storage.kinds.parts import moment, stored
from flowledger.storage.merge.writes import Write
from flowledger.storage.paging import Page
from flowledger.storage.repository import EventRepository
from flowledger.storage.schema.columns import index_where_given, metadata, short_name
from flowledger.storage.schema.partitions import BY_WEEK, index_of_age, partitioned
from flowledger.storage.schema.types import Json, Name, UtcTime

TABLE: Final = partitioned(
    Table(
        "audit_logs",
        metadata,
        Column("source", Name, primary_key=True),
        Column("event_id", Name, primary_key=True),
        Column("recorded_at", UtcTime, primary_key=True),
        Column("resource_id", Name, nullable=False),
        *short_name("action", nullable=False),
        Column("user_id", Name),
        *short_name("resource_type"),
        *short_name("event_type"),
        Column("details", Json),
        Column("ip_address", Text),
        Column("success", Boolean, nullable=False),
        Column("time", UtcTime, nullable=False),
        Index("ix_audit_logs_resource_id", "resource_id", "time"),
        Index("ix_audit_logs_time", "time"),
        *index_where_given("audit_logs", "user_id", "time"),
        index_of_age("audit_logs"),
        **BY_WEEK,
    ),
    "resource_id",
)

_FIELDS: Final = ("action", "user_id", "resource_type", "event_type", "details", "ip_address", "success")


def append(event: Event, recorded_at: str) -> Write:
    """Write a line."""
    return Write(
        TABLE,
        source=event.source,
        event_id=event.id,
        recorded_at=recorded_at,
        resource_id=event.subject,
        **{name: stored(TABLE, event.data, name) for name in _FIELDS},
        time=moment(event, recorded_at),
    )


class AuditLogRepository(EventRepository[AuditLog]):
    table = TABLE
    record = AuditLog
    listed_by = ("user_id", "resource_id")
    told_by = ("action", "success", "resource_type", "event_type", "ip_address", "details")

    def of_resource(
        self, resource_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[AuditLog]:
        """Return a page of what was done to a resource, newest first."""
        return self.newest(resource_id=resource_id, limit=limit, offset=offset, after=after)


KIND: Final = Kind(
    "audit",
    tables=(TABLE,),
    repository=None,
    events={say.AuditLogged: (append,)},
    lists=(Listed("audit", AuditLogRepository, AuditLogRepository.of_resource, "resource_id", tail=True),),
    subject="resource_id",
)
