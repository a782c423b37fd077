"""Sealing: known answers, a fresh nonce each time, and nothing that was changed or moved opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import SecretBytes
from sqlalchemy import update

from flowledger.domain.errors import InvalidArgument
from flowledger.domain.vault_keys import UnknownKeyVersion
from flowledger.services.vault import Credentials, Sealer, Unopenable, Vault
from flowledger.services.vault.sealing import MOST_BYTES, checked_value
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from flowledger.storage.vault.credentials import CREDENTIALS
from flowledger.storage.vault.sealed import Seal, SealedRow, SealedTable
from flowledger.storage.vault.secrets import SECRETS


class FixedKeys:
    """Keys of two versions that everybody knows."""

    known = (1, 7)

    def current(self) -> int:
        return 7

    def key(self, version: int) -> SecretBytes:
        if version not in self.known:
            raise UnknownKeyVersion(version, "the test")
        return SecretBytes(bytes(range(32)))


SEALER = Sealer(FixedKeys())
NONCE = bytes(range(12))

# Made with Node.js: crypto.createCipheriv("aes-256-gcm", …), setAAD of the netstrings, the tag at the end.
KNOWN = [
    (SECRETS, 1, ("SLACK_TOKEN",), "2f77b86fa097f0d7a1b64afd700a2da9040c03ee18d630"),
    (CREDENTIALS, 7, ("cred_1", "usr_1", "gïthub", "work"), "2f77b86fa097f0423a286d2ce3b85e6a6b6c1bbefd75cb"),
]


@pytest.mark.parametrize(("table", "version", "names", "sealed"), KNOWN)
def test_known_answers_of_another_implementation_open(
    table: SealedTable, version: int, names: tuple[str, ...], sealed: str
) -> None:
    row = SealedRow(names, Seal(version, NONCE, bytes.fromhex(sealed)))
    assert SEALER.open(table, row).get_secret_value() == b"hunter2"


@pytest.mark.parametrize(("table", "version", "names", "sealed"), KNOWN)
def test_known_answers_are_made(
    monkeypatch: pytest.MonkeyPatch, table: SealedTable, version: int, names: tuple[str, ...], sealed: str
) -> None:
    monkeypatch.setattr("os.urandom", lambda length: bytes(range(length)))
    assert SEALER.seal(table, names, SecretBytes(b"hunter2"), version) == Seal(version, NONCE, bytes.fromhex(sealed))


def test_a_nonce_is_never_used_twice() -> None:
    seals = [SEALER.seal(SECRETS, ("a",), SecretBytes(b"same")) for _ in range(1000)]
    assert len({seal.nonce for seal in seals}) == len({seal.sealed for seal in seals}) == 1000
    assert {len(seal.nonce) for seal in seals} == {12}
    assert {seal.key_version for seal in seals} == {7}


def _flipped(sealed: bytes, place: int) -> bytes:
    changed = bytearray(sealed)
    changed[place] ^= 1
    return bytes(changed)


CHANGES: dict[str, Callable[[SealedRow], SealedRow]] = {
    "another name": lambda row: replace(row, names=("b",)),
    "a longer name": lambda row: replace(row, names=("a,1:a",)),
    "another version": lambda row: replace(row, seal=replace(row.seal, key_version=1)),
    "another nonce": lambda row: replace(row, seal=replace(row.seal, nonce=bytes(12))),
    "a changed byte": lambda row: replace(row, seal=replace(row.seal, sealed=_flipped(row.seal.sealed, 0))),
    "a changed tag": lambda row: replace(row, seal=replace(row.seal, sealed=_flipped(row.seal.sealed, -1))),
    "a byte less": lambda row: replace(row, seal=replace(row.seal, sealed=row.seal.sealed[:-1])),
    "hardly anything": lambda row: replace(row, seal=replace(row.seal, sealed=b"x")),
    "a byte more": lambda row: replace(row, seal=replace(row.seal, sealed=row.seal.sealed + b"\0")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_does_not_open(change: str) -> None:
    row = SealedRow(("a",), SEALER.seal(SECRETS, ("a",), SecretBytes(b"canary-value")))
    assert SEALER.open(SECRETS, row).get_secret_value() == b"canary-value"
    with pytest.raises(Unopenable, match="cannot be opened") as caught:
        SEALER.open(SECRETS, CHANGES[change](row))
    assert "canary" not in str(caught.value)


def test_what_was_sealed_for_another_table_does_not_open() -> None:
    row = SealedRow(("a",), SEALER.seal(SECRETS, ("a",), SecretBytes(b"v")))
    with pytest.raises(Unopenable):
        SEALER.open(SealedTable(tables.credentials, ("id",)), row)


def test_a_version_without_a_key_is_named() -> None:
    row = SealedRow(("a",), Seal(3, NONCE, b"x" * 17))
    with pytest.raises(UnknownKeyVersion, match="no key of version 3"):
        SEALER.open(SECRETS, row)


def test_a_row_that_is_copied_to_another_name_does_not_open(storage: Storage, vault: Vault) -> None:
    vault.set("A", "of a", by="tests")
    vault.set("B", "of b", by="tests")
    with storage.writing() as connection:
        row = SECRETS.get(connection, "A")
        assert row is not None
        columns = {"nonce": row.seal.nonce, "sealed": row.seal.sealed}
        connection.execute(update(tables.secrets).where(tables.secrets.c.name == "B").values(**columns))
    assert vault.get("A").get_secret_value() == b"of a"
    with pytest.raises(Unopenable, match="'B' of secrets cannot be opened"):
        vault.get("B")


@pytest.mark.parametrize(
    ("column", "value"),
    [("id", "cred_2"), ("user_id", "usr_2"), ("service_type", "gitlab"), ("name", "home")],
)
def test_a_credential_that_is_given_to_somebody_else_does_not_open(
    storage: Storage, credentials: Credentials, column: str, value: str
) -> None:
    id_ = credentials.add("usr_1", "github", "work", b"token", by="tests")
    with storage.writing() as connection:
        connection.execute(update(tables.credentials).values(**{column: value}))
    with pytest.raises(Unopenable):
        credentials.get(value if column == "id" else id_)


@pytest.mark.parametrize("value", [b"", "", b"x" * (MOST_BYTES + 1), "\ud800", SecretBytes(b"")])
def test_what_cannot_be_kept_is_refused_without_being_shown(value: bytes | str | SecretBytes) -> None:
    with pytest.raises(InvalidArgument) as caught:
        checked_value(value)
    assert "xxx" not in str(caught.value)
    assert "d800" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert checked_value(b"x" * MOST_BYTES).get_secret_value() == b"x" * MOST_BYTES
