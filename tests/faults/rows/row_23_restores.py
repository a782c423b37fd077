"""Row 23: a database put back to an earlier state, a second service on the broker, a second broker on the database,
`up` killed and started again: told of at once, and what can still be kept is kept."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import make_url, text

from flowledger.cli.embedded import embedded_valkey_server
from flowledger.cli.schema import migrate
from flowledger.client import Mailbox
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from tests.faults import commands, names
from tests.faults.judge import Others
from tests.faults.ledgers import Ledger, recorded, start_worker
from tests.faults.telling import client_of, event, tell
from tests.faults.trial import Dose, Row, Trial
from tests.faults.ups import Up

_TELL_SECONDS: Final = 60.0
"""At once, for a machine that has much to do: processes must start first."""
_LOST_DATA: Final = "the broker has lost its data"


def run(trial: Trial) -> None:
    """Each of them once, or as often as the dose says."""
    trial.others = Others(strangers=True)
    for _ in range(trial.dose.faults):
        with trial.load(1 if trial.dose.few else 2):
            _second_service(trial)
            if not trial.dose.few:
                _second_broker(trial)
        _restored(trial, postgresql=False)
        if not trial.dose.few:
            _restored(trial, postgresql=True)
            _up_killed(trial)
    trial.judge()


# --- a second service, a second broker


def _second_service(trial: Trial) -> None:
    """The worker of another ledger on this broker: it says so and takes nothing."""
    trial.tell("a second service on the broker")
    with _database(trial) as settings:
        log = trial.world.folder / "logs" / f"{trial.name('second-service')}.log"
        worker = start_worker(trial, settings, log)
        _wait_told(trial, "a second service on the broker", names.TOLD_OF_ANOTHER, log.read_text)
        trial.outcome.faults += 1
        trial.until_recorded()
        worker.stop()
        engine = make_engine(settings)
        stolen = recorded(engine)
        engine.dispose()
    trial.note(f"a second service on the broker recorded {len(stolen)} of its events")
    if stolen:
        trial.shortcoming(f"a second service took {len(stolen)} events (I1);")


@contextlib.contextmanager
def _database(trial: Trial) -> Iterator[Settings]:
    """Settings with a database of its own on the world's server, migrated."""
    name = trial.name("second")
    with trial.world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        url = make_url(trial.world.postgres.url).set(database=name).render_as_string(hide_password=False)
        settings = trial.world.direct.model_copy(update={"database_url": SecretStr(url)})
        migrate(settings)
        try:
            yield settings
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _second_broker(trial: Trial) -> None:
    """A worker that reads another Redis into this database: it says so; events of both stay where somebody has them."""
    trial.tell("a second broker on the database")
    folder = trial.world.folder / trial.name("second-broker")
    accepted = folder / "accepted"
    accepted.mkdir(parents=True)
    with embedded_valkey_server(folder / "valkey") as broker, Mailbox("sb_one", settings=trial.world.direct) as one:
        settings = trial.world.direct.model_copy(update={"redis_url": SecretStr(broker.url)})
        events = [event("task.created", f"task_{folder.name}_{n}") | {"source": "/second"} for n in range(40)]
        told = tell(trial, events, settings, accepted)
        log = trial.world.folder / "logs" / f"{folder.name}.log"
        worker = start_worker(trial, settings, log)
        _wait_told(
            trial,
            "a second broker on the database",
            names.TOLD_OF_ANOTHER,
            lambda: log.read_text() + trial.world.worker_logs(),
        )
        trial.outcome.faults += 1
        with Mailbox("sb_two", settings=trial.world.direct) as two:
            two.send("sb_one", folder.name)
        message = one.receive(_TELL_SECONDS)
        if message is None or message.content != folder.name:
            trial.shortcoming("a message of one broker is not in its inbox (I7);")
        else:
            one.ack(message)
        worker.stop()
        kept = recorded(trial.world.engine) | _waiting(settings)
        lost = set(told) - kept
    if lost:
        trial.shortcoming(f"{len(lost)} events of the second broker are nowhere (I1);")
    if _LOST_DATA in log.read_text() + trial.world.worker_logs():
        trial.shortcoming("the log says that a broker lost its data, and none has (I7);")
    trial.outcome.verdict.lost += len(lost)


def _waiting(settings: Settings) -> set[str]:
    """The ids that still stand in the streams of a broker."""
    redis: Any = client_of(settings)
    bodies = b"".join(repr(redis.xrange(f"ledger:events:{n}")).encode() for n in range(settings.shards))
    redis.close()
    return set(re.findall(r'"id": ?"([^"]+)"', bodies.decode()))


