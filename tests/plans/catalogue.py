"""Every look-up of the repositories, with the arguments by which its plan is looked at.

Those that all kinds share are read off the repositories; the others stand in `OWN`. A test fails if a public method of
a repository is not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from flowledger.domain.errors import Reason, Refused
from flowledger.storage import lookups as face
from flowledger.storage.kinds.failures import FailingRepository
from flowledger.storage.ledger.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.drains import DrainRepository
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.ledger.journal_lists import EventFilter, ListedEventRepository
from flowledger.storage.ledger.outbox import OutboxRepository
from flowledger.storage.ledger.schedule_due import ScheduleDueRepository
from flowledger.storage.merge.conditions import Condition, Relation, standing_for
from flowledger.storage.owned import OwnedRepository
from flowledger.storage.repository import EventRepository, Repository, SubjectRepository
from flowledger.storage.schema.columns import VALUES
from flowledger.storage.search import SearchedRepository
from flowledger.storage.vault.credentials import CredentialRepository
from tests.plans.filled import SAMPLE_ID, SAMPLE_NAME

EARLY: Final = datetime(2026, 1, 1, 1, tzinfo=UTC)
LATE: Final = datetime(2026, 1, 1, 2, tzinfo=UTC)


NARROWING: Final = frozenset({("MetricRepository", "name")})
"""Filters without an index of their own, for use beside another: `newest(subject=…, name=…)`."""


_OWNERS: Final = {
    ("MetricHourRepository", "name"): "n6", ("MetricDayRepository", "name"): "n6",
    ("TaskLogRepository", "task_id"): "i8", ("TaskLogRepository", "execution_id"): "i7",
}  # fmt: skip
"""Owners whose rows are there, where the sample is none."""


class LookUp(NamedTuple):
    """A look-up: `said` is the call in words."""

    repository: str
    method: str
    said: str
    read: Callable[[Connection], Any]
    reads_all: bool = False
    """Whether it counts or reads all rows of what it is asked for: no index can spare that."""
    asked: tuple[type[Any], tuple[Any, ...], dict[str, Any]] | None = None
    """The repository and the arguments."""

    @property
    def name(self) -> str:
        return f"{self.repository}.{self.said}"


def call(repository: type[Any], method: str, *arguments: Any, **named: Any) -> LookUp:
    """Return the look-up of a repository's method with these arguments."""
    told = [*map(_told, arguments), *(f"{name}={_told(value)}" for name, value in named.items())]
    return LookUp(
        repository.__name__,
        method,
        f"{method}({', '.join(told)})",
        lambda connection: getattr(repository(connection), method)(*arguments, **named),
        method.startswith("count") and not named,
        (repository, arguments, named),
    )


def asking_for(text: str, look_up: LookUp) -> LookUp | None:
    """Return the same look-up of this text in the place of ids and names; None if it asks for none."""
    if look_up.asked is None:
        return None
    repository, arguments, named = look_up.asked
    others = [_with(text, one) for one in arguments]
    other_names = {name: value if name in _FIXED else _with(text, value) for name, value in named.items()}
    if look_up.method.endswith("in_status"):
        others[0] = arguments[0]
    return (
        None
        if (tuple(others), other_names) == (arguments, named)
        else call(repository, look_up.method, *others, **other_names)
    )


_FIXED: Final = frozenset({"status", "level", "kind", "role", "visibility", "source"})
"""Filters that have some values alone, and the source of a copy, which is checked."""


def _with(text: str, value: Any) -> Any:
    if isinstance(value, str):
        return text
    if isinstance(value, list | tuple):
        return type(value)(_with(text, one) for one in value)
    if isinstance(value, EventFilter):
        asked = {name: getattr(value, name) for name in ("type", "source", "subject")}
        return replace(value, **{name: _with(text, one) for name, one in asked.items()})
    return value


def _told(value: Any) -> str:
    return value.strftime("%H:%M") if isinstance(value, datetime) else repr(value)


def _sample(repository: type[Repository[Any]], column: str) -> str:
    values = repository.table.c[column].info.get(VALUES)
    if values:  # a rare one, except if the look-up reads on until it has found enough
        return str(values[0 if issubclass(repository, FailingRepository) else -1])
    return SAMPLE_ID if column.endswith("_id") or column == "subject" else SAMPLE_NAME


def _of_subjects(repository: type[SubjectRepository[Any]]) -> Iterator[LookUp]:
    yield call(repository, "get", SAMPLE_ID)
    yield call(repository, "get_many", ["i7", "i8", "i9"])
    yield call(repository, "newest")
    yield call(repository, "newest", since=EARLY, until=LATE)
    yield call(repository, "oldest")
    for column in repository.listed_by:
        yield call(repository, "newest", **{column: _sample(repository, column)})
    yield call(repository, "count")
    yield call(repository, "count", since=EARLY, until=LATE)
    if repository.has_names:
        yield call(repository, "by_name", SAMPLE_NAME)
    if issubclass(repository, SearchedRepository):
        yield call(repository, "search", SAMPLE_NAME)
        yield call(repository, "count_found", SAMPLE_NAME, since=EARLY)
    if issubclass(repository, FailingRepository):
        yield call(repository, "failed")
        yield call(repository, "failed", since=EARLY, until=LATE)
        for column in repository.listed_by:
            if column != "status":
                yield call(repository, "failed", **{column: SAMPLE_ID}, since=EARLY)
        yield call(repository, "count_failed", since=EARLY, until=LATE)
        yield call(repository, "count_last_failed", since=EARLY, until=LATE)


