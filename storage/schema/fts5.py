"""A full-text index on SQLite: an FTS5 table beside the table of a kind, kept by triggers.

FTS5 knows rows by number. SQLite may renumber the rows of a table whose key is text (VACUUM), so a table of places has
a lasting number for each id. The index holds no texts (`content=''`): to take words out of it, it must be given the old
ones. Its tokenizer `ascii` cuts at spaces alone, because words have no other ASCII character that separates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import DDL, ColumnElement, Table, bindparam, column, event, select, table, text

from flowledger.domain.words import Term

_INDEX: Final = "_search"
_PLACES: Final = "_places"
_PAGES: Final = 200
_NOTHING_LEFT: Final = 2
"""A merge that changes less had nothing to do (https://sqlite.org/fts5.html#the_merge_command)."""
_indexes: Final[set[str]] = set()


def make_index(of: Table, columns: Sequence[str]) -> None:
    """Have an index of these columns of words made with the table, on SQLite; it is dropped with it."""
    _indexes.add(of.name + _INDEX)
    for statement in _statements(of.name, columns):
        event.listen(of, "after_create", _on_sqlite(statement))
    for name in (_INDEX, _PLACES):
        event.listen(of, "after_drop", _on_sqlite(f"DROP TABLE IF EXISTS {of.name}{name}"))


def is_of_index(name: str) -> bool:
    """Return whether a table belongs to an index, by its name."""
    return re.search(f"({_INDEX}(_[a-z]+)?|{_PLACES})$", name) is not None


def matches(of: Table, terms: Sequence[Term]) -> ColumnElement[bool]:
    """Return the condition that a row has all of these words."""
    index, places = table(of.name + _INDEX, column("rowid")), table(of.name + _PLACES, column("place"), column("id"))
    asked = text(f"{index.name} MATCH :asked").bindparams(bindparam("asked", _query(terms), unique=True))
    found = select(places.c.id).join_from(index, places, places.c.place == index.c.rowid).where(asked)
    return of.c.id.in_(found)


def tidy(connection: Any) -> None:
    """Take the words of deleted rows out of all indexes, some pages in a transaction; nothing on PostgreSQL.

    `connection` is sqlite3's. An index keeps them until it merges the parts that hold them.
    """
    for name in sorted(_indexes):
        most, changes = -_PAGES, connection.total_changes - _NOTHING_LEFT
        while connection.total_changes - changes >= _NOTHING_LEFT:
            changes = connection.total_changes
            connection.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('merge', ?)", (most,))
            most = _PAGES


def _on_sqlite(statement: str) -> Any:
    return DDL(statement).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]


def _query(terms: Sequence[Term]) -> str:
    return " AND ".join(f'"{term.word}"{" *" if term.is_beginning else ""}' for term in terms)


def _statements(name: str, columns: Sequence[str]) -> list[str]:
    """Return what makes the index. (A migration's file ends a statement at a semicolon that ends a line.)"""
    index, places, words = name + _INDEX, name + _PLACES, ", ".join(columns)
    old, new = (", ".join(f"{row}.{one}" for one in columns) for row in ("OLD", "NEW"))
    put = f"INSERT INTO {index} (rowid, {words})\n        SELECT place, {new} FROM {places} WHERE id = NEW.id"
    remove = (
        f"INSERT INTO {index} ({index}, rowid, {words})\n"
        f"        SELECT 'delete', place, {old} FROM {places} WHERE id = OLD.id"
    )
    return [
        f"CREATE TABLE {places} (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE)",
        f"CREATE VIRTUAL TABLE {index} USING fts5(\n"
        f"    {words}, content='', columnsize=0, detail=none, tokenize='ascii')",
        f"CREATE TRIGGER {index}_insert AFTER INSERT ON {name} BEGIN\n"
        f"    INSERT INTO {places} (id) VALUES (NEW.id)\n"
        f"    ; {put}\n"
        "    ; END",
        f"CREATE TRIGGER {index}_update AFTER UPDATE OF {words} ON {name}\n"
        f"    WHEN ({old}) IS NOT ({new}) BEGIN\n"
        f"    {remove}\n"
        f"    ; {put}\n"
        "    ; END",
        f"CREATE TRIGGER {index}_delete AFTER DELETE ON {name} BEGIN\n"
        f"    {remove}\n"
        f"    ; DELETE FROM {places} WHERE id = OLD.id\n"
        "    ; END",
    ]
