"""The Celery app: `celery -A workers.app worker` and `celery -A workers.app beat` are complete."""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from typing import Any, NamedTuple

import kombu.transport.redis
import redis
from celery import Celery

from domain import streams
from domain.broker_address import BrokerAddress
from domain.errors import DatabaseUnavailable, SettingsError
from domain.settings import Settings
from storage.engine import make_engine
from storage.patience import wait_at_most
from storage.unit_of_work import Storage
from workers.bootstep import PumpStep, is_stopping, send_drain
from workers.connections import connect
from workers.drain import Drain, DrainResult
from workers.post import PostOffice
from workers.pump import Bell, Ring

# REDIS_URL alone says where bells go; exported for another service, these would send them to its broker.
for _name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"):
    os.environ.pop(_name, None)


def _broker() -> dict[str, Any]:
    """Celery's address of the broker; a process whose settings cannot be used ends with one line."""
    try:
        settings = Settings.load()
        return {"broker_url": None} if settings.redis_url is None else BrokerAddress.of(settings).celery_options()
    except SettingsError as error:
        sys.exit(f"error: {error}")


# A worker that held a bell when its broker went away ended over giving it back (kombu 5.7: the connection that it would
# need is closed by then). Nobody needs it back: lost bells do no harm.
kombu.transport.redis.Channel.do_restore = False

app = Celery("flowledger")
app.config_from_object("celeryconfig")
app.add_defaults(_broker)
app.steps["worker"].add(PumpStep)


class _Process(NamedTuple):
    settings: Settings
    client: redis.Redis
    storage: Storage
    post: PostOffice


def _process() -> _Process:
    """What this process keeps from drain to drain. Connections must not be shared with processes forked later."""
    return _process_of(os.getpid())


@cache
def _process_of(_pid: int) -> _Process:
    # Measured: the collector took 14 % of a drain's time. What was imported stays, and a batch makes no cycles.
    gc.freeze()
    gc.set_threshold(50_000)
    settings = Settings.load()
    wait_at_most(settings.answer_timeout_seconds, settings.connect_timeout_seconds)
    client, storage = connect(settings), Storage(make_engine(settings))
    return _Process(settings, client, storage, PostOffice(client, settings, storage))


@app.task(name="ledger.drain")  # type: ignore[untyped-decorator]
def drain(shard: int) -> DrainResult:
    """One turn of work, first on the shard that called."""
    settings, client, storage, post = _process()
    return Drain(settings, client, storage, shard, is_stopping, post=post).run()


@app.task(name="ledger.post")  # type: ignore[untyped-decorator]
def post() -> dict[str, int | str]:
    """Delivers messages that wait in the database, and ends those that nobody took in time."""
    try:
        return _process().post.look()._asdict()
    except (DatabaseUnavailable, redis.ConnectionError, redis.TimeoutError) as error:
        return {"waiting": str(error)}


@app.task(name="ledger.look")  # type: ignore[untyped-decorator]
def look() -> dict[str, int]:
    """Looks at every shard, as the pumps do: a second eye, should one of them hang."""
    settings, client, *_ = _process()
    bell = Bell(client, settings, lambda shard: send_drain(app, shard))
    waiting = [shard for shard in range(settings.shards) if client.xlen(streams.stream(shard))]
    return {"waiting": len(waiting), "rung": sum(bell.ring(shard) is Ring.RUNG for shard in waiting)}
