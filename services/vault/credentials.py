"""Credentials: the secrets of users for services, found by user and service type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from pydantic import SecretBytes
from sqlalchemy import Connection

from flowledger.domain.errors import LedgerError
from flowledger.domain.ids import new_id
from flowledger.domain.times import now
from flowledger.domain.vault_keys import VaultKeys
from flowledger.services.acts import By, log_act
from flowledger.services.roles import check
from flowledger.services.vault.sealing import SOURCE, Sealer, Value, checked_name, checked_value
from flowledger.storage.paging import Page
from flowledger.storage.unit_of_work import Storage
from flowledger.storage.vault.credentials import CREDENTIALS, Credential, CredentialRepository

ADDED: Final = "credential.added"
OWNER: Final = "owner_id"
"""The audit line of a new credential, and the name under which its details say whose it is: erasing looks there."""
_TYPE: Final = "credential"
_TOLD: Final = 100


class UnknownCredential(LedgerError):
    """There is no credential with this id."""

    def __init__(self, credential_id: str) -> None:
        self.credential_id = credential_id
        super().__init__(f"there is no credential {credential_id[:_TOLD]!a}")


class Credentials:
    """The credentials of users. Threads may share it.

    `by` is who acts: an operator's name, or a session: of an admin, or of the credential's own user who is more than a
    viewer (Forbidden otherwise).
    """

    def __init__(self, storage: Storage, keys: VaultKeys, clock: Callable[[], datetime] = now) -> None:
        self._storage = storage
        self._sealer = Sealer(keys)
        self._clock = clock

    def add(self, user_id: str, service_type: str, name: str, value: Value, *, by: By) -> str:
        """Keep a new credential of a user for a service. Return its id.

        Names may clash. Raises InvalidArgument for a name or value it cannot take.
        """
        check(by, "admin", owner="user", of=user_id)
        id_, secret = new_id("cred"), checked_value(value)
        words = (("a user's id", user_id), ("a service type", service_type), ("the name of a credential", name))
        names = (id_, *(checked_name(text, what) for what, text in words))
        with self._storage.writing() as connection:
            seal = self._sealer.seal(CREDENTIALS, names, secret)
            CredentialRepository(connection).add(names, seal, self._clock())
            details = {OWNER: user_id, "service_type": service_type, "key_version": seal.key_version}
            log_act(connection, SOURCE, ADDED, resource_type=_TYPE, resource_id=id_, by=by, details=details)
        return id_

    def set(self, credential_id: str, value: Value, *, by: By) -> None:
        """Keep another value in the place of a credential's. Raises UnknownCredential, InvalidArgument."""
        credential, secret = self._checked(credential_id, by), checked_value(value)
        names = (credential.id, credential.user_id, credential.service_type, credential.name)
        with self._storage.writing() as connection:
            seal = self._sealer.seal(CREDENTIALS, names, secret)
            if not CredentialRepository(connection).put(credential_id, seal, self._clock()):
                raise UnknownCredential(credential_id)
            details = {"key_version": seal.key_version}
            log_act(
                connection, SOURCE, "credential.set", resource_type=_TYPE, resource_id=credential_id, by=by,
                details=details,
            )  # fmt: skip

    def get(self, credential_id: str, *, by: By | None = None) -> SecretBytes:
        """Return the value of a credential; `by` as in `Vault.get`. Raises UnknownCredential, Unopenable …"""
        if by is None:
            with self._storage.looking() as connection:
                return self._opened(connection, credential_id)
        self._checked(credential_id, by)
        with self._storage.writing() as connection:
            value = self._opened(connection, credential_id)
            log_act(connection, SOURCE, "credential.read", resource_type=_TYPE, resource_id=credential_id, by=by)
        return value

    def find(self, credential_id: str) -> Credential | None:
        """Return a credential without its value; None if there is none with this id."""
        with self._storage.looking() as connection:
            return CredentialRepository(connection).get(credential_id)

    def of_user(
        self,
        user_id: str,
        service_type: str | None = None,
        *,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
    ) -> Page[Credential]:
        """Return a page of a user's credentials, newest first: all, or those for one service; never a value."""
        with self._storage.looking() as connection:
            return CredentialRepository(connection).newest(
                user_id=user_id, service_type=service_type, limit=limit, offset=offset, after=after
            )

    def delete(self, credential_id: str, *, by: By) -> None:
        """Delete a credential; nothing brings it back. Raises UnknownCredential."""
        self._checked(credential_id, by)
        with self._storage.writing() as connection:
            if not CredentialRepository(connection).delete(credential_id):
                raise UnknownCredential(credential_id)
            log_act(connection, SOURCE, "credential.deleted", resource_type=_TYPE, resource_id=credential_id, by=by)

    def _opened(self, connection: Connection, credential_id: str) -> SecretBytes:
        row = CREDENTIALS.get(connection, _found(credential_id))
        if row is None:
            raise UnknownCredential(credential_id)
        return self._sealer.open(CREDENTIALS, row)

    def _checked(self, credential_id: str, by: By) -> Credential:
        """Return the credential, if `by` may have it. Raises UnknownCredential, Forbidden."""
        credential = self.find(_found(credential_id))
        if credential is None:
            raise UnknownCredential(credential_id)
        check(by, "admin", owner="user", of=credential.user_id)
        return credential


def _found(credential_id: str) -> str:
    """Return an id that may be looked up. Raises UnknownCredential for what no credential can have."""
    try:
        return checked_name(credential_id)
    except LedgerError:
        raise UnknownCredential(credential_id) from None
