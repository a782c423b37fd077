"""`flowledger health`: yes only if events published now would be recorded, and why not; signs of life of workers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from sqlalchemy import text

from flowledger.cli.embedded import free_port
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.bond import Bond
from flowledger.workers.connections import connect
from flowledger.workers.health.alive import alive
from flowledger.workers.health.life import Life
from flowledger.workers.health.liveness import HUNG_SECONDS, SignFile, signs
from flowledger.workers.health.readiness import Readiness, readiness
from flowledger.workers.pauses import Pause, Pauses
from tests.cli.acl_servers import Server
from tests.cli.calling import Run
from tests.conftest import settings_for
from tests.waiting import wait_until

NOWHERE: Final = "redis://127.0.0.1:{}/0"


@contextmanager
def living(settings: Settings, turns: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """A worker that gives signs of life, as far as others can tell."""
    with Life(settings, "ledger-1@host", turns, 2, "prefork"), closing(connect(settings)) as client:
        if turns():
            wait_until(lambda: bool(alive(client)), 10)
        yield


def reasons(settings: Settings, seconds: float = 5.0) -> list[str]:
    return [reason.what for reason in readiness(settings, seconds).reasons]


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with closing(connect(settings)) as opened:
        yield opened


def test_with_a_living_worker_events_would_be_recorded(settings: Settings, storage: Storage, run: Run) -> None:
    assert reasons(settings) == ["no_worker"]
    with living(settings):
        found: Readiness = readiness(settings)
        assert (found.is_ready, [(one.name, one.processes, one.pool) for one in found.workers]) == (
            True,
            [("ledger-1@host", 2, "prefork")],
        )
        assert run("health").out == "events published now would be recorded; workers: ledger-1@host (2 prefork)\n"
    assert reasons(settings) == ["no_worker"]
    ended = run("health")
    assert (ended.code, "no worker of this ledger is alive" in ended.err) == (1, True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_old_sign_is_none_and_is_forgotten(settings: Settings, client: redis.Redis) -> None:
    told = '{"host": "h", "pid": 1, "processes": 1, "pool": "x"}'
    now, _ = client.time()
    client.hset(streams.WORKERS, mapping={"old": f"{(now - 20) * 1000} {told}", "gone": f"{(now - 90) * 1000} {told}"})
    client.hset(streams.WORKERS, "strange", f"{now * 1000} {{}}")
    with living(settings):
        assert [one.name for one in alive(client)] == ["ledger-1@host"]
        assert set(client.hkeys(streams.WORKERS)) == {b"ledger-1@host", b"old", b"strange"}
        assert 0 < client.pttl(streams.WORKERS) <= 60_000


def test_what_stops_the_recording_is_a_reason(settings: Settings, client: redis.Redis) -> None:
    pauses = Pauses(client)
    with living(settings):
        pauses.pause([2], Pause.of("a test", "jo"))
        (reason,) = readiness(settings).reasons
        assert reason.words.startswith("shard 2 is paused by jo since ")
        assert reason.words.endswith(": a test; go on: flowledger resume")
        pauses.resume([], settings.shards)
        pauses.pause([], Pause.of("a test", "jo"))
        client.set(streams.HOLD, "the disk is full", ex=60)
        assert reasons(settings) == ["paused", "held"]
        pauses.resume([], settings.shards)
        client.delete(streams.HOLD)
        client.hset(streams.ASIDE, "key", "{}")
        found = readiness(settings)
        client.delete(streams.ASIDE)
        assert found.is_ready
        assert "1 sources are set aside" in found.notes[0]


def test_another_ledgers_redis_is_a_reason(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    with living(settings):
        Bond(client, settings, storage).meet()
        assert reasons(settings) == []
        client.set(streams.BROKER, "ledger_of_others 1 mark")
        assert reasons(settings) == ["foreign_broker"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_servers_that_are_away_are_reasons(settings: Settings, run: Run) -> None:
    nowhere = free_port()
    found = run("health", "--json", REDIS_URL=f"redis://:secret-word@127.0.0.1:{nowhere}/0")
    assert (found.code, found.json["ready"], found.json["reasons"][0]["what"]) == (1, False, "redis_away")
    assert "secret-word" not in found.out + found.err
    url = f"postgresql://u:secret-word@127.0.0.1:{nowhere}/d"
    found = run("health", "--json", DATABASE_URL=url)
    assert [one["what"] for one in found.json["reasons"]] == ["no_worker", "database_away"]
    assert "secret-word" not in found.out + found.err


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_that_hangs_is_not_waited_for(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = NOWHERE.format(deaf.getsockname()[1])
        began = time.monotonic()
        found = reasons(settings.model_copy(update={"redis_url": settings_for(redis_url=url).redis_url}), seconds=0.5)
        assert found == ["redis_away"]
        assert time.monotonic() - began < 3


def test_a_database_without_its_schema_is_a_reason(settings: Settings, storage: Storage) -> None:
    with storage.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    assert reasons(settings) == ["no_worker", "not_migrated"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_is_not_there_is_not_made(settings: Settings, tmp_path: Path) -> None:
    url = settings_for(f"sqlite:///{tmp_path / 'typo.db'}").database_url
    assert reasons(settings.model_copy(update={"database_url": url})) == ["no_worker", "not_migrated"]
    assert not (tmp_path / "typo.db").exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_writer_of_a_moment_is_no_reason(settings: Settings, storage: Storage) -> None:
    with storage.writing() as connection:
        connection.execute(text("DELETE FROM events"))
        assert reasons(settings, seconds=0.6) == ["no_worker"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_read_only_database_is_a_reason(settings: Settings, storage: Storage) -> None:
    with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only TO on'))
    assert reasons(settings) == ["no_worker", "database_unfit"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_reader_can_ask_and_is_told_of_full_memory(server: Server, settings: Settings) -> None:
    worker, reader = (server.user(role).settings(settings) for role in ("worker", "reader"))
    with living(worker):
        assert reasons(reader) == []
        server.admin.config_set("maxmemory", "1mb")
        try:
            assert (reasons(reader), reasons(worker)) == (["redis_refuses_writes"], ["redis_refuses_writes"])
        finally:
            server.admin.config_set("maxmemory", "0")
        server.admin.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert reasons(reader) == ["redis_unfit"]
        finally:
            server.admin.config_set("maxmemory-policy", "noeviction")
    log: Any = server.admin.acl_log()
    assert {entry["object"] for entry in log} <= {"eval"}


# --- liveness: no server is asked


@pytest.fixture
def offline(run: Run) -> Run:
    """Runs commands without servers."""

    def without(*arguments: str) -> Any:
        return run(*arguments, REDIS_URL=None, DATABASE_URL=None)

    return without


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestLiveness:
    def test_a_worker_that_turns_lives(self, offline: Run, home: Path) -> None:
        assert offline("health", "--live").code == 1
        file = SignFile(home, "ledger-1@host")
        file.open()
        file.give()
        found = offline("health", "--live", "--json")
        assert (found.code, found.json["live"], found.json["workers"][0]["pid"]) == (0, True, os.getpid())
        assert "ledger-1@host turns" in offline("health", "--live").out
        file.close()
        assert offline("health", "--live").code == 1

    def test_one_that_gives_no_more_signs_hangs(self, offline: Run, home: Path) -> None:
        file = SignFile(home, "ledger-1@host")
        file.open()
        file.give()
        (written,) = (home / "alive").iterdir()
        written.write_text(json.dumps({"name": "ledger-1@host", "at": time.monotonic() - HUNG_SECONDS - 1}))
        found = offline("health", "--live")
        assert found.code == 1
        assert f"ledger-1@host (process {os.getpid()}) hangs" in found.err

    def test_what_a_killed_worker_left_says_nothing(self, offline: Run, home: Path) -> None:
        dead = home / "alive" / f"{socket.gethostname()}-{2**22 + 1}"
        dead.parent.mkdir(parents=True)
        dead.write_text(json.dumps({"name": "ledger-0@host", "at": time.monotonic()}))
        other = home / "alive" / "other-host-1"
        other.write_text("{}")
        assert offline("health", "--live").code == 1
        SignFile(home, "ledger-1@host").open()
        assert not dead.exists()
        assert other.exists()

    @pytest.mark.parametrize("proc", ["/proc", "/nowhere"])
    def test_a_file_whose_number_another_process_has_by_now_says_nothing(
        self, offline: Run, home: Path, proc: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flowledger.workers.health.birth._PROC", Path(proc))
        file = SignFile(home, "ledger-1@host")
        file.open()
        file.give()
        assert [one.name for one in signs(home)] == ["ledger-1@host"]
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as another:
            (written,) = (home / "alive").iterdir()
            left = written.rename(written.with_name(f"{socket.gethostname()}-{another.pid}"))
            assert signs(home) == []
            assert offline("health", "--live").code == 1
            SignFile(home, "ledger-2@host").open()
            assert not left.exists()
            assert another.stdin is not None
            another.stdin.close()

    def test_a_pump_that_does_not_turn_gives_no_sign(self, settings: Settings, home: Path) -> None:
        turning = threading.Event()
        turning.set()
        settings = settings.model_copy(update={"home": home})
        with living(settings, turning.is_set):
            assert [one.hangs for one in signs(home)] == [False]
        assert signs(home) == []
        turning.clear()
        with living(settings, turning.is_set):
            assert signs(home) == []

    def test_signs_need_no_redis(self, settings: Settings, home: Path) -> None:
        url = settings_for(redis_url=NOWHERE.format(free_port())).redis_url
        life = Life(settings.model_copy(update={"home": home, "redis_url": url}), "w", lambda: True, 1, "solo")
        with life:
            wait_until(lambda: bool(signs(home)), 10)

    def test_a_folder_that_cannot_be_written_is_told(
        self, settings: Settings, home: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        home.write_text("a file")
        with Life(settings.model_copy(update={"home": home}), "w", lambda: True, 1, "solo"):
            wait_until(lambda: "set LEDGER_HOME" in caplog.text, 10)


@pytest.mark.parametrize("proc", ["/proc", "/nowhere"])
def test_a_worker_that_ended_and_that_nobody_has_waited_for_says_nothing(
    home: Path, proc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowledger.workers.health.birth._PROC", Path(proc))
    code = (
        "import sys, pathlib; from flowledger.workers.health.liveness import SignFile; "
        "file = SignFile(pathlib.Path(sys.argv[1]), 'w'); file.open(); file.give()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(home)]) as worker:
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        assert len([*(home / "alive").iterdir()]) == 1
        assert signs(home) == []


def test_workers_of_a_host_whose_name_has_dots_write_files_of_their_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "a.example.com")
    file = SignFile(home, "ledger-1@host")
    file.open()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: None)
        file.give()
    assert [one.name for one in (home / "alive").iterdir()] == [f"a.example.com-{os.getpid()}.new"]
    assert signs(home) == []
    file.give()
    assert [one.pid for one in signs(home)] == [os.getpid()]
    file.close()
    assert [*(home / "alive").iterdir()] == []
