"""Row 16: messages forged, tampered and replayed; a worker with the rights of a worker alone; Flower's door; and
secrets, which must be found nowhere."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg2
from sqlalchemy import select

from flowledger.cli import processes
from flowledger.cli.acl import Role, rules
from flowledger.cli.embedded import free_port
from flowledger.cli.processes import Process
from flowledger.domain.envelope import parse
from flowledger.storage import tables
from flowledger.storage.ledger.journal import JournalRepository
from tests.faults.forging import CANARY_FORMS, REPLAY_SECONDS, Forger, make_keys
from tests.faults.servers import Plan
from tests.faults.trial import Dose, Row, Trial
from tests.faults.world import World

_PASSWORDS: Final = {"postgresql": "canary-5d41402abc", "redis": "canary-7d793037a0", "flower": "canary-e4da3b7fbb"}
_SECRETS: Final = {f"the password of {name}": password for name, password in _PASSWORDS.items()} | CANARY_FORMS
_ROLE: Final = "ledger_worker"
_DDL: Final = (
    "CREATE TABLE stolen (id text)",
    "DROP TABLE tasks",
    "ALTER TABLE tasks ADD COLUMN stolen text",
    "TRUNCATE events",
    "DELETE FROM events",
    "CREATE ROLE thief",
    "CREATE INDEX stolen ON tasks (name)",
)
_ATTACKS: Final = 4
"""Rounds of forgeries in each load."""
_PAGES: Final = ("/", "/workers", "/tasks", "/broker", "/api/workers?refresh=1", "/api/tasks", "/metrics")


def run(trial: Trial) -> None:
    """A worker that requires signatures, under canary names, passwords and keys, through good times and bad, while some
    speak as others; then everything is looked through."""
    world = trial.world
    _make_users(trial)
    world.kill_workers()
    keys = make_keys(world.folder / "keys.json")
    environment = _environment(trial, keys.path)
    world.add_worker(**environment)
    flower, port = start_flower(world, environment)
    forger = Forger(world.settings, world.redis, keys, trial.accepted_folder, trial.random)
    with world.supervised() as last_lines:  # kombu 5.7 can end a worker that loses its broker while it holds a bell
        for _ in range(trial.dose.faults):
            with trial.load(keys=keys.path), trial.fault("everything away, so that errors are told"):
                for _ in range(_ATTACKS):
                    trial.outcome.faults += forger.attack(lambda raw: _wait_until_recorded(trial, raw))
                trial.until_recorded()
                world.restart_servers()
                _make_redis_user(trial)  # Valkey forgets its users when it is started again
    refused = _ddl_refused(trial)
    pages = _flower_pages(trial, port)
    places = _places(trial, flower) | pages
    looked_for = [(name, secret, place) for name, secret in _SECRETS.items() for place in places]
    found = [f"{name} in {place}" for name, secret, place in looked_for if secret in places[place]]
    assert not found, f"secrets were found: {', '.join(found)}"
    flower.stop()
    trial.refused += forger.refused
    trial.judge()
    _check_reasons(trial, forger.refused)
    world.kill_workers()
    trial.note(f"{len(forger.refused)} forged, tampered and replayed messages: 0 accepted, each with its true reason")
    if last_lines:
        trial.note(f"{len(last_lines)} times the worker ended with its broker, and was started again")
    trial.note(f"{refused} DDL statements refused to the role of a worker; Flower refuses whoever has no password")
    trial.note(f"0 of {len(_PASSWORDS)} passwords and 101 keys in {len(places)} logs, dumps, pages and command lines")


def _wait_until_recorded(trial: Trial, raw: bytes) -> None:
    event = parse(raw)

    def is_recorded() -> bool:
        with trial.world.engine.connect() as connection:
            return JournalRepository(connection).get(event.source, event.id) is not None

    trial.wait(is_recorded, "an honest message in the journal")


def _check_reasons(trial: Trial, refused: Mapping[bytes, str]) -> None:
    """The judge has seen that each is a dead letter, and none of them in the journal."""
    columns = tables.dead_letters.c
    with trial.world.engine.connect() as connection:
        reasons = {bytes(row.raw): row.reason for row in connection.execute(select(columns.raw, columns.reason))}
    told = {raw: (reasons.get(raw, "none"), reason) for raw, reason in refused.items()}
    untrue = [f"{found}, not {true}: {raw[:80]!r}" for raw, (found, true) in told.items() if found != true]
    assert not untrue, f"dead letters with another reason than the true one: {untrue[:5]}"


def _make_users(trial: Trial) -> None:
    """A role that may read and write rows, and a Redis user with a password."""
    names = ", ".join(table.name for table in tables.metadata.sorted_tables)
    connection = psycopg2.connect(trial.world.postgres.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (_ROLE,))
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {_ROLE} LOGIN")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE ON {names} TO {_ROLE}")
        cursor.execute(f"REVOKE UPDATE ON audit_logs FROM {_ROLE}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION ledger_make_partitions TO {_ROLE}")
        cursor.execute(f"GRANT DELETE ON outbox, schedule_changes, schedule_due TO {_ROLE}")
    connection.close()
    _make_redis_user(trial)


def _make_redis_user(trial: Trial) -> None:
    redis: Any = trial.world.redis
    redis.execute_command("ACL", "SETUSER", _ROLE, "on", f">{_PASSWORDS['redis']}", *rules(Role.WORKER))


def _environment(trial: Trial, key_file: Path) -> dict[str, str]:
    postgres = trial.world.postgres.url.replace("postgres@", f"{_ROLE}:{_PASSWORDS['postgresql']}@")
    broker = trial.world.broker.url.replace("redis://", f"redis://{_ROLE}:{_PASSWORDS['redis']}@")
    signatures = {"LEDGER_SIGNATURES": "required", "LEDGER_KEY_FILE": str(key_file)}
    return {"DATABASE_URL": postgres, "REDIS_URL": broker, "LEDGER_REPLAY_SECONDS": str(REPLAY_SECONDS)} | signatures


def _ddl_refused(trial: Trial) -> int:
    connection = psycopg2.connect(trial.world.postgres.url, user=_ROLE)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in _DDL:
            trial.outcome.faults += 1
            try:
                cursor.execute(statement)
            except psycopg2.errors.InsufficientPrivilege:
                continue
            raise AssertionError(f"the role of a worker may do this: {statement}")
    connection.close()
    return len(_DDL)


def start_flower(world: World, environment: dict[str, str]) -> tuple[Process, int]:
    """Flower, as the service starts it, and its port."""
    port = free_port()
    given = processes.flower_environment(world.settings, port, _PASSWORDS["flower"]) | environment
    flower = Process("flower", processes.flower_command(), given, world.folder / "logs" / f"flower-{port}.log")
    flower.start()
    world.keep(flower)
    return flower, port


def _flower_pages(trial: Trial, port: int) -> dict[str, str]:
    """What Flower shows to whoever knows the password; nobody else sees anything."""
    url = f"http://127.0.0.1:{port}"
    trial.wait(lambda: status_of(f"{url}/"), "an answer of Flower")
    for page in _PAGES:
        trial.outcome.faults += 2
        for password in (None, "wrong"):
            status = status_of(url + page, password)
            assert status == 401, f"Flower answers {status} to {password or 'no password'} at {page}"
    return {f"Flower's {page}": _get(url + page, _PASSWORDS["flower"])[1] for page in _PAGES}


def status_of(url: str, password: str | None = None) -> int:
    """What Flower answers."""
    return _get(url, password)[0]


def _get(url: str, password: str | None = None) -> tuple[int, str]:
    request = urllib.request.Request(url)
    if password is not None:
        token = base64.b64encode(f"flowledger:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")


def _places(trial: Trial, flower: Process) -> dict[str, str]:
    """Everything that a person, or a thief, could look through."""
    world = trial.world
    places = {path.name: path.read_text(errors="replace") for path in (world.folder / "logs").iterdir()}
    places["PostgreSQL's log"] = (world.postgres.folder / "log").read_text(errors="replace")
    places["Valkey's log"] = world.broker.log.read_text(errors="replace")
    redis: Any = world.redis
    places["Redis"] = "".join(repr(redis.dump(key)) for key in redis.scan_iter())
    places["Redis's clients"] = repr(redis.client_list())
    with world.engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            places[f"table {table.name}"] = repr(connection.execute(select(table)).all())
    pids = [flower.pid, *world.pids()]
    trees = [one for pid in pids for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]
    places["command lines"] = repr([one.cmdline() for one in trees])
    return places


ROW: Final = Row(
    number=16,
    title="messages forged, tampered, replayed; a worker's role tries DDL; Flower without password; canary secrets",
    run=run,
    sample=Dose(faults=1, rate=200),
    long=Dose(faults=5),
    plan=Plan(workers=1),
)
