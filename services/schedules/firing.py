"""The two events of a due time: the execution that it starts, and that the schedule fired.

All that names them follows from the schedule's id and the due time: whoever publishes them, and however often, they are
recorded once.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from flowledger.domain.envelope import Envelope
from flowledger.domain.events import ExecutionCreated, ScheduleFired
from flowledger.domain.ids import derived_id
from flowledger.domain.kinds.schedules import SOURCE, Schedule
from flowledger.domain.times import written_time

_CARRIED: Final = ("workflow_id", "workspace_id", "user_id", "input")
"""The fields of a schedule that its executions have, too."""


def events_of(schedule: Schedule, due_at: datetime, max_id_bytes: int) -> tuple[Envelope, Envelope]:
    """Return `execution.created` and `schedule.fired` of a due time; ids are at most so many bytes long.

    Raises Refused if a field breaks the contract.
    """
    due = written_time(due_at)
    execution = derived_id("exec", schedule.id, due)
    id_ = _fitting(f"{schedule.id}:{due}", max_id_bytes)
    carried = {name: value for name in _CARRIED if (value := getattr(schedule, name)) is not None}
    created = ExecutionCreated(trigger_type="schedule", **carried)
    fired = ScheduleFired(due_at=due_at, execution_id=execution)
    return (
        Envelope.of(created, source=SOURCE, subject=execution, id=id_, time=due_at),
        Envelope.of(fired, source=SOURCE, subject=schedule.id, id=_fitting(f"{id_}:fired", max_id_bytes), time=due_at),
    )


def _fitting(id_: str, max_bytes: int) -> str:
    """Return an id, or its SHA-256 if it is too long."""
    whole = id_.encode()
    return id_ if len(whole) <= max_bytes else hashlib.sha256(whole).hexdigest()
