"""Descriptions: fields that each belong to the last event that carries them (CONTRACT §3).

Nearly always one event carries the whole description, so a row keeps one key, `description_key`, and the exceptions in
`description_keys`, a JSON object of field ▶ key. The owner of a field is its exception, if there is one; else
`description_key` if the field is not null; else nobody. So a field that was cleared is always an exception. Which of
the two columns holds an owner's key depends on the order of arrival, the owner does not: compare `owners`, not the
columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Table, case, func, literal_column
from sqlalchemy.dialects import postgresql

from flowledger.domain import json_text
from flowledger.storage.merge.groups import Bind, Merged

KEY: Final = "description_key"
KEYS: Final = "description_keys"
MASK: Final = "description_mask"
"""The parameter for the fields that an event carries: bit n is set for the field n."""

_NOBODY: Final[ColumnElement[str]] = literal_column("''")
_EMPTY: Final[ColumnElement[str]] = literal_column("'{}'")


class Derived(NamedTuple):
    """A column that is made of a field, and belongs to the field's owner with it; it is null if the field is null."""

    column: str
    field: str
    make: Callable[[Any], Any]

    def value(self, carried: Mapping[str, Any]) -> Any:
        """Return the column's value, of the fields that an event carries."""
        value = carried.get(self.field)
        return None if value is None else self.make(value)


@dataclass(frozen=True, eq=False)
class Description:
    """The fields of a kind's description, in the order of the bits of the mask, and columns that are made of them."""

    fields: tuple[str, ...]
    derived: tuple[Derived, ...] = ()

    @property
    def binds(self) -> Sequence[str]:
        return KEY, MASK, KEYS, *self._columns

    @cached_property
    def _bits(self) -> dict[str, int]:
        return {name: 2**place for place, name in enumerate(self.fields)}

    @property
    def _columns(self) -> tuple[str, ...]:
        return *self.fields, *(one.column for one in self.derived)

    def values(self, key: str, carried: Mapping[str, Any]) -> list[Any]:
        """Return the values of a write, in the order of `binds`; a field whose value is None is cleared.

        `carried` has the fields in the order of the description.
        """
        mask = sum(map(self._bits.__getitem__, carried))
        cleared = {name: key for name, value in carried.items() if value is None}
        keys = json_text.dumps(cleared) if cleared else None
        derived = [one.value(carried) for one in self.derived]
        return [key if mask else "", mask, keys, *map(carried.get, self.fields), *derived]

    def inserted(self, bind: Bind) -> dict[str, ColumnElement[Any]]:
        return {name: bind(name) for name in (KEY, KEYS, *self._columns)}

    def merged(self, table: Table, excluded: Any, bind: Bind, dialect: str) -> Merged:
        key, keys = table.c[KEY], table.c[KEYS]
        offered = excluded[KEY].collate("C") if dialect == "postgresql" else excluded[KEY]
        mask = bind(MASK)
        is_first = key == _NOBODY
        assignments: dict[str, ColumnElement[Any]] = {}
        exceptions: list[ColumnElement[Any]] = []
        for place, name in enumerate(self.fields):
            exception = _member(keys, name, dialect)
            owner = func.coalesce(exception, case((table.c[name].is_not(None), key), else_=_NOBODY))
            carries = mask.op("&")(literal_column(str(2**place))) != literal_column("0")
            win = carries & (offered > owner)
            for column in (name, *(one.column for one in self.derived if one.field == name)):
                assignments[column] = case((win, excluded[column]), else_=table.c[column])
            exceptions += [literal_column(f"'{name}'"), case((win, excluded[KEY]), else_=exception)]
        assignments[KEY] = case((is_first, excluded[KEY]), else_=key)
        assignments[KEYS] = case((is_first, excluded[KEYS]), else_=_object(exceptions, dialect))
        # Whether any field wins is not asked: PostgreSQL sets up each expression for each event, and this is a third.
        return Merged(assignments, mask != literal_column("0"))

    def owner(self, name: str, row: Mapping[Any, Any]) -> str:
        """Return the key of the owner of a field, "" if it has none; `row` has the field and both columns of keys."""
        keys = row[KEYS] or {}
        if isinstance(keys, str):
            keys = json_text.stored(keys)
        exception: str | None = keys.get(name)
        if exception is not None:
            return exception
        owner: str = row[KEY] if row[name] is not None else ""
        return owner

    def owners(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Return the key of the owner of each field that has one."""
        if row[KEYS] is None:
            return {name: row[KEY] for name in self.fields if row[name] is not None}
        return {name: owner for name in self.fields if (owner := self.owner(name, row))}


def _member(keys: ColumnElement[Any], name: str, dialect: str) -> ColumnElement[Any]:
    if dialect == "postgresql":
        return keys.op("->>")(literal_column(f"'{name}'"))
    return func.json_extract(keys, literal_column(f"'$.{name}'"))


def _object(members: Sequence[ColumnElement[Any]], dialect: str) -> ColumnElement[Any]:
    """Return the JSON object of these names and values, without those whose value is null; null if none is left."""
    if dialect == "postgresql":
        whole = func.jsonb_strip_nulls(func.jsonb_build_object(*members))
        return func.nullif(whole, literal_column("'{}'::jsonb"), type_=postgresql.JSONB())
    return func.nullif(func.json_patch(_EMPTY, func.json_object(*members)), _EMPTY)
