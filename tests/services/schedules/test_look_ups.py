"""Due schedules, and the next ones, are found in pages by an index; so is what has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import Connection, text

from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.schedule_due import ScheduleChangeRepository, ScheduleDueRepository
from flowledger.storage.unit_of_work import Storage
from tests.conftest import settings_for
from tests.plans.explained import looked_at, nodes, plan
from tests.postgresql import PostgresqlServer
from tests.services.schedules.world import World, at
from tests.storage.test_plans import ROWS

_MOMENT: Final = "timestamptz '2026-01-01' + n * interval '1 second'"
_FILL: Final = (
    "INSERT INTO schedule_due (schedule_id, next_due_at, done_until, watched_since, computed_from, zones, error)"
    f" SELECT 's' || n, CASE WHEN n % 9 > 0 THEN {_MOMENT} END, {_MOMENT}, {_MOMENT}, '', '2026a',"
    " CASE WHEN n % 5000 = 0 THEN 'no such zone' END FROM generate_series(1, :rows) n",
    "INSERT INTO schedule_changes (schedule_id, source, event_id, type, changed_at)"
    f" SELECT 's' || n, '/x', n, '', {_MOMENT} FROM generate_series(1, :rows) n",
)
_EARLY: Final = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)

READS: Final[dict[str, Callable[[Connection], Any]]] = {
    "due ones": lambda c: ScheduleDueRepository(c).upcoming(until=_EARLY),
    "the next ones": lambda c: ScheduleDueRepository(c).upcoming(),
    "how many are due": lambda c: ScheduleDueRepository(c).count_due(_EARLY),
    "one": lambda c: ScheduleDueRepository(c).get("s7"),
    "failing ones": lambda c: ScheduleDueRepository(c).failing(),
    "how many fail": lambda c: ScheduleDueRepository(c).count_failing(),
    "older zones": lambda c: ScheduleDueRepository(c).of_older_zones("2025z", 10),
    "what has changed": lambda c: ScheduleChangeRepository(c).ids(10),
    "the changes of some": lambda c: ScheduleChangeRepository(c).of(["s1", "s2"]),
}


@pytest.fixture(scope="module")
def filled(postgresql_server: PostgresqlServer) -> Iterator[Storage]:
    """A database with many rows, of which the planner knows."""
    with postgresql_server.database() as url, Storage(make_engine(settings_for(url))) as storage:
        with storage.engine.begin() as connection:
            for statement in _FILL:
                connection.execute(text(statement), {"rows": ROWS})
        with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        yield storage


@pytest.mark.parametrize("name", READS)
def test_a_read_goes_by_an_index(filled: Storage, name: str) -> None:
    with filled.reading() as connection:
        found = plan(connection, READS[name])
    assert [node["Relation Name"] for node in nodes(found) if node["Node Type"] == "Seq Scan"] == []
    assert looked_at(found) < ROWS / 20


def test_pages_are_in_order_of_due_times(world: World) -> None:
    for number, expression in enumerate(("3h", "1h", "2h", "1h")):
        world.says(subject=f"s{number}", expression=expression)
    world.passes(seconds=0)
    with world.storage.reading() as connection:
        due = ScheduleDueRepository(connection)
        first = due.upcoming(limit=2)
        rest = due.upcoming(limit=2, after=first.cursor)
        assert [one.schedule_id for one in (*first.items, *rest.items)] == ["s1", "s3", "s2", "s0"]
        assert (rest.cursor, due.upcoming(offset=3).items) == (None, rest.items[1:])
        assert [one.schedule_id for one in due.upcoming(until=at(13)).items] == ["s1", "s3"]
        assert due.upcoming(until=at(12, 59, 59)).items == ()
        assert (due.count_due(at(14)), due.count_failing()) == (3, 0)
