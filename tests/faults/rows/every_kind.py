"""Rows 24 and 25: random events of every kind of record, shuffled and doubled, while workers are killed."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from flowledger.domain import streams
from flowledger.storage import tables
from tests import rows
from tests.builders import events
from tests.faults import bygone
from tests.faults.accepted import Accepted, AcceptedLog
from tests.faults.judge import Verdict
from tests.faults.rows.row_02_kills import kill_one
from tests.faults.trial import Trial
from tests.vocabulary import FIELDS

_KINDS: Final = sorted({type_.partition(".")[0] for type_ in FIELDS})
_SUBJECT: Final = b"{subject}"
_PLACE: Final = b"{place}"
_A_SUBJECT: Final = 3
"""Events of one subject, at the least; twice as many at the most."""
_MOST_COPIES: Final = 3
_BATCH: Final = 20


def run(trial: Trial) -> None:
    """Publish all copies while workers are killed; the rows are the oracle's, of all kinds."""
    history = random_history(trial.dose.events, trial.seed)
    copies = [raw for _, raw in history for _ in range(trial.random.randrange(1, _MOST_COPIES + 1))]
    trial.random.shuffle(copies)
    trial.tell(f"{len(history):,} events of {len(FIELDS)} types, {len(copies):,} entries")
    with trial.world.supervised():
        with AcceptedLog(trial.accepted_folder / "copies.log") as log:
            log.sent(history)
            publisher = threading.Thread(target=_publish, args=(trial, copies))
            publisher.start()
            while publisher.is_alive() or trial.outcome.faults < trial.dose.faults:
                trial.pause()
                kill_one(trial)
            publisher.join()
            log.accepted(id_ for id_, _ in history)
        trial.drain()
    trial.outcome.verdict = _verdict(trial)
    counters = trial.world.counters()
    trial.outcome.repeated = counters.get("repeated", 0)
    trial.note(
        f"{len(copies):,} entries of {len(history):,} events of {len(FIELDS)} types; "
        f"{trial.outcome.repeated:,} were known and changed nothing"
    )


def random_history(count: int, number: int) -> list[tuple[str, bytes]]:
    """Return random valid events, each with its id, about `count` for all kinds; `number` is the seed."""
    made = [_history_of(kind, count // len(_KINDS), number) for kind in _KINDS]
    return [_named(raw) for history in made for raw in history]


def _history_of(kind: str, count: int, number: int) -> list[bytes]:
    """Return events of one kind, a few of each subject."""
    made: list[bytes] = []
    subjects = itertools.count(1)
    types = [type_ for type_ in FIELDS if type_.startswith(f"{kind}.")]

    @seed(number)
    @settings(
        max_examples=count // _A_SUBJECT,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(events(_PLACE.decode(), types, (_SUBJECT.decode(),)), min_size=_A_SUBJECT, max_size=2 * _A_SUBJECT))
    def take(history: list[bytes]) -> None:
        if len(made) < count:
            subject = b"%s_%d" % (kind.encode(), next(subjects))
            for place, raw in enumerate(history):
                made.append(raw.replace(_SUBJECT, subject).replace(_PLACE, b"%s_%d" % (subject, place)))

    take()
    return made


def _named(raw: bytes) -> tuple[str, bytes]:
    """Return an event and its id as files of lines can hold it."""
    id_ = json.loads(raw)["id"]
    return ascii(id_), raw


def _publish(trial: Trial, copies: Sequence[bytes]) -> None:
    """Put the copies into any shard, as fast as the dose says."""
    client: Any = trial.world.redis
    for place in range(0, len(copies), _BATCH):
        with client.pipeline(transaction=False) as pipeline:
            for number, raw in enumerate(copies[place : place + _BATCH]):
                shard = (place * 7919 + number) % trial.world.settings.shards
                pipeline.xadd(streams.stream(shard), {streams.FIELD: raw})
            pipeline.execute()
        time.sleep(_BATCH / trial.dose.rate)


def _verdict(trial: Trial) -> Verdict:
    """Judge I1 to I3 by the whole journal and all rows; the ledger's own events count for the rows alone."""
    began = time.monotonic()
    accepted = Accepted.read(trial.accepted_folder).ids
    verdict = Verdict(accepted=len(accepted), is_given=True)
    columns = tables.events.c
    with trial.world.engine.connect() as connection:
        journal = [ascii(id_) for id_ in connection.execute(select(columns.id)).scalars()]
        differences = rows.differences(connection, ("", bygone.FIRST))
        verdict.dead = connection.execute(select(func.count()).select_from(tables.dead_letters)).scalar_one()
    verdict.recorded = len(journal)
    lost = accepted.difference(journal)
    verdict.lost = len(lost)
    verdict.doubled = sum("unexpected" in difference for difference in differences)
    verdict.say("accepted and lost", lost, len(lost))
    verdict.say("rows that differ from the model's", differences, len(differences))
    verdict.say("dead letters of healthy events", [], verdict.dead)
    verdict.seconds = time.monotonic() - began
    return verdict
