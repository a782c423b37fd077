"""The records of a new ledger: ten default agents and, if asked for, a first admin (docs/contract/seed.md).

They are ordinary events with ids that follow from their names, so a second seed finds the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flowledger.domain.envelope import LEDGER_SOURCE, Envelope
from flowledger.domain.events import AgentCreated, UserCreated
from flowledger.domain.ids import derived_id
from flowledger.domain.kinds.base import EventData
from flowledger.domain.kinds.users import folded
from flowledger.domain.settings import Settings
from flowledger.services.once import Once
from flowledger.storage.kinds.users import UserRepository
from flowledger.storage.unit_of_work import Storage

SOURCE: Final = f"{LEDGER_SOURCE}/seed"

ADMIN: Final = "admin"
"""The role of the first admin."""
AGENTS: Final = (
    AgentCreated(
        name="Assistant",
        kind="assistant",
        description="Answers questions and does small tasks that need no specialist.",
        capabilities=["conversation", "question-answering"],
    ),
    AgentCreated(
        name="Planner",
        kind="planner",
        description="Breaks a goal into tasks, puts them in order and says what each one needs.",
        capabilities=["planning", "task-decomposition"],
    ),
    AgentCreated(
        name="Coordinator",
        kind="coordinator",
        description="Gives tasks to other agents, follows their progress and puts the results together.",
        capabilities=["delegation", "coordination"],
    ),
    AgentCreated(
        name="Researcher",
        kind="researcher",
        description="Searches sources for what a question needs, and cites them.",
        capabilities=["web-search", "retrieval", "citation"],
    ),
    AgentCreated(
        name="Analyst",
        kind="analyst",
        description="Examines data: queries, statistics, charts, and what they mean.",
        capabilities=["data-analysis", "sql", "visualization"],
    ),
    AgentCreated(
        name="Coder",
        kind="coder",
        description="Writes and changes code, and runs it in a sandbox.",
        capabilities=["code-generation", "code-execution", "refactoring"],
    ),
    AgentCreated(
        name="Reviewer",
        kind="reviewer",
        description="Reads code and documents for mistakes, risks and style, and says what to change.",
        capabilities=["code-review", "proofreading"],
    ),
    AgentCreated(
        name="Tester",
        kind="tester",
        description="Writes and runs tests, and reports failures so that they can be repeated.",
        capabilities=["test-generation", "code-execution"],
    ),
    AgentCreated(
        name="Writer",
        kind="writer",
        description="Writes and edits documents, reports and messages for their readers.",
        capabilities=["writing", "editing"],
    ),
    AgentCreated(
        name="Summarizer",
        kind="summarizer",
        description="Shortens long texts and conversations to what matters in them.",
        capabilities=["summarization"],
    ),
)


@dataclass(frozen=True, slots=True)
class Seeded:
    """A record of the seed: what it is called, and whether its event was published just now."""

    id: str
    name: str
    made: bool


@dataclass(frozen=True, slots=True)
class Admin(Seeded):
    """The user who has the admin's e-mail address: `role` is the recorded one, perhaps another than `admin`."""

    role: str | None


@dataclass(frozen=True, slots=True)
class Seed:
    """What a seed has made or found; `admin` is None if none was asked for."""

    agents: list[Seeded]
    admin: Admin | None

    @property
    def made(self) -> int:
        """How many records were made."""
        return sum(one.made for one in (*self.agents, *([self.admin] if self.admin else [])))


def seed(settings: Settings, storage: Storage, admin: str | None = None) -> Seed:
    """Publish the events of the default agents, and of the admin with this e-mail address, unless they were before.

    A user who has the address already is left as it is, whatever its role. A record that was changed or deleted since
    is left so, too. Events that the ledger must sign are signed.

    Raises Refused for what is no e-mail address, and what `Once.publish` raises.
    """
    user = None if admin is None else UserCreated(email=admin, role=ADMIN)
    with Once(settings, storage) as once:
        agents = [_made(once, "agent", str(agent.kind), str(agent.name), agent) for agent in AGENTS]
        return Seed(agents, None if user is None else _admin(once, storage, user))


def _admin(once: Once, storage: Storage, user: UserCreated) -> Admin:
    email = str(user.email)
    with storage.looking() as connection:
        there = UserRepository(connection).by_email(email)
    if there is not None:
        return Admin(there.id, email, made=False, role=there.role)
    made = _made(once, "usr", folded(email), email, user)
    return Admin(made.id, email, made.made, user.role)


def _made(once: Once, prefix: str, key: str, name: str, said: EventData) -> Seeded:
    id_ = derived_id(prefix, SOURCE, key)
    event: dict[str, Any] = {"source": SOURCE, "subject": id_, "id": derived_id("evt", type(said).event_type, key)}
    return Seeded(id_, name, once.publish(Envelope.of(said, **event)).is_new)
