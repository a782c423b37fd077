"""What any command says of arguments that are not UTF-8, and of ids and names of files that are empty."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import typer
from typer.models import ArgumentInfo

from flowledger.cli.arguments import check_all
from flowledger.cli.main import COMMANDS
from flowledger.cli.people import who
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Flowledger, Run
from tests.storage.recording import dead_letters

STRANGE: Final = os.fsdecode(b"caf\xe9")
"""An argument in Latin-1, as Python has it."""
_TEXTS: Final = (str, str | None, list[str], list[str] | None)
_OTHERS: Final = {"what": "subject", "role": "agent"}
"""Values of required arguments that are no texts."""


class Given(NamedTuple):
    """A parameter that takes a text: how to call the command with it, and its name and metavar."""

    command: tuple[str, ...]
    name: str
    metavar: str | None
    arguments: Callable[[str], list[str]]


def _functions(name: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    module = importlib.import_module(f"flowledger.cli.commands.{name.replace('-', '_')}")
    if not hasattr(module, "app"):
        yield (name,), module.command
        return
    for info in module.app.registered_commands:
        yield (name, info.name or info.callback.__name__), info.callback


def _option(parameter: Parameter, declared: Any) -> str:
    names = (declared.default, *(declared.param_decls or ()))
    of_its_name = f"--{parameter.name.replace('_', '-')}"
    return next((one for one in names if isinstance(one, str) and one.startswith("--")), of_its_name)


def _given(command: tuple[str, ...], function: Any) -> Iterator[Given]:
    parameters = signature(function, eval_str=True).parameters.values()
    required = [one for one in parameters if one.default is Parameter.empty]
    for parameter in parameters:
        (declared,) = parameter.annotation.__metadata__
        if parameter.annotation.__origin__ not in _TEXTS:
            continue
        name = declared.metavar or parameter.name.upper()
        if not isinstance(declared, ArgumentInfo):
            name = _option(parameter, declared)

        def arguments(text: str, parameter: Parameter = parameter, required: list[Parameter] = required) -> list[str]:
            words: list[str] = []
            for one in [*required, *([] if parameter in required else [parameter])]:
                (told,) = one.annotation.__metadata__
                value = text if one is parameter else _OTHERS.get(one.name, "x")
                words += [value] if isinstance(told, ArgumentInfo) else [_option(one, told), value]
            return words

        yield Given(command, name, declared.metavar, arguments)


ALL: Final = [one for name in COMMANDS for command, function in _functions(name) for one in _given(command, function)]
FILES: Final = [one for one in ALL if one.metavar == "FILE" or one.name == "--database"]
TEXTS: Final = [one for one in ALL if one not in FILES]
IDS: Final = [one for one in ALL if one.metavar in ("ID", "WORKSPACE")]


def _told(one: Given) -> str:
    return " ".join((*one.command, one.name))


@pytest.mark.parametrize("one", TEXTS, ids=_told)
def test_a_text_that_is_not_utf8_is_wrong_use_and_the_argument_is_named(flowledger: Flowledger, one: Given) -> None:
    ended = flowledger(*one.command, *one.arguments(STRANGE))
    assert (ended.code, ended.out) == (2, "")
    told = ended.err.splitlines()[-1]
    assert told == rf"Error: Invalid value for {one.name}: this is not UTF-8: b'caf\xe9'; give the text in UTF-8"


@pytest.mark.parametrize("one", IDS, ids=_told)
def test_an_empty_id_is_wrong_use(flowledger: Flowledger, one: Given) -> None:
    ended = flowledger(*one.command, *one.arguments(""))
    assert (ended.code, ended.out) == (2, "")
    assert f"Invalid value for {one.name}: an id is not empty" in ended.err


@pytest.mark.parametrize("one", [one for one in FILES if one.metavar == "FILE"], ids=_told)
def test_an_empty_name_of_a_file_is_wrong_use(flowledger: Flowledger, one: Given) -> None:
    ended = flowledger(*one.command, *one.arguments(""))
    assert (ended.code, ended.out) == (2, "")
    assert f"Invalid value for {one.name}: the name of a file is not empty" in ended.err


def test_the_walk_finds_all_kinds_of_arguments() -> None:
    found = {_told(one) for one in ALL}
    assert {
        "show ID", "erase ID", "erase --why", "hold add --by", "list --execution-id", "list --search", "vault get NAME",
        "dead-letters replay --set", "users revoke --session", "publish --spool", "tail --type", "members WORKSPACE",
    } <= found  # fmt: skip
    assert {_told(one) for one in FILES} >= {"publish FILE", "import FILE", "acl --password-file", "erase --database"}
    assert {_told(one) for one in IDS} >= {"tail --subject", "acl --sandbox", "list --agent-id", "adopt --from"}


@pytest.mark.parametrize(
    "words", [(STRANGE,), ("list", STRANGE), ("show", f"--{STRANGE}", "x"), ("gaps", "--by", STRANGE)]
)
def test_other_words_that_are_not_utf8_are_wrong_use(flowledger: Flowledger, words: tuple[str, ...]) -> None:
    ended = flowledger(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "Error: " in ended.err.splitlines()[-1]


def test_names_of_files_may_have_any_bytes(run: Run, storage: Storage, tmp_path: Path) -> None:
    file = tmp_path / f"{STRANGE}.jsonl"
    file.write_bytes(raw("task.created", id="1") + b"\n" + raw("task.created", id="1", name="other") + b"\n[]\n")
    published = run("publish", str(file), "--spool", str(tmp_path / f"{STRANGE}.spool"), "--json")
    assert (published.code, published.json["accepted"]) == (1, 2)
    imported = run("import", str(file), "--json")
    assert (imported.code, imported.json["recorded"], imported.json["dead"]) == (1, 1, 1)
    assert len(dead_letters(storage)) == 1
    database = f"sqlite:///{tmp_path / STRANGE}.db"
    assert run("migrate", "--database", database).code == 0
    assert run("list", "tasks", "--database", database).out == "no tasks\n"


def test_a_database_that_is_not_utf8_is_one_line(flowledger: Flowledger) -> None:
    ended = flowledger("migrate", "--database", f"postgresql://{STRANGE}@localhost/x")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "error: DATABASE_URL: it, or PGOPTIONS, is not UTF-8, or has a U+0000\n"


def test_commands_that_check_their_arguments_are_left_as_they_are() -> None:
    app, group = typer.Typer(), typer.Typer()
    app.add_typer(group)
    for one in (app, group):
        one.command("a")(lambda: None)
    check_all(app)
    found = [one.registered_commands[0].callback for one in (app, group)]
    check_all(app)
    assert [one.registered_commands[0].callback for one in (app, group)] == found


def test_a_user_of_the_machine_whose_name_is_not_utf8_acts_nevertheless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", STRANGE)
    assert who(None) == "caf\ufffd"


def test_a_name_of_blanks_is_refused() -> None:
    with pytest.raises(typer.BadParameter):
        who(" ")
