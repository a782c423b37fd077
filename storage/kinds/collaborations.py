"""Collaborations of agents: table, writes, look-ups (CONTRACT-RECORDS §1).

Who takes part follows from two fields of the description, so no table of members repeats it: such rows would have to be
removed when a later event wins, or an earlier one arrives late. PostgreSQL finds the members by an index of each field.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Double, Index, String, Table, Text, or_

from flowledger.domain import events as say
from flowledger.domain.envelope import Event
from flowledger.domain.kinds.collaborations import STATUSES, Collaboration
from flowledger.domain.statuses import TERMINAL
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import Subject, part_key
from flowledger.storage.merge.groups import group
from flowledger.storage.merge.writes import Write
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import SubjectRepository, holds
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    attempt,
    description_keys,
    indexes,
    key,
    metadata,
    one_of,
    record_times,
    ruled,
    short_name,
)
from flowledger.storage.schema.types import Json, Name, UtcTime

TABLE: Final = Table(
    "collaborations",
    metadata,
    Column("id", Name, primary_key=True),
    *one_of("status", "collaboration_status", String(16), STATUSES, nullable=False, server_default=STATUSES[0].value),
    *attempt(),
    *short_name(),
    Column("description", Text),
    Column("workspace_id", Name),
    Column("user_id", Name),
    Column("coordinator_id", Name),
    Column("member_ids", Json),
    Column("execution_ids", Json),
    Column("mode", Text),
    Column("goal", Json),
    Column("policy", Json),
    Column("output", Json),
    Column("error", Json),
    Column("reason", Text),
    *ruled("progress", "progress", Double(), "{0} >= 0 AND {0} <= 1"),
    Column("progress_message", Text),
    *record_times(Column("started_at", UtcTime), Column("finished_at", UtcTime)),
    key("status_key"),
    key("progress_key"),
    key("started_at_key", least=True),
    *description_keys(),
    *indexes("collaborations", "name", "workspace_id", "user_id", "coordinator_id", "status"),
    Index("ix_collaborations_member_ids", "member_ids", postgresql_using="gin"),
    **ROOM_FOR_UPDATES,
)

NEWEST_FIRST: Final = Order((TABLE.c.created_at, TABLE.c.id), descending=True)

COLLABORATION: Final = Subject(
    TABLE, say.CollaborationCreated, "attempt", "error", "output", "reason",
    times={"finished_at": TERMINAL}, ranked=True,
)  # fmt: skip
PROGRESS: Final = group("progress_key", "progress", "progress_message")


def progress(event: Event, recorded_at: str) -> Write:
    """Write the progress."""
    assert isinstance(event.data, say.CollaborationProgressed)
    write = COLLABORATION.mention(event, recorded_at)
    return write.group(PROGRESS, part_key(event), progress=event.data.progress, progress_message=event.data.message)


class CollaborationRepository(SubjectRepository[Collaboration]):
    table = TABLE
    record = Collaboration
    listed_by = ("workspace_id", "user_id", "coordinator_id", "status")
    told_by = ("progress", "error", "reason")
    has_names = True

    def of_member(
        self, member_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None, deleted: bool = False
    ) -> Page[Collaboration]:
        """Return a page of the collaborations that an agent or a sandbox coordinates or is a member of, newest first.

        SQLite scans all collaborations.
        """
        takes_part = or_(TABLE.c.coordinator_id == member_id, holds(self.connection, TABLE.c.member_ids, member_id))
        return self._page(self._listed(deleted, {}).where(takes_part), NEWEST_FIRST, limit, offset, after)


KIND: Final = Kind(
    "collaboration",
    tables=(TABLE,),
    repository=CollaborationRepository,
    events={
        say.CollaborationCreated: (COLLABORATION.create,),
        say.CollaborationUpdated: (COLLABORATION.update,),
        say.CollaborationStarted: (COLLABORATION.start,),
        say.CollaborationProgressed: (progress,),
        say.CollaborationCompleted: (COLLABORATION.report,),
        say.CollaborationFailed: (COLLABORATION.report,),
        say.CollaborationCancelled: (COLLABORATION.report,),
        say.CollaborationDeleted: (COLLABORATION.delete,),
        say.CollaborationRestored: (COLLABORATION.restore,),
    },
)
