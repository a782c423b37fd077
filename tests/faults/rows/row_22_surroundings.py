"""Row 22: strange surroundings: zones, encodings, old habits of a database, poolers, brokers that forget, URLs.

In each, `flowledger migrate` and `flowledger worker` make right rows of telling events, or refuse in one clear line;
and what breaks the promise is told.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, make_url, select, text

from flowledger.cli.embedded import embedded_valkey_server
from flowledger.cli.processes import Process
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from tests import rows
from tests.faults import commands
from tests.faults.histories import SOURCE
from tests.faults.ledgers import backlog, start_worker
from tests.faults.odd.entry import text_of
from tests.faults.pooler import PROGRAM, pooled
from tests.faults.surroundings import CASES, SAMPLE, Case
from tests.faults.telling import client_of
from tests.faults.trial import Dose, Row, Trial

_SECONDS: Final = 60.0
_BURIED: Final = b"\xff\x00\\x41'\\ is no event"
_WORDS: Final = 160


@dataclass(frozen=True)
class _Place:
    """A database and a broker as the case has them."""

    trial: Trial
    case: Case
    settings: Settings
    """By the URLs of the case."""
    engine: Engine
    """To look at the rows, whatever the case is."""
    redis: Any


def run(trial: Trial) -> None:
    """The cases one by one, on databases and brokers of their own."""
    for case in SAMPLE if trial.dose.few else CASES:
        if case.pooler and not PROGRAM:
            trial.note(f"{case.name}: not tried, PgBouncer is not installed")
            continue
        trial.tell(case.name)
        trial.outcome.faults += 1
        with _place(trial, case) as place:
            came = _try(place)
        trial.note(f"{case.name}: {came}")
    trial.outcome.verdict.is_given = True


def _try(place: _Place) -> str:
    """What came of a case, in words; a shortcoming if it is neither right nor clearly refused."""
    trial, case = place.trial, place.case
    done = commands.call(trial, "migrate", **commands.urls(place.settings))
    if done.returncode:
        return _refused(place, "migrate", done.stderr)
    log = trial.world.folder / "logs" / f"{trial.name('surroundings')}.log"
    worker = start_worker(trial, place.settings, log)
    try:
        sent = _publish(place)
        _wait_until_done(place, worker)
        if not worker.is_running():
            return _refused(place, "worker", log.read_text(errors="replace"))
        wrong = _wrong(place, sent)
        said = log.read_text(errors="replace") + commands.status(trial, place.settings)
    finally:
        worker.stop()
    trial.outcome.verdict.accepted += len(sent)
    trial.outcome.verdict.recorded += len(sent)
    if wrong:
        trial.shortcoming(f"{case.name}: {wrong[0][:_WORDS]}, and {len(wrong) - 1} more;")
        return "wrong rows"
    _show_that_it_can_fail(place, sent)
    if case.told and case.told not in said:
        trial.shortcoming(f"{case.name}: nobody tells of {case.told} (I7);")
        return "right rows, and nothing is told"
    return f"right rows, and told of {case.told}" if case.told else "right rows"


def _refused(place: _Place, what: str, said: str) -> str:
    """A refusal is one clear line, which names what it refuses."""
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1].strip()[:_WORDS] if lines else "nothing"
    if not lines or "Traceback" in said or (place.case.told and place.case.told not in said):
        place.trial.shortcoming(f"{place.case.name}: {what} ends with {last}: no clear refusal;")
    return f"{what} refuses: {last}"


@contextlib.contextmanager
def _place(trial: Trial, case: Case) -> Iterator[_Place]:
    """Made for the case, and taken away again."""
    name = trial.name("surroundings")
    with contextlib.ExitStack() as stack:
        admin = stack.enter_context(trial.world.engine.connect().execution_options(isolation_level="AUTOCOMMIT"))
        admin.execute(
            text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{case.encoding}' LC_COLLATE 'C' LC_CTYPE 'C'")
        )
        stack.callback(lambda: admin.execute(text(f"DROP DATABASE {name} WITH (FORCE)")))
        for setting, value in case.database.items():
            admin.execute(text(f"ALTER DATABASE {name} SET {setting} TO '{value}'"))
        url = make_url(trial.world.postgres.url).set(database=name)
        direct = url.render_as_string(hide_password=False)
        given = stack.enter_context(pooled(direct, case.pooler)) if case.pooler else direct
        broker = stack.enter_context(embedded_valkey_server(trial.world.folder / name))
        own = trial.world.direct.model_copy(update={"redis_url": SecretStr(broker.url)})
        redis = client_of(own)
        for setting, value in case.broker.items():
            redis.config_set(setting, value)
        settings = own.model_copy(
            update={
                "database_url": SecretStr(_with(given, case.query)),
                "redis_url": SecretStr(_with(broker.url, case.broker_query)),
            }
        )
        engine = create_engine(
            url.set(drivername="postgresql+psycopg2"),
            connect_args={"options": "-c TimeZone=UTC -c client_encoding=UTF8 -c DateStyle=ISO"
                          " -c bytea_output=hex -c extra_float_digits=1 -c search_path=public"},
        )  # fmt: skip
        stack.callback(engine.dispose)
        yield _Place(trial, case, settings, engine, redis)


def _with(url: str, query: str) -> str:
    return url if not query else f"{url}{'&' if '?' in url else '?'}{query}"


def _telling() -> list[bytes]:
    """Events which a zone, an encoding, or an old habit would change on their way in or out."""
    texts = ("東京 \U0001f600 é ß \\ ' \" %s $1 \\101", "x\x00y", "\x80\x9f\u2028", "null", "")
    numbers = [0.1, 1e-7, 1e22, 2**53 + 1, -0.0, 1.7976931348623157e308, 12345678901234567890]
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("task.created", f"task_{place}", {"name": one or "n", "input": {"text": one, "numbers": numbers, one: [None]}})
        for place, one in enumerate(texts)
    ]
    bodies += [("task.completed", f"task_{place}", {"output": one}) for place, one in enumerate((*texts, *numbers))]
    bodies += [("task.logged", "task_東京", {"message": one, "level": "warn"}) for one in texts]
    bodies += [("task.progressed", "task_東京", {"progress": 0.1 + 0.2})]
    times = ("2026-07-01T00:30:00.123456Z", "2026-03-29T02:30:00+02:00", "0001-01-02T00:00:00Z", "9999-12-30T23:59:59Z")
    return [
        text_of(
            {"specversion": "1.0", "id": f"telling-{number}", "source": SOURCE, "type": type_, "subject": subject,
             "time": times[number % len(times)], "data": data}
        ).encode()
        for number, (type_, subject, data) in enumerate(bodies)
    ]  # fmt: skip


def _publish(place: _Place) -> list[bytes]:
    """By a client of Redis's own: what is looked at here is the worker. One entry more can only be buried."""
    sent = _telling()
    for number, body in enumerate([*sent, _BURIED]):
        place.redis.execute_command("XADD", streams.stream(number % place.settings.shards), "*", streams.FIELD, body)
    return sent


