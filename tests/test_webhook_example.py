"""`examples/webhook.py` as it runs: a sender calls it by HTTP, and gets the documented answers."""

from __future__ import annotations

import json
import os
import runpy
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from wsgiref.simple_server import WSGIServer, make_server

import pytest

from flowledger.domain.settings import Settings
from flowledger.domain.vault_keys import VaultKeyFile, changed_versions
from flowledger.services.vault import Vault
from flowledger.storage.unit_of_work import Storage
from tests.services.webhooks.calling import BODY, OLD, SECRET, headers, set_up

EXAMPLES: Final = Path(__file__).parent.parent / "examples"


@pytest.fixture
def url(settings: Settings, storage: Storage, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a running example, whose vault has a secret; its parameter has other settings."""
    key_path = tmp_path / "vault-keys.json"
    with changed_versions(key_path) as versions:
        versions.add()
    Vault(storage, VaultKeyFile(key_path)).set("current", SECRET, by="tests")
    assert settings.redis_url is not None
    assert settings.database_url is not None
    servers = {
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "LEDGER_VAULT_KEY_FILE": str(key_path),
        "LEDGER_PUBLISH_TIMEOUT_SECONDS": "0.5",
    }
    servers |= getattr(request, "param", {})
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / "webhook.py"), "0"],
        cwd=EXAMPLES.parent, env=os.environ | servers, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.kill()


def post(url: str, given: dict[str, str], body: bytes = BODY) -> tuple[int, Any]:
    request = urllib.request.Request(url, data=body, headers=given)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return int(response.status), json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def announced(url: str, *lengths: str, sent: bytes = b"", ends: bool = False) -> int:
    """Return the status for a body of an announced length, of which a part is sent; `ends`: and no more will come."""
    parts = urllib.parse.urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        head = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", *(f"Content-Length: {one}" for one in lengths)]
        connection.sendall("\r\n".join([*head, "", ""]).encode() + sent)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as reply:
            return int(reply.readline().split()[1])


@contextmanager
def serving(server: WSGIServer) -> Iterator[None]:
    """Let a server answer in a thread."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def test_the_example_receives_webhooks(url: str, storage: Storage) -> None:
    set_up(storage, "hook 1/é")
    address = f"{url}hook%201%2F%C3%A9"
    status, answer = post(address, headers())
    assert (status, answer["execution_id"][:5]) == (202, "exec_")
    assert post(address, headers(body=b"{}"), b"{}") == (202, answer), "a retry gets the same"
    forged = post(address, headers(secret=OLD))
    assert (forged[0], forged[1]["reason"]) == (401, "unauthorized")
    assert post(f"{url}other", headers()) == forged
    assert post(address, {})[1]["reason"] == "malformed"
    assert post(url.replace("/webhooks/", "/elsewhere/"), headers())[0] == 404


def test_a_body_has_a_length_and_that_length(url: str, storage: Storage) -> None:
    set_up(storage, "hook")
    address = f"{url}hook"
    assert announced(address) == 411
    for length in ("-1", "x", "+1", "1_0", "0x10", "\u0661", "9" * 5_000, "1.0"):
        assert announced(address, length) == 400, length
    for length in ("1048577", "9" * 15):
        assert announced(address, length) == 413, length
    assert announced(address, "10", sent=b"abc", ends=True) == 400
    assert announced(address, "0") == 400, "it is not signed"
    assert post(address, headers())[0] == 202


@pytest.mark.parametrize("url", [{"LEDGER_MAX_EVENT_BYTES": str(2**21)}], indirect=True)
def test_the_limit_is_that_of_the_settings(url: str, storage: Storage) -> None:
    set_up(storage, "hook")
    large = json.dumps({"text": "x" * (3 * 2**19)}).encode()
    assert post(f"{url}hook", headers(body=large), large)[0] == 202
    assert announced(f"{url}hook", str(2**21 + 1)) == 413


def test_a_sender_that_sends_nothing_holds_up_nobody(url: str, storage: Storage) -> None:
    set_up(storage, "hook")
    parts = urllib.parse.urlsplit(url)
    beginnings = (b"", b"POST ", b"POST /webhooks/hook HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
    with ExitStack() as open_:
        for beginning in beginnings:
            slow = open_.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=30))
            slow.sendall(beginning)
        assert post(f"{url}hook", headers())[0] == 202


def test_a_sender_is_waited_for_no_longer_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    example = runpy.run_path(str(EXAMPLES / "webhook.py"))
    monkeypatch.setattr(example["Handler"], "timeout", 2.0)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    server = make_server("127.0.0.1", 0, example["application"], example["Server"], example["Handler"])
    with server, serving(server):
        assert announced(f"http://127.0.0.1:{server.server_port}/webhooks/hook", "10", sent=b"abc") == 408
