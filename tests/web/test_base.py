"""What all pages have in common: who may see them, their headers, what they say when something is wrong."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import text

from flowledger.domain.errors import DatabaseUnavailable, SettingsError
from flowledger.domain.settings import Settings
from flowledger.web import reading, seams
from flowledger.web.reading import Reader
from flowledger.web.routes import PAGES
from tests.conftest import settings_for
from tests.web.site import PASSWORD, Site, served

ADDRESSES: Final = [
    re.sub(r"\([^)]*\)", "some", seams.pattern(spec)) for spec in PAGES if "static" not in seams.pattern(spec)
]
OURS: Final = [address for address in ADDRESSES if address.startswith("/ledger")]


def test_every_page_is_for_whoever_signed_in(site: Site) -> None:
    assert len(ADDRESSES) >= 10
    for address in ADDRESSES:
        refused = site.get(address, signed_in=False)
        assert (refused.status, refused.text) == (401, "Access denied"), address


def test_every_page_answers(site: Site) -> None:
    """None fails on an empty ledger: it is there, or it says that there is no such thing."""
    for address in ADDRESSES:
        page = site.get(address)
        assert page.status in (200, 404), (address, page.words)
        assert PASSWORD not in page.text


def test_every_page_of_ours_forbids_scripts_and_frames_of_others(site: Site) -> None:
    for address in OURS:
        headers = site.get(address).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert (headers["X-Frame-Options"], headers["Cache-Control"]) == ("DENY", "no-store")
        assert (headers["Referrer-Policy"], headers["X-Content-Type-Options"]) == ("same-origin", "nosniff")


def test_no_page_of_ours_needs_what_its_policy_forbids(site: Site) -> None:
    for address in OURS:
        page = site.get(address).text
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", page) == [], address
        loaded = re.findall(r"<(?:script|img|link)[^>]*\b(?:src|href)=\"([^\"]*)\"", page)
        assert all(one.startswith("/") and not one.startswith("//") for one in loaded), address


def test_scripts_and_styles_are_files_of_ours(site: Site) -> None:
    style = site.get("/ledger/static/ledger.css")
    assert (style.status, style.headers["Content-Type"]) == (200, "text/css")
    assert site.get("/ledger/static/../handler.py").status in (403, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_pages_are_only_read(site: Site, method: str) -> None:
    assert site.ask(method, "/ledger/drains").status == 405


def test_what_there_is_not_is_told(site: Site) -> None:
    page = site.get("/ledger/dead-letters/dead_0")
    assert page.status == 404
    assert "no dead letter has this id" in page.words
    assert "no drain has this id" in site.get("/ledger/drains/<script>").words


def test_an_address_that_cannot_be_used_is_told(site: Site) -> None:
    for argument in ("after=rubbish", "reason=100%25s", "status=%3Cb%3E", "since=tomorrow"):
        page = site.get(f"/ledger/dead-letters?{argument}")
        assert page.status == 400
        assert "<b>" not in page.text
    assert "100%s" in site.get("/ledger/dead-letters", reason="100%s").words


def test_a_session_of_a_page_cannot_write(settings: Settings) -> None:
    reader = Reader(settings)
    for statement in ("DELETE FROM events", "CREATE TABLE t (a integer)", "UPDATE tasks SET name = 'x'"):
        with pytest.raises(DatabaseUnavailable, match=r"read-?only"):
            asyncio.run(reader.ask(lambda connection, said=statement: connection.execute(text(said))))  # type: ignore[misc]
    reader.close()


def test_statements_are_counted(settings: Settings) -> None:
    reader = Reader(settings)

    async def ask() -> list[int]:
        twice = reader.ask(lambda connection: [connection.execute(text("SELECT 1")) for _ in range(2)])
        once = reader.ask(lambda connection: connection.execute(text("SELECT 1")))
        return [answer.queries for answer in await asyncio.gather(twice, once)]

    assert asyncio.run(ask()) == [2, 1]
    reader.close()


def test_a_statement_that_takes_too_long_is_ended(
    postgresql_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "STATEMENT_SECONDS", 0.1)
    reader = Reader(settings_for(postgresql_url, redis_url))
    with pytest.raises(DatabaseUnavailable, match="statement timeout"):
        asyncio.run(reader.ask(lambda connection: connection.execute(text("SELECT pg_sleep(20)"))))
    reader.close()


def test_a_database_that_does_not_answer_is_told_without_its_password(redis_url: str) -> None:
    url = "postgresql://somebody:canary-secret@127.0.0.1:1/ledger"
    with served(settings_for(url, redis_url)) as site:
        page = site.get("/ledger/drains")
        assert page.status == 503
        assert "the database does not answer" in page.words
        assert "canary-secret" not in page.text
        overview = site.get("/ledger")
        assert (overview.status, "the database does not answer" in overview.words.lower()) == (200, True)
        assert "canary-secret" not in overview.text


def test_without_a_database_nothing_is_served(redis_url: str, tmp_path: Path) -> None:
    settings: Any = settings_for(None, redis_url, home=tmp_path)
    with pytest.raises(SettingsError, match="DATABASE_URL"), served(settings):
        pass
