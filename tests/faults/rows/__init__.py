"""The rows of the fault plan, one module each."""

from __future__ import annotations

from typing import Final

from tests.faults.rows import (
    row_00_control,
    row_01_crash_points,
    row_02_kills,
    row_03_stops,
    row_04_shutdown,
    row_05_broker,
    row_06_power,
    row_07_full,
    row_08_flushed,
    row_09_network,
    row_10_postgresql,
    row_11_duplicates,
    row_12_poison,
    row_13_bad_release,
    row_14_clocks,
    row_15_migration,
    row_16_secrets,
    row_17_soak,
    row_18_mail,
    row_19_odd_entries,
    row_20_amplification,
    row_21_identity,
    row_22_surroundings,
    row_23_restores,
    row_24_every_kind,
    row_25_every_kind_on_sqlite,
)
from tests.faults.trial import Row

ROWS: Final[tuple[Row, ...]] = (
    row_00_control.ROW,
    row_01_crash_points.ROW,
    row_02_kills.ROW,
    row_03_stops.ROW,
    row_04_shutdown.ROW,
    row_05_broker.ROW,
    row_06_power.ROW,
    row_07_full.ROW,
    row_08_flushed.ROW,
    row_09_network.ROW,
    row_10_postgresql.ROW,
    row_11_duplicates.ROW,
    row_12_poison.ROW,
    row_13_bad_release.ROW,
    row_14_clocks.ROW,
    row_15_migration.ROW,
    row_16_secrets.ROW,
    row_17_soak.ROW,
    row_18_mail.ROW,
    row_19_odd_entries.ROW,
    row_20_amplification.ROW,
    row_21_identity.ROW,
    row_22_surroundings.ROW,
    row_23_restores.ROW,
    row_24_every_kind.ROW,
    row_25_every_kind_on_sqlite.ROW,
)
