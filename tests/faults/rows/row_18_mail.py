"""Row 18, of the post office: two agents ask and answer each other while workers are killed.

Every request is handed out and answered once, in order; then every delivery is `delivered`, and `verify` is clean.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from flowledger.cli import processes
from flowledger.cli.processes import Process
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.faults.judge import Verdict
from tests.faults.rows.row_02_kills import kill_one, kill_whole
from tests.faults.servers import Plan
from tests.faults.trial import Dose, Row, Trial

_SAMPLE: Final = 150
_LONG: Final = 10_000
"""Requests of each agent."""
_KINDS: Final = ("request", "response")


def run(trial: Trial) -> None:
    """Kills at even distances over the whole exchange."""
    count = _SAMPLE if trial.dose.few else _LONG
    began = time.monotonic()
    with _agents(trial, count) as logs, trial.world.supervised():
        for number in range(trial.dose.faults):
            due = 2 * count * (number + 1) // (trial.dose.faults + 1)
            trial.wait(lambda due=due: len(_handed_out(logs[0])) >= due, f"{due} messages", 300)  # type: ignore[misc]
            trial.tell(f"kill {number + 1} of {trial.dose.faults}, {due:,} messages handed out to each")
            _kill(trial)
        trial.wait(lambda: all(len(_handed_out(log)) >= 2 * count for log in logs), "all answers", 300)
        seconds = time.monotonic() - began
        trial.drain()
        trial.wait(lambda: _is_delivered(trial, 4 * count), "every delivery delivered")
    trial.outcome.verdict = _judge(trial, logs, count)
    trial.note(f"{4 * count:,} messages handed out and acknowledged, {4 * count / seconds:,.0f} a second")


@contextlib.contextmanager
def _agents(trial: Trial, count: int) -> Iterator[list[Path]]:
    """Two agents at work; gives the files in which they write what they were handed out."""
    logs = []
    with contextlib.ExitStack() as stack:
        for name, peer in (("alice", "bob"), ("bob", "alice")):
            log = trial.accepted_folder / name
            log.touch()
            command = [sys.executable, "-m", "tests.faults.agent", "--name", name, "--peer", peer]
            command += ["--count", str(count), "--log", str(log)]
            environment = processes.environment(trial.world.direct)
            agent = Process(name, command, environment, trial.world.folder / "logs" / f"{name}.log")
            stack.callback(agent.stop)
            agent.start()
            logs.append(log)
        yield logs


def _kill(trial: Trial) -> None:
    """A whole worker, or one process of a pool."""
    if trial.outcome.faults % 2:
        kill_one(trial, busiest=1.0)
        return
    trial.outcome.faults += 1
    trial.outcome.kills += 1
    kill_whole(trial, trial.random.choice(trial.world.workers))


def _handed_out(log: Path) -> list[str]:
    return log.read_text().splitlines()


def _is_delivered(trial: Trial, wanted: int) -> bool:
    with trial.world.engine.connect() as connection:
        statuses = tables.message_deliveries.c.status
        found = connection.execute(select(statuses, func.count()).group_by(statuses)).all()
    return [tuple(row) for row in found] == [("delivered", wanted)]


def _judge(trial: Trial, logs: list[Path], count: int) -> Verdict:
    verdict = Verdict(accepted=4 * count, recorded=4 * count, is_given=True)
    for log, kind in itertools.product(logs, _KINDS):
        numbers = [int(line.split()[1]) for line in _handed_out(log) if line.startswith(kind)]
        missing = sorted(set(range(count)) - set(numbers))
        verdict.lost += len(missing)
        verdict.say(f"{kind}s that {log.name} never got", missing, len(missing))
        again = len(numbers) - len(set(numbers))
        verdict.doubled += again
        verdict.say(f"{kind}s that {log.name} got again", sorted(numbers), again)
        late = [number for before, number in itertools.pairwise(numbers) if number < before]
        verdict.say(f"{kind}s that {log.name} got out of order", late, len(late))
    report = verify(Storage(trial.world.engine))
    verdict.say("rows that are not what the journal says", report.first, report.differences)
    return verdict


ROW: Final = Row(
    number=18,
    title="two agents ask and answer each other while workers are killed",
    run=run,
    sample=Dose(faults=2, few=True),
    long=Dose(faults=10),
    plan=Plan(workers=2, processes=2),
)
