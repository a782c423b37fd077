"""Row 10: everything that happens to PostgreSQL; no worker is started again, nothing is acknowledged falsely.

Its disk is filled in row 7, where there is a small one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg2

from flowledger.storage.engines.address import APPLICATION_NAME
from tests.faults.servers import stopped
from tests.faults.trial import Dose, Row, Trial
from tests.faults.world import World
from tests.waiting import wait_until

_BACKENDS: Final = f"FROM pg_stat_activity WHERE application_name = '{APPLICATION_NAME}'"


def run(trial: Trial) -> None:
    """Each fault in turn, under load; then away for long."""
    with trial.same_workers(), trial.load():
        for _ in range(trial.dose.faults):
            for fault in QUICK if trial.dose.few else FAULTS:
                trial.pause()
                with trial.fault((fault.__doc__ or "").splitlines()[0].rstrip(".")):
                    fault(trial)
        with trial.fault(f"killed, and away for {trial.dose.outage:g} s"):
            _away(trial)
    trial.judge()
    _tells_each_state_once(trial)


def postmaster_killed(trial: Trial) -> None:
    """postmaster killed with -9, and started again."""
    trial.outcome.kills += 1
    trial.world.kill_postgres()
    trial.world.start_postgres()


def backends_terminated(trial: Trial) -> None:
    """all connections terminated."""
    with _administrator(trial.world) as cursor:
        cursor.execute(f"SELECT pg_terminate_backend(pid) {_BACKENDS}")


def backend_killed(trial: Trial) -> None:
    """a backend killed with -9: PostgreSQL ends all sessions and recovers."""
    with _administrator(trial.world) as cursor:
        cursor.execute(f"SELECT pid {_BACKENDS}")
        trial.outcome.kills += 1
        os.kill(trial.random.choice(cursor.fetchall())[0], signal.SIGKILL)
    trial.wait(lambda: trial.world.recorded() >= 0, "PostgreSQL after its recovery")


def server_stopped(trial: Trial) -> None:
    """postmaster and backends stopped, then continued."""
    with stopped(trial.world.postgres.pid):
        time.sleep(_short(trial))


def table_locked(trial: Trial) -> None:
    """a table locked against everyone."""
    with _administrator(trial.world) as cursor:
        cursor.execute("BEGIN; LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        time.sleep(_short(trial))
        cursor.execute("ROLLBACK")


def connections_used_up(trial: Trial) -> None:
    """max_connections used up by others."""
    taken: list[Any] = []
    with _administrator(trial.world) as cursor:
        cursor.execute(f"SELECT pg_terminate_backend(pid) {_BACKENDS}")
        with contextlib.suppress(psycopg2.OperationalError):
            while True:
                taken.append(psycopg2.connect(trial.world.postgres.url))
        time.sleep(_short(trial))
    for connection in taken:
        connection.close()


def deadlock(trial: Trial) -> None:
    """a deadlock, of which a drain is the victim."""
    with _administrator(trial.world) as ours, _administrator(trial.world) as looking:
        ours.execute("SET deadlock_timeout TO '1h'; BEGIN; LOCK TABLE task_logs IN SHARE MODE")
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'task_logs'::regclass"
        wait_until(lambda: _one(looking, waits), what="a drain that waits for the table")
        ours.execute("LOCK TABLE events IN SHARE MODE; ROLLBACK")


def restarted(trial: Trial) -> None:
    """restarted."""
    trial.world.postgres.stop()
    trial.world.start_postgres()


FAULTS: Final[tuple[Callable[[Trial], None], ...]] = (
    postmaster_killed,
    backends_terminated,
    backend_killed,
    server_stopped,
    table_locked,
    connections_used_up,
    deadlock,
    restarted,
)
QUICK: Final = (table_locked, deadlock)


def _away(trial: Trial) -> None:
    trial.outcome.kills += 1
    trial.world.kill_postgres()
    time.sleep(trial.dose.outage)
    trial.world.start_postgres()


def _short(trial: Trial) -> float:
    return min(trial.dose.outage, 5.0)


def _tells_each_state_once(trial: Trial) -> None:
    """The workers say once that they wait and once that the database is back, however often they try."""
    logs = trial.world.worker_logs()
    waits, back = logs.count("recording waits for the database"), logs.count("the database is back, after")
    assert waits, "the workers did not say that they wait for the database"
    assert back <= waits <= trial.outcome.faults + back, f"{waits} lines say that it is away, {back} that it is back"
    assert "Traceback" not in logs, logs[logs.index("Traceback") :][:2000]
    outages = trial.outcome.faults
    trial.note(f"{outages} outages: {waits} lines of log say that the database is away, {back} that it is back")


@contextlib.contextmanager
def _administrator(world: World) -> Iterator[Any]:
    """A session that is no worker's."""
    connection = psycopg2.connect(world.postgres.url)
    connection.autocommit = True
    try:
        yield connection.cursor()
    finally:
        connection.close()


def _one(cursor: Any, query: str) -> Any:
    cursor.execute(query)
    return cursor.fetchone()[0]


ROW: Final = Row(
    number=10,
    title="PostgreSQL killed, stopped, locked, full of connections, deadlocked, restarted, away",
    run=run,
    sample=Dose(faults=1, rate=250, pause=0.1, outage=0.5, few=True),
    long=Dose(faults=2, pause=1, outage=60),
)
