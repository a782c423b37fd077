"""Horizons of retention: they only move forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flowledger.storage.retention import horizons
from flowledger.storage.unit_of_work import Storage

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_horizon_moves_forward_and_never_back(storage: Storage) -> None:
    with storage.writing() as connection:
        assert horizons.move(connection, "rows", AT, at=AT)
        assert horizons.move(connection, "rows", AT + timedelta(microseconds=1), at=AT)
        assert not horizons.move(connection, "rows", AT + timedelta(microseconds=1), at=AT)
        assert not horizons.move(connection, "rows", AT, at=AT)
        assert horizons.move(connection, "names", AT, at=AT)

    with storage.reading() as connection:
        assert horizons.read(connection) == {"rows": AT + timedelta(microseconds=1), "names": AT}