def _of_events(repository: type[EventRepository[Any]]) -> Iterator[LookUp]:
    yield call(repository, "get", "s", "7")
    yield call(repository, "get_many", [("s", "7"), ("s", "8")])
    yield call(repository, "newest")
    yield call(repository, "newest", since=EARLY, until=LATE)
    yield call(repository, "oldest")
    for column in repository.listed_by:
        if (repository.__name__, column) not in NARROWING:
            yield call(repository, "newest", **{column: _sample(repository, column)})
    yield call(repository, "count")
    yield call(repository, "count", since=EARLY, until=LATE)


def _of_owners(repository: type[OwnedRepository[Any]]) -> Iterator[LookUp]:
    for names in repository.owned_by:
        owner = {name: _OWNERS.get((repository.__name__, name), _sample(repository, name)) for name in names}
        yield call(repository, "newest", **owner)
        yield call(repository, "oldest", **owner)
        if repository.time is not None:
            yield call(repository, "newest", **owner, since=EARLY, until=LATE)


def _no(_found: str | None) -> Refused:
    return Refused(Reason.CONFLICT, "subject", "")


REPOSITORIES: Final[tuple[type[Repository[Any]], ...]] = tuple(
    one for name in face.__all__ if issubclass(one := getattr(face, name), Repository)
)
"""The repositories of kinds."""

OF_KINDS: Final = (
    call(face.AgentRepository, "with_capability", SAMPLE_NAME),
    call(face.AuditLogRepository, "of_resource", SAMPLE_ID),
    call(face.CollaborationRepository, "of_member", SAMPLE_ID),
    call(face.DeliveryRepository, "of_message", SAMPLE_ID),
    call(face.DeliveryRepository, "of_messages", ["i7", "i8"]),
    call(face.DeliveryRepository, "first_of_messages", ["i7", "i8"]),
    call(face.DeliveryRepository, "of_sandbox", SAMPLE_ID),
    call(face.DeliveryRepository, "of_sandbox", SAMPLE_ID, status="pending"),
    call(face.DeliveryRepository, "count", to_sandbox_id=SAMPLE_ID),
    call(face.ExecutionLogRepository, "of_execution", SAMPLE_ID),
    call(face.ExecutionLogRepository, "of_executions", ["i7", "i8"]),
    call(face.ExecutionLogRepository, "of_node", SAMPLE_ID, "n1"),
    call(face.ExecutionLogRepository, "count", execution_id=SAMPLE_ID),
    call(face.ExecutionLogRepository, "statuses_of", SAMPLE_ID, most=101),
    call(face.ExecutionLogRepository, "used_by", SAMPLE_ID, most=101),
    call(face.ExecutionRepository, "in_status", "running", workflow_id=SAMPLE_ID),
    call(face.ExecutionRepository, "count_in_status", "running", workflow_id=SAMPLE_ID),
    call(face.KnowledgeRepository, "of_agent", SAMPLE_ID),
    call(face.KnowledgeRepository, "with_tag", SAMPLE_NAME),
    call(face.MessageRepository, "exchanged", SAMPLE_ID),
    call(face.MessageRepository, "count_exchanged", SAMPLE_ID, most=101),
    call(face.MessageRepository, "waiting", thread_id=SAMPLE_ID),
    call(face.MessageRepository, "count_waiting", thread_id=SAMPLE_ID),
    call(face.MessageRepository, "of_sandbox", SAMPLE_ID),
    call(face.MessageRepository, "of_thread", SAMPLE_ID),
    call(face.MessageRepository, "of_workspace", SAMPLE_ID),
    call(face.MetricRepository, "of_subject", SAMPLE_ID),
    call(face.MetricRepository, "newest", subject=SAMPLE_ID, name="n6"),
    call(face.MetricRepository, "series", SAMPLE_ID, "n6"),
    call(face.MetricRepository, "series", SAMPLE_ID, "n6", since=EARLY, until=LATE),
    call(face.MetricHourRepository, "series", SAMPLE_ID, "n6", since=EARLY),
    call(face.MetricHourRepository, "count"),
    call(face.MetricDayRepository, "series", SAMPLE_ID, "n6", since=EARLY),
    call(face.MetricDayRepository, "count"),
    call(face.SandboxRepository, "memberships", None, None, 10),
    call(face.SandboxRepository, "memberships", SAMPLE_ID, None, 10),
    call(face.SandboxRepository, "of_workspace", SAMPLE_ID),
    call(face.SandboxRepository, "of_workspaces", ["i7", "i8"]),
    call(face.TaskLogRepository, "of_execution", "i7"),
    call(face.TaskLogRepository, "of_execution", "i7", node="n1", since=EARLY, until=LATE),
    call(face.TaskLogRepository, "of_task", "i8", level="error"),
    call(face.TaskLogRepository, "of_tasks", ["i8", "i10"]),
    call(face.TaskLogRepository, "of_run", "i7", ["i8", "i10"]),
    call(face.TaskLogRepository, "of_run", "i7", ["i8", "i10"], last=True),
    call(face.TaskLogRepository, "last_of_tasks", ["i8", "i10"]),
    call(face.TaskLogRepository, "last_of_execution", "i7"),
    call(face.TaskLogRepository, "last_of_task", "i8"),
    call(face.TaskLogRepository, "count", task_id="i8"),
    call(face.TaskRepository, "counts_of_executions", ["i7", "i8"], most=101),
    call(face.TaskRepository, "in_status", "running", execution_id=SAMPLE_ID),
    call(face.TaskRepository, "in_status", "failed", oldest=True, execution_id=SAMPLE_ID),
    call(face.TaskRepository, "count_in_status", "running", execution_id=SAMPLE_ID),
    call(face.TaskRepository, "statuses_of", SAMPLE_ID, most=101),
    call(face.TaskRepository, "used_by", SAMPLE_ID, most=101),
    call(face.TaskRepository, "of_execution", SAMPLE_ID),
    call(face.TaskRepository, "of_executions", ["i7", "i8"]),
    call(face.UserRepository, "by_email", "u7@EXAMPLE.org"),
    call(face.WorkflowVersionRepository, "get", SAMPLE_ID, 6),
    call(face.WorkflowVersionRepository, "changes", SAMPLE_ID, 6, 206),
    call(face.WorkflowVersionRepository, "of_workflow", SAMPLE_ID),
    call(face.WorkflowVersionRepository, "of_workflows", ["i7", "i8"]),
    call(face.WorkflowVersionRepository, "count", workflow_id=SAMPLE_ID),
    call(face.WorkflowRepository, "copy", SAMPLE_ID, source="/tests", version=6),
)
"""What only some kinds have."""

