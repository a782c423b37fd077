"""`docker-compose.yml` as Compose reads it: merged, with the variables of `.env` in their places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "docker-compose.yml"
_VARIABLE: Final = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


class Variable(NamedTuple):
    """A variable of the file, and what stands in its place where it is not set."""

    name: str
    default: str | None


class Service(NamedTuple):
    """A service: what it runs, with which environment, and how its health is checked."""

    command: list[str]
    environment: dict[str, str]
    check: list[str] | None


def variables() -> set[Variable]:
    """Every variable of the file."""
    found = (match for match in _VARIABLE.finditer(FILE.read_text()) if match["name"])
    return {Variable(match["name"], match["rest"] if match["kind"] == "-" else None) for match in found}


def document() -> dict[str, Any]:
    """The file, its anchors merged, its variables as they are."""
    read: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return read


def services(given: Mapping[str, str]) -> dict[str, Service]:
    """The services with these variables; KeyError names a variable that has no default and is not given."""
    return {name: _service(entry, given) for name, entry in document()["services"].items()}


def _service(entry: dict[str, Any], given: Mapping[str, str]) -> Service:
    test = entry.get("healthcheck", {}).get("test")
    check = None
    if test is not None:
        kind, *words = (_filled(word, given) for word in test)
        check = words if kind == "CMD" else ["sh", "-c", *words]
    environment = {name: _filled(str(value), given) for name, value in entry.get("environment", {}).items()}
    return Service([_filled(word, given) for word in entry["command"]], environment, check)


def _filled(text: str, given: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match["name"] is None:
            return "$"
        return given.get(match["name"]) or (match["rest"] if match["kind"] == "-" else given[match["name"]])

    return _VARIABLE.sub(value, text)
