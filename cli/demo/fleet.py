"""Who takes part in a demo: the agents, their sandboxes, and the ids that belong to this one run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from flowledger.domain.ids import new_id

YOU: Final = "you"
"""The person at the terminal: asks for the review, and is told its result."""
COORDINATOR: Final = "coordinator"
SURVEYORS: Final = ("surveyor-1", "surveyor-2")
REVIEWER: Final = "reviewer"
SUMMARISER: Final = "summariser"
WATCHER: Final = "watcher"
AGENTS: Final = (COORDINATOR, *SURVEYORS, REVIEWER, SUMMARISER, WATCHER)
"""Each of them is a process."""

_FILE: Final = "fleet.json"


@dataclass(frozen=True, slots=True)
class Member:
    """One that has a sandbox: there it is written to, and from there it speaks."""

    name: str
    agent_id: str
    sandbox_id: str

    @property
    def source(self) -> str:
        """What its mailbox gives as the source; whatever else it publishes has the same."""
        return f"/sandboxes/{self.sandbox_id}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """All members of one run. In `folder` their display listens (`reports`), so its path has to be short."""

    folder: Path
    user_id: str
    workspace_id: str
    workflow_id: str
    execution_id: str
    thread_id: str
    watch_task_id: str
    members: tuple[Member, ...]

    @classmethod
    def gather(cls, folder: Path) -> Self:
        """A fleet with fresh ids, so that several runs may share a ledger; written down in `folder` for its agents."""
        folder.mkdir(mode=0o700)
        fleet = cls(
            folder=folder,
            user_id=new_id("usr"),
            workspace_id=new_id("ws"),
            workflow_id=new_id("wf"),
            execution_id=new_id("exec"),
            thread_id=new_id("thread"),
            watch_task_id=new_id("task"),
            members=tuple(Member(name, new_id("agent"), new_id("sb")) for name in (YOU, *AGENTS)),
        )
        (folder / _FILE).write_text(json.dumps(asdict(fleet), default=str))
        return fleet

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The fleet that was written down in `folder`."""
        written = json.loads((folder / _FILE).read_text())
        written |= {"folder": folder, "members": tuple(Member(**member) for member in written["members"])}
        return cls(**written)

    def member(self, name: str) -> Member:
        return next(member for member in self.members if member.name == name)

    def name_of(self, sandbox_id: str | None) -> str:
        """Whose sandbox it is; the id itself where it is nobody's here."""
        return next((member.name for member in self.members if member.sandbox_id == sandbox_id), sandbox_id or "?")

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(member.source for member in self.members)
