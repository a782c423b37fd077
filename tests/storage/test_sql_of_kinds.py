"""The SQL of each kind of records can be read in `docs/sql`: this test writes it, and fails if it had to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from flowledger.storage.engines.statements import statement_of
from flowledger.storage.kinds import KINDS, transaction_of
from flowledger.storage.kinds.kind import Kind
from tests.builders import parsed

FOLDER: Final = Path(__file__).parents[2] / "docs" / "sql"
_BREAKS: Final = re.compile(r" (?=INSERT INTO|SELECT |FROM |ON CONFLICT|DO UPDATE|WHERE |RETURNING )|(?<=,) (?=w\d AS)")
_ASSIGNMENTS: Final = re.compile(r", (?=[a-z_]+ = CASE)")
_MEMBERS: Final = re.compile(r", (?='[a-z_]+', CASE)|(?<=jsonb_build_object\()(?=')")
_ALTERNATIVES: Final = re.compile(r" (?=OR (?:excluded|\(\$))")
_LABELS: Final = re.compile(r" AS anon_\d+")


def text_of(kind: Kind) -> str:
    """Return the statements of a kind's events on PostgreSQL, those that are the same told once."""
    types: dict[str, list[str]] = {}
    for model in kind.events:
        statement = statement_of(transaction_of(parsed(model.event_type), 0, "2026-01-31 12:00:00.000000"))
        types.setdefault(statement.sql, []).append(model.event_type)
    head = f"-- How PostgreSQL records the events of the kind {kind.name!r}: one prepared statement a type.\n"
    return head + "".join(f"\n-- {', '.join(names)}\n{_broken(sql)};\n" for sql, names in types.items())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_the_sql_of_a_kind_stands_in_the_docs(kind: Kind) -> None:
    file = FOLDER / f"{kind.name}.sql"
    wanted = text_of(kind)
    found = file.read_text() if file.exists() else ""
    if found != wanted:
        FOLDER.mkdir(exist_ok=True)
        file.write_text(wanted)
    assert found == wanted, f"{file.name} was not what the code makes; it is now: commit it"


def _broken(sql: str) -> str:
    """The statement in lines that can be read, without labels that nobody uses."""
    lines = _BREAKS.sub("\n", _LABELS.sub("", " ".join(sql.split())))
    lines = _ALTERNATIVES.sub("\n   ", _ASSIGNMENTS.sub(",\n    ", lines))
    return _MEMBERS.sub(",\n        ", lines).replace("(,\n", "(\n")
