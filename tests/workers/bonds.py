"""What tests ask of a ledger and its broker, and do to them."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import text, update

from flowledger.storage import tables
from flowledger.storage.ledger.identity import Ledger, LedgerRepository
from flowledger.storage.unit_of_work import Storage
from tests.storage.recording import by_hand


def ledger_of(storage: Storage) -> Ledger:
    with storage.reading() as connection:
        return LedgerRepository(connection).get()


def alarms(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message.partition(":")[0] for record in caplog.records if record.levelno >= logging.ERROR]


def go_back(storage: Storage, *, batches: int, broker: str | None) -> None:
    """What restoring a database does to what the ledger knows of itself."""
    by_hand(
        storage,
        text("DELETE FROM events"),
        text("DELETE FROM tasks"),
        update(tables.checkpoints).values(batches=batches),
        update(tables.ledger).values(broker=broker),
    )
