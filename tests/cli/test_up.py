"""`flowledger up` as a person uses it: start, publish, stop; start twice; kill -9 and start again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
import redis
from sqlalchemy import create_engine, make_url

from flowledger.cli.embedded import free_port
from tests.builders import raw
from tests.rows import differences, rows
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)
"""A service is a handful of processes, each of which takes its time to start on a machine at work."""

COMMAND = [sys.executable, "-m", "flowledger.cli.main"]
URLS = ("redis_url", "database_url", "flower_url")


class Up:
    """A running `flowledger up` and the commands beside it, which are given no URLs: they find its servers."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        self.environment |= {"LEDGER_HOME": str(home), "COLUMNS": "60"}
        self.arguments = arguments
        self.command = COMMAND
        self.folder = Path.cwd()
        self.log = home.parent / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, instead_of: dict[str, str] | None = None) -> None:
        """Starts and waits until all is up; `instead_of` is the state that one that was killed has left."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "up", *self.arguments], env=self.environment, stdout=log, stderr=log, cwd=self.folder
            )
        wait_until(lambda: self.state() not in ({}, instead_of), 120, f"{self.log} saying that all is up")

    def state(self) -> dict[str, str]:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        with suppress(OSError, ValueError):
            state: dict[str, str] = json.loads((self.home / "servers.json").read_text())
            return state
        return {}

    def run(self, *arguments: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            input=input,
            capture_output=True,
            check=False,
            cwd=self.folder,
        )

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(120)

    def left_over(self) -> list[str]:
        """Processes that have to do with this home."""
        found = []
        for process in psutil.process_iter(["cmdline", "environ", "pid"]):
            words = " ".join(process.info["cmdline"] or [])
            if process.pid != os.getpid() and (
                str(self.home) in words or (process.info["environ"] or {}).get("LEDGER_HOME") == str(self.home)
            ):
                found.append(words)
        return found


@pytest.fixture(params=["postgresql", "sqlite"])
def up(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    arguments = () if request.param == "postgresql" else ("--database", f"sqlite:///{folder}/ledger.db")
    service = Up(folder / "home", *arguments)
    yield service
    if service.process is not None and service.process.poll() is None:
        service.stop()
    assert service.left_over() == []


def history(tasks: int) -> bytes:
    kinds = ("task.created", "task.started", "task.logged", "task.completed")
    return b"\n".join(
        raw(kind, subject=f"t{task}", id=f"{task}/{step}", sequence=str(step))
        for task in range(tasks)
        for step, kind in enumerate(kinds)
    )


@pytest.mark.parametrize("up", ["postgresql"], indirect=True)
def test_publish_wait_show_stop_and_start_again(up: Up) -> None:
    """Flower and Valkey are for those alone who know their passwords, and a second `up` is refused."""
    up.start()
    assert up.run("publish", "-", input=history(20)).returncode == 0
    assert up.run("wait", "--timeout", "30").returncode == 0
    status = json.loads(up.run("status", "--json").stdout)
    assert status["totals"] == {"recorded": 80}
    assert list(status["workers"].values()) == [os.cpu_count()]
    assert status["warnings"] == []
    _check_flower(up)
    _check_valkey(up)
    second = up.run("up", *up.arguments)
    assert second.returncode == 1
    assert b"a service runs in" in second.stderr
    assert up.run("wait", "--timeout", "10").returncode == 0, "the first is as it was"
    before = up.state()
    assert up.stop() == 0
    assert up.left_over() == []
    up.start()
    assert b"completed" in up.run("show", "t7").stdout, "what was recorded is kept"
    after = up.state()
    assert [after[name] for name in URLS] == [before[name] for name in URLS], "and so is where it is"


def _check_flower(up: Up) -> None:
    url = str(up.state()["flower_url"])
    assert url.startswith("http://127.0.0.1:")
    assert url in up.log.read_text().split(), "it can be copied from a narrow terminal"

    def refused() -> int:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0
        return 200

    assert wait_until(refused, 30) == 401
    password = (up.home / "flower-password").read_text()
    assert (up.home / "flower-password").stat().st_mode & 0o077 == 0
    opener = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    opener.add_password(None, url, "flowledger", password)
    with urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(opener)).open(
        url + "workers", timeout=10
    ) as page:
        assert page.status == 200


def _check_valkey(up: Up) -> None:
    """Nobody but the user of this home can use it, or read what it keeps."""
    url = make_url(up.state()["redis_url"])
    assert url.password
    assert url.password not in up.log.read_text()
    assert not any(url.password in words for words in up.left_over())
    with closing(redis.Redis(port=url.port or 0)) as anybody, pytest.raises(redis.AuthenticationError):
        anybody.ping()
    for name in ("valkey", "valkey/valkey.conf", "valkey-password", "servers.json", "logs"):
        assert (up.home / name).stat().st_mode & 0o077 == 0, name
    told = subprocess.run(
        ["sh", "-c", f'eval "$({" ".join(COMMAND)} env)"; echo $REDIS_URL'],
        env=up.environment,
        capture_output=True,
        check=False,
    )
    assert told.stdout.decode().strip() == up.state()["redis_url"]


@pytest.mark.parametrize("up", ["sqlite"], indirect=True)
def test_kill_9_of_up_ends_all_that_it_started_or_started_again_and_nothing_else(up: Up, tmp_path: Path) -> None:
    up.start()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", str(up.home / "valkey")])
    book = next(up.home.glob("processes-*.json"))
    first = json.loads(book.read_text())["worker"]
    os.kill(first[0], signal.SIGKILL)
    wait_until(lambda: json.loads(book.read_text())["worker"] != first, 60, "a worker that was started again")
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    try:
        wait_until(lambda: len(up.left_over()) == 1, 60, "the end of all of its processes")
        up.start(instead_of=json.loads((up.home / "servers.json").read_text()))
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_redis_that_does_not_answer_is_told_at_once(tmp_path: Path) -> None:
    environment = os.environ | {
        "REDIS_URL": f"redis://me:s3cret@127.0.0.1:{free_port()}/0",
        "LEDGER_HOME": str(tmp_path),
    }
    found = subprocess.run([*COMMAND, "up"], env=environment, capture_output=True, timeout=60, check=False)
    assert found.returncode == 1
    assert b"Redis does not answer at redis://127.0.0.1:" in found.stderr
    assert b"s3cret" not in found.stderr + found.stdout
    assert b"is up" not in found.stdout


def _in_a_folder_with_other_modules(up: Up, folder: Path) -> None:
    """Celery looks for `celeryconfig` and `workers` in the current folder first."""
    for name in ("domain", "workers", "storage", "cli"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    (folder / "celeryconfig.py").write_text("raise SystemExit('the wrong one')")
    up.command = [str(Path(sys.executable).parent / "flowledger")]
    up.folder = folder


@pytest.mark.parametrize("up", ["sqlite"], indirect=True)
def test_another_database_does_not_take_what_waits_for_this_one(up: Up) -> None:
    up.start()
    up.stop()
    other = f"sqlite:///{up.home.parent}/other.db"
    refused = up.run("up", "--database", other)
    assert refused.returncode == 1
    assert b"is the broker of another ledger" in refused.stderr
    owner = re.search(rb"adopt --from\s+([0-9a-f]{32})", refused.stderr)
    assert owner is not None
    up.arguments = ("--database", other, "--adopt", owner[1].decode())
    up.start()
    assert up.run("publish", "-", input=history(1)).returncode == 0
    assert up.run("wait", "--timeout", "30").returncode == 0


@pytest.mark.parametrize("up", ["sqlite"], indirect=True)
def test_kill_9_of_everything_in_the_middle_of_a_file_and_a_restart(up: Up, tmp_path: Path) -> None:
    """Shows 4: the rows are the merge rule's, and whoever starts again need clean nothing up.

    Modules in the current folder are not taken for ours.
    """
    _in_a_folder_with_other_modules(up, tmp_path)
    up.start()
    state = json.loads((up.home / "servers.json").read_text())
    publishing = up.run("publish", "-", input=history(500))
    assert publishing.returncode == 0
    for pid in state["processes"]:
        with suppress(ProcessLookupError):
            os.killpg(int(pid), signal.SIGKILL)
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    up.start(instead_of=state)
    assert sum("valkey-server" in words for words in up.left_over()) == 1, "the broker that was left running is stopped"
    assert up.run("wait", "--timeout", "60").returncode == 0
    engine = create_engine(make_url(up.state()["database_url"]).set(drivername=_driver(up.state()["database_url"])))
    with engine.connect() as connection:
        assert differences(connection) == []
        assert len(rows(connection)["tasks"]) == 500
    engine.dispose()


def _driver(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgresql+psycopg2"
