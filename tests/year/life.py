"""What happens in the simulated year: executions as a platform reports them, with tasks, logs, messages, points."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from flowledger.domain.times import written_time

SOURCE: Final = "/year/platform"
EVENTS_EACH: Final = 20
"""Events of an execution, from its creation to its end."""
_WORKSPACES: Final = 50
HELD_WORKSPACE: Final = "ws_0"
_NEVER_ENDS: Final = 97
_IS_LATE: Final = 211
LATE_DAYS: Final = 120
"""So long after the end of one of so many executions comes one more event about it."""
_WORDS: Final = "the quarterly report was read, and four open questions about its second chapter were answered " * 3


class Execution(NamedTuple):
    """One of the year, by its number; all about it follows from that."""

    number: int

    @property
    def id(self) -> str:
        return f"exec_{self.number:08d}"

    @property
    def workspace(self) -> str:
        return f"ws_{self.number % _WORKSPACES}"

    @property
    def is_held(self) -> bool:
        return self.workspace == HELD_WORKSPACE

    @property
    def ends(self) -> bool:
        return self.number % _NEVER_ENDS != 0

    @property
    def is_late(self) -> bool:
        """Whether an event about it comes months later."""
        return self.number % _IS_LATE == 1

    def events(self, began: datetime) -> list[bytes]:
        """Return its events, `EVENTS_EACH` of them, which take some seconds."""
        return [
            _event(self, place, type_, subject, began + timedelta(seconds=place), data)
            for place, (type_, subject, data) in enumerate(self._steps())
        ]

    def late_event(self, at: datetime) -> bytes:
        """Return a log line that comes late."""
        return _event(self, EVENTS_EACH, "execution.logged", self.id, at, {"message": "late", "level": "info"})

    def _steps(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        task, message = f"task_{self.number:08d}", f"sb_{self.number % 7}/{self.number:08d}"
        yield "execution.created", self.id, {"workspace_id": self.workspace, "workflow_id": "wf_1", "input": {"n": 1}}
        yield "execution.started", self.id, {}
        for node in ("read", "answer"):
            yield "node.started", self.id, {"node": node, "iteration": 0, "input": {"pages": 14}}
        yield "task.created", task, {"name": "read", "execution_id": self.id, "input": {"words": _WORDS[:80]}}
        yield "task.started", task, {"worker": "worker-17"}
        for line in range(4):
            yield "task.logged", task, {"message": f"{line}: {_WORDS[:120]}", "level": "info", "logger": "reader"}
        yield "message.sent", message, {
            "from_sandbox_id": f"sb_{self.number % 7}", "to_sandbox_ids": ["sb_8"], "message_type": "request",
            "content": {"text": _WORDS[:200]}, "execution_id": self.id, "workspace_id": self.workspace,
        }  # fmt: skip
        yield "message.dispatched", message, {"to_sandbox_id": "sb_8"}
        yield "message.delivered", message, {"to_sandbox_id": "sb_8"}
        yield "metric.recorded", "model/small-1", {"name": "tokens", "value": 431.0, "execution_id": self.id}
        yield "audit.logged", self.id, {"action": "execution.run", "user_id": "usr_1", "details": {"from": "web"}}
        yield "task.completed", task, {"output": {"answer": _WORDS[:150]}}
        yield "execution.logged", self.id, {"message": _WORDS[:90], "level": "info"}
        for node in ("read", "answer"):
            yield "node.completed", self.id, {"node": node, "iteration": 0, "output": {"text": _WORDS[:60]}}
        if self.ends:
            yield "execution.completed", self.id, {"output": {"answer": _WORDS[:150]}}
        else:
            yield "execution.paused", self.id, {"reason": "a person must look at it"}


def _event(execution: Execution, place: int, type_: str, subject: str, at: datetime, data: dict[str, Any]) -> bytes:
    return json.dumps({
        "specversion": "1.0", "id": f"{execution.number}/{place}", "source": SOURCE, "type": type_,
        "subject": subject, "time": written_time(at), "sequence": str(place), "data": data,
    }).encode()  # fmt: skip
