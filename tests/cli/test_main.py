"""The table of contents of the commands: it says what they say of themselves, and loads none of them."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from flowledger.cli.main import COMMANDS
from tests.cli.calling import Flowledger

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


def test_the_version_is_that_of_the_package(flowledger: Flowledger) -> None:
    assert flowledger("--version").out == f"flowledger {version('flowledger')}\n"


def test_a_typo_is_told(flowledger: Flowledger) -> None:
    ended = flowledger("statsu")
    assert ended.code == 2
    assert "status" in ended.err
