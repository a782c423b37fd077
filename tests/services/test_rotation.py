"""Rotation: all values are sealed anew while they are read and set; it may be interrupted anywhere."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from flowledger.domain.vault_keys import VaultKeyFile, changed_versions
from flowledger.services.roles import Forbidden
from flowledger.services.vault import Credentials, Rotated, Vault, rotate
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from flowledger.storage.vault.sealed import SealedTable
from flowledger.storage.vault.secrets import SECRETS
from flowledger.workers.verify import verify
from tests.services.conftest import add_key
from tests.services.test_vault import lines, session

SECRETS_ROTATED = int(os.environ.get("FLOWLEDGER_TEST_SECRETS", "300"))
"""How many secrets are rotated under load; the long form is 10,000."""


def versions(storage: Storage, table: SealedTable = SECRETS) -> dict[int, int]:
    with storage.reading() as connection:
        return table.versions(connection)


def fill(vault: Vault, number: int) -> dict[str, bytes]:
    values = {f"SECRET_{place:05}": f"value of {place}".encode() for place in range(number)}
    for name, value in values.items():
        vault.set(name, value, by="tests")
    return values


def values(vault: Vault, names: dict[str, bytes]) -> dict[str, bytes]:
    return {name: vault.get(name).get_secret_value() for name in names}


def test_all_values_have_the_new_key_and_the_old_one_can_go(
    storage: Storage, vault: Vault, credentials: Credentials, keys: VaultKeyFile, key_path: Path
) -> None:
    kept = fill(vault, 5)
    id_ = credentials.add("usr_1", "github", "work", "token", by="tests")
    add_key(key_path)
    told: list[tuple[int, int]] = []
    rotated = rotate(storage, keys, by="ops", at_once=2, tell=lambda *done: told.append(done))
    assert rotated == Rotated(key_version=2, resealed=6)
    assert rotated.is_complete
    assert told == [(2, 6), (4, 6), (5, 6), (6, 6)]
    with changed_versions(key_path) as there:
        del there.keys[1]
    fresh = VaultKeyFile(key_path)
    assert values(Vault(storage, fresh), kept) == kept
    assert Credentials(storage, fresh).get(id_).get_secret_value() == b"token"


def test_each_step_has_its_audit_line(
    storage: Storage, vault: Vault, credentials: Credentials, keys: VaultKeyFile, key_path: Path
) -> None:
    fill(vault, 3)
    credentials.add("usr_1", "github", "work", "token", by="tests")
    add_key(key_path)
    rotate(storage, keys, by="ops", at_once=2)
    told = [details for action, *_, details in lines(storage) if action == "vault.rotated"]
    assert told == [
        {"by": "ops", "table": "secrets", "rows": 2, "key_version": 2},
        {"by": "ops", "table": "secrets", "rows": 1, "key_version": 2},
        {"by": "ops", "table": "credentials", "rows": 1, "key_version": 2},
    ]
    assert verify(storage).differences == 0


def test_a_second_rotation_finds_nothing(storage: Storage, vault: Vault, keys: VaultKeyFile, key_path: Path) -> None:
    fill(vault, 3)
    add_key(key_path)
    rotate(storage, keys, by="ops")
    before = lines(storage)
    assert rotate(storage, keys, by="ops") == Rotated(key_version=2)
    assert lines(storage) == before


class Interrupted(BaseException):
    """What a signal raises."""


def test_an_interrupted_rotation_goes_on_with_what_is_left(
    storage: Storage, vault: Vault, keys: VaultKeyFile, key_path: Path
) -> None:
    kept = fill(vault, 7)
    add_key(key_path)

    def interrupt(done: int, _total: int) -> None:
        if done >= 4:
            raise Interrupted

    with pytest.raises(Interrupted):
        rotate(storage, keys, by="ops", at_once=2, tell=interrupt)
    assert versions(storage) == {1: 3, 2: 4}
    assert values(vault, kept) == kept
    assert rotate(storage, keys, by="ops", at_once=2).resealed == 3
    assert versions(storage) == {2: 7}
    assert values(vault, kept) == kept


def test_a_step_that_is_interrupted_leaves_its_rows_as_they_were(
    storage: Storage, vault: Vault, keys: VaultKeyFile, key_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = fill(vault, 4)
    add_key(key_path)
    reseal = SealedTable.reseal

    def interrupted(self: SealedTable, connection: Any, row: Any, seal: Any) -> bool:
        if row.names[0] == "SECRET_00002":
            raise Interrupted
        return reseal(self, connection, row, seal)

    with monkeypatch.context() as patched:
        patched.setattr(SealedTable, "reseal", interrupted)
        with pytest.raises(Interrupted):
            rotate(storage, keys, by="ops")
    assert versions(storage) == {1: 4}
    rotate(storage, keys, by="ops")
    assert values(vault, kept) == kept


def test_what_is_set_meanwhile_stands(
    storage: Storage, vault: Vault, keys: VaultKeyFile, key_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment at which the rotation reads a row and that at which it writes it."""
    fill(vault, 3)
    add_key(key_path)
    stale = SealedTable.stale

    def and_set(self: SealedTable, *given: Any) -> Any:
        rows = stale(self, *given)
        if any(row.names[0] == "SECRET_00001" for row in rows):
            vault.set("SECRET_00001", "set meanwhile", by="tests")
            vault.delete("SECRET_00002", by="tests")
        return rows

    monkeypatch.setattr(SealedTable, "stale", and_set)
    assert rotate(storage, keys, by="ops") == Rotated(key_version=2, resealed=1)
    assert vault.get("SECRET_00001").get_secret_value() == b"set meanwhile"
    assert versions(storage) == {2: 2}


