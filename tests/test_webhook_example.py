"""`examples/webhook.py` as it runs: a sender calls it by HTTP, and gets the documented answers."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from flowledger.domain.settings import Settings
from flowledger.domain.vault_keys import VaultKeyFile, changed_versions
from flowledger.services.vault import Vault
from flowledger.storage.unit_of_work import Storage
from tests.services.webhooks.calling import BODY, OLD, SECRET, headers, set_up

EXAMPLES: Final = Path(__file__).parent.parent / "examples"


@pytest.fixture
def url(settings: Settings, storage: Storage, tmp_path: Path) -> Iterator[str]:
    """The address of a running example, whose vault has a secret."""
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


def announced(url: str, size: int) -> int:
    """Return the status for a body that is announced, and need not be sent."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.putrequest("POST", parts.path)
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


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
    assert announced(address, 2**20 + 1) == 413
    assert post(url.replace("/webhooks/", "/elsewhere/"), headers())[0] == 404
