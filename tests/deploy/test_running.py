"""What an operator starts does its work: every command of `docker-compose.yml`, and every command of the pages.

One deployment serves all of it, in one test: it takes some ten seconds to start. A block of a page that is not run says
why, in a comment before it.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from flowledger.cli.processes import Process
from tests.builders import raw
from tests.deploy.compose import ROOT, document
from tests.deploy.deployment import SERVERS, Deployment, deployed
from tests.deploy.warm import CLIENT
from tests.documented import blocks
from tests.waiting import wait_until

PAGES: Final = (
    "docs/quickstart.md",
    "docs/production.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs" / "concepts").glob("*.md")),
)
PROGRAMS: Final = {"sh": ["sh", "-euc"], "python": ["python", "-c"]}
FORBIDDEN: Final = (
    ("worker", "CREATE TABLE mine (id int)"),
    ("worker", "DELETE FROM events"),
    ("worker", "SELECT * FROM secrets"),
    ("flower", "UPDATE tasks SET status = 'completed'"),
    ("flower", "SELECT * FROM sessions"),
)


@pytest.mark.timeout(300)
def test_what_an_operator_starts_does_its_work(quick_folder: Path, tmp_path: Path, subtests: pytest.Subtests) -> None:
    folder = quick_folder / "deployment"
    folder.mkdir()
    with deployed(folder) as deployment:
        for check in (
            steps_may_run_again,
            an_event_of_a_producer_is_recorded_and_read_by_the_reader,
            roles_of_the_database_may_do_no_more,
            no_password_is_on_a_command_line_or_in_a_log,
        ):
            with subtests.test(check.__name__):
                check(deployment)
        with warm_flowledger(tmp_path / "bin"):
            for page in PAGES:
                with subtests.test(page):
                    run_what_it_shows(page, deployment, tmp_path)
        for check in (flower_shows_the_failed_task_of_the_quickstart, redis_refuses_its_users_nothing):
            with subtests.test(check.__name__):
                check(deployment)
        with subtests.test("each service stops within its grace"):
            stop_each_within_its_grace(deployment)


def steps_may_run_again(deployment: Deployment) -> None:
    for name in ("roles", "grants"):
        done = deployment.run(name)
        assert (done.returncode, done.stderr) == (0, ""), name


def an_event_of_a_producer_is_recorded_and_read_by_the_reader(deployment: Deployment) -> None:
    with client(deployment, "producer") as producer:
        producer.xadd("ledger:events:0", {"event": raw("task.failed", subject="task_compose")})
        with pytest.raises(redis.exceptions.NoPermissionError):
            producer.xrange("ledger:events:0")
    query = "SELECT status FROM tasks WHERE id = 'task_compose'"
    wait_until(lambda: read(deployment, query) == "failed", 30, "the task recorded")


def roles_of_the_database_may_do_no_more(deployment: Deployment) -> None:
    for service, statement in FORBIDDEN:
        url = deployment.environment(service)["DATABASE_URL"]
        assert "permission denied" in deployment.run(service, ["psql", "-X", url, "-c", statement]).stderr, statement


def flower_shows_the_failed_task_of_the_quickstart(deployment: Deployment) -> None:
    signed_in = base64.b64encode(f"flowledger:{deployment.passwords['FLOWER_PASSWORD']}".encode()).decode()
    address = f"http://{deployment.places['127.0.0.1:5555']}/ledger/executions/exec_quickstart"
    request = urllib.request.Request(address, headers={"Authorization": f"Basic {signed_in}"})
    with urllib.request.urlopen(request, timeout=30) as page:
        shown = page.read().decode()
    assert "task_quickstart" in shown
    assert "FileNotFoundError" in shown


def redis_refuses_its_users_nothing(deployment: Deployment) -> None:
    with client(deployment, "admin") as admin:
        wanted = {f"flowledger-{name}" for name in SERVERS}
        wait_until(lambda: wanted <= {one["user"] for one in admin.client_list()}, 30, "a connection of each user")
        log: Any = admin.acl_log()
        refused = [entry["object"] for entry in log if entry["username"] in wanted]
        assert set(refused) <= {"config|get"}, "it shows passwords, so no role may use it"
    with client(deployment, "default") as nobody, pytest.raises(redis.AuthenticationError):
        nobody.ping()


def no_password_is_on_a_command_line_or_in_a_log(deployment: Deployment) -> None:
    lines = deployment.command_lines()
    logs = deployment.logs() + (deployment.folder / "postgresql" / "log").read_text()
    for name, password in deployment.passwords.items():
        assert password not in lines, name
        assert password not in logs, name


@contextmanager
def warm_flowledger(folder: Path) -> Iterator[None]:
    """A program `flowledger` in a new folder; see `tests.deploy.warm`."""
    folder.mkdir()
    (folder / "flowledger").write_text(CLIENT.format(python=sys.executable, socket=str(folder / "socket")))
    (folder / "flowledger").chmod(0o700)
    server = Process(
        "warm",
        [sys.executable, "-m", "tests.deploy.warm", str(folder / "socket")],
        os.environ,
        folder / "log",
        folder=ROOT,
    )
    server.start()
    try:
        wait_until((folder / "socket").exists, 30, "the warm flowledger")
        yield
    finally:
        server.stop()


def run_what_it_shows(page: str, deployment: Deployment, folder: Path) -> None:
    environment = {"COLUMNS": "100", "HOME": str(folder), "LANG": "C.UTF-8"}
    for service in ("grants", "worker"):  # PostgreSQL's variables are the owner's, the URLs the worker's
        environment |= deployment.environment(service)
    environment["PATH"] = f"{folder / 'bin'}:{environment['PATH']}"
    run = [block for block in blocks(page) if block.language in PROGRAMS and block.not_run is None]
    assert run
    for block in run:
        program = [*PROGRAMS[block.language], block.text]
        program[0] = shutil.which(program[0], path=environment["PATH"]) or program[0]
        ended = subprocess.run(
            program, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, f"{block.text}\n{ended.stdout}{ended.stderr}"


def stop_each_within_its_grace(deployment: Deployment) -> None:
    for name in ("flower", "beat", "worker"):
        grace = float(document()["services"][name]["stop_grace_period"].removesuffix("s"))
        begun = time.monotonic()
        deployment.processes[name].terminate()
        deployment.processes[name].wait(grace)
        assert time.monotonic() - begun < grace, name


def client(deployment: Deployment, role: str) -> redis.Redis:
    user = role if role in ("admin", "default") else f"flowledger-{role}"
    password = deployment.passwords.get(f"REDIS_{role.upper()}_PASSWORD", "")
    host, _, port = deployment.places["valkey:6379"].partition(":")
    return redis.Redis(host, int(port), username=user, password=password, decode_responses=True)


def read(deployment: Deployment, query: str) -> str:
    url = deployment.environment("flower")["DATABASE_URL"]
    return deployment.run("flower", ["psql", "-XAtc", query, url]).stdout.strip()
