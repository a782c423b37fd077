"""Row 24: random events of every kind of record, shuffled and doubled, under kill -9, on PostgreSQL."""

from __future__ import annotations

from typing import Final

from tests.faults.rows import every_kind
from tests.faults.servers import Plan
from tests.faults.trial import Dose, Row

ROW: Final = Row(
    number=24,
    title="random events of every kind of record, shuffled, up to three times, under kill -9, on PostgreSQL",
    run=every_kind.run,
    sample=Dose(faults=3, events=400, rate=250),
    long=Dose(faults=40, events=5_000, rate=300, pause=0.5),
    plan=Plan(workers=3, processes=2),
)
