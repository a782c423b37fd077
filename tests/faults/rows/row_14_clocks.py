"""Row 14: clocks an hour wrong, of producers and of workers: the rows are those of right clocks, but for the times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from flowledger.client.publisher import Publisher
from tests import rows
from tests.faults import bygone, histories
from tests.faults.accepted import AcceptedLog
from tests.faults.trial import Dose, Row, Trial

_HOUR: Final = 3600.0
_TIMES: Final = frozenset(
    ["recorded_at", "created_at", "started_at", "finished_at", "failed_at", "sent_at", "delivered_at", "time"]
)


def run(trial: Trial) -> None:
    """The same histories twice: told by right clocks, then by two that are an hour wrong, recorded by two as well."""
    right = _recorded(trial, islice(_told(trial, 0), trial.dose.events))
    trial.judge()
    trial.world.empty()
    trial.world.kill_workers()
    for seconds in (_HOUR, -_HOUR):
        trial.world.add_altered_worker("clock", str(seconds))
        trial.outcome.faults += 1
    wrong = _recorded(trial, _alternating(trial))
    trial.judge()
    trial.world.kill_workers()
    differences = rows.compare(wrong, right)
    assert not differences, differences[:3]


def _told(trial: Trial, seconds: float) -> Iterable[bytes]:
    return histories.texts(f"clocks{trial.accepted_folder.name}", trial.seed, timedelta(seconds=seconds))


def _alternating(trial: Trial) -> list[bytes]:
    """Each event of a history by one or the other of two producers, two hours apart."""
    ahead, behind = (list(islice(_told(trial, seconds), trial.dose.events)) for seconds in (_HOUR, -_HOUR))
    return [trial.random.choice(pair) for pair in zip(ahead, behind, strict=True)]


def _recorded(trial: Trial, texts: Iterable[bytes]) -> rows.Rows:
    """The rows without their times."""
    with Publisher(settings=trial.world.settings) as publisher:
        events = [publisher.prepare(text) for text in texts]
        for file in trial.accepted_folder.glob("*.log"):
            file.unlink()
        with AcceptedLog(trial.accepted_folder / "clocks.log") as log:
            log.sent((event.id, event.raw) for event in events)
            log.accepted(event.id for event in publisher.publish_many(events))
    trial.drain()
    with trial.world.engine.connect() as connection:
        found = rows.rows(connection, ("", bygone.FIRST))
    return {name: {key: _timeless(row) for key, row in table.items()} for name, table in found.items()}


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _TIMES}


ROW: Final = Row(
    number=14,
    title="clocks an hour ahead and behind, of producers and workers",
    run=run,
    sample=Dose(faults=0, events=1000),
    long=Dose(faults=0, events=20_000),
)
