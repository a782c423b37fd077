"""Whatever is recorded, each page that a link leads to shows it as text, and loads and runs nothing of it."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Final
from urllib.parse import quote, urlencode

import pytest

from flowledger.storage.unit_of_work import Storage
from flowledger.web import seams
from flowledger.web.routes import PAGES
from tests.hostile import HOSTILE, record_hostile
from tests.web.site import Site
from tests.web.test_base import OURS
from tests.web.test_drain_pages import drain, hear, keep


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


MOST: Final = 10
"""Pages of each route that a link leads to are looked at, beside those that are named."""
_ADDRESSES: Final = ("href", "src", "action", "formaction")
_FLOWERS: Final = ("https://flower.readthedocs.io/", "https://github.com/mher/flower")
"""Where its navigation leads."""
_HIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Page(HTMLParser):
    """What a browser makes of a page: its links, and what would do harm."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.harm: list[str] = []
        self.shown = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and not given.get("src", "").startswith(("/static/", "/ledger/static/")):
            self.harm.append(f"a script: {given}")
        if tag in ("iframe", "object", "embed", "base") or (tag == "meta" and "http-equiv" in given):
            self.harm.append(f"<{tag} {given}>")
        for name, value in given.items():
            if name.startswith("on") or name == "style":
                self.harm.append(f"{name}={value}")
            if name in _ADDRESSES and not re.match(r"/(?!/)|[#?]|data:image/|$", value) and value not in _FLOWERS:
                self.harm.append(f"{name}={value}")
            if name != "value" and _HIDDEN.search(value):  # the field of a filter has it as it was given
                self.harm.append(f"hidden in {name}={value!a}")
        if tag == "a" and given.get("href", "").startswith("/ledger"):
            self.links.append(given["href"].partition("#")[0])

    def handle_data(self, data: str) -> None:
        self.shown += data
        if _HIDDEN.search(data.replace("\r", "")):
            self.harm.append(f"hidden: {data!a}"[:300])


@pytest.mark.timeout(600)
def test_no_page_that_a_link_leads_to_lets_anything_through(site: Site, storage: Storage) -> None:
    record_hostile(storage)
    keep(storage, drain(1, worker=HOSTILE, why=HOSTILE, dead=1))
    hear(site, HOSTILE, "received started", hostname=HOSTILE)
    of_kinds = {"workflow", "user", "agent", "workspace", "sandbox", "knowledge", "schedule", "webhook"}
    pages = [
        *(address.replace("some", quote(HOSTILE, safe="")) for address in OURS),
        *(f"/ledger/record/{kind}/{quote(HOSTILE, safe='')}" for kind in of_kinds),
        *(f"{address}?{urlencode({'agent_id': HOSTILE, 'source': HOSTILE, 'status': HOSTILE})}" for address in OURS),
        f"/ledger/find?{urlencode({'q': HOSTILE + '?'})}", f"/ledger/{quote(HOSTILE, safe='')}", "/workers", "/tasks",
        f"/ledger/dead-letters?{urlencode({'reason': HOSTILE})}", f"/ledger/tasks?{urlencode({'since': HOSTILE})}",
    ]  # fmt: skip
    patterns = [seams.pattern(spec) for spec in PAGES if seams.pattern(spec).startswith("/ledger")]
    named = set(pages)
    seen: set[str] = set()
    followed: Counter[str] = Counter()
    shown = 0
    while pages:
        address = pages.pop(0)
        route = next((one for one in patterns if re.fullmatch(one, address.partition("?")[0])), "")
        if address in seen or (address not in named and followed[route] >= MOST):
            continue
        seen.add(address)
        followed[route] += address not in named
        answer = site.get(address)
        if not (answer.headers["Content-Type"] or "").startswith("text/html"):
            assert answer.headers["X-Content-Type-Options"] == "nosniff", address
            continue
        page = Page(answer.text)
        assert page.harm == [] or not address.startswith("/ledger"), address
        assert "<script>alert" not in answer.text, address
        assert answer.status in (200, 302, 400, 404), (address, page.shown)
        shown += "alert(1)" in page.shown
        pages += page.links
        if answer.status == 302:
            pages.append(answer.headers["Location"])
    for pattern in patterns:
        if "static" not in pattern:
            assert any(re.fullmatch(pattern, one.partition("?")[0]) for one in seen), pattern
    assert shown > 40
