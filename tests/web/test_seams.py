"""The places at which Flower is extended. If one of these tests fails, Flower has changed: read `web/seams.py`."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest
from flower import urls
from flower.options import options
from tornado.web import RequestHandler

from flowledger.domain.settings import Settings
from flowledger.web import control, seams
from flowledger.web.seams import FlowerChanged
from tests.web.site import Site, served


def test_this_flower_is_one_that_we_know() -> None:
    assert version("flower").startswith("2.2."), "read web/seams.py, then raise the pin in pyproject.toml"
    seams.check(urls.handlers, urls.settings, options)


@pytest.mark.parametrize("gone", ["/tasks", "/tasks/datatable", "/task/(.+)", "/broker", "/"])
def test_a_flower_without_one_of_its_addresses_is_refused(gone: str) -> None:
    handlers = [spec for spec in urls.handlers if seams.pattern(spec) != gone]
    with pytest.raises(FlowerChanged, match="it has no"):
        seams.check(handlers, urls.settings, options)


@pytest.mark.parametrize(
    ("file", "words"),
    [("navbar.html", "</ul>"), ("navbar.html", "reverse_url('workers')"), ("base.html", "{% block container %}")],
)
def test_a_flower_with_other_templates_is_refused(tmp_path: Path, file: str, words: str) -> None:
    folder = shutil.copytree(urls.settings["template_path"], tmp_path / "templates")
    text = (folder / file).read_text()
    assert words in text
    (folder / file).write_text(text.replace(words, ""))
    with pytest.raises(FlowerChanged):
        seams.check(urls.handlers, {"template_path": str(folder)}, options)


def test_a_flower_that_cannot_be_read_only_is_refused() -> None:
    with pytest.raises(FlowerChanged, match="read_only"):
        seams.check(urls.handlers, urls.settings, {})


def test_every_command_of_flower_s_api_is_refused() -> None:
    """Those that Flower guards by itself are known; a new one would be refused, too."""
    refused = {seams.pattern(spec) for spec in control.refusing(urls.handlers)}
    commands = {
        seams.pattern(spec)
        for spec in urls.handlers
        if any(getattr(seams.handler_of(spec), name) is not getattr(RequestHandler, name) for name in _CHANGING)
    }
    assert len(refused) == 14
    assert commands - refused == {"/tasks/datatable", ".*"}, "these read, or answer 404"


_CHANGING = ("post", "put", "patch", "delete")


def test_our_templates_come_first_and_flower_s_stay() -> None:
    loader = seams.Templates(urls.settings["template_path"])
    assert "Ledger" in str(loader.load("navbar.html").code)
    assert loader.load("ledger/base.html").name == "ledger/base.html"
    assert loader.load("workers.html").name == "workers.html"


def test_the_tab_is_in_flower_s_own_pages(site: Site) -> None:
    for page in ("/workers", "/tasks", "/broker", "/ledger"):
        found = site.get(page)
        assert found.status == 200
        assert '<a class="nav-link' in found.text
        assert 'href="/ledger"' in found.text


def test_flower_s_own_lists_stay_as_they_were(site: Site) -> None:
    assert not {seams.pattern(spec) for spec in urls.handlers} & {"/ledger", "/ledger/drains"}
    assert "template_loader" not in urls.settings


def test_a_prefix_of_all_addresses_is_kept(settings: Settings) -> None:
    with served(settings, "below") as site:
        page = site.get("/below/ledger")
        assert page.status == 200
        ours = re.findall(r'(?:href|src|poll)="(/[^"]*ledger[^"]*)"', page.text)
        assert len(ours) >= 6
        assert all(address.startswith("/below/ledger") for address in ours)
        assert site.ask("POST", "/below/api/worker/shutdown/w", body="{}").status == 403
        assert site.get("/below/ledger/static/ledger.js").status == 200
        assert site.get("/ledger").status == 404
