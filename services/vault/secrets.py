"""Secrets by name: set, get, list, delete."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from pydantic import SecretBytes
from sqlalchemy import Connection

from flowledger.domain.errors import LedgerError
from flowledger.domain.times import now
from flowledger.domain.vault_keys import VaultKeys
from flowledger.services.acts import By, log_act
from flowledger.services.roles import check
from flowledger.services.vault.sealing import SOURCE, Sealer, Value, checked_name, checked_value
from flowledger.storage.paging import Page
from flowledger.storage.unit_of_work import Storage
from flowledger.storage.vault.secrets import SECRETS, Secret, SecretRepository

_TYPE: Final = "secret"
_TOLD: Final = 100


class UnknownSecret(LedgerError):
    """The vault has no secret of this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the vault has no secret {name[:_TOLD]!a}; see `flowledger vault list`")


class Vault:
    """The secrets of a ledger. Threads may share it.

    `by` is who acts: an operator's name, or a session, whose user must be an admin (Forbidden otherwise).
    """

    def __init__(self, storage: Storage, keys: VaultKeys, clock: Callable[[], datetime] = now) -> None:
        self._storage = storage
        self._sealer = Sealer(keys)
        self._clock = clock

    def set(self, name: str, value: Value, *, by: By) -> None:
        """Keep a secret, or another value in its place. Raises InvalidArgument for a name or value it cannot take."""
        check(by, "admin")
        names, secret = (checked_name(name),), checked_value(value)
        with self._storage.writing() as connection:
            seal = self._sealer.seal(SECRETS, names, secret)
            SecretRepository(connection).put(name, seal, self._clock())
            log_act(
                connection, SOURCE, "secret.set", resource_type=_TYPE, resource_id=name, by=by,
                details={"key_version": seal.key_version},
            )  # fmt: skip

    def get(self, name: str, *, by: By | None = None) -> SecretBytes:
        """Return the value of a secret.

        An audit line is recorded if `by` says who reads; what reads all the time, like the check of a webhook, leaves
        it out. Raises UnknownSecret, UnknownKeyVersion, Unopenable.
        """
        if by is None:
            with self._storage.looking() as connection:
                return self._opened(connection, name)
        check(by, "admin")
        with self._storage.writing() as connection:
            value = self._opened(connection, name)
            log_act(connection, SOURCE, "secret.read", resource_type=_TYPE, resource_id=name, by=by)
        return value

    def list(self, *, limit: int = 50, offset: int = 0, after: str | None = None) -> Page[Secret]:
        """Return a page of secrets in the order of their names; never a value."""
        with self._storage.looking() as connection:
            return SecretRepository(connection).by_name(limit=limit, offset=offset, after=after)

    def delete(self, name: str, *, by: By) -> None:
        """Delete a secret; nothing brings it back. Raises UnknownSecret."""
        check(by, "admin")
        with self._storage.writing() as connection:
            if not SecretRepository(connection).delete(_found(name)):
                raise UnknownSecret(name)
            log_act(connection, SOURCE, "secret.deleted", resource_type=_TYPE, resource_id=name, by=by)

    def _opened(self, connection: Connection, name: str) -> SecretBytes:
        row = SECRETS.get(connection, _found(name))
        if row is None:
            raise UnknownSecret(name)
        return self._sealer.open(SECRETS, row)


def _found(name: str) -> str:
    """Return a name that may be looked up. Raises UnknownSecret for what no secret can be called."""
    try:
        return checked_name(name)
    except LedgerError:
        raise UnknownSecret(name) from None
