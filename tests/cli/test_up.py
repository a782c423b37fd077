"""`flowledger up` as a person uses it: start, publish, stop; start twice; kill -9 and start again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, make_url

from tests.builders import raw
from tests.rows import differences, rows
from tests.waiting import wait_until

COMMAND = [sys.executable, "-m", "cli.main"]


class Up:
    """A running `flowledger up` and the commands beside it, which are given no URLs: they find its servers."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        self.environment["LEDGER_HOME"] = str(home)
        self.arguments = arguments
        self.log = home.parent / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, instead_of: dict[str, str] | None = None) -> None:
        """Starts and waits until all is up; `instead_of` is the state that one that was killed has left."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "up", *self.arguments], env=self.environment, stdout=log, stderr=log
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
            [*COMMAND, *arguments], env=self.environment, input=input, capture_output=True, check=False
        )

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

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


def test_publish_wait_show_stop_and_start_again(up: Up) -> None:
    up.start()
    assert up.run("publish", "-", input=history(20)).returncode == 0
    assert up.run("wait", "--timeout", "30").returncode == 0
    status = json.loads(up.run("status", "--json").stdout)
    assert status["totals"] == {"recorded": 80}
    assert list(status["workers"].values()) == [os.cpu_count()]
    assert up.stop() == 0
    assert up.left_over() == []
    up.start()
    assert b"completed" in up.run("show", "t7").stdout, "what was recorded is kept"


@pytest.mark.parametrize("up", ["sqlite"], indirect=True)
def test_flower_is_for_its_password_alone_and_a_second_up_is_refused(up: Up) -> None:
    up.start()
    _check_flower(up)
    second = up.run("up", *up.arguments)
    assert second.returncode == 1
    assert b"a service runs in" in second.stderr
    assert up.run("wait", "--timeout", "10").returncode == 0, "the first is as it was"


def _check_flower(up: Up) -> None:
    url = up.state()["flower_url"]
    assert url.startswith("http://127.0.0.1:")

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


def test_kill_9_of_everything_in_the_middle_of_a_file_and_a_restart(up: Up) -> None:
    """Shows 4: the rows are the merge rule's, and whoever starts again need clean nothing up."""
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
