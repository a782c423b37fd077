"""Row 0, the control: the same faults on a stock Celery list consumer. The harness must see it lose events.

kombu pops a message from the list before it writes it down as unacknowledged. What is popped and not written down is
gone: when the worker is killed in between, or when the reply to the pop is lost on the way, which can be done at will.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from sqlalchemy import text

from flowledger.cli.processes import Process
from tests.faults.accepted import Accepted
from tests.faults.control_app import QUEUE, TABLE
from tests.faults.trial import Dose, Row, Trial
from tests.proxy import Fault, Proxy

_WORKERS: Final = 3
_REPLIES: Final = 3


def run(trial: Trial) -> None:
    """Kills at random, as often as the dose says; then some replies to the pop are lost."""
    with trial.world.engine.begin() as connection:
        connection.execute(text(TABLE))
    with Proxy(("127.0.0.1", trial.world.broker.port)) as proxy:
        if trial.dose.faults:
            _kill_at_random(trial, proxy.url)
        _lose_replies(trial, proxy)
    _judge(trial)


def _kill_at_random(trial: Trial, url: str) -> None:
    workers = [_worker(trial, url, number) for number in range(_WORKERS)]
    seconds = trial.dose.faults * trial.dose.pause
    producer = _producer(trial, "killed", int(seconds * trial.dose.rate))
    for kill in range(trial.dose.faults):
        trial.pause()
        victim = trial.random.choice(workers)
        victim.kill()
        victim.start()
        trial.outcome.faults += 1
        if kill % 10 == 0:
            trial.tell(f"{kill} kills of the control's workers")
    producer.wait(2 * seconds + 60)
    _empty_the_queue(trial, url)
    for worker in workers:
        worker.kill()
    lost = len(_lost(trial))
    trial.note(f"{lost} of {trial.accepted():,} events lost in {trial.dose.faults} kills of a stock Celery consumer")


def _lose_replies(trial: Trial, proxy: Proxy) -> None:
    """The deterministic part: the reply to BRPOP, with a message in it, never arrives."""
    before = len(_lost(trial))
    worker = _worker(trial, proxy.url, _WORKERS)
    _producer(trial, "first", 1).wait(60)
    trial.wait(lambda: not _lost(trial, "first"), "the control's first record")
    proxy.spoil(Fault.REPLY_LOST, _REPLIES, b"BRPOP")
    trial.outcome.faults += _REPLIES
    _producer(trial, "replies", 300).wait(60)
    trial.wait(lambda: proxy.spoilt >= _REPLIES, "replies to BRPOP that are lost")
    proxy.mend()
    _empty_the_queue(trial, proxy.url)
    worker.kill()
    trial.note(f"{len(_lost(trial)) - before} events lost in {_REPLIES} lost replies to BRPOP")


def _empty_the_queue(trial: Trial, url: str) -> None:
    """A last worker, which does not wait an hour for what killed ones had taken and written down."""
    restorer = _worker(trial, url, 99, visibility="1")
    redis: Any = trial.world.redis

    def is_empty() -> bool:
        redis.delete("unacked_mutex")  # a worker that was killed holds it for five minutes
        return not redis.llen(QUEUE) and not redis.hlen("unacked")

    trial.wait(is_empty, "an empty queue of the control", 120)
    restorer.kill()


def _worker(trial: Trial, url: str, number: int, visibility: str = "3600") -> Process:
    command = [sys.executable, "-m", "celery", "-A", "tests.faults.control_app", "worker", "--concurrency", "2"]
    command += ["--loglevel", "ERROR", "--hostname", f"control-{number}@%h", "--without-gossip", "--without-mingle"]
    environment = _environment(trial, url) | {"CONTROL_VISIBILITY_SECONDS": visibility, "REMAP_SIGTERM": "SIGQUIT"}
    worker = Process(f"control {number}", command, environment, trial.world.folder / "logs" / f"control-{number}.log")
    worker.start()
    trial.world.keep(worker)
    return worker


def _producer(trial: Trial, name: str, count: int) -> Process:
    command = [sys.executable, "-m", "tests.faults.control_app", "--log", str(trial.accepted_folder / f"{name}.log")]
    command += ["--name", name, "--count", str(count), "--rate", str(trial.dose.rate)]
    environment = _environment(trial, trial.world.broker.url)
    producer = Process("control producer", command, environment, trial.world.folder / "logs" / f"control-{name}.log")
    producer.start()
    trial.world.keep(producer)
    return producer


def _environment(trial: Trial, url: str) -> dict[str, str]:
    return os.environ | {"CONTROL_BROKER_URL": url, "CONTROL_DATABASE_URL": trial.world.postgres.url}


def _lost(trial: Trial, name: str = "") -> set[str]:
    accepted = Accepted.read(trial.accepted_folder).ids
    with trial.world.engine.connect() as connection:
        recorded = set(connection.execute(text("SELECT id FROM control_events")).scalars())
    return {event for event in accepted - recorded if event.startswith(name)}


def _judge(trial: Trial) -> None:
    verdict = trial.outcome.verdict
    verdict.is_given = True
    accepted = Accepted.read(trial.accepted_folder).ids
    verdict.accepted, verdict.lost = len(accepted), len(_lost(trial))
    verdict.recorded = verdict.accepted - verdict.lost
    assert verdict.lost, f"the control lost nothing: the harness proves nothing (seed {trial.seed})"


ROW: Final = Row(
    number=0,
    title="control: a stock Celery consumer on a Redis list, acks_late",
    run=run,
    sample=Dose(faults=0, rate=300),
    long=Dose(faults=50, pause=0.9, rate=300),
    starts_workers=False,
    lost_is_right=True,
)
