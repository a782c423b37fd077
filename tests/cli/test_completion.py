"""Completion in a shell, by the protocol that the shells' scripts speak."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowledger.cli.main import COMMANDS

COMMAND = Path(sys.executable).parent / "flowledger"
LOADED = """
import sys
from flowledger.cli.main import main
sys.argv = ["flowledger"]
try:
    main()
except SystemExit:
    print("loaded:", {"celery", "redis", "sqlalchemy"} & sys.modules.keys())
"""


def completed(line: str) -> list[str]:
    """What bash is given at the end of this line."""
    words = line.split(" ")
    asked = {"_FLOWLEDGER_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run([COMMAND], env=os.environ | asked, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_all_commands_are_completed() -> None:
    assert sorted(completed("flowledger ")) == sorted(COMMANDS)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("flowledger s", ["schema", "status", "show", "seed"]),
        (
            "flowledger schema execution.c",
            ["execution.created", "execution.checkpointed", "execution.completed", "execution.cancelled"],
        ),
        ("flowledger li", ["list"]),
        ("flowledger dead-letters re", ["replay"]),
        ("flowledger keys ", ["new", "list", "retire", "give"]),
        ("flowledger status --j", ["--json"]),
        ("flowledger dead-letters list --s", ["--source", "--subject", "--since", "--status"]),
        ("flowledger dead-letters list --reason not", ["not_json"]),
        ("flowledger he", ["health"]),
        ("flowledger why task_1 --of no", ["nodes"]),
        ("flowledger list task", ["tasks", "task_logs"]),
        ("flowledger list agents --status ", ["active", "retired"]),
        ("flowledger list tasks --exec", ["--execution-id"]),
        ("flowledger --inst", ["--install-completion"]),
        ("flowledger bogus", []),
    ],
)
def test_commands_options_and_choices_are_completed(line: str, wanted: list[str]) -> None:
    assert completed(line) == wanted


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_what_a_command_does(shell: str) -> None:
    asked = {
        "_FLOWLEDGER_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "flowledger mig",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run([COMMAND], env=os.environ | asked, capture_output=True, text=True, check=True)
    assert "migrate" in done.stdout
    assert "Bring the database to the newest schema" in done.stdout


def test_the_names_of_commands_are_completed_without_loading_one() -> None:
    asked = {"_FLOWLEDGER_COMPLETE": "complete_bash", "COMP_WORDS": "flowledger ", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert "status" in done.stdout
    assert "loaded: set()" in done.stdout


def test_bash_completes_after_the_script_that_is_shown() -> None:
    script = f"""
        PATH={COMMAND.parent}:$PATH
        eval "$(flowledger --show-completion)"
        COMP_WORDS=(flowledger stat) COMP_CWORD=1
        $(complete -p flowledger | sed 's/.*-F //; s/ .*//') flowledger
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("status\n", "")


def test_a_command_whose_extra_is_missing_is_completed_without_an_error() -> None:
    hide = "import sys; sys.modules['sqlalchemy'] = None\n"
    asked = {"_FLOWLEDGER_COMPLETE": "complete_bash", "COMP_WORDS": "flowledger status --", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", hide + LOADED], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
