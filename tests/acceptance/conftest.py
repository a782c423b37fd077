"""Platforms on both databases, and the commands that people there would call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from flowledger.domain.settings import Settings
from flowledger.domain.vault_keys import VaultKeyFile
from flowledger.storage.unit_of_work import Storage
from tests.acceptance.reporting import Platform
from tests.cli.calling import Run
from tests.cli.conftest import flowledger, run
from tests.storage.recording import differences
from tests.workers.conftest import client, start_worker

__all__ = ["client", "flowledger", "run", "start_worker"]  # fixtures of other rooms

MakePlatform = Callable[[str], Platform]


@pytest.fixture
def make_platform(settings: Settings, client: redis.Redis, storage: Storage) -> Iterator[MakePlatform]:
    """Makes platforms by their `source`. At the end, each row must be what the journal says."""
    made: list[Platform] = []

    def make(source: str) -> Platform:
        made.append(Platform(source, settings, client, storage))
        return made[-1]

    yield make
    for platform in made:
        platform.publisher.close()
    assert differences(storage) == []


@pytest.fixture
def vault_keys(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VaultKeyFile:
    """The keys of a vault, made as an operator makes them."""
    path = tmp_path / "vault-keys.json"
    monkeypatch.setenv("LEDGER_VAULT_KEY_FILE", str(path))
    assert run("vault", "key").code == 0
    return VaultKeyFile(path)
