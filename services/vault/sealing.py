"""Sealing: AES-256-GCM, a fresh nonce each time, and the row that a value belongs to as associated data.

The associated data are these pieces, each as a netstring (its length in bytes, `:`, the bytes, `,`):

    flowledger.vault.v1, the table, the key version, then the values of the columns that name the row

So what was sealed for one row does not open in another row, in another table, or as another version.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretBytes, SecretStr

from flowledger.domain.errors import InvalidArgument, LedgerError
from flowledger.domain.json_text import is_plain
from flowledger.domain.names import LONGEST_NAME, is_name
from flowledger.domain.vault_keys import VaultKeys
from flowledger.storage.vault.sealed import NONCE_BYTES, Seal, SealedRow, SealedTable

SOURCE: Final = "/flowledger/vault"
"""The `source` of the vault's audit lines."""

MOST_BYTES: Final = 64 * 2**10
"""The longest value."""

Value = bytes | str | SecretBytes | SecretStr
"""A value to seal; a text is sealed as UTF-8."""

_TAG: Final = "flowledger.vault.v1"
_TOLD: Final = 100


class Unopenable(LedgerError):
    """A sealed value does not open: it was changed, belongs to another row, or was sealed with another key."""

    def __init__(self, table: str, key: str, version: int) -> None:
        super().__init__(
            f"{key[:_TOLD]!a} of {table} cannot be opened: it was changed, copied from another row, "
            f"or sealed with another key of version {version} than the one that is here"
        )


class Sealer:
    """Seals and opens the values of rows with the keys of a vault."""

    def __init__(self, keys: VaultKeys) -> None:
        self._keys = keys

    @property
    def current(self) -> int:
        """The version to seal with."""
        return self._keys.current()

    def seal(self, table: SealedTable, names: tuple[str, ...], value: SecretBytes, version: int | None = None) -> Seal:
        """Seal a value for the row that `names` name, with the current key or that of a version."""
        version = self._keys.current() if version is None else version
        nonce = os.urandom(NONCE_BYTES)
        bound = _bound(table.table.name, version, names)
        return Seal(version, nonce, self._cipher(version).encrypt(nonce, value.get_secret_value(), bound))

    def open(self, table: SealedTable, row: SealedRow) -> SecretBytes:
        """Return the value of a row. Raises UnknownKeyVersion, Unopenable."""
        seal = row.seal
        bound = _bound(table.table.name, seal.key_version, row.names)
        cipher = self._cipher(seal.key_version)
        try:
            return SecretBytes(cipher.decrypt(seal.nonce, seal.sealed, bound))
        except InvalidTag:
            raise Unopenable(table.table.name, row.names[0], seal.key_version) from None

    def _cipher(self, version: int) -> AESGCM:
        return AESGCM(self._keys.key(version).get_secret_value())


def checked_value(value: Value) -> SecretBytes:
    """Return the bytes of a value. Raises InvalidArgument, which never shows it."""
    inner = value.get_secret_value() if isinstance(value, SecretBytes | SecretStr) else value
    try:
        raw = inner.encode() if isinstance(inner, str) else bytes(inner)
    except UnicodeEncodeError:
        raise InvalidArgument("a secret that is a text must have an encoding in UTF-8; give bytes") from None
    if not 1 <= len(raw) <= MOST_BYTES:
        raise InvalidArgument(f"a secret has 1 to {MOST_BYTES:,} bytes; this has {len(raw):,}")
    return SecretBytes(raw)


def checked_name(name: str, what: str = "the name of a secret") -> str:
    """Return a *name*. Raises InvalidArgument."""
    if not is_name(name) or not is_plain(name):
        raise InvalidArgument(f"{what} has 1 to {LONGEST_NAME} characters, not all of them white space, and no U+0000")
    return name


def _bound(table: str, version: int, names: tuple[str, ...]) -> bytes:
    pieces = [piece.encode() for piece in (_TAG, table, str(version), *names)]
    return b"".join(b"%d:%b," % (len(piece), piece) for piece in pieces)