# --- restores


def _restored(trial: Trial, *, postgresql: bool) -> None:
    """Saved, gone on, put back: that is told at once; what is published again is recorded, and its messages arrive."""
    kind = "PostgreSQL" if postgresql else "SQLite"
    trial.tell(f"a database restored: {kind}")
    with Ledger(trial, "restored", postgresql=postgresql) as ledger:
        ledger.start_worker()
        before = _tell_some(ledger, "before")
        ledger.drain()
        ledger.save()
        since = _since(ledger)
        tell(trial, since, ledger.settings, ledger.accepted)
        ledger.drain()
        trial.control("a service that nobody restored tells of nothing", not names.TOLD_OF_RESTORE.search(ledger.log()))
        trial.control("an event that was never published is missed", ledger.missing([*before, "never"]))
        ledger.stop_worker()
        ledger.put_back()
        trial.outcome.faults += 1
        ledger.start_worker()
        after = _tell_some(ledger, "after")
        _wait_told(trial, f"a restored {kind} in the log", names.TOLD_OF_RESTORE, ledger.log)
        if not names.TOLD_OF_RESTORE.search(commands.status(trial, ledger.settings)):
            trial.shortcoming(f"status tells nothing of a restored {kind} (I7);")
        tell(trial, since, ledger.settings, ledger.accepted)
        try:
            ledger.drain()
        except AssertionError:
            trial.shortcoming(f"after a restore of {kind} something stays pending (I4);")
        missing = ledger.missing([*before, *(one["id"] for one in since), *after])
    trial.outcome.verdict.lost += len(missing)
    trial.note(f"a restored {kind}: {len(since)} events published again, {len(missing)} missing afterwards")
    if missing:
        trial.shortcoming(f"{len(missing)} events published again after a restore of {kind} are not recorded (I1);")


def _tell_some(ledger: Ledger, name: str) -> list[str]:
    events = (event("task.created", f"task_{ledger.folder.name}_{name}_{number}") for number in range(40))
    return tell(ledger.trial, events, ledger.settings, ledger.accepted)


def _since(ledger: Ledger) -> list[dict[str, Any]]:
    """Events and messages with ids of their own, which can be published again."""
    name = ledger.folder.name
    sent = {"from_sandbox_id": "sb_one", "to_sandbox_ids": ["sb_two"], "message_type": "command", "content": 1}
    tasks = [event("task.completed", f"task_{name}_since_{n}", output=n) | {"id": f"{name}-t{n}"} for n in range(80)]
    return tasks + [event("message.sent", f"msg_{name}_{n}", **sent) | {"id": f"{name}-m{n}"} for n in range(5)]


# --- up, killed


def _up_killed(trial: Trial) -> None:
    """`up` killed with -9, its children left behind, and started again: one of each runs, and nothing is lost."""
    trial.tell("flowledger up killed with -9, and started again")
    with Up(trial) as up:
        up.start()
        told = tell(trial, [event("task.created", f"task_up_{n}") for n in range(200)], up.settings(), up.accepted)
        first = up.settings()
        up.kill()
        trial.outcome.faults += 1
        trial.outcome.kills += 1
        up.start()
        if up.settings().redis_url != first.redis_url:
            trial.shortcoming("up has another REDIS_URL when it is started again (E2);")
        told += tell(trial, [event("task.created", f"task_again_{n}") for n in range(200)], up.settings(), up.accepted)
        trial.wait(lambda: not up.missing(told), "all events of both times", 60)
        running = up.left_over()
        for what, most in (("valkey-server", 1), ("postgres", 1), ("celery", 2), ("flower", 1)):
            leaders = [words for words in running if what in words]
            if len(leaders) > most:
                trial.shortcoming(f"{len(leaders)} of {what} run after up was killed and started again;")
        up.stop()
        if up.left_over():
            trial.shortcoming(f"left running by up: {up.left_over()[:2]};")


# --- what is told


def _wait_told(trial: Trial, what: str, words: re.Pattern[str], said: Callable[[], str]) -> None:
    """At once, in words; if not, the row has failed, and goes on."""
    try:
        trial.wait(lambda: words.search(said()), f"a word of {what}", _TELL_SECONDS)
    except AssertionError:
        trial.shortcoming(f"nobody tells of {what} (I7);")


ROW: Final = Row(
    number=23,
    title="a database restored; a second service on the broker; a second broker on the database; up killed",
    run=run,
    sample=Dose(faults=1, rate=100, few=True),
    long=Dose(faults=3),
)
