"""Keys, vaults, users and a clock for the tests of services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from flowledger.domain.vault_keys import VaultKeyFile, changed_versions
from flowledger.services.users import Hasher, Users
from flowledger.services.vault import Credentials, Vault
from flowledger.storage.unit_of_work import Storage


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    time: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def go(self, **span: float) -> None:
        self.time += timedelta(**span)


class CountingHasher(Hasher):
    """A hasher whose hashes cost nothing, and which counts what it does."""

    def __init__(self, time_cost: int = 1) -> None:
        self.argon2 = CountingArgon2(time_cost)
        super().__init__(self.argon2)

    @property
    def verifications(self) -> list[str]:
        return self.argon2.verified


class CountingArgon2(PasswordHasher):
    def __init__(self, time_cost: int) -> None:
        super().__init__(time_cost, memory_cost=8, parallelism=1)
        self.verified: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
        self.verified.append(str(hash))
        return bool(super().verify(hash, password))


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    """A key file with one key."""
    path = tmp_path / "vault-keys.json"
    add_key(path)
    return path


def add_key(path: Path, *, current: bool = True) -> int:
    with changed_versions(path) as versions:
        return versions.add(current=current)


@pytest.fixture
def keys(key_path: Path) -> VaultKeyFile:
    return VaultKeyFile(key_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vault(storage: Storage, keys: VaultKeyFile, clock: Clock) -> Vault:
    return Vault(storage, keys, clock)


@pytest.fixture
def credentials(storage: Storage, keys: VaultKeyFile, clock: Clock) -> Credentials:
    return Credentials(storage, keys, clock)


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture
def users(storage: Storage, hasher: CountingHasher, clock: Clock) -> Users:
    """Sessions last an hour."""
    return Users(storage, hasher=hasher, clock=clock, session_seconds=3600)
