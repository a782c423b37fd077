"""The pages of dead letters: groups, lists, one with its bytes; whatever producers wrote into them."""

from __future__ import annotations

import html
import json
import re
from typing import Final

import pytest

from flowledger.domain.records import DeadLetterDeed
from flowledger.domain.times import now
from flowledger.storage.ledger.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.ledger.dead_letters import ALL, DeadLetterRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import event, raw
from tests.storage.recording import record, record_entry
from tests.web.site import Site

HOSTILE: Final = "<script>alert(1)</script>{{ 7*7 }}{% raw x %}\"'&\u202eevil\u200f\x1b[31m"


def bad(number: int, **more: str) -> bytes:
    return raw("task.progressed", subject=f"task_{number}", progress=2, **more)


def ids(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return [letter.id for letter in DeadLetterRepository(connection).oldest(ALL, limit=1000).items]


def test_groups_tell_how_many_and_what_mends_them(site: Site, storage: Storage) -> None:
    record(storage, *map(bad, range(3)), raw("task.exploded"), b"words")
    page = site.get("/ledger/dead-letters")
    assert "5 open" in page.words
    assert "flowledger dead-letters replay --all --reason invalid_data --at data.progress --set data.progress=…" in (
        page.words
    )
    rows = re.findall(r'data-name="count"><a href="([^"]*)">([\d,]+)</a>', page.text)
    assert [count for _, count in rows] == ["3", "1", "1"]
    group = site.get(html.unescape(rows[0][0]))
    assert "3 open" in group.words
    assert "task.exploded" not in group.words
    whole = site.get("/ledger/dead-letters?reason=not_json&field=-")
    assert "1 open" in whole.words


@pytest.mark.parametrize("few", [0, 1, 120])
def test_the_list_takes_at_most_four_queries(site: Site, storage: Storage, few: int) -> None:
    record(storage, *(raw("task.completed", subject=f"t{place}", usage=place) for place in range(few)))
    assert site.get("/ledger/dead-letters").queries <= 4


def test_pages_go_on_where_the_last_one_ended(site: Site, storage: Storage) -> None:
    record(storage, *map(bad, range(120)))
    seen: list[str] = []
    address = "/ledger/dead-letters?reason=invalid_data"
    while True:
        page = site.get(address)
        seen += re.findall(
            r'<td data-name="dead letter"><a class="mono" href="/ledger/dead-letters/([^"]*)"', page.text
        )
        more = re.search(r'<a rel="next" href="([^"]*)"', page.text)
        if more is None:
            break
        address = html.unescape(more[1])
        assert "reason=invalid_data" in address
    assert len(seen) == 120
    assert set(seen) == set(ids(storage))


def test_filters_stick_and_leave_what_they_say(site: Site, storage: Storage) -> None:
    record(storage, bad(1, source="/a"), bad(2, source="/b"), raw("task.exploded", source="/a"))
    page = site.get("/ledger/dead-letters", source="/a", type="task.progressed")
    assert "1 open" in page.words
    assert 'value="/a"' in page.text
    assert "No replayed dead letters" in site.get("/ledger/dead-letters", status="replayed").words
    assert "3 open" in site.get("/ledger/dead-letters", since="2020-01-01T00:00:00Z").words
    assert "0 open" in site.get("/ledger/dead-letters", until="2020-01-01T00:00:00Z").words


def test_one_is_shown_with_its_bytes_and_the_command(site: Site, storage: Storage) -> None:
    record(storage, bad(7), event("task.created", subject="task_7"))
    (id_,) = ids(storage)
    page = site.get(f"/ledger/dead-letters/{id_}")
    assert page.queries <= 4
    assert "data.progress: must be at most 1, not 2" in page.words
    assert f"flowledger dead-letters replay {id_} --set data.progress=…" in page.words
    assert '"type": "task.progressed"' in html.unescape(page.text)
    assert "task_7" in page.words


def test_nothing_that_a_producer_wrote_becomes_part_of_a_page(site: Site, storage: Storage) -> None:
    record(
        storage,
        raw("task.failed", subject=f"t{HOSTILE}", source=f"/{HOSTILE}", error={"message": 5, "x": HOSTILE}),
        raw(f"task.{HOSTILE}"),
        json.dumps({"type": HOSTILE, "data": HOSTILE}, ensure_ascii=False).encode(),
    )
    record_entry(storage, HOSTILE.encode(), HOSTILE.encode(), b"\xff<script>", b"x", entry_id="5-0")
    addresses = ["/ledger/dead-letters", "/ledger", *(f"/ledger/dead-letters/{id_}" for id_ in ids(storage))]
    assert len(addresses) == 6
    for address in addresses:
        page = site.get(address)
        assert page.status == 200
        for sign in ("<script>alert", "\u202e", "\u200f", "\x1b"):
            assert sign not in page.text, (address, sign)
    shown = site.get("/ledger/dead-letters").text
    assert "&lt;script&gt;" in shown
    assert "{{ 7*7 }}{% raw x %}" in shown, "it is no template"


def test_what_was_done_with_it_is_told(site: Site, storage: Storage) -> None:
    record(storage, bad(1))
    (id_,) = ids(storage)
    with storage.writing() as connection:
        DeadLetterActionRepository(connection).add([
            DeadLetterDeed(id="deed_1", dead_letter_id=id_, at=now(), who="<jo>", action="discarded", detail="a test"),
            DeadLetterDeed(
                id="deed_2", dead_letter_id=id_, at=now(), who="jo", action="replayed", source="/a", event_id="e",
                stream="ledger:events:0", entry_id="7-0",
            ),
        ])  # fmt: skip
    page = site.get(f"/ledger/dead-letters/{id_}")
    assert "&lt;jo&gt;: <strong>discarded</strong>" in page.text
    assert "neither recorded nor in its stream" in page.words
