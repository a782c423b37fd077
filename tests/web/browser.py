"""A headless Chromium, driven by the DevTools protocol: it goes to pages, clicks, fills in, and takes pictures."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.waiting import wait_until

CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The program; None if none is installed."""
_SECONDS: Final = 30.0
_LARGEST: Final = 64 * 2**20
_OPTIONS: Final = (
    "--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--remote-debugging-port=0", "--disable-dev-shm-usage",
)  # fmt: skip


class Browser:
    """One tab. `wrong` are errors of pages: of scripts, of missing files, of what the page's policy forbids."""

    def __init__(self, runner: asyncio.Runner, socket: WebSocketClientConnection) -> None:
        self._runner = runner
        self._socket = socket
        self._number = 0
        self._credentials = ("", "")
        self.wrong: list[str] = []

    def sign_in_as(self, user: str, password: str) -> None:
        """Answer from now on when a server asks who it is."""
        self._credentials = (user, password)

    def go(self, url: str) -> None:
        """Go to a page, and wait until it is there."""
        self.ask("Page.navigate", url=url)
        self._wait_for_page()

    def click(self, selector: str) -> None:
        """Click on an element that leads to another page."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self._wait_for_page()

    def follow(self, words: str) -> None:
        """Click on the first link with these words."""
        link = f"[...document.links].find((link) => link.textContent.trim() === {json.dumps(words)})"
        assert self.run(f"Boolean({link})"), f"no link {words!r} in: {self.text()}"
        self.run(f"{link}.click()")
        self._wait_for_page()

    def fill_in(self, name: str, value: str) -> None:
        """Write into a field of a form, or tick a box."""
        field = f"document.querySelector('.ledger-filters [name={name}]')"
        self.run(f"{field}.type === 'checkbox' ? {field}.checked = true : {field}.value = {json.dumps(value)}")

    def text(self, selector: str = "body") -> str:
        """The text of an element as a person sees it."""
        return str(self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    def run(self, script: str) -> Any:
        """The value of a script on the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, file: Path, height: int, width: int = 1280) -> None:
        """Take a picture of the upper part of the page."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        file.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command of the protocol."""
        return self._runner.run(asyncio.wait_for(self._ask(method, parameters), _SECONDS))

    def close(self) -> None:
        """End the connection."""
        with suppress(TimeoutError):
            self._runner.run(asyncio.wait_for(self._close(), _SECONDS))

    async def _close(self) -> None:
        self._socket.close()
        while await self._socket.read_message() is not None:
            pass

    async def _ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        mine = await self._send(method, parameters)
        while True:
            text = await self._socket.read_message()
            assert text is not None, "Chromium has ended"
            message: dict[str, Any] = json.loads(text)
            if message.get("id") == mine:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            await self._hear(message.get("method", ""), message.get("params", {}))

    async def _send(self, method: str, parameters: dict[str, Any]) -> int:
        self._number += 1
        await self._socket.write_message(json.dumps({"id": self._number, "method": method, "params": parameters}))
        return self._number

    async def _hear(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Fetch.requestPaused":
            await self._send("Fetch.continueRequest", {"requestId": parameters["requestId"]})
        elif method == "Fetch.authRequired":
            user, password = self._credentials
            known = {"response": "ProvideCredentials", "username": user, "password": password}
            reply = known if password else {"response": "CancelAuth"}
            request = {"requestId": parameters["requestId"], "authChallengeResponse": reply}
            await self._send("Fetch.continueWithAuth", request)
        elif method == "Runtime.exceptionThrown":
            self.wrong.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.wrong.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    def _wait_for_page(self) -> None:
        """A script that ran on the page before has left its mark on it; the new one has none."""
        wait_until(lambda: self.run("document.readyState === 'complete' && !window.seen"), _SECONDS, "the page")
        self.run("window.seen = true")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a past, ended at the end."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [CHROMIUM, *_OPTIONS, *sandbox, f"--user-data-dir={folder}", "about:blank"]
        environment = os.environ | {"HOME": folder}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        try:
            port_file = Path(folder) / "DevToolsActivePort"
            wait_until(lambda: port_file.exists() and len(port_file.read_text().splitlines()) > 1, _SECONDS, "Chromium")
            with asyncio.Runner() as runner:
                browser = Browser(runner, runner.run(_connected(port_file.read_text().splitlines()[0])))
                for domain in ("Page", "Runtime", "Log"):
                    browser.ask(f"{domain}.enable")
                browser.ask("Fetch.enable", handleAuthRequests=True)
                try:
                    yield browser
                finally:
                    browser.close()
        finally:
            process.terminate()
            process.wait(_SECONDS)


async def _connected(port: str) -> WebSocketClientConnection:
    tabs = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_SECONDS).read())
    (url,) = [tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"]
    return await websocket_connect(url, max_message_size=_LARGEST)
