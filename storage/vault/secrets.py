"""Secrets: table, writes, look-ups (CONTRACT-RECORDS §4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Table, delete
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import metadata
from flowledger.storage.vault.sealed import Seal, SealedTable, name_columns, sealed_columns, values_of

TABLE: Final = Table("secrets", metadata, *name_columns("name", primary_key=True), *sealed_columns())

SECRETS: Final = SealedTable(TABLE, ("name",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What may be known of a secret without opening it."""

    name: str
    key_version: int
    created_at: datetime
    updated_at: datetime


class SecretRepository(Repository[Secret]):
    table = TABLE
    record = Secret

    def put(self, name: str, seal: Seal, at: datetime) -> None:
        """Write a secret, or another value in its place; `created_at` stays."""
        values = values_of(seal, at)
        dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        insert = dialect.insert(TABLE).values(name=name, created_at=at, **values)
        self.connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))

    def delete(self, name: str) -> bool:
        """Delete a secret. Return False if there is none of this name."""
        return self.connection.execute(delete(TABLE).where(TABLE.c.name == name)).rowcount == 1

    def by_name(self, *, limit: int = 50, offset: int = 0, after: str | None = None) -> Page[Secret]:
        """Return a page of secrets in the order of their names, without their values."""
        return self._page(self._select(), Order((TABLE.c.name,)), limit, offset, after)
