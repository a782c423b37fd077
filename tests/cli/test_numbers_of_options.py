"""Numbers of options, whatever they are: wrong use is 2, and no number ends in a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from flowledger.cli.main import COMMANDS, Commands
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Flowledger, Run
from tests.storage.recording import record

NO_NUMBERS: Final = ("nan", "inf", "-inf", "1e400", "-1", "x", "", "9" * 5_000)
"""What no option takes, except that `wait` waits for ever."""
ODD: Final = ("0", "1e300", "1" + "0" * 30, str(2**63), str(2**31), str(2**31 - 1), "1.5")
NUMBERS: Final = {
    "import /dev/null": ("--processes",),
    "wait": ("--timeout",),
    "health": ("--timeout",),
    "pause": ("--shard",),
    "resume": ("--shard",),
    "show t": ("--limit", "--tail"),
    "why t": ("--limit",),
    "list tasks": ("--limit", "--offset"),
    "verify": ("--most",),
    "gaps": ("--from", "--most"),
    "dead-letters list": ("--limit",),
    "hold list": ("--limit",),
    "vault list": ("--limit",),
    "vault key": ("--use", "--retire"),
    "users sessions u": ("--limit",),
    "worker": ("--concurrency",),
}
"""The options that take a number, by a command that is whole without them."""
_STARTS: Final = ("worker",)
"""What would start processes is called with what it refuses alone."""
CASES: Final = [(command, option) for command, options in NUMBERS.items() for option in options]


def options_of(command: Any, *path: str) -> Iterator[tuple[str, str]]:
    """The options of a command, and of those below it, that take a number."""
    for name, one in getattr(command, "commands", {}).items():
        yield from options_of(one, *path, name)
    for parameter in command.params:
        kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
        if kind in (int, float, list[int], list[float]):
            yield " ".join(path), parameter.opts[0]


def test_all_options_that_take_a_number_are_here() -> None:
    commands, context = Commands(), SimpleNamespace(resilient_parsing=False)
    found = {pair for name in COMMANDS for pair in options_of(commands.get_command(context, name), name)}
    assert len(found) == len(CASES)
    assert all(any(command.startswith(name) for name, one in found if one == option) for command, option in CASES)


@pytest.fixture
def recorded(storage: Storage) -> Storage:
    events = [raw("task.created", id=f"e{n}", subject="t", attributes={"sequence": str(n)}) for n in (1, 3, 7)]
    record(storage, *events, raw("task.created", subject="big", attributes={"sequence": "9" * 30}))
    return storage


@pytest.mark.parametrize(("command", "option"), CASES)
def test_what_is_no_number_is_wrong_use(flowledger: Flowledger, command: str, option: str) -> None:
    for number in NO_NUMBERS:
        if (command, number) in (("wait", "inf"), ("wait", "1e400")) or (command, len(number)) == ("wait", 5_000):
            continue
        if command == "vault key" and number == "-1":
            continue
        ended = flowledger(*command.split(), f"{option}={number}")
        assert (ended.code, ended.out) == (2, ""), number[:20]
        assert option in ended.err


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(("command", "option"), [case for case in CASES if case[0] not in _STARTS])
def test_no_number_ends_in_a_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, option: str
) -> None:
    monkeypatch.setenv("LEDGER_VAULT_KEY_FILE", str(tmp_path / "vault.keys"))
    if command == "vault key":
        assert run("vault", "key").code == 0
    for number in (*ODD, "-1", "inf"):
        ended = run(*command.split(), f"{option}={number}")
        assert ended.code in (0, 1, 2), number
        assert "Traceback" not in ended.err


def test_a_worker_is_not_started_with_more_processes_than_any_machine_has(flowledger: Flowledger) -> None:
    assert flowledger("worker", "--concurrency=1001").code == 2


@pytest.mark.parametrize("address", ["nonsense", "", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", ":9500", "a b:1"])
def test_an_address_that_is_none_is_wrong_use(
    flowledger: Flowledger, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/ledger.db")
    ended = flowledger("metrics", f"--listen={address}")
    assert (ended.code, ended.out) == (2, "")
    assert "--listen" in ended.err
    assert "HOST:PORT" in " ".join(ended.err.split())


@pytest.mark.parametrize("host", ["a" * 70, "a..b", "\u00e9" * 70, "192.0.2.1"])
def test_a_host_that_is_not_here_is_told_in_a_line(run: Run, host: str) -> None:
    ended = run("metrics", f"--listen={host}:9500")
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert "cannot be listened on" in ended.err
