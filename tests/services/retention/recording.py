"""A ledger with things of any age, recorded by a clock of the test's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from flowledger.domain.times import written_time
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import recorder as recording
from tests.builders import raw
from tests.storage.recording import by_hand, record

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A Monday."""
OLD, YOUNG = NOW - timedelta(days=40), NOW - timedelta(days=20)
HORIZON = NOW - timedelta(days=30)
MONDAY = datetime(2026, 1, 26, tzinfo=UTC)
"""The last one before the horizon."""

Said = tuple[str, str, Mapping[str, Any]]
"""An event: its type, its subject, its data."""


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """What is recorded is recorded then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "now", lambda: moment)
        yield


def recorded(storage: Storage, moment: datetime, *events: Said) -> None:
    """Record events of that moment."""
    time = written_time(moment)
    with at(moment):
        found = record(storage, *(raw(type_, subject=subject, time=time, **data) for type_, subject, data in events))
    assert found.recorded == len(events)


def execution(storage: Storage, moment: datetime, id_: str = "exec_1", *, ends: bool = True) -> None:
    recorded(storage, moment, ("execution.created", id_, {}), ("node.failed", id_, {"node": "a", "iteration": 1}))
    if ends:
        recorded(storage, moment, ("execution.failed", id_, {}))


def task(storage: Storage, moment: datetime, id_: str = "task_1", *, ends: bool = True, **data: Any) -> None:
    recorded(storage, moment, ("task.created", id_, data), ("task.logged", id_, {}))
    if ends:
        recorded(storage, moment, ("task.failed", id_, {}))


def message(storage: Storage, moment: datetime, id_: str = "msg_1", *, ends: bool = True, **data: Any) -> None:
    recorded(storage, moment, ("message.sent", id_, {"to_sandbox_ids": ["sb_2"], **data}))
    if ends:
        recorded(storage, moment, ("message.delivered", id_, {"to_sandbox_id": "sb_2"}))


def hold(storage: Storage, subject: str) -> None:
    row = {"what": "subject", "id": subject, "why": "audit", "added_by": "me", "added_at": OLD}
    by_hand(storage, insert(tables.holds).values(**row), insert(tables.held).values(subject=subject))


def ids(storage: Storage, table: str) -> set[str]:
    with storage.reading() as connection:
        return set(connection.execute(select(tables.metadata.tables[table].c.id)).scalars())
