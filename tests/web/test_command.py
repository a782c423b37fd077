"""`flowledger flower`: what it needs, and what it tells Flower before that starts."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from flower import urls
from sqlalchemy import select

from flowledger.cli.flower import run
from flowledger.cli.main import Commands, MissingExtra
from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from flowledger.web import install, seams, totals
from flowledger.web.routes import PAGES
from flowledger.web.totals import Total, total
from tests.builders import raw
from tests.conftest import settings_for
from tests.storage.recording import record
from tests.web.site import Site, served
from tests.web.test_drain_pages import hear

COMMAND_LINE: Final = Commands()


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


def test_it_needs_a_password_and_a_database(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLOWER_BASIC_AUTH", "FLOWER_AUTH"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match="FLOWER_BASIC_AUTH"):
        run(settings)
    monkeypatch.setenv("FLOWER_BASIC_AUTH", "flowledger:x")
    monkeypatch.setenv("FLOWER_ADDRESS", "127.0.0.1")
    monkeypatch.setenv("REDIS_URL", "")
    assert settings.redis_url is not None
    with pytest.raises(SettingsError, match="DATABASE_URL, by a role that only reads"):
        run(settings_for(None, settings.redis_url.get_secret_value()))


def test_without_its_extra_it_is_told_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "flowledger.cli.commands.flower", raising=False)
    monkeypatch.setitem(sys.modules, "flower", None)
    with pytest.raises(MissingExtra, match=r"flowledger\[(local|flower)\]"):
        COMMAND_LINE.get_command(cast("Any", SimpleNamespace(resilient_parsing=False)), "flower")


@pytest.mark.parametrize("name", ["flower.views.monitor", "flower.urls"])
def test_a_flower_without_one_of_its_modules_is_refused_in_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in ("flowledger.web.install", "flowledger.web.guard"):
        monkeypatch.delitem(sys.modules, module)
        monkeypatch.delattr(module)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr(name)
    monkeypatch.setenv("FLOWER_BASIC_AUTH", "flowledger:x")
    monkeypatch.setenv("FLOWER_ADDRESS", "127.0.0.1")
    monkeypatch.setenv("REDIS_URL", "")
    with pytest.raises(seams.FlowerChanged, match=name.rpartition(".")[2]):
        run(settings)


@pytest.mark.parametrize("control", [False, True])
def test_flower_is_told_before_it_starts(settings: Settings, monkeypatch: pytest.MonkeyPatch, control: bool) -> None:
    handlers: list[Any] = [*urls.handlers]
    monkeypatch.setattr(urls, "handlers", handlers)
    monkeypatch.setattr(urls, "settings", dict(urls.settings))
    monkeypatch.setenv("FLOWER_READ_ONLY", "whatever it was")
    monkeypatch.setenv("FLOWER_TASKS_COLUMNS", "name,state")
    before = len(handlers)
    ledger = install.install(settings.model_copy(update={"flower_control": control}))
    assert os.environ["FLOWER_READ_ONLY"] == str(not control)
    assert os.environ["FLOWER_TASKS_COLUMNS"] == "name,state", "what somebody has set stays"
    assert len(handlers) - before == len(PAGES) + (0 if control else 14)
    assert isinstance(urls.settings["template_loader"], seams.Templates)
    ledger.close()


def test_flower_shows_no_button_that_acts_unless_it_may(settings: Settings, site: Site) -> None:
    hear(site, "t1", "received started")
    assert "task-terminate" not in site.get("/task/t1").text
    with served(settings.model_copy(update={"flower_control": True})) as allowed:
        hear(allowed, "t1", "received started")
        assert 'id="task-terminate"' in allowed.get("/task/t1").text


def test_totals_end_where_it_is_told(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    record(storage, *(raw("task.created", subject=f"t{place}") for place in range(6)))
    with storage.reading() as connection:
        everything = select(tables.tasks.c.id).order_by(tables.tasks.c.id)
        assert total(connection, everything) == Total(6)
        monkeypatch.setattr(totals, "MOST", 6)
        assert total(connection, everything) == Total(6)
        monkeypatch.setattr(totals, "MOST", 5)
        assert total(connection, everything) == Total(5, is_more=True)
