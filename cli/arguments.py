"""What every command refuses of its arguments: text that is not UTF-8, and empty ids and names of files.

Names of files may have any bytes: arguments with the metavar `FILE`, and `--database`, which may name one of SQLite.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter, signature
from typing import Any, Final
from weakref import WeakSet

import typer
from typer.models import ArgumentInfo

_FILE: Final = "FILE"
_DATABASE: Final = "database"
_IDS: Final = ("ID", "WORKSPACE")
"""The metavars of arguments that are ids."""
_TOLD: Final = 100
"""Bytes of a text that a refusal shows."""
_CHECKED: Final[WeakSet[Callable[..., Any]]] = WeakSet()
"""The commands that check their arguments already."""


def check_all(app: typer.Typer) -> None:
    """Have all commands of an app check their arguments (`checked`), once however often this is called."""
    for command in app.registered_commands:
        assert command.callback is not None
        if command.callback not in _CHECKED:
            command.callback = checked(command.callback)
            _CHECKED.add(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            check_all(group.typer_instance)


def checked(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that raises BadParameter, which names the argument, before it does anything."""

    @wraps(command)
    def called(**given: Any) -> Any:
        for name, text in _texts(given):
            if not text or not is_utf8(text):
                _refuse(signature(command, eval_str=True).parameters[name], text)
        return command(**given)

    return called


def is_utf8(text: str) -> bool:
    """Return whether an argument was UTF-8: Python has lone surrogates in the place of other bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str):
                yield name, text


def _refuse(parameter: Parameter, text: str) -> None:
    """Raise BadParameter if the parameter may not have this text, which is empty or not UTF-8."""
    (declared,) = parameter.annotation.__metadata__
    if not text and declared.metavar in (*_IDS, _FILE):
        what = "the name of a file" if declared.metavar == _FILE else "an id"
        raise typer.BadParameter(
            f"{what} is not empty; is the variable empty that holds it?", param_hint=_name(parameter)
        )
    if text and declared.metavar != _FILE and parameter.name != _DATABASE:
        shown = repr(os.fsencode(text)[:_TOLD])
        words = f"this is not UTF-8: {shown}; give the text in UTF-8"
        raise typer.BadParameter(words, param_hint=_name(parameter))


def _name(parameter: Parameter) -> str:
    """Return what a parameter is called on the command line."""
    (declared,) = parameter.annotation.__metadata__
    if isinstance(declared, ArgumentInfo):
        return declared.metavar or parameter.name.upper()
    names = (declared.default, *(declared.param_decls or ()))  # typer takes the first name for a default, and moves it
    option = next((name for name in names if isinstance(name, str) and name.startswith("--")), None)
    return option or f"--{parameter.name.replace('_', '-')}"
