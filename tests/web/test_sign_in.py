"""Who sees Flower: whoever knows the password, whatever its letters; everybody else gets 401 at each address."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flower.app
import pytest
from flower import urls
from flower.options import options
from tornado.web import StaticFileHandler, create_signed_value

from flowledger.cli.flower import run
from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings
from flowledger.web import seams
from tests.conftest import settings_for
from tests.web.site import PASSWORD, Site, basic, served
from tests.web.test_base import ADDRESSES

RIGHT = f"flowledger:{PASSWORD}"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


def addresses() -> list[str]:
    """Each address that Flower has, ours and its own, with something in the place of names."""
    found = [seams.pattern(spec) for spec in urls.handlers if seams.pattern(spec) not in (".*", "/healthcheck")]
    plain = [one.replace("(.+)", "x").replace("(.*)", "x").removesuffix("?") for one in found]
    return [*plain, *ADDRESSES, "/ledger/static/ledger.css", "/static/css/flower.css", "/favicon.ico", "/robots.txt",
            "/nowhere", "/ledger/nowhere", "/ledger/tasks/%FF", "/ledger/event?source=%FF", "*"]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "NONSENSE"])
def test_a_stranger_gets_401_at_each_address(site: Site, method: str) -> None:
    assert len(addresses()) > 50
    for address in addresses():
        answer = site.ask(method, address, signed_in=False)
        assert answer.status == 401, (method, address)
        assert answer.text == ("" if method == "HEAD" else "Access denied"), address
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="flower", charset="UTF-8"'


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}])
def test_a_request_from_another_site_is_refused(site: Site, headers: dict[str, str]) -> None:
    for address in ("/api/worker/shutdown/w", "/ledger", "/nowhere"):
        stranger = site.ask("POST", address, signed_in=False, body="{" * 10, headers=headers)
        assert (stranger.status, stranger.text) == (401, "Access denied"), address
        assert site.ask("POST", address, body="{" * 10, headers=headers).status == 403, address


def test_the_health_check_answers_everybody(site: Site) -> None:
    answer = site.ask("GET", "/healthcheck", signed_in=False)
    assert (answer.status, answer.text) == (200, "OK")


@pytest.mark.parametrize(
    "authorization",
    [
        basic("é:x"),
        basic(f"flowledgér:{PASSWORD}"),
        basic("é:x".encode("latin-1")),
        basic(b"\xff\xfe:\x00"),
        basic("flowledger"),
        basic(PASSWORD),
        basic(RIGHT + " "),
        basic(""),
        "Basic",
        "Basic =",
        "Basic é",
        "Basic \xff\xfe",
        basic(RIGHT) + "é",
        basic(RIGHT).replace("Basic", "Bearer"),
        basic(RIGHT).removeprefix("Basic "),
        "",
    ],
)
def test_wrong_credentials_are_refused_and_nothing_fails(
    site: Site, authorization: str, caplog: pytest.LogCaptureFixture
) -> None:
    for address in ("/ledger", "/workers", "/api/workers", "/metrics", "/tasks"):
        assert site.ask("GET", address, authorization=authorization).status == 401
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_the_right_credentials_open_all_pages(site: Site) -> None:
    for address in (
        "/ledger",
        "/workers",
        "/api/task/types",
        "/metrics",
        "/ledger/static/ledger.css",
        "/static/css/flower.css",
    ):
        assert site.ask("GET", address, authorization=basic(RIGHT)).status == 200, address
    assert site.ask("GET", "/ledger", authorization=basic(RIGHT).replace("Basic", "basic")).status == 200
    assert site.ask("GET", "/nowhere", authorization=basic(RIGHT)).status == 404


def test_a_password_may_have_any_letters(site: Site) -> None:
    with _set(basic_auth=["somebody:else", "flowledger:pässwort", "byte:\udcff"]):
        _is_open_to(site)


def _is_open_to(known: Site) -> None:
    for credentials in ("flowledger:pässwort", "somebody:else", b"byte:\xff"):
        for address in ("/ledger", "/workers", "/api/task/types"):
            assert known.ask("GET", address, authorization=basic(credentials)).status == 200
    for wrong in ("flowledger:passwort", "flowledger:pässwort".encode("latin-1"), "somebody:pässwort", RIGHT):
        assert known.ask("GET", "/ledger", authorization=basic(wrong)).status == 401


def test_with_a_prefix_a_stranger_gets_401_as_well(settings: Settings) -> None:
    with served(settings, "below") as site:
        for address in ("/below/ledger", "/below/workers", "/ledger", "/", "/below/static/x.css", "/healthcheck"):
            assert site.ask("GET", address, signed_in=False).status == 401, address
        assert site.ask("GET", "/below/healthcheck", signed_in=False).status == 200


@contextmanager
def _set(**values: Any) -> Iterator[None]:
    was = {name: getattr(options, name) for name in values}
    try:
        for name, value in values.items():
            setattr(options, name, value)
        yield
    finally:
        for name, value in was.items():
            setattr(options, name, value)


def test_with_oauth_alone_a_stranger_is_led_to_the_sign_in(site: Site) -> None:
    with _set(basic_auth=[], auth="me@example.com", auth_provider="flower.views.auth.GithubLoginHandler"):
        for address in ("/ledger", "/workers", "/metrics", "/api/workers"):
            answer = site.ask("GET", address, signed_in=False)
            assert (answer.status, answer.headers["Location"].startswith("/login")) == (302, True), address
        site.application.settings["oauth"] = {"key": "k", "secret": "s", "redirect_uri": "/login"}
        answer = site.ask("GET", "/login", signed_in=False)
        assert (answer.status, answer.headers["Location"].startswith("https://github.com/")) == (302, True)


def test_with_oauth_alone_a_stranger_is_shown_nothing(site: Site) -> None:
    with _set(basic_auth=[], auth="me@example.com", auth_provider="flower.views.auth:GithubLoginHandler"):
        site.application.settings["oauth"] = {"key": "k", "secret": "s", "redirect_uri": "/login"}
        for address in addresses():
            for method in ("GET", "OPTIONS", "POST", "NONSENSE"):
                answer = site.ask(method, address, signed_in=False, authorization=basic(RIGHT))
                if address.startswith("/login"):
                    assert answer.status in (302, 405, 403, 204), (method, address)
                elif answer.status == 302:
                    assert (method, answer.headers["Location"][:6], answer.text) == ("GET", "/login", ""), address
                else:
                    assert (answer.status, answer.text) == (403, "Access denied"), (method, address)
        assert site.ask("GET", "/static/css/flower.css", signed_in=False).status == 403, "no page to come back to"
        assert site.ask("GET", "/healthcheck", signed_in=False).status == 200


def test_with_oauth_whoever_has_signed_in_sees_all(site: Site) -> None:
    with _set(basic_auth=[], auth="me@example.com", auth_provider="flower.views.auth.GithubLoginHandler"):
        for user, is_known in (("me@example.com", True), ("you@example.com", False)):
            cookie = create_signed_value(site.application.settings["cookie_secret"], "user", user).decode()
            for address in ("/ledger", "/workers", "/metrics", "/static/css/flower.css", "/api/task/types"):
                answer = site.ask("GET", address, signed_in=False, headers={"Cookie": f"user={cookie}"})
                assert (answer.status == 200) == is_known, (user, address)
            assert (
                site.ask("GET", "/nowhere", signed_in=False, headers={"Cookie": f"user={cookie}"}).status == 404
            ) == is_known


@pytest.mark.parametrize("credentials", [[], [""], ["flowledger:"], ["flowledger"], [":"]])
def test_if_flower_s_own_settings_have_no_password_everybody_gets_401(site: Site, credentials: list[str]) -> None:
    with _set(basic_auth=credentials):
        for address in ("/ledger", "/workers", "/api/task/types", "/metrics", "/static/css/flower.css", "/nowhere"):
            for given in ("", basic(RIGHT), basic("flowledger:"), basic(":"), basic("")):
                assert site.ask("GET", address, authorization=given).status == 401, (address, given)


def test_beside_oauth_an_empty_password_is_taken_out(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWER_ADDRESS", "127.0.0.1")
    monkeypatch.setenv("FLOWER_BASIC_AUTH", "")
    monkeypatch.setenv("FLOWER_AUTH", "me@example.com")
    assert settings.redis_url is not None
    monkeypatch.setenv("REDIS_URL", "")
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        run(settings_for(None, settings.redis_url.get_secret_value()))
    assert "FLOWER_BASIC_AUTH" not in os.environ


def test_flower_s_own_handlers_stay_as_they_were(site: Site) -> None:
    assert site.application.settings["static_handler_class"] is not StaticFileHandler
    assert flower.app.default_handlers is not urls.handlers
    assert "static_handler_class" not in urls.settings


@pytest.mark.parametrize(
    "credentials", ["flowledger", "flowledger:", ":", "flowledger:x,", "flowledger:x,,b:c", "a:b,canary", ","]
)
def test_a_password_that_is_empty_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, credentials: str
) -> None:
    monkeypatch.setenv("FLOWER_ADDRESS", "127.0.0.1")
    monkeypatch.setenv("FLOWER_BASIC_AUTH", credentials)
    with pytest.raises(SettingsError, match="USER:PASSWORD") as refused:
        run(settings)
    assert "canary" not in str(refused.value)
