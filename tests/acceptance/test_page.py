"""Every name of Flowledger's on the page of the platforms is there."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.main import get_command

import flowledger
from flowledger import errors, lookups, migrations
from flowledger.cli.main import COMMANDS
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.settings import Settings
from flowledger.services import users, vault
from flowledger.storage.async_storage import AsyncStorage
from flowledger.storage.schema.columns import VALUES
from flowledger.storage.tables import metadata
from flowledger.storage.unit_of_work import Storage
from flowledger.storage.views import VIEWS

PAGE: Final = (Path(__file__).parents[2] / "docs" / "platforms.md").read_text()
HEADINGS: Final = (
    "Agent-Flow V2",
    'Workflow engine "Phase 3"',
    "RoundTable",
    "Agent Lightning",
    "AgentWeave visual builder",
)
NAMES: Final[dict[str, Any]] = {
    **{name: getattr(flowledger, name) for name in flowledger.__all__},
    **{name: getattr(lookups, name) for name in lookups.__all__},
    **{name: getattr(users, name) for name in users.__all__},
    **{name: getattr(vault, name) for name in vault.__all__},
    "AsyncStorage": AsyncStorage,
    "Storage": Storage,
    "errors": errors,
    "migrations": migrations,
}
"""The functions and classes that a platform imports."""


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines[2:]]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


OURS: Final = [
    code for heading in HEADINGS for _, *cells in rows(heading) for cell in cells for code in codes(cell)
] + [code for _, cell in rows("The same for all of them") for code in codes(cell)]
WORDS: Final = {
    "….created", "….updated", "….deleted", "….restored", "limit", "offset", "after", "deleted=True",
    "storage.engine.pool.status()", "took_seconds", "run_id", "flowledger.errors", "SELECT … FROM execution_summary",
}  # fmt: skip
"""What stands in code and is no name to look up."""


def test_the_page_has_a_table_for_each_platform() -> None:
    assert all(len(rows(heading)) >= 10 for heading in HEADINGS)
    assert len(set(OURS)) > 150
    assert set(OURS) >= WORDS


@pytest.mark.parametrize("name", sorted(set(OURS) - WORDS))
def test_the_name_is_there(name: str) -> None:
    if name.startswith("flowledger "):
        is_command(*name.split()[1:])
    elif name.isupper():
        assert name in {"DATABASE_URL", *(f"LEDGER_{field.upper()}" for field in Settings.model_fields)}
    elif name.endswith(".*"):
        assert any(type_.startswith(name[:-1]) for type_ in EVENT_TYPES)
    elif name in EVENT_TYPES or name in metadata.tables or name in VIEWS:
        pass
    elif name.partition(".")[0] in metadata.tables:
        table, _, column = name.partition(".")
        assert column in metadata.tables[table].c
    else:
        is_function(name)


def is_command(name: str, *more: str) -> None:
    assert name in COMMANDS
    if more:
        group = import_module(f"flowledger.cli.commands.{name}").app
        assert isinstance(group, typer.Typer)
        assert set(more) <= get_command(group).commands.keys()  # type: ignore[attr-defined]


def is_function(name: str) -> None:
    path, _, arguments = name.partition("(")
    first, *rest = path.split(".")
    owner = found = NAMES[first]
    for part in rest:
        owner, found = found, getattr(found, part)
    for argument in re.findall(r"(\w+)=…", arguments):
        assert argument in {*signature(found).parameters, *owner.filters()}


@pytest.mark.parametrize("row", rows("Statuses"), ids=lambda row: str(row[0]))
def test_the_statuses_are_those_of_the_column(row: list[str]) -> None:
    for name in codes(row[0]):
        table, _, column = name.partition(".")
        assert set(metadata.tables[table].c[column].info[VALUES]) == set(codes(row[1]))
