"""Rotation: all values are sealed anew with the current key, while they are read and set.

Rows are walked by key, some in a transaction. A row is written only if it still has the nonce that was read, so a value
that was set meanwhile stands. A rotation that is interrupted has done a part; the next one finds the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from flowledger.domain.errors import LedgerError
from flowledger.domain.vault_keys import VaultKeys
from flowledger.services.acts import By, log_act
from flowledger.services.roles import check
from flowledger.services.vault.sealing import SOURCE, Sealer
from flowledger.storage.unit_of_work import Storage
from flowledger.storage.vault.credentials import CREDENTIALS
from flowledger.storage.vault.sealed import Seal, SealedRow, SealedTable
from flowledger.storage.vault.secrets import SECRETS

TABLES: Final = (SECRETS, CREDENTIALS)

AT_ONCE: Final = 100
"""Rows of a transaction: it holds their locks for some milliseconds."""
_WALKS: Final = 3
"""Who has not read the new key yet may set values with the old one behind a walk: a further one finds them."""

Tell = Callable[[int, int], None]
"""Is told how many rows are done, and of how many."""


@dataclass(slots=True)
class Rotated:
    """What a rotation has done: `resealed` values have the key of this version now, `left` have another one still.

    `failed` says in words what could not be opened; these are among those left.
    """

    key_version: int
    resealed: int = 0
    left: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether all values have the current key."""
        return self.left == 0


def rotate(
    storage: Storage,
    keys: VaultKeys,
    *,
    by: By,
    at_once: int = AT_ONCE,
    tell: Tell = lambda _done, _total: None,
) -> Rotated:
    """Seal all secrets and credentials anew with the current key. Raises DatabaseUnavailable; then call it again."""
    check(by, "admin")
    rotation = _Rotation(storage, Sealer(keys), by, at_once, tell)
    return rotation.run()


class _Rotation:
    def __init__(self, storage: Storage, sealer: Sealer, by: By, at_once: int, tell: Tell) -> None:
        self._storage = storage
        self._sealer = sealer
        self._by = by
        self._at_once = at_once
        self._tell = tell
        self._rotated = Rotated(sealer.current)

    def run(self) -> Rotated:
        left = total = self._count()
        for _ in range(_WALKS):
            if left == len(self._rotated.failed):
                break
            self._rotated.failed.clear()
            for table in TABLES:
                self._walk(table, total)
            left = self._count()
        self._rotated.left = left
        return self._rotated

    def _count(self) -> int:
        with self._storage.looking() as connection:
            return sum(table.count_stale(connection, self._rotated.key_version) for table in TABLES)

    def _walk(self, table: SealedTable, total: int) -> None:
        after = ""
        while rows := self._stale(table, after):
            after = rows[-1].names[0]
            self._replace(table, self._resealed(table, rows))
            self._tell(min(self._rotated.resealed, total), total)

    def _stale(self, table: SealedTable, after: str) -> Sequence[SealedRow]:
        with self._storage.looking() as connection:
            return table.stale(connection, self._rotated.key_version, after, self._at_once)

    def _resealed(self, table: SealedTable, rows: Sequence[SealedRow]) -> list[tuple[SealedRow, Seal]]:
        """Return the new seals of those that open; what does not open is reported and left."""
        found = []
        for row in rows:
            try:
                value = self._sealer.open(table, row)
            except LedgerError as error:
                self._rotated.failed.append(f"{row.names[0][:100]!a} of {table.table.name}: {error}")
            else:
                found.append((row, self._sealer.seal(table, row.names, value, self._rotated.key_version)))
        return found

    def _replace(self, table: SealedTable, seals: Sequence[tuple[SealedRow, Seal]]) -> None:
        with self._storage.writing() as connection:
            rows = sum(table.reseal(connection, row, seal) for row, seal in seals)
            if rows:
                details = {"table": table.table.name, "rows": rows, "key_version": self._rotated.key_version}
                log_act(
                    connection, SOURCE, "vault.rotated", resource_type="vault", resource_id="vault", by=self._by,
                    details=details,
                )  # fmt: skip
        self._rotated.resealed += rows
