"""The Celery app: `celery -A flowledger.workers.app worker` and `… beat` are complete."""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from typing import Any, NamedTuple

import redis
from celery import Celery

from flowledger.domain import streams
from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.engines.patience import wait_at_most
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import bells, logs, span_export
from flowledger.workers.bond import Bond
from flowledger.workers.bootstep import PumpStep, is_stopping, send_drain, send_post
from flowledger.workers.connections import Readers, connect
from flowledger.workers.drain import Drain
from flowledger.workers.metrics.step import MetricsStep
from flowledger.workers.post import PostOffice
from flowledger.workers.post_bell import PostBell
from flowledger.workers.postman import Postman, PostResult
from flowledger.workers.pump import Bell, Ring
from flowledger.workers.sign import give_signs
from flowledger.workers.turn import DrainResult, Turns

# REDIS_URL alone names the broker. These variables may be exported for another service.
for _name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"):
    os.environ.pop(_name, None)


def _broker() -> dict[str, Any]:
    """Return the broker's address for Celery. If the settings are invalid, the process exits with one line."""
    try:
        settings = Settings.load()
        return {"broker_url": None} if settings.redis_url is None else BrokerAddress.of(settings).celery_options()
    except SettingsError as error:
        sys.exit(f"error: {error}")


bells.install()
logs.install()

app = Celery("flowledger")
app.config_from_object("flowledger.celeryconfig")
app.add_defaults(_broker)
app.steps["worker"].update({PumpStep, MetricsStep})
give_signs()


class Process(NamedTuple):
    """What a process of a worker keeps between Celery tasks."""

    settings: Settings
    client: redis.Redis
    storage: Storage
    post: PostOffice
    post_bell: PostBell
    bond: Bond
    readers: Readers
    turns: Turns


def process() -> Process:
    """Return what this process keeps between tasks. Connections must not be shared with processes forked later."""
    return _process_of(os.getpid())


@cache
def _process_of(_pid: int) -> Process:
    # Measured: the collector took 14 % of a drain's time. What was imported stays, and a batch makes no cycles.
    gc.freeze()
    gc.set_threshold(50_000)
    settings = Settings.load()
    span_export.set_up()
    wait_at_most(settings.answer_timeout_seconds, settings.connect_timeout_seconds)
    client, storage = connect(settings), Storage(make_engine(settings))
    bell = PostBell(client, lambda: send_post(app))
    office, bond = PostOffice(client, settings, storage, bell), Bond(client, settings, storage)
    return Process(settings, client, storage, office, bell, bond, Readers.of(settings), Turns(storage))


@app.task(name="ledger.drain")  # type: ignore[untyped-decorator]
def drain(shard: int) -> DrainResult:
    """Record what waits, for one turn; the shard whose bell rang goes first."""
    settings, client, storage, post, _, bond, readers, turns = process()
    turn = turns.begin(drain.request.id, drain.request.hostname)
    return Drain(settings, client, storage, shard, is_stopping, post=post, bond=bond, readers=readers, turn=turn).run()


@app.task(name="ledger.post")  # type: ignore[untyped-decorator]
def post() -> PostResult:
    """Do one turn of the postman: deliver messages that wait in the database, and expire late ones."""
    settings, client, _, office, bell, *_ = process()
    return Postman(client, settings, office, bell, is_stopping).run()


@app.task(name="ledger.look")  # type: ignore[untyped-decorator]
def look() -> dict[str, int]:
    """Check every shard and ring its bell if it has entries, in case that a pump hangs."""
    settings, client, *_ = process()
    bell = Bell(client, settings, lambda shard: send_drain(app, shard))
    waiting = [shard for shard in range(settings.shards) if client.xlen(streams.stream(shard))]
    return {"waiting": len(waiting), "rung": sum(bell.ring(shard) is Ring.RUNG for shard in waiting)}