OF_SERVICES: Final = (
    call(CredentialRepository, "get", SAMPLE_ID),
    call(CredentialRepository, "newest", user_id=SAMPLE_ID),
    call(CredentialRepository, "newest", user_id=SAMPLE_ID, service_type="n8"),
    call(ScheduleDueRepository, "get", SAMPLE_ID),
    call(ScheduleDueRepository, "upcoming"),
    call(ScheduleDueRepository, "upcoming", until=EARLY),
    call(ScheduleDueRepository, "count_due", until=EARLY),
)
"""What people look up in the tables of services."""

_AGAINST: Final = Condition("messages", "i7", "from_sandbox_id", "s", Relation.IS_IF_ANY, _no)

OF_THE_LEDGER: Final = (
    call(DeadLetterRepository, "get", "dead_d7"),
    call(DeadLetterRepository, "full_id", "dead_d777"),
    call(DeadLetterRepository, "oldest"),
    call(DeadLetterRepository, "listed"),
    call(DeadLetterRepository, "counts"),
    call(DeadLetterActionRepository, "of_dead_letter", "dead_d7"),
    call(DeadLetterActionRepository, "that_sent", "s", "7"),
    call(DeadLetterRepository, "about_subjects", ["i7", "i8"], limit=10),
    call(DrainRepository, "get", "i7"),
    call(DrainRepository, "newest"),
    call(DrainRepository, "newest", since=EARLY, until=LATE),
    call(DrainRepository, "newest", worker="i7"),
    call(DrainRepository, "newest", dead=True),
    call(DrainRepository, "newest", waited=True),
    call(JournalRepository, "get", "s", "7"),
    call(ListedEventRepository, "newest"),
    call(ListedEventRepository, "newest", EventFilter(since=EARLY, until=LATE)),
    call(ListedEventRepository, "newest", EventFilter(subject=SAMPLE_ID, type="task.*")),
    call(ListedEventRepository, "count", EventFilter(subject=SAMPLE_ID), most=101),
    call(ListedEventRepository, "count_narrowed", EventFilter(subject=SAMPLE_ID, type="task.*")),
    call(ListedEventRepository, "of_subjects", ["i7", "i8"]),
    call(OutboxRepository, "since"),
    call(OutboxRepository, "first", ["i7", "i8"], 0, 10),
    call(OutboxRepository, "recipients", "i7", 1),
    call(OutboxRepository, "recipients_of", ["i7"], 10),
    call(OutboxRepository, "expired", EARLY, None, 10),
    LookUp("conditions", "standing_for", "standing_for(…)", lambda c: standing_for(c, [_AGAINST])),
)
"""What the ledger asks of its own tables while it works."""


def _shared() -> Iterator[LookUp]:
    for repository in REPOSITORIES:
        if issubclass(repository, SubjectRepository):
            yield from _of_subjects(repository)
        elif issubclass(repository, EventRepository):
            yield from _of_events(repository)
        elif issubclass(repository, OwnedRepository):
            yield from _of_owners(repository)


LOOK_UPS: Final = tuple(sorted((*_shared(), *OF_KINDS, *OF_SERVICES), key=lambda one: one.repository))
"""All look-ups of records."""
