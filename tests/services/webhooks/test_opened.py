"""`flowledger.receive`: one receiver for each process, from the environment, with the vault's secrets."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import flowledger
from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings
from flowledger.services.vault import Vault
from flowledger.services.webhooks import WebhookReceiver, opened
from flowledger.storage.unit_of_work import Storage
from tests.services.webhooks.calling import BODY, SECRET, WEBHOOK, headers, set_up


@pytest.fixture
def receivers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[WebhookReceiver]]:
    """The receivers that this process opened; none yet."""
    made: list[WebhookReceiver] = []

    def receiver(settings: Settings) -> WebhookReceiver:
        made.append(_receiver(settings))
        return made[-1]

    _receiver = opened._receiver
    monkeypatch.setattr(opened, "_receiver", receiver)
    monkeypatch.setattr(opened, "_OPENED", opened._Opened())
    yield made
    for one in made:
        one.close()
        one._storage.close()


@pytest.fixture
def environment(
    settings: Settings, storage: Storage, vault: Vault, key_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment of a receiver, whose vault has the secret of the webhook."""
    set_up(storage)
    vault.set("current", SECRET, by="tests")
    monkeypatch.setenv("LEDGER_VAULT_KEY_FILE", str(key_path))
    assert settings.redis_url is not None
    assert settings.database_url is not None
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())


@pytest.mark.usefixtures("environment")
def test_the_first_calls_of_a_process_open_one_receiver(receivers: list[WebhookReceiver]) -> None:
    ready = threading.Barrier(8)

    def one(number: int) -> str:
        ready.wait()
        return flowledger.receive(WEBHOOK, headers(f"msg_{number}"), BODY).id

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(8))) == {f"msg_{number}" for number in range(8)}
    assert len(receivers) == 1


@pytest.mark.usefixtures("environment")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_opens_its_own(receivers: list[WebhookReceiver]) -> None:
    flowledger.receive(WEBHOOK, headers("before"), BODY)
    context = multiprocessing.get_context("fork")
    answers: Any = context.Queue()

    def child() -> None:
        received = flowledger.receive(WEBHOOK, headers("after"), BODY)
        answers.put((received.id, len(receivers)))

    process = context.Process(target=child)
    process.start()
    assert answers.get(timeout=30) == ("after", 2)
    process.join(30)
    assert flowledger.receive(WEBHOOK, headers("before"), BODY).repeated


@pytest.mark.usefixtures("receivers")
def test_without_servers_it_says_so_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        with pytest.raises(SettingsError, match="DATABASE_URL"):
            flowledger.receive(WEBHOOK, headers(), BODY)