def _wait_until_done(place: _Place, worker: Process) -> None:
    """Until nothing is left, the worker has ended, or the time is over."""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and worker.is_running() and backlog(place.redis, place.settings):
        time.sleep(0.05)


def _wrong(place: _Place, sent: list[bytes]) -> list[str]:
    """In words: events that are not in the journal byte for byte, rows that differ from the model's, dead letters."""
    with place.engine.connect() as connection:
        journal = {
            raw.encode("utf-8", "surrogatepass")
            for raw in connection.execute(select(tables.event_texts.c.raw)).scalars()
        }
        letters = [bytes(raw) for raw in connection.execute(select(tables.dead_letters.c.raw)).scalars()]
        wrong = [f"not in the journal: {body[:80]!r}" for body in sent if body not in journal]
        wrong += [f"dead letters {letters!r}"] if letters != [_BURIED] else []
        return wrong + rows.differences(connection)


def _show_that_it_can_fail(place: _Place, sent: list[bytes]) -> None:
    """The control: a time that is an hour off, as a zone would make it, is seen."""
    with place.engine.begin() as connection:
        connection.execute(text("UPDATE tasks SET created_at = created_at + interval '1 hour' WHERE id = 'task_1'"))
    assert _wrong(place, sent), "a time that is an hour off was not seen"


ROW: Final = Row(
    number=22,
    title="strange surroundings: encodings, zones, poolers, commit settings, eviction, options in URLs",
    run=run,
    sample=Dose(faults=1, few=True),
    long=Dose(faults=1),
    starts_workers=False,
)
