"""The rows of FAULTS.md, one module each."""

from __future__ import annotations

from typing import Final

from tests.faults.rows import (
    row_00_control,
    row_02_kills,
    row_05_broker,
    row_10_postgresql,
)
from tests.faults.trial import Row

ROWS: Final[tuple[Row, ...]] = (
    row_00_control.ROW,
    row_02_kills.ROW,
    row_05_broker.ROW,
    row_10_postgresql.ROW,
)
