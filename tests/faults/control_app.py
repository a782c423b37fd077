"""The control: a stock Celery consumer on a Redis list, one task an event, acknowledged late, written with care.

`python -m tests.faults.control_app --log FILE --name NAME --count N --rate R` is its producer.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

import psycopg2
from celery import Celery

from tests.faults.accepted import AcceptedLog

TABLE = "CREATE TABLE IF NOT EXISTS control_events (id text PRIMARY KEY, recorded_at timestamptz DEFAULT now())"
QUEUE = "control"

app = Celery("control", broker=os.environ.get("CONTROL_BROKER_URL", "redis://control-broker-url-is-not-set.invalid"))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_default_queue=QUEUE,
    broker_connection_retry_on_startup=True,
    # Celery's default is an hour: what a killed worker had taken, and written down, comes back after it.
    broker_transport_options={"visibility_timeout": float(os.environ.get("CONTROL_VISIBILITY_SECONDS", "3600"))},
)


@cache
def _connection() -> Any:
    connection = psycopg2.connect(os.environ["CONTROL_DATABASE_URL"])
    connection.autocommit = True
    return connection


@app.task(name="control.record")  # type: ignore[untyped-decorator]
def record(event_id: str) -> None:
    """Records one event; again, it changes nothing."""
    with _connection().cursor() as cursor:
        cursor.execute("INSERT INTO control_events (id) VALUES (%s) ON CONFLICT DO NOTHING", (event_id,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    options = parser.parse_args()
    began = time.monotonic()
    with AcceptedLog(options.log) as log:
        for number in range(options.count):
            time.sleep(max(0.0, began + number / options.rate - time.monotonic()))
            event_id = f"{options.name}-{number}"
            log.sent([(event_id, b"")])
            record.delay(event_id)
            log.accepted([event_id])


if __name__ == "__main__":
    main()
