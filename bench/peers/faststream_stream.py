"""Peer (c): FastStream on a Redis stream, with SQLAlchemy's async ORM on asyncpg.

It is written as a careful user of the stack writes it today: a consumer group, ten events at a time in each
process, a session and a commit for each, acknowledged after the commit. An entry whose handler failed or
died stays pending, and a second subscription of the group claims it (XAUTOCLAIM) after a minute, which
is FastStream's documented way to redeliver.

    PEER_DATABASE_URL=… PEER_REDIS_URL=… faststream run bench.peers.faststream_stream:app --workers 2

SQLAlchemy's `asyncio` extra (greenlet) must be installed.
"""

import asyncio
import logging
import os
import socket
from contextlib import suppress
from functools import cache

from faststream import AckPolicy, FastStream
from faststream.redis import RedisBroker, StreamSub
from redis.exceptions import ResponseError
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from bench.peers.models import INSERT_EVENT, SUBJECTS, CloudEvent, PeerEvent, PeerTaskLog

# Lets the module be imported without servers; the name never resolves, so nothing connects by chance.
NOT_SET = "redis://peer-redis-url-is-not-set.invalid"

STREAM = "peer:events"
GROUP = "peer"
CONSUMER = f"{socket.gethostname()}-{os.getpid()}"
MAX_WORKERS = 10
READ_BATCH = 100  # entries that one XREADGROUP takes
RECLAIM_AFTER = 60_000  # milliseconds that an entry is pending before another consumer takes it
PUBLISH_BATCH = 500  # entries in one pipeline

# FastStream's two log lines per event are below the level shown: a Celery worker shows none either.
broker = RedisBroker(os.environ.get("PEER_REDIS_URL", NOT_SET), log_level=logging.DEBUG)
app = FastStream(broker)


@cache
def engine() -> AsyncEngine:
    """Return the engine of this process; its pool holds a connection for each concurrent handler."""
    url = make_url(os.environ["PEER_DATABASE_URL"]).set(drivername="postgresql+asyncpg")
    return create_async_engine(url, pool_size=MAX_WORKERS)


@app.on_startup
async def create_group() -> None:
    """Make the group from the stream's start: FastStream would start it at the end, and skip waiting entries."""
    redis = await broker.connect()
    with suppress(ResponseError):  # BUSYGROUP: another process has made it
        await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)


@app.after_shutdown
async def close_pool() -> None:
    """Close the connections once the last handler has returned."""
    await engine().dispose()


@broker.subscriber(
    stream=StreamSub(STREAM, group=GROUP, consumer=CONSUMER, max_records=READ_BATCH),
    max_workers=MAX_WORKERS,
    ack_policy=AckPolicy.NACK_ON_ERROR,
)
@broker.subscriber(
    stream=StreamSub(
        STREAM,
        group=GROUP,
        consumer=CONSUMER,
        min_idle_time=RECLAIM_AFTER,
        polling_interval=5_000,
    ),
    ack_policy=AckPolicy.NACK_ON_ERROR,
)
async def record(event: CloudEvent) -> None:
    """Record one event in one transaction; a duplicate changes nothing."""
    async with AsyncSession(engine()) as session, session.begin():
        if await session.scalar(INSERT_EVENT, PeerEvent.values_of(event)) is None:
            return
        if event.verb == "logged":
            session.add(PeerTaskLog.of(event))
        elif event.kind in SUBJECTS:
            await update_subject(session, event)


async def update_subject(session: AsyncSession, event: CloudEvent) -> None:
    """Get or create the row of the event's subject, locked until the commit, and set its fields."""
    model, key = SUBJECTS[event.kind], event.subject
    row = await session.get(model, key, with_for_update=True)
    if row is None:
        await session.execute(model.insert(key))
        row = await session.get_one(model, key, with_for_update=True)
    row.apply(event)


def publish(events: list[bytes]) -> None:
    """Publish through the broker, in its own message format, with the XADDs pipelined; it stays connected."""
    _producer().run(_publish(events))


@cache
def _producer() -> asyncio.Runner:
    return asyncio.Runner()


async def _publish(events: list[bytes]) -> None:
    redis = await broker.connect()
    for start in range(0, len(events), PUBLISH_BATCH):
        async with redis.pipeline(transaction=False) as pipeline:
            for event in events[start : start + PUBLISH_BATCH]:
                await broker.publish(event, stream=STREAM, pipeline=pipeline)
            await pipeline.execute()
