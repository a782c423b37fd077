"""Credentials, the secrets of users: table, writes, look-ups (CONTRACT-RECORDS §4, §6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Column, Index, Table, delete, insert, update

from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import Name
from flowledger.storage.vault.sealed import Seal, SealedTable, name_columns, sealed_columns, values_of

TABLE: Final = Table(
    "credentials",
    metadata,
    Column("id", Name, primary_key=True),
    Column("user_id", Name, nullable=False),
    *name_columns("service_type", "name"),
    *sealed_columns(),
    Index("ix_credentials_user_id", "user_id", "created_at", "id"),
    Index("ix_credentials_service_type", "user_id", "service_type", "created_at", "id"),
)

CREDENTIALS: Final = SealedTable(TABLE, ("id", "user_id", "service_type", "name"))
"""A credential that is moved to another user, service or name by hand does not open there."""

_NEWEST: Final = Order((TABLE.c.created_at, TABLE.c.id), descending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What may be known of a user's credential for a service without opening it."""

    id: str
    user_id: str
    service_type: str
    name: str
    key_version: int
    created_at: datetime
    updated_at: datetime


class CredentialRepository(Repository[Credential]):
    table = TABLE
    record = Credential
    listed_by = ("user_id", "service_type")

    def get(self, credential_id: str) -> Credential | None:
        """Return the credential with this id, without its value; None if there is none."""
        return self._one(self._select().where(TABLE.c.id == credential_id))

    def add(self, names: tuple[str, ...], seal: Seal, at: datetime) -> None:
        """Write a new credential; `names` are in the order of `CREDENTIALS.names`."""
        row = dict(zip(CREDENTIALS.names, names, strict=True))
        self.connection.execute(insert(TABLE).values(**row, created_at=at, **values_of(seal, at)))

    def put(self, credential_id: str, seal: Seal, at: datetime) -> bool:
        """Write another value in the place of a credential's. Return False if it has been deleted."""
        changed = update(TABLE).where(TABLE.c.id == credential_id).values(**values_of(seal, at))
        return self.connection.execute(changed).rowcount == 1

    def delete(self, credential_id: str) -> bool:
        """Delete a credential. Return False if there is none with this id."""
        return self.connection.execute(delete(TABLE).where(TABLE.c.id == credential_id)).rowcount == 1

    def newest(
        self,
        *,
        user_id: str,
        service_type: str | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
    ) -> Page[Credential]:
        """Return a page of a user's credentials, newest first: all, or those for one service."""
        return self._page(
            self._having({"user_id": user_id, "service_type": service_type}), _NEWEST, limit, offset, after
        )
