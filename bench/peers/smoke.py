"""Runs both peers once and checks what they wrote: `python -m bench.peers.smoke DATABASE_URL REDIS_URL`.

The events are published before each peer starts, so that publishing takes no time from it. The rate is
counted from the first journal row to the last by PostgreSQL's clock, without the time to start. The
peers' tables and stream are made before each run and removed after it; nothing else is touched.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from redis import Redis
from sqlalchemy import Engine, create_engine, func, make_url, select
from sqlalchemy.orm import Session

from bench.peers.models import PeerEvent, PeerTask, PeerTaskLog, create_all, drop_all

TASKS = 400
TOGETHER = 20  # tasks under way at the same time, so their events alternate in the stream
TIMEOUT = 120.0  # seconds for one peer
START = datetime(2026, 1, 1, tzinfo=UTC)
STEPS: tuple[tuple[str, dict[str, object]], ...] = (
    ("task.created", {"name": "summarise", "kind": "llm", "execution_id": "exec_1", "input": {"pages": 3}}),
    ("task.started", {"worker": "worker-1"}),
    ("task.logged", {"message": "reading", "level": "info", "logger": "agent"}),
    ("task.logged", {"message": "writing", "context": {"tokens": 512}}),
    ("task.completed", {"output": {"words": 120}}),
)
COMMANDS = {
    "celery_orm": ("celery", "--quiet", "-A", "bench.peers.celery_orm", "worker", "-c", "2", "-l", "WARNING"),
    "faststream_stream": ("faststream", "run", "bench.peers.faststream_stream:app", "--workers", "2"),
}


def main(database_url: str, redis_url: str) -> int:
    """Return 0 if both peers recorded every event and every row is right, else 1."""
    os.environ.update(PEER_DATABASE_URL=database_url, PEER_REDIS_URL=redis_url)
    # Imported here, since they read the environment at import.
    from bench.peers import celery_orm, faststream_stream  # noqa: PLC0415

    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg2"))
    redis = Redis.from_url(redis_url)
    queues = (celery_orm.app.conf.task_default_queue, faststream_stream.STREAM)
    publishers = {"celery_orm": celery_orm.publish, "faststream_stream": faststream_stream.publish}
    right = True
    for peer, publish in publishers.items():
        drop_all(engine)
        create_all(engine)
        redis.delete(*queues)
        try:
            right &= run(peer, publish, engine)
        finally:
            redis.delete(*queues)
            drop_all(engine)
    return 0 if right else 1


def run(peer: str, publish: Callable[[list[bytes]], None], engine: Engine) -> bool:
    """Let one peer record its own events, and print its rate and what is wrong. Return whether all is right."""
    events = list(generate(TASKS))
    began = time.monotonic()
    publish(events)
    publishing = time.monotonic() - began
    with worker(COMMANDS[peer]) as process:
        wait_until_recorded(engine, len(events), process)
    with Session(engine) as session:
        recorded_at = PeerEvent.recorded_at
        first, last = session.execute(select(func.min(recorded_at), func.max(recorded_at))).one()
        faults = wrong_rows(session)
    print(
        f"{peer}: recorded {len(events) / (last - first).total_seconds():,.0f} events/s,"
        f" published {len(events) / publishing:,.0f} events/s,"
        f" rows {'wrong: ' + '; '.join(faults) if faults else 'right'}"
    )
    return not faults


def generate(tasks: int) -> Iterator[bytes]:
    """Yield five CloudEvents per task, with new ids, the tasks' events interleaved."""
    for start in range(0, tasks, TOGETHER):
        subjects = [f"task_{uuid4().hex}" for _ in range(min(TOGETHER, tasks - start))]
        for step, (event_type, data) in enumerate(STEPS):
            for subject in subjects:
                yield json.dumps(
                    {
                        "specversion": "1.0",
                        "id": f"evt_{uuid4().hex}",
                        "source": "/bench/smoke",
                        "type": event_type,
                        "subject": subject,
                        "time": (START + timedelta(seconds=step)).isoformat(),
                        "data": data,
                    }
                ).encode()


@contextmanager
def worker(command: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a peer in a process group of its own, and end the whole group, by force if necessary."""
    process = subprocess.Popen([sys.executable, "-m", *command], start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_recorded(engine: Engine, expected: int, process: subprocess.Popen[bytes]) -> None:
    """Return once the journal holds `expected` rows. Raises RuntimeError if the peer ends, TimeoutError if late."""
    deadline = time.monotonic() + TIMEOUT
    while (recorded := count(engine)) < expected:
        if process.poll() is not None:
            raise RuntimeError(f"the peer ended ({process.returncode}) after {recorded} of {expected} events")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{recorded} of {expected} events after {TIMEOUT:.0f} s")
        time.sleep(0.2)


def count(engine: Engine) -> int:
    """Return the number of rows in the journal: each event has one, with any subject."""
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(PeerEvent)) or 0


def wrong_rows(session: Session) -> list[str]:
    """Return the differences between the rows and the events, in words; empty if all is right."""
    tasks = session.scalars(select(PeerTask)).all()
    logs = session.scalar(select(func.count()).select_from(PeerTaskLog))
    wrong = [task.id for task in tasks if not is_right(task)]
    return [
        *([f"{len(tasks)} tasks for {TASKS}"] if len(tasks) != TASKS else []),
        *([f"{logs} log rows for {2 * TASKS}"] if logs != 2 * TASKS else []),
        *([f"{len(wrong)} tasks with a wrong row, such as {wrong[0]}"] if wrong else []),
    ]


def is_right(task: PeerTask) -> bool:
    """Return whether a task's row is the result of STEPS."""
    return (
        (task.status, task.attempt, task.name, task.worker) == ("completed", 1, "summarise", "worker-1")
        and (task.input, task.output) == ({"pages": 3}, {"words": 120})
        and task.created_at == START
        and task.started_at == START + timedelta(seconds=1)
        and task.finished_at == START + timedelta(seconds=4)
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m bench.peers.smoke DATABASE_URL REDIS_URL")
    sys.exit(main(sys.argv[1], sys.argv[2]))
