"""Drains past and present, and Flower's own pages of tasks and of the broker, which show them."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import pytest
import redis

from flowledger.domain.measures import Measures
from flowledger.domain.records import DrainRecord
from flowledger.storage.ledger.drains import DrainRepository
from flowledger.storage.unit_of_work import Storage
from tests.web.site import Response, Site

BEGAN: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)


def drain(
    number: int, *, recorded: int = 10, dead: int = 0, why: str | None = None, worker: str = "w@h"
) -> DrainRecord:
    measures = Measures()
    measures.latency_seconds.add([0.02] * recorded)
    measures.batch_entries.add([recorded])
    return DrainRecord(
        id=f"drain-{number:04}",
        worker=worker,
        started_at=BEGAN + timedelta(minutes=number),
        ended_at=BEGAN + timedelta(minutes=number, seconds=1 + number % 7),
        shards=[number % 8],
        recorded=recorded,
        repeated=0,
        dead=dead,
        why=why,
        measures=measures.to_json(),
    )


def keep(storage: Storage, *drains: DrainRecord) -> None:
    with storage.writing() as connection:
        DrainRepository(connection).add(drains)


def test_a_drain_that_buried_something_does_not_look_like_a_success(site: Site, storage: Storage) -> None:
    keep(storage, drain(1), drain(2, recorded=1, dead=10), drain(3, recorded=0, why="the <database> is away"))
    page = site.get("/ledger/drains")
    assert page.queries <= 2
    assert '<span class="ledger-state bad">buried 10 of 11</span>' in page.text
    assert '<span class="ledger-state warn">waited</span>' in page.text
    assert "the &lt;database&gt; is away" in page.text
    assert page.text.count('<span class="ledger-state good">recorded</span>') == 1
    assert "1 that recorded" in site.get("/ledger/drains", dead=1).words
    assert "1 that recorded" in site.get("/ledger/drains", waited=1).words
    assert "0 that recorded" in site.get("/ledger/drains", worker="nobody").words


def test_pages_of_drains_go_on(site: Site, storage: Storage) -> None:
    keep(storage, *map(drain, range(60)))
    page = site.get("/ledger/drains")
    assert "drain-0059" in page.text
    assert "drain-0009" not in page.text
    cursor = page.text.partition("after=")[2].partition('"')[0]
    assert "drain-0009" in site.get(f"/ledger/drains?after={cursor}").text


def test_one_drain_shows_what_it_measured(site: Site, storage: Storage) -> None:
    keep(storage, drain(1, recorded=8, dead=2))
    page = site.get("/ledger/drains/drain-0001")
    assert page.queries == 1
    assert "buried 2 of 10" in page.words
    assert "8 recorded, 2 dead letters" in page.words
    assert "8 counted, 20.0 ms on average" in page.words


def test_drains_under_way_are_those_that_flower_has_heard_of(site: Site) -> None:
    hear(site, "under-way", "received started")
    hear(site, "succeeded-one", "received started succeeded", result="{'recorded': 5}")
    hear(site, "look-at-it", "received started", name="ledger.look")
    page = site.get("/ledger/drains")
    assert "under way" in page.words
    assert '/task/under-way"' in page.text
    assert "succeeded-one" not in page.text
    assert "look-at-it" not in page.text
    assert site.get("/ledger/drains/under-way").headers["Location"] == "/task/under-way"


def hear(site: Site, id_: str, kinds: str, *, name: str = "ledger.drain", **more: Any) -> None:
    """Let Flower hear the events of a task, as a worker sends them."""
    for clock, kind in enumerate(kinds.split(), 1):
        at = time.time()
        one = {
            "type": f"task-{kind}", "uuid": id_, "hostname": "w@h", "timestamp": at, "local_received": at,
            "clock": clock, "utcoffset": 0, "pid": 1, "name": name, "args": "(3,)", "kwargs": "{}", **more,
        }  # fmt: skip
        site.application.events.state.event(one)


# --- Flower's own table


def rows(site: Site, *, search: str = "", sort: str = "received", down: bool = True, start: int = 0) -> Any:
    answer = table(site, search=search, sort=sort, down=down, start=start)
    assert answer.status == 200
    return json.loads(answer.text)


def table(site: Site, *, search: str, sort: str, down: bool, start: int) -> Response:
    asked = {
        "draw": 3, "start": start, "length": 15, "search[value]": search, "order[0][column]": 0,
        "order[0][dir]": "desc" if down else "asc", "columns[0][data]": sort,
    }  # fmt: skip
    return site.ask("POST", "/tasks/datatable", body=urlencode(asked))


def names(found: Any) -> list[str]:
    return [row["uuid"] for row in found["data"]]


def test_the_table_remembers_drains_and_leaves_heartbeats_out(site: Site, storage: Storage) -> None:
    keep(storage, *(drain(number) for number in range(20)))
    hear(site, "look", "received started succeeded", name="ledger.look", result="{'waiting': 0, 'rung': 0}")
    hear(site, "idle", "received started succeeded", name="ledger.post", result="{'posted': 0, 'seconds': 0.1}")
    hear(site, "post", "received started succeeded", name="ledger.post", result="{'posted': 4, 'seconds': 0.1}")
    hear(site, "lost", "received started failed", exception="WorkerLostError()")
    found = rows(site)
    assert found["draw"] == 3
    assert set(names(found)[:2]) == {"lost", "post"}
    assert names(found)[2:] == [f"drain-{number:04}" for number in range(19, 6, -1)]
    assert (found["recordsTotal"], found["recordsFiltered"]) == (22, 22)
    assert names(rows(site, start=15)) == [f"drain-{number:04}" for number in range(6, -1, -1)]
    assert found["data"][2]["result"] == "10 recorded"


def test_the_table_is_searched_as_flower_s_is(site: Site, storage: Storage) -> None:
    keep(
        storage, drain(1), drain(2, dead=1, worker="other@h"), drain(3, why="Redis 50%_away"),
        drain(4, recorded=0, dead=2, why="x"),
    )  # fmt: skip
    expected = {
        "state:FAILURE": {"drain-0002", "drain-0004"},
        "state:SUCCESS": {"drain-0001"},
        "state:RETRY": {"drain-0003"},
        "state:buried": {"drain-0002", "drain-0004"},
        "worker:other": {"drain-0002"},
        "name:ledger.drain": {"drain-0001", "drain-0002", "drain-0003", "drain-0004"},
        "name:ledger.post": set(),
        "kwargs:abc": set(),
        "50%_a": {"drain-0003"},
        "50%%a": set(),
        "drain-0001 OR (state:FAILURE AND worker:other)": {"drain-0001", "drain-0002"},
        '"\'; DROP TABLE drains; --"': set(),
    }
    for search, wanted in expected.items():
        found = rows(site, search=search)
        assert set(names(found)) == wanted, search
        assert (found["recordsFiltered"], found["recordsTotal"]) == (len(wanted), 4), search
    assert rows(site, search="(")["searchError"]


@pytest.mark.parametrize("sort", ["received", "started", "runtime", "worker", "state", "name", "no such column"])
def test_the_table_is_sorted_by_any_column(site: Site, storage: Storage, sort: str) -> None:
    keep(storage, *(drain(number, dead=number % 2, worker=f"w{number % 3}@h") for number in range(10)))
    up = rows(site, sort=sort, down=False)["data"]
    down = rows(site, sort=sort)["data"]
    assert [row["uuid"] for row in up] == [row["uuid"] for row in reversed(down)]
    if sort in ("received", "started", "runtime", "worker"):
        assert [row[sort] for row in up] == sorted(row[sort] for row in up)


def test_a_task_leads_to_its_drain_or_to_what_flower_remembers(site: Site, storage: Storage) -> None:
    keep(storage, drain(1))
    hear(site, "under-way", "received started")
    assert site.get("/task/drain-0001").headers["Location"] == "/ledger/drains/drain-0001"
    assert "ledger.drain" in site.get("/task/under-way").words
    assert site.get("/task/nobody").status == 404


def test_the_broker_s_page_tells_what_waits_in_the_shards(site: Site, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    for _ in range(12):
        client.xadd("ledger:events:3", {"event": "{}"})
    client.close()
    page = site.get("/broker")
    assert "ledger:events:3 12" in page.words
    assert "ledger:events:4 0" in page.words
