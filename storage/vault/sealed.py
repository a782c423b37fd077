"""What secrets and credentials have in common: a sealed value, and rows that are walked while others write.

A row is changed only if it still has the nonce that was read: nonces are never used twice, so a row with the same nonce
is the same row with the same value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, Connection, Integer, LargeBinary, Table, func, select, update

from flowledger.storage.schema.types import Name, UtcTime

NONCE_BYTES: Final = 12
"""96 bits, the length for which AES-GCM is defined without hashing (NIST SP 800-38D, 8.2)."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A value as it rests: what AES-256-GCM made of it with the key of this version and this nonce, tag included."""

    key_version: int
    nonce: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A sealed value, and the values of the columns that name its row, in the order of `SealedTable.names`."""

    names: tuple[str, ...]
    seal: Seal


def sealed_columns() -> list[Any]:
    """Return the columns of a sealed value and the row's times."""
    return [
        Column("key_version", Integer, nullable=False),
        Column("nonce", LargeBinary, nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Column("created_at", UtcTime, nullable=False),
        Column("updated_at", UtcTime, nullable=False),
        CheckConstraint("key_version >= 1", name="key_version"),
        CheckConstraint(f"length(nonce) = {NONCE_BYTES}", name="nonce"),
    ]


def name_columns(*names: str, primary_key: bool = False) -> list[Any]:
    """Return columns of 1 to 255 characters."""
    columns: list[Any] = [Column(name, Name, primary_key=primary_key, nullable=False) for name in names]
    return columns + [CheckConstraint(f"length({name}) BETWEEN 1 AND 255", name=name) for name in names]


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table with sealed values; `names` are the columns that name a row, its key first: a seal is bound to them."""

    table: Table
    names: tuple[str, ...]

    def get(self, connection: Connection, key: str) -> SealedRow | None:
        """Return the sealed value of the row with this key, or None."""
        row = connection.execute(self._select().where(self._key == key)).one_or_none()
        return None if row is None else self._row(row)

    def stale(self, connection: Connection, current: int, after: str, limit: int) -> list[SealedRow]:
        """Return rows that are not sealed with the `current` version, by key, from behind `after` on."""
        statement = self._select().where(self.table.c.key_version != current, self._key > after)
        return [self._row(row) for row in connection.execute(statement.order_by(self._key).limit(limit))]

    def count_stale(self, connection: Connection, current: int) -> int:
        """Return the number of rows that are not sealed with the `current` version."""
        rows = select(func.count()).select_from(self.table).where(self.table.c.key_version != current)
        return connection.execute(rows).scalar_one()

    def versions(self, connection: Connection) -> dict[int, int]:
        """Return the number of rows of each key version."""
        version = self.table.c.key_version
        return {row[0]: row[1] for row in connection.execute(select(version, func.count()).group_by(version))}

    def reseal(self, connection: Connection, row: SealedRow, seal: Seal) -> bool:
        """Put another seal in the place of the row's. Return False if the row has changed since it was read."""
        unchanged = (self._key == row.names[0]) & (self.table.c.nonce == row.seal.nonce)
        values = update(self.table).where(unchanged).values(**_values(seal))
        return connection.execute(values).rowcount == 1

    @property
    def _key(self) -> Column[str]:
        return self.table.c[self.names[0]]

    def _select(self) -> Any:
        return select(*(self.table.c[name] for name in (*self.names, "key_version", "nonce", "sealed")))

    def _row(self, row: Sequence[Any]) -> SealedRow:
        *names, key_version, nonce, sealed = row
        return SealedRow(tuple(names), Seal(key_version, bytes(nonce), bytes(sealed)))


def values_of(seal: Seal, at: datetime) -> dict[str, Any]:
    """Return the columns of a value that is set at this time, except `created_at`."""
    return _values(seal) | {"updated_at": at}


def _values(seal: Seal) -> dict[str, Any]:
    return {"key_version": seal.key_version, "nonce": seal.nonce, "sealed": seal.sealed}
