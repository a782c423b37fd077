"""`flowledger keys …`: keys are made, listed, handed on and retired; and what happens where there are none."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from flowledger.cli import processes
from flowledger.cli.processes import Process
from flowledger.domain import streams
from flowledger.domain.envelope import parse
from flowledger.domain.key_file import KeyFile, read_keys
from flowledger.domain.settings import Settings
from flowledger.domain.signatures import check
from tests.cli.calling import Flowledger
from tests.documented import block
from tests.signing import SECRETS, key_file
from tests.waiting import wait_until

LEDGER = "/flowledger"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "keys.json"
    monkeypatch.setenv("LEDGER_KEY_FILE", str(file))
    return file


def secrets(path: Path) -> list[str]:
    """All secrets of a file, in the forms in which they might show."""
    found = [key.get_secret_value() for keys in read_keys(path).keys.values() for key in keys.values()]
    return [form for secret in found for form in (base64.b64encode(secret).decode(), secret.hex(), repr(secret))]


def test_the_file_is_made_with_a_key_for_the_ledger_too(flowledger: Flowledger, path: Path) -> None:
    ended = flowledger("keys", "new", "sb_1", "sb 2\x1b[1m")
    keys = read_keys(path).keys
    assert ended.code == 0
    assert [line.partition(": made ")[0] for line in ended.out.splitlines()] == [LEDGER, "sb_1", "sb 2\\x1b[1m"]
    assert {name: len(ids) for name, ids in keys.items()} == {LEDGER: 1, "sb_1": 1, "sb 2\x1b[1m": 1}
    assert path.stat().st_mode & 0o777 == 0o600
    again = flowledger("keys", "new", "--json", "sb_1").json
    assert list(read_keys(path).keys["sb_1"])[-1] == again["made"]["sb_1"], "the newest is the one to sign with"
    assert (again["file"], list(again["made"])) == (str(path), ["sb_1"])


def test_names_and_ids_are_listed_and_no_secrets(flowledger: Flowledger, path: Path) -> None:
    flowledger("keys", "new", "sb_1", "sb_2")
    flowledger("keys", "new", "sb_1")
    plain, as_json = flowledger("keys", "list"), flowledger("keys", "list", "--json")
    ids = {name: list(keys) for name, keys in read_keys(path).keys.items()}
    assert as_json.json == {"file": str(path), "keys": ids}
    assert all(key_id in plain.out for of_name in ids.values() for key_id in of_name)
    for secret in secrets(path):
        assert secret not in plain.out + plain.err + as_json.out + as_json.err


def test_a_retired_key_is_gone(flowledger: Flowledger, path: Path) -> None:
    flowledger("keys", "new", "sb_1")
    flowledger("keys", "new", "sb_1")
    old, newest = read_keys(path).keys["sb_1"]
    assert flowledger("keys", "retire", "sb_1", old).out == f"sb_1: retired {old}; left: {newest}\n"
    assert list(read_keys(path).keys["sb_1"]) == [newest]
    ended = flowledger("keys", "retire", "sb_1", newest, "--json")
    assert ended.json == {"file": str(path), "name": "sb_1", "retired": newest, "left": []}
    assert list(read_keys(path).keys) == [LEDGER]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("retire", "sb_9", "k1"), "'sb_9' has no keys"),
        (("retire", "sb_1", "k9"), "'sb_1' has no key 'k9'"),
        (("retire", LEDGER, "k1"), "workers sign with it: make another first"),
        (("give", "sb_9", "out.json"), "'sb_9' has no keys"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    flowledger: Flowledger, path: Path, arguments: tuple[str, ...], words: str
) -> None:
    key_file(path)
    before = path.read_bytes()
    ended = flowledger("keys", *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
    assert path.read_bytes() == before


def test_an_agent_is_given_its_own_keys_alone(flowledger: Flowledger, path: Path, tmp_path: Path) -> None:
    flowledger("keys", "new", "sb_1", "sb_2")
    given = tmp_path / "agent.json"
    assert flowledger("keys", "give", "sb_1", str(given)).out == f"{given}: the keys of sb_1, and no others\n"
    assert read_keys(given).keys == {"sb_1": read_keys(path).keys["sb_1"]}
    assert given.stat().st_mode & 0o777 == 0o600
    flowledger("keys", "new", "sb_1")
    assert flowledger("keys", "give", "--json", "sb_1", str(given)).json["keys"] == list(
        read_keys(path).keys["sb_1"]
    ), "its own file is renewed"


def test_no_other_file_is_written_over(flowledger: Flowledger, path: Path, tmp_path: Path) -> None:
    flowledger("keys", "new", "sb_1", "sb_2")
    other = tmp_path / "letter.txt"
    other.write_text("dear")
    other.chmod(0o600)
    agents = tmp_path / "sb_2.json"
    flowledger("keys", "give", "sb_2", str(agents))
    for file in (path, other, agents):
        before = file.read_bytes()
        assert flowledger("keys", "give", "sb_1", str(file)).code == 1
        assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["", "x" * 513, "a\udcff"])
def test_a_name_that_no_sandbox_can_have_is_wrong_use(flowledger: Flowledger, path: Path, name: str) -> None:
    assert flowledger("keys", "new", name).code == 2
    assert not path.exists()


@pytest.mark.parametrize("command", [("new", "sb_1"), ("list",), ("retire", "a", "b"), ("give", "a", "b")])
def test_without_a_key_file_it_is_said_which_setting_is_missing(
    flowledger: Flowledger, command: tuple[str, ...]
) -> None:
    ended = flowledger("keys", *command)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "error: LEDGER_KEY_FILE is not set: it names the file with the keys\n"


def test_the_documentation_s_way_from_a_new_key_to_a_signed_message(
    flowledger: Flowledger, path: Path, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", redis_url)
    flowledger("keys", "new", "sb_planner", "sb_reviewer")
    flowledger("keys", "give", "sb_planner", "planner-keys.json")
    flowledger("keys", "new", "/registrar")
    flowledger("keys", "give", "/registrar", "registrar-keys.json")
    for words in ("with Mailbox(", "SandboxCreated("):
        exec(block("docs/operations.md", "python", words), {})
    with closing(redis.Redis.from_url(redis_url)) as client:
        entries: Any = client.xrange(streams.stream(streams.shard_of("sb_planner", 8)))
    signers = [check(parse(fields[b"event"]), KeyFile(path)) for _, fields in entries]
    assert signers == ["sb_planner", "/registrar"]


# --- workers, and what status says of them


def environment(settings: Settings, **more: str) -> dict[str, str]:
    return processes.worker_environment(settings) | more


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "flowledger.cli.main", "worker"],
        ["-m", "celery", "-A", "flowledger.workers.app", "worker", "--loglevel", "WARNING"],
        ["-m", "flowledger.cli.main", "up"],
    ],
    ids=["flowledger worker", "celery worker", "flowledger up"],
)
def test_no_worker_starts_where_signatures_are_required_and_there_are_no_keys(
    settings: Settings, command: list[str]
) -> None:
    started = subprocess.run(
        [sys.executable, *command],
        env=environment(settings, LEDGER_SIGNATURES="required"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert started.returncode == 1
    assert started.stdout == ""
    *before, line = started.stderr.splitlines()
    assert line == "error: LEDGER_SIGNATURES is required, but LEDGER_KEY_FILE names no file with the keys"
    assert "Traceback" not in "".join(before), "Celery may have said something of its own before"


def test_status_tells_what_the_workers_require(
    flowledger: Flowledger, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the command's own environment says."""
    for name, value in environment(settings).items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    keys = key_file(tmp_path / "keys.json", SECRETS)
    assert flowledger("status", "--json").json["signatures"] is None
    started: list[Process] = []

    def with_workers() -> Any:
        status = flowledger("status", "--json").json
        return status if len(status["workers"]) == len(started) else None

    try:
        for place, more in enumerate(({"LEDGER_SIGNATURES": "required", "LEDGER_KEY_FILE": str(keys)}, {})):
            log = tmp_path / f"worker-{place}.log"
            worker = Process("worker", processes.worker_command(1), environment(settings, **more), log)
            worker.start()
            started.append(worker)
            status = wait_until(with_workers, 30, f"{place + 1} workers in the status")
            assert status["signatures"] == ("mixed" if place else "required")
            assert set(status["workers"].values()) == {1}
        assert "set LEDGER_SIGNATURES alike" in flowledger("status").out
    finally:
        for worker in started:
            worker.kill()
