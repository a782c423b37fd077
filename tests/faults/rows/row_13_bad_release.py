"""Row 13: a bad release, which fails at every event: the fuses pause the shards, and little is buried."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from typing import Final

from sqlalchemy import text

from flowledger.domain.envelope import LEDGER_SOURCE
from flowledger.storage.ledger.dead_letters import OPEN
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from flowledger.workers.pauses import Pauses
from flowledger.workers.replay import Replayer
from tests.faults.trial import Dose, Row, Trial


def run(trial: Trial) -> None:
    """The bad release goes out, and comes back; what it left alone is recorded by the good one."""
    world, settings = trial.world, trial.world.settings
    with trial.load():
        trial.until_recorded()
        world.kill_workers()
        trial.tell("a bad release goes out")
        world.add_altered_worker("broken")
        trial.outcome.faults += 1
        with closing(connect(world.direct)) as client:
            pauses = Pauses(client)
            trial.wait(lambda: len(pauses.all()) == settings.shards, "a fuse that blows, on every shard")
            buried = _dead_letters(trial)
            world.kill_workers()
            world.start_workers()
            pauses.resume([], settings.shards)
        trial.tell("the good release is back")
        trial.recover()
    # A fuse forgets by halves, so that it may take up to twice its number.
    most = 2 * settings.fuse_entries * settings.shards
    assert 0 < buried <= most, f"{buried} events became dead letters; the fuses allow {most}"
    trial.refused += _buried_bodies(trial)
    _replay_own(trial)
    trial.judge()
    trial.note(f"{buried} events became dead letters before the fuses paused all {settings.shards} shards")


def _replay_own(trial: Trial) -> None:
    """What the ledger itself said, and the bad release buried: until it is recorded, messages wait that are sent."""
    with closing(connect(trial.world.direct)) as client:
        replayer = Replayer(trial.world.direct, Storage(trial.world.engine), client)
        for ids in replayer.ids(dataclasses.replace(OPEN, source=LEDGER_SOURCE)):
            replayer.replay(ids, who="the row")


def _dead_letters(trial: Trial) -> int:
    with trial.world.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM dead_letters")).scalar_one())


def _buried_bodies(trial: Trial) -> list[bytes]:
    """Those of the bad release: dead letters with their reason and bytes, to be replayed."""
    with trial.world.engine.connect() as connection:
        bodies = connection.execute(text("SELECT raw FROM dead_letters WHERE detail LIKE '%fault of Flowledger%'"))
        return [bytes(body) for body in bodies.scalars()]


ROW: Final = Row(
    number=13,
    title="a bad release that fails everything",
    run=run,
    sample=Dose(faults=1, rate=200),
    long=Dose(faults=1),
)
