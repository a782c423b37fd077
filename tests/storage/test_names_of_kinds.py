"""Of every type of events: its name stays while a row of it stands, in whatever table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import delete

from flowledger.domain.envelope import parse
from flowledger.domain.events import EVENT_TYPES
from flowledger.storage import tables
from flowledger.storage.kinds import KINDS, MERGED, transaction_of
from flowledger.storage.kinds.metrics import SUM_TABLES
from flowledger.storage.merge.writes import Write
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.services.retention.recording import at
from tests.storage.recording import by_hand, count, record
from tests.storage.test_names import MOMENT, NOW, OLD, YOUNG, let_all_go, names

_ONCE: Final = {name: raw(name, id=name, subject=f"of {name}", time=OLD) for name in EVENT_TYPES}
"""An event of each type, about a subject of its own."""


@pytest.mark.parametrize("of_subjects", [True, False], ids=["of subjects", "of events"])
def test_a_name_stays_while_any_row_of_its_event_stands(storage: Storage, of_subjects: bool) -> None:
    with at(datetime(2026, 1, 2, tzinfo=UTC)):
        assert record(storage, *_ONCE.values()).recorded == len(_ONCE)
    subjects = {kind.table for kind in KINDS if kind.repository is not None}
    gone = [table for table in reversed(MERGED) if (table in subjects) is not of_subjects or table in SUM_TABLES]
    by_hand(storage, delete(tables.event_texts), *map(delete, gone))
    stand = {table.name for table in MERGED if count(storage, table.name)}
    with_rows = {name for name, body in _ONCE.items() if stand & _written(body)}
    assert with_rows
    record(storage, raw("task.created", id="last", time=YOUNG), start=1000)  # SQLite's last name stays in any case
    let_all_go(storage)
    assert names(storage) - {"last"} == with_rows
    by_hand(storage, *map(delete, reversed(MERGED)))
    let_all_go(storage, NOW + timedelta(hours=1))
    assert names(storage) == {"last"}


def _written(body: bytes) -> set[str]:
    """The tables in which an event writes rows that the merge rule makes."""
    return {write.table for write in transaction_of(parse(body), 0, MOMENT).writes if isinstance(write, Write)}