def test_what_another_process_seals_with_the_old_key_is_found(
    storage: Storage, vault: Vault, keys: VaultKeyFile, key_path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "old-keys.json"
    copy.write_bytes(key_path.read_bytes())
    copy.chmod(0o600)
    elsewhere = Vault(storage, VaultKeyFile(copy))
    fill(vault, 3)
    add_key(key_path)
    sets = iter([True])

    def tell(_done: int, _total: int) -> None:
        if next(sets, False):
            elsewhere.set("SECRET_00000", "set elsewhere", by="tests")

    assert rotate(storage, keys, by="ops", tell=tell) == Rotated(key_version=2, resealed=4)
    assert vault.get("SECRET_00000").get_secret_value() == b"set elsewhere"


def test_what_does_not_open_is_named_and_the_rest_goes_on(
    storage: Storage, vault: Vault, keys: VaultKeyFile, key_path: Path
) -> None:
    kept = fill(vault, 4)
    with storage.writing() as connection:
        damaged = update(tables.secrets).where(tables.secrets.c.name == "SECRET_00001")
        connection.execute(damaged.values(sealed=b"x" * 40))
        unknown = update(tables.secrets).where(tables.secrets.c.name == "SECRET_00002")
        connection.execute(unknown.values(key_version=9))
    add_key(key_path)
    rotated = rotate(storage, keys, by="ops", at_once=2)
    assert (rotated.resealed, rotated.left, rotated.is_complete) == (2, 2, False)
    assert ["SECRET_00001" in words or "version 9" in words for words in rotated.failed] == [True, True]
    assert versions(storage) == {1: 1, 2: 2, 9: 1}
    for name in ("SECRET_00000", "SECRET_00003"):
        assert vault.get(name).get_secret_value() == kept[name]


def test_only_an_admin_rotates(storage: Storage, keys: VaultKeyFile) -> None:
    with pytest.raises(Forbidden):
        rotate(storage, keys, by=session("user"))


class Load:
    """Readers, and writers of some names, in threads; each has read the key file by itself."""

    def __init__(self, storage: Storage, key_path: Path, kept: dict[str, bytes]) -> None:
        self.written: dict[str, bytes] = {}
        self.errors: list[BaseException] = []
        self._storage = storage
        self._key_path = key_path
        self.kept = kept
        self._over = threading.Event()

    def vault(self) -> Vault:
        return Vault(self._storage, VaultKeyFile(self._key_path))

    def read(self) -> None:
        vault = self.vault()
        while not self._over.is_set():
            for name in itertools.takewhile(lambda _: not self._over.is_set(), self.kept):
                value = vault.get(name).get_secret_value()
                assert value == self.kept[name] or value.startswith(b"set in turn ")

    def write(self, names: list[str]) -> None:
        vault = self.vault()
        for turn in itertools.takewhile(lambda _: not self._over.is_set(), itertools.count()):
            name, value = names[turn % len(names)], f"set in turn {turn}".encode()
            vault.set(name, value, by="tests")
            self.written[name] = value
            assert vault.get(name).get_secret_value() == value

    def rotate(self) -> None:
        rotate(self._storage, VaultKeyFile(self._key_path), by="tests", at_once=20)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        names = list(self.kept)
        works = [self.read] * 3 + [partial(self.write, names[writer::20]) for writer in range(2)]
        with self.at_once(*works):
            try:
                yield
            finally:
                self._over.set()

    @contextmanager
    def at_once(self, *works: Callable[[], None]) -> Iterator[None]:
        threads = [threading.Thread(target=self._guarded, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.join()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self.errors.append(error)


def test_readers_and_writers_go_on_during_rotations(storage: Storage, key_path: Path) -> None:
    """Two rotations at once, to a second and then to a third key."""
    load = Load(storage, key_path, fill(Vault(storage, VaultKeyFile(key_path)), SECRETS_ROTATED))
    with load.going_on():
        for _ in range(2):
            add_key(key_path)
            with load.at_once(load.rotate, load.rotate):
                pass
    assert load.errors == []
    assert load.written
    assert rotate(storage, VaultKeyFile(key_path), by="tests").is_complete
    assert versions(storage) == {3: SECRETS_ROTATED}
    kept = load.kept | load.written
    assert values(load.vault(), kept) == kept
