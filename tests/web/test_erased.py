"""A page of what was erased says so."""

from __future__ import annotations

from sqlalchemy import insert

from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from tests.storage.recording import by_hand
from tests.web.site import Site

IDS = ("e", "t", "m", "a")
PATHS = (
    "/ledger/executions/e", "/ledger/tasks/t", "/ledger/messages/m", "/ledger/record/agent/a", "/ledger/find?q=e"
)  # fmt: skip


def test_every_page_of_an_erased_record_says_when_by_whom_and_why(site: Site, storage: Storage) -> None:
    row = {"why": "asked for 50 %", "erased_by": "jo", "erased_at": now(), "done_at": now(), "erased_with": None}
    by_hand(storage, insert(tables.erasures).values([row | {"subject": one} for one in IDS]))
    for path in PATHS:
        page = site.get(path)
        assert page.status == 410, path
        assert "was erased at 20" in page.words
        assert "by jo: asked for 50 %" in page.words
    assert site.get("/ledger/tasks/e2").status == 404
