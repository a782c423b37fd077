"""The table of contents of the commands: it says what they say of themselves, and loads none of them."""

from __future__ import annotations

import gc
import subprocess
import sys
from importlib.metadata import version

import pytest

from flowledger.cli.main import COMMANDS
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Flowledger, Run
from tests.storage.recording import record


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


HELP = """
import sys
from flowledger.cli.main import main
sys.argv = ["flowledger", "-h"]
try:
    main()
except SystemExit:
    print("loaded:", {"celery", "redis", "sqlalchemy", "pydantic"} & sys.modules.keys())
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_begins_with_what_the_table_says(flowledger: Flowledger, name: str) -> None:
    told = " ".join(flowledger(name, "--help").out.split())
    assert COMMANDS[name].rstrip(".") in told


def test_help_lists_all_and_loads_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert "loaded: set()" in done.stdout


LOADED = """
import sys
from flowledger.cli.main import main
sys.argv = ["flowledger", *sys.argv[1:]]
try:
    main()
finally:
    print("loaded:", sorted({"alembic", "celery", "kombu", "redis"} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    ("command", "loaded"), [(("status",), ["redis"]), (("show", "t"), []), (("list", "tasks"), [])]
)
def test_commands_that_people_wait_for_load_little(
    run: Run, storage: Storage, command: tuple[str, ...], loaded: list[str]
) -> None:
    record(storage, raw("task.created", subject="t"))
    assert run(*command).code == 0
    done = subprocess.run([sys.executable, "-c", LOADED, *command], capture_output=True, text=True, check=True)
    assert f"loaded: {loaded}" in done.stdout


def test_the_collector_rests_while_modules_are_loaded_and_works_again_after(flowledger: Flowledger) -> None:
    for arguments in (("--version",), ("bogus",), ("status", "--help")):
        flowledger(*arguments)
        assert gc.isenabled()


def test_the_version_is_that_of_the_package(flowledger: Flowledger) -> None:
    assert flowledger("--version").out == f"flowledger {version('flowledger')}\n"


def test_a_typo_is_told(flowledger: Flowledger) -> None:
    ended = flowledger("statsu")
    assert ended.code == 2
    assert "status" in ended.err
