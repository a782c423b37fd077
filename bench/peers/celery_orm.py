"""Peer (b): a Celery task per event, which opens a SQLAlchemy ORM session, writes and commits.

It is written as a careful user of the stack writes it today: JSON only, results ignored, acknowledged late
and returned to the queue if a worker is lost, retried with backoff if the database is unavailable, Celery's
default prefetch, one engine per worker process, the row locked while it is changed.

    PEER_DATABASE_URL=… PEER_REDIS_URL=… celery -A bench.peers.celery_orm worker -c 2
"""

import json
import os
from functools import cache
from typing import Any

from celery import Celery
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bench.peers.models import INSERT_EVENT, SUBJECTS, CloudEvent, PeerEvent, PeerTaskLog

# Lets the module be imported without servers; the name never resolves, so nothing connects by chance.
NOT_SET = "redis://peer-redis-url-is-not-set.invalid"


def make_app() -> Celery:
    """Return the Celery app, with the servers that PEER_REDIS_URL and PEER_DATABASE_URL name now."""
    app = Celery("bench.peers.celery_orm", broker=os.environ.get("PEER_REDIS_URL", NOT_SET))
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue="peer_events",
        broker_connection_retry_on_startup=True,
        peer_database_url=os.environ.get("PEER_DATABASE_URL"),
    )
    return app


app = make_app()


@cache
def engine() -> Engine:
    """Return the engine of this process, made at its first task, so that no connection crosses a fork."""
    if not app.conf.peer_database_url:
        raise LookupError("PEER_DATABASE_URL is not set: name the database before the worker starts")
    return create_engine(make_url(app.conf.peer_database_url).set(drivername="postgresql+psycopg2"))


@app.task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=10)  # type: ignore[untyped-decorator]
def record(event: dict[str, Any]) -> None:
    """Record one event in one transaction; a duplicate changes nothing."""
    cloud_event = CloudEvent.model_validate(event)
    with Session(engine()) as session, session.begin():
        if session.scalar(INSERT_EVENT, PeerEvent.values_of(cloud_event)) is None:
            return
        if cloud_event.verb == "logged":
            session.add(PeerTaskLog.of(cloud_event))
        elif cloud_event.kind in SUBJECTS:
            update_subject(session, cloud_event)


def update_subject(session: Session, event: CloudEvent) -> None:
    """Get or create the row of the event's subject, locked until the commit, and set its fields."""
    model, key = SUBJECTS[event.kind], event.subject
    row = session.get(model, key, with_for_update=True)
    if row is None:
        session.execute(model.insert(key))
        row = session.get_one(model, key, with_for_update=True)
    row.apply(event)


def publish(events: list[bytes]) -> None:
    """Send one Celery task per event; `delay` takes the open connection from the app's producer pool."""
    for event in events:
        record.delay(json.loads(event))
