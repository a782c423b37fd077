"""The real Flower with our pages, served on a thread of the tests, and a browser without a screen: plain HTTP."""

from __future__ import annotations

import asyncio
import base64
import html
import http.client
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any, Final
from urllib.parse import urlencode

import celery
import flower.app
from flower import urls
from flower.options import options
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import RequestHandler

from flowledger.domain.settings import Settings
from flowledger.web import install
from flowledger.web.ledger import Ledger

PASSWORD: Final = "canary-password"
"""Of the user `flowledger`. It must stand in no page."""


@dataclass(frozen=True)
class Response:
    """What was answered."""

    status: int
    headers: Message
    text: str

    @property
    def queries(self) -> int:
        """How many statements the page sent to the database."""
        found = re.search(r"(\d+) queries", self.headers["Server-Timing"])
        assert found is not None
        return int(found[1])

    @property
    def unescaped(self) -> str:
        """The page with its entities as the characters that they stand for."""
        return html.unescape(self.text)

    @property
    def shown(self) -> str:
        """The part of the page that its address decides, without how long ago times are."""
        return re.sub(r' title="[^"]*ago"', "", self.text[self.text.index('class="ledger-card"') :])

    def link(self, rel: str) -> str:
        """The address of the link with this relation."""
        found = re.search(rf'rel="{rel}" href="([^"]*)"', self.text)
        assert found is not None, rel
        return html.unescape(found[1])

    def attribute(self, name: str) -> str:
        """The first value of an attribute."""
        found = re.search(rf'{name}="([^"]*)"', self.text)
        assert found is not None, name
        return html.unescape(found[1])

    @property
    def words(self) -> str:
        """The page without its tags, and with single blanks."""
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", self.text)))


@dataclass(frozen=True)
class Site:
    """A served Flower. `application` is its own."""

    port: int
    ledger: Ledger
    application: Any

    def get(self, path: str, *, signed_in: bool = True, **arguments: Any) -> Response:
        """GET a page; `arguments` are those of its URL."""
        return self.ask("GET", f"{path}?{urlencode(arguments)}" if arguments else path, signed_in=signed_in)

    def ask(
        self,
        method: str,
        path: str,
        *,
        signed_in: bool = True,
        body: str = "",
        authorization: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send any request, with further `headers`."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        request = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        if authorization is not None:
            request["Authorization"] = authorization
        elif signed_in:
            request["Authorization"] = basic(f"flowledger:{PASSWORD}")
        try:
            client.request(method, path, body=body or None, headers=request)
            response = client.getresponse()
            return Response(response.status, response.headers, response.read().decode())
        finally:
            client.close()


def basic(credentials: str | bytes) -> str:
    """The header by which a browser sends a name and a password."""
    given = credentials.encode() if isinstance(credentials, str) else credentials
    return "Basic " + base64.b64encode(given).decode()


@contextmanager
def served(settings: Settings, url_prefix: str | None = None) -> Iterator[Site]:
    """Flower as `flowledger flower` makes it, without the events of workers. Flower's own tables stay as they were."""
    handlers, flower_settings = [*urls.handlers], dict(urls.settings)
    ledger = Ledger.of(settings)
    install.extend(handlers, flower_settings, options, ledger)
    was = (flower.app.default_handlers, options.basic_auth, options.read_only, options.url_prefix)
    flower.app.default_handlers = handlers
    options.basic_auth, options.read_only = [f"flowledger:{PASSWORD}"], not ledger.control
    options.url_prefix = url_prefix
    RequestHandler._template_loaders.clear()  # tornado keeps the loader of each folder for the whole process
    try:
        with _running(settings, flower_settings) as (port, application):
            yield Site(port, ledger, application)
    finally:
        flower.app.default_handlers, options.basic_auth, options.read_only, options.url_prefix = was
        RequestHandler._template_loaders.clear()
        ledger.close()


@contextmanager
def _running(settings: Settings, flower_settings: dict[str, Any]) -> Iterator[tuple[int, Any]]:
    started: threading.Event = threading.Event()
    found: list[Any] = []

    async def serve() -> None:
        broker = None if settings.redis_url is None else settings.redis_url.get_secret_value()
        application = flower.app.Flower(
            capp=celery.Celery("tests", broker=broker, set_as_current=False), options=options, **flower_settings
        )
        server, sockets = HTTPServer(application), bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        end = asyncio.Event()
        found.extend((sockets[0].getsockname()[1], application, asyncio.get_running_loop(), end))
        started.set()
        await end.wait()
        server.stop()
        await server.close_all_connections()
        application.executor.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(10)
    port, application, loop, end = found
    try:
        yield port, application
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)
