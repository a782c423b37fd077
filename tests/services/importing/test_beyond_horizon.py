"""`--beyond-horizon`: history from before the horizon of names is recorded, if somebody answers for it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flowledger.domain.settings import Settings
from flowledger.domain.times import now, sortable
from flowledger.storage.retention import horizons
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import raw
from tests.services.importing.importing import import_file, written
from tests.storage.recording import dead_letters


def test_history_from_before_the_horizon_is_recorded_if_asked_for(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    with storage.writing() as connection:
        horizons.move(connection, "names", now() - timedelta(days=30), at=now())
    young = sortable(now()).replace(" ", "T") + "Z"
    old = [raw("task.created", id=str(number), time="2020-01-01T00:00:00Z") for number in range(3)]
    file = written(tmp_path, *old, raw("task.created", id="young", time=young))
    report = import_file(settings, file)
    assert (report.recorded, report.dead) == (1, 3)
    assert {letter.reason for letter in dead_letters(storage)} == {"too_old"}
    report = import_file(settings, file, beyond_horizon=True)
    assert (report.recorded, report.repeated, report.dead) == (3, 1, 0)
    assert verify(storage).differences == 0
