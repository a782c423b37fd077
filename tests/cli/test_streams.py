"""Standard input that is closed, and standard output that is closed or fails: one line, whatever the command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Ended
from tests.cli.terminal import COMMAND
from tests.storage.recording import count, record

Shell = Callable[..., Ended]

REPORTS: Final = (
    ("list", "tasks"),
    ("list", "tasks", "--json"),
    ("show", "t1"),
    ("show", "t1", "--json"),
    ("verify",),
    ("verify", "--json"),
    ("dead-letters", "list"),
    ("why", "t1"),
    ("schema", "task.completed"),
    ("acl", "producer", "--password-file", "/dev/stdin"),
    ("tail", "--since", "1h"),
    ("tail", "--since", "1h", "--json"),
    ("--help",),
    ("--version",),
)
"""Commands that write by all the ways that there are."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def shell(settings: Settings, tmp_path: Path) -> Shell:
    """Runs `flowledger …` with a redirection of the shell."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    environment = os.environ | {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "LEDGER_HOME": str(tmp_path / "home"),
        "LEDGER_VAULT_KEY_FILE": str(tmp_path / "vault-keys.json"),
        "COLUMNS": "120",
    }

    def run(redirection: str, *arguments: str) -> Ended:
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, *arguments],
            check=False, env=environment, input="password", capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.mark.parametrize("command", REPORTS, ids=" ".join)
def test_a_report_that_cannot_be_written_is_one_line(shell: Shell, storage: Storage, command: tuple[str, ...]) -> None:
    record(storage, raw("task.created", subject="t1"))
    full = shell(">/dev/full", *command)
    assert full == (1, "", "error: standard output cannot be written: No space left on device\n")
    assert shell(">&-", *command) == (1, "", "error: standard output cannot be written: it is closed\n")


def test_an_import_whose_report_cannot_be_written_has_recorded_its_events(
    shell: Shell, storage: Storage, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    for number, given in enumerate([(">/dev/full",), (">/dev/full", "--json"), (">&-",)], 1):
        file.write_bytes(raw("task.created", id=str(number)))
        redirection, *options = given
        done = shell(redirection, "import", str(file), *options)
        assert (done.code, done.err.count("\n"), count(storage, "events")) == (1, 1, number)
        assert done.err.startswith("error: standard output cannot be written: ")


@pytest.mark.parametrize("command", [("schema", "--all"), ("list", "tasks", "--json"), ("show", "t1"), ("--help",)])
def test_where_nobody_reads_on_no_error_is_told(shell: Shell, storage: Storage, command: tuple[str, ...]) -> None:
    record(storage, raw("task.created", subject="t1"))
    ours, its = os.pipe()
    os.close(ours)
    try:
        environment = os.environ | {"DATABASE_URL": str(storage.engine.url)}
        done = subprocess.run(
            [*COMMAND, *command], env=environment, stdout=its, stderr=subprocess.PIPE, check=False, timeout=60
        )
    finally:
        os.close(its)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("command", [("import", "-"), ("publish", "-")], ids=" ".join)
def test_files_are_refused_before_anything_is_done_if_standard_input_is_one_and_closed(
    shell: Shell, storage: Storage, tmp_path: Path, command: tuple[str, ...]
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(raw("task.created"))
    done = shell("<&-", command[0], str(file), *command[1:])
    assert (done.code, done.out, count(storage, "events")) == (2, "", 0)
    assert done.err.endswith("Error: Invalid value for FILE: standard input is closed: -\n")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("vault", "set", "A"), "the secret cannot be read: standard input is closed"),
        (("acl", "producer", "--password-file", "-"), "the password cannot be read from -: standard input is closed"),
        (("dead-letters", "replay", "x", "--from", "-"), "cannot read -: standard input is closed"),
        (
            ("erase", "t1", "--why", "x"),
            "nobody can be asked here: --yes erases without a question; nothing was erased",
        ),
    ],
    ids=lambda given: " ".join(given[:2]) if isinstance(given, tuple) else "",
)
def test_a_command_that_needs_standard_input_says_that_it_is_closed(
    shell: Shell, storage: Storage, command: tuple[str, ...], told: str
) -> None:
    assert shell("", "vault", "key").code == 0
    assert shell("<&-", *command) == (1, "", f"error: {told}\n")


@pytest.mark.parametrize(
    "command", [("hold", "remove", "subject", "x"), ("dead-letters", "discard", "--all"), ("top",)]
)
def test_a_command_that_may_ask_does_without_if_standard_input_is_closed(
    shell: Shell, storage: Storage, command: tuple[str, ...]
) -> None:
    done = shell("<&-", *command)
    assert done.code in (0, 1)
    assert "Traceback" not in done.err
