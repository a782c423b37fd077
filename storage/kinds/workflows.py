"""Workflows and their versions: tables, writes, look-ups (CONTRACT-RECORDS §1 and §3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import BigInteger, Column, ForeignKey, Table, Text

from flowledger.domain import events as say
from flowledger.domain import json_text
from flowledger.domain.definitions import Changes, changes_between, problems_of
from flowledger.domain.envelope import Envelope, Event
from flowledger.domain.ids import new_id
from flowledger.domain.kinds.fields import INT64_MAX
from flowledger.domain.kinds.workflows import (
    VISIBILITIES,
    Workflow,
    WorkflowStatus,
    WorkflowVersion,
    copy_of,
)
from flowledger.storage.kinds.kind import Kind, Listed
from flowledger.storage.kinds.parts import Subject, moment
from flowledger.storage.merge.groups import Group
from flowledger.storage.merge.writes import Write
from flowledger.storage.owned import OwnedRepository
from flowledger.storage.paging import Order, Page
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    description_keys,
    indexes,
    key,
    metadata,
    one_of,
    ruled,
    short_name,
    status,
    subject_times,
)
from flowledger.storage.schema.types import Json, Name, UtcTime
from flowledger.storage.search import Search, SearchedRepository


def _version(**options: Any) -> list[Any]:
    return ruled("version", "version", BigInteger(), "{} >= 1", **options)


TABLE: Final = Table(
    "workflows",
    metadata,
    Column("id", Name, primary_key=True),
    *status(WorkflowStatus, "workflow_status"),
    *short_name(),
    Column("description", Text),
    Column("workspace_id", Name),
    Column("user_id", Name),
    *one_of("visibility", "visibility", Text(), VISIBILITIES),
    Column("tags", Json),
    Column("settings", Json),
    Column("latest_version", BigInteger),
    Column("published_version", BigInteger),
    Column("reason", Text),
    *subject_times(),
    *description_keys(),
    *indexes("workflows", "name", "workspace_id", "user_id", "visibility", "status"),
    **ROOM_FOR_UPDATES,
)

VERSIONS: Final = Table(
    "workflow_versions",
    metadata,
    Column("workflow_id", Name, ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True),
    *_version(primary_key=True, autoincrement=False),
    Column("definition", Json, nullable=False),
    Column("problems", Json),
    Column("user_id", Name),
    Column("note", Text),
    Column("created_at", UtcTime, nullable=False),
    key("version_key", least=True),
)

SEARCH: Final = Search(TABLE, beginnings=True, name=300)

WORKFLOW: Final = Subject(
    TABLE, say.WorkflowCreated, "published_version", "reason", times={"status_at": None}, derived=SEARCH.derived
)
VERSION: Final = Group(("definition", "problems", "user_id", "note", "created_at"), "version_key", least=True)
LATEST: Final = Group((), "latest_version")

NEWEST_VERSION_FIRST: Final = Order((VERSIONS.c.version,), descending=True)


def publish(event: Event, recorded_at: str) -> Write:
    """Write a status, and the version that is published: null if the report omits it."""
    assert isinstance(event.data, say.WorkflowPublished)
    return WORKFLOW.report(event, recorded_at, published_version=event.data.version)


def count_version(event: Event, recorded_at: str) -> Write:
    """Write the greatest version."""
    assert isinstance(event.data, say.WorkflowVersioned)
    return WORKFLOW.mention(event, recorded_at).group(LATEST, event.data.version)


def keep_version(event: Event, recorded_at: str) -> Write:
    """Write a version as a whole: of several with one number the first counts (sequence, time, source, id)."""
    data = event.data
    assert isinstance(data, say.WorkflowVersioned)
    problems = problems_of(data.definition)
    write = Write(VERSIONS, workflow_id=event.subject, version=data.version)
    return write.group(
        VERSION,
        event.order,
        definition=json_text.dumps(data.definition),
        problems=None if problems is None else json_text.dumps(problems),
        user_id=data.user_id,
        note=data.note,
        created_at=moment(event, recorded_at),
    )


class WorkflowRepository(SearchedRepository[Workflow]):
    table = TABLE
    record = Workflow
    listed_by = ("workspace_id", "user_id", "visibility", "status")
    has_names = True
    search_in = SEARCH

    def copy(
        self, workflow_id: str, *, source: str, version: int | None = None, subject: str | None = None, **changes: Any
    ) -> tuple[Envelope, Envelope] | None:
        """Return the two events that make a copy of a workflow, with this version as its first: publish both.

        Without a `version` it is the published one, else the latest. `subject` is the id of the copy, a new one if it
        is not given; `changes` are fields of its description. None if the workflow or the version is not recorded.
        """
        workflow = self.get(workflow_id)
        if workflow is None:
            return None
        number = version or workflow.published_version or workflow.latest_version or 0
        kept = WorkflowVersionRepository(self.connection).get(workflow_id, number)
        if kept is None:
            return None
        subject = subject or new_id("wf")
        created, versioned = copy_of(workflow, kept, **changes)
        first = Envelope.of(created, source=source, subject=subject)
        return first, Envelope.of(versioned, source=source, subject=subject, time=first.time)


class WorkflowVersionRepository(OwnedRepository[WorkflowVersion]):
    table = VERSIONS
    record = WorkflowVersion
    listed_by = ("workflow_id",)
    owned_by = (("workflow_id",),)
    in_order = Order((VERSIONS.c.version, VERSIONS.c.workflow_id))
    time = "created_at"
    told_by = ("user_id", "note", "problems")

    def get(self, workflow_id: str, version: int) -> WorkflowVersion | None:
        """Return a version; None if it is not recorded."""
        if not 1 <= version <= INT64_MAX:
            return None
        return self._one(self._select().where(VERSIONS.c.workflow_id == workflow_id, VERSIONS.c.version == version))

    def changes(self, workflow_id: str, before: int, after: int) -> Changes | None:
        """Return the changes between two versions; None if one of them is not recorded."""
        one, other = self.get(workflow_id, before), self.get(workflow_id, after)
        return None if one is None or other is None else changes_between(one.definition, other.definition)

    def of_workflow(
        self, workflow_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[WorkflowVersion]:
        """Return a page of the versions of a workflow, the greatest first."""
        statement = self._select().where(VERSIONS.c.workflow_id == workflow_id)
        return self._page(statement, NEWEST_VERSION_FIRST, limit, offset, after)

    def of_workflows(self, workflow_ids: Iterable[str], *, limit_each: int = 10) -> dict[str, Page[WorkflowVersion]]:
        """Return the first page of each of several workflows, as `of_workflow` does, by one query."""
        return self._of_each("workflow_id", workflow_ids, NEWEST_VERSION_FIRST, limit_each)


KIND: Final = Kind(
    "workflow",
    tables=(TABLE, VERSIONS),
    repository=WorkflowRepository,
    events={
        say.WorkflowCreated: (WORKFLOW.create,),
        say.WorkflowUpdated: (WORKFLOW.update,),
        say.WorkflowVersioned: (count_version, keep_version),
        say.WorkflowPublished: (publish,),
        say.WorkflowArchived: (WORKFLOW.report,),
        say.WorkflowWithdrawn: (WORKFLOW.report,),
        say.WorkflowDeleted: (WORKFLOW.delete,),
        say.WorkflowRestored: (WORKFLOW.restore,),
    },
    lists=(Listed("versions", WorkflowVersionRepository, WorkflowVersionRepository.of_workflow, "workflow_id"),),
)
