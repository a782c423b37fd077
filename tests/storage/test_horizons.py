"""Horizons of retention: they only move forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

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


MONDAY = datetime(2026, 2, 23, tzinfo=UTC)
"""The one before `AT`."""


@pytest.mark.parametrize(
    ("stand", "on_postgresql", "on_sqlite"),
    [
        ({}, None, None),
        ({"texts": AT, "logs": AT}, None, None),
        ({"rows": MONDAY}, MONDAY, MONDAY),
        ({"rows": MONDAY, "texts": AT}, MONDAY, MONDAY),
        ({"rows": MONDAY, "texts": AT, "logs": AT}, None, None),
        ({"rows": AT, "texts": AT, "logs": AT}, AT, None),
        ({"rows": MONDAY, "unfinished": AT, "texts": AT, "logs": AT}, AT, None),
        ({"rows": AT, "texts": AT - timedelta(seconds=1), "logs": AT}, AT, AT),
        ({"rows": AT, "texts": AT, "logs": AT - timedelta(days=30)}, AT, AT),
    ],
)
def test_it_is_known_where_rows_went_before_texts_or_log_lines(
    storage: Storage, stand: dict[str, datetime], on_postgresql: datetime | None, on_sqlite: datetime | None
) -> None:
    with storage.writing() as connection:
        for what, horizon in stand.items():
            horizons.move(connection, what, horizon, at=AT)
        expected = on_postgresql if connection.dialect.name == "postgresql" else on_sqlite
        assert horizons.rows_gone_before(connection) == expected
