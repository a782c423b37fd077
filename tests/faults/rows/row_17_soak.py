"""Row 17: a random mixture of all that processes, servers and the network do, for long."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from statistics import linear_regression
from typing import Any, Final

from flowledger.domain import streams
from tests.faults import poison, usage
from tests.faults.rows import row_02_kills, row_03_stops, row_09_network, row_10_postgresql
from tests.faults.servers import Plan
from tests.faults.trial import Dose, Row, Trial

Fault = Callable[[Trial], None]


def run(trial: Trial) -> None:
    """Faults at random, one after the other; the memory of processes that nobody killed, over the events."""
    with trial.world.supervised(), trial.load():
        taken = [(time.monotonic(), _memory(trial))]
        for _ in range(trial.dose.faults):
            trial.pause()
            fault = trial.random.choice(FAULTS)
            with trial.fault((fault.__doc__ or "").splitlines()[0].rstrip(".")):
                fault(trial)
            taken.append((time.monotonic(), _memory(trial)))
    _note_slope(trial, taken[len(taken) // 3 :])
    trial.judge()


def a_pool_process_killed(trial: Trial) -> None:
    """a process of a pool killed with -9."""
    children = _others(trial)
    if children:
        trial.outcome.kills += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(trial.random.choice(children), signal.SIGKILL)


def a_worker_killed(trial: Trial) -> None:
    """a worker killed with -9 as a whole, and started again."""
    trial.outcome.kills += 1
    row_02_kills.kill_whole(trial, trial.random.choice(trial.world.workers[1:]))


def a_worker_restarted(trial: Trial) -> None:
    """a worker ended by SIGTERM, and started again."""
    worker = trial.random.choice(trial.world.workers[1:])
    worker.stop()
    trial.world.start_again(worker)


def a_pool_stopped(trial: Trial) -> None:
    """a pool stopped for longer than its lease, then continued."""
    row_03_stops.stop_pool(trial, _others(trial))


def broker_killed(trial: Trial) -> None:
    """the broker killed with -9, and started again."""
    trial.outcome.kills += 1
    trial.world.broker.kill()
    trial.world.broker.start()


def broker_hung(trial: Trial) -> None:
    """the broker hung."""
    trial.world.signal_broker(signal.SIGSTOP)
    time.sleep(trial.dose.outage)
    trial.world.signal_broker(signal.SIGCONT)


def broker_cut(trial: Trial) -> None:
    """the network to the broker cut for a second."""
    row_09_network.cut(trial, trial.world.broker_proxy)


def postgresql_cut(trial: Trial) -> None:
    """the network to PostgreSQL cut for a second."""
    row_09_network.cut(trial, trial.world.postgres_proxy)


def commits_lost(trial: Trial) -> None:
    """replies of COMMIT lost."""
    row_09_network.replies_lost(trial, trial.world.postgres_proxy)


def poisoned(trial: Trial) -> None:
    """poison on every shard."""
    redis: Any = trial.world.redis
    bodies = poison.bodies(f"{trial.accepted_folder.name}-{len(trial.refused)}")
    for place, body in enumerate(bodies):
        redis.xadd(streams.stream(place % trial.world.settings.shards), {streams.FIELD: body})
    trial.refused += bodies


FAULTS: Final[tuple[Fault, ...]] = (
    a_pool_process_killed,
    a_pool_process_killed,
    a_worker_killed,
    a_worker_restarted,
    a_pool_stopped,
    broker_killed,
    broker_hung,
    broker_cut,
    postgresql_cut,
    commits_lost,
    poisoned,
    row_10_postgresql.postmaster_killed,
    row_10_postgresql.backends_terminated,
    row_10_postgresql.server_stopped,
    row_10_postgresql.table_locked,
    row_10_postgresql.deadlock,
    row_10_postgresql.restarted,
)


def _others(trial: Trial) -> list[int]:
    """Pool processes of all workers but the first, whose memory is looked at."""
    return [pid for worker in trial.world.workers[1:] for pid in trial.world.children(worker)]


def _memory(trial: Trial) -> int:
    return sum(usage.of_tree(trial.world.workers[0].pid))


def _note_slope(trial: Trial, taken: list[tuple[float, int]]) -> None:
    """How its memory grows, by the line through what it took, once it was warm."""
    times, sizes = zip(*taken, strict=True)
    slope = linear_regression(times, sizes).slope * 60 / 2**20 if len(taken) > 1 else 0.0
    seconds, size = times[-1] - times[0], sizes[-1] / 2**20
    trial.note(
        f"a worker that nobody killed took {size:.0f} MB; in {seconds:.0f} s it grew by {slope:+.2f} MB a minute"
    )


ROW: Final = Row(
    number=17,
    title="soak: a random mixture of rows 2 to 12",
    run=run,
    sample=Dose(faults=1, pause=0.1, outage=1, rate=250),
    long=Dose(faults=50, pause=0.5, outage=2),
    plan=Plan(workers=3, proxied=True),
)
