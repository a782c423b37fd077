"""The parts of tables: columns with rules, owners' keys, indexes. Each table is in its kind's file.

Columns that end in `_key` or `_keys` hold the keys of the events that own a part of the row; only `storage.merge` needs
them. Texts that are compared or looked up have the collation "C": the order of code points, the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, MetaData, String, Text, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import CreateDomainType, DropDomainType
from sqlalchemy.types import TypeEngine

from flowledger.domain.statuses import Status
from flowledger.storage.schema.types import Json, Name, UtcTime

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

FIRST_KEY: Final = ""
LAST_KEY: Final = "~"
"""No key is less than the first or greater than the last (keys begin with a digit or a letter)."""

VALUES: Final = "values"
"""The key, in a column's `info`, of the only values that it can have."""

OWNER: Final = "owner"
"""The key, in a column's `info`, of the name of the table whose subject it has, if no foreign key says it."""

_domains: Final[set[str]] = set()


def ruled(column: str, domain: str, base: TypeEngine[Any], rule: str, **options: Any) -> list[Any]:
    """Return a column and the rule that its values obey (`{}` in the rule is the value).

    The rule is a domain on PostgreSQL, a CHECK on SQLite. Measured: PostgreSQL reads a table's CHECKs again for each
    statement, a fifth of the cost of a recorded event; it caches the checks of domains.
    """
    rules = postgresql.DOMAIN(f"ledger_{domain}", base, check=rule.format("VALUE"), create_type=False)
    if domain not in _domains:
        _domains.add(domain)
        event.listen(metadata, "before_create", CreateDomainType(rules).execute_if(dialect="postgresql"))
        event.listen(metadata, "after_drop", DropDomainType(rules).execute_if(dialect="postgresql"))
    return [
        Column(column, base.with_variant(rules, "postgresql"), **options),
        CheckConstraint(rule.format(column), name=column).ddl_if(dialect="sqlite"),
    ]


def one_of(column: str, domain: str, base: TypeEngine[Any], values: Iterable[str], **options: Any) -> list[Any]:
    texts = tuple(str(value) for value in values)
    names = ", ".join(f"'{text}'" for text in texts)
    return ruled(column, domain, base, f"{{}} IN ({names})", info={VALUES: texts}, **options)


def attempt(*, primary_key: bool = False) -> list[Any]:
    default = None if primary_key else "1"
    return ruled(
        "attempt", "attempt", BigInteger(), "{} >= 1", primary_key=primary_key, nullable=False, server_default=default
    )


def status(statuses: type[StrEnum] = Status, domain: str = "status") -> list[Any]:
    """Return a status, which is the first of the enum until one is reported."""
    first = next(iter(statuses)).value
    return one_of("status", domain, String(16), statuses, nullable=False, server_default=first)


def key(name: str, *, least: bool = False) -> Column[str]:
    """Return the column of a group's owner's key; its default, for no owner, loses against every other key."""
    return Column(name, Name, nullable=False, server_default=LAST_KEY if least else FIRST_KEY)


def description_keys() -> list[Column[Any]]:
    """Return the columns of the owners of a description's fields (`storage.merge.description`)."""
    return [key("description_key"), Column("description_keys", Json)]


def subject_times() -> list[Column[Any]]:
    """Return the times of a subject that can be deleted and whose status has no ranks, with their owners' keys."""
    return record_times(Column("status_at", UtcTime), key("status_key"))


def record_times(*of_status: Column[Any]) -> list[Column[Any]]:
    """Return the times of a subject that can be deleted, with their owners' keys; `of_status` are those of a status."""
    return [
        Column("created_at", UtcTime, nullable=False),
        Column("updated_at", UtcTime, nullable=False),
        *of_status,
        Column("deleted_at", UtcTime),
        key("deleted_key"),
        key("updated_at_key"),
        key("created_at_key", least=True),
    ]


def short_name(column: str = "name", **options: Any) -> list[Any]:
    """Return a text of 1 to 255 characters."""
    return ruled(column, "short_name", Text(), "length({}) BETWEEN 1 AND 255", **options)


def indexes(table: str, *columns: str) -> list[Index]:
    """Return an index for each column by which records are listed, newest first, and one for all records."""
    named = [Index(f"ix_{table}_{column}", column, "created_at", "id") for column in columns]
    return [*named, Index(f"ix_{table}_created_at", "created_at", "id")]


def index_where_given(table: str, column: str, *others: str) -> list[Index]:
    """Return an index of the rows in which `column` is not null: the others cost nothing."""
    given = text(f"{column} IS NOT NULL")
    return [Index(f"ix_{table}_{column}", column, *others, postgresql_where=given, sqlite_where=given)]


ROOM_FOR_UPDATES: Final[dict[str, Any]] = {"postgresql_with": {"fillfactor": 85}}
"""For rows that change a few times: with space on their page, PostgreSQL need not update indexes (HOT updates)."""
