"""`flowledger.receive`: one receiver for each process, from the environment, with the vault's secrets."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import flowledger
from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings
from flowledger.services.webhooks import opened
from flowledger.storage.unit_of_work import Storage
from tests.services.webhooks.calling import BODY, SECRET, WEBHOOK, Kept, headers, set_up


@pytest.fixture
def vaults(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """A vault in the place of the real one; the arguments of all that were opened. No receiver is opened yet."""
    made: list[Any] = []

    def vault(*given: Any) -> Kept:
        made.append(given)
        return Kept(current=SECRET)

    module: Any = ModuleType("flowledger.services.vault")
    module.Vault, module.VaultKeyFile = vault, SimpleNamespace(of=lambda settings: f"keys of {type(settings).__name__}")
    monkeypatch.setitem(sys.modules, "flowledger.services.vault", module)
    monkeypatch.setattr(opened, "_OPENED", opened._Opened())
    yield made
    if made:
        receiver = opened._OPENED.get()
        receiver.close()
        receiver._storage.close()


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.redis_url is not None
    assert settings.database_url is not None
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())


@pytest.mark.usefixtures("environment")
def test_the_first_calls_of_a_process_open_one_receiver(storage: Storage, vaults: list[Any]) -> None:
    set_up(storage)
    ready = threading.Barrier(8)

    def one(number: int) -> str:
        ready.wait()
        return flowledger.receive(WEBHOOK, headers(f"msg_{number}"), BODY).id

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(8))) == {f"msg_{number}" for number in range(8)}
    ((opened_storage, keys),) = vaults
    assert isinstance(opened_storage, Storage)
    assert keys == "keys of Settings"


@pytest.mark.usefixtures("environment")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_opens_its_own(storage: Storage, vaults: list[Any]) -> None:
    set_up(storage)
    flowledger.receive(WEBHOOK, headers("before"), BODY)
    context = multiprocessing.get_context("fork")
    answers: Any = context.Queue()

    def child() -> None:
        received = flowledger.receive(WEBHOOK, headers("after"), BODY)
        answers.put((received.id, len(vaults)))

    process = context.Process(target=child)
    process.start()
    assert answers.get(timeout=30) == ("after", 2)
    process.join(30)
    assert flowledger.receive(WEBHOOK, headers("before"), BODY).repeated


@pytest.mark.usefixtures("vaults")
def test_without_servers_it_says_so_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        with pytest.raises(SettingsError, match="DATABASE_URL"):
            flowledger.receive(WEBHOOK, headers(), BODY)
